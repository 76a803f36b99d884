/* import-entry.c: see import-entry.h. Changes nothing in the store. */
#include "messaging/import-entry.h"

#include <string.h>

#define ID_MAX 255
#define TEXT_MAX 1024
#define ANSWERS_HEADER "legacy-in-reply-to"

static void entry_clear(gpointer data) {
  MsgImportEntry *entry = data;

  g_clear_pointer(&entry->dict, g_variant_unref);
  g_clear_pointer(&entry->body_value, g_variant_unref);
}

static MsgState state_of(const char *name) {
  static const struct {
    const char *name;
    MsgState state;
  } states[] = {{"queued", MSG_STATE_QUEUED},
                {"history", MSG_STATE_ACKED},
                {"expired", MSG_STATE_EXPIRED},
                {"canceled", MSG_STATE_CANCELED},
                {"dead", MSG_STATE_DEAD}};

  for (guint i = 0; i < G_N_ELEMENTS(states); i++)
    if (g_str_equal(name, states[i].name))
      return states[i].state;
  return MSG_STATE_NONE;
}

static void entry_read(MsgImportEntry *entry, guint32 uid) {
  GVariant *d = entry->dict;
  const char *state = "queued";

  entry->uid = uid;
  entry->priority = 4;
  g_variant_lookup(d, "id", "&s", &entry->id);
  g_variant_lookup(d, "from", "&s", &entry->from);
  g_variant_lookup(d, "to", "&s", &entry->to);
  g_variant_lookup(d, "reason", "&s", &entry->reason);
  g_variant_lookup(d, "key", "&s", &entry->key);
  g_variant_lookup(d, "answers", "&s", &entry->answers);
  g_variant_lookup(d, "state", "&s", &state);
  g_variant_lookup(d, "time", "t", &entry->time);
  g_variant_lookup(d, "updated", "t", &entry->updated);
  g_variant_lookup(d, "expires", "t", &entry->expires);
  g_variant_lookup(d, "deliver-at", "t", &entry->deliver_at);
  g_variant_lookup(d, "reply-by", "t", &entry->reply_by);
  g_variant_lookup(d, "hold", "b", &entry->hold);
  g_variant_lookup(d, "expects-reply", "b", &entry->expects_reply);
  g_variant_lookup(d, "priority", "y", &entry->priority);
  g_variant_lookup(d, "uid", "u", &entry->uid);
  entry->body_value = g_variant_lookup_value(d, "body", G_VARIANT_TYPE_BYTESTRING);
  if (entry->body_value)
    entry->body = g_variant_get_fixed_array(entry->body_value, &entry->size, 1);
  entry->state = state_of(state);
}

static gint by_time(gconstpointer a, gconstpointer b) {
  const MsgImportEntry *x = a, *y = b;

  if (x->time != y->time)
    return x->time < y->time ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

GArray *msg_import_entries(GVariant *list, guint32 uid) {
  gsize n = g_variant_n_children(list);
  GArray *entries = g_array_sized_new(FALSE, TRUE, sizeof(MsgImportEntry), n);

  g_array_set_clear_func(entries, entry_clear);
  for (gsize i = 0; i < n; i++) {
    MsgImportEntry entry = {.index = i, .dict = g_variant_get_child_value(list, i)};
    entry_read(&entry, uid);
    g_array_append_val(entries, entry);
  }
  g_array_sort(entries, by_time);
  return entries;
}

static gboolean too_long(const char *text, gsize max) {
  return text && strlen(text) > max;
}

const char *msg_import_why_not(MsgEngine *e, const MsgImportEntry *entry) {
  const guint64 times[] = {entry->time, entry->updated, entry->expires, entry->deliver_at,
                           entry->reply_by};

  if (!entry->to || !*entry->to)
    return "it names no recipient";
  if (!msg_name_ok(entry->to))
    return "its recipient's name is no agent's name";
  if (entry->state == MSG_STATE_NONE)
    return "its state is none of queued, history, expired, canceled and dead";
  if (entry->priority > 9)
    return "its priority is over 9";
  if (entry->size > e->settings.max_body)
    return "its body is larger than MaxBody= allows";
  if (too_long(entry->id, ID_MAX) || too_long(entry->key, ID_MAX) ||
      too_long(entry->answers, ID_MAX))
    return "its id, ordering key or the id that it answers is longer than 255 bytes";
  if (too_long(entry->from, TEXT_MAX) || too_long(entry->reason, TEXT_MAX))
    return "its sender or reason is longer than 1024 bytes";
  for (guint i = 0; i < G_N_ELEMENTS(times); i++)
    if (times[i] > G_MAXINT64)
      return "its time is out of range";
  return NULL;
}

char *msg_import_key(const MsgImportEntry *entry) {
  if (entry->id && *entry->id)
    return g_strdup(entry->id);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree char *head = g_strdup_printf("%s\n%s\n%" G_GUINT64_FORMAT "\n", entry->to,
                                          entry->from ? entry->from : "", entry->time);
  g_checksum_update(sum, (const guchar *)head, strlen(head));
  if (entry->size > 0)
    g_checksum_update(sum, entry->body, entry->size);
  return g_strconcat("sha256:", g_checksum_get_string(sum), NULL);
}

/* The headers, and in one of them the answered message's id where that message is not here. */
static GVariant *headers_of(const MsgImportEntry *entry, gboolean answer_known) {
  g_autoptr(GVariant) given =
      g_variant_lookup_value(entry->dict, "headers", G_VARIANT_TYPE("a{ss}"));
  GVariantBuilder all;

  if (!entry->answers || answer_known)
    return g_steal_pointer(&given);
  g_variant_builder_init(&all, G_VARIANT_TYPE("a{ss}"));
  for (gsize i = 0; given && i < g_variant_n_children(given); i++) {
    g_autoptr(GVariant) pair = g_variant_get_child_value(given, i);
    const char *key;
    g_variant_get_child(pair, 0, "&s", &key);
    if (!g_str_equal(key, ANSWERS_HEADER))
      g_variant_builder_add_value(&all, pair);
  }
  g_variant_builder_add(&all, "{ss}", ANSWERS_HEADER, entry->answers);
  return g_variant_ref_sink(g_variant_builder_end(&all));
}

GVariant *msg_import_head(const MsgImportEntry *entry, gboolean answer_known) {
  static const struct {
    const char *key, *type;
  } kept[] = {{"subject", "s"},
              {"tags", "as"},
              {"content-type", "s"},
              {"reply-to", "s"},
              {"traceparent", "s"}};
  g_auto(GVariantDict) head = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GVariant) headers = headers_of(entry, answer_known);

  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    g_autoptr(GVariant) v =
        g_variant_lookup_value(entry->dict, kept[i].key, G_VARIANT_TYPE(kept[i].type));
    if (v)
      g_variant_dict_insert_value(&head, kept[i].key, v);
  }
  if (headers)
    g_variant_dict_insert_value(&head, "headers", headers);
  return g_variant_ref_sink(g_variant_dict_end(&head));
}
