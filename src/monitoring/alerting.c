/* alerting.c: see alerting.h. Reads alerting.yaml and alerting.d, and looks up who is named. */
#include "monitoring/alerting-private.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

/* What is in force without a file: everybody who listens is told, at once. */
static const char built_in[] =
    "{\"route\":{\"receiver\":\"local\",\"group_by\":[\"...\"],\"group_wait\":\"0s\","
    "\"group_interval\":\"10s\",\"repeat_interval\":\"12h\"},"
    "\"receivers\":[{\"name\":\"local\",\"journal\":{},\"dbus\":{}}]}";

MonAlerting *mon_alerting_ref(MonAlerting *alerting) {
  g_atomic_ref_count_inc(&alerting->n_refs);
  return alerting;
}

void mon_alerting_unref(MonAlerting *alerting) {
  if (alerting == NULL || !g_atomic_ref_count_dec(&alerting->n_refs))
    return;
  mon_route_free(alerting->root);
  g_ptr_array_unref(alerting->receivers);
  g_ptr_array_unref(alerting->inhibits);
  g_ptr_array_unref(alerting->intervals);
  g_free(alerting);
}

static void inhibit_free(gpointer data) {
  MonInhibitRule *rule = data;

  g_free(rule->name);
  g_free(rule->text);
  g_ptr_array_unref(rule->source);
  g_ptr_array_unref(rule->target);
  g_strfreev(rule->equal);
  g_free(rule);
}

static MonAlerting *alerting_new(void) {
  MonAlerting *alerting = g_new0(MonAlerting, 1);

  g_atomic_ref_count_init(&alerting->n_refs);
  alerting->receivers = g_ptr_array_new_with_free_func((GDestroyNotify)mon_receiver_free);
  alerting->inhibits = g_ptr_array_new_with_free_func(inhibit_free);
  alerting->intervals = g_ptr_array_new_with_free_func((GDestroyNotify)mon_interval_free);
  return alerting;
}

const MonReceiver *mon_alerting_receiver(const MonAlerting *alerting, const char *name) {
  for (guint i = 0; i < alerting->receivers->len; i++) {
    const MonReceiver *receiver = g_ptr_array_index(alerting->receivers, i);
    if (g_str_equal(receiver->name, name))
      return receiver;
  }
  return NULL;
}

const MonIntegration *mon_alerting_integration(const MonAlerting *alerting, const char *key) {
  for (guint i = 0; i < alerting->receivers->len; i++) {
    const MonReceiver *receiver = g_ptr_array_index(alerting->receivers, i);
    for (guint k = 0; k < receiver->integrations->len; k++) {
      const MonIntegration *it = g_ptr_array_index(receiver->integrations, k);
      if (g_str_equal(it->key, key))
        return it;
    }
  }
  return NULL;
}

static void link_free(gpointer data) {
  MonLink *link = data;

  g_free(link->name);
  g_free(link->pointer);
  g_free(link);
}

static MonInterval *find_interval(const MonAlerting *alerting, const char *name) {
  for (guint i = 0; i < alerting->intervals->len; i++) {
    MonInterval *interval = g_ptr_array_index(alerting->intervals, i);
    if (g_str_equal(interval->name, name))
      return interval;
  }
  return NULL;
}

static gboolean is_receiver(MonLinkKind kind) {
  return kind == MON_LINK_RECEIVER || kind == MON_LINK_ESCALATION;
}

static char *near_names(const MonAlerting *alerting, MonLinkKind kind, const char *name) {
  GPtrArray *of = is_receiver(kind) ? alerting->receivers : alerting->intervals;
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; i < of->len; i++) /* both structs begin with their name */
    g_ptr_array_add(names, *(char **)g_ptr_array_index(of, i));
  g_ptr_array_add(names, NULL);
  return wg_nearest_hint(name, (const char *const *)names->pdata);
}

static void resolve(MonLoader *loader, const MonLink *link) {
  MonAlerting *a = loader->alerting;
  gpointer found = is_receiver(link->kind) ? (gpointer)mon_alerting_receiver(a, link->name)
                                           : (gpointer)find_interval(a, link->name);
  g_autofree char *hint = NULL;

  if (found && link->kind == MON_LINK_RECEIVER)
    link->route->receiver = found;
  else if (found && link->kind == MON_LINK_ESCALATION)
    link->escalation->receiver = found;
  else if (found)
    g_ptr_array_add(link->kind == MON_LINK_MUTE ? link->route->mute : link->route->active, found);
  if (found)
    return;
  hint = near_names(a, link->kind, link->name);
  wg_problems_add(link->problems, link->line, link->pointer, "there is no %s \"%s\"%s%s",
                  is_receiver(link->kind) ? "receiver" : "time interval", link->name,
                  hint ? "; " : "", hint ? hint : "");
}

/* Receivers come down the tree only when every name has been looked up. */
static void inherit(MonRoute *route) {
  if (route->receiver == NULL && route->parent)
    route->receiver = route->parent->receiver;
  for (guint i = 0; i < route->routes->len; i++)
    inherit(g_ptr_array_index(route->routes, i));
}

/* Whoever is told already cannot be told as the next one. */
static void check_escalation(const MonLink *link) {
  const MonReceiver *receiver = link->escalation->receiver;
  gboolean is_told = receiver && link->route->receiver == receiver;

  for (guint i = 0; receiver && i < link->route->escalations->len; i++) {
    const MonEscalation *other = g_ptr_array_index(link->route->escalations, i);
    if (other == link->escalation)
      break;
    is_told = is_told || other->receiver == receiver;
  }
  if (is_told)
    wg_problems_add(link->problems, link->line, link->pointer,
                    "\"%s\" is told of it before; an escalation is for somebody else", link->name);
}

/* Of Alertmanager's; what it says is about servers that we do not talk to. */
static void read_global(WgReader *top) {
  WgReader *global = wg_reader_object(top, "global");
  g_autofree const char **keys = global ? wg_reader_keys(global) : NULL;

  for (guint i = 0; keys && keys[i]; i++)
    if (!g_str_equal(keys[i], "resolve_timeout"))
      wg_reader_problem(global, keys[i], "nothing here reads it; say it at the receiver");
  wg_reader_end(global);
  if (wg_reader_length(top, "templates") > 0)
    wg_reader_problem(top, "templates",
                      "there are no template files here; a rule's texts are templates themselves");
}

static void read_parts(MonLoader *loader, WgReader *top) {
  mon_loader_receivers(loader, top);
  mon_loader_intervals(loader, top, "time_intervals");
  mon_loader_intervals(loader, top, "mute_time_intervals");
  mon_loader_inhibits(loader, top);
}

static void read_root(MonLoader *loader, WgReader *top) {
  WgReader *route = wg_reader_object(top, "route");

  if (route == NULL) {
    wg_reader_problem(top, NULL, "a \"route\" is needed: who is told");
    return;
  }
  loader->alerting->root = mon_loader_route(loader, route, NULL, 0);
  wg_reader_end(route);
}

static void read_drop_in(MonLoader *loader, WgReader *top) {
  MonRoute *root = loader->alerting->root;

  if (root == NULL) { /* the main file's problem */
    wg_reader_know(top, "routes");
    return;
  }
  for (guint i = 0; i < wg_reader_length(top, "routes"); i++) {
    WgReader *child = wg_reader_element(top, "routes", i);
    g_ptr_array_add(root->routes, mon_loader_route(loader, child, root, 1));
    wg_reader_end(child);
  }
}

static void read_file(MonLoader *loader, const char *bytes, gsize size, gboolean is_main,
                      WgProblems *problems, GPtrArray *docs) {
  const WgDocBounds bounds = {"the alerting file", 1024 * 1024, 32, 50000};
  WgDoc *doc = wg_doc_parse_within(bytes, size, WG_DOC_AUTO, &bounds, problems);
  WgReader *top;

  if (doc == NULL)
    return;
  g_ptr_array_add(docs, doc);
  loader->doc = doc;
  loader->problems = problems;
  top = wg_reader_new(doc, wg_doc_root(doc), "", problems);
  if (is_main) {
    read_global(top);
    read_root(loader, top);
  } else {
    read_drop_in(loader, top);
  }
  read_parts(loader, top);
  wg_reader_end(top);
}

static void finish(MonLoader *loader) {
  for (guint i = 0; i < loader->links->len; i++)
    resolve(loader, g_ptr_array_index(loader->links, i));
  if (loader->alerting->root)
    inherit(loader->alerting->root);
  for (guint i = 0; i < loader->links->len; i++) {
    const MonLink *link = g_ptr_array_index(loader->links, i);
    if (link->kind == MON_LINK_ESCALATION)
      check_escalation(link);
  }
}

MonAlerting *mon_alerting_parse(const char *bytes, gsize size, WgProblems *problems) {
  g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func(link_free);
  g_autoptr(GPtrArray) docs = g_ptr_array_new_with_free_func((GDestroyNotify)wg_doc_free);
  g_autoptr(MonAlerting) alerting = alerting_new();
  MonLoader loader = {.alerting = alerting, .links = links};

  read_file(&loader, bytes, size, TRUE, problems, docs);
  finish(&loader);
  return wg_problems_refuse(problems) ? NULL : g_steal_pointer(&alerting);
}

/* A file of the set. */
typedef struct {
  char *path;
  WgProblems *problems;
} File;

static void file_free(gpointer data) {
  File *file = data;

  wg_problems_free(file->problems);
  g_free(file->path);
  g_free(file);
}

static File *add_file(GPtrArray *files, const char *path) {
  File *file = g_new0(File, 1);

  *file = (File){g_strdup(path), wg_problems_new()};
  g_ptr_array_add(files, file);
  return file;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused) {
  return strcmp(a, b);
}

/* alerting.d of all directories, by name; the strongest of a name counts. */
static void list_drop_ins(const char *const *dirs, GPtrArray *files) {
  g_autoptr(GTree) names = g_tree_new_full(compare_names, NULL, g_free, g_free);

  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *path = g_build_filename(dirs[i], "alerting.d", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
      if (*name != '.' && (g_str_has_suffix(name, ".yaml") || g_str_has_suffix(name, ".json")))
        g_tree_replace(names, g_strdup(name), g_build_filename(path, name, NULL));
  }
  for (GTreeNode *node = g_tree_node_first(names); node; node = g_tree_node_next(node))
    add_file(files, g_tree_node_value(node));
}

static void list_main(const char *const *dirs, GPtrArray *files) {
  g_autofree char *found = NULL;

  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *path = g_build_filename(dirs[i], "alerting.yaml", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      continue;
    g_free(found);
    found = g_steal_pointer(&path);
  }
  add_file(files, found ? found : "");
}

static void load_file(MonLoader *loader, const File *file, gboolean is_main, GPtrArray *docs) {
  g_autofree char *bytes = NULL;
  g_autoptr(GError) error = NULL;
  gsize size = 0;

  if (*file->path == '\0')
    read_file(loader, built_in, sizeof built_in - 1, is_main, file->problems, docs);
  else if (g_file_get_contents(file->path, &bytes, &size, &error))
    read_file(loader, bytes, size, is_main, file->problems, docs);
  else
    wg_problems_add(file->problems, 0, "", "%s", error->message);
}

MonAlerting *mon_alerting_load(const char *const *dirs, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(file_free);
  g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func(link_free);
  g_autoptr(GPtrArray) docs = g_ptr_array_new_with_free_func((GDestroyNotify)wg_doc_free);
  g_autoptr(MonAlerting) alerting = alerting_new();
  MonLoader loader = {.alerting = alerting, .links = links};
  g_autoptr(GString) text = g_string_new(NULL);
  gboolean refused = FALSE;

  list_main(dirs, files);
  list_drop_ins(dirs, files);
  for (guint i = 0; i < files->len; i++)
    load_file(&loader, g_ptr_array_index(files, i), i == 0, docs);
  finish(&loader);
  for (guint i = 0; i < files->len; i++) {
    const File *file = g_ptr_array_index(files, i);
    g_autofree char *problems = wg_problems_text(file->problems, file->path);
    refused = refused || wg_problems_refuse(file->problems);
    g_string_append(text, problems);
  }
  if (!refused)
    return g_steal_pointer(&alerting);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s", g_strchomp(text->str));
  return NULL;
}
