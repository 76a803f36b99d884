/* test-type-journal.c: what is found in journal files made for the test. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "journal-fixture.h"
#include "look-fixture.h"

#include "checks/journal-look.h"
#include "checks/types.h"

#include <glib/gstdio.h>
#include <string.h>

static char *top;
static gint64 now;

#define MINUTE (60 * G_USEC_PER_SEC)
#define AGO(minutes) ((guint64)(now - (gint64)(minutes)*MINUTE))
#define LINE(minutes, unit, priority, message, ...)                                                \
  {                                                                                                \
    AGO(minutes), {                                                                                \
      "_SYSTEMD_UNIT=" unit, "PRIORITY=" priority, "MESSAGE=" message, ##__VA_ARGS__               \
    }                                                                                              \
  }

static void write_journal(void) {
  const JournalEntry entries[] = {
      LINE(300, "shop.service", "6", "took 3 ms"),
      LINE(200, "shop.service", "3", "lost the link to db7"),
      LINE(50, "other.service", "3", "not ours"),
      LINE(40, "shop.service", "6", "took 12 ms"),
      LINE(30, "shop.service", "3", "lost the link to db9"),
      LINE(20, "shop.service", "4", "low on memory", "MESSAGE_ID=0123456789abcdef0123456789abcdef"),
      {AGO(15), {"_PID=1", "UNIT=shop.service", "PRIORITY=3", "MESSAGE=shop.service: failed"}},
      {AGO(14), {"_PID=99", "UNIT=shop.service", "PRIORITY=3", "MESSAGE=I am systemd, believe me"}},
      LINE(10, "shop.service", "3", "never seen before 77"),
  };
  g_autofree char *path = g_build_filename(top, "test.journal", NULL);

  journal_write(path, entries, G_N_ELEMENTS(entries));
}

static char *look_at(const char *subject, const char *more, const char *key) {
  g_autofree char *options = g_strdup_printf("{\"directory\": \"%s\"%s}", top, more);
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, NULL);
  g_auto(LookResult) result = chk_look_once_with(world, &chk_type_journal, subject, options, 0);

  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("unknown: %s", result.text);
  return chk_look_value(&result, key);
}

#define IS(subject, more, key, expected)                                                           \
  do {                                                                                             \
    g_autofree char *seen_ = look_at(subject, more, key);                                          \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)

/* Each line once: a look begins behind the place that the one before has read to, whether or not
 * what was there was looked for. */
static void test_after_a_place(void) {
  g_autofree char *last = look_at("shop.service", ", \"since\": \"1d\"", "cursor");
  g_autofree char *read_to = look_at("other.service", ", \"since\": \"1d\"", "read-to");
  g_autofree char *middle =
      look_at("shop.service", ", \"since\": \"1d\", \"pattern\": \"db9\"", "cursor");
  g_autofree char *none = g_strdup_printf(", \"after-cursor\": %s", read_to);
  g_autofree char *some = g_strdup_printf(", \"after-cursor\": %s", middle);

  g_assert_cmpstr(last, ==, read_to); /* the newest of all, though that look saw another unit */
  IS("shop.service", none, "count", "0");
  IS("shop.service", some, "count", "3");
  IS("shop.service", some, "last", "\"never seen before 77\"");
  /* a place that is of no entry that is looked for */
  IS("other.service", some, "count", "0");
}

static void test_unit(void) {
  IS("shop.service", ", \"since\": \"1d\"", "count", "7"); /* systemd's line too, the liar's not */
  IS("shop", ", \"since\": \"35min\"", "lines",
     "[\"lost the link to db9\",\"low on memory\",\"shop.service: failed\",\"never seen before "
     "77\"]");
  IS("shop", ", \"since\": \"1d\", \"max-lines\": 1", "lines", "[\"never seen before 77\"]");
  IS("shop", ", \"since\": \"1d\", \"max-lines\": 1", "count", "7");
  IS("nobody", ", \"since\": \"1d\"", "count", "0");
  IS("nobody", ", \"since\": \"1d\"", "last", NULL);
  IS("shop", "", "count", "0"); /* of this boot: none */
  g_autofree char *age = look_at("shop", ", \"since\": \"1d\"", "last-age");
  g_assert_cmpint(g_ascii_strtoll(age, NULL, 10), >=, 10 * MINUTE);
  g_assert_cmpint(g_ascii_strtoll(age, NULL, 10), <, 12 * MINUTE);
}

static void test_filters(void) {
  IS("shop", ", \"since\": \"1d\", \"severity\": \"err\"", "count", "4");
  IS("shop", ", \"since\": \"1d\", \"severity\": \"4\"", "count", "5");
  IS("shop", ", \"since\": \"1d\", \"pattern\": \"link to db[0-9]\"", "count", "2");
  IS("all", ", \"since\": \"1d\", \"severity\": \"err\"", "count", "6");
  IS("_SYSTEMD_UNIT=other.service", ", \"since\": \"1d\"", "last", "\"not ours\"");
  IS("all", ", \"since\": \"1d\", \"message-id\": \"0123456789ABCDEF0123456789abcdef\"", "last",
     "\"low on memory\"");
  IS("shop", ", \"since\": \"1d\", \"fields\": [\"PRIORITY=6\", \"PRIORITY=4\"]", "count", "3");
  IS("shop", ", \"since\": \"2001-01-01T00:00:00Z\"", "count", "7");
}

/* Lines unlike any before: other numbers are no novelty. */
static void test_novel(void) {
  IS("shop", ", \"since\": \"45min\", \"novel\": true", "lines",
     "[\"low on memory\",\"shop.service: failed\",\"never seen before 77\"]");
  IS("shop", ", \"since\": \"45min\", \"novel\": true, \"history\": \"1h\"", "count", "5");
}

static void test_likeness(void) {
  static const char *const cases[][2] = {
      {"took 3 ms", "took # ms"},
      {"took 12 ms", "took # ms"},
      {"eth0: 1a2b", "eth#: #"},
      {"deadbeef", "deadbeef"},
      {"0xff", "#xff"},
      {"", ""},
      {"a1b22c", "#"},
      {"x1y22z", "x#y#z"},
      {"\303\244 7", "\303\244 #"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *like = chk_journal_likeness(cases[i][0]);
    g_assert_cmpstr(like, ==, cases[i][1]);
  }
}

/* An unreadable or missing journal is an error, never "no lines". */
static void test_missing(void) {
  g_autofree char *seen = look_at("shop", ", \"since\": \"1d\"", "count");
  g_auto(LookResult) none = chk_look_once_with(NULL, &chk_type_journal, "shop",
                                               "{\"directory\": \"/no/such/directory\"}", 0);

  g_assert_cmpstr(seen, ==, "7");
  g_assert_cmpint(none.known, ==, CHK_UNKNOWN);
  g_assert_nonnull(strstr(none.text, "/no/such/directory"));
}

/* Whatever byte is wrong: no crash, no endless loop. */
static void test_damaged(void) {
  g_autofree char *path = g_build_filename(top, "test.journal", NULL), *bytes = NULL;
  gsize size;

  g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
  for (gsize at = 88; at < 240; at += 8) {
    g_autofree char *hurt = g_memdup2(bytes, size);
    memset(hurt + at, 0xff, 7);
    g_assert_true(g_file_set_contents(path, hurt, (gssize)size, NULL));
    g_autofree char *seen = look_at("shop", ", \"since\": \"1d\"", "count");
    g_assert_cmpstr(seen, !=, "0"); /* damage is no quiet journal */
  }
  g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

static void test_validate(void) {
  static const char *const bad[] = {"{\"severity\": \"bad\"}",        "{\"message-id\": \"12\"}",
                                    "{\"since\": \"yesterday-ish\"}", "{\"fields\": [\"lower=x\"]}",
                                    "{\"fields\": [\"NOVALUE\"]}",    "{\"pattern\": \"(\"}"};

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(JsonNode) node = json_from_string(bad[i], NULL);
    if (chk_look_is_good(&chk_type_journal, "all", json_node_get_object(node)))
      g_error("taken: %s", bad[i]);
  }
  g_assert_false(chk_look_is_good(&chk_type_journal, "a b", NULL));
  g_assert_true(chk_look_is_good(&chk_type_journal, "_UID=0", NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  now = g_get_real_time();
  top = g_dir_make_tmp("waggle-journal-XXXXXX", NULL);
  write_journal();
  g_test_add_func("/journal/after-a-place", test_after_a_place);
  g_test_add_func("/journal/unit", test_unit);
  g_test_add_func("/journal/filters", test_filters);
  g_test_add_func("/journal/novel", test_novel);
  g_test_add_func("/journal/likeness", test_likeness);
  g_test_add_func("/journal/missing", test_missing);
  g_test_add_func("/journal/damaged", test_damaged);
  g_test_add_func("/journal/validate", test_validate);
  int status = g_test_run();
  g_autofree char *path = g_build_filename(top, "test.journal", NULL);
  g_unlink(path);
  g_rmdir(top);
  g_free(top);
  return status;
}
