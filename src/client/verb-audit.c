/* verb-audit.c: the audit log of the deployment service: what was done and refused, by whom, and
 * whether the chain that its entries make is whole. */
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

/* As many as one call of AuditRead answers. */
#define STEP 1000

const CliOption cli_audit_list_options[] = {
    {"from", 0, CLI_VALUE_REQUIRED, "N", "Begin with this entry"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most so many entries"},
    {NULL},
};

typedef struct {
  guint64 n, time;
  const char *what;
  GVariant *hash; /* ay */
} Entry;

/* Called for each entry, in order. */
typedef void (*Take)(const Entry *entry, gpointer data);

/* Entries from number `from`, at most `max`. FALSE with an error. */
static gboolean each_entry(Cli *cli, guint64 from, guint64 max, Take take, gpointer data,
                           GError **error) {
  while (max > 0) {
    guint32 step = (guint32)MIN(max, STEP);
    g_autoptr(GVariant) reply =
        cli_call(cli, "AuditRead", g_variant_new("(tu)", from, step), error);
    if (!reply)
      return FALSE;
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    gsize n = g_variant_n_children(list);
    for (gsize i = 0; i < n; i++) {
      Entry entry;
      g_variant_get_child(list, i, "(tt&s@ay)", &entry.n, &entry.time, &entry.what, &entry.hash);
      take(&entry, data);
      g_variant_unref(entry.hash);
      from = entry.n + 1;
    }
    if (n < step)
      return TRUE;
    max -= n;
  }
  return TRUE;
}

/* What was done is an object of JSON; whatever else stands there is shown as it is. */
static JsonNode *parsed(const char *what) {
  JsonNode *node = json_from_string(what, NULL);

  if (node && JSON_NODE_HOLDS_OBJECT(node))
    return node;
  g_clear_pointer(&node, json_node_unref);
  return NULL;
}

static char *hex_of(GVariant *hash) {
  GString *hex = g_string_new(NULL);
  gsize size;
  const guint8 *bytes = g_variant_get_fixed_array(hash, &size, 1);

  for (gsize i = 0; i < size; i++)
    g_string_append_printf(hex, "%02x", bytes[i]);
  return g_string_free(hex, FALSE);
}

static void take_json(const Entry *entry, gpointer data) {
  JsonObject *object = json_object_new();
  g_autofree char *hex = hex_of(entry->hash);
  JsonNode *what = parsed(entry->what);

  json_object_set_int_member(object, "n", (gint64)entry->n);
  cli_json_add_time(object, "time", entry->time);
  if (what)
    json_object_set_member(object, "what", what);
  else
    json_object_set_string_member(object, "what", entry->what);
  json_object_set_string_member(object, "hash", hex);
  json_array_add_object_element(data, object);
}

static const char *text_of(JsonObject *object, const char *key) {
  return json_object_get_string_member_with_default(object, key, "");
}

/* What the call was about: a name, what its manifest describes, or where that one was. */
static const char *subject_of(JsonObject *what) {
  static const char *const keys[] = {"subject", "target", "base"};

  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (*text_of(what, keys[i]))
      return text_of(what, keys[i]);
  return "";
}

/* "deployment 3", or the name of what it was about. */
static void add_subject(CliTable *table, JsonObject *what) {
  gint64 id = json_object_get_int_member_with_default(what, "deployment", 0);

  if (id > 0)
    cli_table_add_printf(table, CLI_STYLE_NONE, "deployment %" G_GINT64_FORMAT, id);
  else
    cli_table_add(table, subject_of(what), CLI_STYLE_NONE);
}

static void take_row(const Entry *entry, gpointer data) {
  g_autofree char *time = cli_time_full(entry->time);
  g_autoptr(JsonNode) node = parsed(entry->what);
  CliTable *table = data;

  cli_table_add_printf(table, CLI_STYLE_BOLD, "%" G_GUINT64_FORMAT, entry->n);
  cli_table_add(table, time, CLI_STYLE_NONE);
  if (!node) {
    cli_table_add(table, NULL, CLI_STYLE_NONE);
    cli_table_add(table, entry->what, CLI_STYLE_NONE);
    cli_table_add(table, NULL, CLI_STYLE_NONE);
    cli_table_add(table, NULL, CLI_STYLE_NONE);
    return;
  }
  JsonObject *what = json_node_get_object(node);
  const char *result = text_of(what, "result"), *state = text_of(what, "to");
  const char *call = text_of(what, "call"), *wrong = text_of(what, "error");
  cli_table_add(table, text_of(what, "who"), CLI_STYLE_NONE);
  cli_table_add(table, *call ? call : "state", CLI_STYLE_NONE);
  add_subject(table, what);
  cli_table_add(table,
                *wrong    ? wrong
                : *result ? result
                          : state,
                *wrong ? CLI_STYLE_WARNING : CLI_STYLE_NONE);
}

static int print_rows(Cli *cli, guint64 from, guint64 max, GError **error) {
  static const CliColumn columns[] = {
      {"N", TRUE},          {"TIME"}, {"WHO"}, {"WHAT", FALSE, 2}, {"SUBJECT"},
      {"RESULT", FALSE, 1}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  if (!each_entry(cli, from, max, take_row, table, error))
    return CLI_EXIT_FAILURE;
  cli_pager_open(cli);
  cli_table_print(table, cli);
  guint n = cli_table_rows(table);
  if (!cli->no_legend)
    printf("%s%u entr%s.\n", n ? "\n" : "", n, n == 1 ? "y" : "ies");
  return CLI_EXIT_OK;
}

int cli_verb_audit_list(Cli *cli, CliArgs *args, GError **error) {
  guint64 from = 1, max = G_MAXUINT64;
  g_autoptr(GError) local = NULL;

  cli_args_u64(args, "from", 1, G_MAXINT64, &from, &local);
  if (!local)
    cli_args_u64(args, "max", 1, G_MAXINT64, &max, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  if (cli->json == CLI_JSON_OFF)
    return print_rows(cli, from, max, error);
  g_autoptr(JsonArray) array = json_array_new();
  if (!each_entry(cli, from, max, take_json, array, error))
    return CLI_EXIT_FAILURE;
  JsonNode *node = json_node_alloc();
  json_node_init_array(node, array);
  cli_json_print(cli, node);
  return CLI_EXIT_OK;
}

static void take_hash(const Entry *entry, gpointer data) {
  char **ret = data;

  g_free(*ret);
  *ret = hex_of(entry->hash);
}

/* Who may write the log may write all of it anew: only the hash of its end, kept elsewhere, tells.
 */
static void print_whole(guint64 entries, const char *hash) {
  printf("The audit log is whole: %" G_GUINT64_FORMAT " entr%s.\n", entries,
         entries == 1 ? "y" : "ies");
  if (hash)
    printf("The hash of the newest is %s.\n"
           "The journal of waggle-deployd has the one after each deployment, to compare.\n",
           hash);
}

int cli_verb_audit_verify(Cli *cli, CliArgs *args, GError **error) {
  const char *problem;
  g_autofree char *hash = NULL;
  guint64 entries;
  gboolean good;

  g_autoptr(GVariant) reply = cli_call(cli, "AuditVerify", g_variant_new("()"), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get(reply, "(bt&s)", &good, &entries, &problem);
  if (entries && !each_entry(cli, entries, 1, take_hash, &hash, error))
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "good", good);
    json_object_set_int_member(object, "entries", (gint64)entries);
    json_object_set_string_member(object, "problem", problem);
    if (hash)
      json_object_set_string_member(object, "hash", hash); /* of entry `entries` */
    cli_json_print_object(cli, object);
    return good ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
  }
  if (good && !cli->no_legend)
    print_whole(entries, hash);
  if (good)
    return CLI_EXIT_OK;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
              "the audit log does not hold after %" G_GUINT64_FORMAT " entries: %s", entries,
              problem);
  return CLI_EXIT_FAILURE;
}
