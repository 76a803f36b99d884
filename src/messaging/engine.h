/* engine.h: what the bus layer may ask of the message engine.
 *
 * The engine is the whole state of messaging: agents, messages, leases, receipts. It
 * lives on the writer thread and nowhere else: each request is a WgJob, run
 * in the batch's transaction (common/store-writer.h), so that engine code is plain sequential
 * code on SQLite and memory, and a reply leaves only when it is on the disk. The loop thread
 * (the bus layer) parses messages into the jobs below, submits them and answers from done().
 *
 * A job keeps `call` referenced from submit to done(); strings and bodies of a request point into
 * that message, so nothing is copied on the way in. The engine never touches `call` itself. */
#pragma once

#include "common/caller.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/store-writer.h"
#include "messaging/edges.h"

#include <glib.h>

typedef struct MsgEngine MsgEngine;

/* Who asks, kept as long as a receipt or lease refers to it. Immutable but for `row`. */
typedef struct {
  gint refs;
  guint64 caller; /* WgCaller.id; 0: no connection (the service itself) */
  uid_t uid;
  pid_t pid;
  char *unit; /* NULL if none */
  gint64 row; /* the engine's: row of table actor, 0: not stored yet */
} MsgActor;
MsgActor *msg_actor_new(guint64 caller, uid_t uid, pid_t pid, const char *unit);
MsgActor *msg_actor_ref(MsgActor *actor); /* thread-safe */
void msg_actor_unref(MsgActor *actor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MsgActor, msg_actor_unref)

typedef enum {
  MSG_STATE_NONE,
  MSG_STATE_SCHEDULED, /* waits for its time */
  MSG_STATE_HELD,
  MSG_STATE_QUEUED,
  MSG_STATE_LEASED,
  /* final ones from here */
  MSG_STATE_ACKED,
  MSG_STATE_DEAD,
  MSG_STATE_EXPIRED,
  MSG_STATE_CANCELED,
  /* only in receipts */
  MSG_EVENT_STORED,
  MSG_EVENT_ANNOUNCED,
  MSG_EVENT_NACKED,
  MSG_EVENT_RELEASED,
  MSG_EVENT_REQUEUED,
  MSG_EVENT_REPLIED,
  MSG_EVENT_ATTEMPT_FAILED,
  MSG_EVENT_ATTEMPT_HELD,
  MSG_EVENT_OVERDUE, /* an answer that was due has not come */
  _MSG_STATE_MAX,
} MsgState;
/* [A-Za-z0-9][A-Za-z0-9._-]{0,63}: what an agent, a role or a topic may be called. */
gboolean msg_name_ok(const char *name);
const char *msg_state_name(MsgState state);     /* "queued" */
MsgState msg_state_from_name(const char *name); /* MSG_STATE_NONE if unknown */
static inline gboolean msg_state_is_final(MsgState state) {
  return state >= MSG_STATE_ACKED && state <= MSG_STATE_CANCELED;
}

#define MSG_URGENT 7
#define MSG_VOLATILE_BIT (G_GUINT64_CONSTANT(1) << 62)

/* The head of every job. The bus layer fills it, the engine fills job.error and retry_after. */
typedef struct {
  WgJob job;
  MsgActor *actor;      /* a reference */
  gboolean admin;       /* uid 0 or polkit said yes: may act for any agent */
  guint64 retry_after;  /* us, with QuotaExceeded and StoreFull */
  gint64 submitted;     /* g_get_monotonic_time(), for the latency histograms */
  sd_bus_message *call; /* loop thread only */
  gpointer owner;       /* the bus layer's */
  gboolean appealed;    /* the bus layer's: polkit was asked */
} MsgJob;

/* ---- Send, SendMany ---- */
typedef struct {
  const char *to;
  const char *from; /* NULL: uid:N */
  const char *id;   /* NULL: none */
  const void *body;
  gsize size;
  guint8 priority; /* 0-9 */
  gboolean is_volatile, hold, expects_reply;
  guint64 ttl, delay;  /* us, 0: none */
  gint64 deliver_at;   /* CLOCK_REALTIME us, 0: none */
  guint64 reply_by;    /* us from now, 0: none */
  guint64 in_reply_to; /* 0: none */
  const char *key;     /* ordering key or NULL */
  /* a{sv}: subject, reply-to, headers, tags, content-type, traceparent as given; NULL when there
   * are none. A reference of the request's. */
  GVariant *head;
  /* results */
  guint64 seq;
  guint64 sequence; /* of this sender at this receiver; 0: several receivers, or a duplicate */
  MsgState state;   /* of the first delivery */
  gboolean duplicate;
  char **recipients; /* for role:, topic:, @all; g_strfreev() */
} MsgSend;

typedef struct {
  MsgJob base;
  MsgSend *items; /* = &one for Send */
  guint n;
  MsgSend one;
} MsgSendJob;
WgJobResult msg_run_send(WgJob *job, gpointer engine);

/* ---- Receive and the family of leases ---- */
/* A leased message, one allocation, g_free(). Pointers lead into it. NULL or 0: not set. */
typedef struct {
  guint64 seq, token, sequence;
  const char *from, *to, *id, *key;
  gint64 time, expires, lease_until, reply_by; /* CLOCK_REALTIME us */
  guint64 in_reply_to, chain;
  guint32 hops;
  uid_t sender_uid;
  guint acquired, failed;
  guint8 priority;
  gboolean expects_reply, is_volatile, imported;
  gboolean body_left_out; /* no-body, or larger than MSG_INLINE_MAX: see body_fd */
  int body_fd;            /* sealed memfd, -1: none; the receiver of the struct closes it */
  const void *body;
  gsize size;       /* whole size of the body, also when left out */
  const void *head; /* serialized a{sv} (GVariant, aligned to 8), or NULL */
  gsize head_size;
} MsgDelivery;
void msg_delivery_free(MsgDelivery *delivery);
#define MSG_INLINE_MAX (256 * 1024)

typedef struct {
  MsgJob base;
  const char *agent;
  guint max;
  guint64 wait;  /* us, already capped; 0: answer at once */
  guint64 lease; /* us, 0: the agent's or the configuration's */
  guint64 max_bytes;
  gboolean detach, no_body;
  /* results */
  GPtrArray *deliveries; /* of MsgDelivery, which it frees; NULL: none */
  gboolean more, was_parked;
  /* the engine's while parked */
  GList link;
  gpointer queue, timer;
} MsgReceiveJob;
WgJobResult msg_run_receive(WgJob *job, gpointer engine);

typedef enum {
  MSG_LEASE_ACK,
  MSG_LEASE_NACK,
  MSG_LEASE_TOUCH,
  MSG_LEASE_TERMINATE,
  MSG_LEASE_DETACH
} MsgLeaseVerb;
/* CRASH: the message killed its handler: counts as two failures, and is the end the second time. */
typedef enum { MSG_NACK_SILENT, MSG_NACK_FAIL, MSG_NACK_FATAL, MSG_NACK_CRASH } MsgNackMode;
typedef struct {
  MsgJob base;
  MsgLeaseVerb verb;
  const guint64 *tokens; /* g_malloc'd or into `one` */
  guint n;
  guint64 one;
  gboolean many; /* AckMany: refusals are in `refused`, never in job.error */
  MsgNackMode mode;
  guint64 delay;      /* us; G_MAXUINT64: the back-off decides */
  guint64 lease;      /* us, 0: as before */
  const char *reason; /* Ack: the cause in its receipt */
  gboolean has_step;
  guint32 step; /* Nack: told with the next attempt, when `has_step` */
  /* results */
  GArray *refused; /* of MsgRefusal; NULL: none */
  MsgState state;  /* Nack */
  gint64 until;    /* Touch, CLOCK_REALTIME us */
} MsgLeaseJob;
typedef struct {
  guint64 token;
  WgErrorCode code;
} MsgRefusal;
WgJobResult msg_run_lease(WgJob *job, gpointer engine);

/* ---- everything that is not hot ----
 * Arguments and results are GVariant tuples of exactly the D-Bus signature (DESIGN.md 4); the bus
 * layer has checked option names and types. `h` never occurs in them: GetMessage's body travels as
 * ay. */
typedef enum {
  MSG_CALL_REGISTER_AGENT,   /* (sa{sv}) -> (sb): name instead of path */
  MSG_CALL_UPDATE_AGENT,     /* (sa{sv}) -> () */
  MSG_CALL_UNREGISTER_AGENT, /* (sa{sv}) -> (t) */
  MSG_CALL_LIST_AGENTS,      /* (a{sv}) -> (aa{sv}) without "path" */
  MSG_CALL_GET_AGENT,        /* (s) -> (a{sv}) */
  MSG_CALL_PAUSE_AGENT,      /* (sa{sv}) -> () */
  MSG_CALL_RESUME_AGENT,     /* (sa{sv}) -> () */
  MSG_CALL_CANCEL,           /* (ta{sv}) -> (u) */
  MSG_CALL_HOLD,             /* (ta{sv}) -> (u) */
  MSG_CALL_RELEASE,          /* (ta{sv}) -> (u) */
  MSG_CALL_GET_MESSAGE,      /* (ta{sv}) -> (a{sv}) */
  MSG_CALL_GET_RECEIPTS,     /* (ta{sv}) -> (a(sstss)) */
  MSG_CALL_WAIT,             /* (tsa{sv}) -> (bs); parks */
  MSG_CALL_FIND_MESSAGE,     /* (ssa{sv}) -> (t) */
  MSG_CALL_LIST_MESSAGES,    /* (a{sv}) -> (aa{sv}tb) */
  MSG_CALL_LIST_DEAD,        /* (a{sv}) -> (aa{sv}tb) */
  MSG_CALL_REQUEUE_DEAD,     /* (ta{sv}) -> (u) */
  MSG_CALL_PURGE_DEAD,       /* (ta{sv}) -> (u) */
  MSG_CALL_GET_STATISTICS,   /* () -> (a{sv}): the engine's part */
  MSG_CALL_IMPORT,           /* (aa{sv}a{sv}) -> (tta(us)) */
  MSG_CALL_CHECK,            /* (a{sv}) -> (asa{sv}) */
  MSG_CALL_SUBSCRIBE,        /* (sua{sv}) -> (t) */
  MSG_CALL_ADD_CREDITS,      /* (tu) -> () */
  MSG_CALL_UNSUBSCRIBE,      /* (t) -> () */
  MSG_CALL_WATCH,            /* (a{sv}) -> (t) */
  MSG_CALL_UNWATCH,          /* (t) -> () */
  MSG_CALL_REGISTER_COURIER, /* (a{sv}) -> (t) */
  MSG_CALL_LEASE_ATTEMPTS,   /* (ta{sv}) -> `offers`; parks */
  MSG_CALL_REPORT_ATTEMPT,   /* `reports` -> () */
  MSG_CALL_REPORT_ATTEMPTS,  /* `reports` -> (a(tss)) */
  MSG_CALL_TAKE_ATTEMPTS,    /* (ata{sv}) -> (a(tt)a(tss)) */
  _MSG_CALL_MAX,
} MsgCallKind;

/* What LeaseAttempts gives: much of it, and often, so it is no GVariant. Offers of one agent stand
 * together. */
typedef struct {
  char *name, *policy; /* policy NULL: not asked for, or none */
  guint32 waiting, urgent;
  gint64 last_seen; /* CLOCK_REALTIME us */
  guint n;          /* offers of it */
} MsgOfferAgent;
typedef struct {
  MsgDelivery *delivery; /* its token is the attempt's */
  guint32 attempts, step;
  gboolean announced;
} MsgOffer;
typedef struct {
  GArray *agents, *offers; /* of MsgOfferAgent and MsgOffer, which they clear */
  gsize bytes;             /* about */
  gboolean more;
} MsgOffers;
void msg_offers_free(MsgOffers *offers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MsgOffers, msg_offers_free)

/* What a courier says of an attempt; texts point into the call. */
typedef struct {
  guint64 token;
  const char *result, *cause, *backend; /* the latter two NULL: not given */
  guint64 retry_after;                  /* us, 0: not given */
  gboolean continues, has_step;
  guint32 step;
} MsgReport;

typedef struct {
  MsgJob base;
  MsgCallKind kind;
  GVariant *args;    /* sunk reference */
  GArray *reports;   /* of MsgReport; ReportAttempt (one) and ReportAttempts: instead of `args` */
  GVariant *result;  /* full reference, set on success */
  MsgOffers *offers; /* LeaseAttempts: instead of `result` */
  /* the engine's while parked */
  gpointer state, timer;
  guint64 about;
} MsgCallJob;
WgJobResult msg_run_call(WgJob *job, gpointer engine);

/* The connection of caller `actor->caller` is gone: leases, subscriptions, parked calls of it end.
 */
WgJobResult msg_run_gone(WgJob *job, gpointer engine); /* a bare MsgJob */
/* Memory is short, or no longer: see pressure.c. */
typedef struct {
  MsgJob base;
  gboolean on;
} MsgPressureJob;
WgJobResult msg_run_pressure(WgJob *job, gpointer engine);
/* The timer that MSG_NOTE_WAKE asked for ran out, or the clock was set. */
WgJobResult msg_run_tick(WgJob *job, gpointer engine); /* a bare MsgJob */
/* A subscriber's connection is full: no more pushes until resume. A bare MsgJob with the caller as
 * actor. */
WgJobResult msg_run_block_push(WgJob *job, gpointer engine);
/* Push again for a subscriber whose connection was full: a bare MsgJob with the caller as actor. */
WgJobResult msg_run_resume_push(WgJob *job, gpointer engine);

/* ---- what the engine tells after a batch ---- */
typedef struct {
  guint64 queued, scheduled, held, in_flight, dead, bytes;
  guint64 urgent;   /* of the queued ones: priority MSG_URGENT or more */
  gint64 last_seen; /* CLOCK_REALTIME us */
} MsgCounts;

typedef enum {
  MSG_NOTE_AGENT,   /* new or changed: name, info (a{sv} as in ListAgents), uid, counts */
  MSG_NOTE_COUNTS,  /* name, counts */
  MSG_NOTE_REMOVED, /* name */
  MSG_NOTE_PUSH,    /* caller, subscription, delivery (the note's receiver frees it) */
  MSG_NOTE_EVENT, /* caller, subscription (the watch), seq, name, state, time, cause, actor_text */
  MSG_NOTE_DEAD,  /* seq, name, cause, traceparent */
  MSG_NOTE_ATTEMPTS,       /* caller, subscription (the courier), n */
  MSG_NOTE_COURIER_WANTED, /* uid: mail of its agents waits and no courier is there */
  MSG_NOTE_WAKE,           /* time: lasting time (common/clock.h) at which a tick is due; calendar:
                              CLOCK_REALTIME or G_MAXINT64 */
  MSG_NOTE_RECORDS, /* cause: stored records are damaged, so the service is degraded; NULL: none is
                       any more */
  MSG_NOTE_LOG,     /* log_level, log_id, cause (text), name and seq as fields */
} MsgNoteKind;

typedef struct {
  MsgNoteKind kind;
  guint64 caller, subscription, seq;
  char *name, *cause, *actor_text, *traceparent; /* of the message; NULL */
  uid_t uid;
  MsgState state;
  gint64 time, calendar;
  guint n; /* ATTEMPTS: how many wait; AGENT, COUNTS: volatile messages, which an exit would lose */
  MsgCounts counts;
  GVariant *info;
  MsgDelivery *delivery;
  int log_level;
  const char *log_id;
} MsgNote;
/* Loop thread, after the commit of the batch; `notes` (of MsgNote) are freed after the call
 * (set note->delivery to NULL to keep it). */
typedef void (*MsgNotesFunc)(GPtrArray *notes, gpointer user_data);

/* ---- making one ---- */
typedef struct {
  guint64 max_body, dedup_usec, retention_usec, default_lease, max_lease;
  guint64 backoff_first, backoff_max; /* exponential with full jitter */
  const guint64 *backoff_list;        /* instead, when not empty */
  gsize n_backoff_list;
  guint max_deliveries, max_agents, max_agents_per_uid;
  guint64 agent_max_messages, agent_max_bytes;                              /* defaults, 0: none */
  guint64 sender_max_messages, sender_max_bytes, sender_rate, sender_burst; /* 0: none */
  guint max_hops;      /* answers in a line, 0: any */
  guint64 ageing_usec; /* a waiting message gains one level of priority each so long */
  guint64 attempt_backoff_first, attempt_backoff_max;
  guint64 no_session_usec; /* without a courier, then messages get their receipt */
  gboolean wake_couriers;
  MsgEdges *edges; /* who may send to whom; whoever keeps settings takes a reference */
} MsgSettings;

extern const WgMigration msg_migrations[];
extern const WgWriterEngine msg_engine_funcs;

/* Before the writer is made (loads agents); then msg_engine_set_writer(). */
MsgEngine *msg_engine_new(WgStore *store, const MsgSettings *settings, gboolean user_scope,
                          GError **error);
void msg_engine_set_writer(MsgEngine *engine, WgWriter *writer, MsgNotesFunc notes,
                           gpointer user_data);
/* Takes a copy; a job, so that a reload never races. */
typedef struct {
  MsgJob base;
  MsgSettings settings;
} MsgSettingsJob;
WgJobResult msg_run_settings(WgJob *job, gpointer engine);
/* The engine's clock, for MSG_NOTE_WAKE; does not change after the start. */
const WgClock *msg_engine_clock(MsgEngine *engine);
/* Completes every parked job (empty answers): the service is leaving. */
WgJobResult msg_run_drain(WgJob *job, gpointer engine);
void msg_engine_free(MsgEngine *engine); /* after wg_writer_free() */
/* The agents as loaded, for the first object tree: notes of kind MSG_NOTE_AGENT. */
GPtrArray *msg_engine_initial_notes(MsgEngine *engine);
