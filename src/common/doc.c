/* doc.c: see doc.h. Chooses the notation; the notations are read in json-scan.c and doc-yaml.c. */
#include "common/doc.h"

#include "common/doc-private.h"

#include <string.h>

struct WgDoc {
  JsonNode *root;
  GHashTable *lines; /* JsonNode -> line */
};

static const WgDocBounds usual = {"the document", WG_DOC_BYTES_MAX, WG_DOC_DEPTH_MAX,
                                  WG_DOC_NODES_MAX};

static guint line_at(const char *bytes, const char *place) {
  guint line = 1;

  for (const char *p = bytes; p < place; p++)
    line += *p == '\n';
  return line;
}

static gboolean is_text(WgBuild *build, const char *bytes, gsize size) {
  const char *bad;

  if (size > build->bounds->bytes)
    return wg_build_problem(build, 0, 0, "longer than %" G_GSIZE_FORMAT " bytes",
                            build->bounds->bytes);
  if (g_utf8_validate_len(bytes, size, &bad)) /* refuses NUL, too */
    return TRUE;
  return wg_build_problem(build, line_at(bytes, bad), 0, "byte %td is not UTF-8", bad - bytes);
}

static gboolean looks_like_json(const char *text) {
  text += strspn(text, " \t\r\n");
  return *text == '{' || *text == '[';
}

static gboolean scan(WgBuild *build, const char *bytes, gsize size, WgDocFormat format) {
  if (!is_text(build, bytes, size))
    return FALSE;
  g_autofree char *text = g_strndup(bytes, size);
  if (format == WG_DOC_JSON || (format == WG_DOC_AUTO && looks_like_json(text)))
    return wg_json_scan(build, text);
#ifdef WG_HAVE_YAML
  return wg_yaml_scan(build, text, size);
#else
  return wg_build_problem(build, 1, 0,
                          "no JSON, which begins with '{' or '['; this build does not read YAML");
#endif
}

WgDoc *wg_doc_parse_within(const char *bytes, gsize size, WgDocFormat format,
                           const WgDocBounds *bounds, WgProblems *problems) {
  WgDoc *doc = NULL;
  WgBuild build;

  wg_build_init(&build, bounds, problems);
  if (scan(&build, bytes, size, format)) {
    doc = g_new0(WgDoc, 1);
    doc->root = g_steal_pointer(&build.root);
    doc->lines = g_steal_pointer(&build.lines);
  }
  wg_build_clear(&build);
  return doc;
}

WgDoc *wg_doc_parse(const char *bytes, gsize size, WgDocFormat format, WgProblems *problems) {
  return wg_doc_parse_within(bytes, size, format, &usual, problems);
}

void wg_doc_free(WgDoc *doc) {
  if (!doc)
    return;
  json_node_unref(doc->root);
  g_hash_table_unref(doc->lines);
  g_free(doc);
}

JsonNode *wg_doc_root(WgDoc *doc) {
  return doc->root;
}

guint wg_doc_line(const WgDoc *doc, const char *pointer) {
  g_autofree char *rest = g_strdup(pointer);
  JsonNode *node;

  while (!(node = wg_json_pointer(doc->root, rest))) {
    char *slash = strrchr(rest, '/');
    if (!slash)
      return 0;
    *slash = '\0';
  }
  return GPOINTER_TO_UINT(g_hash_table_lookup(doc->lines, node));
}
