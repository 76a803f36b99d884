/* test-store-sync.c: the sync of one batch beside the running of the next, when it is slow and when
 * it fails. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/store-internal.h"
#include "common/store-writer-internal.h"
#include "fault-vfs.h"
#include "writer-fixture.h"

/* A job that tells that it runs, and waits until it may end. */
typedef struct {
  WgJob job;
  WriterTest *t;
  GMutex lock;
  GCond changed;
  gboolean runs, may_end;
} Blocker;

static WgJobResult blocker_run(WgJob *job, gpointer engine) {
  Blocker *b = (Blocker *)job;

  g_mutex_lock(&b->lock);
  b->runs = TRUE;
  g_cond_broadcast(&b->changed);
  while (!b->may_end)
    g_cond_wait(&b->changed, &b->lock);
  g_mutex_unlock(&b->lock);
  return WG_JOB_DONE;
}

static void blocker_done(WgJob *job) {
  ((Blocker *)job)->t->done++;
}

static void blocker_init(Blocker *b, WriterTest *t) {
  *b = (Blocker){.job = {.run = blocker_run, .done = blocker_done}, .t = t};
  g_mutex_init(&b->lock);
  g_cond_init(&b->changed);
}

static void blocker_await(Blocker *b) {
  wg_writer_flush(b->t->writer); /* the loop does not turn meanwhile */
  g_mutex_lock(&b->lock);
  while (!b->runs)
    g_cond_wait(&b->changed, &b->lock);
  g_mutex_unlock(&b->lock);
}

static void blocker_end(Blocker *b) {
  g_mutex_lock(&b->lock);
  b->may_end = TRUE;
  g_cond_broadcast(&b->changed);
  g_mutex_unlock(&b->lock);
}

/* Two jobs in one batch, whose sync stands before the gate. */
static void first_batch(WriterTest *t, Blocker *b, WriterJob **jobs) {
  blocker_init(b, t);
  wg_writer_submit(t->writer, &b->job);
  blocker_await(b);
  gate_set(TRUE, SQLITE_OK);
  jobs[0] = writer_submit(t, 1, TRUE);
  jobs[1] = writer_submit(t, 2, TRUE);
  wg_writer_flush(t->writer);
  blocker_end(b);
  gate_await();
  g_assert_cmpuint(t->done, ==, 1);
}

/* The batch that ran beside a sync that failed is sound: only those whose sync it was are told that
 * nobody knows. */
static void test_fails_beside_next(WriterTest *t, gconstpointer data) {
  WriterJob *jobs[3];
  Blocker first, b;

  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 9, TRUE)); /* the log is there, and its header on the disk */
  first_batch(t, &first, jobs);
  blocker_init(&b, t);
  jobs[2] = writer_submit(t, 3, TRUE);
  wg_writer_submit(t->writer, &b.job);
  blocker_await(&b); /* the second batch runs, its insert is done */
  gate_set(FALSE, SQLITE_IOERR_FSYNC);
  while (gate_failed() == 0)
    g_main_context_iteration(NULL, FALSE);
  gate_set(FALSE, SQLITE_OK);
  blocker_end(&b);
  writer_wait_done(t, 6);
  g_assert_nonnull(jobs[0]->job.error);
  g_assert_nonnull(jobs[1]->job.error);
  g_assert_no_error(jobs[2]->job.error);
  g_assert_no_error(writer_one(t, 4, TRUE));
  g_assert_cmpuint(t->state_calls, ==, 0);
  for (guint i = 0; i < 3; i++)
    writer_free_job(jobs[i]);
  wg_writer_free(t->writer);
  t->fx.options.vfs = NULL;
  WgStore *store = fixture_open(&t->fx);
  g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT count(*) FROM message"), ==, 5);
  wg_store_close(store);
}

/* Two batches on their way: the first stands before the gate, the second is committed behind it.
 * `jobs[0]` to `[2]` come back with the first, `[3]` to `[5]` with the second. */
static void two_batches(WriterTest *t, WriterJob **jobs, Blocker *first) {
  g_assert_true(writer_start(t, NULL));
  for (gint64 id = 90; id < 96; id += 3) { /* so many are known of */
    blocker_init(first, t);
    wg_writer_submit(t->writer, &first->job);
    for (gint64 i = 0; i < 3; i++)
      jobs[i] = writer_submit(t, id + i, TRUE);
    blocker_await(first);
    blocker_end(first);
    writer_wait_done(t, id == 90 ? 4 : 8);
    for (guint i = 0; i < 3; i++)
      writer_free_job(jobs[i]);
  }
  gate_set(TRUE, SQLITE_OK);
  blocker_init(first, t);
  wg_writer_submit(t->writer, &first->job);
  for (guint i = 0; i < 3; i++)
    jobs[i] = writer_submit(t, 1 + i, TRUE);
  blocker_await(first);
  blocker_end(first);
  gate_await();
  __atomic_store_n(&t->writer->sync.usual, 100, __ATOMIC_RELAXED); /* on any disk */
  for (guint i = 3; i < 6; i++)
    jobs[i] = writer_submit(t, 1 + i, TRUE);
  wg_writer_flush(t->writer);
  while (wg_writer_sync_is_last(t->writer))
    g_usleep(1000);
}

static gint64 rows_seen_from_outside(WriterTest *t) {
  sqlite3 *other = wg_store_connect_helper(wg_writer_store(t->writer));
  gint64 n = fixture_int(other, "SELECT count(*) FROM message");

  wg_store_abandon(other);
  return n;
}

/* A batch is committed while the one before is being synced; nobody is told of either before its
 * own sync has passed, and what only reads waits for what it has read. */
static void test_commits_beside(WriterTest *t, gconstpointer data) {
  WriterJob *jobs[6];
  Blocker first;

  two_batches(t, jobs, &first);
  g_assert_cmpint(rows_seen_from_outside(t), ==, 12);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(t->done, ==, 8);
  g_assert_cmpuint(wg_writer_on_disk(t->writer), <, wg_writer_batch(t->writer) - 1);
  WriterJob *reads = writer_submit(t, 0, FALSE);
  wg_writer_flush(t->writer);
  gate_set(FALSE, SQLITE_OK);
  writer_wait_done(t, 16);
  for (guint i = 0; i < 6; i++) {
    g_assert_no_error(jobs[i]->job.error);
    writer_free_job(jobs[i]);
  }
  g_assert_no_error(reads->job.error);
  writer_free_job(reads);
  wg_writer_free(t->writer);
}

/* When the first sync fails nobody knows what became of the second commit either: it stands behind
 * a gap. The store mends itself, and what was written is there. */
static void test_fails_before_next(WriterTest *t, gconstpointer data) {
  WriterJob *jobs[6];
  Blocker first;

  two_batches(t, jobs, &first);
  guint64 on_disk = wg_writer_on_disk(t->writer);
  guint failed = gate_failed();
  gate_set(FALSE, SQLITE_IOERR_FSYNC);
  while (gate_failed() == failed)
    g_main_context_iteration(NULL, FALSE);
  gate_set(FALSE, SQLITE_OK);
  writer_wait_done(t, 15);
  for (guint i = 0; i < 6; i++) {
    g_assert_nonnull(jobs[i]->job.error);
    writer_free_job(jobs[i]);
  }
  g_assert_cmpuint(wg_writer_on_disk(t->writer), ==, on_disk);
  g_autoptr(GError) error = NULL;
  for (gint64 id = 50; (error = writer_one(t, id, TRUE)); id++)
    g_clear_error(&error); /* it may have looked while the gate still failed */
  g_assert_cmpuint(wg_writer_on_disk(t->writer), >, on_disk);
  g_assert_cmpint(rows_seen_from_outside(t), >=, 13);
  wg_writer_free(t->writer);
}

/* A store whose log cannot be synced is not well because it can be written. */
static void test_fails_for_ever(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 1, TRUE));
  gate_set(FALSE, SQLITE_IOERR_FSYNC);
  g_autoptr(GError) error = writer_one(t, 2, TRUE);
  g_assert_nonnull(error);
  writer_wait_state(t, WG_STORE_BROKEN);
  guint failed = gate_failed();
  while (gate_failed() < failed + 3 && t->state == WG_STORE_BROKEN)
    g_main_context_iteration(NULL, FALSE);
  g_assert_cmpint(t->state, ==, WG_STORE_BROKEN);
  gate_set(FALSE, SQLITE_OK);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 3, TRUE));
  wg_writer_free(t->writer);
}

/* Nothing is handed back before its sync, and what comes meanwhile does not wait for another. */
static void test_slow(WriterTest *t, gconstpointer data) {
  WriterJob *jobs[3];
  Blocker first;

  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 9, TRUE));
  first_batch(t, &first, jobs);
  jobs[2] = writer_submit(t, 3, TRUE);
  wg_writer_flush(t->writer);
  g_assert_cmpuint(t->done, ==, 1);
  g_assert_true(wg_writer_stalled(t->writer, 0));
  gate_set(FALSE, SQLITE_OK);
  writer_wait_done(t, 5);
  for (guint i = 0; i < 3; i++) {
    g_assert_no_error(jobs[i]->job.error);
    writer_free_job(jobs[i]);
  }
  wg_writer_free(t->writer);
}

/* Syncs that end at any moment never leave the writer asleep with work. */
static void test_quick(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  for (gint64 id = 1; id < 6000; id += 3) {
    WriterJob *jobs[3];
    for (guint i = 0; i < 3; i++)
      jobs[i] = writer_submit(t, id + i, TRUE);
    writer_wait_done(t, id + 2);
    for (guint i = 0; i < 3; i++)
      writer_free_job(jobs[i]);
  }
  wg_writer_free(t->writer);
}

static void set_up(WriterTest *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.vfs = "fault";
  t->fx.options.probe_msec = 5;
}

static void tear_down(WriterTest *t, gconstpointer data) {
  gate_set(FALSE, SQLITE_OK);
  fixture_clear(&t->fx);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  /* Opening configures SQLite; a VFS can be registered only after that. */
  Fixture f;
  fixture_init(&f);
  wg_store_close(fixture_open(&f));
  fixture_clear(&f);
  fault_vfs_register();
#define ADD(path, func) g_test_add("/store-sync/" path, WriterTest, NULL, set_up, func, tear_down)
  ADD("slow", test_slow);
  ADD("quick", test_quick);
  ADD("fails-beside-next", test_fails_beside_next);
  ADD("commits-beside", test_commits_beside);
  ADD("fails-before-next", test_fails_before_next);
  ADD("fails-for-ever", test_fails_for_ever);
  return g_test_run();
}
