/* test-legacy.c: old files, whole and damaged in every way that was seen, written here by hand. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/legacy.h"
#include "client/times.h"

#include <string.h>

#define ENTRY(id, status, text)                                                                    \
  "{\"message\": {\"type\": \"agent_message\", \"sender\": \"CAPTAIN\", \"recipient\": "           \
  "\"Agent-1\", "                                                                                  \
  "\"content\": \"" text "\", \"priority\": \"urgent\", \"tags\": [\"system\"], \"metadata\": "    \
  "{\"sender\": \"X\", \"stalled\": false}}, \"queue_id\": \"" id "\", \"priority_score\": 0.5, "  \
  "\"status\": \"" status "\", \"created_at\": \"2025-11-29T23:29:16.181070\", "                   \
  "\"updated_at\": \"2025-11-29T23:29:23.495832\", \"metadata\": {\"delivery_callback\": false}}"

static CliLegacyFile *parse_bytes(const char *data, gsize n, const char *path) {
  g_autoptr(GBytes) bytes = g_bytes_new(data, n);
  return cli_legacy_parse(bytes, path, 1000000);
}

static CliLegacyFile *parse(const char *text) {
  return parse_bytes(text, strlen(text), "/x/queue.json");
}

static const CliLegacyEntry *entry(const CliLegacyFile *file, guint i) {
  g_assert_cmpuint(i, <, file->entries->len);
  return file->entries->pdata[i];
}

static void assert_body(const CliLegacyEntry *e, const char *text) {
  g_assert_cmpmem(g_bytes_get_data(e->body, NULL), g_bytes_get_size(e->body), text, strlen(text));
}

static void assert_counts(const CliLegacyFile *f, guint complete, guint entries, guint skipped,
                          gboolean damaged) {
  g_assert_cmpuint(f->complete, ==, complete);
  g_assert_cmpuint(f->entries->len, ==, entries);
  g_assert_cmpuint(f->skipped->len, ==, skipped);
  g_assert_cmpint(f->damaged, ==, damaged);
}

static void test_queue(void) {
  g_autoptr(CliLegacyFile) f =
      parse("[" ENTRY("id-1", "PENDING", "one") ",\n" ENTRY("id-2", "PROCESSING", "two") "," ENTRY(
          "id-3", "DELIVERED", "three") "," ENTRY("id-4", "FAILED", "four") "]");
  guint64 created;

  assert_counts(f, 4, 4, 0, FALSE);
  const CliLegacyEntry *e = entry(f, 0);
  g_assert_cmpstr(e->id, ==, "id-1");
  g_assert_cmpstr(e->from, ==, "CAPTAIN");
  g_assert_cmpstr(e->to, ==, "Agent-1");
  g_assert_cmpstr(e->state, ==, CLI_LEGACY_QUEUED);
  g_assert_cmpuint(e->priority, ==, 8);
  g_assert_cmpuint(e->tags->len, ==, 1);
  g_assert_cmpstr(g_hash_table_lookup(e->headers, "legacy-type"), ==, "agent_message");
  assert_body(e, "one");
  g_assert_true(cli_time_parse_iso("2025-11-29T23:29:16.181070", &created));
  g_assert_cmpuint(e->time, ==, created);
  g_assert_cmpuint(e->updated, ==, created + 7314762);
  g_assert_cmpstr(entry(f, 1)->state, ==, CLI_LEGACY_QUEUED);
  g_assert_cmpstr(entry(f, 2)->state, ==, CLI_LEGACY_HISTORY);
  g_assert_cmpstr(entry(f, 3)->state, ==, CLI_LEGACY_DEAD);
  g_assert_nonnull(entry(f, 3)->reason);
  g_assert_cmpstr(entry(f, 1)->where, ==, "entry 2, line 2");
}

static void test_wrapper(void) {
  g_autoptr(CliLegacyFile) f =
      parse("{\"version\": 1, \"entries\": [" ENTRY("a", "PENDING", "one") "], \"n\": {\"x\": 1}}");
  assert_counts(f, 1, 1, 0, FALSE);
}

static void test_plain_string(void) {
  g_autoptr(CliLegacyFile) f =
      parse("[{\"message\": \"just text\", \"recipient\": \"Agent-2\", \"queue_id\": \"q\"},"
            " {\"message\": \"text in the dark\", \"queue_id\": \"r\"}]");
  assert_counts(f, 2, 1, 1, FALSE);
  assert_body(entry(f, 0), "just text");
  g_assert_cmpstr(entry(f, 0)->to, ==, "Agent-2");
}

/* Every possible cut of a file: no entry that is complete may be missed, none made up. */
static void test_cut_short(void) {
  const char *whole = "{\"entries\": [" ENTRY("a", "PENDING", "br{ace} [x], {") ", " ENTRY(
      "b", "FAILED", "\\\"quoted\\\" \\ud83d\\ude80") "]}";
  const char *first_end = strstr(whole, "}}, {\"message\"") + 2;
  const char *second_end = strstr(whole, "}}]}") + 2;

  for (gsize n = 0; n < strlen(whole); n++) {
    g_autoptr(CliLegacyFile) f = parse_bytes(whole, n, "/x/q.json");
    guint expected = (whole + n >= first_end) + (whole + n >= second_end);
    g_assert_true(f->damaged);
    g_assert_cmpuint(f->complete, ==, expected);
    g_assert_cmpuint(f->entries->len, ==, expected);
  }
}

/* A shorter array written over a longer one: whatever the overlap, the new entries are all there
 * and only whole old ones besides. */
static void test_overwritten(void) {
  const char *old = "[" ENTRY("o1", "PENDING", "a {\\\"message\\\": 1}") "," ENTRY(
      "o2", "PENDING", "x}, {\\\"queue_id\\\": 2}") "," ENTRY("o3", "PENDING", "z") "]";
  const char *short_one = "[" ENTRY("n1", "DELIVERED", "new") "]";
  gsize second = (gsize)(strstr(old, "}},{") + 3 - old), n = strlen(short_one);
  gsize third = (gsize)(strstr(old + second, "}},{") + 3 - old);

  for (gsize cut = 1; cut < strlen(old); cut++) {
    g_autofree char *torn = g_strconcat(short_one, old + cut, NULL);
    g_autoptr(CliLegacyFile) f = parse(torn);
    guint expected = 1 + (cut <= 1) + (cut <= second) + (cut <= third);
    g_assert_cmpuint(f->entries->len, ==, expected);
    g_assert_cmpuint(f->complete, ==, expected);
    g_assert_cmpstr(entry(f, 0)->id, ==, "n1");
    /* a lone bracket behind a whole array is damage, but nothing is lost by it */
    g_assert_true(f->damaged);
  }
  g_assert_cmpuint(n, >, 0);
}

static void test_left_over_is_reported(void) {
  g_autoptr(CliLegacyFile) f =
      parse("[" ENTRY("a", "PENDING", "one") "]essage\": {\"recipient\": \"Agent-9\", \"content\": "
                                             "\"half\"}, \"queue_id\": \"b\"}]\n");
  assert_counts(f, 1, 1, 1, TRUE);
  const CliLegacySkip *skip = f->skipped->pdata[0];
  g_assert_true(strstr(skip->reason, "left-over") != NULL);
  g_assert_true(g_str_has_prefix(skip->where, "line 1, bytes "));
}

static void test_empty(void) {
  g_autoptr(CliLegacyFile) nothing = parse("");
  g_autoptr(CliLegacyFile) blank = parse(" \n\t");
  g_autoptr(CliLegacyFile) zeros = parse_bytes("\0\0\0\0", 4, "/x/q");
  g_autoptr(CliLegacyFile) list = parse("[]");

  assert_counts(nothing, 0, 0, 0, TRUE);
  assert_counts(blank, 0, 0, 0, TRUE);
  assert_counts(zeros, 0, 0, 1, TRUE);
  assert_counts(list, 0, 0, 0, FALSE);
}

static void test_several_values(void) {
  g_autoptr(CliLegacyFile) f = parse("[" ENTRY("a", "PENDING", "one") "][" ENTRY(
      "a", "PENDING", "one") "," ENTRY("b", "PENDING", "two") "]\n" ENTRY("c", "PENDING", "three"));
  assert_counts(f, 4, 3, 0, TRUE);
  g_assert_cmpuint(f->duplicates, ==, 1);
}

/* The later word about a message is the right one: a delivered message must not come again. */
static void test_duplicates(void) {
  g_autoptr(CliLegacyFile) f = parse(
      "[{\"queue_id\": \"a\", \"recipient\": \"A\", \"message\": \"m\", \"status\": \"PENDING\", "
      "\"updated_at\": \"2025-01-01T00:00:00\"}, {\"queue_id\": \"a\", \"recipient\": \"A\", "
      "\"message\": \"m\", \"status\": \"DELIVERED\", \"updated_at\": \"2025-01-01T00:00:01\"},"
      "{\"queue_id\": \"a\", \"recipient\": \"A\", \"message\": \"m\", \"status\": \"FAILED\", "
      "\"updated_at\": \"2025-01-01T00:00:00\"}]");
  assert_counts(f, 3, 1, 0, FALSE);
  g_assert_cmpuint(f->duplicates, ==, 2);
  g_assert_cmpstr(entry(f, 0)->state, ==, CLI_LEGACY_HISTORY);
}

static void test_encodings(void) {
  static const char utf16[] =
      "\xff\xfe{\0\"\0t\0o\0\"\0:\0\"\0A\0\"\0,\0\"\0m\0e\0s\0s\0a\0g\0e\0\""
      "\0:\0\"\0h\0i\0\"\0}";
  g_autoptr(CliLegacyFile) bom = parse("\xef\xbb\xbf{\"to\": \"A\", \"message\": \"hi\"}");
  g_autoptr(CliLegacyFile) wide = parse_bytes(utf16, sizeof utf16, "/x/q");
  g_autoptr(CliLegacyFile) latin = parse("{\"to\": \"A\", \"message\": \"caf\xe9\"}");
  g_autoptr(CliLegacyFile) nul = parse("{\"to\": \"A\", \"message\": \"a\\u0000b\\ud83dc\"}");
  g_autoptr(CliLegacyFile) nan =
      parse("{\"to\": \"A\", \"message\": \"NaN\", \"x\": [NaN, -Infinity]}");

  assert_counts(bom, 1, 1, 0, FALSE);
  assert_counts(wide, 1, 1, 0, FALSE);
  assert_body(entry(wide, 0), "hi");
  /* what had to be replaced is damage: the file is kept */
  assert_counts(latin, 1, 1, 0, TRUE);
  assert_body(entry(latin, 0), "caf\xef\xbf\xbd");
  assert_counts(nul, 1, 1, 0, TRUE);
  assert_body(entry(nul, 0), "a\xef\xbf\xbd"
                             "b\xef\xbf\xbd"
                             "c");
  assert_counts(nan, 1, 1, 0, FALSE);
  assert_body(entry(nan, 0), "NaN");
}

static void test_bad_entries(void) {
  g_autoptr(CliLegacyFile) f = parse(
      "[{\"message\": {\"content\": \"to nobody\"}, \"queue_id\": \"a\"},"
      "{\"message\": {\"recipient\": \"A\", \"content\": \"\"}, \"queue_id\": \"b\"},"
      "{\"message\": {\"recipient\": \"not a name\", \"content\": \"x\"}, \"queue_id\": \"c\"},"
      "17, {}]");
  assert_counts(f, 4, 0, 5, FALSE);
}

static void test_depth(void) {
  g_autoptr(GString) deep = g_string_new("[" ENTRY("a", "PENDING", "one") ",");
  for (guint i = 0; i < 200000; i++)
    g_string_append(deep, "{\"a\":[");
  g_autoptr(CliLegacyFile) f = parse(deep->str);
  assert_counts(f, 1, 1, 1, TRUE);
}

static void test_inbox_shapes(void) {
  static const struct {
    const char *text, *body;
    const char *state;
  } shapes[] = {
      {"{\"from\": \"a\", \"to\": \"A\", \"message\": \"m\", \"status\": \"pending\"}", "m",
       "queued"},
      {"{\"from\": \"a\", \"to\": \"A\", \"message\": \"m\", \"status\": \"completed\"}", "m",
       "history"},
      {"{\"sender\": \"a\", \"recipient\": \"A\", \"message\": \"m\"}", "m", "queued"},
      {"{\"from\": \"a\", \"to\": \"A\", \"content\": \"m\", \"read\": true}", "m", "history"},
      {"{\"from\": \"a\", \"to\": \"A\", \"summary\": \"m\", \"details\": {\"k\": 1}}", "m",
       "queued"},
      {"{\"agent\": \"A\", \"payload\": \"m\", \"ts\": 1755294600}", "m", "queued"},
      {"{\"to\": \"A\", \"task_id\": \"t\", \"description\": \"m\"}", "m", "queued"},
      {"{\"to\": \"A\", \"details\": \"m\", \"status\": \"failed\"}", "m", "dead"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
    g_autoptr(CliLegacyFile) f = parse(shapes[i].text);
    assert_counts(f, 1, 1, 0, FALSE);
    assert_body(entry(f, 0), shapes[i].body);
    g_assert_cmpstr(entry(f, 0)->to, ==, "A");
    g_assert_cmpstr(entry(f, 0)->state, ==, shapes[i].state);
  }
  g_autoptr(CliLegacyFile) f = parse(shapes[4].text);
  g_assert_cmpstr(g_hash_table_lookup(entry(f, 0)->headers, "legacy-details"), ==, "{\"k\":1}");
}

static void test_inbox_path(void) {
  const char *text = "{\"task_id\": \"t\", \"description\": \"m\"}";
  g_autoptr(CliLegacyFile) in = parse_bytes(text, strlen(text), "/w/Agent-3/inbox/1.json");
  g_autoptr(CliLegacyFile) out = parse(text);

  assert_counts(in, 1, 1, 0, FALSE);
  g_assert_cmpstr(entry(in, 0)->to, ==, "Agent-3");
  assert_counts(out, 1, 0, 1, FALSE);
}

/* "msg_001" of two agents are two messages; the same file again is the same message. */
static void test_ids(void) {
  const char *one = "{\"message_id\": \"msg_001\", \"to\": \"A\", \"content\": \"m\"}";
  const char *two = "{\"message_id\": \"msg_001\", \"to\": \"B\", \"content\": \"m\"}";
  g_autoptr(CliLegacyFile) a = parse(one), b = parse(two), again = parse(one);
  g_autoptr(CliLegacyFile) longer =
      parse("{\"id\": \"2025-07-02T07-50-01_x_to_y\", \"to\": \"A\", \"message\": \"m\"}");
  g_autoptr(CliLegacyFile) none = parse("{\"to\": \"A\", \"message\": \"m\"}");

  g_assert_cmpstr(entry(a, 0)->id, !=, entry(b, 0)->id);
  g_assert_cmpstr(entry(a, 0)->id, ==, entry(again, 0)->id);
  g_assert_true(g_str_has_prefix(entry(a, 0)->id, "msg_001~"));
  g_assert_cmpstr(g_hash_table_lookup(entry(a, 0)->headers, "legacy-id"), ==, "msg_001");
  g_assert_cmpstr(entry(longer, 0)->id, ==, "2025-07-02T07-50-01_x_to_y");
  g_assert_true(g_str_has_prefix(entry(none, 0)->id, "legacy-"));
  g_assert_cmpuint(entry(none, 0)->time, ==, 1000000); /* the file's own */
}

static void test_coordinates(void) {
  g_autoptr(CliLegacyFile) f = parse(
      "{\"agents\": {\"Agent-1\": {\"chat_input_coordinates\": [-1269, 496], "
      "\"onboarding_input_coords\": [-1265, 156], \"description\": \"d\", \"active\": false}, "
      "\"bad name\": {\"chat_input_coordinates\": [1, 2]}, \"Agent-2\": 5}}");
  assert_counts(f, 3, 0, 2, FALSE);
  g_assert_cmpuint(f->agents->len, ==, 1);
  const CliLegacyAgent *a = f->agents->pdata[0];
  g_assert_cmpstr(a->name, ==, "Agent-1");
  g_assert_cmpstr(a->description, ==, "d");
  g_assert_false(a->active);
  g_assert_cmpstr(g_hash_table_lookup(a->metadata, "typing-chat-input"), ==, "-1269,496");
  g_assert_cmpstr(g_hash_table_lookup(a->metadata, "typing-onboarding-input"), ==, "-1265,156");
  g_assert_cmpstr(a->policy, ==,
                  "{\"backends\": [{\"use\": \"type\", \"target\": {\"x\": -1269, \"y\": 496}}]}");
}

static void test_export_lines(void) {
  const char *line =
      "{\"waggle_export\": 1, \"export_id\": \"export-1\", \"agent\": \"A\", \"from\": "
      "\"B\", \"state\": \"dead\", \"reason\": \"r\", \"time\": \"2025-01-01T00:00:00Z\","
      " \"time_usec\": 1735689600000001, \"priority\": 7, \"body_base64\": \"AAE=\"}\n";
  g_autofree char *two = g_strconcat(line,
                                     "{\"waggle_export\": 1, \"export_id\": \"export-2\", "
                                     "\"agent\": \"A\", \"state\": \"acked\", \"body\": \"\"}\n",
                                     NULL);
  g_autoptr(CliLegacyFile) f = parse(two);

  assert_counts(f, 2, 2, 0, FALSE);
  const CliLegacyEntry *e = entry(f, 0);
  g_assert_cmpstr(e->id, ==, "export-1");
  g_assert_cmpstr(e->state, ==, CLI_LEGACY_DEAD);
  g_assert_cmpuint(e->time, ==, G_GUINT64_CONSTANT(1735689600000001));
  g_assert_cmpuint(e->priority, ==, 7);
  g_assert_cmpmem(g_bytes_get_data(e->body, NULL), g_bytes_get_size(e->body), "\0\1", 2);
  g_assert_cmpstr(entry(f, 1)->state, ==, CLI_LEGACY_HISTORY);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/client/legacy/queue", test_queue);
  g_test_add_func("/client/legacy/wrapper", test_wrapper);
  g_test_add_func("/client/legacy/plain-string", test_plain_string);
  g_test_add_func("/client/legacy/cut-short", test_cut_short);
  g_test_add_func("/client/legacy/overwritten", test_overwritten);
  g_test_add_func("/client/legacy/left-over", test_left_over_is_reported);
  g_test_add_func("/client/legacy/empty", test_empty);
  g_test_add_func("/client/legacy/several-values", test_several_values);
  g_test_add_func("/client/legacy/duplicates", test_duplicates);
  g_test_add_func("/client/legacy/encodings", test_encodings);
  g_test_add_func("/client/legacy/bad-entries", test_bad_entries);
  g_test_add_func("/client/legacy/depth", test_depth);
  g_test_add_func("/client/legacy/inbox-shapes", test_inbox_shapes);
  g_test_add_func("/client/legacy/inbox-path", test_inbox_path);
  g_test_add_func("/client/legacy/ids", test_ids);
  g_test_add_func("/client/legacy/coordinates", test_coordinates);
  g_test_add_func("/client/legacy/export-lines", test_export_lines);
  return g_test_run();
}
