/* test-store-faults.c: the disk fails at every possible moment.
 *
 * A fixed piece of work runs over and over, and each time another one of its writes and syncs
 * fails. Whatever happens: each job is handed back once, one that was acknowledged is there after
 * the store was opened again, and one that is not there had an error. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "fault-vfs.h"
#include "writer-fixture.h"

#define WAVES 12
#define WAVE 4

static void verify(WriterTest *t, WriterJob **jobs, guint n) {
  t->fx.options.vfs = NULL;
  WgStore *store = fixture_open(&t->fx);
  g_auto(GStrv) found = wg_store_check(wg_store_db(store), 5, NULL);
  g_assert_cmpuint(g_strv_length(found), ==, 0);
  for (guint i = 0; i < n; i++) {
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM message WHERE id = %d AND "
                                           "body = zeroblob(900)",
                                           (int)jobs[i]->id);
    gint64 there = fixture_int(wg_store_db(store), sql);
    g_assert_cmpuint(jobs[i]->times_done, ==, 1);
    if (!jobs[i]->job.error)
      g_assert_cmpint(there, ==, 1);
    else
      g_assert_true(jobs[i]->job.error->domain == WG_ERROR);
    writer_free_job(jobs[i]);
  }
  wg_store_close(store);
  t->fx.options.vfs = "fault";
}

/* TRUE: the fault was met. */
static gboolean work_with_fault(WriterTest *t, gint from, gint count, gint errnum) {
  g_autoptr(GError) error = NULL;
  WriterJob *jobs[WAVES * WAVE];
  guint n = 0;
  fault_set(from, count, errnum);
  gboolean started = writer_start(t, &error);
  for (guint wave = 0; started && wave < WAVES; wave++) {
    for (guint i = 0; i < WAVE; i++, n++)
      jobs[n] = writer_submit(t, n + 1, i % 2 == 0);
    if (wave % 2 == 0)
      writer_wait_done(t, n);
  }
  gboolean hit = g_atomic_int_get(&fault.hits) > 0;
  if (started)
    writer_wait_done(t, n);
  fault_set(0, 0, 0);
  if (started)
    wg_writer_free(t->writer);
  else
    g_assert_nonnull(error);
  verify(t, jobs, n);
  fixture_remove_dir(t->fx.dir);
  g_assert_cmpint(g_mkdir(t->fx.dir, 0700), ==, 0);
  return hit;
}

typedef struct {
  gint count, errnum; /* count 0: for ever */
} FaultKind;

static void test_every_step(WriterTest *t, gconstpointer data) {
  const FaultKind *kind = data;
  gint n = 1;
  while (work_with_fault(t, n, kind->count, kind->errnum))
    n++;
  g_assert_cmpint(n, >, 20); /* it did meet faults */
}

/* Full: new work is refused, reading goes on, and it recovers by itself. */
static void test_full(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 1, TRUE));
  fault_set(1, 0, ENOSPC);
  g_autoptr(GError) e1 = writer_one(t, 2, TRUE), e2 = writer_one(t, 3, TRUE),
                    e3 = writer_one(t, 4, FALSE);
  g_assert_error(e1, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_error(e2, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_error(e3, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_FULL);
  g_assert_no_error(writer_one(t, 0, FALSE));
  fault_set(0, 0, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 5, TRUE));
  wg_writer_free(t->writer);
}

static void test_read_only(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  g_assert_no_error(writer_one(t, 1, TRUE));
  fault_set(1, 0, EROFS);
  g_autoptr(GError) e1 = writer_one(t, 2, TRUE), e2 = writer_one(t, 3, FALSE);
  g_assert_error(e1, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
  g_assert_error(e2, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_READ_ONLY);
  g_assert_no_error(writer_one(t, 0, FALSE));
  fault_set(0, 0, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 5, TRUE));
  wg_writer_free(t->writer);
}

/* One I/O error is tried again and nobody hears of it; one that stays breaks the store. */
static void test_io_error(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  fault_set(1, 1, EIO);
  g_assert_no_error(writer_one(t, 1, TRUE));
  g_assert_cmpint(fault.hits, ==, 1);
  g_assert_cmpuint(t->state_calls, ==, 0);
  fault_set(1, 0, EIO);
  g_autoptr(GError) e = writer_one(t, 2, TRUE);
  g_assert_error(e, WG_ERROR, WG_ERROR_FAILED);
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_BROKEN);
  fault_set(0, 0, 0);
  writer_wait_state(t, WG_STORE_OK);
  g_assert_no_error(writer_one(t, 3, TRUE));
  wg_writer_free(t->writer);
}

/* A reply is a promise: with one job at a time nothing is unsynced when it is handed back; and what
 * only reads costs neither a write nor a sync. */
static void test_done_after_sync(WriterTest *t, gconstpointer data) {
  g_assert_true(writer_start(t, NULL));
  for (gint64 id = 1; id <= 300; id++) {
    g_atomic_int_set(&fault.dirty, 0);
    gint before = g_atomic_int_get(&fault.ops);
    g_assert_no_error(writer_one(t, id, TRUE));
    g_assert_cmpint(g_atomic_int_get(&fault.ops), >=, before + 2); /* a write and a sync at least */
    g_assert_cmpint(g_atomic_int_get(&fault.dirty), ==, 0);
  }
  gint before = g_atomic_int_get(&fault.ops);
  for (guint i = 0; i < 20; i++)
    g_assert_no_error(writer_one(t, 0, FALSE));
  g_assert_cmpint(g_atomic_int_get(&fault.ops), ==, before);
  wg_writer_free(t->writer);
}

static void set_up(WriterTest *t, gconstpointer data) {
  fixture_init(&t->fx);
  t->fx.options.vfs = "fault";
  t->fx.options.probe_msec = 5;
}

static void tear_down(WriterTest *t, gconstpointer data) {
  fault_set(0, 0, 0);
  fixture_clear(&t->fx);
}

int main(int argc, char **argv) {
  static const FaultKind once = {1, EIO}, thrice = {3, EIO}, forever = {0, EIO},
                         full1 = {1, ENOSPC}, full = {0, ENOSPC}, read_only = {0, EROFS};
  g_test_init(&argc, &argv, NULL);
  /* Opening configures SQLite; a VFS can be registered only after that. */
  Fixture f;
  fixture_init(&f);
  wg_store_close(fixture_open(&f));
  fixture_clear(&f);
  fault_vfs_register();
#define ADD(path, data, func)                                                                      \
  g_test_add("/store-faults/" path, WriterTest, data, set_up, func, tear_down)
  ADD("done-after-sync", NULL, test_done_after_sync);
  ADD("full", NULL, test_full);
  ADD("read-only", NULL, test_read_only);
  ADD("io-error", NULL, test_io_error);
  ADD("every-step/io-error-once", &once, test_every_step);
  ADD("every-step/io-error-thrice", &thrice, test_every_step);
  ADD("every-step/io-error-for-ever", &forever, test_every_step);
  ADD("every-step/full-once", &full1, test_every_step);
  ADD("every-step/full", &full, test_every_step);
  ADD("every-step/read-only", &read_only, test_every_step);
  return g_test_run();
}
