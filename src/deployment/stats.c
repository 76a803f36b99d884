/* stats.c: see stats.h. On the writer's thread; the newest so many are looked at, so that a long
 * history costs no more than a short one. */
#include "deployment/stats.h"

#include <string.h>

/* Transactions that a question is about: ?1 target, ?2 since. */
#define WANTED                                                                                     \
  "(SELECT id, state, target, live, json_extract(record, '$.kind') AS kind FROM txn"               \
  " WHERE (?1 IS NULL OR target = ?1) AND created >= ?2 ORDER BY id DESC LIMIT 10000)"

void dpl_stats_free(gpointer data) {
  DplStatsQuestion *question = data;

  g_free(question->target);
  g_free(question);
}

static gint compare(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

gint64 dpl_percentile(const gint64 *sorted, guint n, guint q) {
  guint rank = (guint)(((guint64)n * q + 99) / 100);

  return n == 0 ? 0 : sorted[MAX(rank, 1) - 1];
}

static JsonObject *summary(GArray *durations) {
  JsonObject *object = json_object_new();
  gint64 sum = 0;

  g_array_sort(durations, compare);
  const gint64 *sorted = (const gint64 *)durations->data;
  for (guint i = 0; i < durations->len; i++)
    sum += sorted[i];
  json_object_set_int_member(object, "count", durations->len);
  json_object_set_int_member(object, "mean", durations->len != 0 ? sum / durations->len : 0);
  json_object_set_int_member(object, "p50", dpl_percentile(sorted, durations->len, 50));
  json_object_set_int_member(object, "p95", dpl_percentile(sorted, durations->len, 95));
  return object;
}

static sqlite3_stmt *prepare(DplStore *store, const DplStatsQuestion *q, const char *sql) {
  sqlite3_stmt *stmt = wg_records_statement(store, sql);

  if (stmt != NULL) {
    sqlite3_bind_text(stmt, 1, q->target, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, q->since);
  }
  return stmt;
}

static void count(JsonObject *object, const char *key, gint64 n) {
  json_object_set_int_member(object, key,
                             json_object_get_int_member_with_default(object, key, 0) + n);
}

static void count_target(JsonObject *targets, const char *name, gint64 n, gboolean good) {
  if (!json_object_has_member(targets, name))
    json_object_set_object_member(targets, name, json_object_new());
  JsonObject *target = json_object_get_object_member(targets, name);
  count(target, "deployments", n);
  count(target, "failed", good ? 0 : n);
}

static void add_counts(DplStore *store, const DplStatsQuestion *q, JsonObject *into) {
  static const char *const keys[] = {"deployments",     "done",      "aborted", "rolled-back",
                                     "rollback-failed", "rollbacks", "open",    NULL};
  JsonObject *targets = json_object_new();
  g_autoptr(WgStatement) stmt = prepare(store, q,
                                        "SELECT state, target, live, kind, count(*) FROM " WANTED
                                        " GROUP BY state, target, live, kind");

  for (guint i = 0; keys[i] != NULL; i++)
    json_object_set_int_member(into, keys[i], 0);
  json_object_set_object_member(into, "targets", targets);
  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *state = (const char *)sqlite3_column_text(stmt, 0);
    const char *target = (const char *)sqlite3_column_text(stmt, 1);
    gint64 n = sqlite3_column_int64(stmt, 4);
    if (sqlite3_column_int(stmt, 2) != 0) {
      count(into, "open", n);
    } else if (g_strcmp0((const char *)sqlite3_column_text(stmt, 3), "rollback") == 0) {
      count(into, "rollbacks", n);
    } else {
      count(into, "deployments", n);
      count(into, state, n);
      count_target(targets, target, n, g_str_equal(state, "done"));
    }
  }
}

static void add_phases(DplStore *store, const DplStatsQuestion *q, JsonObject *into) {
  g_autoptr(GHashTable) phases =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
  g_autoptr(WgStatement) stmt =
      prepare(store, q,
              "SELECT x.before, x.took FROM transition AS x JOIN " WANTED
              " AS t ON t.id = x.txn WHERE x.before IS NOT NULL AND x.before <> x.after");
  JsonObject *object = json_object_new();

  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *state = (const char *)sqlite3_column_text(stmt, 0);
    gint64 took = sqlite3_column_int64(stmt, 1);
    GArray *array = g_hash_table_lookup(phases, state);
    if (array == NULL) {
      array = g_array_new(FALSE, FALSE, sizeof(gint64));
      g_hash_table_insert(phases, g_strdup(state), array);
    }
    g_array_append_val(array, took);
  }
  for (guint i = 0; i < _DPL_STATE_MAX; i++) { /* in the order that they come in */
    GArray *array = g_hash_table_lookup(phases, dpl_states[i].name);
    if (array != NULL)
      json_object_set_object_member(object, dpl_states[i].name, summary(array));
  }
  json_object_set_object_member(into, "phases", object);
}

/* One column of durations. */
static void add_durations(DplStore *store, const DplStatsQuestion *q, const char *sql,
                          JsonObject *into, const char *key) {
  g_autoptr(WgStatement) stmt = prepare(store, q, sql);
  g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(gint64));

  while (stmt != NULL && wg_records_row(store, stmt)) {
    gint64 took = sqlite3_column_int64(stmt, 0);
    g_array_append_val(array, took);
  }
  json_object_set_object_member(into, key, summary(array));
}

JsonNode *dpl_stats_ask(DplStore *store, gpointer question, GError **error) {
  const DplStatsQuestion *q = question;
  JsonObject *into = json_object_new();

  add_counts(store, q, into);
  add_phases(store, q, into);
  /* from the moment that it was known to be bad until the release before served, verified */
  add_durations(store, q,
                "SELECT max(y.time) - min(x.time) FROM " WANTED
                " AS t JOIN transition AS x ON x.txn = t.id AND x.after = 'rolling-back'"
                " JOIN transition AS y ON y.txn = t.id AND y.after = 'rolled-back'"
                " WHERE t.state = 'rolled-back' GROUP BY t.id",
                into, "recovery");
  add_durations(store, q,
                "SELECT min(y.time) - min(x.time) FROM " WANTED
                " AS t JOIN transition AS x ON x.txn = t.id AND x.after = 'switching'"
                " JOIN transition AS y ON y.txn = t.id AND y.after = 'verifying'"
                " GROUP BY t.id",
                into, "downtime");
  return dpl_json_node(into);
}
