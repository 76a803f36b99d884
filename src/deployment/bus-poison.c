/* bus-poison.c: releases that are refused because they failed lately: listing, and forgiving one.
 */
#include "deployment/audit.h"

#include "deployment/bus-json.h"

#include "common/error.h"

static const DplField fields[] = {
    {"digest", "s"}, {"since", "t"},   {"until", "t"}, {"deployment", "t"},
    {"target", "s"}, {"failure", "s"}, {NULL},
};

static JsonNode *read_all(DplStore *store, gpointer question, GError **error) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT digest, since, until, txn, target, text FROM poison"
                                  " WHERE until > ?1 ORDER BY since DESC");
  JsonArray *array = json_array_new();
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, array);
  if (stmt == NULL)
    return node;
  sqlite3_bind_int64(stmt, 1, wg_time_realtime());
  while (wg_records_row(store, stmt)) {
    JsonObject *one = json_object_new();
    dpl_json_set_text(one, "digest", (const char *)sqlite3_column_text(stmt, 0));
    json_object_set_int_member(one, "since", sqlite3_column_int64(stmt, 1));
    json_object_set_int_member(one, "until", sqlite3_column_int64(stmt, 2));
    json_object_set_int_member(one, "deployment", sqlite3_column_int64(stmt, 3));
    dpl_json_set_text(one, "target", (const char *)sqlite3_column_text(stmt, 4));
    dpl_json_set_text(one, "failure", (const char *)sqlite3_column_text(stmt, 5));
    json_array_add_object_element(array, one);
  }
  return node;
}

static void listed(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL)
    wg_call_fail(call, error);
  else
    wg_call_answer(call,
                   g_variant_new("(@aa{sv})", dpl_json_dicts(json_node_get_array(node), fields)));
}

void dpl_handle_list_poisoned(DplCall *call) {
  dpl_ask(dpl_daemon(call)->store, read_all, NULL, NULL, FALSE, listed, call);
}

/* ---- Forgive ---- */
static JsonNode *delete_one(DplStore *store, gpointer question, GError **error) {
  sqlite3_stmt *stmt = wg_records_statement(store, "DELETE FROM poison WHERE digest = ?1");

  if (stmt == NULL)
    return NULL;
  sqlite3_bind_text(stmt, 1, question, -1, SQLITE_STATIC);
  wg_records_run(store, stmt);
  return NULL;
}

static void forgiven(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  dpl_engine_forgive(dpl_daemon(call)->engine, call->data);
  wg_call_answer(call, NULL);
}

void dpl_handle_forgive(DplCall *call) {
  char *digest = NULL;

  g_variant_get_child(call->args, 0, "s", &digest);
  call->data = digest;
  call->free_data = g_free;
  if (dpl_engine_poisoned(dpl_daemon(call)->engine, digest) == 0) {
    g_autoptr(GError) error = g_error_new(
        WG_ERROR, WG_ERROR_INVALID_STATE,
        "no release with the digest '%s' is refused; \"waggle deploy poisoned\" tells which are",
        digest);
    wg_call_fail(call, error);
    return;
  }
  dpl_ask(dpl_daemon(call)->store, delete_one, digest, NULL, FALSE, forgiven, call);
}
