/* store.c: see store.h.
 *
 * The largest lasting time that was seen is written with each job that has written something, so
 * that the clock of the next boot never goes back behind it. */
#include "monitoring/store-private.h"

#define STORE_FILE "monitord.db"

typedef struct {
  WgJob job;
  MonStore *owner;
  MonStoreRun run;
  MonStoreDone done;
  gpointer data;
  gint64 seen;
} Job;

static WgJobResult job_run(WgJob *base, gpointer engine) {
  Job *job = (Job *)base;
  MonStore *store = engine;
  sqlite3_int64 before = sqlite3_total_changes64(wg_records_db(store));

  g_clear_error(&base->error);
  if (job->run(store, job->data, &base->error) &&
      sqlite3_total_changes64(wg_records_db(store)) != before)
    wg_records_seen(store, job->seen);
  return WG_JOB_DONE;
}

static void job_done(WgJob *base) {
  Job *job = (Job *)base;

  if (job->done != NULL)
    job->done(base->error, job->data);
  wg_records_tell_damage(job->owner);
  g_clear_error(&base->error);
  g_free(job);
}

void mon_store_do(MonStore *store, MonStoreRun run, MonStoreDone done, gpointer data,
                  gboolean new_work) {
  Job *job = g_new0(Job, 1);

  job->job.run = job_run;
  job->job.done = job_done;
  job->job.new_work = new_work;
  job->owner = store;
  job->run = run;
  job->done = done;
  job->data = data;
  job->seen = wg_clock_now(wg_records_clock(store));
  wg_writer_submit(wg_records_writer(store), &job->job);
}

MonStore *mon_store_open(const char *dir, WgSalvage *ret_salvage, GError **error) {
  g_autofree char *path = g_build_filename(dir, STORE_FILE, NULL);

  return wg_records_open(path, mon_store_migrations(), ret_salvage, error);
}
