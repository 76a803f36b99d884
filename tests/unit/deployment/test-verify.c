/* test-verify.c: how the end of waggle-verify is judged, with programs that play it: good, bad,
 * crashing, silent, hanging and lying ones; and questions to the store. */
#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/record-query.h"
#include "deployment/verify-run.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *dir;

typedef struct {
  GMainLoop *loop;
  DplVerdict verdict;
  char *text, *results, *baseline;
  guint n_results, n_done;
} Seen;

static void seen_clear(Seen *seen) {
  g_main_loop_unref(seen->loop);
  g_free(seen->text);
  g_free(seen->results);
  g_free(seen->baseline);
}

static void on_result(const char *json, guint n, guint all, gpointer data) {
  Seen *seen = data;

  g_assert_nonnull(strstr(json, "\"name\""));
  seen->n_results++;
}

static void on_done(const DplVerifyEnd *end, gpointer data) {
  Seen *seen = data;

  seen->verdict = end->verdict;
  seen->text = g_strdup(end->text);
  seen->results = g_strdup(end->results);
  seen->baseline = g_strdup(end->baseline);
  seen->n_done++;
  g_main_loop_quit(seen->loop);
}

static char *program(const char *script) {
  char *path = g_build_filename(dir, "verify", NULL);
  g_autofree char *text = g_strconcat("#!/bin/bash\n", script, "\n", NULL);

  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  g_assert_cmpint(g_chmod(path, 0700), ==, 0);
  return path;
}

static gboolean cancel(gpointer data) {
  dpl_verify_cancel(data);
  return G_SOURCE_REMOVE;
}

static Seen run(const char *script, gboolean record, gboolean cut) {
  Seen seen = {.loop = g_main_loop_new(NULL, FALSE)};
  g_autofree char *path = program(script);
  DplVerifyOptions options = {
      .program = path,
      .directory = dir,
      .name = "shop 1",
      .user_scope = TRUE,
      .how = WG_RUN_PLAIN,
      .plan = "{\"checks\":[]}",
      .record = record,
      .limit = cut ? 0 : 20 * (guint64)G_USEC_PER_SEC,
      .result = on_result,
  };
  DplVerify *verify = dpl_verify_start(&options, on_done, &seen);

  g_assert_cmpuint(seen.n_done, ==, 0);
  if (cut)
    g_timeout_add(100, cancel, verify);
  g_main_loop_run(seen.loop);
  g_assert_cmpuint(seen.n_done, ==, 1);
  return seen;
}

#define RESULT(verdict)                                                                            \
  "{\"event\":\"result\",\"result\":{\"name\":\"web\",\"verdict\":\"" verdict "\"}}"
#define END(verdict)                                                                               \
  "{\"event\":\"end\",\"results\":{\"verdict\":\"" verdict                                         \
  "\",\"checks\":[{\"name\":\"web\",\"verdict\":\"" verdict "\",\"text\":\"it is so\"}]}}"

static void expect(const char *script, DplVerdict verdict, const char *text) {
  Seen seen = run(script, FALSE, FALSE);

  g_test_message("%s: %s", dpl_verdict_name(seen.verdict), seen.text);
  g_assert_cmpint(seen.verdict, ==, verdict);
  g_assert_nonnull(strstr(seen.text, text));
  seen_clear(&seen);
}

static void test_judged(void) {
  expect("echo '" END("pass") "'; exit 0", DPL_VERDICT_PASS, "all checks hold");
  expect("echo '" END("warn") "'; exit 0", DPL_VERDICT_WARN, "");
  expect("echo '" END("fail") "'; exit 1", DPL_VERDICT_FAIL, "web: it is so");
  expect("echo '" END("fail") "'; exit 3", DPL_VERDICT_DEADLINE, "web");
  expect("echo '" END("error") "'; exit 4", DPL_VERDICT_ERROR, "web: it is so");
}

/* Whatever is not both said and meant is an error: nobody may go on upon it. */
static void test_lies(void) {
  expect("exit 0", DPL_VERDICT_ERROR, "no results");
  expect("echo '" END("fail") "'; exit 0", DPL_VERDICT_ERROR, "says \"fail\"");
  expect("echo '" END("pass") "'; exit 1", DPL_VERDICT_ERROR, "exited with 1");
  expect("echo '" END("pass") "'; kill -SEGV $$", DPL_VERDICT_ERROR, "signal");
  expect("echo 'not json'; echo '[]'; echo '{\"event\":7}'; exit 0", DPL_VERDICT_ERROR, "");
  expect("exit 78", DPL_VERDICT_ERROR, "78");
}

static void test_not_there(void) {
  Seen seen = {.loop = g_main_loop_new(NULL, FALSE)};
  DplVerifyOptions options = {.program = "/nonexistent/verify",
                              .directory = dir,
                              .name = "shop",
                              .how = WG_RUN_PLAIN,
                              .plan = "{}"};

  dpl_verify_start(&options, on_done, &seen);
  g_main_loop_run(seen.loop);
  g_assert_cmpint(seen.verdict, ==, DPL_VERDICT_ERROR);
  seen_clear(&seen);
  seen = (Seen){.loop = g_main_loop_new(NULL, FALSE)};
  options.directory = "/nonexistent";
  dpl_verify_start(&options, on_done, &seen);
  g_main_loop_run(seen.loop);
  g_assert_cmpint(seen.verdict, ==, DPL_VERDICT_ERROR);
  seen_clear(&seen);
}

static void test_events(void) {
  Seen seen = run("echo '" RESULT("pass") "'; echo '" RESULT("warn") "'; echo '" END("warn") "'",
                  FALSE, FALSE);

  g_assert_cmpuint(seen.n_results, ==, 2);
  g_assert_nonnull(strstr(seen.results, "\"it is so\""));
  seen_clear(&seen);
}

static void test_canceled(void) {
  Seen seen = run("exec sleep 60", FALSE, TRUE);

  g_assert_cmpint(seen.verdict, ==, DPL_VERDICT_DEADLINE);
  seen_clear(&seen);
}

/* The plan comes on standard input; what is recorded is read back; nothing is left behind. */
static void test_record(void) {
  Seen seen = run("for a; do case $a in --record=*) cat >\"${a#--record=}\";; esac; done;"
                  "echo '" END("pass") "'",
                  TRUE, FALSE);
  g_autoptr(GDir) open = NULL;

  g_assert_cmpint(seen.verdict, ==, DPL_VERDICT_PASS);
  g_assert_cmpstr(seen.baseline, ==, "{\"checks\":[]}");
  seen_clear(&seen);
  open = g_dir_open(dir, 0, NULL);
  for (const char *name = g_dir_read_name(open); name != NULL; name = g_dir_read_name(open))
    g_assert_false(g_str_has_prefix(name, "verify-"));
  seen = run("echo '" END("pass") "'", TRUE, FALSE);
  g_assert_cmpint(seen.verdict, ==, DPL_VERDICT_ERROR);
  seen_clear(&seen);
}

/* ---- questions to the store, through its writer ---- */
typedef struct {
  GMainLoop *loop;
  char *text;
} Asked;

static void put_done(const GError *error, gpointer data) {
  g_assert_no_error(error);
  g_main_loop_quit(data);
}

static void found(const DplRecord *record, const GError *error, gpointer data) {
  Asked *asked = data;

  g_assert_no_error(error);
  g_free(asked->text);
  asked->text = record != NULL ? dpl_record_to_text(record) : NULL;
  g_main_loop_quit(asked->loop);
}

static void told(JsonNode *node, const GError *error, gpointer data) {
  Asked *asked = data;

  g_assert_no_error(error);
  g_free(asked->text);
  asked->text = node != NULL ? json_to_string(node, FALSE) : NULL;
  g_main_loop_quit(asked->loop);
}

static void put(DplStore *store, GMainLoop *loop, guint64 id, const char *release) {
  DplState states[] = {DPL_STATE_VALIDATED, DPL_STATE_VERIFYING, DPL_STATE_COMMITTED,
                       DPL_STATE_DONE};
  DplRecord r = {.id = id,
                 .target = (char *)"shop",
                 .root = (char *)"/srv/shop",
                 .to = (char *)release,
                 .manifest = (char *)"{\"name\":\"shop\"}"};

  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    DplWrite write = {.record = &r, .is_new = i == 0, .from = r.state, .who = "uid:1"};
    write.results = i == 2 ? "{\"verdict\":\"pass\"}" : NULL;
    r.state = states[i];
    dpl_store_ledger.put(store, &write, 1, put_done, loop);
    g_main_loop_run(loop);
  }
}

static void test_queries(void) {
  WgSalvage salvage = {0};
  g_auto(DplLoaded) loaded = {0};
  DplStore *store = dpl_store_open(dir, &salvage, NULL);
  Asked asked = {.loop = g_main_loop_new(NULL, FALSE)};
  DplListOptions all = {.target = "shop"}, none = {.active = TRUE};

  g_assert_true(dpl_store_load(store, &loaded, NULL));
  wg_records_begin(store, NULL, NULL);
  put(store, asked.loop, 1, "one");
  put(store, asked.loop, 2, "two");
  dpl_query_release(store, "shop", NULL, "two", NULL, found, &asked);
  g_main_loop_run(asked.loop);
  g_assert_nonnull(strstr(asked.text, "\"to\":\"one\""));
  dpl_query_release(store, "shop", "three", NULL, NULL, found, &asked);
  g_main_loop_run(asked.loop);
  g_assert_null(asked.text);
  const char *const here[] = {"two", NULL};
  dpl_query_release(store, "shop", NULL, "two", here, found, &asked); /* "one" is gone */
  g_main_loop_run(asked.loop);
  g_assert_null(asked.text);
  dpl_query_show(store, 2, told, &asked);
  g_main_loop_run(asked.loop);
  g_assert_nonnull(strstr(asked.text, "\"results\":{\"verdict\":\"pass\"}"));
  g_assert_nonnull(strstr(asked.text, "\"manifest\":{\"name\":\"shop\"}"));
  g_assert_nonnull(strstr(asked.text, "\"from\":\"committed\",\"to\":\"done\""));
  dpl_query_list(store, &all, told, &asked);
  g_main_loop_run(asked.loop);
  g_assert_true(g_str_has_prefix(asked.text, "[{\"id\":2,"));
  g_assert_null(strstr(asked.text, "manifest"));
  dpl_query_list(store, &none, told, &asked);
  g_main_loop_run(asked.loop);
  g_assert_cmpstr(asked.text, ==, "[]");
  g_free(asked.text);
  g_main_loop_unref(asked.loop);
  wg_records_free(store);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  dir = g_dir_make_tmp("waggle-verify-XXXXXX", NULL);
  g_test_add_func("/deployment/verify/judged", test_judged);
  g_test_add_func("/deployment/verify/lies", test_lies);
  g_test_add_func("/deployment/verify/not-there", test_not_there);
  g_test_add_func("/deployment/verify/events", test_events);
  g_test_add_func("/deployment/verify/canceled", test_canceled);
  g_test_add_func("/deployment/verify/record", test_record);
  g_test_add_func("/deployment/queries", test_queries);
  int status = g_test_run();
  char *argv_rm[] = {(char *)"rm", (char *)"-rf", dir, NULL};
  g_spawn_sync(NULL, argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(dir);
  return status;
}
