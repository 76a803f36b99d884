/* message-show.c: what is told of a message and its deliveries. Changes nothing. */
#include "messaging/engine-private.h"

GVariant *msg_message_head(const MsgMessage *m) {
  if (!m->head_size)
    return NULL;
  g_autoptr(GBytes) bytes = g_bytes_new(m->head, m->head_size);
  return g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARDICT, bytes, FALSE));
}

char *msg_message_trace(MsgEngine *e, guint64 seq) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, /* with_body= */ FALSE, NULL);
  g_autoptr(GVariant) head = m ? msg_message_head(m) : NULL;
  char *trace = NULL;

  if (head)
    g_variant_lookup(head, WG_TRACEPARENT, "s", &trace);
  return trace;
}

char *msg_message_from(MsgEngine *e, const MsgMessage *m) {
  return m->claimed ? g_strdup(m->claimed) : msg_sender_text(msg_sender_by_id(e, m->sender));
}

void msg_field_put(GVariantBuilder *d, const char *key, GVariant *value) {
  g_variant_builder_add_value(
      d, g_variant_new_dict_entry(g_variant_new_string(key), g_variant_new_variant(value)));
}

static void put_time(GVariantBuilder *d, const char *key, gint64 time) {
  if (time > 0)
    msg_field_put(d, key, g_variant_new_uint64((guint64)time));
}

static void put_text(GVariantBuilder *d, const char *key, const char *text) {
  if (text)
    msg_field_put(d, key, g_variant_new_string(text));
}

static void put_flag(GVariantBuilder *d, const char *key, gboolean flag) {
  if (flag)
    msg_field_put(d, key, g_variant_new_boolean(TRUE));
}

static void put_count(GVariantBuilder *d, const char *key, guint32 n) {
  msg_field_put(d, key, g_variant_new_uint32(n));
}

static void put_origin(MsgEngine *e, const MsgMessage *m, GVariantBuilder *d) {
  const MsgSender *sender = msg_sender_by_id(e, m->sender);

  if (m->flags & MSG_FLAG_IMPORTED)
    put_text(d, "origin", "import");
  put_text(d, "claimed-from", m->claimed);
  put_count(d, "sender-uid", sender ? (guint32)sender->uid : G_MAXUINT32);
}

void msg_message_fields(MsgEngine *e, const MsgMessage *m, GVariantBuilder *d) {
  g_autoptr(GVariant) head = msg_message_head(m);
  g_autofree char *from = msg_message_from(e, m);
  const MsgAgent *only = m->n_recipients == 1 ? msg_agent_by_id(e, m->recipients[0]) : NULL;
  gsize n = head ? g_variant_n_children(head) : 0;

  msg_field_put(d, "message", g_variant_new_uint64(m->seq));
  put_text(d, "from", from);
  put_text(d, "to", m->to ? m->to : only ? only->name : NULL);
  msg_field_put(d, "time", g_variant_new_uint64((guint64)m->time));
  msg_field_put(d, "size", g_variant_new_uint64(m->size));
  msg_field_put(d, "priority", g_variant_new_byte(m->priority));
  put_text(d, "id", m->id);
  put_text(d, "key", m->key);
  put_time(d, "expires", m->expires ? wg_clock_to_realtime(&e->clock, m->expires) : 0);
  put_time(d, "reply-by", m->reply_by);
  if (m->in_reply_to)
    msg_field_put(d, "in-reply-to", g_variant_new_uint64(m->in_reply_to));
  if (m->chain) {
    put_count(d, "hops", m->hops);
    msg_field_put(d, "chain", g_variant_new_uint64(m->chain));
  }
  put_flag(d, "expects-reply", m->flags & MSG_FLAG_EXPECTS_REPLY);
  put_flag(d, "volatile", m->flags & MSG_FLAG_VOLATILE);
  put_origin(e, m, d);
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(head, i);
    g_variant_builder_add_value(d, entry);
  }
}

char *msg_live_reason(const MsgLive *live) {
  g_autoptr(GArray) events = msg_history_parse(live->history, live->history_size);

  for (guint i = events->len; i-- > 0;) {
    const char *cause = g_array_index(events, MsgEvent, i).cause;
    if (cause)
      return g_strdup(cause);
  }
  return NULL;
}

gboolean msg_delivery_visible(MsgEngine *e, const MsgJob *job, const MsgMessage *m,
                              const MsgAgent *agent) {
  const MsgSender *sender = msg_sender_by_id(e, m->sender);
  uid_t uid = job->actor->uid;

  return job->admin || uid == 0 || (sender && sender->uid == uid) || (agent && agent->uid == uid);
}

const MsgLive *msg_delivery_get(MsgEngine *e, guint64 place, MsgLive **ret_done) {
  const MsgLive *live = msg_live_get(e, place);

  *ret_done = live ? NULL : msg_done_get(e, place);
  return live ? live : *ret_done;
}

/* a{sv} of one delivery, floating. */
static GVariant *delivery_entry(MsgEngine *e, const MsgMessage *m, const MsgAgent *agent,
                                const MsgLive *live) {
  g_auto(GVariantBuilder) d = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
  g_autofree char *reason = msg_live_reason(live);
  guint64 sequence = msg_message_sequence(m, msg_place_agent(live->place));
  gint64 due = live->calendar   ? live->calendar
               : live->ready_at ? wg_clock_to_realtime(&e->clock, live->ready_at)
                                : 0;

  put_text(&d, "agent", agent ? agent->name : "");
  put_text(&d, "state", msg_state_name(live->state));
  if (sequence)
    msg_field_put(&d, "sequence", g_variant_new_uint64(sequence));
  put_count(&d, "acquired", live->acquired);
  put_count(&d, "failed", live->failed);
  if (live->state == MSG_STATE_SCHEDULED || live->state == MSG_STATE_HELD)
    put_time(&d, "due", due);
  if (live->state == MSG_STATE_LEASED && live->until)
    put_time(&d, "lease-until", wg_clock_to_realtime(&e->clock, live->until));
  put_flag(&d, "announced", live->flags & MSG_LIVE_ANNOUNCED);
  if (live->attempts > 0)
    put_count(&d, "attempts", live->attempts);
  if (live->state == MSG_STATE_QUEUED && live->next_attempt > e->now)
    put_time(&d, "next-attempt", wg_clock_to_realtime(&e->clock, live->next_attempt));
  put_text(&d, "reason", reason);
  return g_variant_builder_end(&d);
}

static GVariant *deliveries(MsgEngine *e, const MsgJob *job, const MsgMessage *m) {
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < m->n_recipients; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    g_autoptr(MsgLive) done = NULL;
    if (!msg_delivery_visible(e, job, m, agent))
      continue;
    const MsgLive *live = msg_delivery_get(e, msg_message_place(m, m->recipients[i]), &done);
    if (live)
      g_variant_builder_add_value(&list, delivery_entry(e, m, agent, live));
  }
  return g_variant_builder_end(&list);
}

WgJobResult msg_call_get_message(MsgEngine *e, MsgCallJob *job) {
  guint64 seq;
  g_autoptr(GVariant) options = NULL;
  gboolean no_body = FALSE;

  g_variant_get(job->args, "(t@a{sv})", &seq, &options);
  g_variant_lookup(options, "no-body", "b", &no_body);
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, seq, !no_body, &job->base.job.error);
  if (!m)
    return WG_JOB_DONE;
  g_auto(GVariantBuilder) d = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
  msg_message_fields(e, m, &d);
  if (!no_body)
    msg_field_put(&d, "body", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, m->body, m->size, 1));
  msg_field_put(&d, "deliveries", deliveries(e, &job->base, m));
  job->result = g_variant_ref_sink(g_variant_new("(@a{sv})", g_variant_builder_end(&d)));
  return WG_JOB_DONE;
}

typedef struct {
  const char *agent;
  MsgEvent event; /* borrows its cause */
  guint order;
} Receipt;

static gint receipt_order(gconstpointer a, gconstpointer b) {
  const Receipt *x = a, *y = b;

  if (x->event.time != y->event.time)
    return x->event.time < y->event.time ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

WgJobResult msg_call_get_receipts(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  guint64 seq;
  const char *name = NULL;
  g_autoptr(GVariant) options = NULL;
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Receipt));
  g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);

  g_variant_get(job->args, "(t@a{sv})", &seq, &options);
  g_variant_lookup(options, "agent", "&s", &name);
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, seq, FALSE, error);
  for (guint i = 0; m && i < m->n_recipients; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    g_autoptr(MsgLive) done = NULL;
    if (!agent || (name && g_strcmp0(name, agent->name) != 0) ||
        !msg_delivery_visible(e, &job->base, m, agent))
      continue;
    const MsgLive *live = msg_delivery_get(e, msg_message_place(m, agent->id), &done);
    if (!live)
      continue;
    GArray *events = msg_history_parse(live->history, live->history_size);
    g_ptr_array_add(keep, events);
    for (guint k = 0; k < events->len; k++) {
      Receipt r = {agent->name, g_array_index(events, MsgEvent, k), all->len};
      g_array_append_val(all, r);
    }
  }
  if (!m)
    return WG_JOB_DONE;
  if (name && all->len == 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_AGENT,
                "Message %" G_GUINT64_FORMAT " was not sent to an agent '%s'", seq, name);
    return WG_JOB_DONE;
  }
  g_array_sort(all, receipt_order);
  GVariantBuilder list;
  g_variant_builder_init(&list, G_VARIANT_TYPE("a(sstss)"));
  for (guint i = 0; i < all->len; i++) {
    const Receipt *r = &g_array_index(all, Receipt, i);
    g_autofree char *actor = msg_actor_text(e, r->event.actor);
    g_variant_builder_add(&list, "(sstss)", r->agent, msg_state_name(r->event.state),
                          (guint64)r->event.time, r->event.cause ? r->event.cause : "", actor);
  }
  job->result = g_variant_ref_sink(g_variant_new("(a(sstss))", &list));
  return WG_JOB_DONE;
}
