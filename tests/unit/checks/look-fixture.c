/* look-fixture.c: see look-fixture.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include <string.h>

typedef struct {
  LookResult result;
  gboolean seen;
} Waiting;

static void on_seen(ChkSight *sight, gpointer user_data) {
  Waiting *w = user_data;

  w->result.known = sight->known;
  w->result.text = g_steal_pointer(&sight->text);
  if (sight->known == CHK_OBSERVED) {
    g_assert_nonnull(sight->values);
    w->result.values = json_node_alloc();
    json_node_init_object(w->result.values, sight->values);
  } else {
    g_assert_null(sight->values);
    g_assert_nonnull(w->result.text);
  }
  w->seen = TRUE;
}

static gboolean known_key(const ChkKey *keys, const char *name) {
  for (; keys && keys->name; keys++)
    if (strcmp(keys->name, name) == 0 || strcmp(keys->name, "*") == 0)
      return TRUE;
  return FALSE;
}

static void assert_known(const ChkKey *keys, JsonObject *object, const char *type) {
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;

  for (GList *l = names; l; l = l->next)
    if (!known_key(keys, l->data))
      g_error("%s: \"%s\" is not in the type's table", type, (const char *)l->data);
}

LookResult chk_look_once_with(ChkWorld *world, const ChkType *type, const char *subject,
                              const char *options, guint64 limit) {
  return chk_look_wanting(world, type, subject, options, NULL, limit);
}

static JsonObject *wanted_keys(const char *keys) {
  JsonObject *wanted = json_object_new();
  g_auto(GStrv) names = g_strsplit(keys, " ", -1);

  for (guint i = 0; names[i]; i++)
    json_object_set_boolean_member(wanted, names[i], TRUE);
  return wanted;
}

LookResult chk_look_wanting(ChkWorld *world, const ChkType *type, const char *subject,
                            const char *options, const char *keys, guint64 limit) {
  g_autoptr(JsonObject) wanted = keys ? wanted_keys(keys) : NULL;
  g_autoptr(ChkWorld) own = world ? NULL : chk_world_new(TRUE, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) node = options ? json_from_string(options, &error) : NULL;
  Waiting w = {0};

  g_assert_no_error(error);
  ChkLookingOptions o = {.type = type,
                         .subject = subject,
                         .options = node ? json_node_get_object(node) : NULL,
                         .wanted = wanted,
                         .limit = limit ? limit : 60 * G_USEC_PER_SEC};
  assert_known(type->options, o.options, type->name);
  g_autoptr(ChkFlaws) flaws = chk_flaws_new();
  if (type->validate)
    type->validate(subject, o.options, flaws);
  if (chk_flaws_n(flaws) > 0)
    g_error("%s %s is refused: %s", type->name, subject, chk_flaws_at(flaws, 0)->text);
  chk_looking_start(world ? world : own, &o, on_seen, &w);
  while (!w.seen)
    g_main_context_iteration(NULL, TRUE);
  if (w.result.values)
    assert_known(type->values, json_node_get_object(w.result.values), type->name);
  return w.result;
}

gboolean chk_look_is_good(const ChkType *type, const char *subject, JsonObject *options) {
  g_autoptr(ChkFlaws) flaws = chk_flaws_new();

  type->validate(subject, options, flaws);
  return chk_flaws_n(flaws) == 0;
}

void chk_look_result_clear(LookResult *result) {
  g_clear_pointer(&result->values, json_node_unref);
  g_clear_pointer(&result->text, g_free);
}

char *chk_look_once(const ChkType *type, const char *subject, const char *options) {
  g_auto(LookResult) result = chk_look_once_with(NULL, type, subject, options, 0);

  if (result.known == CHK_OBSERVED)
    return json_to_string(result.values, FALSE);
  return g_strdup_printf("%s: %s", result.known == CHK_UNKNOWN ? "unknown" : "not-applicable",
                         result.text);
}

char *chk_look_value(const LookResult *result, const char *name) {
  JsonNode *node =
      result->values ? json_object_get_member(json_node_get_object(result->values), name) : NULL;

  return node ? json_to_string(node, FALSE) : NULL;
}
