/* test-run.c: commands as processes of our own: how they end, what they are given, what they say.
 */
#include "run-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ran_start() puts its own in place of it. */
static void wanted(WgRun *run, const char *line, gpointer data) {
}

static const WgRunOptions captured = {.how = WG_RUN_PLAIN, .output_max = 1 << 20};
static const WgRunOptions lines = {.how = WG_RUN_PLAIN, .line = wanted, .error_line = wanted};

static void test_exit(void) {
  ran_ends(NULL, "exit", "0", NULL, WG_RUN_EXITED, 0, "exited with status 0");
  ran_ends(NULL, "exit", "1", NULL, WG_RUN_EXITED, 1, "exited with status 1");
  ran_ends(NULL, "exit", "255", NULL, WG_RUN_EXITED, 255, "exited with status 255");
}

static void test_signal(void) {
  ran_ends(NULL, "signal", "9", NULL, WG_RUN_SIGNALED, 9, "killed by signal 9 (KILL)");
  ran_ends(NULL, "signal", "11", NULL, WG_RUN_SIGNALED, 11, "killed by signal 11 (SEGV)");
}

static void test_output(void) {
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, &captured, "say", "to\nout", "to err\n");
  ran_wait(ran);
  g_autofree char *out = ran_out(ran);
  g_autofree char *err = ran_err(ran);
  g_assert_cmpstr(out, ==, "to\nout");
  g_assert_cmpstr(err, ==, "to err\n");
  g_assert_false(ran->cut);
  g_assert_cmpuint(ran->lines->len, ==, 0);
}

/* Not a byte more than asked for, and the command is not held up. */
static void test_bound(void) {
  const WgRunOptions o = {.how = WG_RUN_PLAIN, .output_max = 100, .line = wanted};
  g_autoptr(Ran) ran = ran_new();
  g_autoptr(Ran) exact = ran_new();

  ran_start(ran, &o, "lines", "20000", NULL);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_EXITED);
  g_assert_cmpuint(g_bytes_get_size(ran->out), ==, 100);
  g_assert_cmpuint(g_bytes_get_size(ran->err), ==, 100);
  g_assert_true(ran->cut);
  g_assert_cmpuint(ran->lines->len, ==, 10000); /* lines have no bound */
  g_assert_cmpstr(ran->lines->pdata[9999], ==, "line 19998 of output");
  g_autofree char *hundred = g_strnfill(100, 'y');
  ran_start(exact, &o, "say", hundred, NULL);
  ran_wait(exact);
  g_assert_cmpuint(g_bytes_get_size(exact->out), ==, 100);
  g_assert_false(exact->cut);
}

/* All of it up to the last byte, although the command ends with its pipe full. */
static void test_huge(void) {
  const WgRunOptions o = {.how = WG_RUN_PLAIN, .output_max = 64 << 20, .line = wanted};
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, &o, "bytes", "20000000", NULL);
  ran_wait(ran);
  g_assert_cmpuint(g_bytes_get_size(ran->out), ==, 20000001);
  g_assert_false(ran->cut);
  g_assert_cmpuint(ran->lines->len, ==, 2); /* over 16 MiB it comes in parts */
  g_assert_cmpuint(strlen(ran->lines->pdata[0]) + strlen(ran->lines->pdata[1]), ==, 20000000);
}

static void test_lines(void) {
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, &lines, "say", "one\n\nthree", "error\n");
  ran_wait(ran);
  g_assert_cmpuint(ran->lines->len, ==, 3);
  g_assert_cmpstr(ran->lines->pdata[0], ==, "one");
  g_assert_cmpstr(ran->lines->pdata[1], ==, "");
  g_assert_cmpstr(ran->lines->pdata[2], ==, "three");
  g_assert_cmpuint(ran->errors->len, ==, 1);
  g_assert_cmpstr(ran->errors->pdata[0], ==, "error");
  g_assert_null(ran->out);
  g_assert_null(ran->err);
}

static void test_input(void) {
  g_autoptr(Ran) none = ran_new();
  g_autoptr(Ran) ran = ran_new();
  WgRunOptions o = captured;

  ran_start(none, &o, "input", NULL, NULL); /* ends: there is nothing */
  ran_wait(none);
  g_assert_cmpuint(g_bytes_get_size(none->out), ==, 0);
  o.input = memfd_create("input", MFD_CLOEXEC);
  g_assert_cmpint(write(o.input, "some bytes", 10), ==, 10);
  g_assert_cmpint(lseek(o.input, 0, SEEK_SET), ==, 0);
  ran_start(ran, &o, "input", NULL, NULL);
  g_assert_cmpint(fcntl(o.input, F_GETFD), >=, 0); /* it stays ours */
  close(o.input);
  ran_wait(ran);
  g_autofree char *out = ran_out(ran);
  g_assert_cmpstr(out, ==, "some bytes");
}

static void not_started(const char *program, const char *directory, const char *text) {
  const char *argv[] = {program, NULL};
  WgRunOptions o = {.how = WG_RUN_PLAIN, .argv = argv, .directory = directory};
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, &o, "", NULL, NULL);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_NOT_STARTED);
  if (strstr(ran->text, text) == NULL)
    g_error("'%s' is not in: %s", text, ran->text);
}

static void test_not_started(void) {
  g_autofree char *dir = g_dir_make_tmp("waggle-run-XXXXXX", NULL);
  g_autofree char *text = g_build_filename(dir, "text", NULL);
  g_autofree char *script = g_build_filename(dir, "script", NULL);

  g_assert_true(g_file_set_contents(text, "no program", -1, NULL));
  g_assert_true(g_file_set_contents_full(script, "#!/not/here\n", -1, 0, 0755, NULL));
  not_started("/not/here", NULL, "\"/not/here\" cannot be run: No such file");
  not_started("not-here-at-all", NULL, "no program \"not-here-at-all\" is in $PATH");
  not_started("", NULL, "no command is given");
  not_started("/", NULL, "no program that may be run");
  not_started(text, NULL, "no program that may be run");
  not_started(script, NULL, "cannot be run: No such file");
  not_started("./text", dir, "no program that may be run"); /* below its directory */
  not_started("true", "/not/here", "the directory \"/not/here\" cannot be entered: No such file");
  g_assert_cmpint(unlink(text), ==, 0);
  g_assert_cmpint(unlink(script), ==, 0);
  g_assert_cmpint(rmdir(dir), ==, 0);
}

static gboolean has(char **list, const char *line) {
  return g_strv_contains((const char *const *)list, line);
}

/* The list and three of ours; nothing that systemd meant for us. */
static void test_environment(void) {
  static const char *const ours[] = {"NOTIFY_SOCKET",         "LISTEN_FDS",      "LISTEN_PID",
                                     "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM",  "INVOCATION_ID",
                                     "WATCHDOG_USEC",         "STATE_DIRECTORY", "UNKNOWN"};
  const char *const env[] = {"A=b c=$HOME", "PATH=/own", "EMPTY=", "novalue", NULL};
  WgRunOptions o = captured;
  g_autoptr(Ran) ran = ran_new();

  for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
    g_setenv(ours[i], "ours", TRUE);
  g_setenv("HOME", "/tmp", TRUE);
  g_setenv("LANG", "C.UTF-8", TRUE);
  o.env = env;
  ran_start(ran, &o, "environment", NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
    g_unsetenv(ours[i]);
  ran_wait(ran);
  g_autofree char *text = ran_out(ran);
  g_auto(GStrv) got = g_strsplit(g_strchomp(text), "\n", -1);
  g_assert_true(has(got, "A=b c=$HOME") && has(got, "PATH=/own") && has(got, "EMPTY="));
  g_assert_true(has(got, "HOME=/tmp") && has(got, "LANG=C.UTF-8"));
  g_assert_cmpuint(g_strv_length(got), ==, 5);
}

/* Nothing of ours but three descriptors; a session of its own; no signal ignored; it dies with us;
 * in a sandbox no way to more rights. */
static void test_process(void) {
  WgRunOptions o = captured;
  g_autoptr(Ran) ran = ran_new();
  g_autoptr(Ran) free_one = ran_new();
  int leak = open("/dev/null", O_RDONLY); /* of a library that forgot */

  g_assert_cmpint(leak, >=, 0);
  o.directory = "/";
  o.sandbox = TRUE;
  signal(SIGPIPE, SIG_IGN);
  ran_start(ran, &o, "process", NULL, NULL);
  ran_wait(ran);
  g_autofree char *text = ran_out(ran);
  g_assert_cmpstr(text, ==, "fd 0\nfd 1\nfd 2\nleader 1 1\ndeath 9\nprivileges 1\ndirectory /\n");
  o.sandbox = FALSE;
  ran_start(free_one, &o, "process", NULL, NULL);
  ran_wait(free_one);
  close(leak);
  g_autofree char *other = ran_out(free_one);
  g_assert_nonnull(strstr(other, "privileges 0\n"));
}

int main(int argc, char **argv) {
  run_act(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/run/exit", test_exit);
  g_test_add_func("/run/signal", test_signal);
  g_test_add_func("/run/output", test_output);
  g_test_add_func("/run/bound", test_bound);
  g_test_add_func("/run/huge", test_huge);
  g_test_add_func("/run/lines", test_lines);
  g_test_add_func("/run/input", test_input);
  g_test_add_func("/run/not-started", test_not_started);
  g_test_add_func("/run/environment", test_environment);
  g_test_add_func("/run/process", test_process);
  return g_test_run();
}
