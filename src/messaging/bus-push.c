/* bus-push.c: see bus-push.h. sd-bus has no event for "the socket has room again", so a timer
 * looks while, and only while, something is held back. */
#include "messaging/bus-push.h"

#include "messaging/bus-frame.h"
#include "messaging/bus-reply.h"

#include "common/bus-source.h"
#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 20
/* What may wait in our own connection to the broker before pushes are held back. */
#define BUS_QUEUED_MAX 2048

typedef struct {
  MsgNoteKind kind; /* PUSH or ATTEMPTS */
  guint64 subscription;
  guint n;
  MsgDelivery *delivery;
} Held;

static void held_free(Held *held) {
  if (held->delivery != NULL)
    msg_delivery_free(held->delivery);
  g_free(held);
}

static gboolean has_room(const MsgConnection *client) {
  GSource *source = NULL;

  if (client->caller->peer != NULL)
    return wg_peer_writable(client->caller->peer);
  source = wg_service_bus_source(client->daemon->service, client->caller->bus);
  return source == NULL || wg_bus_source_n_queued(source) < BUS_QUEUED_MAX;
}

static sd_bus_message *new_signal(MsgConnection *client, const char *interface,
                                  const char *member) {
  sd_bus_message *m = NULL;

  if (sd_bus_message_new_signal(client->caller->bus, &m, WG_PATH_MESSAGING, interface, member) < 0)
    return NULL;
  if (client->caller->name != NULL && sd_bus_message_set_destination(m, client->caller->name) < 0)
    return sd_bus_message_unref(m);
  return m;
}

static void send_signal(MsgConnection *client, sd_bus_message *m, int r, gsize bytes) {
  GSource *source = wg_service_bus_source(client->daemon->service, client->caller->bus);

  if (source != NULL) /* what was gathered was said before */
    wg_bus_source_flush(source);
  if (r >= 0)
    sd_bus_send(NULL, m, NULL);
  sd_bus_message_unref(m);
  if (client->caller->peer != NULL)
    wg_peer_charge(client->caller->peer, bytes);
}

static gsize weight_of(const MsgDelivery *d) {
  return MSG_REPLY_WEIGHT + (d->body_left_out ? 0 : d->size);
}

static void send_shortly(MsgConnection *client, guint64 subscription, const MsgDelivery *d) {
  WgOutbox *out = msg_frame_signal(client, "Delivery", "tttsaya{sv}");

  if (out == NULL)
    return;
  wg_outbox_u64(out, subscription);
  wg_outbox_u64(out, d->seq);
  wg_outbox_u64(out, d->token);
  msg_frame_content(out, d);
  msg_frame_end(client->daemon, client->caller->bus, out, weight_of(d));
}

static void send_delivery(MsgConnection *client, guint64 subscription, const MsgDelivery *d) {
  if (msg_frame_takes(d)) {
    send_shortly(client, subscription, d);
    return;
  }
  sd_bus_message *m = new_signal(client, WG_IFACE_MESSAGING, "Delivery");
  if (m == NULL)
    return;
  int r = sd_bus_message_append(m, "ttt", subscription, d->seq, d->token);
  if (r >= 0)
    r = msg_reply_append_content(m, d);
  send_signal(client, m, r, weight_of(d));
}

static void send_waiting(MsgConnection *client, guint64 courier, guint n) {
  sd_bus_message *m = new_signal(client, WG_IFACE_COURIER, "Waiting");

  if (m != NULL)
    send_signal(client, m, sd_bus_message_append(m, "tu", courier, (guint32)n), MSG_REPLY_WEIGHT);
}

static void send_event(MsgConnection *client, const MsgNote *note, const char *state,
                       const char *cause) {
  sd_bus_message *m = new_signal(client, WG_IFACE_MESSAGING, "Event");

  if (m == NULL)
    return;
  int r = sd_bus_message_append(m, "ttsstss", note->subscription, note->seq,
                                note->name != NULL ? note->name : "", state, (guint64)note->time,
                                cause != NULL ? cause : "",
                                note->actor_text != NULL ? note->actor_text : "");
  send_signal(client, m, r, MSG_REPLY_WEIGHT);
}

static void told(WgJob *job) {
  msg_job_free(job, sizeof(MsgJob));
}

static void tell_engine(MsgConnection *client, WgJobResult (*run)(WgJob *, gpointer)) {
  msg_job_submit(msg_job_new_own(client->daemon, client->actor, sizeof(MsgJob), run, told));
}

/* Sends what waits; TRUE when nothing is left. */
static gboolean flush_client(MsgConnection *client) {
  while (!g_queue_is_empty(&client->backlog)) {
    if (!has_room(client))
      return FALSE;
    Held *held = g_queue_pop_head(&client->backlog);
    if (held->kind == MSG_NOTE_PUSH)
      send_delivery(client, held->subscription, held->delivery);
    else
      send_waiting(client, held->subscription, held->n);
    held_free(held);
  }
  tell_engine(client, msg_run_resume_push);
  return TRUE;
}

static gboolean flush_all(gpointer data) {
  MsgDaemon *daemon = data;

  for (guint i = daemon->held_back->len; i > 0; i--)
    if (flush_client(g_ptr_array_index(daemon->held_back, i - 1)))
      g_ptr_array_remove_index_fast(daemon->held_back, i - 1);
  if (daemon->held_back->len > 0)
    return G_SOURCE_CONTINUE;
  daemon->push_timer = 0;
  return G_SOURCE_REMOVE;
}

static Held *find_waiting(MsgConnection *client, guint64 courier) {
  for (GList *l = client->backlog.head; l != NULL; l = l->next) {
    Held *held = l->data;
    if (held->kind == MSG_NOTE_ATTEMPTS && held->subscription == courier)
      return held;
  }
  return NULL;
}

static void hold_back(MsgConnection *client, MsgNote *note) {
  MsgDaemon *daemon = client->daemon;
  Held *held = note->kind == MSG_NOTE_ATTEMPTS ? find_waiting(client, note->subscription) : NULL;

  if (held == NULL) {
    held = g_new0(Held, 1);
    if (g_queue_is_empty(&client->backlog)) {
      g_ptr_array_add(daemon->held_back, client);
      tell_engine(client, msg_run_block_push);
    }
    g_queue_push_tail(&client->backlog, held);
  }
  held->kind = note->kind;
  held->subscription = note->subscription;
  held->n = note->n;
  if (note->kind == MSG_NOTE_PUSH)
    held->delivery = g_steal_pointer(&note->delivery);
  if (daemon->push_timer == 0)
    daemon->push_timer = g_timeout_add(RETRY_MS, flush_all, daemon);
}

static void drop_event(MsgConnection *client, guint64 watch) {
  guint64 *key = g_memdup2(&watch, sizeof watch);

  if (client->lost == NULL)
    client->lost = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  guint n = GPOINTER_TO_UINT(g_hash_table_lookup(client->lost, key));
  g_hash_table_replace(client->lost, key, GUINT_TO_POINTER(n + 1));
}

static void note_event(MsgConnection *client, const MsgNote *note) {
  guint lost = 0;

  if (!has_room(client)) {
    drop_event(client, note->subscription);
    return;
  }
  if (client->lost != NULL)
    lost = GPOINTER_TO_UINT(g_hash_table_lookup(client->lost, &note->subscription));
  if (lost > 0) {
    g_autofree char *count = g_strdup_printf("%u", lost);
    g_hash_table_remove(client->lost, &note->subscription);
    send_event(client, note, "lost", count);
  }
  send_event(client, note, msg_state_name(note->state), note->cause);
}

void msg_push_note(MsgDaemon *daemon, MsgNote *note) {
  MsgConnection *client = g_hash_table_lookup(daemon->clients, &note->caller);

  /* Gone: the engine is told by a job of its own and takes the lease back. */
  if (client == NULL) {
    g_clear_pointer(&note->delivery, msg_delivery_free);
    return;
  }
  if (note->kind == MSG_NOTE_EVENT) {
    note_event(client, note);
    return;
  }
  if (!g_queue_is_empty(&client->backlog) || !has_room(client)) {
    hold_back(client, note);
    return;
  }
  if (note->kind == MSG_NOTE_ATTEMPTS) {
    send_waiting(client, note->subscription, note->n);
    return;
  }
  send_delivery(client, note->subscription, note->delivery);
  g_clear_pointer(&note->delivery, msg_delivery_free);
}

void msg_push_forget(MsgConnection *client) {
  g_ptr_array_remove_fast(client->daemon->held_back, client);
  g_queue_clear_full(&client->backlog, (GDestroyNotify)held_free);
  g_clear_pointer(&client->lost, g_hash_table_unref);
}

void msg_push_clear(MsgDaemon *daemon) {
  g_clear_handle_id(&daemon->push_timer, g_source_remove);
  g_clear_pointer(&daemon->held_back, g_ptr_array_unref);
}
