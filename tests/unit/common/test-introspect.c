/* test-introspect.c: the XML has what the vtable says, each interface once, and nothing of sd-bus's
 * own interfaces. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/introspect.h"

#include "common/error.h"

#include <string.h>

static int never(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  g_assert_not_reached();
}

static int never_read(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *user_data, sd_bus_error *ret_error) {
  g_assert_not_reached();
}

static const sd_bus_vtable first[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Send", SD_BUS_ARGS("s", to, "a{sv}", options),
                            SD_BUS_RESULT("t", number), never, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Old", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, never,
                            SD_BUS_VTABLE_DEPRECATED | SD_BUS_VTABLE_METHOD_NO_REPLY),
    SD_BUS_PROPERTY("Fixed", "s", never_read, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_WRITABLE_PROPERTY("Level", "u", never_read, NULL, 0, 0),
    SD_BUS_SIGNAL_WITH_ARGS("Gone", SD_BUS_ARGS("o", path), 0),
    SD_BUS_VTABLE_END,
};

static const sd_bus_vtable second[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_SIGNAL_WITH_ARGS("Only", SD_BUS_NO_ARGS, 0),
    SD_BUS_VTABLE_END,
};

static const WgServiceInterface table[] = {
    {"/org/waggle/Test1", "org.waggle.Test1", first},
    {"/org/waggle/Test1/one", "org.waggle.Test1.One", second},
    {"/org/waggle/Test1/two", "org.waggle.Test1.One", second}, /* the same at another path */
    {NULL},
};

static guint count(const char *text, const char *needle) {
  guint n = 0;

  for (; (text = strstr(text, needle)); text += strlen(needle))
    n++;
  return n;
}

static void test_all(void) {
  static const char *const expected[] = {
      "  <method name=\"Send\">\n"
      "   <arg type=\"s\" name=\"to\" direction=\"in\"/>\n"
      "   <arg type=\"a{sv}\" name=\"options\" direction=\"in\"/>\n"
      "   <arg type=\"t\" name=\"number\" direction=\"out\"/>\n",
      "org.freedesktop.DBus.Deprecated",
      "org.freedesktop.DBus.Method.NoReply",
      ("<property name=\"Fixed\" type=\"s\" access=\"read\">\n"
       "   <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" "
       "value=\"const\"/>"),
      "<property name=\"Level\" type=\"u\" access=\"readwrite\">",
      "<signal name=\"Gone\">\n   <arg type=\"o\" name=\"path\"/>",
  };
  g_autoptr(GError) error = NULL;
  g_autofree char *xml = wg_introspect(table, NULL, &error);

  g_assert_no_error(error);
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
    if (!strstr(xml, expected[i]))
      g_error("no '%s' in\n%s", expected[i], xml);
  g_assert_cmpuint(count(xml, "<interface "), ==, 2);
  g_assert_cmpuint(count(xml, "</interface>"), ==, 2);
  g_assert_null(strstr(xml, "\"org.freedesktop.DBus.Peer\""));
  g_assert_true(g_str_has_suffix(xml, "</node>\n"));
}

static void test_one(void) {
  g_autofree char *xml = wg_introspect(table, "org.waggle.Test1.One", NULL);

  g_assert_cmpuint(count(xml, "<interface "), ==, 1);
  g_assert_nonnull(strstr(xml, "<signal name=\"Only\">"));
}

static void test_unknown(void) {
  g_autoptr(GError) error = NULL;

  g_assert_null(wg_introspect(table, "org.waggle.Tset1", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "did you mean org.waggle.Test1 "));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/introspect/all", test_all);
  g_test_add_func("/introspect/one", test_one);
  g_test_add_func("/introspect/unknown", test_unknown);
  return g_test_run();
}
