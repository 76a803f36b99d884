/* import-send.c: entries into calls of Import, agents into calls of RegisterAgent.
 *
 * Import answers with counts, not with a line an entry; so each call carries entries of one state
 * only, oldest states of life first: history, dead, queued. A call stays far below the limits of a
 * bus message. */
#include "client/import.h"

#include "client/dict.h"

#include <string.h>

#define BATCH_ENTRIES 500
#define BATCH_BYTES (4 * 1024 * 1024)
#define ENTRY_BYTES_MAX (24 * 1024 * 1024) /* the service reads no greater message than 32 MiB */

void cli_import_free(CliImport *import) {
  if (!import)
    return;
  g_free(import->file);
  g_free(import->kept_as);
  g_clear_pointer(&import->content, cli_legacy_file_free);
  g_free(import);
}

static GVariant *string_dict(GHashTable *table) {
  g_auto(GVariantBuilder) builder;
  GHashTableIter iter;
  gpointer key, value;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  g_hash_table_iter_init(&iter, table);
  while (g_hash_table_iter_next(&iter, &key, &value))
    g_variant_builder_add(&builder, "{ss}", key, value);
  return g_variant_builder_end(&builder);
}

static void put_text(GVariantDict *d, const char *key, const char *text) {
  if (text)
    g_variant_dict_insert(d, key, "s", text);
}

static void put_time(GVariantDict *d, const char *key, guint64 usec) {
  if (usec)
    g_variant_dict_insert(d, key, "t", usec);
}

static GVariant *entry_variant(const CliLegacyEntry *e) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);
  gsize n;
  gconstpointer body = g_bytes_get_data(e->body, &n);

  put_text(&d, "id", e->id);
  put_text(&d, "from", e->from);
  put_text(&d, "to", e->to);
  put_text(&d, "state", e->ended ?: e->state);
  put_text(&d, "reason", e->reason);
  put_text(&d, "content-type", e->content_type);
  put_text(&d, "subject", e->subject);
  put_text(&d, "key", e->key);
  put_text(&d, "reply-to", e->reply_to);
  put_text(&d, "traceparent", e->traceparent);
  put_text(&d, "answers", e->answers);
  g_variant_dict_insert_value(&d, "body",
                              g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, body, n, 1));
  put_time(&d, "time", e->time);
  put_time(&d, "updated", e->updated);
  put_time(&d, "expires", e->expires);
  put_time(&d, "deliver-at", e->deliver_at);
  put_time(&d, "reply-by", e->reply_by);
  if (e->hold)
    g_variant_dict_insert(&d, "hold", "b", TRUE);
  if (e->expects_reply)
    g_variant_dict_insert(&d, "expects-reply", "b", TRUE);
  g_variant_dict_insert(&d, "priority", "y", e->priority);
  if (e->tags->len)
    g_variant_dict_insert_value(
        &d, "tags", g_variant_new_strv((const char *const *)e->tags->pdata, (gssize)e->tags->len));
  if (g_hash_table_size(e->headers))
    g_variant_dict_insert_value(&d, "headers", string_dict(e->headers));
  return g_variant_dict_end(&d);
}

typedef struct {
  Cli *cli;
  CliImport *import;
  GVariantBuilder builder;
  GPtrArray *entries; /* those of the builder, in order */
  gsize bytes;
  guint *counter;
} Batch;

static void batch_begin(Batch *b) {
  g_variant_builder_init(&b->builder, G_VARIANT_TYPE("aa{sv}"));
  g_ptr_array_set_size(b->entries, 0);
  b->bytes = 0;
}

static gboolean batch_send(Batch *b, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  guint64 imported, duplicates;

  if (b->entries->len == 0)
    return TRUE;
  g_autofree char *name = g_utf8_make_valid(b->import->file, -1);
  g_variant_dict_insert(&o, "file", "s", name);
  g_autoptr(GVariant) reply =
      cli_call(b->cli, "Import",
               g_variant_new("(aa{sv}@a{sv})", &b->builder, g_variant_dict_end(&o)), error);
  if (!reply) {
    batch_begin(b);
    return FALSE;
  }
  g_autoptr(GVariant) refused = g_variant_get_child_value(reply, 2);
  g_variant_get_child(reply, 0, "t", &imported);
  g_variant_get_child(reply, 1, "t", &duplicates);
  b->import->imported += (guint)imported;
  b->import->duplicates += (guint)duplicates;
  *b->counter += (guint)imported;
  for (gsize i = 0; i < g_variant_n_children(refused); i++) {
    const char *reason;
    guint32 index;
    g_variant_get_child(refused, i, "(u&s)", &index, &reason);
    const CliLegacyEntry *e = index < b->entries->len ? b->entries->pdata[index] : NULL;
    cli_legacy_skip(b->import->content, e ? e->where : "unknown", "refused: %s", reason);
  }
  batch_begin(b);
  return TRUE;
}

static gboolean batch_add(Batch *b, CliLegacyEntry *e, GError **error) {
  gsize n = g_bytes_get_size(e->body);

  if (n > ENTRY_BYTES_MAX) {
    cli_legacy_skip(b->import->content, e->where,
                    "its content of %" G_GSIZE_FORMAT " bytes is larger than can be imported", n);
    return TRUE;
  }
  if (b->entries->len && (b->entries->len >= BATCH_ENTRIES || b->bytes + n > BATCH_BYTES) &&
      !batch_send(b, error))
    return FALSE;
  g_variant_builder_add_value(&b->builder, entry_variant(e));
  g_ptr_array_add(b->entries, e);
  b->bytes += n;
  return TRUE;
}

static gboolean send_state(Cli *cli, CliImport *import, const char *state, guint *counter,
                           GError **error) {
  g_autoptr(GPtrArray) entries = g_ptr_array_new();
  Batch b = {.cli = cli, .import = import, .entries = entries, .counter = counter};
  gboolean ok = TRUE;

  batch_begin(&b);
  for (guint i = 0; ok && i < import->content->entries->len; i++) {
    CliLegacyEntry *e = import->content->entries->pdata[i];
    if (g_str_equal(e->state, state))
      ok = batch_add(&b, e, error);
  }
  ok = ok && batch_send(&b, error);
  g_variant_builder_clear(&b.builder);
  return ok;
}

/* What the agent has as metadata already, with ours on top; NULL: nothing would change. */
static GVariant *merged_metadata(const CliLegacyAgent *agent, GVariant *known) {
  g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GVariant) old =
      known ? g_variant_lookup_value(known, "metadata", G_VARIANT_TYPE("a{ss}")) : NULL;
  gboolean change = !known;
  GHashTableIter iter;
  gpointer key, value;

  for (gsize i = 0; old && i < g_variant_n_children(old); i++) {
    char *k, *v;
    g_variant_get_child(old, i, "{ss}", &k, &v);
    g_hash_table_insert(all, k, v);
  }
  g_hash_table_iter_init(&iter, agent->metadata);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    change |= g_strcmp0(g_hash_table_lookup(all, key), value) != 0;
    g_hash_table_insert(all, g_strdup(key), g_strdup(value));
  }
  return change ? string_dict(all) : NULL;
}

static gboolean pause_agent(Cli *cli, const char *name, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&o, "reason", "s", "not active in the imported coordinates file");
  g_autoptr(GVariant) reply =
      cli_call(cli, "PauseAgent", g_variant_new("(s@a{sv})", name, g_variant_dict_end(&o)), error);
  return reply != NULL;
}

/* An agent that exists keeps its description, its policy and its pause: somebody has looked after
 * it since. One that an earlier file only mentioned has no description yet. */
static gboolean send_agent(Cli *cli, CliImport *import, const CliLegacyAgent *agent,
                           GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GError) local = NULL;
  g_autoptr(GVariant) got = cli_call(cli, "GetAgent", g_variant_new("(s)", agent->name), &local);

  if (!got && local->code != CLI_EXIT_NOT_FOUND) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  g_clear_error(&local);
  g_autoptr(GVariant) known = got ? g_variant_get_child_value(got, 0) : NULL;
  GVariant *metadata = merged_metadata(agent, known);
  const char *description = known ? cli_dict_string(known, "description") : NULL;
  const char *policy = known ? cli_dict_string(known, "policy") : NULL;
  gboolean reach = agent->policy && (!policy || !*policy);
  if (!metadata && !reach) {
    import->duplicates++;
    return TRUE;
  }
  if (metadata)
    g_variant_dict_insert_value(&o, "metadata", metadata);
  if (reach)
    g_variant_dict_insert(&o, "policy", "s", agent->policy);
  if (agent->description && (!description || !*description))
    g_variant_dict_insert(&o, "description", "s", agent->description);
  g_autoptr(GVariant) reply =
      cli_call(cli, "RegisterAgent",
               g_variant_new("(s@a{sv})", agent->name, g_variant_dict_end(&o)), &local);
  if (!reply && local && local->code != CLI_EXIT_UNREACHABLE) {
    cli_legacy_skip(import->content, agent->where, "refused: %s", local->message);
    return TRUE;
  }
  if (!reply) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  import->imported++;
  return known || agent->active || pause_agent(cli, agent->name, error);
}

gboolean cli_import_send(Cli *cli, CliImport *import, GError **error) {
  import->duplicates = import->content->duplicates;
  for (guint i = 0; i < import->content->agents->len; i++)
    if (!send_agent(cli, import, import->content->agents->pdata[i], error))
      return FALSE;
  return send_state(cli, import, CLI_LEGACY_HISTORY, &import->history, error) &&
         send_state(cli, import, CLI_LEGACY_DEAD, &import->dead, error) &&
         send_state(cli, import, CLI_LEGACY_QUEUED, &import->queued, error);
}
