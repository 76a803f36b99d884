/* service-spec.c: reading of one service; see service-spec.h. */
#include "monitoring/service-spec.h"

#include <string.h>

#define WORDS_MAX 256
#define WORD_BYTES_MAX 1024

static void endpoint_free(gpointer data) {
  MonEndpoint *endpoint = data;

  g_free(endpoint->name);
  g_free(endpoint->address);
  g_free(endpoint);
}

MonServiceSpec *mon_service_spec_ref(MonServiceSpec *spec) {
  return g_rc_box_acquire(spec);
}

static void clear(gpointer data) {
  MonServiceSpec *spec = data;

  g_free(spec->name);
  g_strfreev(spec->tags);
  g_strfreev(spec->capabilities);
  g_ptr_array_unref(spec->metadata);
  g_ptr_array_unref(spec->endpoints);
  g_ptr_array_unref(spec->probes);
  g_free(spec->unit);
  g_free(spec->from);
  g_free(spec->text);
}

void mon_service_spec_unref(MonServiceSpec *spec) {
  g_rc_box_release_full(spec, clear);
}

static gboolean same_texts(const GPtrArray *a, const GPtrArray *b) {
  gboolean same = a->len == b->len;

  for (guint i = 0; same && i < a->len; i++)
    same = strcmp(a->pdata[i], b->pdata[i]) == 0;
  return same;
}

static gboolean same_endpoints(const GPtrArray *a, const GPtrArray *b) {
  gboolean same = a->len == b->len;

  for (guint i = 0; same && i < a->len; i++) {
    const MonEndpoint *x = a->pdata[i], *y = b->pdata[i];
    same = strcmp(x->name, y->name) == 0 && strcmp(x->address, y->address) == 0;
  }
  return same;
}

static gboolean same_probes(const GPtrArray *a, const GPtrArray *b) {
  gboolean same = a->len == b->len;

  for (guint i = 0; same && i < a->len; i++)
    same = mon_probe_spec_equal(a->pdata[i], b->pdata[i]);
  return same;
}

gboolean mon_service_spec_equal(const MonServiceSpec *a, const MonServiceSpec *b) {
  return strcmp(a->name, b->name) == 0 &&
         g_strv_equal((const char *const *)a->tags, (const char *const *)b->tags) &&
         g_strv_equal((const char *const *)a->capabilities, (const char *const *)b->capabilities) &&
         same_texts(a->metadata, b->metadata) && same_endpoints(a->endpoints, b->endpoints) &&
         same_probes(a->probes, b->probes) && g_strcmp0(a->unit, b->unit) == 0;
}

static int compare_words(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static char **read_words(WgReader *reader, const char *key) {
  g_auto(GStrv) words = wg_reader_texts(reader, key);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  guint n = g_strv_length(words);

  if (n > WORDS_MAX)
    wg_reader_problem(reader, key, "there are at most %d", WORDS_MAX);
  qsort(words, n, sizeof(char *), compare_words);
  for (guint i = 0; i < n; i++) {
    if (*words[i] == '\0' || strlen(words[i]) > WORD_BYTES_MAX || strpbrk(words[i], " \t\n"))
      wg_reader_problem(reader, key, "\"%s\" is no word", words[i]);
    else if (i == 0 || strcmp(words[i], words[i - 1]) != 0)
      g_strv_builder_add(builder, words[i]);
  }
  return g_strv_builder_end(builder);
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_metadata(MonServiceSpec *spec, WgReader *reader) {
  WgReader *metadata = wg_reader_object(reader, "metadata");
  guint n = 0;

  if (!metadata)
    return;
  g_autofree const char **names = wg_reader_keys(metadata);
  while (names[n])
    n++;
  qsort(names, n, sizeof(char *), compare_names);
  for (guint i = 0; i < n; i++) {
    g_ptr_array_add(spec->metadata, g_strdup(names[i]));
    g_ptr_array_add(spec->metadata, g_strdup(wg_reader_text(metadata, names[i], "")));
  }
  wg_reader_end(metadata);
}

static void read_endpoints(MonServiceSpec *spec, WgReader *reader) {
  for (guint i = 0; i < wg_reader_length(reader, "endpoints"); i++) {
    WgReader *element = wg_reader_element(reader, "endpoints", i);
    if (!element)
      continue;
    const char *address = wg_reader_need(element, "address");
    MonEndpoint *endpoint = g_new0(MonEndpoint, 1);
    endpoint->name = g_strdup(wg_reader_text(element, "name", "default"));
    endpoint->address = g_strdup(address ? address : "");
    g_ptr_array_add(spec->endpoints, endpoint);
    wg_reader_end(element);
  }
}

static gboolean has_probe(const MonServiceSpec *spec, const char *name) {
  for (guint i = 0; i < spec->probes->len; i++)
    if (strcmp(((MonProbeSpec *)spec->probes->pdata[i])->name, name) == 0)
      return TRUE;
  return FALSE;
}

static void read_probes(MonServiceSpec *spec, WgReader *reader, WgDoc *doc, WgProblems *problems) {
  guint n = wg_reader_length(reader, "probes");

  if (n > MON_SERVICE_PROBES_MAX)
    wg_reader_problem(reader, "probes", "a service has at most %d probes", MON_SERVICE_PROBES_MAX);
  for (guint i = 0; i < MIN(n, MON_SERVICE_PROBES_MAX); i++) {
    g_autofree char *pointer = g_strdup_printf("%s/probes/%u", wg_reader_pointer(reader), i);
    JsonNode *node = wg_reader_element_node(reader, "probes", i);
    g_autoptr(MonProbeSpec) probe = mon_probe_spec_read(node, doc, pointer, problems);
    if (!probe)
      continue;
    if (has_probe(spec, probe->name))
      wg_problems_add(problems, doc ? wg_doc_line(doc, pointer) : 0, pointer,
                      "two probes of the service are named \"%s\": give one another \"name\"",
                      probe->name);
    else
      g_ptr_array_add(spec->probes, g_steal_pointer(&probe));
  }
}

static char *read_unit(WgReader *reader) {
  const char *unit = wg_reader_text(reader, "unit", NULL);

  if (!unit)
    return NULL;
  if (*unit && !strchr(unit, '/') && strlen(unit) <= 255)
    return strchr(unit, '.') ? g_strdup(unit) : g_strconcat(unit, ".service", NULL);
  wg_reader_problem(reader, "unit", "\"%s\" is no name of a unit", unit);
  return NULL;
}

MonServiceSpec *mon_service_spec_read(JsonNode *node, WgDoc *doc, const char *pointer,
                                      const char *file, WgProblems *problems) {
  g_autoptr(MonServiceSpec) spec = g_rc_box_new0(MonServiceSpec);
  WgReader *reader = wg_reader_new(doc, node, pointer, problems);
  guint line = doc ? wg_doc_line(doc, pointer) : 0;

  spec->name = g_strdup(wg_reader_need(reader, "name"));
  if (spec->name && !mon_name_is_good(spec->name))
    wg_reader_problem(reader, "name",
                      "\"%s\" is no name: letters, digits and \"._@:-\" within, at most 128",
                      spec->name);
  spec->tags = read_words(reader, "tags");
  spec->capabilities = read_words(reader, "capabilities");
  spec->metadata = g_ptr_array_new_with_free_func(g_free);
  spec->endpoints = g_ptr_array_new_with_free_func(endpoint_free);
  spec->probes = g_ptr_array_new_with_free_func((GDestroyNotify)mon_probe_spec_unref);
  spec->unit = read_unit(reader);
  spec->from = file ? g_strdup_printf("%s:%u", file, line) : NULL;
  spec->text = file ? wg_json_canonical(node) : NULL;
  read_metadata(spec, reader);
  read_endpoints(spec, reader);
  read_probes(spec, reader, doc, problems);
  wg_reader_end(reader);
  return spec->name ? g_steal_pointer(&spec) : NULL;
}
