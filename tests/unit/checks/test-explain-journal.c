/* test-explain-journal.c: the last lines of the invocation that counts, and of no other. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "journal-fixture.h"

#include "checks/explain-journal.h"
#include "checks/output.h"
#include "checks/types.h"
#include "checks/world.h"

#include <glib/gstdio.h>
#include <string.h>

#define OLD "00000000000000000000000000000001"
#define NEW "00000000000000000000000000000002"
#define LINE(at, invocation, message)                                                              \
  {                                                                                                \
    at, {                                                                                          \
      "_SYSTEMD_UNIT=shop.service", "_SYSTEMD_INVOCATION_ID=" invocation, "PRIORITY=6",            \
          "MESSAGE=" message                                                                       \
    }                                                                                              \
  }

static char *top;

static void write_journal(void) {
  const JournalEntry entries[] = {
      LINE(1000, OLD, "old one"),
      LINE(2000, OLD, "old two"),
      {3000, {"_PID=1", "UNIT=shop.service", "INVOCATION_ID=" NEW, "MESSAGE=Started shop"}},
      LINE(4000, NEW, "new one"),
      {5000, {"_SYSTEMD_UNIT=other.service", "_SYSTEMD_INVOCATION_ID=" OLD, "MESSAGE=not ours"}},
      LINE(6000, NEW, "new two"),
  };
  g_autofree char *path = g_build_filename(top, "test.journal", NULL);

  journal_write(path, entries, G_N_ELEMENTS(entries));
}

static char *lines_of(ChkWorld *world, const ChkCheck *check) {
  g_auto(GStrv) lines = chk_explain_journal(world, top, check);

  return lines != NULL ? g_strjoinv("|", lines) : NULL;
}

#define IS(world, check, expected)                                                                 \
  do {                                                                                             \
    g_autofree char *seen_ = lines_of(world, check);                                               \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)

static void test_lines(void) {
  ChkCheck check = {.type = &chk_type_unit, .subject = (char *)"shop.service"};
  ChkCheck bound = {
      .type = &chk_type_http, .subject = (char *)"http://x", .unit = (char *)"shop.service"};
  ChkCheck other = {.type = &chk_type_http, .subject = (char *)"shop.service"};
  ChkCheck secret = check;
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, NULL);
  g_autoptr(JsonNode) context =
      json_from_string("{\"units\": {\"shop.service\": {\"invocation\": \"" OLD "\"}}}", NULL);

  secret.secret = TRUE;
  IS(world, &check, "Started shop|new one|new two");
  IS(world, &bound, "Started shop|new one|new two");
  IS(world, &other, NULL);  /* it has no unit */
  IS(world, &secret, NULL); /* what it tells may be told by its unit as well */
  g_assert_true(chk_world_set_context(world, context, NULL));
  IS(world, &check, "old one|old two");
}

static void test_page(void) {
  const char *const journal[] = {"new one", "new two", NULL};
  ChkOutputOptions options = {.journal = journal};
  ChkCheck check = {.name = (char *)"it runs",
                    .type = &chk_type_unit,
                    .subject = (char *)"shop.service",
                    .hint = (char *)"look"};
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  ChkResult result = {.check = &check, .attempts = none, .assertions = none};
  g_autoptr(GPtrArray) results = g_ptr_array_new();
  ChkReport report = {.results = results};

  g_ptr_array_add(results, &result);
  g_autofree char *page = chk_output_explain(&report, "it runs", &options);
  g_assert_nonnull(strstr(page, "its unit wrote last:"));
  g_assert_nonnull(strstr(page, "new two"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  top = g_dir_make_tmp("waggle-explain-XXXXXX", NULL);
  write_journal();
  g_test_add_func("/checks/explain-journal/lines", test_lines);
  g_test_add_func("/checks/explain-journal/page", test_page);
  int status = g_test_run();
  g_autofree char *path = g_build_filename(top, "test.journal", NULL);
  g_unlink(path);
  g_rmdir(top);
  g_free(top);
  return status;
}
