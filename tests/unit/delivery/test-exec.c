/* test-exec.c: what comes of a command, by how it ends; what it is given. Plain processes. */
#include "../common/process-fixture.h"
#include "exec-fixture.h"

#include "common/log.h"
#include "delivery/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const DlvBackendClass *const exec = &dlv_backend_exec;
static char *dir;

static char *argument(const char *name) {
  return g_strdup_printf(", \"%s/%s\"", dir, name);
}

static char *contents(const char *name) {
  g_autofree char *path = g_build_filename(dir, name, NULL);
  char *text = NULL;

  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

static void test_status(void) {
  exec_ends("exit", ", \"0\"", "", DLV_ACKED, NULL);
  exec_ends("exit", ", \"75\"", "", DLV_LATER, "exit status 75");
  exec_ends("exit", ", \"1\"", "", DLV_REFUSED, "exit status 1");
  exec_ends("exit", ", \"3\"", "", DLV_REFUSED, "exit status 3");
  exec_ends("exit", ", \"203\"", "", DLV_REFUSED, "exit status 203");
  exec_ends("exit", ", \"255\"", "", DLV_REFUSED, "exit status 255");
}

static void test_signal(void) {
  exec_ends("signal", ", \"9\"", "", DLV_REFUSED, "killed by signal 9 (KILL)");
  exec_ends("signal", ", \"6\"", "", DLV_CRASHED, "killed by signal 6 (ABRT)");
  exec_ends("signal", ", \"15\"", "", DLV_LATER, "killed by signal 15 (TERM)");
  exec_ends("signal", ", \"40\"", "", DLV_REFUSED, "killed by signal 40");
}

/* The last line says most; it is one line, readable, and short. */
static void test_last_line(void) {
  g_autofree char *bar = g_strnfill(200, 'x');
  g_autofree char *argument_long = g_strdup_printf(", \"%sy\", \"1\"", bar);
  g_autofree char *cause = g_strdup_printf("exit status 1: %s", bar);

  exec_ends("complain", ", \"a\\nno such file\\n\", \"3\"", "", DLV_REFUSED,
            "exit status 3: no such file");
  exec_ends("complain", ", \"half a line\", \"75\"", "", DLV_LATER, "exit status 75: half a line");
  exec_ends("complain", ", \"\\u001b[31mred\\u0007\\n\\n  \\n\", \"3\"", "", DLV_REFUSED,
            "exit status 3: [31mred");
  exec_ends("complain", argument_long, "", DLV_REFUSED, cause);
  exec_ends("complain", ", \"all is well\", \"0\"", "", DLV_ACKED, NULL);
}

static void not_started(const char *options, const char *part) {
  gpointer state = test_configure(exec, "{\"plain\": true, %s}", options);
  g_autofree char *cause = exec_one(state, DLV_FAILED);

  if (strstr(cause, part) == NULL)
    g_error("'%s' is not in: %s", part, cause);
  exec->free(state);
}

/* Before anything ran: a failure of the way, not of the message. */
static void test_not_started(void) {
  g_autofree char *text = g_build_filename(dir, "text", NULL);
  g_autofree char *script = g_build_filename(dir, "script", NULL);
  g_autofree char *plain = g_strdup_printf("\"command\": [\"%s\"]", text);
  g_autofree char *broken = g_strdup_printf("\"command\": [\"%s\"]", script);

  g_assert_true(g_file_set_contents(text, "no program", -1, NULL));
  g_assert_true(g_file_set_contents(script, "#!/not/here\n", -1, NULL));
  g_chmod(script, 0755);
  not_started("\"command\": [\"/not/here\"]", "\"/not/here\" cannot be run: No such file");
  not_started("\"command\": [\"not-here-at-all\"]", "no program \"not-here-at-all\" is in $PATH");
  not_started("\"command\": [\"/\"]", "no program that may be run");
  not_started(plain, "no program that may be run");
  not_started(broken, "cannot be run: No such file");
  not_started("\"command\": [\"true\"], \"directory\": \"/not/here\"",
              "\"/not/here\" cannot be entered: No such file");
}

/* Byte for byte, of every size. */
static void test_stdin(void) {
  g_autofree char *to = argument("stdin");
  gpointer state = exec_configure("stdin", to, ", \"timeout\": 60");
  static const gsize sizes[] = {0, 1, 65536, 128 * 1024, 128 * 1024 + 1, 8 * 1024 * 1024};

  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 7, 1);
    char *body = g_malloc(sizes[i] + 1);
    for (gsize k = 0; k < sizes[i]; k++)
      body[k] = "0123456789abcdefghijklmnopqrstuvw"[k % 33];
    test_job_body(job, 0, g_bytes_new_take(body, sizes[i]));
    g_autofree char *expected = test_job_text(TEST_AGENT, &job->job.messages[0]);
    exec->run(state, &job->job);
    test_job_wait(job);
    g_assert_cmpint(job->outcomes[0].result, ==, DLV_ACKED);
    g_autofree char *got = contents("stdin");
    g_assert_true(g_str_equal(got, expected));
  }
  exec->free(state);
}

static gboolean has(char **list, const char *line) {
  return g_strv_contains((const char *const *)list, line);
}

/* What was there, less what systemd told the courier alone, and the message's own. */
static void test_environment(void) {
  g_autofree char *to = argument("environment");
  gpointer state =
      exec_configure("environment", to,
                     ", \"environment\": {\"OWN\": \"a=b $HOME\", \"WAGGLE_FROM\": \"forged\"}");

  g_setenv("NOTIFY_SOCKET", "/run/notify", TRUE);
  g_setenv("JOURNAL_STREAM", "8:9", TRUE);
  g_setenv("TRACEPARENT", "of the courier", TRUE);
  g_setenv("KEPT", "as it is", TRUE);
  g_auto(GStrv) before = g_get_environ();
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 7, 1);
  exec->run(state, &job->job);
  test_job_wait(job);
  g_autofree char *text = contents("environment");
  g_auto(GStrv) got = g_strsplit(g_strchomp(text), "\n", -1);
  /* 3 of the courier's gone, 6 more */
  g_assert_cmpuint(g_strv_length(got), ==, g_strv_length(before) - 3 + 6);
  g_assert_true(has(got, "KEPT=as it is") && has(got, "OWN=a=b $HOME"));
  g_assert_true(has(got, "WAGGLE_AGENT=" TEST_AGENT) && has(got, "WAGGLE_MESSAGE=7"));
  g_assert_true(has(got, "WAGGLE_FROM=uid:7") && has(got, "WAGGLE_TOKEN=2000"));
  g_assert_true(has(got, "WAGGLE_PRIORITY=4"));
  for (char **line = got; *line; line++)
    g_assert_false(g_str_has_prefix(*line, "NOTIFY_SOCKET=") ||
                   g_str_has_prefix(*line, "JOURNAL_STREAM=") ||
                   g_str_has_prefix(*line, "TRACEPARENT="));
  exec->free(state);
}

static void test_trace(void) {
  g_autofree char *to = argument("trace");
  gpointer state = exec_configure("environment", to, "");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 7, 1);

  job->job.messages[0].trace = "00-ab-cd-01";
  exec->run(state, &job->job);
  test_job_wait(job);
  g_autofree char *text = contents("trace");
  g_assert_nonnull(strstr(text, "\nTRACEPARENT=00-ab-cd-01\n"));
  exec->free(state);
}

/* Nothing of ours but three descriptors; a session of its own; no signal ignored; no way to more
 * rights; it dies with the courier. */
static void test_process(void) {
  g_autofree char *to = argument("process");
  g_autofree char *options = g_strdup_printf(", \"directory\": \"%s\"", dir);
  gpointer state = exec_configure("process", to, options);
  int leak = open("/dev/null", O_RDONLY); /* of a library that forgot */

  g_assert_cmpint(leak, >=, 0);
  g_autofree char *none = exec_one(state, DLV_ACKED);
  close(leak);
  g_autofree char *text = contents("process");
  g_autofree char *expected = g_strdup_printf("fd 0\nfd 1\nfd 2\nleader 1 1\ndeath 9\n"
                                              "privileges 1\ndirectory %s\n",
                                              dir);
  g_assert_cmpstr(text, ==, expected);
  exec->free(state);
  state = exec_configure("process", to, ", \"sandbox\": false");
  g_autofree char *nothing = exec_one(state, DLV_ACKED);
  g_clear_pointer(&text, g_free);
  text = contents("process");
  g_assert_nonnull(strstr(text, "privileges 0\n"));
  exec->free(state);
}

/* In $PATH, and the arguments as they are. */
static void test_path(void) {
  gpointer state = test_configure(exec, "{\"plain\": true, \"command\": [\"test\", \"$HOME *\", "
                                        "\"=\", \"$HOME *\"]}");
  g_autofree char *cause = exec_one(state, DLV_ACKED);

  exec->free(state);
}

static void test_options(void) {
  test_configure_refused(exec, "{\"command\": []}", "command: empty");
  test_configure_refused(exec, "{\"command\": [\"\"]}", "command: empty");
  test_configure_refused(exec, "{\"command\": [\"bin/x\"]}", "neither absolute nor a name");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"environment\": {\"A B\": \"x\"}}", "A B");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"environment\": {\"A=\": \"x\"}}", "A=");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"environment\": {\"A\": 1}}", "no text");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"directory\": \"x\"}", "neither absolute");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"unit-slice\": \"x\"}", "no slice");
  test_configure_refused(exec, "{\"command\": [\"x\"], \"plain\": true, \"memory-max\": 1048576}",
                         "need systemd");
}

static void means(const DlvExecEnd *end, DlvResult result, const char *cause) {
  const DlvExec limits = {.memory_max = 64 << 20, .timeout = 600000000, .watchdog = 30000000};
  g_autofree char *got = NULL;

  g_assert_cmpint(dlv_exec_verdict(&limits, end, &got), ==, result);
  g_assert_cmpstr(got, ==, cause);
}

/* What only systemd can tell. */
static void test_verdict(void) {
  means(&(DlvExecEnd){.how = DLV_END_OOM}, DLV_CRASHED, "killed for memory (OOM), limit 64M");
  means(&(DlvExecEnd){.how = DLV_END_TIMEOUT}, DLV_REFUSED, "ran longer than 10min");
  means(&(DlvExecEnd){.how = DLV_END_WATCHDOG}, DLV_REFUSED,
        "ended by its watchdog: no sign of life within 30s");
  means(&(DlvExecEnd){.how = DLV_END_HELD, .text = "why"}, DLV_HELD, "why");
  means(&(DlvExecEnd){.how = DLV_END_LOST, .text = "why"}, DLV_LATER, "why");
  means(&(DlvExecEnd){.how = DLV_END_NOT_STARTED, .text = "why"}, DLV_FAILED, "why");
  const DlvExec none = {0};
  g_autofree char *got = NULL;
  g_assert_cmpint(dlv_exec_verdict(&none, &(DlvExecEnd){.how = DLV_END_OOM}, &got), ==,
                  DLV_CRASHED);
  g_assert_cmpstr(got, ==, "killed for memory (OOM)");
}

static gboolean quiet(gpointer data) {
  return TRUE;
}

int main(int argc, char **argv) {
  exec_act(argc, argv);
  dir = test_directory();
  g_test_init(&argc, &argv, NULL);
  wg_log_set_target("null"); /* what the commands write */
  test_until(quiet, NULL);
  guint before = process_descriptors();
  g_test_add_func("/exec/status", test_status);
  g_test_add_func("/exec/signal", test_signal);
  g_test_add_func("/exec/last-line", test_last_line);
  g_test_add_func("/exec/not-started", test_not_started);
  g_test_add_func("/exec/stdin", test_stdin);
  g_test_add_func("/exec/environment", test_environment);
  g_test_add_func("/exec/trace", test_trace);
  g_test_add_func("/exec/process", test_process);
  g_test_add_func("/exec/path", test_path);
  g_test_add_func("/exec/options", test_options);
  g_test_add_func("/exec/verdict", test_verdict);
  int status = g_test_run();
  /* the loop's own wake-up descriptors may have come, one or two; each run would leave more */
  g_assert_cmpuint(process_descriptors(), <=, before + 2);
  g_assert_false(process_has_children());
  test_rmtree(dir);
  return status;
}
