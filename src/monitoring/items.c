/* items.c: see items.h. */
#include "monitoring/items.h"

#include <string.h>

typedef struct {
  char *what, *name, *from;
  GTree *values; /* place (RFC 6901) -> value as it is shown */
} Item;

struct MonItems {
  GTree *all; /* what, newline, name -> Item */
};

/* Members whose value is nobody's business, whatever stands above them. */
static const char *const secrets[] = {"password", "credentials", "authorization", "token", NULL};

static int compare(gconstpointer a, gconstpointer b, gpointer unused) {
  return strcmp(a, b);
}

static void item_free(gpointer data) {
  Item *item = data;

  g_free(item->what);
  g_free(item->name);
  g_free(item->from);
  g_tree_unref(item->values);
  g_free(item);
}

MonItems *mon_items_new(void) {
  MonItems *items = g_new0(MonItems, 1);

  items->all = g_tree_new_full(compare, NULL, g_free, item_free);
  return items;
}

void mon_items_free(MonItems *items) {
  if (items == NULL)
    return;
  g_tree_unref(items->all);
  g_free(items);
}

char *mon_item_text(WgDoc *doc, const char *pointer, const char *without) {
  JsonNode *node = doc ? wg_json_pointer(wg_doc_root(doc), pointer) : NULL;
  g_autoptr(JsonObject) rest = NULL;
  g_autoptr(JsonNode) shallow = NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return NULL;
  rest = json_object_new();
  shallow = json_node_init_object(json_node_alloc(), rest);
  json_object_iter_init(&iter, json_node_get_object(node));
  while (json_object_iter_next(&iter, &name, &value))
    if (g_strcmp0(name, without) != 0)
      json_object_set_member(rest, name, json_node_ref(value));
  return wg_json_canonical(shallow);
}

/* ---- values as they are shown ---- */

/* The same for the same secret while this process lives, and nothing that could be tried out. */
static char *hidden(const char *secret) {
  static char *salt;

  if (salt == NULL)
    salt = g_uuid_string_random();
  g_autofree char *digest =
      g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guchar *)salt, strlen(salt), secret, -1);
  return g_strdup_printf("(secret %.8s)", digest);
}

static gboolean is_secret(const char *name) {
  for (guint i = 0; secrets[i]; i++)
    if (g_ascii_strcasecmp(name, secrets[i]) == 0)
      return TRUE;
  return FALSE;
}

/* An address without what only its owner knows. */
static char *shown_text(const char *text) {
  g_autoptr(GUri) uri =
      strstr(text, "://") ? g_uri_parse(text, G_URI_FLAGS_HAS_PASSWORD, NULL) : NULL;
  g_autofree char *plain = NULL, *rest = NULL;

  if (uri == NULL || (g_uri_get_userinfo(uri) == NULL && g_uri_get_query(uri) == NULL))
    return g_strdup(text);
  plain = g_uri_to_string_partial(uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY);
  rest = hidden(text);
  return g_strdup_printf("%s %s", plain, rest);
}

static char *shown(const char *name, JsonNode *node) {
  g_autofree char *json = wg_json_canonical(node);
  g_autofree char *text = NULL;
  g_autoptr(JsonNode) copy = NULL;

  if (is_secret(name))
    return hidden(json);
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    return g_steal_pointer(&json);
  text = shown_text(json_node_get_string(node));
  copy = json_node_init_string(json_node_alloc(), text);
  return wg_json_canonical(copy);
}

static void flatten(GTree *values, const char *place, const char *name, JsonNode *node);

static void flatten_object(GTree *values, const char *place, JsonObject *object) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &name, &value)) {
    g_autoptr(GString) escaped = g_string_new(name);
    g_string_replace(escaped, "~", "~0", 0);
    g_string_replace(escaped, "/", "~1", 0);
    g_autofree char *below = g_strconcat(place, "/", escaped->str, NULL);
    flatten(values, below, name, value);
  }
}

static void flatten_array(GTree *values, const char *place, const char *name, JsonArray *array) {
  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autofree char *below = g_strdup_printf("%s/%u", place, i);
    flatten(values, below, name, json_array_get_element(array, i));
  }
}

/* What is empty is a value; a secret is one, whatever is in it. */
static void flatten(GTree *values, const char *place, const char *name, JsonNode *node) {
  gboolean is_value = is_secret(name);

  if (!is_value && JSON_NODE_HOLDS_OBJECT(node) &&
      json_object_get_size(json_node_get_object(node)) > 0)
    flatten_object(values, place, json_node_get_object(node));
  else if (!is_value && JSON_NODE_HOLDS_ARRAY(node) &&
           json_array_get_length(json_node_get_array(node)) > 0)
    flatten_array(values, place, name, json_node_get_array(node));
  else
    g_tree_replace(values, g_strdup(place), shown(name, node));
}

void mon_items_add(MonItems *items, const char *what, const char *name, const char *from,
                   const char *json) {
  g_autoptr(JsonNode) node = json_from_string(json, NULL);
  g_autofree char *unique = g_strdup(name);
  char *key = g_strdup_printf("%s\n%s", what, unique);
  Item *item = g_new0(Item, 1);

  for (guint n = 2; g_tree_lookup(items->all, key); n++) {
    g_free(unique);
    g_free(key);
    unique = g_strdup_printf("%s#%u", name, n);
    key = g_strdup_printf("%s\n%s", what, unique);
  }
  *item = (Item){g_strdup(what), g_steal_pointer(&unique), g_strdup(from),
                 g_tree_new_full(compare, NULL, g_free, g_free)};
  if (node && JSON_NODE_HOLDS_OBJECT(node))
    flatten_object(item->values, "", json_node_get_object(node));
  g_tree_replace(items->all, key, item);
}

/* ---- comparing ---- */

typedef struct {
  const Item *before, *after; /* either may be NULL */
  JsonArray *details;
} Pair;

static const char *value_of(const Item *item, const char *place) {
  return item ? g_tree_lookup(item->values, place) : NULL;
}

static void add_detail(Pair *pair, const char *place) {
  const char *before = value_of(pair->before, place), *after = value_of(pair->after, place);
  JsonObject *detail;

  if (g_strcmp0(before, after) == 0)
    return;
  detail = json_object_new();
  json_object_set_string_member(detail, "place", place);
  if (before)
    json_object_set_string_member(detail, "before", before);
  if (after)
    json_object_set_string_member(detail, "after", after);
  json_array_add_object_element(pair->details, detail);
}

static gboolean take_key(gpointer key, gpointer value, gpointer data) {
  g_tree_replace(data, key, key);
  return FALSE;
}

static gboolean compare_place(gpointer place, gpointer value, gpointer data) {
  add_detail(data, place);
  return FALSE;
}

static JsonObject *difference(const Item *before, const Item *after) {
  g_autoptr(GTree) places = g_tree_new((GCompareFunc)strcmp);
  const Item *item = after ? after : before;
  Pair pair = {before, after, json_array_new()};
  JsonObject *object = json_object_new();

  if (before)
    g_tree_foreach(before->values, take_key, places);
  if (after)
    g_tree_foreach(after->values, take_key, places);
  g_tree_foreach(places, compare_place, &pair);
  json_object_set_string_member(object, "what", item->what);
  json_object_set_string_member(object, "name", item->name);
  json_object_set_string_member(object, "change",
                                before == NULL  ? "added"
                                : after == NULL ? "removed"
                                                : "changed");
  if (item->from)
    json_object_set_string_member(object, "from", item->from);
  json_object_set_array_member(object, "details", pair.details);
  return object;
}

typedef struct {
  const MonItems *before, *after;
  JsonArray *array;
} Diff;

static gboolean compare_item(gpointer key, gpointer value, gpointer data) {
  Diff *diff = data;
  const Item *before = g_tree_lookup(diff->before->all, key);
  const Item *after = g_tree_lookup(diff->after->all, key);
  JsonObject *object = difference(before, after);

  if (before == NULL || after == NULL ||
      json_array_get_length(json_object_get_array_member(object, "details")) > 0)
    json_array_add_object_element(diff->array, object);
  else
    json_object_unref(object);
  return FALSE;
}

char *mon_items_diff(const MonItems *before, const MonItems *after) {
  g_autoptr(JsonArray) array = json_array_new();
  g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), array);
  g_autoptr(GTree) keys = g_tree_new((GCompareFunc)strcmp);
  Diff diff = {before, after, array};

  g_tree_foreach(before->all, take_key, keys);
  g_tree_foreach(after->all, take_key, keys);
  g_tree_foreach(keys, compare_item, &diff);
  return json_to_string(node, FALSE);
}
