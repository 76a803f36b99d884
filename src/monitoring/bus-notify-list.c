/* bus-notify-list.c: what org.waggle.Monitoring1.Notify lists: silences and receivers from memory,
 * notifications from the store. */
#include "monitoring/bus.h"
#include "monitoring/notify-private.h"
#include "monitoring/store-private.h"

#include "common/names.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 1000

static void add_text(GVariantBuilder *b, const char *key, const char *value) {
  if (value && *value)
    g_variant_builder_add(b, "{sv}", key, g_variant_new_string(value));
}

static void add_time(GVariantBuilder *b, const char *key, gint64 value) {
  g_variant_builder_add(b, "{sv}", key, g_variant_new_uint64((guint64)MAX(value, 0)));
}

static void add_silence(GVariantBuilder *list, const MonSilence *silence, gint64 now) {
  g_autofree char *matchers = mon_matchers_text(silence->matchers);
  GVariantBuilder b;

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  add_time(&b, "id", silence->id);
  add_text(&b, "matchers", matchers);
  add_text(&b, "state", mon_silence_state(silence, now));
  add_time(&b, "starts-at", silence->starts);
  add_time(&b, "ends-at", silence->ends);
  add_time(&b, "created", silence->created);
  add_text(&b, "who", silence->who);
  add_text(&b, "comment", silence->comment);
  g_variant_builder_add(list, "a{sv}", &b);
}

void mon_handle_list_silences(MonCall *call) {
  MonNotifier *notifier = ((MonDaemon *)call->owner)->notifier;
  g_autoptr(GPtrArray) all = mon_silences_all(mon_notifier_silences(notifier));
  gint64 now = wg_time_realtime();
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < all->len; i++) {
    const MonSilence *silence = g_ptr_array_index(all, i);
    if (wg_call_flag(call, "all") || now < silence->ends)
      add_silence(&list, silence, now);
  }
  wg_call_answer(call, g_variant_new("(aa{sv})", &list));
}

/* Where it goes, without secrets. */
static char *target_of(const MonIntegration *it) {
  if (it->kind == MON_RECEIVE_MESSAGE)
    return g_strdup(it->agent);
  if (it->kind == MON_RECEIVE_EXEC)
    return g_strjoinv(" ", it->command);
  if (it->kind == MON_RECEIVE_EMAIL)
    return g_strjoinv(" ", it->to);
  if (it->kind == MON_RECEIVE_WALL)
    return g_strjoinv(" ", it->terminals);
  if (it->url) {
    g_autoptr(GUri) uri = g_uri_parse(it->url, G_URI_FLAGS_HAS_PASSWORD, NULL);
    return uri ? g_uri_to_string_partial(uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY)
               : g_strdup("");
  }
  return g_strdup("");
}

static void add_receiver(GVariantBuilder *list, MonNotifier *notifier, const MonReceiver *receiver,
                         const MonIntegration *it) {
  g_autofree char *target = target_of(it);
  GVariantBuilder b;
  guint waiting;
  const char *error = mon_notifier_error(notifier, it->key, &waiting);

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  add_text(&b, "receiver", receiver->name);
  add_text(&b, "way", it->key);
  add_text(&b, "kind", mon_receive_name(it->kind));
  add_text(&b, "target", target);
  g_variant_builder_add(&b, "{sv}", "waiting", g_variant_new_uint32(waiting));
  add_text(&b, "error", error);
  if (mon_notifier_limited(notifier, it->key))
    g_variant_builder_add(&b, "{sv}", "rate-limited", g_variant_new_boolean(TRUE));
  g_variant_builder_add(list, "a{sv}", &b);
}

void mon_handle_list_receivers(MonCall *call) {
  MonNotifier *notifier = ((MonDaemon *)call->owner)->notifier;
  const MonAlerting *alerting = mon_notifier_alerting(notifier);
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < alerting->receivers->len; i++) {
    const MonReceiver *receiver = g_ptr_array_index(alerting->receivers, i);
    for (guint k = 0; k < receiver->integrations->len; k++)
      add_receiver(&list, notifier, receiver, g_ptr_array_index(receiver->integrations, k));
  }
  wg_call_answer(call, g_variant_new("(aa{sv})", &list));
}

typedef struct {
  MonCall *call;
  guint limit;
  gboolean waiting;
  GVariant *rows;
} Listing;

static void add_notice(GVariantBuilder *list, sqlite3_stmt *stmt) {
  gint64 id = sqlite3_column_int64(stmt, 0), ended = sqlite3_column_int64(stmt, 3);
  const char *error = (const char *)sqlite3_column_text(stmt, 5);
  g_autofree char *valid = error ? g_utf8_make_valid(error, -1) : NULL;
  GVariantBuilder b;

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  add_time(&b, "id", id);
  add_time(&b, "time", sqlite3_column_int64(stmt, 1));
  add_text(&b, "way", (const char *)sqlite3_column_text(stmt, 2));
  add_text(&b, "state",
           ended == 0                            ? "waiting"
           : error == NULL                       ? "told"
           : g_str_has_prefix(error, MON_MERGED) ? "merged"
                                                 : "given-up");
  if (ended != 0) {
    add_time(&b, "ended", ended);
    g_variant_builder_add(&b, "{sv}", "attempts",
                          g_variant_new_uint32((guint32)sqlite3_column_int(stmt, 4)));
  }
  add_text(&b, "error", valid);
  add_text(&b, "subject", (const char *)sqlite3_column_text(stmt, 6));
  add_text(&b, "dedup-key", (const char *)sqlite3_column_text(stmt, 7));
  g_variant_builder_add(list, "a{sv}", &b);
}

/* Writer's thread; may run twice. Labels are the loop's alone, so the record is looked into by
 * SQLite and not read as a notice. */
static gboolean read_rows(MonStore *store, gpointer data, GError **error) {
  Listing *listing = data;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store,
      "SELECT id, time, integration, ended, attempts, error,"
      " json_extract(record, '$.alerts[0].labels.alertname'), json_extract(record, '$.dedup')"
      " FROM notification WHERE ended = 0 OR ?2 = 0 ORDER BY id DESC LIMIT ?1");
  GVariantBuilder list;

  g_clear_pointer(&listing->rows, g_variant_unref);
  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  if (stmt) {
    sqlite3_bind_int(stmt, 1, (int)listing->limit);
    sqlite3_bind_int(stmt, 2, listing->waiting);
    while (wg_records_row(store, stmt))
      add_notice(&list, stmt);
  }
  listing->rows = g_variant_ref_sink(g_variant_builder_end(&list));
  return TRUE;
}

static void on_rows(const GError *error, gpointer data) {
  Listing *listing = data;

  if (error)
    wg_call_fail(listing->call, error);
  else
    wg_call_answer(listing->call, g_variant_new("(@aa{sv})", listing->rows));
  g_clear_pointer(&listing->rows, g_variant_unref);
  g_free(listing);
}

void mon_handle_list_notifications(MonCall *call) {
  Listing *listing = g_new0(Listing, 1);
  guint64 limit = wg_call_number(call, "limit");

  *listing = (Listing){.call = call,
                       .limit = limit == 0 ? LIMIT_DEFAULT : (guint)MIN(limit, LIMIT_MAX),
                       .waiting = wg_call_flag(call, "waiting")};
  mon_store_do(((MonDaemon *)call->owner)->store, read_rows, on_rows, listing, FALSE);
}
