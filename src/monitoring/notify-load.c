/* notify-load.c: what the notifier finds at a start (notify.h): the log of what was told, what is
 * still to be sent, silences, the cursor. A damaged row is quarantined and costs no other. */
#include "monitoring/notify-private.h"

#include "monitoring/store-private.h"

static const char *text_at(sqlite3_stmt *stmt, int i) {
  return (const char *)sqlite3_column_text(stmt, i);
}

static void restore_sent(MonNotifier *notifier, const char *integration, const char *group,
                         const char *record) {
  g_autoptr(JsonNode) node = json_from_string(record, NULL);
  JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonArray *firing = o ? json_object_get_array_member(o, "firing") : NULL;
  gint64 time = o ? json_object_get_int_member_with_default(o, "time", 0) : 0;

  for (guint i = 0; firing && i < json_array_get_length(firing); i++) {
    JsonArray *one = json_array_get_array_element(firing, i);
    const MonSentAlert told = {
        json_array_get_int_element(one, 1), (MonToldAs)json_array_get_int_element(one, 2),
        json_array_get_length(one) > 3 ? json_array_get_int_element(one, 3) : time};
    mon_groups_restore(notifier->groups, integration, group, json_array_get_string_element(one, 0),
                       &told, time);
  }
}

static void load_sent(MonNotifier *notifier, MonStore *store) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT integration, grp, record, crc FROM notify_sent");

  while (stmt && wg_records_row(store, stmt)) {
    const char *record = wg_records_checked(store, "notify_sent", 0, text_at(stmt, 2),
                                            (guint32)sqlite3_column_int64(stmt, 3));
    if (record)
      restore_sent(notifier, text_at(stmt, 0), text_at(stmt, 1), record);
  }
}

static void load_notices(MonNotifier *notifier, MonStore *store) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT id, record, crc FROM notification WHERE ended = 0 ORDER BY id");

  while (stmt && wg_records_row(store, stmt)) {
    gint64 id = sqlite3_column_int64(stmt, 0);
    const char *record = wg_records_checked(store, "notification", id, text_at(stmt, 1),
                                            (guint32)sqlite3_column_int64(stmt, 2));
    MonNotice *notice = record ? mon_notice_from_text(id, record, NULL) : NULL;
    if (notice)
      mon_outbox_add(notifier->outbox, notice);
  }
}

/* What rate limits count. */
static void load_told(MonNotifier *notifier, MonStore *store) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT integration, ended FROM notification WHERE ended > ?1 AND error IS NULL"
             " ORDER BY ended");
  gint64 realtime = wg_time_realtime(), now = wg_clock_now(wg_records_clock(store));

  if (stmt)
    sqlite3_bind_int64(stmt, 1, realtime - MON_RATE_PER_MAX);
  while (stmt && wg_records_row(store, stmt)) {
    gint64 age = MAX(realtime - sqlite3_column_int64(stmt, 1), 0);
    mon_outbox_told(notifier->outbox, text_at(stmt, 0), now - age);
  }
}

static void load_silences(MonNotifier *notifier, MonStore *store) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT id, record, crc FROM silence ORDER BY id");

  while (stmt && wg_records_row(store, stmt)) {
    gint64 id = sqlite3_column_int64(stmt, 0);
    const char *record = wg_records_checked(store, "silence", id, text_at(stmt, 1),
                                            (guint32)sqlite3_column_int64(stmt, 2));
    MonSilence *silence = record ? mon_silence_from_text(id, record, NULL) : NULL;
    if (silence)
      mon_silences_put(notifier->silences, silence);
  }
}

static gint64 load_number(MonStore *store, const char *sql) {
  g_autoptr(WgStatement) stmt = wg_records_statement(store, sql);

  return stmt && wg_records_row(store, stmt) ? sqlite3_column_int64(stmt, 0) : 0;
}

gboolean mon_notify_load(MonNotifier *notifier, GError **error) {
  MonStore *store = notifier->daemon->store;

  notifier->cursor = notifier->cursor_stored =
      load_number(store, "SELECT CAST(value AS INTEGER) FROM cursor WHERE name = 'notify'");
  notifier->next_id = load_number(store, "SELECT MAX(id) FROM notification") + 1;
  notifier->next_silence = load_number(store, "SELECT MAX(id) FROM silence") + 1;
  load_sent(notifier, store);
  load_told(notifier, store);
  load_notices(notifier, store);
  load_silences(notifier, store);
  return wg_records_good(store, error);
}
