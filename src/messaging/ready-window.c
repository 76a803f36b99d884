/* ready-window.c: the window of a level: numbers of queued deliveries in order, and whose they are.
 *
 * Senders take turns: the first of `rotation` has the next one, its oldest number is handed out,
 * and with that it goes to the end. Within a sender the numbers go up. A window is a prefix of what
 * the store has, up to `loaded_to`; `complete` says that nothing lies beyond. When it has no more
 * room it is no prefix any longer but `known`: what a sender still has in the store begins at its
 * `dropped`, and nobody else's mail waits behind it. So a sender who comes when ten thousand of
 * another wait has its place at once.
 *
 * Pure: knows no store. */
#include "messaging/engine-private.h"

#define WINDOW_MAX 2048
#define SENDER_MIN 64 /* numbers that a sender has room for in any window */

void msg_level_clear(MsgLevel *l) {
  g_free(l->seq);
  g_free(l->turn);
  g_clear_pointer(&l->turns, g_hash_table_unref);
  *l = (MsgLevel){0};
}

/* ---- the ring ---- */
static guint slot(const MsgLevel *l, guint i) {
  return (l->head + i) & (l->room - 1);
}

static void ring_grow(MsgLevel *l) {
  guint room = l->room ? l->room * 2 : 16;
  guint64 *seq = g_new(guint64, room);
  MsgTurn **turn = g_new(MsgTurn *, room);

  for (guint i = 0; i < l->n; i++) {
    seq[i] = l->seq[slot(l, i)];
    turn[i] = l->turn[slot(l, i)];
  }
  g_free(l->seq);
  g_free(l->turn);
  l->seq = seq;
  l->turn = turn;
  l->head = 0;
  l->room = room;
}

static void ring_move(MsgLevel *l, guint to, guint from) {
  l->seq[slot(l, to)] = l->seq[slot(l, from)];
  l->turn[slot(l, to)] = l->turn[slot(l, from)];
}

/* The first index whose number is not below `seq`. */
static guint ring_find(const MsgLevel *l, guint64 seq) {
  guint low = 0, high = l->n;

  while (low < high) {
    guint middle = (low + high) / 2;
    if (l->seq[slot(l, middle)] < seq)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static gboolean ring_has(const MsgLevel *l, guint at, guint64 seq) {
  return at < l->n && l->seq[slot(l, at)] == seq;
}

static void ring_insert(MsgLevel *l, guint at, guint64 seq, MsgTurn *turn) {
  if (l->n == l->room)
    ring_grow(l);
  if (at == 0 && l->n > 0) {
    l->head = (l->head - 1) & (l->room - 1);
  } else {
    for (guint i = l->n; i > at; i--)
      ring_move(l, i, i - 1);
  }
  l->seq[slot(l, at)] = seq;
  l->turn[slot(l, at)] = turn;
  l->n++;
}

static void ring_remove(MsgLevel *l, guint at) {
  if (at < l->n / 2) {
    for (guint i = at; i > 0; i--)
      ring_move(l, i, i - 1);
    l->head = (l->head + 1) & (l->room - 1);
  } else {
    for (guint i = at; i + 1 < l->n; i++)
      ring_move(l, i, i + 1);
  }
  l->n--;
}

/* ---- whose turn ---- */
static MsgTurn *turn_get(MsgLevel *l, guint32 sender) {
  MsgTurn *turn = l->turns ? g_hash_table_lookup(l->turns, GUINT_TO_POINTER(sender)) : NULL;

  if (turn)
    return turn;
  if (!l->turns)
    l->turns = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  turn = g_new0(MsgTurn, 1);
  turn->sender = sender;
  turn->link.data = turn;
  g_hash_table_insert(l->turns, GUINT_TO_POINTER(sender), turn);
  g_queue_push_tail_link(&l->rotation, &turn->link);
  return turn;
}

/* Nothing of it waits: it goes. TRUE: it is still there. */
static gboolean turn_check(MsgLevel *l, MsgTurn *turn) {
  if (turn->n > 0 || turn->dropped)
    return TRUE;
  g_queue_unlink(&l->rotation, &turn->link);
  g_hash_table_remove(l->turns, GUINT_TO_POINTER(turn->sender));
  return FALSE;
}

static void set_dropped(MsgLevel *l, MsgTurn *turn, guint64 seq) {
  l->n_dropped += (seq != 0) - (turn->dropped != 0);
  turn->dropped = seq;
}

/* Nothing is in the store alone any more: it is a prefix again. */
static void check_complete(MsgLevel *l) {
  if (!l->known || l->n_dropped > 0)
    return;
  l->complete = TRUE;
  l->loaded_to = MAX(l->loaded_to, l->newest);
}

void msg_window_put(MsgLevel *l, MsgTurn *turn, guint64 seq) {
  guint at = l->n > 0 && l->seq[slot(l, l->n - 1)] < seq ? l->n : ring_find(l, seq);

  if (ring_has(l, at, seq))
    return;
  ring_insert(l, at, seq, turn);
  turn->n++;
}

void msg_window_pass(MsgLevel *l, guint64 seq) {
  l->newest = MAX(l->newest, seq);
  if (l->complete)
    l->loaded_to = MAX(l->loaded_to, seq);
}

void msg_window_add(MsgLevel *l, guint32 sender, guint64 seq) {
  MsgTurn *turn = turn_get(l, sender);
  gboolean is_old = seq <= l->loaded_to;

  l->newest = MAX(l->newest, seq);
  if (turn->dropped && seq >= turn->dropped)
    return; /* its turn will come to it */
  if (!is_old && l->n >= WINDOW_MAX && turn->n >= SENDER_MIN) {
    l->known = l->known || l->complete;
    l->complete = FALSE;
    set_dropped(l, turn, seq);
    return;
  }
  msg_window_put(l, turn, seq);
  if (l->complete)
    l->loaded_to = MAX(l->loaded_to, seq);
}

void msg_window_remove(MsgLevel *l, guint64 seq) {
  guint at = l->n > 0 ? ring_find(l, seq) : 0;

  if (!ring_has(l, at, seq))
    return;
  MsgTurn *turn = l->turn[slot(l, at)];
  ring_remove(l, at);
  turn->n--;
  if (!turn_check(l, turn))
    return;
  g_queue_unlink(&l->rotation, &turn->link);
  g_queue_push_tail_link(&l->rotation, &turn->link);
}

gboolean msg_window_next(MsgLevel *l) {
  MsgTurn *turn = l->rotation.head->data;

  if (turn->n > 0)
    return FALSE;
  if (turn_check(l, turn)) {
    g_queue_unlink(&l->rotation, &turn->link);
    g_queue_push_tail_link(&l->rotation, &turn->link);
  }
  return TRUE;
}

void msg_window_take_up(MsgLevel *l, MsgTurn *turn, guint64 seq) {
  set_dropped(l, turn, seq);
  check_complete(l);
}

void msg_window_complete(MsgLevel *l) {
  l->complete = l->known = TRUE;
  l->newest = MAX(l->newest, l->loaded_to);
}

guint64 msg_window_first(const MsgLevel *l, const MsgTurn *turn) {
  guint i = 0;

  while (l->turn[slot(l, i)] != turn)
    i++;
  return l->seq[slot(l, i)];
}

guint64 msg_window_after(const MsgLevel *l, guint64 seq) {
  guint at = l->n > 0 ? ring_find(l, seq + 1) : 0;

  return at < l->n ? l->seq[slot(l, at)] : 0;
}
