/* alerts-load.c: alerts that the last life left, read at the start.
 *
 * The time that the service was away proves nothing: `for` and keep_firing_for go on where they
 * were. After it, that a series is not there yet is no news either: an alert that was restored is
 * resolved when there is data about it again that says so, or after a while without. */
#include "monitoring/alerts-private.h"

#include "common/error.h"

#define TOLERANCE                                                                                  \
  ((gint64)60 * 60 * G_USEC_PER_SEC) /* away for longer: what was pending is not                   \
                                      */
#define WAIT_MAX ((gint64)60 * 60 * G_USEC_PER_SEC)

static gint64 number(MonStore *store, const char *sql) {
  g_autoptr(WgStatement) stmt = wg_records_statement(store, sql);

  return stmt != NULL && wg_records_row(store, stmt) ? sqlite3_column_int64(stmt, 0) : 0;
}

/* How long the sources of a rule may take to have something to say. */
static gint64 wait_of(const MonAlerts *alerts, const MonRule *rule) {
  gint64 interval = MAX(rule->interval, (gint64)alerts->daemon->settings.interval);

  return MIN(MAX(2 * interval, mon_expr_window(rule->expr)), WAIT_MAX);
}

static void restore(MonAlerts *alerts, MonAlert *alert, gint64 away, gint64 now) {
  const MonTransition *is = alert->is;
  MonLive *live = mon_alerts_live(alerts, is->rule);

  if (is->unknown_at != 0)
    alert->unknown_since = now - MAX(wg_time_realtime() - is->unknown_at, 0) + away;
  mon_alert_away(alert, away);
  if (live != NULL && live->rule->records)
    live = NULL;
  if (is->state == MON_ALERT_PENDING && away > TOLERANCE)
    alert->active_since = now;
  else if (live != NULL && is->state != MON_ALERT_INACTIVE)
    alert->restored_until = now + wait_of(alerts, live->rule);
  mon_alerts_entry(alerts, live, alert)->has_row = TRUE;
}

gboolean mon_alerts_load(MonAlerts *alerts, GError **error) {
  MonStore *store = alerts->daemon->store;
  gint64 now = mon_alerts_now(alerts), seen;

  alerts->seq = number(store, "SELECT max(coalesce((SELECT max(seq) FROM alert_transition), 0), "
                              "coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
                              "'alert_transition'), 0))");
  seen = number(store, "SELECT value FROM meta WHERE key = 'alerts-seen'");
  gint64 away = seen != 0 && now > seen ? now - seen : 0;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT rowid, active_since, kept_since, record, crc FROM alert ORDER BY rowid");
  while (stmt != NULL && wg_records_row(store, stmt)) {
    gint64 active = sqlite3_column_int64(stmt, 1), kept = sqlite3_column_int64(stmt, 2);
    const char *text =
        wg_records_checked(store, "alert", active, (const char *)sqlite3_column_text(stmt, 3),
                           (guint32)sqlite3_column_int64(stmt, 4));
    g_autoptr(MonAlert) alert = text != NULL ? mon_alert_from_record(text, NULL) : NULL;
    if (alert == NULL || g_hash_table_contains(alerts->entries, alert->is->fingerprint))
      continue;
    alert->active_since = active;
    alert->kept_since = kept;
    restore(alerts, g_steal_pointer(&alert), away, now);
  }
  return wg_records_good(store, error);
}
