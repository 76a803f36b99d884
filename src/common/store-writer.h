/* store-writer.h: the group-commit writer thread.
 *
 * Jobs are submitted from the loop; the one writer thread takes whatever has piled up, runs it
 * in ONE transaction, and hands each job back to the loop after the commit and its sync, so that
 * no caller ever waits for storage in the loop and one fdatasync pays for many. A reply that the
 * loop sends from done() is a promise: what it says is on the disk (but see `early`).
 *
 * run() may find that the request is refused: it sets job->error before it has changed anything,
 * and returns. When a statement fails (disk full, I/O) it calls wg_writer_fail(): the whole
 * batch is rolled back, engine.rolled_back() drops memory state, and the jobs are run again
 * one by one, so that a poisonous job costs only itself. On a full disk the reserve is given up,
 * jobs with `new_work` are refused with WG_ERROR_STORE_FULL until there is room again, the others
 * go on. So run() must be able to run twice.
 *
 * Neither the engine nor run() may touch sd-bus, and done() may not touch SQLite. */
#pragma once

#include "common/store.h"

typedef struct WgWriter WgWriter;
typedef struct WgJob WgJob;

typedef enum {
  WG_JOB_DONE,   /* hand back after this batch's commit */
  WG_JOB_PARKED, /* the engine keeps it and calls wg_writer_complete() in a later batch */
} WgJobResult;

struct WgJob {
  WgJobResult (*run)(WgJob *job, gpointer engine); /* writer thread, in a transaction */
  void (*done)(WgJob *job);                        /* loop thread; owns the job again */
  GError *error;                                   /* set: refused or failed; done() must look */
  gboolean
      early; /* run() may set it: what this job reports is on the disk (wg_writer_on_disk()) or may
                be lost with the machine, so it is handed back at the commit, not after the sync */
  gboolean emitted;  /* made by the engine, see wg_writer_emit() */
  gboolean new_work; /* refused while the disk is full or nearly so */
  guint64 batch;     /* number of the batch that ran it (writer thread) */
  WgJob *next;       /* the writer's */
};

typedef struct {
  void (*begin)(gpointer engine); /* before the first job of a batch */
  gboolean (*before_commit)(gpointer engine,
                            GError **error); /* flush dirty rows; may complete parked jobs */
  void (*committed)(gpointer engine);
  void (*rolled_back)(gpointer engine, guint64 batch); /* forget everything since begin() */
  gboolean (*reopened)(gpointer engine, const WgSalvage *salvage,
                       GError **error); /* new sqlite3*: finalize the old statements, prepare anew;
                                           called also, with salvage->happened FALSE, when a
                                           read-only store has become writable */
} WgWriterEngine;

typedef enum {
  WG_STORE_OK,
  WG_STORE_NEARLY_FULL,
  WG_STORE_FULL,
  WG_STORE_READ_ONLY,
  WG_STORE_BROKEN
} WgStoreState;
/* On the loop thread, when the state changed; `text` says why. */
typedef void (*WgStoreStateFunc)(WgStoreState state, const char *text, const WgSalvage *salvage,
                                 gpointer user_data);

/* Takes `store` over. The thread starts at once; done() and `state_changed` run in the default
 * context. */
WgWriter *wg_writer_new(WgStore *store, const WgWriterEngine *funcs, gpointer engine,
                        WgStoreStateFunc state_changed, gpointer user_data);
/* Loop thread. Never blocks. Jobs of one submitter keep their order. They are handed over in
 * groups, at the latest when the loop turns. */
void wg_writer_submit(WgWriter *writer, WgJob *job);
/* Writer thread, inside a batch: a parked job ends with this batch. */
void wg_writer_complete(WgWriter *writer, WgJob *job);
/* Writer thread, inside a batch: a job that the engine made itself, to tell the loop something: its
 * done() runs after the commit. When the batch is rolled back its run() is called instead, which
 * frees it. */
void wg_writer_emit(WgWriter *writer, WgJob *job);
/* Writer thread, inside run() or before_commit(): roll this batch back. Takes `error`. */
void wg_writer_fail(WgWriter *writer, GError *error);
/* Writer thread: FALSE while the store is full, read-only or broken, so that what can wait does. */
gboolean wg_writer_may_write(WgWriter *writer);
WgStore *wg_writer_store(WgWriter *writer);
/* Writer thread: the number of the batch that runs, and the last one that is on the disk with all
 * before it. A batch may be committed while the one before is not there yet; `early` is for what
 * does not rest on either. */
guint64 wg_writer_batch(WgWriter *writer);
guint64 wg_writer_on_disk(WgWriter *writer);

/* Loop thread. */
guint wg_writer_n_queued(
    WgWriter *writer); /* submitted and not yet handed back; parked ones not counted */
WgStoreState wg_writer_state(WgWriter *writer);
/* Watchdog: TRUE when a batch has been running for longer than `limit_usec`. Retrying a full disk
 * is progress. */
gboolean wg_writer_stalled(WgWriter *writer, guint64 limit_usec);
/* For WgServiceInfo.healthy: not stalled so long that the disk must be taken to hang. */
gboolean wg_writer_healthy(WgWriter *writer, char **ret_why);

typedef struct {
  guint64 batches, jobs, largest_batch, rollbacks, checkpoints;
} WgWriterStats;
void wg_writer_stats(WgWriter *writer, WgWriterStats *ret);

/* Runs what is queued, stops the thread, closes the store; parked jobs must have been completed
 * before. Blocks; for the very end of main only. */
void wg_writer_free(WgWriter *writer);
