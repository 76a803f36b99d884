/* test-unpack-turn.c: so many artifacts are decompressed at once and no more; who waits is let in
 * by who ends and ends by being cancelled; what needs no memory waits for nobody; and every turn
 * comes back, whatever became of the artifact. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include "deployment/unpack-turn.h"

typedef struct {
  Files *files;
  int source;
  GCancellable *cancel;
  GError *error;
  gboolean ok;
  guint taken; /* while it was unpacked, as its first progress saw it */
} Job;

static void in_between(guint64 done, guint64 total, gpointer data) {
  Job *job = data;
  guint taken, waiting;

  dpl_unpack_turns(&taken, &waiting);
  job->taken = MAX(job->taken, taken);
}

static gpointer unpack_job(gpointer data) {
  Job *job = data;
  DplWork work = {.cancel = job->cancel, .progress = in_between, .user_data = job};
  DplUnpackOptions options = {.name = "shop.tar"};
  g_auto(DplUnpacked) done = {0};
  g_autoptr(DplTree) tree = dpl_tree_new();

  /* nothing is written: several do it side by side */
  job->ok = dpl_unpack(job->source, -1, &options, tree, &work, &done, &job->error);
  return NULL;
}

static int a_tar(Files *f, const char *filter) {
  Tar tar;

  tar_begin(&tar, "gnutar", filter);
  tar_file(&tar, "a", "content", 0644);
  return tar_end(&tar, f, filter);
}

static void wait_turns(guint taken, guint waiting) {
  guint is_taken, is_waiting;

  do {
    g_usleep(1000);
    dpl_unpack_turns(&is_taken, &is_waiting);
  } while (is_taken != taken || is_waiting != waiting); /* the test has a time limit */
}

static void take(guint n) {
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < n; i++) {
    g_assert_true(dpl_unpack_turn_take(NULL, &error));
    g_assert_no_error(error);
  }
}

static void give(guint n) {
  for (guint i = 0; i < n; i++)
    dpl_unpack_turn_give();
}

static void test_waits(void) {
  static const char *const filters[] = {"xz", "zstd"};
  Files f;

  files_begin(&f, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
    Job job = {.files = &f, .source = a_tar(&f, filters[i])};
    take(DPL_UNPACK_TURNS);
    GThread *thread = g_thread_new("unpack", unpack_job, &job);
    wait_turns(DPL_UNPACK_TURNS, 1);
    give(1);
    g_thread_join(thread);
    g_assert_no_error(job.error);
    g_assert_true(job.ok);
    wait_turns(DPL_UNPACK_TURNS - 1, 0); /* its own came back */
    give(DPL_UNPACK_TURNS - 1);
  }
  files_end(&f);
}

static void test_cheap(void) {
  static const char *const filters[] = {"none", "gzip"};
  Files f;

  files_begin(&f, NULL);
  take(DPL_UNPACK_TURNS);
  for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
    Job job = {.files = &f, .source = a_tar(&f, filters[i])};
    unpack_job(&job);
    g_assert_no_error(job.error);
    g_assert_true(job.ok);
  }
  wait_turns(DPL_UNPACK_TURNS, 0);
  give(DPL_UNPACK_TURNS);
  files_end(&f);
}

/* The first in the queue goes, and the second is not held up by it. */
static void test_cancelled(void) {
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  Files f;

  files_begin(&f, NULL);
  Job first = {.files = &f, .source = a_tar(&f, "xz"), .cancel = cancel};
  Job second = {.files = &f, .source = a_tar(&f, "zstd"), .cancel = g_cancellable_new()};
  take(DPL_UNPACK_TURNS);
  GThread *one = g_thread_new("unpack", unpack_job, &first);
  wait_turns(DPL_UNPACK_TURNS, 1);
  GThread *two = g_thread_new("unpack", unpack_job, &second);
  wait_turns(DPL_UNPACK_TURNS, 2);
  g_cancellable_cancel(cancel);
  g_thread_join(one);
  g_assert_error(first.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false(first.ok);
  wait_turns(DPL_UNPACK_TURNS, 1);
  give(1);
  g_thread_join(two);
  g_assert_no_error(second.error);
  g_assert_true(second.ok);
  wait_turns(DPL_UNPACK_TURNS - 1, 0);
  give(DPL_UNPACK_TURNS - 1);
  g_clear_error(&first.error);
  g_object_unref(second.cancel);
  files_end(&f);
}

/* A package with two compressed archives takes one turn, and one that is refused gives it back. */
static void test_package(void) {
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "gnutar", "xz");
  tar_file(&tar, "./control",
           "Package: shop\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n",
           0644);
  g_autoptr(GBytes) control = tar_end_bytes(&tar);
  tar_begin(&tar, "gnutar", "zstd");
  tar_file(&tar, "./a", "content", 0644);
  g_autoptr(GBytes) data = tar_end_bytes(&tar);
  g_autoptr(GBytes) cut = g_bytes_new_from_bytes(data, 0, g_bytes_get_size(data) / 2);
  Job jobs[] = {{.files = &f, .source = deb_make(&f, "good.deb", control, data)},
                {.files = &f, .source = deb_make(&f, "cut.deb", control, cut)}};
  take(DPL_UNPACK_TURNS - 1); /* two at a time would wait for ever */
  for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
    unpack_job(&jobs[i]);
    g_assert_cmpint(jobs[i].ok, ==, i == 0);
    wait_turns(DPL_UNPACK_TURNS - 1, 0);
  }
  g_assert_cmpuint(jobs[0].taken, ==, DPL_UNPACK_TURNS);
  g_clear_error(&jobs[1].error);
  give(DPL_UNPACK_TURNS - 1);
  files_end(&f);
}

static void test_many(void) {
  Job jobs[4 * DPL_UNPACK_TURNS];
  GThread *threads[G_N_ELEMENTS(jobs)];
  Files f;

  files_begin(&f, NULL);
  a_tar(&f, "xz");
  for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
    jobs[i] = (Job){.files = &f, .source = files_open(&f, "xz")};
    threads[i] = g_thread_new("unpack", unpack_job, &jobs[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS(jobs); i++) {
    g_thread_join(threads[i]);
    g_assert_no_error(jobs[i].error);
    g_assert_cmpuint(jobs[i].taken, <=, DPL_UNPACK_TURNS);
  }
  wait_turns(0, 0);
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/unpack-turn/waits", test_waits);
  g_test_add_func("/unpack-turn/cheap", test_cheap);
  g_test_add_func("/unpack-turn/cancelled", test_cancelled);
  g_test_add_func("/unpack-turn/package", test_package);
  g_test_add_func("/unpack-turn/many", test_many);
  return g_test_run();
}
