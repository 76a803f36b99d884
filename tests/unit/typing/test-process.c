/* test-process.c: the hand's supervision, with a hand (tests/bus/fake-hand.py) that does as it is
 * told. What the daemon makes of it is tests/bus/test-typing-hand.py's. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/process.h"

#include "common/error.h"
#include "typing/hand-protocol.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir, *scenario, *log, *restore;
  TypHand *hand;
  guint n_ready, n_ended, n_answers;
  gboolean unexpected, began;
  char *why;
  GError *error;
} Rig;

static void on_state(GVariant *info, const char *why, gboolean unexpected, gpointer data) {
  Rig *rig = data;

  if (info != NULL) {
    rig->n_ready++;
    return;
  }
  rig->n_ended++;
  rig->unexpected = unexpected;
  g_free(rig->why);
  rig->why = g_strdup(why);
}

static void on_answer(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  Rig *rig = data;

  g_assert_true((reply != NULL) != (error != NULL));
  rig->n_answers++;
  rig->began = began;
  g_clear_error(&rig->error);
  rig->error = error != NULL ? g_error_copy(error) : NULL;
}

static void plan(Rig *rig, const char *json) {
  g_assert_true(g_file_set_contents(rig->scenario, json, -1, NULL));
}

/* Also for the hand to start, which is a program to load. */
static guint64 answer_limit;

static void configure(Rig *rig, const char *program, const char *display) {
  g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "DISPLAY", display, TRUE);

  environment = g_environ_setenv(environment, "WAGGLE_FAKE_HAND", rig->scenario, TRUE);
  typ_hand_configure(rig->hand, program, rig->restore, environment, answer_limit);
}

static void rig_set_up(Rig *rig, gconstpointer data) {
  static const TypHandFuncs funcs = {on_state};

  rig->dir = g_dir_make_tmp("waggle-hand-XXXXXX", NULL);
  rig->scenario = g_build_filename(rig->dir, "scenario", NULL);
  rig->log = g_strconcat(rig->scenario, ".log", NULL);
  rig->restore = g_build_filename(rig->dir, "restore", NULL);
  plan(rig, "{}");
  rig->hand = typ_hand_new(&funcs, rig);
  answer_limit = 60 * G_USEC_PER_SEC;
  configure(rig, g_getenv("TYP_FAKE_HAND"), ":5");
}

static void rig_tear_down(Rig *rig, gconstpointer data) {
  g_clear_pointer(&rig->hand, typ_hand_free);
  (void)g_remove(rig->scenario);
  do { /* a hand that was let go may still write what it was asked before */
    (void)g_remove(rig->log);
  } while (g_rmdir(rig->dir) != 0 && errno == ENOTEMPTY);
  g_assert_false(g_file_test(rig->dir, G_FILE_TEST_EXISTS));
  g_free(rig->dir);
  g_free(rig->scenario);
  g_free(rig->log);
  g_free(rig->restore);
  g_free(rig->why);
  g_clear_error(&rig->error);
}

static void wait_for(guint *counter, guint n) {
  while (*counter < n)
    g_main_context_iteration(NULL, TRUE);
}

static void request(Rig *rig, guint64 limit) {
  GVariant *arguments =
      g_variant_new_parsed("{'text': <'hello'>, 'submit': <''>, 'window': <uint32 1>}");

  typ_hand_request(rig->hand, HAND_TYPE, arguments, limit, on_answer, rig);
}

static guint count(Rig *rig, const char *kind) {
  g_autofree char *text = NULL;
  g_autofree char *word = g_strdup_printf("\"kind\": \"%s\"", kind);
  guint n = 0;

  if (!g_file_get_contents(rig->log, &text, NULL, NULL))
    return 0;
  for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
    n++;
  return n;
}

static void test_answers(Rig *rig, gconstpointer data) {
  for (guint i = 0; i < 5; i++)
    request(rig, 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(rig->n_answers, ==, 0); /* never from within the request */
  g_assert_cmpuint(typ_hand_n_requests(rig->hand), ==, 5);
  wait_for(&rig->n_answers, 5);
  g_assert_no_error(rig->error);
  g_assert_cmpuint(rig->n_ready, ==, 1);
  g_assert_cmpuint(count(rig, "start"), ==, 1);
  g_assert_cmpuint(count(rig, "type"), ==, 5);
}

static void test_dies(Rig *rig, gconstpointer data) {
  plan(rig, "{\"type\": {\"do\": \"die\"}}");
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 1);
  g_assert_error(rig->error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_true(rig->began);
  g_assert_true(rig->unexpected);
  wait_for(&rig->n_ready, 2); /* by itself: it has to put things back */
  g_assert_cmpuint(count(rig, "type"), ==, 1);
}

static void test_hangs(Rig *rig, gconstpointer data) {
  plan(rig, "{\"type\": {\"do\": \"hang\"}}");
  answer_limit = 5 * G_USEC_PER_SEC;
  configure(rig, g_getenv("TYP_FAKE_HAND"), ":5");
  request(rig, 100000);
  wait_for(&rig->n_answers, 1);
  g_assert_true(rig->began);
  g_assert_nonnull(strstr(rig->error->message, "did not answer in time and was killed"));
  wait_for(&rig->n_ready, 2);
}

static void test_no_display(Rig *rig, gconstpointer data) {
  plan(rig, "{\"start\": \"no-display\"}");
  request(rig, 60 * G_USEC_PER_SEC);
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 2);
  g_assert_error(rig->error, WG_ERROR, WG_ERROR_NO_DISPLAY);
  g_assert_nonnull(strstr(rig->error->message, "tmux"));
  g_assert_false(rig->began);
  g_assert_false(rig->unexpected);
  g_assert_cmpuint(count(rig, "start"), ==, 1); /* both are refused by one attempt */
}

static void test_cannot_be_started(Rig *rig, gconstpointer data) {
  configure(rig, "/nonexistent/hand", ":5");
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 1);
  g_assert_error(rig->error, WG_ERROR, WG_ERROR_FAILED);
  g_assert_false(rig->began);
}

static void test_another_environment(Rig *rig, gconstpointer data) {
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 1);
  configure(rig, g_getenv("TYP_FAKE_HAND"), ":5"); /* the same one */
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 2);
  g_assert_cmpuint(rig->n_ready, ==, 1);
  configure(rig, g_getenv("TYP_FAKE_HAND"), ":6");
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_answers, 3);
  g_assert_no_error(rig->error);
  g_assert_cmpuint(rig->n_ready, ==, 2);
  g_assert_cmpuint(rig->n_ended, ==, 0); /* it was asked to leave: no news */
}

static void test_stop(Rig *rig, gconstpointer data) {
  plan(rig, "{\"type\": {\"after\": 20}}");
  request(rig, 60 * G_USEC_PER_SEC);
  while (count(rig, "type") == 0)
    g_main_context_iteration(NULL, FALSE);
  typ_hand_stop_typing(rig->hand);
  wait_for(&rig->n_answers, 1);
  g_assert_no_error(rig->error);
  g_assert_true(typ_hand_is_ready(rig->hand));
}

static void test_freed_in_the_middle(Rig *rig, gconstpointer data) {
  plan(rig, "{\"type\": {\"after\": 20}}");
  request(rig, 60 * G_USEC_PER_SEC);
  request(rig, 60 * G_USEC_PER_SEC);
  wait_for(&rig->n_ready, 1);
  g_clear_pointer(&rig->hand, typ_hand_free);
  g_assert_cmpuint(rig->n_answers, ==, 2);
  g_assert_error(rig->error, WG_ERROR, WG_ERROR_SHUTTING_DOWN);
}

#define ADD(path, func) g_test_add(path, Rig, NULL, rig_set_up, func, rig_tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("/process/answers", test_answers);
  ADD("/process/dies", test_dies);
  ADD("/process/hangs", test_hangs);
  ADD("/process/no-display", test_no_display);
  ADD("/process/cannot-be-started", test_cannot_be_started);
  ADD("/process/environment", test_another_environment);
  ADD("/process/stop", test_stop);
  ADD("/process/freed", test_freed_in_the_middle);
  return g_test_run();
}
