/* codec.c: deliveries and messages as bytes.
 *
 * Each packed record starts with a checksum over its key and the rest of it, is little-endian and
 * has a version, so that a damaged record is told from a sound one when it is read and an old one
 * from a new one. Unpacking believes nothing: every length is checked against what is there. */
#include "messaging/engine-private.h"

#include <string.h>

#define CODEC_VERSION 1

/* Packing writes straight into room that was made for the largest record of its kind. */
static guint8 *room(GByteArray *a, gsize size) {
  if (a->len < size)
    g_byte_array_set_size(a, size);
  return a->data;
}

static guint8 *put(guint8 *p, const void *data, gsize size) {
  if (size > 0)
    memcpy(p, data, size);
  return p + size;
}
static guint8 *put_u64(guint8 *p, guint64 v) {
  v = GUINT64_TO_LE(v);
  return put(p, &v, 8);
}
static guint8 *put_u32(guint8 *p, guint32 v) {
  v = GUINT32_TO_LE(v);
  return put(p, &v, 4);
}
static guint8 *put_u16(guint8 *p, guint16 v) {
  v = GUINT16_TO_LE(v);
  return put(p, &v, 2);
}
static guint8 *put_u8(guint8 *p, guint8 v) {
  *p = v;
  return p + 1;
}

typedef struct {
  const guint8 *p, *end;
  gboolean bad;
} Reader;

static const guint8 *take(Reader *r, gsize n) {
  static const guint8 nothing[8];

  if (r->bad || (gsize)(r->end - r->p) < n) {
    r->bad = TRUE;
    return n <= sizeof nothing ? nothing : NULL;
  }
  r->p += n;
  return r->p - n;
}
static guint64 take_u64(Reader *r) {
  guint64 v;
  memcpy(&v, take(r, 8), 8);
  return GUINT64_FROM_LE(v);
}
static guint32 take_u32(Reader *r) {
  guint32 v;
  memcpy(&v, take(r, 4), 4);
  return GUINT32_FROM_LE(v);
}
static guint16 take_u16(Reader *r) {
  guint16 v;
  memcpy(&v, take(r, 2), 2);
  return GUINT16_FROM_LE(v);
}
static guint8 take_u8(Reader *r) {
  return *take(r, 1);
}

static guint32 keyed_crc(guint64 key, const void *data, gsize size) {
  guint64 le = GUINT64_TO_LE(key);

  return wg_store_crc(wg_store_crc(0, &le, sizeof le), data, size);
}

/* The rarely set times: which are there is told by a mask. */
enum {
  HAS_READY = 1,
  HAS_EXPIRES = 2,
  HAS_UNTIL = 4,
  HAS_ATTEMPT = 8,
  HAS_CALENDAR = 16,
  HAS_KEY = 32,
  HAS_STEP = 64
};

#define LIVE_HEAD_MAX 96

GByteArray *msg_live_pack(const MsgLive *live, GByteArray *a) {
  guint8 mask = (live->ready_at ? HAS_READY : 0) | (live->expires ? HAS_EXPIRES : 0) |
                (live->until ? HAS_UNTIL : 0) | (live->next_attempt ? HAS_ATTEMPT : 0) |
                (live->calendar ? HAS_CALENDAR : 0) | (live->okey ? HAS_KEY : 0) |
                (live->step ? HAS_STEP : 0);

  guint8 *start = room(a, LIVE_HEAD_MAX + live->history_size), *p = start + 4;

  p = put_u8(p, CODEC_VERSION);
  p = put_u8(p, live->state);
  p = put_u8(p, live->flags);
  p = put_u8(p, mask);
  p = put_u16(p, live->acquired);
  p = put_u16(p, live->failed);
  p = put_u16(p, live->attempts);
  p = put_u16(p, live->history_size);
  p = put_u32(p, live->nonce);
  p = put_u32(p, live->sender);
  p = put_u64(p, live->size);
  p = put_u64(p, live->time);
  if (live->ready_at)
    p = put_u64(p, live->ready_at);
  if (live->expires)
    p = put_u64(p, live->expires);
  if (live->until)
    p = put_u64(p, live->until);
  if (live->next_attempt)
    p = put_u64(p, live->next_attempt);
  if (live->calendar)
    p = put_u64(p, live->calendar);
  if (live->okey)
    p = put_u64(p, live->okey);
  if (live->step)
    p = put_u8(p, live->step);
  p = put(p, live->history, live->history_size);
  guint32 crc = GUINT32_TO_LE(keyed_crc(live->place, start + 4, p - start - 4));
  memcpy(start, &crc, 4);
  g_byte_array_set_size(a, p - start);
  return a;
}

MsgLive *msg_live_unpack(guint64 place, const void *data, gsize size) {
  Reader r = {data, (const guint8 *)data + size, FALSE};
  guint32 crc = take_u32(&r);

  if (r.bad || crc != keyed_crc(place, (const guint8 *)data + 4, size - 4) ||
      take_u8(&r) != CODEC_VERSION)
    return NULL;
  g_autoptr(MsgLive) live = msg_live_new(place);
  live->state = take_u8(&r);
  live->flags = take_u8(&r);
  guint8 mask = take_u8(&r);
  live->acquired = take_u16(&r);
  live->failed = take_u16(&r);
  live->attempts = take_u16(&r);
  live->history_size = take_u16(&r);
  live->nonce = take_u32(&r);
  live->sender = take_u32(&r);
  live->size = take_u64(&r);
  live->time = take_u64(&r);
  live->ready_at = mask & HAS_READY ? (gint64)take_u64(&r) : 0;
  live->expires = mask & HAS_EXPIRES ? (gint64)take_u64(&r) : 0;
  live->until = mask & HAS_UNTIL ? (gint64)take_u64(&r) : 0;
  live->next_attempt = mask & HAS_ATTEMPT ? (gint64)take_u64(&r) : 0;
  live->calendar = mask & HAS_CALENDAR ? (gint64)take_u64(&r) : 0;
  live->okey = mask & HAS_KEY ? take_u64(&r) : 0;
  live->step = mask & HAS_STEP ? take_u8(&r) : 0;
  if (r.bad || (gsize)(r.end - r.p) != live->history_size || live->state >= _MSG_STATE_MAX)
    return NULL;
  if (live->history_size > live->history_room) {
    live->history_room = live->history_size;
    live->history = g_malloc(live->history_room);
  }
  memcpy(live->history, r.p, live->history_size);
  return g_steal_pointer(&live);
}

/* Texts of a message that are not its body, in the order of the record. */
enum {
  TEXT_TO = 1,
  TEXT_ID = 2,
  TEXT_KEY = 4,
  TEXT_CLAIMED = 8,
  HAS_HEAD = 16,
  HAS_SEQUENCES = 32,
  HAS_CHAIN = 64
};

static guint32 message_crc(const guint8 *meta, gsize meta_size, guint64 seq, guint32 sender,
                           gint64 time, const void *body, gsize body_size) {
  guint64 key[2] = {GUINT64_TO_LE(seq), GUINT64_TO_LE((guint64)time ^ ((guint64)sender << 40))};
  guint32 crc = wg_store_crc(0, key, sizeof key);

  crc = wg_store_crc(crc, meta + 4, meta_size - 4);
  return body_size > 0 ? wg_store_crc(crc, body, body_size) : crc;
}

static guint8 *put_text(guint8 *p, const char *text) {
  gsize n = strlen(text);

  return put(put_u16(p, n), text, n);
}

static gsize text_room(const char *text) {
  return text ? strlen(text) + 2 : 0;
}

GByteArray *msg_message_pack(const MsgMessage *m, GByteArray *a) {
  guint8 mask = (m->to ? TEXT_TO : 0) | (m->id ? TEXT_ID : 0) | (m->key ? TEXT_KEY : 0) |
                (m->claimed ? TEXT_CLAIMED : 0) | (m->head_size ? HAS_HEAD : 0) |
                (m->sequences ? HAS_SEQUENCES : 0) | (m->chain ? HAS_CHAIN : 0);

  gsize need = 80 + 12 * (gsize)m->n_recipients + text_room(m->to) + text_room(m->id) +
               text_room(m->key) + text_room(m->claimed) + m->head_size;
  guint8 *start = room(a, need), *p = start + 4;

  p = put_u8(p, CODEC_VERSION);
  p = put_u8(p, m->priority);
  p = put_u8(p, m->flags);
  p = put_u8(p, mask);
  p = put_u32(p, m->actor);
  p = put_u32(p, m->n_recipients);
  p = put_u64(p, m->size);
  p = put_u64(p, m->expires);
  p = put_u64(p, m->reply_by);
  p = put_u64(p, m->in_reply_to);
  for (guint i = 0; i < m->n_recipients; i++)
    p = put_u32(p, m->recipients[i]);
  if (m->to)
    p = put_text(p, m->to);
  if (m->id)
    p = put_text(p, m->id);
  if (m->key)
    p = put_text(p, m->key);
  if (m->claimed)
    p = put_text(p, m->claimed);
  if (m->head_size) {
    p = put_u32(p, m->head_size);
    p = put(p, m->head, m->head_size);
  }
  for (guint i = 0; m->sequences && i < m->n_recipients; i++)
    p = put_u64(p, m->sequences[i]);
  if (m->chain)
    p = put_u32(put_u64(p, m->chain), m->hops);
  guint32 crc = message_crc(start, p - start, m->seq, m->sender, m->time, m->body, m->size);
  crc = GUINT32_TO_LE(crc);
  memcpy(start, &crc, 4);
  g_byte_array_set_size(a, p - start);
  return a;
}

/* Room is one allocation: the struct, then what its pointers lead to, each part aligned to 8. */
static gpointer place_bytes(guint8 **at, const void *bytes, gsize n, gboolean terminate) {
  guint8 *p = *at;

  memcpy(p, bytes, n);
  if (terminate)
    p[n] = '\0';
  *at = p + ((n + (terminate ? 1 : 0) + 7) & ~(gsize)7);
  return p;
}

static const char *take_text(Reader *r, guint8 **at) {
  guint16 n = take_u16(r);
  const guint8 *p = n > 0 ? take(r, n) : (const guint8 *)"";

  return r->bad || !p ? NULL : place_bytes(at, p, n, TRUE);
}

static const guint64 *take_sequences(Reader *r, guint8 **at, guint n) {
  guint64 *sequences = (guint64 *)*at;

  for (guint i = 0; i < n; i++)
    sequences[i] = take_u64(r);
  *at += n * sizeof *sequences;
  return sequences;
}

MsgMessage *msg_message_decode(guint64 seq, guint32 sender, gint64 time, const void *meta,
                               gsize meta_size, const void *body, gsize body_size,
                               gboolean with_body) {
  Reader r = {meta, (const guint8 *)meta + meta_size, FALSE};

  take_u32(&r); /* the checksum */
  if (take_u8(&r) != CODEC_VERSION)
    return NULL;
  gsize room = sizeof(MsgMessage) + meta_size + 64 + (with_body ? body_size + 8 : 0);
  g_autoptr(MsgMessage) m = g_malloc(room);
  *m = (MsgMessage){.refs = 1, .seq = seq, .sender = sender, .time = time, .allocated = room};
  guint8 *at = (guint8 *)(m + 1);
  m->priority = take_u8(&r);
  m->flags = take_u8(&r);
  guint8 mask = take_u8(&r);
  m->actor = take_u32(&r);
  m->n_recipients = take_u32(&r);
  m->size = take_u64(&r);
  m->expires = take_u64(&r);
  m->reply_by = take_u64(&r);
  m->in_reply_to = take_u64(&r);
  if (r.bad || m->n_recipients > meta_size / 4 || m->size != body_size)
    return NULL;
  guint32 *recipients = (guint32 *)at;
  at += (m->n_recipients * 4 + 7) & ~(gsize)7;
  for (guint i = 0; i < m->n_recipients; i++)
    recipients[i] = take_u32(&r);
  m->recipients = recipients;
  m->to = mask & TEXT_TO ? take_text(&r, &at) : NULL;
  m->id = mask & TEXT_ID ? take_text(&r, &at) : NULL;
  m->key = mask & TEXT_KEY ? take_text(&r, &at) : NULL;
  m->claimed = mask & TEXT_CLAIMED ? take_text(&r, &at) : NULL;
  if (mask & HAS_HEAD) {
    guint32 n = take_u32(&r);
    const guint8 *p = take(&r, n);
    if (r.bad)
      return NULL;
    m->head = place_bytes(&at, p, n, FALSE);
    m->head_size = n;
  }
  if (mask & HAS_SEQUENCES)
    m->sequences = take_sequences(&r, &at, m->n_recipients);
  if (mask & HAS_CHAIN) {
    m->chain = take_u64(&r);
    m->hops = take_u32(&r);
  }
  if (r.bad)
    return NULL;
  if (with_body)
    m->body = place_bytes(&at, body_size ? body : "", body_size, FALSE);
  return g_steal_pointer(&m);
}

MsgMessage *msg_message_unpack(guint64 seq, guint32 sender, gint64 time, const void *meta,
                               gsize meta_size, const void *body, gsize body_size,
                               gboolean with_body) {
  Reader r = {meta, (const guint8 *)meta + meta_size, FALSE};
  guint32 crc = take_u32(&r);

  if (r.bad || crc != message_crc(meta, meta_size, seq, sender, time, body, body_size))
    return NULL;
  return msg_message_decode(seq, sender, time, meta, meta_size, body, body_size, with_body);
}
