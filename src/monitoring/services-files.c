/* services-files.c: services.d as a set of services, or everything that is wrong with it: one file
 * that is refused refuses the set, so that what is in force is always a whole. */
#include "monitoring/service-spec.h"

#include "common/error.h"

#include <string.h>

#define DIRECTORY "services.d"
#define SUFFIXES                                                                                   \
  { ".yaml", ".yml", ".json" }

typedef struct {
  GPtrArray *services;
  GHashTable *names; /* name -> where it stands; borrowed */
  GString *problems; /* lines */
} Loading;

static gboolean is_document(const char *name) {
  static const char *const suffixes[] = SUFFIXES;

  if (*name == '.')
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
    if (g_str_has_suffix(name, suffixes[i]))
      return TRUE;
  return FALSE;
}

/* name -> path of the strongest */
static GTree *find_files(const char *const *dirs) {
  GTree *files = g_tree_new_full((GCompareDataFunc)(void (*)(void))strcmp, NULL, g_free, g_free);

  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *directory = g_build_filename(dirs[i], DIRECTORY, NULL);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
      if (is_document(name))
        g_tree_replace(files, g_strdup(name), g_build_filename(directory, name, NULL));
  }
  return files;
}

static void add(Loading *loading, MonServiceSpec *spec, WgDoc *doc, const char *pointer,
                WgProblems *problems) {
  const char *other = g_hash_table_lookup(loading->names, spec->name);

  if (other) {
    wg_problems_add(problems, wg_doc_line(doc, pointer), pointer,
                    "a service \"%s\" stands in %s already: names are unique", spec->name, other);
    mon_service_spec_unref(spec);
    return;
  }
  g_hash_table_insert(loading->names, spec->name, spec->from ? spec->from : "the list");
  g_ptr_array_add(loading->services, spec);
}

static void read_one(Loading *loading, WgDoc *doc, JsonNode *node, const char *pointer,
                     const char *path, WgProblems *problems) {
  MonServiceSpec *spec = mon_service_spec_read(node, doc, pointer, path, problems);

  if (spec)
    add(loading, spec, doc, pointer, problems);
}

static void read_list(Loading *loading, WgReader *reader, WgDoc *doc, const char *path,
                      WgProblems *problems) {
  guint n = wg_reader_length(reader, "services");

  for (guint i = 0; i < n && loading->services->len < MON_SERVICES_MAX; i++) {
    g_autofree char *pointer = g_strdup_printf("/services/%u", i);
    read_one(loading, doc, wg_reader_element_node(reader, "services", i), pointer, path, problems);
  }
  if (loading->services->len >= MON_SERVICES_MAX)
    wg_reader_problem(reader, "services", "there are at most %d services", MON_SERVICES_MAX);
}

/* A list of services, or the keys of one: in files as in calls. */
static void read_services(Loading *loading, WgDoc *doc, const char *path, WgProblems *problems) {
  WgReader *reader = wg_reader_new(doc, wg_doc_root(doc), "", problems);
  gboolean is_list = wg_reader_has(reader, "services");

  if (!is_list && wg_reader_has(reader, "name")) {
    wg_reader_drop(reader);
    read_one(loading, doc, wg_doc_root(doc), "", path, problems);
    return;
  }
  if (is_list)
    read_list(loading, reader, doc, path, problems);
  else
    wg_reader_problem(reader, NULL,
                      "a list \"services\" is needed, or one service, whose 'name' is missing");
  if (is_list && wg_reader_has(reader, "name"))
    wg_reader_problem(reader, "name",
                      "this is a list \"services\" or one service, and cannot be both");
  wg_reader_end(reader);
}

static gboolean load_file(gpointer name, gpointer value, gpointer data) {
  Loading *loading = data;
  const char *path = value;
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize size;

  if (!g_file_get_contents(path, &bytes, &size, &error)) {
    g_string_append_printf(loading->problems, "%s: %s\n", path, error->message);
    return FALSE;
  }
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, WG_DOC_AUTO, problems);
  if (doc)
    read_services(loading, doc, path, problems);
  if (wg_problems_refuse(problems)) {
    g_autofree char *text = wg_problems_text(problems, path);
    g_string_append(loading->problems, text);
  }
  return FALSE;
}

GPtrArray *mon_services_load(const char *const *dirs, GError **error) {
  g_autoptr(GTree) files = find_files(dirs);
  g_autoptr(GPtrArray) services =
      g_ptr_array_new_with_free_func((GDestroyNotify)mon_service_spec_unref);
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GString) problems = g_string_new(NULL);
  Loading loading = {services, names, problems};

  g_tree_foreach(files, load_file, &loading);
  if (problems->len == 0)
    return g_steal_pointer(&services);
  g_strchomp(problems->str);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s", problems->str);
  return NULL;
}

GPtrArray *mon_services_from_text(const char *text, char ***ret_documents, GError **error) {
  g_autoptr(GPtrArray) services =
      g_ptr_array_new_with_free_func((GDestroyNotify)mon_service_spec_unref);
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);
  Loading loading = {services, names, NULL};

  if (doc)
    read_services(&loading, doc, NULL, problems);
  if (doc && !wg_problems_refuse(problems)) {
    g_autoptr(GStrvBuilder) documents = g_strv_builder_new();
    JsonObject *root = json_node_get_object(wg_doc_root(doc));
    JsonArray *list = json_object_has_member(root, "services")
                          ? json_object_get_array_member(root, "services")
                          : NULL;
    for (guint i = 0; i < services->len; i++) {
      g_autofree char *one =
          list ? wg_json_canonical(json_array_get_element(list, i)) : g_strdup(text);
      g_strv_builder_add(documents, one);
    }
    *ret_documents = g_strv_builder_end(documents);
    return g_steal_pointer(&services);
  }
  g_autofree char *told = wg_problems_text(problems, "the service");
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s", g_strchomp(told));
  return NULL;
}

MonServiceSpec *mon_service_from_text(const char *text, GError **error) {
  g_auto(GStrv) documents = NULL;
  g_autoptr(GPtrArray) services = mon_services_from_text(text, &documents, error);

  if (services && services->len == 1)
    return g_ptr_array_steal_index(services, 0);
  if (services)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "one service is needed, these are %u",
                services->len);
  return NULL;
}
