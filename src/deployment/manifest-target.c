/* manifest-target.c: whom a manifest is for, and what it becomes for one of them. */
#include "deployment/manifest-private.h"

#include <string.h>

/* ---- "target" ---- */
static GHashTable *read_labels(WgReader *spec) {
  WgReader *reader = wg_reader_object(spec, "labels");

  if (!reader)
    return NULL;
  GHashTable *labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autofree const char **keys = wg_reader_keys(reader);
  for (guint i = 0; keys[i]; i++) {
    const char *value = wg_reader_text(reader, keys[i], NULL);
    if (!dpl_key_valid(keys[i]))
      wg_reader_problem(reader, keys[i], "'%.80s' is no label: letters, digits, '_' and '-'",
                        keys[i]);
    if (value)
      g_hash_table_replace(labels, g_strdup(keys[i]), g_strdup(value));
  }
  wg_reader_end(reader);
  return labels;
}

static void read_own_target(DplManifest *m, WgReader *r, const DplTargetSpec *spec) {
  g_autoptr(GError) error = NULL;

  if (g_strv_length(spec->names) != 1) {
    wg_reader_problem(r, NULL, "a target with a 'root' has one 'name'");
    return;
  }
  m->own_target = dpl_site_new(spec->names[0], spec->root, &error);
  if (!m->own_target) {
    wg_reader_problem(r, "root", "%s", error->message);
    return;
  }
  g_free(m->own_target->domain);
  m->own_target->domain = g_strdup(spec->domain ?: "");
  g_free(m->own_target->instance);
  m->own_target->instance = g_strdup(spec->instance ?: "");
  if (m->target.labels) {
    g_hash_table_unref(m->own_target->labels);
    m->own_target->labels = g_hash_table_ref(m->target.labels);
  }
}

static void judge_names(WgReader *r, const char *key, char **names) {
  for (guint i = 0; names && names[i]; i++)
    if (!dpl_name_valid(names[i]))
      wg_reader_problem(r, key, "'%.80s' is no name of a target: letters, digits, '.', '_', '-'",
                        names[i]);
}

static void read_selection(DplManifest *m, WgReader *r, DplTargetSpec *spec) {
  gboolean named = spec->names && spec->names[0];

  judge_names(r, "name", spec->names);
  if (spec->instance)
    wg_reader_problem(r, "instance", "'instance' belongs to a target with a 'root'");
  if (!named && !spec->domain && !m->target.labels)
    wg_reader_problem(r, NULL, "no target: give 'name', 'domain' or 'labels'");
  if (named && (spec->domain || m->target.labels))
    wg_reader_problem(r, NULL, "'name' and 'domain' or 'labels': which one counts?");
  if (named)
    m->target.names = g_steal_pointer(&spec->names);
  m->target.domain = g_steal_pointer(&spec->domain);
}

void dpl_manifest_read_target(DplManifest *m, WgReader *top) {
  JsonNode *node = wg_reader_node(top, "target");
  DplTargetSpec spec = {0};

  if (!node)
    return;
  if (!JSON_NODE_HOLDS_OBJECT(node)) {
    m->target.names = wg_reader_texts(top, "target");
    if (!m->target.names[0])
      wg_reader_problem(top, "target", "'target' is the name of a target, or an object");
    if (g_strv_length(m->target.names) > DPL_LIST_MAX)
      wg_reader_problem(top, "target", "'target' has more than %d members", DPL_LIST_MAX);
    judge_names(top, "target", m->target.names);
    return;
  }
  WgReader *r = wg_reader_object(top, "target");
  dpl_keys_read(r, "target", &spec);
  m->target.labels = read_labels(r);
  if (spec.root)
    read_own_target(m, r, &spec);
  else
    read_selection(m, r, &spec);
  wg_reader_end(r);
  dpl_keys_clear("target", &spec);
}

GPtrArray *dpl_manifest_targets(const DplManifest *m, DplSites *sites, const DplSelection *wanted,
                                GError **error) {
  gboolean asked = wanted && !dpl_selection_is_empty(wanted);

  if (!m->own_target || asked)
    return dpl_sites_select(sites, asked ? wanted : &m->target, error);
  if (!dpl_sites_may_add(sites, m->own_target, error))
    return NULL;
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_site_unref);
  DplSite *known = dpl_sites_find(sites, m->own_target->name);
  g_ptr_array_add(list, dpl_site_ref(known ?: m->own_target));
  return list;
}

/* ---- variables ---- */
static void set_pairs(DplVars *vars, const char *prefix, GHashTable *pairs) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, pairs);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    g_autofree char *name = g_strconcat(prefix, key, NULL);
    dpl_vars_set(vars, name, value);
  }
}

DplVars *dpl_manifest_vars(const DplManifest *m, const DplSite *site, const char *release) {
  DplVars *vars = dpl_vars_new();

  /* the target's own take the place of the manifest's; a plain name never hides ours */
  set_pairs(vars, "", m->vars);
  set_pairs(vars, "vars.", m->vars);
  set_pairs(vars, "", site->vars);
  set_pairs(vars, "vars.", site->vars);
  set_pairs(vars, "target.labels.", site->labels);
  dpl_vars_set(vars, "name", m->name ?: "");
  dpl_vars_set(vars, "version", m->version ?: "");
  dpl_vars_set(vars, "target.name", site->name);
  dpl_vars_set(vars, "target.root", site->root);
  dpl_vars_set(vars, "target.domain", site->domain);
  dpl_vars_set(vars, "target.instance", site->instance);
  if (release)
    dpl_vars_set(vars, "release", release);
  return vars;
}

/* ---- one target and no other ---- */
static void set_texts(JsonObject *object, GHashTable *pairs) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, pairs);
  while (g_hash_table_iter_next(&iter, &key, &value))
    json_object_set_string_member(object, key, value);
}

static JsonObject *target_object(const DplSite *site) {
  JsonObject *target = json_object_new(), *labels = json_object_new();

  json_object_set_string_member(target, "name", site->name);
  json_object_set_string_member(target, "root", site->root);
  if (*site->domain)
    json_object_set_string_member(target, "domain", site->domain);
  if (*site->instance)
    json_object_set_string_member(target, "instance", site->instance);
  set_texts(labels, site->labels);
  json_object_set_object_member(target, "labels", labels);
  return target;
}

/* The manifest's own variables as they were written, so that numbers stay numbers. */
static JsonObject *vars_object(const DplManifest *m, const DplSite *site) {
  JsonNode *own = json_object_get_member(json_node_get_object(m->root), "vars");
  JsonObject *vars = json_object_new();
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (own && JSON_NODE_HOLDS_OBJECT(own)) {
    json_object_iter_init_ordered(&iter, json_node_get_object(own));
    while (json_object_iter_next_ordered(&iter, &key, &value))
      json_object_set_member(vars, key, json_node_ref(value));
  }
  set_texts(vars, site->vars);
  return vars;
}

void dpl_manifest_pin_target(const DplManifest *m, const DplSite *site, JsonObject *root) {
  json_object_set_object_member(root, "target", target_object(site));
  json_object_set_object_member(root, "vars", vars_object(m, site));
}
