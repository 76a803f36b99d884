/* engine-state.h: the structs that the engine's memory is made of.
 *
 * Everything here belongs to the writer thread. Memory is a cache of the store: counts, windows and
 * caches can be thrown away at any time between batches and are built again from it. */
#pragma once

#include "common/clock.h"
#include "messaging/record.h"

#include <sqlite3.h>

/* A batch of the writer, and the last message when it was committed. */
typedef struct {
  guint64 batch, seq;
} MsgCommit;

/* ---- statements: one set for each schema, main (durable) and vol (memory) ---- */
typedef enum {
  MSG_SQL_MESSAGE_INSERT,
  MSG_SQL_MESSAGE_GET,
  MSG_SQL_MESSAGE_DELETE,
  MSG_SQL_LIVE_INSERT,
  MSG_SQL_LIVE_UPDATE,
  MSG_SQL_LIVE_GET,
  MSG_SQL_LIVE_DELETE,
  MSG_SQL_LIVE_SCAN,
  MSG_SQL_DUE_PUT,
  MSG_SQL_DUE_DELETE,
  MSG_SQL_DUE_ROWS,
  MSG_SQL_DUE_NEXT,
  MSG_SQL_CALENDAR_PUT,
  MSG_SQL_CALENDAR_DELETE,
  MSG_SQL_CALENDAR_ROWS,
  MSG_SQL_CALENDAR_NEXT,
  MSG_SQL_TURN_PUT,
  MSG_SQL_TURN_DELETE,
  MSG_SQL_TURN_FIRST,
  MSG_SQL_DONE_INSERT,
  MSG_SQL_DONE_GET,
  MSG_SQL_DONE_UPDATE,
  MSG_SQL_DONE_DELETE,
  MSG_SQL_DEAD_INSERT,
  MSG_SQL_DEAD_DELETE,
  MSG_SQL_COUNT_PUT,
  MSG_SQL_PAIR_GET,
  MSG_SQL_PAIR_PUT,
  _MSG_SQL_BOTH_MAX,
  /* from here on in main only */
  MSG_SQL_SENDER_FIND = _MSG_SQL_BOTH_MAX,
  MSG_SQL_SENDER_GET,
  MSG_SQL_SENDER_INSERT,
  MSG_SQL_SENDER_PUT,
  MSG_SQL_SENDER_PUT_VOLATILE,
  MSG_SQL_ACTOR_INSERT,
  MSG_SQL_ACTOR_GET,
  MSG_SQL_DEDUP_GET,
  MSG_SQL_DEDUP_PUT,
  MSG_SQL_REPLY_PUT,
  MSG_SQL_REPLY_DELETE,
  MSG_SQL_REPLY_DUE,
  MSG_SQL_REPLY_NEXT,
  _MSG_SQL_MAX,
} MsgSql;

typedef struct MsgAgent MsgAgent;
typedef struct MsgClient MsgClient;
typedef struct MsgLease MsgLease;

/* ---- agents ---- */
/* A sender whose mail waits at a level. */
typedef struct {
  guint32 sender;
  guint n;         /* of its numbers in the window */
  guint64 dropped; /* the first that found no room; 0: none. All from there on are in the store */
  GList link;      /* in the level's rotation */
} MsgTurn;

typedef struct {
  guint64 *seq;   /* ring, ascending */
  MsgTurn **turn; /* of each: whose it is */
  guint head, n, room;
  guint64 loaded_to; /* every live row up to this seq has been looked at */
  guint64 newest;    /* and this is the largest that came while all was known */
  gboolean complete; /* no row lies beyond loaded_to */
  gboolean known;    /* nor any that is not in the window and not told by a `dropped` */
  guint n_dropped;   /* senders with one */
  GHashTable *turns; /* sender -> MsgTurn, owned; NULL: none */
  GQueue rotation;   /* of those with mail, the next first */
} MsgLevel;

typedef struct {
  double tokens;
  gint64 stamp; /* lasting time */
} MsgBucket;

struct MsgAgent {
  guint id;
  char *name;
  uid_t uid;
  gint64 created, removed;                        /* CLOCK_REALTIME us, 0: not removed */
  guint64 made;                                   /* the batch that made it, 0: an earlier run */
  GVariant *info;                                 /* a{sv}: the options as registered */
  char **roles, **topics, **tags, **capabilities; /* from info, never NULL */
  guint64 max_messages, max_bytes, lease;
  double rate;
  guint burst, max_deliveries;
  guint64 *backoff;
  gsize n_backoff;
  gboolean paused;
  gint64 paused_until; /* CLOCK_REALTIME us: people give it; 0: no end */
  char *pause_reason;
  MsgCounts counts;
  MsgCounts volatile_counts; /* the part of them that a restart forgets */
  MsgBucket bucket;
  guint64 pending_messages, pending_bytes; /* within one SendMany, before it is written */
  MsgLevel level[MSG_LEVELS];              /* by rank */
  MsgLevel volatile_level[MSG_LEVELS];
  guint16 last_volatile;          /* a bit for each rank: what it gave last was volatile */
  GQueue receivers;               /* of MsgReceiveJob, parked */
  GQueue subscriptions;           /* of MsgSubscription, the next to be served first */
  guint64 turn;                   /* when it last got role mail, for round-robin */
  guint64 offered[2][MSG_LEVELS]; /* attempts.c: up to which number couriers were asked */
  guint64 noted[2][MSG_LEVELS];   /* and up to which "no session" was noted */
  const char *policy;             /* of info, NULL: none */
  gboolean look_later;            /* attempts.c: a batch had no time to look at all its mail */
  gboolean dirty, volatile_dirty, touched, changed;
};

typedef struct {
  guint32 id;
  uid_t uid;
  char *name; /* "" stands for uid:N */
  guint64 messages, bytes, pending_messages, pending_bytes;
  guint64 volatile_messages, volatile_bytes; /* the part of them that a restart forgets */
  MsgBucket bucket;
  gboolean dirty, volatile_dirty;
} MsgSender;

typedef struct {
  guint64 id, caller;
  MsgActor *actor;
  MsgAgent *agent;
  guint credits, credits_before; /* before this batch, when `batch` is this batch */
  guint64 batch, made;           /* batches that changed and made it */
  guint64 lease;
  gboolean no_body;
  GList link; /* in agent->subscriptions */
} MsgSubscription;

/* In-memory deadline; lasting time. */
typedef struct {
  gint64 when;
  guint index; /* in the heap, G_MAXUINT: not in it */
  enum {
    MSG_TIMER_LEASE,
    MSG_TIMER_RECEIVE,
    MSG_TIMER_CALL,
    MSG_TIMER_ATTEMPT,
    MSG_TIMER_ABSENCE
  } kind;
  gpointer what;
} MsgTimer;

struct MsgLease {
  guint64 token, okey; /* okey: as live's; the key in leased_keys */
  MsgAgent *agent;
  MsgActor *actor;
  MsgLive *live;
  MsgTimer timer;
  GList link; /* in client->leases, when it is bound to a connection */
};

/* What one connection holds. Freed when it holds nothing. */
struct MsgClient {
  guint64 caller;
  GQueue leases;        /* of MsgLease */
  GQueue parked;        /* of MsgJob (receive and call jobs) */
  GQueue subscriptions; /* of MsgSubscription */
  GQueue watches;       /* of MsgWatch */
  GQueue couriers;      /* of MsgCourier */
  gboolean push_blocked;
};

typedef struct {
  MsgActor *actor;
  gboolean admin;
  guint64 id;
  MsgAgent *agent; /* NULL: all that the caller may see */
  gboolean final;  /* only what ends a delivery, and answers */
  guint64 made;    /* the batch that made it */
} MsgWatch;

/* What the courier reported of a back-end's attempts since the start. */
#define MSG_BACKENDS_MAX 16
typedef struct {
  char backend[32];
  guint64 announced, held, failed, partial;
} MsgDeliveries;

struct MsgEngine {
  WgStore *store;
  WgWriter *writer;
  sqlite3 *db;
  sqlite3_stmt *sql[2][_MSG_SQL_MAX];
  MsgSettings settings;
  guint64 *backoff_list;      /* settings.backoff_list points here */
  gboolean pressure, relieve; /* memory is short; what is cached is to go */
  gboolean user_scope, failed, draining;
  gboolean in_batch;   /* a failure goes to the writer, else to start_error */
  GError *start_error; /* the first one outside of a batch */
  WgClock clock;
  guint64 batch;           /* the engine's own count */
  gboolean agents_changed; /* in this batch: a roll-back reads the agents' rows again */
  gint64 now, now_real;    /* of this batch: lasting time, CLOCK_REALTIME */

  guint64 last_seq, last_volatile; /* numbers given out */
  guint64 first_volatile;          /* all of this run are larger */
  guint last_agent;
  GHashTable *agents_by_name; /* name -> MsgAgent, not removed */
  GPtrArray *agents;          /* by id, also removed ones (owned); gaps are NULL */
  GHashTable *roles, *topics; /* name -> GPtrArray of MsgAgent; NULL: to be built again */
  GPtrArray *dirty_agents, *touched_agents;
  guint64 role_turn;
  GHashTable *senders_by_name; /* set of MsgSender, by uid and name */
  GHashTable *senders;         /* id -> MsgSender (owned) */
  GPtrArray *dirty_senders;
  GHashTable *pairs;      /* pairs.c: the last number of each sender and receiver */
  GPtrArray *dirty_pairs; /* of them: newer than their rows */
  guint pairs_given;      /* numbers since the rows were written */
  gboolean pairs_read, pairs_keep;
  GPtrArray *new_actors;  /* of MsgActor: rows that this batch made */
  GPtrArray *plan_agents; /* scratch of send.c: recipients of the call at hand */

  /* place -> MsgLive: all leased ones (they stay), and others that may go at any time between
   * batches */
  GHashTable *live_cache;
  GHashTable *message_cache; /* seq -> MsgMessage */
  gsize message_cache_bytes;

  GHashTable *leases;      /* token -> MsgLease */
  GHashTable *leased_keys; /* ordering key -> MsgLease: those being handled */
  GPtrArray *undo;         /* of MsgUndo: leases as they were before this batch */
  GHashTable *clients;     /* caller id -> MsgClient */
  GHashTable *waits;       /* seq -> GQueue of MsgCallJob */
  GArray *waits_touched;   /* seqs with a new receipt in this batch */
  GHashTable *subscriptions, *watches, *couriers, *attempts; /* id -> ... */
  GHashTable *attempts_by_place; /* place -> MsgAttempt, also those that wait for their time */
  GPtrArray *attempts_ended;     /* in this batch */
  GQueue *attempt_jobs;          /* of MsgCallJob: parked LeaseAttempts; state: its courier */
  GHashTable *absences;          /* uid -> of absence.c */
  guint looks;                   /* of this batch at deliveries that could be offered */
  guint looks_max;
  guint64 looks_batch;
  gboolean look_later; /* some agent's */
  guint64 last_id;
  GRand *random;

  GPtrArray *heap;                 /* of MsgTimer */
  gint64 told_wake, told_calendar; /* what the loop has armed */
  gboolean due_changed;
  gint64 next_due, next_calendar; /* of the store's rows; 0: none */
  gboolean again;                 /* a tick at once */
  gboolean tell;                  /* the loop has nothing armed that is true */
  GPtrArray *notes;               /* of this batch; NULL: none yet */
  GPtrArray *early_notes;         /* those that need not wait for the disk */
  guint64 seq_on_disk;            /* messages up to this one are */
  GArray *commits;                /* of MsgCommit: those that may not be there yet */
  MsgNotesFunc notes_func;
  gpointer notes_data;
  struct {
    guint64 sent, received, acked, nacked, expired, died, refused, duplicates, quarantined,
        canceled;
    MsgDeliveries deliveries[MSG_BACKENDS_MAX]; /* by back-end; a name "" ends them */
  } stat;
  guint64 retention_cursor, retention_volatile; /* retention.c: how far its pass is */
  guint retention_stage;
  gboolean retaining;
  gint64 next_retention; /* lasting time; no wake-up is armed for it */
  gboolean recover_later, recover_salvaged;
  guint64 recover_batch; /* the batch that did what the start could not */
  gboolean sweeping;     /* a removed agent may still have mail */
  GPtrArray *slices;     /* calls that go on each tick, see slices.c */
  GPtrArray *findings;   /* of the Check that runs */
  GByteArray *pack;      /* scratch of the packers */
};
