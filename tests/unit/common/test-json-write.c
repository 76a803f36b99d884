/* test-json-write.c: JSON that is written by hand, against json-glib: the same text for strings of
 * all kinds, and the same values for what D-Bus messages hold. */
#undef G_DISABLE_ASSERT
#include "bus-pair.h"

#include "common/bus-variant.h"
#include "common/json-write.h"

#include <json-glib/json-glib.h>

#define N_RANDOM 20000

static char *by_json_glib(const char *text) {
  g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), text);

  return json_to_string(node, FALSE);
}

static JsonNode *parsed(const char *json) {
  g_autoptr(GError) error = NULL;
  JsonNode *node = json_from_string(json, &error);

  g_assert_no_error(error);
  return node;
}

/* json-glib leaves U+001F as it is, which RFC 8259 forbids; all else is the same to the byte. */
static void check_string(const char *text) {
  g_autoptr(GString) out = g_string_new(NULL);

  wg_json_append_string(out, text, strlen(text));
  if (strchr(text, 0x1f) == NULL) {
    g_autofree char *theirs = by_json_glib(text);
    g_assert_cmpstr(out->str, ==, theirs);
  }
  for (const char *p = out->str; *p; p++)
    g_assert_cmpint((guchar)*p, >=, 0x20);
  g_autofree char *array = g_strdup_printf("[%s]", out->str);
  g_autoptr(JsonNode) node = parsed(array);
  g_assert_cmpstr(json_array_get_string_element(json_node_get_array(node), 0), ==, text);
}

static void test_each_character(void) {
  char text[8] = {0};

  check_string("");
  for (gunichar c = 1; c < 0x3000; c++) {
    if (!g_unichar_validate(c))
      continue;
    text[g_unichar_to_utf8(c, text)] = '\0';
    check_string(text);
  }
}

static gunichar any_character(void) {
  static const gunichar ends[] = {0x20, 0x80, 0x800, 0x10000, 0x110000};
  gunichar c;

  do
    c = (gunichar)g_test_rand_int_range(1, (gint32)ends[g_test_rand_int_range(0, 5)]);
  while (!g_unichar_validate(c));
  return c;
}

static void test_random_strings(void) {
  for (guint i = 0; i < N_RANDOM; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (gint n = g_test_rand_int_range(0, 40); n > 0; n--)
      g_string_append_unichar(text, any_character());
    check_string(text->str);
  }
}

/* What `text`, a tuple of one, is as JSON once it went through a message. */
static char *through_a_message(const char *text, int *ret) {
  g_autoptr(GVariant) tuple = g_variant_ref_sink(g_variant_new_parsed(text));
  GString *out = g_string_new(NULL);
  sd_bus_message *m = NULL;
  int fds[2];

  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
  sd_bus *bus = pair_client(fds[0]);
  g_assert_cmpint(sd_bus_message_new_signal(bus, &m, PAIR_PATH, PAIR_IFACE, "Note"), >=, 0);
  g_assert_cmpint(wg_variant_append_children(m, tuple), >=, 0);
  g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
  *ret = wg_json_append_value(out, m);
  if (*ret >= 0)
    g_assert_cmpint(sd_bus_message_at_end(m, 1), >, 0);
  sd_bus_message_unref(m);
  sd_bus_close_unref(bus);
  close(fds[1]);
  return g_string_free(out, FALSE);
}

static void test_values(void) {
  static const struct {
    const char *variant, *json;
  } cases[] = {
      {"('a\\nb',)", "\"a\\nb\""},
      {"(true,)", "true"},
      {"(byte 255,)", "255"},
      {"(int16 -5,)", "-5"},
      {"(uint16 65535,)", "65535"},
      {"(-2147483648,)", "-2147483648"},
      {"(uint32 4294967295,)", "4294967295"},
      {"(int64 -9223372036854775808,)", "-9223372036854775808"},
      {"(uint64 18446744073709551615,)", "18446744073709551615"},
      {"(uint64 0,)", "0"},
      {"(1.5,)", "1.5"},
      {"(2.0,)", "2.0"},
      {"(<<'deep'>>,)", "\"deep\""},
      {"(@as [],)", "[]"},
      {"(['x', 'ü'],)", "[\"x\",\"ü\"]"},
      {"(@ay [1, 2],)", "[1,2]"},
      {"(@a{sv} {},)", "{}"},
      {"({'k\"': 'v', 'e': ''},)", "{\"k\\\"\":\"v\",\"e\":\"\"}"},
      {"({'a': <{'b': <[1, 2]>}>, 'c': <('x', uint32 1)>},)",
       "{\"a\":{\"b\":[1,2]},\"c\":[\"x\",1]}"},
      {"({uint32 7: 'x'},)", "{\"7\":\"x\"}"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    int r;
    g_autofree char *json = through_a_message(cases[i].variant, &r);
    g_assert_cmpint(r, ==, 0);
    g_assert_cmpstr(json, ==, cases[i].json);
  }
}

/* The end of a message is no value. */
static void test_nothing(void) {
  int r;
  g_autofree char *json = through_a_message("()", &r);

  g_assert_cmpint(r, <, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json-write/each-character", test_each_character);
  g_test_add_func("/json-write/random-strings", test_random_strings);
  g_test_add_func("/json-write/values", test_values);
  g_test_add_func("/json-write/nothing", test_nothing);
  return g_test_run();
}
