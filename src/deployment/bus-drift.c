/* bus-drift.c: CheckDrift: looks whether released files were edited (drift.h), writes down what
 * was found, and tells it: in the journal, as properties of the targets, as a signal.
 *
 * One look at a time. What is known is of one release; when another one serves, nothing is known
 * of it. It outlives the daemon, which leaves when it is idle: an alert must not end with it. */
#include "deployment/bus-drift.h"

#include "deployment/query.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

/* ---- the store ---- */
JsonNode *dpl_drift_read(DplStore *store) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT target, release, state, time, text FROM drift");
  JsonArray *array = json_array_new();
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, array);
  while (stmt != NULL && wg_records_row(store, stmt)) {
    JsonObject *one = json_object_new();
    dpl_json_set_text(one, "target", (const char *)sqlite3_column_text(stmt, 0));
    dpl_json_set_text(one, "release", (const char *)sqlite3_column_text(stmt, 1));
    dpl_json_set_text(one, "state", (const char *)sqlite3_column_text(stmt, 2));
    json_object_set_int_member(one, "time", sqlite3_column_int64(stmt, 3));
    dpl_json_set_text(one, "text", (const char *)sqlite3_column_text(stmt, 4));
    json_array_add_object_element(array, one);
  }
  return node;
}

static void write_one(DplStore *store, const DplDrift *drift) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO drift(target, release, state, time, text)"
                                  " VALUES(?1, ?2, ?3, ?4, ?5)");

  if (stmt == NULL)
    return;
  sqlite3_bind_text(stmt, 1, drift->target, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, drift->release, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 3, dpl_drift_name(drift->state), -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, drift->time);
  sqlite3_bind_text(stmt, 5, drift->text, -1, SQLITE_STATIC);
  wg_records_run(store, stmt);
}

/* Nothing is learned of a target that nothing serves at, or that a deployment has in hand. */
static gboolean is_news(const DplDrift *drift) {
  return drift->release != NULL && drift->state != DPL_DRIFT_BUSY;
}

static JsonNode *write_all(DplStore *store, gpointer question, GError **error) {
  GPtrArray *drifts = question;

  for (guint i = 0; i < drifts->len; i++)
    if (is_news(drifts->pdata[i]))
      write_one(store, drifts->pdata[i]);
  return NULL;
}

/* ---- telling ---- */
static void log_one(const DplDrift *drift) {
  const char *text = drift->text != NULL ? drift->text : "";

  if (drift->state == DPL_DRIFT_EDITED)
    wg_log(LOG_ERR, WG_MSG_RELEASE_EDITED,
           WG_FIELDS(WG_FIELD_TARGET, drift->target, WG_FIELD_RELEASE, drift->release,
                     WG_FIELD_ERROR, text),
           "What serves at %s is not what was released as %s: %s", drift->target, drift->release,
           text);
  else if (drift->state == DPL_DRIFT_UNPROVEN)
    wg_log(LOG_WARNING, WG_MSG_RELEASE_UNPROVEN,
           WG_FIELDS(WG_FIELD_TARGET, drift->target, WG_FIELD_ERROR, text),
           "Whether what serves at %s was edited cannot be told: %s", drift->target, text);
}

static void tell_one(DplDaemon *daemon, const DplDrift *drift) {
  const char *state = dpl_drift_name(drift->state), *text = drift->text ? drift->text : "";

  dpl_targets_drifted(daemon, drift->target, drift->release, drift->state, drift->text,
                      drift->time);
  wg_calls_signal_authorized(
      daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "DriftChecked",
      g_variant_new("(sssts)", drift->target, drift->release, state, (guint64)drift->time, text));
}

/* ---- at the start ---- */
void dpl_drift_start(DplDaemon *daemon, JsonNode *found) {
  JsonArray *rows = json_node_get_array(found);

  for (guint i = 0; i < json_array_get_length(rows); i++) {
    JsonObject *row = json_array_get_object_element(rows, i);
    int state = dpl_drift_parse(json_object_get_string_member_with_default(row, "state", ""));
    if (state >= 0)
      dpl_targets_drifted(daemon, json_object_get_string_member(row, "target"),
                          json_object_get_string_member_with_default(row, "release", ""),
                          (DplDriftState)state,
                          json_object_get_string_member_with_default(row, "text", NULL),
                          json_object_get_int_member(row, "time"));
  }
}

void dpl_drift_cancel(DplDaemon *daemon) {
  if (daemon->drift != NULL)
    g_cancellable_cancel(daemon->drift);
}

/* ---- CheckDrift ---- */
static void add(GVariantBuilder *row, const char *key, const char *text) {
  if (text != NULL)
    g_variant_builder_add(row, "{sv}", key, g_variant_new_string(text));
}

static GVariant *row_of(const DplDrift *drift) {
  GVariantBuilder row;

  g_variant_builder_init(&row, G_VARIANT_TYPE_VARDICT);
  add(&row, "target", drift->target);
  add(&row, "release", drift->release);
  add(&row, "state", dpl_drift_name(drift->state));
  add(&row, "text", drift->text);
  g_variant_builder_add(&row, "{sv}", "checked", g_variant_new_uint64((guint64)drift->time));
  g_variant_builder_add(&row, "{sv}", "n", g_variant_new_uint32(drift->n));
  g_variant_builder_add(
      &row, "{sv}", "differences",
      g_variant_new_strv((const char *const *)drift->differences->pdata, drift->differences->len));
  return g_variant_builder_end(&row);
}

static void written(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  DplDaemon *daemon = dpl_daemon(call);
  GPtrArray *drifts = call->data;

  g_clear_object(&daemon->drift);
  for (guint i = 0; daemon->targets != NULL && i < drifts->len; i++)
    if (is_news(drifts->pdata[i]))
      tell_one(daemon, drifts->pdata[i]);
  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  GVariantBuilder rows;
  g_variant_builder_init(&rows, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < drifts->len; i++)
    g_variant_builder_add_value(&rows, row_of(drifts->pdata[i]));
  wg_call_answer(call, g_variant_new("(aa{sv})", &rows));
}

static const DplRecord *holder_of(DplDaemon *daemon, const char *target) {
  const DplRecord *holder = dpl_engine_holder(daemon->engine, target);

  return holder != NULL && !dpl_states[holder->state].is_end ? holder : NULL;
}

/* What is found is logged before it is written: a full disk is no reason to be silent. */
static void proven(GPtrArray *drifts, const GError *error, gpointer data) {
  DplCall *call = data;
  DplDaemon *daemon = dpl_daemon(call);

  if (error != NULL) {
    g_clear_object(&daemon->drift);
    g_autoptr(GError) told =
        g_error_new(WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                    "the look at released files was not finished: %s", error->message);
    wg_call_fail(call, told);
    return;
  }
  for (guint i = 0; i < drifts->len; i++) {
    DplDrift *drift = drifts->pdata[i];
    if (drift->state != DPL_DRIFT_INTACT && holder_of(daemon, drift->target) != NULL)
      drift->state = DPL_DRIFT_BUSY;
    log_one(drift);
  }
  dpl_ask(daemon->store, write_all, drifts, NULL, TRUE, written, call);
}

/* FALSE: there is no such target. */
static gboolean add_named(DplDaemon *daemon, const char *name, GPtrArray *drifts, GError **error) {
  const DplTargetView *view = g_hash_table_lookup(daemon->targets, name);

  if (view == NULL) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_TARGET,
                "there is no target '%.80s'; \"waggle deploy list\" tells which there are", name);
    return FALSE;
  }
  g_ptr_array_add(drifts, dpl_drift_new(view->name, view->root));
  return TRUE;
}

/* A directory where nothing was committed yet may be anything. */
static void add_all(DplDaemon *daemon, GPtrArray *drifts) {
  g_autoptr(GPtrArray) views = dpl_targets_sorted(daemon);

  for (guint i = 0; i < views->len; i++) {
    const DplTargetView *view = views->pdata[i];
    const DplTarget *known = dpl_engine_target(daemon->engine, view->name);
    if (known != NULL && known->good != NULL)
      g_ptr_array_add(drifts, dpl_drift_new(view->name, view->root));
  }
}

/* The targets' files were read. */
static void begin(gpointer data) {
  DplCall *call = data;
  DplDaemon *daemon = dpl_daemon(call);
  GPtrArray *drifts = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_drift_free);
  g_auto(GStrv) names = NULL;
  g_autoptr(GError) error = NULL;

  call->data = drifts;
  call->free_data = (GDestroyNotify)g_ptr_array_unref;
  g_variant_get_child(call->args, 0, "^as", &names);
  for (guint i = 0; names[i] != NULL && error == NULL; i++)
    add_named(daemon, names[i], drifts, &error);
  if (names[0] == NULL)
    add_all(daemon, drifts);
  if (error == NULL && daemon->drift != NULL)
    g_set_error_literal(&error, WG_ERROR, WG_ERROR_INVALID_STATE,
                        "released files are being looked at already; what is found is told in the "
                        "journal and by the targets' properties");
  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  daemon->drift = g_cancellable_new();
  if (daemon->draining)
    g_cancellable_cancel(daemon->drift);
  dpl_drift_run(drifts, daemon->drift, proven, call);
}

void dpl_handle_check_drift(DplCall *call) {
  dpl_targets_refresh(dpl_daemon(call), begin, call);
}
