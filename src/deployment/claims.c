/* claims.c: see claims.h. */
#include "deployment/claims.h"

#include "deployment/layout.h"
#include "deployment/query.h"
#include "deployment/record-private.h"
#include "deployment/unit-files.h"

#include "common/names.h"

#include <string.h>

/* ---- out of the store ---- */
static void add_record(JsonArray *array, const DplRecord *r) {
  g_autoptr(JsonNode) manifest = r->manifest ? json_from_string(r->manifest, NULL) : NULL;
  JsonObject *of =
      manifest && JSON_NODE_HOLDS_OBJECT(manifest) ? json_node_get_object(manifest) : NULL;
  JsonNode *units = of ? json_object_get_member(of, "units") : NULL;
  JsonObject *one;

  /* one that is not staged yet looks at us when it is */
  if (r->to == NULL || units == NULL || !JSON_NODE_HOLDS_OBJECT(units))
    return;
  one = json_object_new();
  json_object_set_string_member(one, "target", r->target);
  json_object_set_string_member(one, "root", r->root);
  json_object_set_string_member(one, "release", r->to);
  json_object_set_object_member(one, "units", json_object_ref(json_node_get_object(units)));
  json_array_add_object_element(array, one);
}

JsonNode *dpl_claims_ask(DplStore *store, gpointer target, GError **error) {
  static const char sql[] =
      "SELECT id, record, crc FROM txn WHERE target <> ?1 AND (live = 1 OR id IN"
      " (SELECT good_txn FROM target WHERE name <> ?1)) ORDER BY id";
  g_autoptr(WgStatement) stmt = wg_records_statement(store, sql);
  JsonArray *array = json_array_new();
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, array);
  if (stmt == NULL)
    return node;
  sqlite3_bind_text(stmt, 1, target, -1, SQLITE_STATIC);
  while (wg_records_row(store, stmt)) {
    const char *text = wg_records_checked(store, "txn", sqlite3_column_int64(stmt, 0),
                                          (const char *)sqlite3_column_text(stmt, 1),
                                          (guint32)sqlite3_column_int64(stmt, 2));
    g_autoptr(DplRecord) record = text ? dpl_record_from_text(text, NULL) : NULL;
    if (record)
      add_record(array, record);
  }
  return node;
}

/* ---- looking ---- */
static guint n_of(JsonNode *claims) {
  return claims ? json_array_get_length(json_node_get_array(claims)) : 0;
}

static JsonObject *at(JsonNode *claims, guint i) {
  return json_array_get_object_element(json_node_get_array(claims), i);
}

/* The path of its list `key` whose last part is `name`, or that is it; NULL: none. */
static const char *find(JsonObject *claim, const char *key, const char *name) {
  JsonNode *list = json_object_get_member(json_object_get_object_member(claim, "units"), key);
  guint n =
      list && JSON_NODE_HOLDS_ARRAY(list) ? json_array_get_length(json_node_get_array(list)) : 0;

  if (list && JSON_NODE_HOLDS_VALUE(list) && json_node_get_value_type(list) == G_TYPE_STRING) {
    g_autofree char *base = g_path_get_basename(json_node_get_string(list));
    return strcmp(base, name) == 0 ? json_node_get_string(list) : NULL;
  }
  for (guint i = 0; i < n; i++) {
    const char *path = json_array_get_string_element(json_node_get_array(list), i);
    g_autofree char *base = path ? g_path_get_basename(path) : NULL;
    if (g_strcmp0(base, name) == 0)
      return path;
  }
  return NULL;
}

const char *dpl_claims_owner(JsonNode *claims, const char *path) {
  const char *drop_in = strstr(path, ".d/" WG_UNIT_DROP_IN);
  g_autofree char *unit = drop_in ? g_strndup(path, (gsize)(drop_in - path)) : NULL;

  for (guint i = 0; i < n_of(claims); i++) {
    JsonObject *claim = at(claims, i);
    if (unit ? find(claim, "start", unit) != NULL
             : find(claim, "install", path) != NULL || find(claim, "link", path) != NULL)
      return json_object_get_string_member(claim, "target");
  }
  return NULL;
}

gboolean dpl_claims_started(JsonNode *claims, const char *unit) {
  for (guint i = 0; i < n_of(claims); i++)
    if (find(at(claims, i), "start", unit))
      return TRUE;
  return FALSE;
}

static gboolean is_same(JsonObject *claim, const char *path, GBytes *content) {
  g_autofree char *whole =
      g_build_filename(json_object_get_string_member(claim, "root"), DPL_DIR_RELEASES,
                       json_object_get_string_member(claim, "release"), path, NULL);
  g_autofree char *text = NULL;
  gsize size, wanted;
  const char *bytes = g_bytes_get_data(content, &wanted);

  return g_file_get_contents(whole, &text, &size, NULL) && size == wanted &&
         (size == 0 || memcmp(text, bytes, size) == 0);
}

char *dpl_claims_conflict(JsonNode *claims, const char *name, gboolean link, GBytes *content) {
  for (guint i = 0; i < n_of(claims); i++) {
    JsonObject *claim = at(claims, i);
    const char *installed = find(claim, "install", name), *linked = find(claim, "link", name);
    if ((!installed && !linked) ||
        (installed && !link && content && is_same(claim, installed, content)))
      continue;
    return g_strdup_printf(
        "the unit file %s is also one of target %s, whose release %s has %s; a change here would "
        "be one there, and a roll-back too: give it a name of its own",
        name, json_object_get_string_member(claim, "target"),
        json_object_get_string_member(claim, "release"),
        linked || link ? "it as a link into its own tree" : "another content");
  }
  return NULL;
}
