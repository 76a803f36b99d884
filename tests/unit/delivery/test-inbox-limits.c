/* test-inbox-limits.c: an inbox that is full, a disk that is, and readers who look meanwhile. */
#include "job-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const DlvBackendClass *const inbox = &dlv_backend_inbox;
static char *top, *path;
static gboolean may_mount;

static guint count(const char *sub) {
  g_autofree char *name = g_build_filename(path, sub, NULL);
  g_autoptr(GDir) dir = g_dir_open(name, 0, NULL);
  guint n = 0;

  while (g_dir_read_name(dir))
    n++;
  return n;
}

static gpointer configure(const char *more) {
  return test_configure(inbox, "{\"directory\": \"%s\"%s}", path, more);
}

static void run(gpointer state, guint64 first, guint n, DlvResult result, const char *part) {
  g_autofree char *cause = test_job_run(inbox, state, first, n, result);

  if (part && strstr(cause, part) == NULL)
    g_error("'%s' is not in: %s", part, cause);
  if (part && strstr(cause, path) == NULL)
    g_error("the path is not in: %s", cause);
}

/* Of one job those within the limit go, the others wait; what the owner removes makes room. */
static void test_messages(void) {
  gpointer state = configure(", \"max-messages\": 5");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 8);

  inbox->run(state, &job->job);
  test_job_wait(job);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpint(job->outcomes[i].result, ==, i < 5 ? DLV_ANNOUNCED : DLV_HELD);
  g_assert_cmpuint(count("new"), ==, 5);
  run(state, 6, 1, DLV_HELD, "max-messages");
  run(state, 2, 2, DLV_ANNOUNCED, NULL); /* they lie there already */
  inbox->finished(state, 3, "acked");
  run(state, 6, 1, DLV_ANNOUNCED, NULL);
  run(state, 7, 1, DLV_HELD, "max-messages");
  g_autofree char *file = g_build_filename(path, "new", "1700000000.M089002W1." TEST_AGENT, NULL);
  g_assert_cmpint(g_unlink(file), ==, 0);
  run(state, 7, 1, DLV_ANNOUNCED, NULL);
  inbox->free(state);
  state = configure(", \"max-messages\": 5"); /* a restart counts as well */
  run(state, 8, 1, DLV_HELD, "max-messages");
  inbox->free(state);
  test_rmtree(path);
}

static void test_bytes(void) {
  gpointer state = configure(", \"max-bytes\": \"64K\"");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 3);

  for (guint i = 0; i < 3; i++)
    test_job_body(job, i, g_bytes_new_take(g_strnfill(30000, 'x'), 30000));
  inbox->run(state, &job->job);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  g_assert_cmpint(job->outcomes[1].result, ==, DLV_ANNOUNCED);
  g_assert_cmpint(job->outcomes[2].result, ==, DLV_HELD);
  g_assert_nonnull(strstr(job->outcomes[2].cause, "max-bytes"));
  g_autoptr(TestJob) large = test_job_new(TEST_AGENT, 9, 1);
  test_job_body(large, 0, g_bytes_new_take(g_strnfill(70000, 'x'), 70000));
  inbox->run(state, &large->job);
  test_job_wait(large);
  g_assert_cmpint(large->outcomes[0].result, ==, DLV_HELD);
  inbox->free(state);
  test_rmtree(path);
}

static gboolean mount_small(const char *options) {
  if (!may_mount) {
    g_test_skip("a file system cannot be mounted here");
    return FALSE;
  }
  g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
  g_assert_cmpint(mount("none", path, "tmpfs", 0, options), ==, 0);
  return TRUE;
}

static void unmount(void) {
  g_assert_cmpint(umount(path), ==, 0);
  g_assert_cmpint(g_rmdir(path), ==, 0);
}

/* A disk that is full: what fits is delivered, the rest is held with the reason, no half file
 * anywhere; when there is room it goes on by itself. */
static void test_full(void) {
  if (!mount_small("size=1m,mode=0700"))
    return;
  gpointer state = configure("");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 8);
  for (guint i = 0; i < 8; i++)
    test_job_body(job, i, g_bytes_new_take(g_strnfill(200000, 'x'), 200000));
  inbox->run(state, &job->job);
  test_job_wait(job);
  guint announced = 0;
  for (guint i = 0; i < 8; i++)
    if (job->outcomes[i].result == DLV_ANNOUNCED) {
      announced++;
    } else {
      g_assert_cmpint(job->outcomes[i].result, ==, DLV_HELD);
      g_assert_nonnull(strstr(job->outcomes[i].cause, path));
      g_assert_nonnull(strstr(job->outcomes[i].cause, "No space left"));
    }
  g_assert_cmpuint(announced, >, 0);
  g_assert_cmpuint(announced, <, 8);
  g_assert_cmpuint(count("new"), ==, announced);
  g_assert_cmpuint(count("tmp"), ==, 0);
  for (guint64 number = 1; number <= 8; number++)
    inbox->finished(state, number, "acked");
  run(state, 20, 3, DLV_ANNOUNCED, NULL);
  g_assert_cmpuint(count("new"), ==, 3);
  inbox->free(state);
  unmount();
}

/* The directories themselves do not fit, and neither do new names. */
static void test_no_inodes(void) {
  if (!mount_small("size=1m,mode=0700,nr_inodes=3"))
    return;
  gpointer state = configure("");
  run(state, 1, 2, DLV_HELD, "No space left");
  g_assert_cmpint(mount("none", path, "tmpfs", MS_REMOUNT, "size=1m,mode=0700,nr_inodes=6"), ==, 0);
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 4);
  inbox->run(state, &job->job);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  g_assert_cmpint(job->outcomes[3].result, ==, DLV_HELD);
  inbox->free(state);
  unmount();
}

static void test_read_only(void) {
  if (!mount_small("size=1m,mode=0700"))
    return;
  gpointer state = configure("");
  run(state, 1, 1, DLV_ANNOUNCED, NULL);
  g_assert_cmpint(mount("none", path, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m"), ==, 0);
  run(state, 2, 1, DLV_HELD, "ead-only");
  g_assert_cmpint(mount("none", path, "tmpfs", MS_REMOUNT, "size=1m"), ==, 0);
  run(state, 2, 1, DLV_ANNOUNCED, NULL);
  inbox->free(state);
  unmount();
}

/* Another courier of the same owner is at it. */
static void test_locked(void) {
  gpointer state = configure("");
  run(state, 1, 1, DLV_ANNOUNCED, NULL);
  g_autofree char *tmp = g_build_filename(path, "tmp", NULL);
  int fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
  run(state, 2, 1, DLV_HELD, "another process");
  close(fd);
  run(state, 2, 1, DLV_ANNOUNCED, NULL);
  inbox->free(state);
  test_rmtree(path);
}

typedef struct {
  int stop;
  guint64 seen, bad;
} Watch;

static void look(Watch *watch, const char *name) {
  g_autofree char *file = g_build_filename(path, "new", name, NULL);
  g_autofree char *text = NULL;
  gsize n;

  if (!g_file_get_contents(file, &text, &n, NULL)) {
    watch->bad++;
    return;
  }
  watch->seen++;
  if (n < 300000 || !g_str_has_prefix(text, "{\"agent\"") || !g_str_has_suffix(text, "x\"}\n"))
    watch->bad++;
}

static gpointer watch_new(gpointer data) {
  Watch *watch = data;
  g_autofree char *sub = g_build_filename(path, "new", NULL);

  while (!g_atomic_int_get(&watch->stop)) {
    g_autoptr(GDir) dir = g_dir_open(sub, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)) != NULL)
      look(watch, name);
  }
  return NULL;
}

/* Somebody who reads new/ all the time sees whole files only. */
static void test_whole(void) {
  gpointer state = configure("");
  Watch watch = {0};
  GThread *thread = g_thread_new("watch", watch_new, &watch);

  for (guint round = 0; round < 10; round++) {
    g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1 + round * 10, 10);
    for (guint i = 0; i < 10; i++)
      test_job_body(job, i, g_bytes_new_take(g_strnfill(300000, 'x'), 300000));
    inbox->run(state, &job->job);
    test_job_wait(job);
  }
  g_atomic_int_set(&watch.stop, 1);
  g_thread_join(thread);
  g_assert_cmpuint(watch.seen, >, 0);
  g_assert_cmpuint(watch.bad, ==, 0);
  inbox->free(state);
  test_rmtree(path);
}

int main(int argc, char **argv) {
  /* before there is a thread: the worker is to see the mounts as well */
  may_mount = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  top = test_directory();
  path = g_build_filename(top, "mail", NULL);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/inbox/limits/messages", test_messages);
  g_test_add_func("/inbox/limits/bytes", test_bytes);
  g_test_add_func("/inbox/limits/full", test_full);
  g_test_add_func("/inbox/limits/no-inodes", test_no_inodes);
  g_test_add_func("/inbox/limits/read-only", test_read_only);
  g_test_add_func("/inbox/limits/locked", test_locked);
  g_test_add_func("/inbox/limits/whole", test_whole);
  int status = g_test_run();
  test_rmtree(top);
  return status;
}
