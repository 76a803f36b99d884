/* test-client-json.c: answers of the service as JSON. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/json.h"

static char *line(const char *text) {
  g_autoptr(GVariant) dict = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
  JsonObject *object = json_object_new();

  g_assert_nonnull(dict);
  cli_json_add_dict(object, dict);
  return cli_json_line(object);
}

static void assert_line(const char *variant, const char *json) {
  g_autofree char *got = line(variant);

  g_assert_cmpstr(got, ==, json);
}

static void test_types(void) {
  assert_line("{'in-reply-to': <uint64 7>}", "{\"in_reply_to\":7}");
  assert_line("{'b': <true>}", "{\"b\":true}");
  assert_line("{'priority': <byte 0x07>}", "{\"priority\":7}");
  assert_line("{'rate': <1.5>}", "{\"rate\":1.5}");
  assert_line("{'tags': <['a', 'b']>}", "{\"tags\":[\"a\",\"b\"]}");
  assert_line("{'headers': <{'k-k': 'v'}>}", "{\"headers\":{\"k-k\":\"v\"}}");
  assert_line("{'deliveries': <[{'lease-x': <uint32 1>}]>}", "{\"deliveries\":[{\"lease_x\":1}]}");
  assert_line("{'body-fd': <handle 5>}", "{}");
  /* JSON has no number that is greater: what is beyond is the greatest there is */
  assert_line("{'max': <uint64 18446744073709551615>}", "{\"max\":9223372036854775807}");
}

static void test_times(void) {
  assert_line("{'time': <uint64 1754899321000001>}",
              "{\"time\":\"2025-08-11T08:02:01.000001+00:00\",\"time_usec\":1754899321000001}");
  assert_line("{'last-seen': <uint64 0>}", "{\"last_seen\":null,\"last_seen_usec\":null}");
}

/* The same word is a count in the statistics and a time beside a dead letter. */
static void test_died(void) {
  g_autofree char *letter = line("{'message': <uint64 1>, 'died': <uint64 1754899321000000>}");

  assert_line("{'died': <uint64 2>}", "{\"died\":2}");
  g_assert_nonnull(strstr(letter, "\"died_usec\":1754899321000000"));
}

static void test_body(void) {
  assert_line("{'body': <@ay []>}", "{\"body\":\"\"}");
  assert_line("{'body': <[byte 0xc3, 0xa9]>}", "{\"body\":\"\xc3\xa9\"}");
  assert_line("{'body': <[byte 0xff]>}", "{\"body_base64\":\"/w==\"}");
  assert_line("{'body': <[byte 0x41, 0x00]>}", "{\"body_base64\":\"QQA=\"}");
}

/* What comes as JSON already gets the same shape. */
static void test_told(void) {
  JsonNode *node = json_from_string(
      "[{\"active-at\":1754899321000001,\"labels\":{\"a-b\":\"c\",\"time\":7},\"gone\":0,"
      "\"since_usec\":1754899321000000,\"duration\":3}]",
      NULL);
  node = cli_json_told(node);
  g_autofree char *text = json_to_string(node, FALSE);

  json_node_unref(node);
  g_assert_cmpstr(text, ==,
                  "[{\"active_at\":\"2025-08-11T08:02:01.000001+00:00\","
                  "\"active_at_usec\":1754899321000001,\"labels\":{\"a-b\":\"c\",\"time\":7},"
                  "\"gone\":null,\"gone_usec\":null,\"since\":\"2025-08-11T08:02:01.000000+00:00\","
                  "\"since_usec\":1754899321000000,\"duration\":3}]");
}

int main(int argc, char **argv) {
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/client/json/types", test_types);
  g_test_add_func("/client/json/times", test_times);
  g_test_add_func("/client/json/died", test_died);
  g_test_add_func("/client/json/body", test_body);
  g_test_add_func("/client/json/told", test_told);
  return g_test_run();
}
