/* test-service.c: the life of a service as its manager sees it, without a bus. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "service-fixture.h"
#include "tiny-service.h"

#include "common/log.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void start_and_wait(Fixture *f) {
  START(f, "--no-bus");
  g_free(fixture_wait_notify(f, "READY=1"));
}

static void test_ready(Fixture *f, gconstpointer data) {
  sd_bus *early = fixture_connect(f); /* waits in the backlog: nobody runs yet */

  START(f, "--no-bus");
  g_autofree char *first = fixture_wait_notify(f, "STATUS=");
  g_assert_cmpstr(first, ==, "STATUS=Starting");
  g_autofree char *ready = fixture_wait_notify(f, "READY=1");
  g_assert_cmpstr(ready, ==, "READY=1\nSTATUS=Running");
  fixture_call(early, "Echo", "s", "hello");
  sd_bus_unref(early);
  kill(f->pid, SIGTERM);
  g_free(fixture_wait_notify(f, "STOPPING=1\nSTATUS=Leaving"));
  g_assert_cmpint(fixture_wait_exit(f), ==, 0);
  fixture_wait_log(f, "Started");
  fixture_wait_log(f, "Leaving: asked to");
  fixture_wait_log(f, "stopped");
}

static void test_reload(Fixture *f, gconstpointer data) {
  start_and_wait(f);
  fixture_config(f, "[Tiny]\nWord=2\n");
  kill(f->pid, SIGHUP);
  g_autofree char *reloading = fixture_wait_notify(f, "RELOADING=1");
  g_assert_nonnull(strstr(reloading, "MONOTONIC_USEC="));
  g_assert_cmpint(g_ascii_strtoll(strchr(strchr(reloading, '=') + 1, '=') + 1, NULL, 10), >, 0);
  g_free(fixture_wait_notify(f, "STATUS=Word is 2"));
  g_autofree char *ready = fixture_wait_notify(f, "READY=1");
  g_assert_cmpstr(ready, ==, "READY=1\nSTATUS=Word is 2");

  fixture_config(f, "[Tiny]\nWrd=3\n"); /* a key that is none */
  kill(f->pid, SIGHUP);
  g_free(fixture_wait_notify(f, "RELOADING=1"));
  g_autofree char *refused = fixture_wait_notify(f, "READY=1");
  g_assert_nonnull(strstr(refused, "Word is 2; last reload refused: "));
  g_assert_nonnull(strstr(refused, "did you mean Word?"));
  fixture_wait_log(f, "refused, the old one stays in force");

  fixture_config(f, "[Tiny]\nWord=13\n"); /* what only the service can refuse */
  sd_bus *bus = fixture_connect(f);
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
  g_assert_cmpint(
      sd_bus_call_method(bus, NULL, TINY_PATH, TINY_INTERFACE, "Reload", &e, NULL, NULL), <, 0);
  g_assert_cmpstr(e.name, ==, WG_ERROR_PREFIX "Configuration");
  g_autofree char *unlucky = fixture_wait_notify(f, "READY=1");
  g_assert_nonnull(strstr(unlucky, "Word is 2; last reload refused: 13 brings no luck"));

  fixture_config(f, "[Tiny]\nWord=4\n");
  fixture_call(bus, "Reload", NULL);
  g_autofree char *mended = fixture_wait_notify(f, "READY=1");
  g_assert_cmpstr(mended, ==, "READY=1\nSTATUS=Word is 4");
  sd_bus_unref(bus);
}

static void test_watchdog(Fixture *f, gconstpointer data) {
  fixture_setenv(f, "WATCHDOG_USEC", "40000");
  start_and_wait(f);
  g_assert_true(fixture_notified(f, "WATCHDOG=1")); /* the first came before READY */
  for (guint i = 0; i < 3; i++)
    g_free(fixture_wait_notify(f, "WATCHDOG=1"));
  sd_bus *bus = fixture_connect(f);
  fixture_call(bus, "Set", "sb", "healthy", FALSE);
  fixture_notified(f, "");
  g_string_truncate(f->notified, 0);
  for (guint i = 0; i < 3; i++) /* three times half the limit: systemd would have killed it */
    fixture_wait_log(f, "Withholding the watchdog ping: the test says so");
  g_assert_false(fixture_notified(f, "WATCHDOG=1"));
  fixture_call(bus, "Set", "sb", "healthy", TRUE);
  g_free(fixture_wait_notify(f, "WATCHDOG=1"));
  fixture_wait_log(f, "goes out again");
  sd_bus_unref(bus);
}

static void test_degraded(Fixture *f, gconstpointer data) {
  start_and_wait(f);
  sd_bus *bus = fixture_connect(f);
  fixture_call(bus, "Degrade", "ss", "store", "disk\nfull");
  g_autofree char *one = fixture_wait_notify(f, "STATUS=");
  g_assert_cmpstr(one, ==, "STATUS=Running; degraded: store: disk full"); /* one line */
  fixture_call(bus, "Degrade", "ss", "clock", "odd");
  g_autofree char *two = fixture_wait_notify(f, "STATUS=");
  g_assert_cmpstr(two, ==, "STATUS=Running; degraded: store: disk full, clock: odd");
  fixture_call(bus, "Degrade", "ss", "clock", "odd"); /* nothing new: nothing said */
  fixture_call(bus, "Degrade", "ss", "store", "");
  g_autofree char *three = fixture_wait_notify(f, "STATUS=");
  g_assert_cmpstr(three, ==, "STATUS=Running; degraded: clock: odd");
  fixture_wait_log(f, "Degraded: store: disk");
  fixture_wait_log(f, "No longer degraded: store");
  sd_bus_unref(bus);
}

static void test_locked(Fixture *f, gconstpointer data) {
  start_and_wait(f);
  g_autofree char *option = g_strconcat("--state-dir=", f->state_dir, NULL);
  g_autofree char *holder = g_strdup_printf("in use by process %i waggle-tinyd", (int)f->pid);

  g_assert_cmpint(fixture_run(f, (const char *const[]){option, "--no-bus", NULL}, FALSE), ==, 1);
  fixture_wait_log(f, holder);
  g_free(fixture_wait_notify(f, "ERRNO="));
  sd_bus *bus = fixture_connect(f); /* the first one is none the worse for it */
  fixture_call(bus, "Echo", "s", "x");
  sd_bus_unref(bus);
  kill(f->pid, SIGKILL);
  fixture_wait_exit(f);
  start_and_wait(f); /* a killed holder leaves no lock */
}

static int on_reply(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  *(int *)user_data = sd_bus_message_is_method_error(m, NULL) ? -1 : 1;
  return 1;
}

static void test_drain(Fixture *f, gconstpointer data) {
  int answer = 0;

  start_and_wait(f);
  sd_bus *bus = fixture_connect(f);
  g_assert_cmpint(sd_bus_call_method_async(bus, NULL, NULL, TINY_PATH, TINY_INTERFACE, "Hold",
                                           on_reply, &answer, NULL),
                  >=, 0);
  fixture_call(bus, "Echo", "s", "x"); /* behind Hold: so that one has arrived */
  g_assert_cmpint(answer, ==, 0);
  kill(f->pid, SIGTERM);
  g_free(fixture_wait_notify(f, "STOPPING=1"));
  kill(f->pid, SIGTERM); /* as systemd does after STOPPING=1 */
  while (answer == 0) {
    g_assert_cmpint(sd_bus_wait(bus, WAIT_MSEC * 1000ull), >=, 0); /* 0: queued already */
    while (sd_bus_process(bus, NULL) > 0)
      ;
  }
  g_assert_cmpint(answer, ==, 1);
  g_assert_cmpint(fixture_wait_exit(f), ==, 0);
  g_assert_false(fixture_notified(f, "WATCHDOG"));
  sd_bus_unref(bus);
}

static void test_drain_limit(Fixture *f, gconstpointer data) {
  fixture_config(f, "[Service]\nDrainSec=50ms\n");
  start_and_wait(f);
  sd_bus *bus = fixture_connect(f);
  fixture_call(bus, "Set", "sb", "stubborn", TRUE);
  kill(f->pid, SIGTERM);
  fixture_wait_log(f, "did not finish in DrainSec=");
  g_assert_cmpint(fixture_wait_exit(f), ==, 0);
  sd_bus_unref(bus);
}

static void test_quit(Fixture *f, gconstpointer data) {
  start_and_wait(f);
  sd_bus *bus = fixture_connect(f);
  fixture_call(bus, "Set", "sb", "quit", TRUE);
  g_free(fixture_wait_notify(f, "STOPPING=1"));
  g_assert_cmpint(fixture_wait_exit(f), ==, 3);
  sd_bus_unref(bus);
}

static void assert_refused(Fixture *f, const char *const *args, int status, const char *text) {
  g_assert_cmpint(fixture_run(f, args, TRUE), ==, status);
  fixture_wait_log(f, text);
}

static void test_refusals(Fixture *f, gconstpointer data) {
  g_autofree char *state = g_strconcat("--state-dir=", f->state_dir, NULL);
  const char *const args[] = {state, "--no-bus", NULL};

  f->fd_name = "public";
  assert_refused(f, args, 78, "only FileDescriptorName=private is known here");
  f->fd_name = WG_FD_NAME_PRIVATE;
  assert_refused(f, (const char *const[]){"--system", "--no-bus", NULL}, 78, "no state directory");
  fixture_config(f, "[Tiny]\nColour=red\n");
  assert_refused(f, args, 78, "tinyd.conf:2: unknown key 'Colour'");
  assert_refused(f, (const char *const[]){"--config-check", NULL}, 1, "unknown key 'Colour'");
  fixture_config(f, "[Service]\nLogLevel=inf\n");
  assert_refused(f, args, 78, "did you mean info?");
  fixture_config(f, "[Tiny]\nWord=13\n");
  assert_refused(f, args, 1, "Cannot start: the store has an unlucky number");
  fixture_config(f, "[Tiny]\nWord=1\n");
  fixture_setenv(f, WG_ENV_IDLE_EXIT, "soon");
  assert_refused(f, args, 78, "$WAGGLE_IDLE_EXIT: 'soon'");
  assert_refused(f, (const char *const[]){"--colour", NULL}, 2, "--colour");
  assert_refused(f, (const char *const[]){"extra", NULL}, 2, "unexpected argument 'extra'");
}

static void test_prints(Fixture *f, gconstpointer data) {
  g_assert_cmpint(fixture_run(f, (const char *const[]){"--config-check", NULL}, FALSE), ==, 0);
  assert_refused(f, (const char *const[]){"--version", NULL}, 0, "waggle-tinyd ");
  assert_refused(f, (const char *const[]){"--help", NULL}, 0, "--introspect[=NAME]");
  assert_refused(f, (const char *const[]){"--introspect", NULL}, 0, "<method name=\"Echo\">");
  assert_refused(f, (const char *const[]){"--introspect=org.waggle.Tny1", NULL}, 1,
                 "did you mean org.waggle.Tiny1?");
}

static void test_listen(Fixture *f, gconstpointer data) {
  g_autofree char *path = g_build_filename(f->dir, "own", NULL);
  g_autofree char *listen = g_strconcat("--listen=", path, NULL);
  char *passed = f->socket_path;

  g_assert_true(g_file_set_contents(path, "", 0, NULL)); /* no socket: is not replaced */
  g_autofree char *state = g_strconcat("--state-dir=", f->state_dir, NULL);
  assert_refused(f, (const char *const[]){state, listen, "--no-bus", NULL}, 1, "cannot listen on");
  g_assert_cmpint(unlink(path), ==, 0);

  for (guint i = 0; i < 2; i++) {
    START(f, "--no-bus", listen);
    g_free(fixture_wait_notify(f, "READY=1"));
    f->socket_path = path;
    sd_bus *bus = fixture_connect(f);
    fixture_call(bus, "Echo", "s", "x");
    sd_bus_unref(bus);
    f->socket_path = passed;
    kill(f->pid, i == 0 ? SIGKILL : SIGTERM); /* the killed one leaves a stale socket */
    fixture_wait_exit(f);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS) == (i == 0));
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], AS_DAEMON) == 0) {
    argv[1] = argv[0];
    return tiny_main(argc - 1, argv + 1);
  }
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add("/service/" name, Fixture, NULL, fixture_setup, func, fixture_teardown)
  ADD("ready", test_ready);
  ADD("reload", test_reload);
  ADD("watchdog", test_watchdog);
  ADD("degraded", test_degraded);
  ADD("locked", test_locked);
  ADD("drain", test_drain);
  ADD("drain-limit", test_drain_limit);
  ADD("quit", test_quit);
  ADD("refusals", test_refusals);
  ADD("prints", test_prints);
  ADD("listen", test_listen);
  return g_test_run();
}
