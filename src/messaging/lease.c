/* lease.c: the right to handle one message for a time.
 *
 * A lease lives in memory and is found by its token: the message's number and 26 random bits. It
 * belongs to the receiver's connection and ends with it, unless it was detached; then the row keeps
 * token and end, and it outlives even this process. A late ack finds no lease, or another token. */
#include "messaging/engine-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NONCE_BITS 26
#define NONCE_MASK ((1u << NONCE_BITS) - 1)

static guint64 lease_token(const MsgLive *live) {
  return ((live->place & MSG_SEQ_MASK) << NONCE_BITS) | (live->nonce & NONCE_MASK);
}

MsgLease *msg_lease_of(MsgEngine *e, const MsgLive *live) {
  guint64 token = lease_token(live);
  MsgLease *lease = g_hash_table_lookup(e->leases, &token);

  return lease && lease->live->place == live->place ? lease : NULL;
}

void msg_lease_free(MsgLease *lease) {
  msg_actor_unref(lease->actor);
  g_free(lease);
}

gboolean msg_lease_has_key(MsgEngine *e, guint64 okey) {
  return g_hash_table_contains(e->leased_keys, &okey);
}

static void lease_enter(MsgEngine *e, MsgLease *lease) {
  g_hash_table_replace(e->leases, &lease->token, lease);
  lease->okey = lease->live->okey;
  if (lease->okey)
    g_hash_table_replace(e->leased_keys, &lease->okey, lease);
}

static void lease_leave(MsgEngine *e, MsgLease *lease) {
  g_hash_table_remove(e->leases, &lease->token);
  if (lease->okey && g_hash_table_lookup(e->leased_keys, &lease->okey) == lease)
    g_hash_table_remove(e->leased_keys, &lease->okey);
}

static void lease_link(MsgEngine *e, MsgLease *lease) {
  if (lease->live->flags & MSG_LIVE_DETACHED)
    return;
  MsgClient *client = msg_client_get(e, lease->actor->caller, TRUE);
  g_queue_push_tail_link(&client->leases, &lease->link);
}

static void lease_unlink(MsgEngine *e, MsgLease *lease) {
  MsgClient *client = msg_client_get(e, lease->actor->caller, FALSE);

  if ((lease->live->flags & MSG_LIVE_DETACHED) || !client)
    return;
  g_queue_unlink(&client->leases, &lease->link);
}

/* ---- undo: leases are the one state that memory alone has ---- */
typedef struct {
  enum { CREATED, CHANGED, REMOVED } what;
  MsgLease *lease;
  MsgLive *live; /* as it was; NULL with CREATED */
} Undo;

static void undo_add(MsgEngine *e, int what, MsgLease *lease, gboolean copy) {
  Undo *undo = g_new(Undo, 1);

  *undo = (Undo){what, lease, copy ? msg_live_copy(lease->live) : NULL};
  g_ptr_array_add(e->undo, undo);
}

void msg_undo_commit(MsgEngine *e) {
  for (guint i = 0; i < e->undo->len; i++) {
    Undo *undo = e->undo->pdata[i];
    if (undo->what == REMOVED)
      msg_lease_free(undo->lease);
    msg_live_free(undo->live);
    g_free(undo);
  }
  g_ptr_array_set_size(e->undo, 0);
}

static gboolean not_leased(gpointer key, gpointer value, gpointer user_data) {
  msg_live_free(value);
  return TRUE;
}

/* Newest first: each step puts one change back. Lives of the cache are thrown away and read again,
 * those of leases come from the copies. */
void msg_undo_rollback(MsgEngine *e, guint64 batch) {
  GHashTableIter iter;
  gpointer lease_pointer;

  for (guint i = e->undo->len; i-- > 0;) {
    Undo *undo = e->undo->pdata[i];
    MsgLease *lease = undo->lease;
    if (undo->what == CREATED) {
      msg_timer_remove(e, &lease->timer);
      lease_unlink(e, lease);
      lease_leave(e, lease);
      if (g_hash_table_lookup(e->live_cache, &lease->live->place) != lease->live)
        msg_live_free(lease->live); /* a copy that a later step of this batch had left */
      msg_lease_free(lease);
    } else if (undo->what == CHANGED) {
      msg_timer_remove(e, &lease->timer);
      lease_unlink(e, lease);
      if (g_hash_table_lookup(e->live_cache, &lease->live->place) != lease->live)
        msg_live_free(lease->live); /* a copy; else the changed one goes with the cache */
      lease->live = undo->live;
      lease_link(e, lease);
      msg_timer_add(e, &lease->timer, lease->live->until);
    } else {
      lease->live = undo->live;
      lease_enter(e, lease);
      lease_link(e, lease);
      msg_timer_add(e, &lease->timer, lease->live->until);
    }
    g_free(undo);
  }
  g_ptr_array_set_size(e->undo, 0);
  g_hash_table_iter_init(&iter, e->leases);
  while (g_hash_table_iter_next(&iter, NULL, &lease_pointer)) {
    MsgLive *live = ((MsgLease *)lease_pointer)->live;
    if (g_hash_table_lookup(e->live_cache, &live->place) == live)
      g_hash_table_remove(e->live_cache, &live->place);
  }
  g_hash_table_foreach_remove(e->live_cache, not_leased, NULL);
  g_hash_table_iter_init(&iter, e->leases);
  while (g_hash_table_iter_next(&iter, NULL, &lease_pointer)) {
    MsgLive *live = ((MsgLease *)lease_pointer)->live;
    g_hash_table_insert(e->live_cache, &live->place, live);
  }
}

void msg_lease_changed(MsgEngine *e, MsgLease *lease) {
  undo_add(e, CHANGED, lease, TRUE);
}

void msg_lease_drop(MsgEngine *e, MsgLease *lease) {
  MsgClient *client = e->pressure ? msg_client_get(e, lease->actor->caller, FALSE) : NULL;

  undo_add(e, REMOVED, lease, TRUE);
  msg_timer_remove(e, &lease->timer);
  lease_unlink(e, lease);
  if (client) /* it waits for that */
    msg_pressure_touch(e, client);
  lease_leave(e, lease);
}

static MsgLease *lease_new(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgActor *actor) {
  MsgLease *lease = g_new0(MsgLease, 1);

  lease->agent = agent;
  lease->live = live;
  lease->actor = msg_actor_ref(actor);
  lease->token = lease_token(live);
  lease->timer.kind = MSG_TIMER_LEASE;
  lease->timer.what = lease;
  lease->link.data = lease;
  lease_enter(e, lease);
  lease_link(e, lease);
  msg_timer_add(e, &lease->timer, live->until);
  return lease;
}

MsgLease *msg_lease_restore(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  g_autoptr(MsgActor) actor = msg_actor_new(0, agent->uid, 0, NULL);

  return lease_new(e, agent, live, actor);
}

/* ---- what the receiver gets ---- */
static int body_to_memfd(const void *body, gsize size) {
  int fd = memfd_create("waggle-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  const guint8 *at = body;

  if (fd < 0)
    return -1;
  for (gsize left = size; left > 0;) {
    gssize n = write(fd, at, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      close(fd);
      return -1;
    }
    at += n;
    left -= n;
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static const char *put_text(char **at, const char *text) {
  gsize n;

  if (!text)
    return NULL;
  n = strlen(text) + 1;
  memcpy(*at, text, n);
  *at += n;
  return *at - n;
}

MsgDelivery *msg_delivery_make(MsgEngine *e, const MsgMessage *m, const MsgLive *live,
                               const char *to, gboolean no_body) {
  MsgSender *sender = msg_sender_by_id(e, m->sender);
  char number[24];
  const char *from = m->claimed ? m->claimed : sender && *sender->name ? sender->name : number;
  gboolean large = m->size > MSG_INLINE_MAX, inline_body = !large && !no_body;

  g_snprintf(number, sizeof number, "uid:%u", sender ? sender->uid : (uid_t)-1);
  to = m->to ? m->to : to;
  gsize texts =
      strlen(from) + strlen(to) + (m->id ? strlen(m->id) : 0) + (m->key ? strlen(m->key) : 0) + 4;
  MsgDelivery *d = g_malloc(sizeof *d + m->head_size + (inline_body ? m->size : 0) + texts);
  *d = (MsgDelivery){.seq = m->seq,
                     .token = lease_token(live),
                     .sequence = msg_message_sequence(m, msg_place_agent(live->place)),
                     .time = m->time,
                     .expires = live->expires ? wg_clock_to_realtime(&e->clock, live->expires) : 0,
                     .lease_until = live->until ? wg_clock_to_realtime(&e->clock, live->until) : 0,
                     .reply_by = m->reply_by,
                     .in_reply_to = m->in_reply_to,
                     .chain = m->chain,
                     .hops = m->hops,
                     .sender_uid = sender ? sender->uid : (uid_t)-1,
                     .acquired = live->acquired,
                     .failed = live->failed,
                     .priority = m->priority,
                     .expects_reply = m->flags & MSG_FLAG_EXPECTS_REPLY,
                     .is_volatile = m->flags & MSG_FLAG_VOLATILE,
                     .imported = (m->flags & MSG_FLAG_IMPORTED) != 0,
                     .body_left_out = !inline_body,
                     .body_fd = -1,
                     .size = m->size};
  char *at = (char *)(d + 1);
  if (m->head_size > 0) {
    d->head = memcpy(at, m->head, m->head_size);
    d->head_size = m->head_size;
    at += m->head_size;
  }
  if (inline_body) {
    d->body = memcpy(at, m->body, m->size);
    at += m->size;
  }
  d->from = put_text(&at, from);
  d->to = put_text(&at, to);
  d->id = put_text(&at, m->id);
  d->key = put_text(&at, m->key);
  if (large && !no_body)
    d->body_fd = body_to_memfd(m->body, m->size);
  return d;
}

void msg_delivery_free(MsgDelivery *delivery) {
  if (delivery && delivery->body_fd >= 0)
    close(delivery->body_fd);
  g_free(delivery);
}

#define NO_BODY_WAIT G_USEC_PER_SEC

/* No memory or descriptor for a large body: nobody shall take the message for an empty one. */
static void give_back(MsgEngine *e, MsgLease *lease) {
  MsgAgent *agent = lease->agent;
  MsgLive *live = lease->live;

  msg_lease_drop(e, lease);
  live->acquired--;
  msg_live_return(e, agent, live, MSG_NACK_SILENT, NO_BODY_WAIT, NULL,
                  "its body could not be passed on: no memory or file descriptor is left");
}

MsgDelivery *msg_lease_take(MsgEngine *e, MsgAgent *agent, MsgLive *live,
                            const MsgLeaseTerms *terms) {
  g_autoptr(GError) error = NULL;
  g_autoptr(MsgMessage) m =
      msg_message_load(e, msg_place_seq(live->place), !terms->no_body, &error);

  if (!m) {
    if (!e->failed)
      msg_live_corrupt(e, agent, live);
    return NULL;
  }
  guint64 usec = terms->lease   ? terms->lease
                 : agent->lease ? agent->lease
                                : e->settings.default_lease;
  usec = CLAMP(usec, 1000, e->settings.max_lease);
  live->until = e->now + (gint64)usec;
  live->acquired += live->acquired < G_MAXUINT16;
  live->flags = terms->detach ? live->flags | MSG_LIVE_DETACHED : live->flags & ~MSG_LIVE_DETACHED;
  guint64 token;
  do {
    live->nonce = g_rand_int(e->random) & NONCE_MASK;
    token = lease_token(live);
  } while (g_hash_table_contains(e->leases, &token));
  msg_live_move(e, agent, live, MSG_STATE_LEASED, terms->actor, NULL);
  if (e->failed)
    return NULL;
  MsgLease *lease = lease_new(e, agent, live, terms->actor);
  undo_add(e, CREATED, lease, FALSE);
  MsgDelivery *d = msg_delivery_make(e, m, live, agent->name, terms->no_body);
  if (d->body_left_out && d->body_fd < 0 && !terms->no_body) {
    g_clear_pointer(&d, msg_delivery_free);
    give_back(e, lease);
    return NULL;
  }
  e->stat.received++;
  return d;
}

void msg_lease_timeout(MsgEngine *e, MsgLease *lease) {
  MsgAgent *agent = lease->agent;
  MsgLive *live = lease->live;

  msg_lease_drop(e, lease);
  msg_live_return(e, agent, live, MSG_NACK_FAIL, G_MAXUINT64, NULL, "the lease's time ran out");
}
