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
  GHashTable *names; /* name -> from */
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
  g_hash_table_insert(loading->names, spec->name, spec->from);
  g_ptr_array_add(loading->services, spec);
}

static void read_services(Loading *loading, WgDoc *doc, const char *path, WgProblems *problems) {
  WgReader *reader = wg_reader_new(doc, wg_doc_root(doc), "", problems);
  guint n = wg_reader_length(reader, "services");

  if (!wg_reader_has(reader, "services"))
    wg_reader_problem(reader, NULL, "a list \"services\" is needed");
  for (guint i = 0; i < n && loading->services->len < MON_SERVICES_MAX; i++) {
    g_autofree char *pointer = g_strdup_printf("/services/%u", i);
    MonServiceSpec *spec = mon_service_spec_read(wg_reader_element_node(reader, "services", i), doc,
                                                 pointer, path, problems);
    if (spec)
      add(loading, spec, doc, pointer, problems);
  }
  if (loading->services->len >= MON_SERVICES_MAX)
    wg_reader_problem(reader, "services", "there are at most %d services", MON_SERVICES_MAX);
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

MonServiceSpec *mon_service_from_text(const char *text, GError **error) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);
  g_autoptr(MonServiceSpec) spec =
      doc ? mon_service_spec_read(wg_doc_root(doc), doc, "", NULL, problems) : NULL;

  if (spec && !wg_problems_refuse(problems))
    return g_steal_pointer(&spec);
  g_autofree char *told = wg_problems_text(problems, "the service");
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s", g_strchomp(told));
  return NULL;
}
