/* history.c: the receipts of one delivery, kept in its record.
 *
 * An event is state (1), length of cause (1), actor (4), time (8), cause. A history is bounded:
 * when it would pass HISTORY_MAX the oldest events after the first few are left out, and one event
 * says how many, so that a message that is retried for weeks costs no more than another. */
#include "messaging/engine-private.h"

#include <string.h>

#define EVENT_HEAD 14
#define HISTORY_MAX 4096
#define HISTORY_KEEP_FIRST 4

MsgLive *msg_live_new(guint64 place) {
  MsgLive *live = g_new(MsgLive, 1);

  memset(live, 0, G_STRUCT_OFFSET(MsgLive, history_inline));
  live->place = place;
  live->history = live->history_inline;
  live->history_room = MSG_HISTORY_INLINE;
  return live;
}

MsgLive *msg_live_copy(const MsgLive *live) {
  MsgLive *copy = g_memdup2(live, sizeof *live);

  copy->history = live->history == live->history_inline
                      ? copy->history_inline
                      : g_memdup2(live->history, live->history_room);
  return copy;
}

void msg_live_free(MsgLive *live) {
  if (live && live->history != live->history_inline)
    g_free(live->history);
  g_free(live);
}

static gsize event_size(const guint8 *event) {
  return EVENT_HEAD + event[1];
}

/* Leaves out events from the middle until `need` bytes fit. */
static void history_shorten(MsgLive *live, gsize need) {
  guint8 *at = live->history, *end = live->history + live->history_size;

  for (guint i = 0; i < HISTORY_KEEP_FIRST && at < end; i++)
    at += event_size(at);
  guint8 *from = at;
  while (from < end && (gsize)(live->history_size - (from - at)) + need > HISTORY_MAX / 2)
    from += event_size(from);
  memmove(at, from, end - from);
  live->history_size -= from - at;
}

static void history_append(MsgLive *live, MsgState state, gint64 time, guint32 actor,
                           const char *cause, gsize n) {
  gsize size = EVENT_HEAD + n;

  if (live->history_size + size > live->history_room) {
    gsize room = MAX(live->history_room * 2u, live->history_size + size);
    guint8 *bytes = g_malloc(room);
    memcpy(bytes, live->history, live->history_size);
    if (live->history != live->history_inline)
      g_free(live->history);
    live->history = bytes;
    live->history_room = room;
  }
  guint8 *p = live->history + live->history_size;
  guint32 le_actor = GUINT32_TO_LE(actor);
  guint64 le_time = GUINT64_TO_LE((guint64)time);
  p[0] = state;
  p[1] = n;
  memcpy(p + 2, &le_actor, 4);
  memcpy(p + 6, &le_time, 8);
  if (n > 0)
    memcpy(p + EVENT_HEAD, cause, n);
  live->history_size += size;
}

void msg_history_add(MsgLive *live, MsgState state, gint64 time, guint32 actor, const char *cause) {
  gsize n = cause ? strlen(cause) : 0;

  if (n > 255) /* cut at a character's border */
    n = g_utf8_find_prev_char(cause, cause + 255) - cause;
  if (live->history_size + EVENT_HEAD + n > HISTORY_MAX) {
    gsize before = live->history_size;
    history_shorten(live, EVENT_HEAD + n);
    g_autofree char *left = g_strdup_printf("%" G_GSIZE_FORMAT " bytes of older receipts left out",
                                            before - live->history_size);
    history_append(live, state, time, 0, left, strlen(left));
  }
  history_append(live, state, time, actor, cause, n);
}

static void event_clear(gpointer event) {
  g_free(((MsgEvent *)event)->cause);
}

GArray *msg_history_parse(const guint8 *bytes, gsize size) {
  GArray *events = g_array_new(FALSE, TRUE, sizeof(MsgEvent));

  g_array_set_clear_func(events, event_clear);
  while (size >= EVENT_HEAD && event_size(bytes) <= size) {
    guint32 actor;
    guint64 time;
    memcpy(&actor, bytes + 2, 4);
    memcpy(&time, bytes + 6, 8);
    MsgEvent event = {.state = bytes[0] < _MSG_STATE_MAX ? bytes[0] : MSG_STATE_NONE,
                      .actor = GUINT32_FROM_LE(actor),
                      .time = (gint64)GUINT64_FROM_LE(time),
                      .cause =
                          bytes[1] ? g_strndup((const char *)bytes + EVENT_HEAD, bytes[1]) : NULL};
    g_array_append_val(events, event);
    size -= event_size(bytes);
    bytes += event_size(bytes);
  }
  return events;
}

static const char *const state_names[_MSG_STATE_MAX] = {
    [MSG_STATE_NONE] = "unknown",
    [MSG_STATE_SCHEDULED] = "scheduled",
    [MSG_STATE_HELD] = "held",
    [MSG_STATE_QUEUED] = "queued",
    [MSG_STATE_LEASED] = "leased",
    [MSG_STATE_ACKED] = "acked",
    [MSG_STATE_DEAD] = "dead",
    [MSG_STATE_EXPIRED] = "expired",
    [MSG_STATE_CANCELED] = "canceled",
    [MSG_EVENT_STORED] = "stored",
    [MSG_EVENT_ANNOUNCED] = "announced",
    [MSG_EVENT_NACKED] = "nacked",
    [MSG_EVENT_RELEASED] = "released",
    [MSG_EVENT_REQUEUED] = "requeued",
    [MSG_EVENT_REPLIED] = "replied",
    [MSG_EVENT_ATTEMPT_FAILED] = "attempt-failed",
    [MSG_EVENT_ATTEMPT_HELD] = "attempt-held",
    [MSG_EVENT_OVERDUE] = "overdue",
};

const char *msg_state_name(MsgState state) {
  return state < _MSG_STATE_MAX ? state_names[state] : state_names[MSG_STATE_NONE];
}

MsgState msg_state_from_name(const char *name) {
  for (guint i = MSG_STATE_NONE + 1; i < _MSG_STATE_MAX; i++)
    if (g_strcmp0(name, state_names[i]) == 0)
      return i;
  return MSG_STATE_NONE;
}
