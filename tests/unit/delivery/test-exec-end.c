/* test-exec-end.c: commands that do not end by themselves, and many at once. Plain processes. */
#include "../common/process-fixture.h"
#include "exec-fixture.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const DlvBackendClass *const exec = &dlv_backend_exec;
static char *dir, *fifo;

/* Reads the FIFO as soon as both processes of the command are there. */
typedef struct {
  int fd;
  char text[64];
  int leader, grandchild;
} Family;

static gboolean tick(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static gboolean family_known(gpointer data) {
  Family *family = data;
  gsize have = strlen(family->text);
  ssize_t n = read(family->fd, family->text + have, sizeof family->text - 1 - have);

  return n > 0 && sscanf(family->text, "%d %d\n", &family->leader, &family->grandchild) == 2;
}

static void family_open(Family *family) {
  *family = (Family){.fd = open(fifo, O_RDONLY | O_NONBLOCK)};
  g_assert_cmpint(family->fd, >=, 0);
}

static void family_wait(Family *family) {
  guint source = g_timeout_add(5, tick, NULL);

  test_until(family_known, family);
  g_source_remove(source);
  close(family->fd);
  g_assert_true(process_lives(family->leader) && process_lives(family->grandchild));
}

/* The kernel needs a moment to end a process that was killed; not ours, so it is looked at. */
static gboolean family_gone(gpointer data) {
  Family *family = data;

  return !process_lives(family->leader) && !process_lives(family->grandchild);
}

static void family_must_go(Family *family) {
  guint source = g_timeout_add(5, tick, NULL);

  test_until(family_gone, family);
  g_source_remove(source);
}

static char *family_argument(void) {
  return g_strdup_printf(", \"%s\"", fifo);
}

/* Time is up: the whole group goes, even a grandchild that does not listen. */
static void test_timeout_family(void) {
  g_autofree char *to = family_argument();
  gpointer state = exec_configure("family", to, ", \"timeout\": \"6s\"");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 1);
  Family family;

  family_open(&family);
  exec->run(state, &job->job);
  family_wait(&family);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_REFUSED);
  g_assert_cmpstr(job->outcomes[0].cause, ==, "ran longer than 6s");
  family_must_go(&family);
  exec->free(state);
}

static void test_timeout(void) {
  exec_ends("hang", "", ", \"timeout\": \"50ms\"", DLV_REFUSED, "ran longer than 50ms");
  /* it ends itself, which is no success */
  exec_ends("polite", "", ", \"timeout\": \"100ms\"", DLV_REFUSED, "ran longer than 100ms");
  /* it has to be killed */
  exec_ends("deaf", "", ", \"timeout\": \"100ms\", \"kill-after\": \"50ms\"", DLV_REFUSED,
            "ran longer than 100ms");
}

/* The command is through, but left somebody behind. */
static void test_orphan(void) {
  g_autofree char *to = family_argument();
  gpointer state = exec_configure("orphan", to, "");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 1);
  Family family;

  family_open(&family);
  exec->run(state, &job->job);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ACKED);
  g_assert_true(family_known(&family));
  close(family.fd);
  family_must_go(&family);
  exec->free(state);
}

/* Given up: what runs is ended, what did not begin does not, all come back unharmed. */
static void test_cancel(void) {
  g_autofree char *to = family_argument();
  gpointer state = exec_configure("family", to, ", \"parallel\": 1, \"kill-after\": \"50ms\"");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 3);
  Family family;

  family_open(&family);
  exec->run(state, &job->job);
  family_wait(&family);
  exec->cancel(state, &job->job);
  exec->cancel(state, &job->job);
  test_job_wait(job);
  for (guint i = 0; i < 3; i++) {
    g_assert_cmpint(job->outcomes[i].result, ==, DLV_LATER);
    g_assert_nonnull(job->outcomes[i].cause);
  }
  family_must_go(&family);
  exec->free(state);
}

/* Given up while a large message is being prepared. */
static void test_cancel_early(void) {
  gpointer state = exec_configure("hang", "", "");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 1);

  test_job_body(job, 0, g_bytes_new_take(g_strnfill(1000000, 'x'), 1000000));
  exec->run(state, &job->job);
  exec->cancel(state, &job->job);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_LATER);
  exec->free(state);
}

/* The state may go while its last job runs. */
static void test_freed(void) {
  gpointer state = exec_configure("exit", ", \"0\"", "");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 5);

  exec->run(state, &job->job);
  exec->free(state);
  test_job_wait(job);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpint(job->outcomes[i].result, ==, DLV_ACKED);
}

/* Crashes of some do not touch the others. */
static void test_parallel(void) {
  gpointer good = exec_configure("exit", ", \"0\"", ", \"parallel\": 8");
  gpointer bad = exec_configure("signal", ", \"6\"", ", \"parallel\": 8");
  g_autoptr(TestJob) first = test_job_new(TEST_AGENT, 1, 100);
  g_autoptr(TestJob) second = test_job_new("other", 1, 50);

  g_assert_cmpuint(exec->room(good), ==, 32);
  exec->run(good, &first->job);
  exec->run(bad, &second->job);
  test_job_wait(first);
  test_job_wait(second);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint(first->outcomes[i].result, ==, DLV_ACKED);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpint(second->outcomes[i].result, ==, DLV_CRASHED);
  exec->free(good);
  exec->free(bad);
}

/* Those at once are as many as the policy says. */
static void test_room(void) {
  gpointer state = exec_configure("hang", "", ", \"parallel\": 3, \"timeout\": \"300ms\"");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 6);
  gint64 begin = g_get_monotonic_time();

  exec->run(state, &job->job);
  test_job_wait(job);
  gint64 took = g_get_monotonic_time() - begin;
  g_assert_cmpint(took, >=, 600 * 1000); /* two rounds of three */
  exec->free(state);
}

/* Nobody has to read what it writes, however much it is. */
static void test_output(void) {
  gpointer state = exec_configure("output", ", \"20000\"", "");
  g_autofree char *cause = exec_one(state, DLV_ACKED);

  exec->free(state);
}

/* No descriptor and no process is left, whatever happens. */
static void test_leaks(void) {
  static const char *const ways[][3] = {
      {"exit", ", \"0\"", ""}, {"signal", ", \"9\"", ""}, {"hang", "", ", \"timeout\": \"20ms\""}};
  guint before = process_descriptors();

  for (guint i = 0; i < 20; i++)
    for (guint k = 0; k < G_N_ELEMENTS(ways); k++) {
      gpointer state = exec_configure(ways[k][0], ways[k][1], ways[k][2]);
      g_autofree char *cause = exec_one(state, k == 0 ? DLV_ACKED : DLV_REFUSED);
      exec->free(state);
    }
  gpointer state = test_configure(exec, "{\"plain\": true, \"command\": [\"/not/here\"]}");
  g_autofree char *cause = exec_one(state, DLV_FAILED);
  exec->free(state);
  g_assert_cmpuint(process_descriptors(), ==, before);
  g_assert_false(process_has_children());
}

int main(int argc, char **argv) {
  exec_act(argc, argv);
  dir = test_directory();
  fifo = g_build_filename(dir, "fifo", NULL);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  g_test_init(&argc, &argv, NULL);
  wg_log_set_target("null"); /* what the commands write */
  g_test_add_func("/exec/end/timeout", test_timeout);
  g_test_add_func("/exec/end/timeout-family", test_timeout_family);
  g_test_add_func("/exec/end/orphan", test_orphan);
  g_test_add_func("/exec/end/cancel", test_cancel);
  g_test_add_func("/exec/end/cancel-early", test_cancel_early);
  g_test_add_func("/exec/end/freed", test_freed);
  g_test_add_func("/exec/end/parallel", test_parallel);
  g_test_add_func("/exec/end/room", test_room);
  g_test_add_func("/exec/end/output", test_output);
  g_test_add_func("/exec/end/leaks", test_leaks);
  int status = g_test_run();
  test_rmtree(dir);
  return status;
}
