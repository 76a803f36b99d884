/* store-writer-internal.h: what the files store-writer*.c share; nobody else includes it.
 *
 * Two threads, no lock in the hot path. `inbox` and `outbox` are stacks of linked jobs, pushed
 * with one compare-and-swap and emptied with one exchange; the one who empties reverses. All
 * other shared fields are single words with atomic access. The rest belongs to the thread that
 * its heading names. */
#pragma once

#include "common/store-writer.h"

/* The jobs of a commit that wait for its sync. */
typedef struct {
  WgJob *newest, *oldest;
  guint64 batch;
} WgSyncGroup;

typedef struct WgWriterEvent WgWriterEvent; /* a change of state on its way to the loop */
struct WgWriterEvent {
  WgStoreState state;
  char *text;
  WgSalvage salvage;
  WgWriterEvent *next;
};

struct WgWriter {
  WgStore *store;
  WgWriterEngine funcs;
  gpointer engine;
  GThread *thread;

  /* shared, atomic */
  WgJob *inbox;
  WgJob *outbox;
  WgWriterEvent *events;
  int asleep;  /* the writer waits for a signal */
  int polling; /* the loop is, or may go, to sleep */
  int stopping;
  int n_parked;
  gint64 busy_since; /* monotonic us; 0: idle */
  WgWriterStats stats;
  GMutex sleep_lock;
  GCond wake;

  /* loop thread */
  GSource *source;
  int event_fd;
  gpointer fd_tag;
  guint n_out;               /* submitted, not handed back */
  WgJob *held, *held_oldest; /* submitted, not yet handed over; newest first */
  guint n_held;
  WgStoreState told;
  WgStoreStateFunc state_changed;
  gpointer user_data;

  /* writer thread */
  WgJob *pending;       /* taken out of the inbox, in order */
  GPtrArray *ran;       /* jobs of this batch, in order */
  GByteArray *parked;   /* of those: 1 for each that parked */
  GPtrArray *completed; /* parked in an earlier batch, ended in this one */
  GPtrArray *emitted;   /* made by the engine in this batch */
  guint64 batch;
  GError *failure;
  int failure_rc; /* SQLite's primary code at that time */
  gboolean in_batch;
  gboolean unusable; /* no connection: a salvage or reopen has failed ... */
  gboolean damaged;  /* ... and it was a salvage */
  WgStoreState state;
  gint64 next_probe; /* monotonic us */
  gint64 probe_wait;
  gint64 space_checked, salvaged_at;
  int wal_pages, wal_moved; /* in the WAL; of those known to be checkpointed */
  gboolean wal_long;        /* its file was not truncated since it was written to */
  gint64 idle_since;        /* monotonic us; 0: not yet */
  gint64 checkpoint_not_before;
  sqlite3_stmt *begin, *commit, *rollback;

  gboolean wrote;  /* this batch added to the WAL */
  guint most_here; /* jobs that were here at a time, of late */

  /* the sync thread; what is not atomic is the writer's while `state` is idle, but `next` */
  struct {
    GThread *thread;
    int state;           /* atomic */
    int n_ended;         /* atomic: goes on counting, so that the end of one is not missed ... */
    int seen;            /* ... since the writer looked (its own) */
    int n_jobs;          /* atomic: of the group that is being synced */
    guint64 on_disk;     /* atomic: all batches up to this one are */
    gint64 since;        /* atomic, monotonic us; 0: idle */
    gint64 usual;        /* atomic, us: how long one takes, smoothed */
    gint64 ended;        /* when the last one did, monotonic us */
    guint n_handed_back; /* jobs that it had kept waiting */
    int rc;
    sqlite3_file *file;
    WgSyncGroup group, next; /* `next`: under `lock`, the commit that waits behind */
    int has_next;            /* atomic, changed under `lock` */
    GMutex lock;
    GCond wake;
  } sync;

  /* the checkpoint helper; `rc` and `moved` are the writer's again when `state` says so */
  struct {
    GThread *thread;
    sqlite3 *db;
    int state; /* atomic */
    int rc, moved;
    GMutex lock;
    GCond wake;
  } helper;
};

void wg_writer_wake(WgWriter *w);
void wg_writer_flush(WgWriter *w); /* loop thread: hands over what was submitted */

/* store-writer-batch.c: takes jobs, runs, commits, hands back. */
void wg_writer_run_batch(WgWriter *w);
gboolean wg_writer_prepare(WgWriter *w, GError **error); /* after each change of connection */
void wg_writer_unprepare(WgWriter *w);

/* store-writer.c: what the writer sleeps for, at most until `until` (monotonic us, 0: no limit).
 * The caller says whether it waits for a sync: that may have ended since it looked. */
typedef enum {
  WG_SLEEP_IDLE,      /* a job, or the end of all */
  WG_SLEEP_SYNC,      /* the same, or that a sync has ended since wg_writer_sync_busy() */
  WG_SLEEP_SYNC_ONLY, /* only that */
} WgWriterSleep;
void wg_writer_sleep(WgWriter *w, gint64 until, WgWriterSleep what);

/* store-writer-sync.c: the sync of a batch beside the running of the next. */
void wg_writer_sync_attach(WgWriter *w);
void wg_writer_sync_detach(WgWriter *w);
gboolean wg_writer_sync_busy(WgWriter *w);    /* notes what was seen, for ... */
gboolean wg_writer_sync_moved(WgWriter *w);   /* ... this: one has ended since then, or all have */
gboolean wg_writer_sync_is_last(WgWriter *w); /* no commit waits behind the one under way */
guint wg_writer_sync_n_jobs(WgWriter *w);     /* that wait for the one under way */
void wg_writer_sync_start(WgWriter *w, WgJob *newest, WgJob *oldest, gboolean alone);
void wg_writer_sync_wait(WgWriter *w);
gboolean wg_writer_sync_failed(WgWriter *w); /* the last one; nobody has judged it yet */
void wg_writer_sync_judge(WgWriter *w);      /* what that means; never within a transaction */
gboolean wg_writer_sync_now(WgWriter *w);    /* the WAL, on the writer's thread */

/* store-writer-state.c: full, read-only, damaged, and the way back. */
void wg_writer_stamp(WgWriter *w, gint64 when); /* for the watchdog; 0: idle */
void wg_writer_set_state(WgWriter *w, WgStoreState state, const char *text, WgSalvage *take);
/* What a failed transaction means for the store; `retried`: it was the second try. TRUE: the
 * cause was removed, another try is worth it. */
gboolean wg_writer_judge(WgWriter *w, const GError *error, int rc, gboolean retried);
void wg_writer_look_at_space(WgWriter *w);
void wg_writer_probe(WgWriter *w); /* when next_probe has come: has the store recovered? */
gboolean wg_writer_refuses(WgWriter *w, WgJob *job); /* sets job->error */

/* store-writer-checkpoint.c */
void wg_writer_watch_wal(WgWriter *w); /* the connection is new */
void wg_writer_unwatch_wal(WgWriter *w);
void wg_writer_checkpoint_if_due(WgWriter *w);    /* after a batch */
gint64 wg_writer_checkpoint_if_idle(WgWriter *w); /* when to call it again; 0: no need */

/* store-writer-loop.c: the way back to the loop. */
void wg_writer_push_done(WgWriter *w, WgJob *newest, WgJob *oldest);
void wg_writer_push_event(WgWriter *w, WgWriterEvent *event);
void wg_writer_attach(WgWriter *w);
void wg_writer_detach(WgWriter *w);
void wg_writer_deliver(WgWriter *w);
