/* test-store-writer.c: order, group commit, parking, rollback and refusal of the writer. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "store-fixture.h"

typedef struct {
  Fixture fx;
  WgWriter *writer;
  sqlite3_stmt *insert;
  GPtrArray *parked; /* engine: jobs that wait for a row */
  GArray *order;     /* ids in the order of done() */
  guint done, failed, state_calls, rolled_back;
  WgStoreState state;
  gboolean refuse_commit;
} Test;

typedef enum { INSERT, READ, PARK, INSERT_AND_COMPLETE, POISON, REFUSE } Kind;
typedef struct {
  WgJob job;
  Test *t;
  Kind kind;
  gint64 id, seen;
  guint runs;
} TestJob;

static gboolean insert(Test *t, gint64 id, GError **error) {
  sqlite3_bind_int64(t->insert, 1, id);
  int rc = sqlite3_step(t->insert);
  if (rc != SQLITE_DONE)
    wg_store_set_error(wg_store_db(wg_writer_store(t->writer)), error, "inserting");
  sqlite3_reset(t->insert);
  return rc == SQLITE_DONE;
}

static WgJobResult job_run(WgJob *base, gpointer engine) {
  TestJob *j = (TestJob *)base;
  Test *t = engine;
  GError *error = NULL;
  j->runs++;
  switch (j->kind) {
  case READ:
    j->seen = fixture_int(wg_store_db(wg_writer_store(t->writer)), "SELECT count(*) FROM message");
    return WG_JOB_DONE;
  case PARK:
    g_ptr_array_add(t->parked, j);
    return WG_JOB_PARKED;
  case REFUSE:
    base->error = g_error_new_literal(WG_ERROR, WG_ERROR_UNKNOWN_AGENT, "nobody");
    return WG_JOB_DONE;
  case INSERT_AND_COMPLETE:
    while (t->parked->len > 0)
      wg_writer_complete(t->writer, g_ptr_array_steal_index(t->parked, 0));
    break;
  case INSERT:
  case POISON:
    break;
  }
  if (!insert(t, j->id, &error) ||
      (j->kind == POISON && !wg_store_exec(wg_store_db(wg_writer_store(t->writer)),
                                           "INSERT INTO message(id) VALUES(1)", &error)))
    wg_writer_fail(t->writer, error);
  return WG_JOB_DONE;
}

static void job_done(WgJob *base) {
  TestJob *j = (TestJob *)base;
  j->t->done++;
  j->t->failed += base->error != NULL;
  g_array_append_val(j->t->order, j->id);
}

static void engine_rolled_back(gpointer engine, guint64 batch) {
  Test *t = engine;
  t->rolled_back++;
  for (guint i = t->parked->len; i-- > 0;)
    if (((WgJob *)t->parked->pdata[i])->batch == batch)
      g_ptr_array_remove_index(t->parked, i);
}

static gboolean engine_before_commit(gpointer engine, GError **error) {
  Test *t = engine;
  if (!t->refuse_commit)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "refused by the test");
  t->refuse_commit = FALSE;
  return FALSE;
}

static void on_state(WgStoreState state, const char *text, const WgSalvage *salvage,
                     gpointer user_data) {
  Test *t = user_data;
  t->state_calls++;
  t->state = state;
}

static const WgWriterEngine engine = {.before_commit = engine_before_commit,
                                      .rolled_back = engine_rolled_back};

static void set_up(Test *t, gconstpointer data) {
  fixture_init(&t->fx);
  WgStore *store = fixture_open(&t->fx);
  t->parked = g_ptr_array_new();
  t->order = g_array_new(FALSE, FALSE, sizeof(gint64));
  t->insert = wg_store_prepare(wg_store_db(store),
                               "INSERT INTO message VALUES(?, 'a', zeroblob(300), 0)", NULL);
  t->writer = wg_writer_new(store, &engine, t, on_state, t);
}

static void tear_down(Test *t, gconstpointer data) {
  wg_writer_free(t->writer);
  g_ptr_array_unref(t->parked);
  g_array_unref(t->order);
  fixture_clear(&t->fx);
}

static TestJob *submit(Test *t, Kind kind, gint64 id) {
  TestJob *j = g_new0(TestJob, 1);
  *j = (TestJob){.job = {.run = job_run, .done = job_done}, .t = t, .kind = kind, .id = id};
  j->job.new_work = kind == INSERT;
  wg_writer_submit(t->writer, &j->job);
  return j;
}

static void wait_done(Test *t, guint n) {
  while (t->done < n)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpuint(t->done, ==, n);
}

static void free_job(TestJob *j) {
  g_clear_error(&j->job.error);
  g_free(j);
}

static gint64 count_rows(Test *t) {
  TestJob *j = submit(t, READ, 0);
  wait_done(t, t->done + 1);
  gint64 n = j->seen;
  free_job(j);
  return n;
}

static void test_order(Test *t, gconstpointer data) {
  enum { N = 5000 };
  TestJob *jobs[N];
  for (guint i = 0; i < N; i++)
    jobs[i] = submit(t, INSERT, i + 1);
  g_assert_cmpuint(wg_writer_n_queued(t->writer), ==, N);
  wait_done(t, N);
  g_assert_cmpuint(wg_writer_n_queued(t->writer), ==, 0);
  for (guint i = 0; i < N; i++) {
    g_assert_cmpint(g_array_index(t->order, gint64, i), ==, i + 1);
    g_assert_no_error(jobs[i]->job.error);
    free_job(jobs[i]);
  }
  g_assert_cmpint(count_rows(t), ==, N);
  WgWriterStats stats;
  wg_writer_stats(t->writer, &stats);
  g_assert_cmpuint(stats.jobs, ==, N + 1);
  g_assert_cmpuint(stats.batches, <, N / 4); /* grouped */
  g_assert_cmpuint(stats.largest_batch, <=, 512);
}

static void test_refused(Test *t, gconstpointer data) {
  TestJob *a = submit(t, INSERT, 1), *b = submit(t, REFUSE, 2), *c = submit(t, INSERT, 3);
  wait_done(t, 3);
  g_assert_no_error(a->job.error);
  g_assert_error(b->job.error, WG_ERROR, WG_ERROR_UNKNOWN_AGENT);
  g_assert_no_error(c->job.error);
  g_assert_cmpuint(t->rolled_back, ==, 0);
  free_job(a), free_job(b), free_job(c);
  g_assert_cmpint(count_rows(t), ==, 2);
}

static void test_parked(Test *t, gconstpointer data) {
  TestJob *p = submit(t, PARK, 1);
  TestJob *a = submit(t, INSERT, 2);
  wait_done(t, 1);
  g_assert_cmpint(count_rows(t), ==, 1);
  g_assert_cmpuint(wg_writer_n_queued(t->writer), ==, 0);
  TestJob *b = submit(t, INSERT_AND_COMPLETE, 3);
  wait_done(t, 4);
  g_assert_cmpint(g_array_index(t->order, gint64, 3), ==, 1); /* after the one that ended it */
  g_assert_cmpuint(p->runs, ==, 1);
  free_job(p), free_job(a), free_job(b);
}

/* One job whose statement fails: it alone gets an error, all others are stored. */
static void test_poison(Test *t, gconstpointer data) {
  enum { N = 40 };
  TestJob *jobs[N];
  for (guint i = 0; i < N; i++)
    jobs[i] = submit(t, i == 20 ? POISON : INSERT, i + 1);
  wait_done(t, N);
  for (guint i = 0; i < N; i++) {
    if (i == 20)
      g_assert_error(jobs[i]->job.error, WG_ERROR, WG_ERROR_FAILED);
    else
      g_assert_no_error(jobs[i]->job.error);
    g_assert_cmpint(g_array_index(t->order, gint64, i), ==, i + 1);
    free_job(jobs[i]);
  }
  g_assert_cmpuint(t->rolled_back, >=, 2);
  g_assert_cmpint(count_rows(t), ==, N - 1);
  g_assert_cmpuint(t->state_calls, ==, 0);
}

/* A parked job that was ended by a batch that fails is run again, and parks again. */
static void test_parked_rollback(Test *t, gconstpointer data) {
  TestJob *p = submit(t, PARK, 1);
  g_assert_cmpint(count_rows(t), ==, 0); /* a batch of its own, or the same: it is parked now */
  t->refuse_commit = TRUE;               /* the writer is idle */
  TestJob *a = submit(t, INSERT_AND_COMPLETE, 2);
  wait_done(t, 2);
  g_assert_cmpuint(t->rolled_back, ==, 1);
  g_assert_no_error(a->job.error);
  g_assert_cmpuint(a->runs, ==, 2);
  TestJob *b = submit(t, INSERT_AND_COMPLETE, 3);
  wait_done(t, 4);
  g_assert_cmpuint(p->runs, ==, 2);
  g_assert_no_error(p->job.error);
  g_assert_cmpint(count_rows(t), ==, 2);
  free_job(p), free_job(a), free_job(b);
}

static void test_survives(Test *t, gconstpointer data) {
  guint before = t->done;
  TestJob *a = submit(t, INSERT, 7);
  wg_writer_free(t->writer); /* runs what is queued and calls done() */
  g_assert_cmpuint(t->done, ==, before + 1);
  free_job(a);
  WgStore *store = fixture_open(&t->fx);
  g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT count(*) FROM message"), ==, before + 1);
  g_assert_cmpint(fixture_int(wg_store_db(store), "SELECT max(id) FROM message"), ==, 7);
  t->insert = NULL;
  t->writer = wg_writer_new(store, &engine, t, on_state, t);
}

static void test_stalled(Test *t, gconstpointer data) {
  g_assert_false(wg_writer_stalled(t->writer, 0));
  g_assert_cmpint(wg_writer_state(t->writer), ==, WG_STORE_OK);
}

/* What the file has by itself, without the write-ahead log beside it; 0 while it is written to. */
static gint64 rows_in_file(Test *t) {
  g_autofree char *uri = g_strdup_printf("file:%s?immutable=1", t->fx.path);
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;
  g_assert_cmpint(sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL), ==,
                  SQLITE_OK);
  sqlite3_prepare_v2(db, "SELECT count(*) FROM message", -1, &stmt, NULL);
  gint64 n = stmt && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  return n;
}

/* At rest the file has it all, time after time; and nothing is lost that comes after it. */
static void test_at_rest(Test *t, gconstpointer data) {
  for (guint i = 1; i <= 2; i++) {
    TestJob *a = submit(t, INSERT, i);
    wait_done(t, i);
    free_job(a);
    for (guint tries = 0; rows_in_file(t) < i; tries++) {
      g_assert_cmpuint(tries, <, 3000);
      g_usleep(20000);
    }
  }
  test_survives(t, data);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/store-writer/" path, Test, NULL, set_up, func, tear_down)
  ADD("order", test_order);
  ADD("refused", test_refused);
  ADD("parked", test_parked);
  ADD("poison", test_poison);
  ADD("parked-rollback", test_parked_rollback);
  ADD("survives", test_survives);
  ADD("stalled", test_stalled);
  ADD("at-rest", test_at_rest);
  return g_test_run();
}
