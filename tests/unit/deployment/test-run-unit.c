/* test-run-unit.c: commands as transient units (common/run.h) of a manager that really runs them.
 * What only a real systemd does is asked in tests/system; how its words are read, in exec-unit. */
#include "../common/process-fixture.h"
#include "mock-fixture.h"

#include "../common/run-fixture.h"

#include "common/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* ran_start() puts its own in place of it. */
static void wanted(WgRun *run, const char *line, gpointer data) {
}

static WgRunOptions options(void) {
  return (WgRunOptions){.how = WG_RUN_UNIT, .bus = mock.bus, .prefix = "waggle-test", .input = -1};
}

static gboolean none_is_left(gpointer data) {
  return mock_count("Unref") == GPOINTER_TO_UINT(data);
}

static void test_ends(void) {
  WgRunOptions o = options();

  ran_ends(&o, "exit", "0", NULL, WG_RUN_EXITED, 0, "exited with status 0");
  ran_ends(&o, "exit", "7", NULL, WG_RUN_EXITED, 7, "exited with status 7");
  ran_ends(&o, "signal", "11", NULL, WG_RUN_SIGNALED, 11, "killed by signal 11 (SEGV)");
  o.timeout = 50000;
  ran_ends(&o, "hang", NULL, NULL, WG_RUN_TIMEOUT, 0, "ran longer than 50ms");
  o.kill_after = 50000;
  ran_ends(&o, "deaf", NULL, NULL, WG_RUN_TIMEOUT, 0, "ran longer than 50ms");
  mock_until(none_is_left, GUINT_TO_POINTER(5)); /* nothing of them stays with systemd */
}

static void test_output(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  o.output_max = 1000;
  o.line = o.error_line = wanted;
  ran_start(ran, &o, "say", "one\ntwo", "wrong\n");
  ran_wait(ran);
  g_autofree char *out = ran_out(ran);
  g_autofree char *err = ran_err(ran);
  g_assert_cmpstr(out, ==, "one\ntwo");
  g_assert_cmpstr(err, ==, "wrong\n");
  g_assert_cmpuint(ran->lines->len, ==, 2);
  g_assert_cmpstr(ran->errors->pdata[0], ==, "wrong");
}

/* All of it, up to the last byte. */
static void test_huge(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  o.output_max = 8 << 20;
  ran_start(ran, &o, "bytes", "5000000", NULL);
  ran_wait(ran);
  g_assert_cmpuint(g_bytes_get_size(ran->out), ==, 5000001);
  g_assert_false(ran->cut);
}

static void test_given(void) {
  const char *const env[] = {"A=b c", NULL};
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();
  g_autoptr(Ran) reads = ran_new();

  o.output_max = 65536;
  o.env = env;
  g_setenv("NOTIFY_SOCKET", "/ours", TRUE);
  ran_start(ran, &o, "environment", NULL, NULL);
  ran_wait(ran);
  g_unsetenv("NOTIFY_SOCKET");
  g_autofree char *text = ran_out(ran);
  g_assert_nonnull(strstr(text, "A=b c\n"));
  g_assert_null(strstr(text, "NOTIFY_SOCKET"));
  o.input = memfd_create("input", MFD_CLOEXEC);
  g_assert_cmpint(write(o.input, "bytes", 5), ==, 5);
  g_assert_cmpint(lseek(o.input, 0, SEEK_SET), ==, 0);
  ran_start(reads, &o, "input", NULL, NULL);
  close(o.input);
  ran_wait(reads);
  g_autofree char *input = ran_out(reads);
  g_assert_cmpstr(input, ==, "bytes");
}

static void fails(WgRunOptions *o, WgRunEndHow how, const char *text) {
  g_autoptr(Ran) ran = ran_new();

  ran_start(ran, o, "exit", "0", NULL);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, how);
  if (strstr(ran->text, text) == NULL)
    g_error("'%s' is not in: %s", text, ran->text);
}

static void test_not_started(void) {
  static const char *const gone[] = {"/not/here", NULL};
  WgRunOptions o = options();

  o.argv = gone;
  fails(&o, WG_RUN_NOT_STARTED, "\"/not/here\" cannot be run");
  o.argv = NULL;
  o.directory = "/not/here";
  fails(&o, WG_RUN_NOT_STARTED, "systemd did not start it: status 20"); /* as the mock has it */
  o.directory = NULL;
  mock_test("Refuse", "ss", "StartTransientUnit", "org.freedesktop.DBus.Error.AccessDenied");
  mock_until(none_is_left, GUINT_TO_POINTER(1));
  fails(&o, WG_RUN_NOT_STARTED, "systemd refused it: the mock refuses");
  mock_until(none_is_left, GUINT_TO_POINTER(2));
}

static gboolean has_line(gpointer data) {
  return ((Ran *)data)->lines->len > 0;
}

static gboolean is_gone(gpointer data) {
  return !process_lives(*(int *)data);
}

/* A family, whose members all have to go. */
static void family(Ran *ran, WgRunOptions *o, int pids[2]) {
  o->line = o->error_line = wanted;
  o->kill_after = 50000;
  ran_start(ran, o, "family", NULL, NULL);
  mock_until(has_line, ran);
  g_assert_cmpint(sscanf(ran->lines->pdata[0], "%d %d", &pids[0], &pids[1]), ==, 2);
}

static void family_goes(int pids[2]) {
  mock_until(is_gone, &pids[0]);
  mock_until(is_gone, &pids[1]);
}

static void test_cancel(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();
  int pids[2];

  family(ran, &o, pids);
  wg_run_cancel(ran->run);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
  family_goes(pids);
}

/* Before systemd came to it: the start is taken back. */
static void test_cancel_early(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  mock_test("Hold", "b", 1);
  ran_start(ran, &o, "hang", NULL, NULL);
  while (mock_count("StartTransientUnit") == 0)
    g_main_context_iteration(NULL, FALSE);
  wg_run_cancel(ran->run);
  while (mock_count("StopUnit") == 0)
    g_main_context_iteration(NULL, FALSE);
  mock_test("Hold", "b", 0);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
}

static void test_forget(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();
  int pids[2];

  family(ran, &o, pids);
  wg_run_forget(g_steal_pointer(&ran->run));
  family_goes(pids);
  mock_until(none_is_left, GUINT_TO_POINTER(1));
  g_assert_cmpuint(ran->n_done, ==, 0);
}

/* One of that name runs, of a caller that died: never two at once. */
static void test_exists(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) first = ran_new();
  int pids[2];

  o.unit_name = "waggle-test.service";
  family(first, &o, pids);
  fails(&o, WG_RUN_LOST, "an earlier run of it had not ended; it is ended now");
  ran_wait(first);
  family_goes(pids);
}

/* The manager was executed anew while it ran: the end is seen all the same. */
static void test_reexecuted(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  o.line = o.error_line = wanted;
  ran_start(ran, &o, "hang", NULL, NULL);
  mock_until(has_line, ran);
  mock_call("Reexecute", "");
  wg_run_cancel(ran->run);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
}

/* The same, and it was not there when it should have heard that the command is to end. */
static void test_cancel_while_away(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();
  int pids[2];

  family(ran, &o, pids);
  g_autofree char *manager = mock_leave();
  wg_run_cancel(ran->run);
  mock_return(manager);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_CANCELED);
  family_goes(pids);
}

/* Another one is there, which knows nothing of it. */
static void test_other_manager(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  o.line = o.error_line = wanted;
  ran_start(ran, &o, "hang", NULL, NULL);
  mock_until(has_line, ran);
  mock_kill();
  mock_spawn();
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_LOST);
  g_assert_cmpstr(ran->text, ==, "systemd does not know the command any more");
}

static void test_bus_lost(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  o.line = o.error_line = wanted;
  ran_start(ran, &o, "hang", NULL, NULL);
  mock_until(has_line, ran);
  g_assert_cmpint(shutdown(sd_bus_get_fd(mock.bus), SHUT_RDWR), ==, 0);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_LOST);
  g_assert_cmpstr(ran->text, ==, "the connection to systemd was lost while it ran");
}

/* None answers: a process of ours, or nothing. */
static void test_no_manager(void) {
  WgRunOptions o = options();
  g_autoptr(Ran) ran = ran_new();

  mock_kill();
  ran_start(ran, &o, "exit", "0", NULL);
  ran_wait(ran);
  g_assert_cmpint(ran->how, ==, WG_RUN_NOT_STARTED);
  g_assert_true(ran->no_manager);
  g_assert_cmpstr(ran->text, ==, "no systemd answers, and it has to run as a unit");
  o.how = WG_RUN_AUTO;
  ran_ends(&o, "exit", "3", NULL, WG_RUN_EXITED, 3, "exited with status 3");
  o.memory_max = 64 << 20;
  fails(&o, WG_RUN_NOT_STARTED, "no systemd answers, and it has limits");
  o.bus = NULL;
  fails(&o, WG_RUN_NOT_STARTED, "no systemd answers, and it has limits");
}

static guint n_over;

static void count(const WgRunEnd *end, gpointer data) {
  g_assert_cmpint(end->how, ==, WG_RUN_EXITED);
  g_assert_cmpint(end->code, ==, GPOINTER_TO_INT(data));
  n_over++;
}

static gboolean all_over(gpointer data) {
  return n_over == 100;
}

static void test_many(void) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  guint before = process_descriptors();

  for (int i = 0; i < 100; i++) {
    g_autofree char *status = g_strdup_printf("%d", i);
    const char *argv[] = {self, "--act=exit", status, NULL};
    WgRunOptions o = options();
    o.argv = argv;
    o.output_max = 10;
    wg_run_start(&o, count, GINT_TO_POINTER(i));
  }
  mock_until(all_over, NULL);
  g_assert_cmpuint(process_descriptors(), ==, before);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"ends", test_ends},
      {"output", test_output},
      {"huge", test_huge},
      {"given", test_given},
      {"not-started", test_not_started},
      {"cancel", test_cancel},
      {"cancel-early", test_cancel_early},
      {"forget", test_forget},
      {"exists", test_exists},
      {"reexecuted", test_reexecuted},
      {"cancel-while-away", test_cancel_while_away},
      {"other-manager", test_other_manager},
      {"bus-lost", test_bus_lost},
      {"no-manager", test_no_manager},
      {"many", test_many},
  };

  run_act(argc, argv);
  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/run/unit/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, mock_with);
  }
  int status = g_test_run();
  mock_end();
  return status;
}
