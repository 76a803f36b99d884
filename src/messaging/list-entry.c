/* list-entry.c: one line of a list: whether a delivery fits the filter, and what is told of it. */
#include "messaging/list.h"

#include <string.h>

#define EXCERPT_CHARACTERS 80
#define EXCERPT_BYTES (EXCERPT_CHARACTERS * 6)

gboolean msg_list_knows_agent(MsgEngine *e, const char *name, GError **error) {
  for (guint i = 0; i < e->agents->len; i++) {
    const MsgAgent *agent = e->agents->pdata[i];
    if (agent && g_str_equal(agent->name, name))
      return TRUE;
  }
  return msg_agent_find(e, name, error) != NULL;
}

/* The first characters of a body that is text, in one line; NULL: it is not text. */
static char *excerpt(const MsgMessage *m) {
  gsize n = MIN(m->size, EXCERPT_BYTES);
  const char *end;

  if (!m->body || n == 0)
    return NULL;
  if (!g_utf8_validate_len(m->body, n, &end) &&
      (end == m->body || (gsize)(end - (const char *)m->body) + 4 <= n || n == m->size))
    return NULL; /* a character cut at the end is no reason */
  g_autofree char *text = g_strndup(m->body, end - (const char *)m->body);
  for (char *p = text; *p; p++) {
    if (*p == '\n' || *p == '\t' || *p == '\r')
      *p = ' ';
    else if ((guint8)*p < ' ' || *p == 127)
      return NULL;
  }
  return g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), EXCERPT_CHARACTERS));
}

static gboolean has_tag(GVariant *head, const char *tag) {
  g_autoptr(GVariant) tags =
      head ? g_variant_lookup_value(head, "tags", G_VARIANT_TYPE_STRING_ARRAY) : NULL;
  g_autofree const char **names = tags ? g_variant_get_strv(tags, NULL) : NULL;

  return names && g_strv_contains(names, tag);
}

static gboolean message_fits(MsgEngine *e, const MsgFilter *f, const MsgMessage *m,
                             GVariant *head) {
  const char *subject = "";

  if (f->sender) {
    g_autofree char *from = msg_message_from(e, m);
    if (!g_str_equal(from, f->sender))
      return FALSE;
  }
  if (head)
    g_variant_lookup(head, "subject", "&s", &subject);
  return (!f->since || m->time >= f->since) && (!f->until || m->time <= f->until) &&
         (!f->id || g_strcmp0(m->id, f->id) == 0) && (!f->tag || has_tag(head, f->tag)) &&
         (!f->subject || strstr(subject, f->subject));
}

static gboolean state_fits(const MsgFilter *f, const MsgLive *live) {
  if (f->state == MSG_EVENT_ANNOUNCED)
    return live->state == MSG_STATE_QUEUED && (live->flags & MSG_LIVE_ANNOUNCED);
  return f->state == MSG_STATE_NONE || live->state == f->state;
}

/* What all deliveries of the message have in common. */
static void message_entry(MsgEngine *e, const MsgMessage *m, GVariant *head, GVariantDict *d) {
  static const struct { const char *key, *type; } from_head[] = {{"subject", "s"}, {"tags", "as"}};
  g_autofree char *from = msg_message_from(e, m), *text = excerpt(m);

  g_variant_dict_insert(d, "message", "t", m->seq);
  g_variant_dict_insert(d, "from", "s", from);
  g_variant_dict_insert(d, "time", "t", (guint64)m->time);
  g_variant_dict_insert(d, "priority", "y", m->priority);
  g_variant_dict_insert(d, "size", "t", m->size);
  for (guint i = 0; head && i < G_N_ELEMENTS(from_head); i++) {
    g_autoptr(GVariant) v =
        g_variant_lookup_value(head, from_head[i].key, G_VARIANT_TYPE(from_head[i].type));
    if (v)
      g_variant_dict_insert_value(d, from_head[i].key, v);
  }
  if (m->id)
    g_variant_dict_insert(d, "id", "s", m->id);
  if (text)
    g_variant_dict_insert(d, "excerpt", "s", text);
  if (m->flags & MSG_FLAG_EXPECTS_REPLY)
    g_variant_dict_insert(d, "expects-reply", "b", TRUE);
  if (m->flags & MSG_FLAG_VOLATILE)
    g_variant_dict_insert(d, "volatile", "b", TRUE);
  if (m->in_reply_to)
    g_variant_dict_insert(d, "in-reply-to", "t", m->in_reply_to);
}

static gint64 died_at(const MsgLive *live) {
  g_autoptr(GArray) events = msg_history_parse(live->history, live->history_size);

  for (guint i = events->len; i-- > 0;)
    if (g_array_index(events, MsgEvent, i).state == MSG_STATE_DEAD)
      return g_array_index(events, MsgEvent, i).time;
  return 0;
}

static void delivery_keys(const MsgMessage *m, const MsgAgent *agent, const MsgLive *live,
                          GVariantDict *d) {
  g_autofree char *reason = msg_live_reason(live);
  guint64 sequence = msg_message_sequence(m, agent->id);

  g_variant_dict_insert(d, "agent", "s", agent->name);
  g_variant_dict_insert(d, "to", "s", m->to ? m->to : agent->name);
  g_variant_dict_insert(d, "state", "s", msg_state_name(live->state));
  if (sequence)
    g_variant_dict_insert(d, "sequence", "t", sequence);
  if (reason)
    g_variant_dict_insert(d, "reason", "s", reason);
  if (live->state == MSG_STATE_DEAD)
    g_variant_dict_insert(d, "died", "t", (guint64)died_at(live));
  if (live->acquired)
    g_variant_dict_insert(d, "acquired", "u", (guint32)live->acquired);
  if (live->failed)
    g_variant_dict_insert(d, "failed", "u", (guint32)live->failed);
}

guint msg_list_entries(MsgEngine *e, const MsgJob *job, const MsgFilter *f, const MsgMessage *m,
                       GVariantBuilder *into) {
  g_autoptr(GVariant) head = msg_message_head(m);
  guint n = 0;

  if (!message_fits(e, f, m, head))
    return 0;
  for (guint i = 0; i < m->n_recipients; i++) {
    const MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    g_autoptr(MsgLive) done = NULL;
    if (!agent || (f->agent && !g_str_equal(f->agent, agent->name)) ||
        (f->sequence && msg_message_sequence(m, agent->id) != f->sequence) ||
        !msg_delivery_visible(e, job, m, agent))
      continue;
    const MsgLive *live = msg_delivery_get(e, msg_message_place(m, agent->id), &done);
    if (!live || !state_fits(f, live))
      continue;
    g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);
    message_entry(e, m, head, &d);
    delivery_keys(m, agent, live, &d);
    g_variant_builder_add_value(into, g_variant_dict_end(&d));
    n++;
  }
  return n;
}
