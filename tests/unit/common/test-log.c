/* test-log.c: what stands on stderr, in which form, and what is left out. Every case runs
 * in a process of its own, because GLib takes a log writer only once. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENV_OUT "TEST_LOG_OUT"
#define ID "00000000000000000000000000000001"

/* stderr becomes a file of ours, named in the environment by the parent. */
static void redirect_stderr(void) {
  g_assert_nonnull(freopen(g_getenv(ENV_OUT), "w", stderr));
}

static char *run_case(const char *path) {
  g_autofree char *file = NULL;
  char *text = NULL;
  int fd = g_file_open_tmp("test-log-XXXXXX", &file, NULL);

  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_setenv(ENV_OUT, file, TRUE);
  g_test_trap_subprocess(path, 0, 0);
  g_test_trap_assert_passed();
  g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
  g_unlink(file);
  return text;
}

static void case_console(void) {
  g_unsetenv("JOURNAL_STREAM");
  redirect_stderr();
  wg_log_init("waggle-tested");
  errno = ENOTTY;
  wg_log(LOG_NOTICE, ID, WG_FIELDS(WG_FIELD_AGENT, "a"), "said %i", 1);
  g_assert_cmpint(errno, ==, ENOTTY);
  wg_log(LOG_DEBUG, NULL, NULL, "hidden");
  wg_log_set_max_level(LOG_DEBUG);
  wg_log(LOG_DEBUG, NULL, NULL, "shown");
  wg_log_set_max_level(LOG_ERR);
  wg_log(LOG_WARNING, ID, NULL, "hidden");
  g_assert_true(wg_log_set_target("null"));
  wg_log(LOG_ERR, ID, NULL, "hidden");
  g_message("hidden");
  g_assert_false(wg_log_set_target("syslog"));
  g_assert_cmpstr(wg_log_target(), ==, "null");
  g_assert_true(wg_log_set_target("console"));
  wg_log(LOG_ERR, ID, NULL, "two\nlines");
}

static void test_console(void) {
  g_autofree char *text = run_case("/log/subprocess/console");

  g_assert_cmpstr(text, ==,
                  "waggle-tested: said 1\nwaggle-tested: shown\n"
                  "waggle-tested: two\nwaggle-tested: lines\n");
}

static void case_stream(void) {
  struct stat st;

  redirect_stderr();
  g_assert_cmpint(fstat(STDERR_FILENO, &st), ==, 0);
  g_autofree char *stream = g_strdup_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
  g_setenv("JOURNAL_STREAM", stream, TRUE);
  wg_log_init("waggle-tested");
  wg_log(LOG_WARNING, ID, NULL, "two\nlines");
  g_message("of glib");
}

/* stderr is the journal's: fields go over the native socket; where that is missing, the level
 * stands in front. Both are right, depending on the machine. */
static void test_stream(void) {
  const GLogField probe[] = {{"MESSAGE", "waggle's test-log asks for the journal", -1},
                             {"PRIORITY", "7", -1}};
  gboolean journald = g_log_writer_journald(G_LOG_LEVEL_DEBUG, probe, G_N_ELEMENTS(probe), NULL) ==
                      G_LOG_WRITER_HANDLED;
  g_autofree char *text = run_case("/log/subprocess/stream");

  g_assert_cmpstr(text, ==, journald ? "" : "<4>two\n<4>lines\n<5>of glib\n");
}

static void case_debug(void) {
  g_unsetenv("JOURNAL_STREAM");
  g_setenv("G_MESSAGES_DEBUG", "other waggle", TRUE);
  redirect_stderr();
  wg_log_init("waggle-tested");
  g_assert_cmpint(wg_log_max_level(), ==, LOG_DEBUG);
  wg_log(LOG_DEBUG, NULL, NULL, "shown");
  g_debug("of glib");
}

static void test_debug(void) {
  g_autofree char *text = run_case("/log/subprocess/debug");

  g_assert_true(g_str_has_prefix(text, "waggle-tested: shown\n"));
  g_assert_nonnull(strstr(text, "of glib"));
}

static void case_fatal(void) {
  wg_log_init("waggle-tested");
  wg_log_set_target(g_getenv(ENV_OUT));
  g_error("the end");
}

/* No target may swallow a fatal message: the process must still die of it. */
static void test_fatal(void) {
  for (const char *const *t = (const char *const[]){"console", "journal", "null", NULL}; *t; t++) {
    g_setenv(ENV_OUT, *t, TRUE);
    g_test_trap_subprocess("/log/subprocess/fatal", 0, 0);
    g_test_trap_assert_failed();
  }
}

static void test_rate(void) {
  WgLogRate rate = {.interval_usec = G_MAXINT64, .burst = 2};
  guint left_out = 7;

  g_assert_true(wg_log_rate_ok(&rate, &left_out));
  g_assert_cmpuint(left_out, ==, 0);
  g_assert_true(wg_log_rate_ok(&rate, NULL));
  for (guint i = 0; i < 5; i++)
    g_assert_false(wg_log_rate_ok(&rate, &left_out));
  rate.interval_usec = 0; /* the interval is over */
  g_assert_true(wg_log_rate_ok(&rate, &left_out));
  g_assert_cmpuint(left_out, ==, 5);
  g_assert_true(wg_log_rate_ok(&rate, &left_out));
  g_assert_cmpuint(left_out, ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/log/console", test_console);
  g_test_add_func("/log/subprocess/console", case_console);
  g_test_add_func("/log/stream", test_stream);
  g_test_add_func("/log/subprocess/stream", case_stream);
  g_test_add_func("/log/debug", test_debug);
  g_test_add_func("/log/subprocess/debug", case_debug);
  g_test_add_func("/log/fatal", test_fatal);
  g_test_add_func("/log/subprocess/fatal", case_fatal);
  g_test_add_func("/log/rate", test_rate);
  return g_test_run();
}
