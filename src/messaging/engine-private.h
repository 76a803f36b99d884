/* engine-private.h: the engine's own structures, shared by its files only.
 *
 * Everything here belongs to the writer thread. Memory is a cache of the store: counts, windows and
 * caches can be thrown away at any time between batches and are built again from it (that is what a
 * rolled back batch does); leases and parked calls are the only state that memory alone holds, and
 * msg_undo_* brings leases back to what they were before the batch. */
#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "messaging/engine.h"

/* ---- places ----
 * A delivery is one message at one agent. Its key in the store is its place:
 * agent (21 bits), rank (4 bits, 9 - priority), seq (38 bits), so that a rowid scan of `live` meets
 * an agent's mail level by level in order of age. In memory bit 63 tells volatile ones apart. */
#define MSG_SEQ_BITS 38
#define MSG_RANK_BITS 4
#define MSG_SEQ_MASK ((G_GUINT64_CONSTANT(1) << MSG_SEQ_BITS) - 1)
#define MSG_AGENT_MAX ((1 << 21) - 1)
#define MSG_LEVELS 10
#define MSG_PLACE_VOLATILE (G_GUINT64_CONSTANT(1) << 63)

static inline guint64 msg_place(guint agent, guint rank, guint64 seq) {
  return ((guint64)agent << (MSG_SEQ_BITS + MSG_RANK_BITS)) | ((guint64)rank << MSG_SEQ_BITS) |
         (seq & MSG_SEQ_MASK) | (seq & MSG_VOLATILE_BIT ? MSG_PLACE_VOLATILE : 0);
}
static inline gint64 msg_place_row(guint64 place) {
  return (gint64)(place & ~MSG_PLACE_VOLATILE);
}
static inline gboolean msg_place_volatile(guint64 place) {
  return (place & MSG_PLACE_VOLATILE) != 0;
}
static inline guint64 msg_place_seq(guint64 place) {
  return (place & MSG_SEQ_MASK) | (msg_place_volatile(place) ? MSG_VOLATILE_BIT : 0);
}
static inline guint msg_place_rank(guint64 place) {
  return (place >> MSG_SEQ_BITS) & ((1 << MSG_RANK_BITS) - 1);
}
static inline guint msg_place_agent(guint64 place) {
  return (place >> (MSG_SEQ_BITS + MSG_RANK_BITS)) & MSG_AGENT_MAX;
}

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

/* ---- a delivery, decoded ---- */
#define MSG_HISTORY_INLINE 112
typedef enum {
  MSG_LIVE_DETACHED = 1,    /* the lease outlives its connection */
  MSG_LIVE_ANNOUNCED = 2,   /* some attempt reached the agent's owner */
  MSG_LIVE_NO_ATTEMPT = 4,  /* a partial attempt: never offered again by itself */
  MSG_LIVE_NO_SESSION = 16, /* its receipts say that no courier was there */
  MSG_LIVE_FIRST_WAIT = 8,  /* scheduled by its sender: it takes its turn when the time comes */
} MsgLiveFlags;
typedef struct {
  guint64 place;
  guint8 state, flags;
  guint16 acquired, failed, attempts;
  guint32 nonce;  /* of the lease: low bits of its token */
  guint32 sender; /* row of table sender */
  guint64 size;
  gint64 time;                     /* stored, CLOCK_REALTIME us */
  gint64 ready_at, expires, until; /* lasting time, 0: none */
  gint64 next_attempt;             /* lasting time */
  gint64 calendar;                 /* CLOCK_REALTIME us, 0: none */
  guint64 okey;                    /* hash of agent and ordering key, 0: none */
  gint64 due_row, calendar_row;    /* what tables due and calendar have for it; 0: nothing */
  gboolean turn_row;               /* it stands in table turn */
  guint16 history_size, history_room;
  guint8 *history; /* = history_inline, or g_malloc'd */
  guint8 history_inline[MSG_HISTORY_INLINE];
} MsgLive;

MsgLive *msg_live_new(guint64 place);
MsgLive *msg_live_copy(const MsgLive *live);
void msg_live_free(MsgLive *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MsgLive, msg_live_free)

/* One recorded receipt. `cause` is not terminated in the store; here it is a copy. */
typedef struct {
  MsgState state;
  guint32 actor; /* row of table actor, 0: the service */
  gint64 time;   /* CLOCK_REALTIME us */
  char *cause;   /* NULL: none */
} MsgEvent;
void msg_history_add(MsgLive *live, MsgState state, gint64 time, guint32 actor, const char *cause);
GArray *msg_history_parse(const guint8 *bytes, gsize size); /* of MsgEvent; frees causes with it */

/* ---- a message, decoded; immutable ---- */
typedef struct {
  gint refs;
  guint64 seq;
  guint32 sender, actor;
  gint64 time;    /* CLOCK_REALTIME us */
  gint64 expires; /* lasting, 0: none */
  gint64 reply_by;
  guint64 in_reply_to;
  guint64 size;
  guint8 priority, flags;
  guint n_recipients;
  const guint32 *recipients;           /* agent rows */
  const char *to, *id, *key, *claimed; /* NULL: not set; `to` NULL: the recipient's name */
  const void *head;
  gsize head_size;
  const void *body; /* NULL when it was not loaded */
  gsize allocated;
} MsgMessage;
typedef enum {
  MSG_FLAG_EXPECTS_REPLY = 1,
  MSG_FLAG_IMPORTED = 2,
  MSG_FLAG_VOLATILE = 4,
} MsgMessageFlags;
MsgMessage *msg_message_ref(MsgMessage *message);
void msg_message_unref(MsgMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MsgMessage, msg_message_unref)

/* ---- agents ---- */
typedef struct {
  guint64 *seq; /* ring, ascending */
  guint head, n, room;
  guint64 loaded_to; /* every live row up to this seq has been looked at */
  gboolean complete; /* no row lies beyond */
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
  GQueue receivers;               /* of MsgReceiveJob, parked */
  GQueue subscriptions;           /* of MsgSubscription, the next to be served first */
  guint64 turn;                   /* when it last got role mail, for round-robin */
  guint64 offered[2][MSG_LEVELS]; /* attempts.c: up to which number couriers were asked */
  gboolean has_policy;
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
  enum { MSG_TIMER_LEASE, MSG_TIMER_RECEIVE, MSG_TIMER_CALL, MSG_TIMER_ATTEMPT } kind;
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
  guint64 made;    /* the batch that made it */
} MsgWatch;

struct MsgEngine {
  WgStore *store;
  WgWriter *writer;
  sqlite3 *db;
  sqlite3_stmt *sql[2][_MSG_SQL_MAX];
  MsgSettings settings;
  guint64 *backoff_list; /* settings.backoff_list points here */
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
  GQueue *attempt_jobs;          /* of MsgCallJob: parked LeaseAttempts */
  guint64 last_id;
  GRand *random;

  GPtrArray *heap;                 /* of MsgTimer */
  gint64 told_wake, told_calendar; /* what the loop has armed */
  gboolean due_changed;
  gint64 next_due, next_calendar; /* of the store's rows; 0: none */
  gboolean again;                 /* a tick at once */
  GPtrArray *notes;               /* of this batch; NULL: none yet */
  MsgNotesFunc notes_func;
  gpointer notes_data;
  struct {
    guint64 sent, received, acked, nacked, expired, died, refused, duplicates, quarantined,
        canceled;
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

/* ---- schema.c ---- */
gboolean msg_schema_prepare(MsgEngine *e, GError **error);
void msg_schema_finalize(MsgEngine *e); /* the store was opened anew */
void msg_schema_forget(MsgEngine *e);   /* it was closed */
/* Runs a statement that returns no row, resets it; on failure rolls the batch back. */
gboolean msg_sql_run(MsgEngine *e, sqlite3_stmt *stmt);
/* A batch cannot go on: `e->failed` is set until it is rolled back. */
void msg_fail(MsgEngine *e, const char *doing);
/* ---- sql.c: statements that are too rare to be kept ---- */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
/* NULL: the batch failed. */
sqlite3_stmt *msg_rare(MsgEngine *e, const char *text);
/* `%s` in `text` becomes "main" or "vol". */
sqlite3_stmt *msg_rare_in(MsgEngine *e, gboolean is_volatile, const char *text);
/* Runs one that returns no row; `stmt` stays the caller's. FALSE: the batch failed. */
gboolean msg_rare_run(MsgEngine *e, sqlite3_stmt *stmt);
/* The next row; FALSE: there is none, or the batch failed. */
gboolean msg_rare_row(MsgEngine *e, sqlite3_stmt *stmt);
gboolean msg_meta_put(MsgEngine *e, const char *key, gint64 value);
gint64 msg_meta_get(MsgEngine *e, const char *key); /* 0: not there */

static inline sqlite3_stmt *msg_sql(MsgEngine *e, gboolean is_volatile, MsgSql which) {
  return e->sql[is_volatile ? 1 : 0][which];
}

/* ---- codec.c ---- */
GByteArray *msg_live_pack(const MsgLive *live, GByteArray *into);
MsgLive *msg_live_unpack(guint64 place, const void *data, gsize size); /* NULL: damaged */
/* `body` is covered by the checksum and not copied. */
GByteArray *msg_message_pack(const MsgMessage *message, GByteArray *into);
/* Without looking at the checksum: for what was packed a moment ago. */
MsgMessage *msg_message_decode(guint64 seq, guint32 sender, gint64 time, const void *meta,
                               gsize meta_size, const void *body, gsize body_size,
                               gboolean with_body);
/* NULL: damaged. Takes copies; the body only when `with_body` (it is always verified). */
MsgMessage *msg_message_unpack(guint64 seq, guint32 sender, gint64 time, const void *meta,
                               gsize meta_size, const void *body, gsize body_size,
                               gboolean with_body);

/* ---- message.c ---- */
gboolean msg_message_store(MsgEngine *e, MsgMessage *message); /* and caches it when it is small */
/* NULL: there is none (error UnknownMessage), or it is damaged (quarantined). A reference. */
MsgMessage *msg_message_load(MsgEngine *e, guint64 seq, gboolean with_body, GError **error);
void msg_message_forget(MsgEngine *e, guint64 seq);
/* The same for a caller: it must be the sender's uid, the owner of a recipient, or an
 * administrator. */
MsgMessage *msg_message_for(MsgEngine *e, const MsgJob *job, guint64 seq, gboolean with_body,
                            GError **error);
/* message-show.c: how messages and deliveries are shown. */
GVariant *msg_message_head(const MsgMessage *message); /* a{sv}, full; NULL: none */
char *msg_message_from(MsgEngine *e, const MsgMessage *message);
/* The keys that Receive gives, too, and message, from, size; not the body. */
void msg_message_fields(MsgEngine *e, const MsgMessage *message, GVariantDict *into);
char *msg_live_reason(const MsgLive *live); /* cause of the last receipt with one; NULL: none */
/* Whether the caller may see and act on this delivery: it sent it, or owns its agent, or is an
 * administrator. */
gboolean msg_delivery_visible(MsgEngine *e, const MsgJob *job, const MsgMessage *message,
                              const MsgAgent *agent);
/* A delivery that may be final. Borrowed or `*ret_done` (the caller's) and the same; NULL: none. */
const MsgLive *msg_delivery_get(MsgEngine *e, guint64 place, MsgLive **ret_done);
/* The place of the message's delivery to `agent`; 0 if it was not sent there. */
guint64 msg_message_place(const MsgMessage *message, guint agent);

/* ---- live.c ---- */
void msg_live_read(MsgLive *live); /* just unpacked: which rows stand beside it */
/* live-mend.c: what a damaged record becomes; its rows beside it are written with it. */
MsgLive *msg_live_rebuild(MsgEngine *e, guint64 place, const void *bytes, gsize size);
/* A row of `due` or `calendar` was not true: makes it what the delivery says. */
void msg_live_time_row(MsgEngine *e, guint64 place, gboolean calendar);
/* The hash of an agent and an ordering key; never 0, which stands for none. */
guint64 msg_key_hash(guint agent, const char *key);
/* Reads a delivery that is not final: cache, lease or store. Borrowed; NULL: none such. */
MsgLive *msg_live_get(MsgEngine *e, guint64 place);
/* Between batches only, since lives are lent out within one: drops those that are not leased when
 * there are many. */
void msg_live_cache_trim(MsgEngine *e, gboolean all);
/* A final delivery; owned by the caller; NULL: none. */
MsgLive *msg_done_get(MsgEngine *e, guint64 place);
gboolean msg_done_put(MsgEngine *e, MsgLive *live); /* after a later receipt */
/* Takes a new delivery over: inserts, counts, puts it in its window. */
void msg_live_add(MsgEngine *e, MsgAgent *agent, MsgLive *live);
/* Takes over one that is final already: it is stored as that and freed. Tells nobody. */
void msg_live_add_final(MsgEngine *e, MsgAgent *agent, MsgLive *live);
/* Moves a delivery to `state` with its receipt and writes it; a final state frees `live`.
 * Everything that depends on it follows: counts, windows, ordering key, waiters, watchers. */
void msg_live_move(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState state,
                   const MsgActor *actor, const char *cause);
/* A receipt that changes no state. */
void msg_live_save(MsgEngine *e, MsgLive *live); /* other fields than the state changed */
void msg_live_note(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState event,
                   const MsgActor *actor, const char *cause);
/* Back to the queue (or dead, or expired) after a lease ended without an ack. `delay` us,
 * G_MAXUINT64: the back-off. */
void msg_live_return(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgNackMode mode, guint64 delay,
                     const MsgActor *actor, const char *cause);
/* A delivery of `agent` goes from one state to another, for the counts; MSG_STATE_NONE: none. */
void msg_count_move(MsgEngine *e, MsgAgent *agent, gboolean of_volatile, MsgState from,
                    MsgState to);
/* Adds it to what its agent and its sender have outstanding. */
void msg_live_count_size(MsgEngine *e, MsgAgent *agent, MsgLive *live);
void msg_live_index(MsgEngine *e, MsgLive *live); /* writes the rows beside it anew */
guint32 msg_actor_row(MsgEngine *e, const MsgActor *actor);
char *msg_actor_text(MsgEngine *e, guint32 row); /* "uid:0 pid:1 unit:x", free */

/* ---- ready.c: which delivery is next ---- */
void msg_level_clear(MsgLevel *level);
void msg_ready_insert(MsgEngine *e, MsgAgent *agent, MsgLive *live); /* now queued */
void msg_ready_remove(MsgEngine *e, MsgAgent *agent, guint64 place); /* no longer queued */
void msg_ready_key_freed(MsgEngine *e, MsgAgent *agent,
                         guint64 okey); /* its first delivery ended */
/* The next delivery of the agent by priority and age; borrowed; NULL: none. */
MsgLive *msg_ready_peek(MsgEngine *e, MsgAgent *agent);
/* The first number of the level's window after `seq`; 0: none. */
guint64 msg_ready_after(MsgAgent *agent, guint rank, gboolean is_volatile, guint64 seq);
void msg_touch(MsgEngine *e,
               MsgAgent *agent); /* look after this batch whether somebody waits for its mail */

/* ---- lease.c ---- */
/* Leases `live` (queued) and gives what the receiver gets; NULL when the message is damaged (then
 * it is dead). */
typedef struct {
  MsgActor *actor;
  guint64 lease;
  gboolean detach, no_body, bound; /* bound: to the caller's connection */
} MsgLeaseTerms;
MsgDelivery *msg_lease_take(MsgEngine *e, MsgAgent *agent, MsgLive *live,
                            const MsgLeaseTerms *terms);
MsgLease *msg_lease_restore(MsgEngine *e, MsgAgent *agent, MsgLive *live); /* detached, at start */
MsgLease *msg_lease_of(MsgEngine *e, const MsgLive *live); /* NULL: none in memory */
gboolean msg_lease_has_key(MsgEngine *e, guint64 okey);    /* one of this ordering key is handled */
void msg_lease_drop(MsgEngine *e,
                    MsgLease *lease); /* forgets it (undoable), gives the live back to the cache */
void msg_lease_changed(MsgEngine *e, MsgLease *lease); /* keep a copy before changing it */
void msg_lease_timeout(MsgEngine *e, MsgLease *lease);
void msg_lease_free(MsgLease *lease);
/* What a receiver is given; `to`: the recipient, for mail that was not sent to a group. */
MsgDelivery *msg_delivery_make(MsgEngine *e, const MsgMessage *message, const MsgLive *live,
                               const char *to, gboolean no_body);
void msg_undo_commit(MsgEngine *e);
void msg_undo_rollback(MsgEngine *e, guint64 batch);

/* ---- receive.c ---- */
void msg_receive_finish(MsgEngine *e,
                        MsgReceiveJob *job);      /* parked: completes it with what it has */
void msg_dispatch(MsgEngine *e, MsgAgent *agent); /* ready mail to those who wait */
void msg_receive_unpark_batch(MsgEngine *e, guint64 batch);

/* ---- clients.c ---- */
MsgClient *msg_client_get(MsgEngine *e, guint64 caller, gboolean make);
void msg_client_check(MsgEngine *e, MsgClient *client); /* frees it when it holds nothing */

/* ---- timers.c ---- */
void msg_timer_add(MsgEngine *e, MsgTimer *timer, gint64 when);
void msg_timer_remove(MsgEngine *e, MsgTimer *timer);
void msg_timers_run(MsgEngine *e); /* those that are due */
void msg_timers_tell(
    MsgEngine *e); /* before the commit: MSG_NOTE_WAKE when something is due earlier than armed */
void msg_wake_now(MsgEngine *e); /* another tick at once: a long job goes on in its next slice */

/* ---- agents.c, agent-store.c, agent-calls.c, recipients.c ---- */
gboolean msg_agents_load(MsgEngine *e, GError **error);
void msg_agent_free(MsgAgent *agent);
/* After a roll-back: counts and windows anew, and the rows when the batch changed some. */
void msg_agents_reload(MsgEngine *e);
/* Writes the agent's row, so that a roll-back knows to read the rows again. */
gboolean msg_agent_write(MsgEngine *e, MsgAgent *agent);
/* The row, everything that is derived from it, and a note. */
void msg_agent_changed(MsgEngine *e, MsgAgent *agent);
/* agent-options.c: `info` with `options` put over it, as a new full reference; NULL: one of them
 * cannot be. Knows "unset"; leaves "uid" to the caller. */
GVariant *msg_agent_merge(GVariant *info, GVariant *options, GError **error);
/* agent-remove.c: a removed agent's mail becomes dead letters, slice by slice. */
void msg_sweep_step(MsgEngine *e);
guint64 msg_agent_waiting(const MsgAgent *agent); /* all that is not final */
void msg_log(MsgEngine *e, int level, const char *id, const char *agent, guint64 seq,
             const char *format, ...) G_GNUC_PRINTF(6, 7); /* MSG_NOTE_LOG */
MsgAgent *msg_agent_find(MsgEngine *e, const char *name,
                         GError **error); /* UnknownAgent with near names */
MsgAgent *msg_agent_by_id(MsgEngine *e, guint id);
gboolean msg_agent_may(MsgEngine *e, const MsgAgent *agent, const MsgActor *actor, gboolean admin,
                       GError **error);
/* Somebody waits for its mail, or took some a moment ago. */
gboolean msg_agent_reads(MsgEngine *e, const MsgAgent *agent);
void msg_agent_dirty(MsgEngine *e, MsgAgent *agent);
void msg_agents_flush(MsgEngine *e);
void msg_agent_apply_info(MsgAgent *agent);                    /* parsed fields from agent->info */
void msg_agent_finish_settings(MsgEngine *e, MsgAgent *agent); /* defaults of the configuration */
GVariant *msg_agent_entry(MsgEngine *e, const MsgAgent *agent,
                          gboolean private_too);    /* a{sv} of ListAgents */
void msg_agent_note(MsgEngine *e, MsgAgent *agent); /* MSG_NOTE_AGENT */
void msg_agent_resume(MsgEngine *e, MsgAgent *agent);
gboolean msg_agent_is_paused(MsgEngine *e, MsgAgent *agent);
MsgAgent *msg_agent_create(MsgEngine *e, const char *name, uid_t uid, GVariant *options,
                           GError **error);
gboolean msg_name_ok(const char *name);
/* Agents that `to` stands for; adds to `into`. FALSE: error set. `*ret_group`: role, topic or @all.
 */
gboolean msg_recipients(MsgEngine *e, const char *to, GPtrArray *into, gboolean *ret_group,
                        GError **error);

/* ---- senders.c, limits.c ---- */
MsgSender *msg_sender_get(MsgEngine *e, uid_t uid, const char *name); /* NULL: the batch failed */
MsgSender *msg_sender_by_id(MsgEngine *e, guint32 id);
guint msg_sender_hash(gconstpointer sender);
gboolean msg_sender_equal(gconstpointer a, gconstpointer b);
void msg_sender_free(MsgSender *sender);
void msg_sender_dirty(MsgEngine *e, MsgSender *sender);
void msg_senders_flush(MsgEngine *e);
char *msg_sender_text(const MsgSender *sender); /* "name" or "uid:N" */
gboolean msg_quota_check(MsgEngine *e, MsgAgent *agent, MsgSender *sender, guint64 size,
                         guint64 *ret_retry, GError **error);
void msg_quota_take(MsgEngine *e, MsgAgent *agent, MsgSender *sender); /* the rate's tokens */

/* ---- replies.c: who still owes an answer ---- */
void msg_reply_expect(MsgEngine *e, guint64 seq, guint64 within);
void msg_reply_came(MsgEngine *e, guint64 seq);
void msg_replies_run(MsgEngine *e);    /* those overdue */
gint64 msg_replies_next(MsgEngine *e); /* lasting time, 0: none */

/* ---- notes, waits, watches ---- */
MsgNote *msg_note_add(MsgEngine *e, MsgNoteKind kind);
void msg_note_free(MsgNote *note);
void msg_notes_send(MsgEngine *e);
/* A receipt was recorded: tell who waits for it or watches. */
void msg_event_happened(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                        const MsgActor *actor, const char *cause);
void msg_waits_init(MsgEngine *e);
void msg_waits_run(MsgEngine *e); /* end of a batch */
void msg_waits_unpark_batch(MsgEngine *e, guint64 batch);
void msg_watches_tell(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                      const MsgActor *actor, const char *cause);
void msg_call_finish(MsgEngine *e, MsgCallJob *job); /* a parked call: its answer by its kind */

/* ---- the rare calls: each sets job->result or job->base.job.error ---- */
typedef WgJobResult (*MsgCallFunc)(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_register_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_update_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unregister_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_agents(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_pause_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_resume_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_cancel(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_hold(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_release(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_message(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_receipts(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_wait(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_find_message(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_messages(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_requeue_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_purge_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_statistics(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_import(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_check(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_subscribe(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_add_credits(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unsubscribe(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_watch(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unwatch(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_register_courier(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_lease_attempts(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job);
/* slices.c: a call in small steps, one each tick. `state` is copied, plain memory. `last`: answer
 * with what there is, the client is gone or the service leaves. TRUE: the answer is made. */
typedef gboolean (*MsgSliceFunc)(MsgEngine *e, MsgCallJob *job, gpointer state, gboolean last);
WgJobResult msg_slices_park(MsgEngine *e, MsgCallJob *job, MsgSliceFunc step, gconstpointer state,
                            gsize size);
void msg_slices_step(MsgEngine *e);
void msg_slices_finish(MsgEngine *e, MsgCallJob *job);
void msg_slices_rollback(MsgEngine *e, guint64 writer_batch);
/* retention.c: writes the newest number, so that it never comes again though its row may go. */
void msg_numbers_keep(MsgEngine *e);
/* recover.c. At the start and after the store was opened anew; reports by a note. */
void msg_recover(MsgEngine *e, gboolean salvaged);
void msg_recover_step(MsgEngine *e); /* in a tick: what could not be written then */
void msg_recover_reopened(MsgEngine *e, gboolean salvaged);
void msg_recount(MsgEngine *e); /* all counts from the rows */
/* One agent's, without last_seen. */
void msg_count_rows(MsgEngine *e, const MsgAgent *agent, gboolean is_volatile, MsgCounts *ret);
/* engine.c: memory as the store has it, between batches. */
void msg_memory_reset(MsgEngine *e);
/* Slices of background work, in tick jobs. */
void msg_retention_step(MsgEngine *e);
/* Couriers: mail of `agent` is ready and nobody waits for it. */
void msg_courier_offer(MsgEngine *e, MsgAgent *agent);
void msg_courier_gone(MsgEngine *e, MsgClient *client);
void msg_attempts_finish(MsgEngine *e, MsgCallJob *job); /* a parked LeaseAttempts */
void msg_attempts_unpark_batch(MsgEngine *e, guint64 batch);
void msg_courier_init(MsgEngine *e);
void msg_courier_free(MsgEngine *e);
void msg_attempt_timeout(MsgEngine *e, gpointer attempt);
void msg_attempt_mark_down(MsgAgent *agent, guint64 place); /* it is in the queue again */
gboolean msg_attempt_waits(MsgEngine *e, MsgAgent *agent);
void msg_attempts_commit(MsgEngine *e);
void msg_watch_gone(MsgEngine *e, MsgClient *client);
void msg_subscription_free(MsgEngine *e, MsgSubscription *subscription);
void msg_watches_free(MsgEngine *e);
void msg_watches_rollback(MsgEngine *e); /* those that this batch made */
void msg_subscriptions_rollback(MsgEngine *e);
void msg_subscription_change(MsgEngine *e, MsgSubscription *s); /* before its credits change */
