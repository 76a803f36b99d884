/* writer-fixture.h: a writer on a fixture's store whose jobs insert a row (id > 0) or read all rows
 * (id 0). */
#pragma once

#include "store-fixture.h"

#include <string.h>

typedef struct {
  Fixture fx;
  WgWriter *writer;
  sqlite3_stmt *insert;
  guint done;
  WgStoreState state;
  guint state_calls;
  gboolean salvaged;
} WriterTest;

typedef struct {
  WgJob job;
  WriterTest *t;
  gint64 id; /* 0: only reads */
  guint times_done;
} WriterJob;

static inline gboolean writer_prepare(WriterTest *t, sqlite3 *db, GError **error) {
  t->insert = wg_store_prepare(db, "INSERT INTO message VALUES(?, 'a', zeroblob(900), 0)", error);
  return t->insert != NULL;
}

static inline WgJobResult writer_job_run(WgJob *base, gpointer engine) {
  WriterJob *j = (WriterJob *)base;
  WriterTest *t = engine;
  sqlite3 *db = wg_store_db(wg_writer_store(t->writer));
  GError *error = NULL;
  gboolean ok = TRUE;
  if (j->id == 0) {
    ok = wg_store_exec(db, "SELECT sum(length(body)) FROM message", &error);
  } else {
    sqlite3_bind_int64(t->insert, 1, j->id);
    ok = sqlite3_step(t->insert) == SQLITE_DONE;
    if (!ok)
      wg_store_set_error(db, &error, "inserting");
    sqlite3_reset(t->insert);
  }
  if (!ok)
    wg_writer_fail(t->writer, error);
  return WG_JOB_DONE;
}

static inline void writer_job_done(WgJob *base) {
  WriterJob *j = (WriterJob *)base;
  j->times_done++;
  j->t->done++;
}

static inline gboolean writer_reopened(gpointer engine, const WgSalvage *salvage, GError **error) {
  WriterTest *t = engine;
  sqlite3_finalize(t->insert);
  return writer_prepare(t, wg_store_db(wg_writer_store(t->writer)), error);
}

static inline void writer_on_state(WgStoreState state, const char *text, const WgSalvage *salvage,
                                   gpointer user_data) {
  WriterTest *t = user_data;
  t->state = state;
  t->state_calls++;
  t->salvaged |= salvage->happened;
  g_assert_nonnull(text);
}

static const WgWriterEngine writer_engine = {.reopened = writer_reopened};

static inline WriterJob *writer_submit(WriterTest *t, gint64 id, gboolean new_work) {
  WriterJob *j = g_new0(WriterJob, 1);
  *j = (WriterJob){.job = {.run = writer_job_run, .done = writer_job_done, .new_work = new_work},
                   .t = t,
                   .id = id};
  wg_writer_submit(t->writer, &j->job);
  return j;
}

static inline void writer_wait_done(WriterTest *t, guint n) {
  while (t->done < n)
    g_main_context_iteration(NULL, TRUE);
}

static inline void writer_wait_state(WriterTest *t, WgStoreState state) {
  while (t->state != state)
    g_main_context_iteration(NULL, TRUE);
}

static inline void writer_free_job(WriterJob *j) {
  g_clear_error(&j->job.error);
  g_free(j);
}

/* Does one job and returns its error. */
static inline GError *writer_one(WriterTest *t, gint64 id, gboolean new_work) {
  guint n = t->done + 1;
  WriterJob *j = writer_submit(t, id, new_work);
  writer_wait_done(t, n);
  GError *error = g_steal_pointer(&j->job.error);
  writer_free_job(j);
  return error;
}

static inline gboolean writer_start(WriterTest *t, GError **error) {
  WgStore *store = wg_store_open(&t->fx.options, NULL, error);
  if (!store)
    return FALSE;
  t->done = 0;
  t->state = WG_STORE_OK;
  if (!writer_prepare(t, wg_store_db(store), error)) {
    wg_store_close(store);
    return FALSE;
  }
  t->writer = wg_writer_new(store, &writer_engine, t, writer_on_state, t);
  return TRUE;
}
