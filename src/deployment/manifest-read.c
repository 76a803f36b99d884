/* manifest-read.c: the form of a manifest into its structs: the table's keys (keys.h), and what has
 * a form of its own. What is wrong in one part does not hide what is wrong in another. */
#include "deployment/manifest-private.h"

#include <string.h>

/* A section that is not there has its defaults. */
static WgReader *section(WgReader *top, const char *key, WgProblems *problems) {
  WgReader *reader = wg_reader_object(top, key);
  g_autoptr(JsonNode) nothing = NULL;

  if (reader)
    return reader;
  nothing = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(nothing, json_object_new());
  return wg_reader_new(NULL, nothing, "", problems);
}

static void read_plain(WgReader *top, const char *key, gpointer into, WgProblems *problems) {
  WgReader *reader = section(top, key, problems);

  dpl_keys_read(reader, key, into);
  wg_reader_end(reader);
}

/* ---- hooks ---- */
static void hook_free(gpointer data) {
  DplHook *hook = data;

  g_strfreev(hook->command);
  g_strfreev(hook->environment);
  g_free(hook->user);
  g_free(hook);
}

static void judge_hook(const DplHookSpec *spec, WgReader *reader) {
  for (guint i = 0; spec->environment && spec->environment[i]; i++) {
    g_auto(GStrv) pair = g_strsplit(spec->environment[i], "=", 2);
    if (g_strv_length(pair) != 2 || !dpl_key_valid(pair[0]) || strchr(pair[0], '-'))
      wg_reader_problem(reader, "environment", "'%.80s' is no NAME=VALUE", spec->environment[i]);
  }
}

static DplHook *read_hook(WgReader *reader) {
  DplHook *hook = g_new0(DplHook, 1);
  DplHookSpec spec = {0};

  dpl_keys_read(reader, "hook", &spec);
  judge_hook(&spec, reader);
  wg_reader_end(reader);
  hook->command = g_steal_pointer(&spec.command);
  hook->environment = g_steal_pointer(&spec.environment);
  hook->user = g_steal_pointer(&spec.user);
  hook->timeout = spec.timeout;
  hook->memory_max = spec.memory_max;
  hook->tasks_max = (guint)spec.tasks_max;
  hook->cpu_quota = (guint)spec.cpu_quota;
  hook->no_network = !spec.network;
  return hook;
}

/* The table has the points in the order of the phases. */
static const char *point_name(guint phase) {
  for (const DplKey *key = dpl_manifest_keys; key->section; key++)
    if (strcmp(key->section, "hooks") == 0 && phase-- == 0)
      return key->name;
  g_return_val_if_reached(NULL);
}

static void read_hooks(DplManifest *m, WgReader *top, WgProblems *problems) {
  WgReader *reader = section(top, "hooks", problems);

  dpl_keys_read(reader, "hooks", NULL);
  for (guint i = 0; i < DPL_HOOK_POINTS; i++) {
    guint n = dpl_keys_length(reader, point_name(i));
    m->hooks[i] = g_ptr_array_new_with_free_func(hook_free);
    for (guint k = 0; k < n; k++)
      g_ptr_array_add(m->hooks[i], read_hook(wg_reader_element(reader, point_name(i), k)));
  }
  wg_reader_end(reader);
}

/* ---- lists ---- */
static void artifact_free(gpointer data) {
  dpl_keys_clear("artifacts", data);
  g_free(data);
}

static void read_artifacts(DplManifest *m, WgReader *top) {
  guint n = dpl_keys_length(top, "artifacts");

  if (n == 0 && wg_reader_has(top, "artifacts"))
    wg_reader_problem(top, "artifacts", "'artifacts' is empty: a release consists of something");
  for (guint i = 0; i < n; i++) {
    DplArtifactSpec *artifact = g_new0(DplArtifactSpec, 1);
    WgReader *reader = wg_reader_element(top, "artifacts", i);
    dpl_keys_read(reader, "artifacts", artifact);
    dpl_judge_artifact(m, artifact, reader);
    wg_reader_end(reader);
    g_ptr_array_add(m->artifacts, artifact);
  }
}

static void configuration_free(gpointer data) {
  dpl_keys_clear("configuration", data);
  g_free(data);
}

static void read_configuration(DplManifest *m, WgReader *top) {
  guint n = dpl_keys_length(top, "configuration");

  for (guint i = 0; i < n; i++) {
    DplConfiguration *configuration = g_new0(DplConfiguration, 1);
    WgReader *reader = wg_reader_element(top, "configuration", i);
    dpl_keys_read(reader, "configuration", configuration);
    dpl_judge_configuration(m, configuration, reader);
    wg_reader_end(reader);
    g_ptr_array_add(m->configuration, configuration);
  }
}

/* ---- sections with rules of their own ---- */
static void read_shared(DplManifest *m, WgReader *top, WgProblems *problems) {
  WgReader *reader = section(top, "shared", problems);

  dpl_keys_read(reader, "shared", m);
  dpl_judge_shared(m, reader);
  wg_reader_end(reader);
}

static void read_units(DplManifest *m, WgReader *top, WgProblems *problems) {
  WgReader *reader = section(top, "units", problems);

  dpl_keys_read(reader, "units", &m->units);
  dpl_judge_units(m, reader);
  wg_reader_end(reader);
}

static DplHook *read_migration(WgReader *migrate, const char *key) {
  WgReader *reader = wg_reader_object(migrate, key);

  return reader ? read_hook(reader) : NULL;
}

static void read_state(DplManifest *m, WgReader *top) {
  WgReader *reader = wg_reader_object(top, "state");

  if (!reader)
    return;
  dpl_keys_read(reader, "state", &m->state);
  WgReader *migrate = wg_reader_object(reader, "migrate");
  if (migrate) {
    dpl_keys_read(migrate, "migrate", NULL);
    m->state.up = read_migration(migrate, "up");
    m->state.down = read_migration(migrate, "down");
    if (m->state.down && !m->state.up)
      wg_reader_problem(migrate, NULL, "'down' without 'up': there is nothing to undo");
    wg_reader_end(migrate);
  }
  dpl_judge_state(m, reader);
  wg_reader_end(reader);
}

static void read_require(DplManifest *m, WgReader *top, WgProblems *problems) {
  WgReader *reader = section(top, "require", problems);

  dpl_keys_read(reader, "require", &m->require);
  dpl_judge_ports(m, reader);
  wg_reader_end(reader);
}

/* ---- variables ---- */
static char *scalar_text(JsonNode *node) {
  if (!JSON_NODE_HOLDS_VALUE(node))
    return NULL;
  return json_node_get_value_type(node) == G_TYPE_STRING ? g_strdup(json_node_get_string(node))
                                                         : wg_json_canonical(node);
}

static void read_vars(DplManifest *m, WgReader *top) {
  WgReader *reader = wg_reader_object(top, "vars");

  if (!reader)
    return;
  g_autofree const char **keys = wg_reader_keys(reader);
  for (guint i = 0; keys[i]; i++) {
    char *value = scalar_text(wg_reader_node(reader, keys[i]));
    if (!dpl_key_valid(keys[i]))
      wg_reader_problem(reader, keys[i],
                        "'%.80s' is no name of a variable: letters, digits, '_' and '-'", keys[i]);
    if (value)
      g_hash_table_replace(m->vars, g_strdup(keys[i]), value);
    else
      wg_reader_problem(reader, keys[i], "a variable is a text, a number, true or false");
  }
  wg_reader_end(reader);
}

/* ---- all ---- */
void dpl_manifest_read(DplManifest *m, WgProblems *problems) {
  m->vars = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  m->artifacts = g_ptr_array_new_with_free_func(artifact_free);
  m->configuration = g_ptr_array_new_with_free_func(configuration_free);
  WgReader *top = wg_reader_new(m->doc, m->root, "", problems);
  if (!JSON_NODE_HOLDS_OBJECT(m->root)) { /* told; more would be noise */
    wg_reader_drop(top);
    return;
  }
  dpl_keys_read(top, "", m);
  dpl_judge_top(m, top);
  dpl_manifest_read_target(m, top);
  read_artifacts(m, top);
  read_shared(m, top, problems);
  read_configuration(m, top);
  read_units(m, top, problems);
  read_hooks(m, top, problems);
  read_vars(m, top);
  read_plain(top, "budgets", &m->budgets, problems);
  read_plain(top, "strategy", &m->strategy, problems);
  read_plain(top, "retention", &m->retention, problems);
  read_plain(top, "poison", m, problems);
  read_state(m, top);
  read_require(m, top, problems);
  wg_reader_end(top);
  dpl_manifest_read_verify(m, problems);
}

void dpl_manifest_clear(DplManifest *m) {
  static const char *const own[] = {"", "shared", "poison"};

  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    dpl_keys_clear(own[i], m);
  dpl_keys_clear("units", &m->units);
  dpl_keys_clear("state", &m->state);
  dpl_keys_clear("require", &m->require);
  g_clear_pointer(&m->state.up, hook_free);
  g_clear_pointer(&m->state.down, hook_free);
  g_clear_pointer(&m->require.ports, g_strfreev);
  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    g_clear_pointer(&m->hooks[i], g_ptr_array_unref);
  g_clear_pointer(&m->artifacts, g_ptr_array_unref);
  g_clear_pointer(&m->configuration, g_ptr_array_unref);
  dpl_selection_clear(&m->target);
  g_clear_pointer(&m->own_target, dpl_site_unref);
  g_clear_pointer(&m->vars, g_hash_table_unref);
  g_clear_pointer(&m->verify, json_object_unref);
  g_clear_pointer(&m->root, json_node_unref);
  g_clear_pointer(&m->doc, wg_doc_free);
  g_clear_pointer(&m->hash, g_free);
}
