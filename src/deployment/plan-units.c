/* plan-units.c: the units that a deployment would install and start, in their order, and the
 * commands that it would run. */
#include "deployment/diff.h"
#include "deployment/plan.h"

#include "deployment/within.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- unit files ---- */
static char *bytes_text(GBytes *bytes) {
  gsize size;
  const char *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;

  return bytes ? g_utf8_make_valid(data ?: "", data ? (gssize)size : 0) : NULL;
}

/* What the manager has now: a file of its directory, or, for a link, the one of the release that
 * serves. NULL: none. */
static char *installed_text(const DplPlanInput *in, const char *path, gboolean link) {
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *old =
      link && in->preflight.current
          ? g_strconcat(DPL_DIR_RELEASES "/", in->preflight.current, "/", path, NULL)
          : NULL;
  int dir = link ? in->preflight.root : in->units;
  g_autofree char *text = NULL;
  gsize size;

  if (dir < 0 || (link && !old) ||
      !dpl_within_read(dir, link ? old : name, DPL_TEMPLATE_MAX, &text, &size, NULL))
    return NULL;
  return g_utf8_make_valid(text, (gssize)size);
}

static JsonArray *texts_array(const char *const *texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; texts && texts[i]; i++)
    json_array_add_string_element(array, texts[i]);
  return array;
}

static void add_unit_file(const DplPlanInput *in, DplSources *sources, const char *path,
                          gboolean link, GHashTable *contents, JsonArray *list) {
  GBytes *content = dpl_sources_content(sources, path);
  g_autofree char *name = g_path_get_basename(path), *new = bytes_text(content);
  g_autofree char *old = installed_text(in, path, link);
  g_auto(GStrv) diff = dpl_diff(old, new);
  JsonObject *one = json_object_new();

  json_object_set_string_member(one, "unit", name);
  json_object_set_string_member(one, "path", path);
  json_object_set_string_member(one, "how", link ? "link" : "install");
  json_object_set_string_member(one, "change",
                                !new      ? "missing"
                                : !old    ? "new"
                                : diff[0] ? "changed"
                                          : "same");
  json_object_set_array_member(one, "diff", texts_array((const char *const *)diff));
  json_array_add_object_element(list, one);
  if (content)
    g_hash_table_replace(contents, g_steal_pointer(&name), g_bytes_ref(content));
}

/* ---- order ---- */
static void add_names(const char *text, const char *key, GPtrArray *names) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  gsize n = strlen(key);

  for (guint i = 0; lines[i]; i++) {
    if (strncmp(g_strstrip(lines[i]), key, n) != 0)
      continue;
    g_auto(GStrv) words = g_strsplit_set(lines[i] + n, " \t", -1);
    for (guint k = 0; words[k]; k++)
      if (*words[k])
        g_ptr_array_add(names, g_strdup(words[k]));
  }
}

/* The file of an instance is its template's. */
static GBytes *content_of(GHashTable *contents, const char *unit) {
  const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');
  GBytes *content = g_hash_table_lookup(contents, unit);

  if (content || !at || !dot)
    return content;
  g_autofree char *head = g_strndup(unit, (gsize)(at + 1 - unit));
  g_autofree char *template = g_strconcat(head, dot, NULL);
  return g_hash_table_lookup(contents, template);
}

static guint index_of(const char *const *units, const char *name) {
  guint i = 0;

  while (units[i] && strcmp(units[i], name) != 0)
    i++;
  return i;
}

/* `after`[i * n + k]: unit i comes after unit k. */
static void read_order(const char *const *units, guint n, GHashTable *contents, gboolean *after) {
  for (guint i = 0; i < n; i++) {
    g_autofree char *text = bytes_text(content_of(contents, units[i]));
    g_autoptr(GPtrArray) earlier = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) later = g_ptr_array_new_with_free_func(g_free);
    if (!text)
      continue;
    add_names(text, "After=", earlier);
    add_names(text, "Before=", later);
    for (guint k = 0; k < earlier->len; k++)
      if (index_of(units, earlier->pdata[k]) < n)
        after[i * n + index_of(units, earlier->pdata[k])] = TRUE;
    for (guint k = 0; k < later->len; k++)
      if (index_of(units, later->pdata[k]) < n)
        after[index_of(units, later->pdata[k]) * n + i] = TRUE;
  }
}

/* Is there one that is not placed yet and has to come before unit i? */
static gboolean must_wait(const gboolean *after, const gboolean *placed, guint n, guint i) {
  for (guint k = 0; k < n; k++)
    if (k != i && !placed[k] && after[i * n + k])
      return TRUE;
  return FALSE;
}

static guint next_of(const gboolean *after, const gboolean *placed, guint n) {
  guint any = n;

  for (guint i = n; i-- > 0;)
    if (!placed[i])
      any = i;
  for (guint i = 0; i < n; i++)
    if (!placed[i] && !must_wait(after, placed, n, i))
      return i;
  return any; /* a loop */
}

char **dpl_plan_order(const char *const *units, GHashTable *contents) {
  guint n = g_strv_length((char **)units);
  g_autofree gboolean *after = g_new0(gboolean, (gsize)n * n + 1);
  g_autofree gboolean *placed = g_new0(gboolean, n + 1);
  g_autoptr(GStrvBuilder) order = g_strv_builder_new();

  read_order(units, n, contents, after);
  for (guint round = 0; round < n; round++) {
    guint next = next_of(after, placed, n);
    placed[next] = TRUE;
    g_strv_builder_add(order, units[next]);
  }
  return g_strv_builder_end(order);
}

void dpl_plan_units(const DplPlanInput *in, DplSources *sources, JsonObject *into) {
  static const char *const how[] = {"restart", "reload-or-restart", "stop-start"};
  const DplUnitsSpec *units = &in->preflight.manifest->units;
  g_autoptr(GHashTable) contents =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  JsonArray *list = json_array_new();
  JsonObject *restarts = json_object_new();

  for (guint i = 0; units->install[i]; i++)
    add_unit_file(in, sources, units->install[i], FALSE, contents, list);
  for (guint i = 0; units->link[i]; i++)
    add_unit_file(in, sources, units->link[i], TRUE, contents, list);
  json_object_set_array_member(into, "units", list);
  g_auto(GStrv) order = dpl_plan_order((const char *const *)units->start, contents);
  json_object_set_array_member(restarts, "order", texts_array((const char *const *)order));
  json_object_set_array_member(restarts, "reload", texts_array((const char *const *)units->reload));
  json_object_set_array_member(restarts, "enable", texts_array((const char *const *)units->enable));
  json_object_set_string_member(restarts, "how", how[in->preflight.manifest->strategy.restart]);
  json_object_set_boolean_member(restarts, "stop-first", units->stop_first);
  json_object_set_object_member(into, "restarts", restarts);
}

/* ---- commands and data ---- */
static void add_hook(const char *point, const DplHook *hook, JsonArray *list) {
  JsonObject *one = json_object_new();

  json_object_set_string_member(one, "point", point);
  json_object_set_array_member(one, "command", texts_array((const char *const *)hook->command));
  json_object_set_int_member(one, "timeout", (gint64)hook->timeout);
  if (hook->user)
    json_object_set_string_member(one, "user", hook->user);
  json_array_add_object_element(list, one);
}

static void add_state(const DplPlanInput *in, JsonArray *hooks, JsonObject *into) {
  const DplStateSpec *s = &in->preflight.manifest->state;
  JsonObject *state = json_object_new();
  DplStatePlan plan;

  json_object_set_string_member(state, "directory", s->directory);
  json_object_set_int_member(state, "schema", (gint64)s->schema);
  if (in->preflight.previous && in->preflight.previous->state.directory)
    json_object_set_int_member(state, "schema-before",
                               (gint64)in->preflight.previous->state.writes);
  if (dpl_state_contract(in->preflight.previous, in->preflight.manifest, &plan, NULL)) {
    json_object_set_boolean_member(state, "migrate", plan.migrate);
    json_object_set_string_member(state, "way-back", dpl_way_back_name(plan.back));
    if (plan.migrate)
      add_hook("migrate-up", s->up, hooks);
  }
  json_object_set_object_member(into, "state", state);
}

void dpl_plan_commands(const DplPlanInput *in, JsonObject *into) {
  const DplManifest *m = in->preflight.manifest;
  JsonArray *hooks = json_array_new();

  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    for (guint k = 0; k < m->hooks[i]->len; k++)
      add_hook(dpl_hook_phase_name((DplHookPhase)i), m->hooks[i]->pdata[k], hooks);
  if (m->state.directory)
    add_state(in, hooks, into);
  json_object_set_array_member(into, "hooks", hooks);
  json_object_set_array_member(into, "backup", texts_array((const char *const *)m->backup));
}
