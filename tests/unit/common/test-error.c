/* test-error.c: every code has one name and comes back from it; texts survive the trip. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/error.h"

#include "common/names.h"

#include <errno.h>

static void test_every_code_has_its_own_name(void) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

  for (guint code = 0; code < _WG_ERROR_MAX; code++) {
    const char *name = wg_error_name(code);

    g_assert_nonnull(name);
    g_assert_true(sd_bus_interface_name_is_valid(name) > 0); /* same grammar as error names */
    g_assert_true(g_hash_table_add(seen, (gpointer)name));
    g_assert_cmpuint(wg_error_code_from_name(name), ==, code);
    if (code != WG_ERROR_INTERACTIVE)
      g_assert_true(g_str_has_prefix(name, WG_ERROR_PREFIX));
  }
}

static void test_round_trip(void) {
  for (guint code = 0; code < _WG_ERROR_MAX; code++) {
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
    g_autoptr(GError) error = g_error_new(WG_ERROR, code, "text %u", code);

    g_assert_cmpint(wg_error_to_bus(error, &e), <, 0);
    g_autoptr(GError) back = wg_error_from_bus(&e);
    g_assert_error(back, WG_ERROR, (gint)code);
    g_assert_cmpstr(back->message, ==, error->message);
  }
}

static void test_foreign(void) {
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error none = SD_BUS_ERROR_NULL;
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e =
      SD_BUS_ERROR_MAKE_CONST("org.freedesktop.DBus.Error.NoReply", "took too long");
  g_autoptr(GError) error = wg_error_from_bus(&e);

  g_assert_null(wg_error_from_bus(&none));
  g_assert_error(error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_cmpstr(error->message, ==, "org.freedesktop.DBus.Error.NoReply: took too long");

  /* The end of our own name is not our own name. */
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error suffix =
      SD_BUS_ERROR_MAKE_CONST("Error.Failed", "x");
  g_autoptr(GError) other = wg_error_from_bus(&suffix);
  g_assert_cmpstr(other->message, ==, "Error.Failed: x");
}

static void test_other_domain(void) {
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
  g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "no \xff file");

  g_assert_cmpint(wg_error_to_bus(error, &e), <, 0);
  g_assert_cmpstr(e.name, ==, WG_ERROR_PREFIX "Failed");
  g_assert_true(g_utf8_validate(e.message, -1, NULL)); /* else the reply could not be sent */
}

static void test_errno(void) {
  g_autoptr(GError) error = NULL;

  g_assert_false(wg_error_set_errno(&error, -ENOSPC, "writing %s", "queue"));
  g_assert_error(error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_true(g_str_has_prefix(error->message, "writing queue: "));
  g_assert_true(g_str_has_suffix(error->message, g_strerror(ENOSPC)));
  g_assert_false(wg_error_set_errno(NULL, EIO, "nobody listens"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/error/every-code-has-its-own-name", test_every_code_has_its_own_name);
  g_test_add_func("/error/round-trip", test_round_trip);
  g_test_add_func("/error/foreign", test_foreign);
  g_test_add_func("/error/other-domain", test_other_domain);
  g_test_add_func("/error/errno", test_errno);
  return g_test_run();
}
