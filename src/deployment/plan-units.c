/* plan-units.c: the units that a deployment would install and start, in their order, and those that
 * would go. */
#include "deployment/diff.h"
#include "deployment/exposure.h"
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

/* ---- what the old release has and the new one does not ---- */
static void add_gone(const DplPlanInput *in, JsonArray *list, JsonObject *restarts) {
  g_auto(DplGone) gone = {0};

  dpl_gone_find(in->preflight.previous, in->preflight.manifest, in->preflight.claims, &gone);
  for (guint i = 0; gone.remove[i]; i++) {
    JsonObject *one = json_object_new();
    json_object_set_string_member(one, "unit", gone.remove[i]);
    json_object_set_string_member(one, "how", "remove");
    json_object_set_string_member(one, "change", "removed");
    json_array_add_object_element(list, one);
  }
  json_object_set_array_member(restarts, "stop", texts_array((const char *const *)gone.stop));
  json_object_set_array_member(restarts, "disable", texts_array((const char *const *)gone.disable));
}

void dpl_plan_conflicts(const DplPlanInput *in, DplSources *sources, JsonArray *reasons) {
  const DplUnitsSpec *units = &in->preflight.manifest->units;
  char **lists[] = {units->install, units->link};

  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; lists[k][i]; i++) {
      g_autofree char *name = g_path_get_basename(lists[k][i]);
      g_autofree char *conflict = dpl_claims_conflict(in->preflight.claims, name, k == 1,
                                                      dpl_sources_content(sources, lists[k][i]));
      if (conflict)
        json_array_add_string_element(reasons, conflict);
    }
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
  g_auto(GStrv) order = dpl_plan_order((const char *const *)units->start, contents);
  json_object_set_array_member(restarts, "order", texts_array((const char *const *)order));
  json_object_set_array_member(restarts, "reload", texts_array((const char *const *)units->reload));
  json_object_set_array_member(restarts, "enable", texts_array((const char *const *)units->enable));
  json_object_set_string_member(restarts, "how", how[in->preflight.manifest->strategy.restart]);
  json_object_set_boolean_member(restarts, "stop-first", units->stop_first);
  add_gone(in, list, restarts);
  json_object_set_array_member(into, "units", list);
  json_object_set_object_member(into, "restarts", restarts);
  if (in->dependents)
    json_object_set_member(into, "dependents", json_node_copy(in->dependents));
}

/* ---- how exposed they are ---- */
static void text_free(gpointer data) {
  dpl_unit_text_free(data);
}

void dpl_plan_exposure(const DplPlanInput *in, DplSources *sources, const DplWork *work,
                       JsonObject *into, GPtrArray *reasons) {
  const DplManifest *m = in->preflight.manifest;
  char **lists[] = {m->units.install, m->units.link};
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(text_free);
  g_autoptr(GError) error = NULL;

  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; lists[k][i]; i++) {
      GBytes *content = dpl_sources_content(sources, lists[k][i]);
      DplUnitText *text = content ? g_new0(DplUnitText, 1) : NULL;
      if (!text) /* that it is missing is told elsewhere */
        continue;
      text->name = g_path_get_basename(lists[k][i]);
      text->content = g_bytes_ref(content);
      g_ptr_array_add(texts, text);
    }
  g_autoptr(JsonNode) exposure = dpl_exposure_of_texts(
      texts, in->preflight.root, in->preflight.previous, in->preflight.current, in->user_scope,
      work ? work->cancel : NULL, &error);
  if (exposure) {
    dpl_exposure_judge(exposure, m, reasons, NULL);
    json_object_set_member(into, "exposure", g_steal_pointer(&exposure));
  } else if (m->require.exposure_at_most < DPL_EXPOSURE_MAX) {
    g_ptr_array_add(reasons, g_strdup_printf("nobody can tell how exposed its services are: %s",
                                             error->message));
  }
}
