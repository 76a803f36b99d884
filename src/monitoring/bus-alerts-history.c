/* bus-alerts-history.c: History: what happened to alerts, newest first, from the store. */
#include "monitoring/bus-alerts.h"

#define LIMIT 100
#define LIMIT_MAX 10000

typedef struct {
  MonCall *call;
  char *fingerprint; /* NULL: of all */
  gint64 since;
  guint limit;
  GString *json;
} History;

static gboolean history_run(MonStore *store, gpointer data, GError **error) {
  History *history = data;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, history->fingerprint != NULL
                 ? "SELECT seq, record, crc FROM alert_transition WHERE fingerprint = ?1 "
                   "AND time >= ?2 ORDER BY seq DESC LIMIT ?3"
                 : "SELECT seq, record, crc FROM alert_transition WHERE time >= ?2 "
                   "ORDER BY seq DESC LIMIT ?3");

  if (stmt == NULL)
    return FALSE;
  g_string_assign(history->json, "[");
  if (history->fingerprint != NULL)
    sqlite3_bind_text(stmt, 1, history->fingerprint, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, history->since);
  sqlite3_bind_int64(stmt, 3, history->limit);
  while (wg_records_row(store, stmt)) {
    const char *text = wg_records_checked(store, "alert_transition", sqlite3_column_int64(stmt, 0),
                                          (const char *)sqlite3_column_text(stmt, 1),
                                          (guint32)sqlite3_column_int64(stmt, 2));
    if (text != NULL)
      g_string_append_printf(history->json, "%s%s", history->json->len > 1 ? "," : "", text);
  }
  g_string_append_c(history->json, ']');
  return TRUE;
}

static void history_done(const GError *error, gpointer data) {
  History *history = data;

  if (error != NULL)
    wg_call_fail(history->call, error);
  else
    wg_call_answer(history->call, g_variant_new("(s)", history->json->str));
  g_string_free(history->json, TRUE);
  g_free(history->fingerprint);
  g_free(history);
}

/* What is kept and forgotten has names; what is over is meant by its fingerprint. */
static char *fingerprint_meant(MonAlerts *alerts, const char *text) {
  const MonEntry *entry = mon_alerts_meant(alerts, text, NULL);

  return g_strdup(entry != NULL ? entry->alert->is->fingerprint : text);
}

void mon_handle_alerts_history(MonCall *call) {
  MonDaemon *daemon = call->owner;
  History *history = g_new0(History, 1);
  const char *alert = wg_call_text(call, "alert");
  guint64 limit = wg_call_number(call, "limit");

  history->call = call;
  history->fingerprint = alert != NULL ? fingerprint_meant(daemon->alerts, alert) : NULL;
  history->since = (gint64)MIN(wg_call_number(call, "since"), (guint64)G_MAXINT64);
  history->limit = (guint)CLAMP(limit > 0 ? limit : LIMIT, 1, LIMIT_MAX);
  history->json = g_string_new(NULL);
  mon_store_do(daemon->store, history_run, history_done, history, FALSE);
}
