/* claims-gone.c: units that a deployment touches without its manifest naming them: those that the
 * old release had, and those of others that depend on its own. Pure. */
#include "deployment/claims.h"

#include "common/names.h"

#include <string.h>

/* ---- who depends on it ---- */
static gboolean is_one_of(const GPtrArray *states, const char *unit) {
  for (guint i = 0; i < states->len; i++)
    if (strcmp(((const WgUnitState *)states->pdata[i])->name, unit) == 0)
      return TRUE;
  return FALSE;
}

JsonNode *dpl_dependents(const GPtrArray *states) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, json_array_new());
  for (guint i = 0; states && i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    for (guint k = 0; state->dependents && state->dependents[k]; k++) {
      char *unit = state->dependents[k];
      /* targets are wanted by what starts at boot: nothing of theirs stops */
      if (is_one_of(states, unit) || g_str_has_suffix(unit, ".target") ||
          !g_hash_table_add(seen, unit))
        continue;
      JsonObject *one = json_object_new();
      json_object_set_string_member(one, "unit", unit);
      json_object_set_string_member(one, "of", state->name);
      json_array_add_object_element(json_node_get_array(node), one);
    }
  }
  return node;
}

/* ---- what is gone ---- */
static gboolean has_file(const DplManifest *m, const char *name) {
  char **const lists[] = {m->units.install, m->units.link};

  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; lists[k][i]; i++) {
      g_autofree char *base = g_path_get_basename(lists[k][i]);
      if (strcmp(base, name) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean has(char **names, const char *name) {
  return g_strv_contains((const char *const *)names, name);
}

static void add(GPtrArray *names, const char *name) {
  if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
    g_ptr_array_add(names, g_strdup(name));
}

static void add_stopped(const DplManifest *now, JsonNode *claims, const char *unit,
                        GPtrArray *names) {
  if (!has(now->units.start, unit) && !has(now->units.reload, unit) &&
      !dpl_claims_started(claims, unit))
    add(names, unit);
}

static void add_files(const DplManifest *old, const DplManifest *now, JsonNode *claims,
                      GPtrArray *stop, GPtrArray *remove) {
  char **const lists[] = {old->units.install, old->units.link};

  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; lists[k][i]; i++) {
      g_autofree char *name = g_path_get_basename(lists[k][i]);
      if (has_file(now, name) || dpl_claims_owner(claims, name))
        continue;
      add(remove, name);
      if (!strstr(name, "@.")) /* of a template nothing runs but its instances */
        add_stopped(now, claims, name, stop);
    }
}

static char **take(GPtrArray *names) {
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(names, FALSE);
}

void dpl_gone_find(const DplManifest *old, const DplManifest *now, JsonNode *claims, DplGone *ret) {
  GPtrArray *stop = g_ptr_array_new(), *disable = g_ptr_array_new(), *remove = g_ptr_array_new();

  for (guint i = 0; old && old->units.start[i]; i++) {
    const char *unit = old->units.start[i];
    g_autofree char *drop_in = g_strdup_printf("%s.d/" WG_UNIT_DROP_IN, unit);
    add_stopped(now, claims, unit, stop);
    if (!has(now->units.start, unit) && !dpl_claims_started(claims, unit))
      add(remove, drop_in);
  }
  for (guint i = 0; old && old->units.enable[i]; i++)
    if (!has(now->units.enable, old->units.enable[i]) &&
        !dpl_claims_started(claims, old->units.enable[i]))
      add(disable, old->units.enable[i]);
  if (old)
    add_files(old, now, claims, stop, remove);
  *ret = (DplGone){.stop = take(stop), .disable = take(disable), .remove = take(remove)};
}

void dpl_gone_clear(DplGone *gone) {
  g_clear_pointer(&gone->stop, g_strfreev);
  g_clear_pointer(&gone->disable, g_strfreev);
  g_clear_pointer(&gone->remove, g_strfreev);
}
