/* record.h: deliveries and messages as they are stored: their keys, fields and bytes.
 *
 * Knows no engine: history.c and codec.c need nothing else. A message is immutable and counted; a
 * delivery belongs to whoever made it until the engine takes it over. Nothing here may touch the
 * store. */
#pragma once

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
/* A message's number as people are told it: one in memory only is "v" and its own number. */
#define MSG_SEQ_FORMAT "%s%" G_GUINT64_FORMAT
#define MSG_SEQ_ARGS(seq) (seq) & MSG_VOLATILE_BIT ? "v" : "", (guint64)((seq) & ~MSG_VOLATILE_BIT)
static inline guint msg_place_rank(guint64 place) {
  return (place >> MSG_SEQ_BITS) & ((1 << MSG_RANK_BITS) - 1);
}
static inline gboolean msg_place_urgent(guint64 place) {
  return msg_place_rank(place) <= MSG_LEVELS - 1 - MSG_URGENT;
}
static inline guint msg_place_agent(guint64 place) {
  return (place >> (MSG_SEQ_BITS + MSG_RANK_BITS)) & MSG_AGENT_MAX;
}

/* ---- a delivery, decoded ---- */
#define MSG_HISTORY_INLINE 112
typedef enum {
  MSG_LIVE_DETACHED = 1,    /* the lease outlives its connection */
  MSG_LIVE_ANNOUNCED = 2,   /* some attempt reached the agent's owner */
  MSG_LIVE_NO_ATTEMPT = 4,  /* a partial attempt: never offered again by itself */
  MSG_LIVE_NO_SESSION = 16, /* its receipts say that no courier was there */
  MSG_LIVE_FIRST_WAIT = 8,  /* scheduled by its sender: it takes its turn when the time comes */
  MSG_LIVE_CRASHED = 32,    /* it has killed a handler */
} MsgLiveFlags;
typedef struct {
  guint64 place;
  guint8 state, flags;
  guint16 acquired, failed, attempts;
  guint8 step;    /* the courier's: how far its ladder was climbed */
  guint32 nonce;  /* of the lease: low bits of its token */
  guint32 sender; /* row of table sender */
  guint64 size;
  gint64 time;                     /* stored, CLOCK_REALTIME us */
  gint64 ready_at, expires, until; /* lasting time, 0: none */
  gint64 next_attempt;             /* lasting time; with ANNOUNCED 0: no further one */
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
  guint64 chain; /* where its line of answers began; 0: it is no answer */
  guint32 hops;  /* answers from there to this one */
  guint64 size;
  guint8 priority, flags;
  guint n_recipients;
  const guint32 *recipients;           /* agent rows */
  const guint64 *sequences;            /* pairs.c: of each recipient; NULL: none have one */
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
