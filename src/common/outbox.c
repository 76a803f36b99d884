/* outbox.c: see outbox.h.
 *
 * Invariants: `bytes` holds whole messages, `ends` where each ends; a message is padded from its
 * own begin. A write is never larger than what the kernel takes into one buffer of the socket
 * (AF_UNIX, stream: half the send buffer, and 32 KiB), so it is taken whole or not at all. Should
 * it ever be taken in part, the connection is given up rather than its stream torn.
 *
 * It must never block, and never write while sd-bus has begun a message (the caller asks). */
#include "common/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { TYPE_ANSWER = 2, TYPE_SIGNAL = 4 };
enum { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_REPLY = 5, FIELD_TO, FIELD_SIGN = 8 };

#define FLAG_NO_REPLY 1
#define PROTOCOL 1
#define AT_BODY_LENGTH 4
#define AT_FIELDS_LENGTH 12
#define KEEP_BYTES (256 * 1024) /* of memory, when empty */

struct WgOutbox {
  guint8 *bytes;
  gsize len, room;
  gsize begin, body; /* of the message that is being made */
  GArray *ends;      /* gsize */
  guint32 serial;
  gsize write_max; /* 0: not asked yet */
};

WgOutbox *wg_outbox_new(void) {
  WgOutbox *o = g_new0(WgOutbox, 1);

  o->ends = g_array_new(FALSE, FALSE, sizeof(gsize));
  return o;
}

void wg_outbox_free(WgOutbox *o) {
  if (!o)
    return;
  g_array_unref(o->ends);
  g_free(o->bytes);
  g_free(o);
}

static guint8 *grow(WgOutbox *o, gsize n) {
  if (G_UNLIKELY(o->room - o->len < n)) {
    o->room = MAX(o->room * 2, MAX(o->len + n, 4096));
    o->bytes = g_realloc(o->bytes, o->room);
  }
  guint8 *at = o->bytes + o->len;
  o->len += n;
  return at;
}

static void align(WgOutbox *o, gsize to) {
  gsize pad = -(o->len - o->begin) & (to - 1);

  if (pad > 0)
    memset(grow(o, pad), 0, pad);
}

static void poke(WgOutbox *o, gsize at, gsize value) {
  guint32 v = (guint32)value;

  memcpy(o->bytes + at, &v, sizeof v);
}

void wg_outbox_byte(WgOutbox *o, guint8 value) {
  *grow(o, 1) = value;
}

void wg_outbox_u32(WgOutbox *o, guint32 value) {
  align(o, sizeof value);
  memcpy(grow(o, sizeof value), &value, sizeof value);
}

void wg_outbox_u64(WgOutbox *o, guint64 value) {
  align(o, sizeof value);
  memcpy(grow(o, sizeof value), &value, sizeof value);
}

void wg_outbox_string(WgOutbox *o, const char *text) {
  gsize n = strlen(text);

  wg_outbox_u32(o, (guint32)n);
  memcpy(grow(o, n + 1), text, n + 1);
}

void wg_outbox_bytes(WgOutbox *o, const void *data, gsize size) {
  wg_outbox_u32(o, (guint32)size);
  if (size > 0)
    memcpy(grow(o, size), data, size);
}

void wg_outbox_struct(WgOutbox *o) {
  align(o, 8);
}

static void signature(WgOutbox *o, const char *text) {
  gsize n = strlen(text);

  wg_outbox_byte(o, (guint8)n);
  memcpy(grow(o, n + 1), text, n + 1);
}

void wg_outbox_variant(WgOutbox *o, char type) {
  signature(o, (char[]){type, '\0'});
}

WgOutboxArray wg_outbox_open_array(WgOutbox *o, guint alignment) {
  wg_outbox_u32(o, 0);
  gsize length_at = o->len - sizeof(guint32);
  align(o, alignment); /* not counted */
  return (WgOutboxArray){length_at, o->len};
}

void wg_outbox_close_array(WgOutbox *o, WgOutboxArray array) {
  poke(o, array.length_at, o->len - array.begin);
}

static void field(WgOutbox *o, guint8 code, char type) {
  wg_outbox_struct(o);
  wg_outbox_byte(o, code);
  wg_outbox_variant(o, type);
}

static void text_field(WgOutbox *o, guint8 code, char type, const char *text) {
  field(o, code, type);
  wg_outbox_string(o, text);
}

/* The fixed part, with lengths that are known later. sd-bus numbers its own messages from 1 on; an
 * answer or a signal is never answered, so its number only must not be 0. */
static void begin(WgOutbox *o, guint8 type) {
  const guint8 fixed[] = {G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B', type, FLAG_NO_REPLY,
                          PROTOCOL};

  o->begin = o->len;
  memcpy(grow(o, sizeof fixed), fixed, sizeof fixed);
  wg_outbox_u32(o, 0);
  wg_outbox_u32(o, ++o->serial | 0x80000000u);
  wg_outbox_u32(o, 0);
}

static void begin_body(WgOutbox *o, const char *text) {
  if (text[0] != '\0') {
    field(o, FIELD_SIGN, SD_BUS_TYPE_SIGNATURE);
    signature(o, text);
  }
  poke(o, o->begin + AT_FIELDS_LENGTH, o->len - o->begin - AT_FIELDS_LENGTH - sizeof(guint32));
  align(o, 8);
  o->body = o->len;
}

gboolean wg_outbox_begin_answer(WgOutbox *o, sd_bus_message *call, const char *text) {
  const char *sender = sd_bus_message_get_sender(call);
  guint64 cookie;

  if (sd_bus_message_get_expect_reply(call) <= 0 || sd_bus_message_get_cookie(call, &cookie) < 0)
    return FALSE;
  begin(o, TYPE_ANSWER);
  field(o, FIELD_REPLY, SD_BUS_TYPE_UINT32);
  wg_outbox_u32(o, (guint32)cookie);
  if (sender)
    text_field(o, FIELD_TO, SD_BUS_TYPE_STRING, sender);
  begin_body(o, text);
  return TRUE;
}

void wg_outbox_begin_signal(WgOutbox *o, const char *destination, const char *path,
                            const char *interface, const char *member, const char *text) {
  begin(o, TYPE_SIGNAL);
  text_field(o, FIELD_PATH, SD_BUS_TYPE_OBJECT_PATH, path);
  text_field(o, FIELD_INTERFACE, SD_BUS_TYPE_STRING, interface);
  text_field(o, FIELD_MEMBER, SD_BUS_TYPE_STRING, member);
  if (destination)
    text_field(o, FIELD_TO, SD_BUS_TYPE_STRING, destination);
  begin_body(o, text);
}

gboolean wg_outbox_end(WgOutbox *o) {
  if (o->len - o->begin > WG_OUTBOX_MESSAGE_MAX) {
    o->len = o->begin;
    return FALSE;
  }
  poke(o, o->begin + AT_BODY_LENGTH, o->len - o->body);
  g_array_append_val(o->ends, o->len);
  return TRUE;
}

guint wg_outbox_n(const WgOutbox *o) {
  return o->ends->len;
}

gsize wg_outbox_size(const WgOutbox *o) {
  return o->len;
}

/* What the socket takes as a whole; sd-bus has asked for a large buffer. */
static gsize write_max(int fd) {
  int size = 0;
  socklen_t n = sizeof size;

  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &n) < 0 || size < 512)
    return 256;
  return MIN((gsize)size / 2 - 64, WG_OUTBOX_MESSAGE_MAX);
}

/* The first `n` messages are written. */
static void drop(WgOutbox *o, guint n) {
  gsize bytes = g_array_index(o->ends, gsize, n - 1);

  o->len -= bytes;
  memmove(o->bytes, o->bytes + bytes, o->len);
  g_array_remove_range(o->ends, 0, n);
  for (guint i = 0; i < o->ends->len; i++)
    g_array_index(o->ends, gsize, i) -= bytes;
  if (o->len == 0 && o->room > KEEP_BYTES) {
    g_clear_pointer(&o->bytes, g_free);
    o->room = 0;
  }
}

/* As many whole messages as fit into one write, at least one. */
static guint next_group(const WgOutbox *o, guint first, gsize from) {
  guint n = 1;

  while (first + n < o->ends->len &&
         g_array_index(o->ends, gsize, first + n) - from <= o->write_max)
    n++;
  return n;
}

int wg_outbox_write(WgOutbox *o, int fd) {
  guint written = 0;
  gsize from = 0;

  if (o->write_max == 0)
    o->write_max = write_max(fd);
  while (written < o->ends->len) {
    guint n = next_group(o, written, from);
    gsize to = g_array_index(o->ends, gsize, written + n - 1);
    gssize r = send(fd, o->bytes + from, to - from, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (r < 0 && errno == EINTR)
      continue;
    if (r < 0 && errno == EAGAIN)
      break;
    if (r != (gssize)(to - from)) {
      int lost = r < 0 ? -errno : -EPIPE;
      drop(o, o->ends->len);
      return lost;
    }
    written += n;
    from = to;
  }
  if (written > 0)
    drop(o, written);
  return 0;
}
