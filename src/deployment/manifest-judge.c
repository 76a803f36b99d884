/* manifest-judge.c: values that the form of a manifest lets through and that cannot be: paths that
 * lead out, names that are none, rules between keys. A text with variables in it is judged once
 * they are put in. */
#include "deployment/manifest-private.h"
#include "deployment/unit-files.h"

#include <string.h>

#define PATH_LENGTH_MAX 4095

gboolean dpl_is_open(const DplManifest *m, const char *text) {
  return !m->is_expanded && dpl_vars_needed(text);
}

/* ---- paths and names ---- */
static gboolean in_tree(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);

  for (guint i = 0; parts[i]; i++)
    if (!*parts[i] || strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
      return FALSE;
  return parts[0] && strlen(path) <= PATH_LENGTH_MAX;
}

static void want_in_tree(const DplManifest *m, WgReader *r, const char *key, const char *path) {
  if (path && !dpl_is_open(m, path) && !in_tree(path))
    wg_reader_problem(
        r, key, "'%.200s' is no path in a release: relative, without '.', '..' and '//'", path);
}

static void want_all_in_tree(const DplManifest *m, WgReader *r, const char *key, char **paths) {
  for (guint i = 0; paths && paths[i]; i++)
    want_in_tree(m, r, key, paths[i]);
}

static gboolean is_absolute(const char *path) {
  return *path == '/' && in_tree(path + 1);
}

/* One that can be started is no template without an instance. */
static void want_unit(const DplManifest *m, WgReader *r, const char *key, const char *name,
                      gboolean file) {
  if (dpl_is_open(m, name))
    return;
  if (!dpl_unit_name_valid(name))
    wg_reader_problem(r, key, "'%.200s' is no name of a unit, as shop.service", name);
  else if (!file && strstr(name, "@."))
    wg_reader_problem(r, key, "'%.200s' is a template; give an instance of it", name);
}

/* ---- parts ---- */
void dpl_judge_top(const DplManifest *m, WgReader *r) {
  if (m->name && !dpl_name_valid(m->name))
    wg_reader_problem(r, "name",
                      "'%.80s' is no name: letters, digits, '.', '_', '-' and '@', at most 64, not "
                      "first '.' or '-'",
                      m->name);
  if (m->version && dpl_vars_needed(m->version))
    wg_reader_problem(r, "version", "a version has no variables in it");
  for (guint i = 0; m->backup && m->backup[i]; i++)
    if (!dpl_is_open(m, m->backup[i]) && !is_absolute(m->backup[i]))
      wg_reader_problem(r, "backup", "'%.200s' is no absolute path without '.', '..' and '//'",
                        m->backup[i]);
}

void dpl_judge_artifact(const DplManifest *m, const DplArtifactSpec *a, WgReader *r) {
  if (a->sha256 && !dpl_is_open(m, a->sha256) &&
      (strlen(a->sha256) != 64 || strspn(a->sha256, "0123456789abcdefABCDEF") != 64))
    wg_reader_problem(r, "sha256", "'sha256' has 64 hexadecimal digits");
  if (a->into && strcmp(a->into, ".") != 0)
    want_in_tree(m, r, "into", a->into);
}

void dpl_judge_configuration(const DplManifest *m, const DplConfiguration *c, WgReader *r) {
  want_in_tree(m, r, "file", c->file);
  want_in_tree(m, r, "template", c->template);
  if (wg_reader_has(r, "from") + wg_reader_has(r, "template") + wg_reader_has(r, "content") != 1)
    wg_reader_problem(r, NULL, "one of 'from', 'template' and 'content' says what is in the file");
  for (guint i = 0; c->file && i < m->configuration->len; i++)
    if (g_strcmp0(((DplConfiguration *)m->configuration->pdata[i])->file, c->file) == 0)
      wg_reader_problem(r, "file", "/configuration/%u makes the same file", i);
}

/* One in the other would be a link into a link. */
static void refuse_nested(WgReader *r, const char *key, const char *a, const char *b) {
  gsize n = strlen(a);

  if (strncmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0'))
    wg_reader_problem(r, key, "'%.200s' lies in '%.200s', which is shared, too", b, a);
}

void dpl_judge_shared(const DplManifest *m, WgReader *r) {
  char **lists[] = {m->shared.directories, m->shared.files};
  static const char *const keys[] = {"directories", "files"};

  for (guint i = 0; i < 2; i++)
    want_all_in_tree(m, r, keys[i], lists[i]);
  for (guint i = 0; i < 2; i++)
    for (guint a = 0; lists[i] && lists[i][a]; a++)
      for (guint k = 0; k < 2; k++)
        for (guint b = 0; lists[k] && lists[k][b]; b++)
          if (i != k || a != b)
            if (strcmp(lists[i][a], lists[k][b]) != 0 || i * 10000 + a < k * 10000 + b)
              refuse_nested(r, keys[k], lists[i][a], lists[k][b]);
}

static void judge_unit_files(const DplManifest *m, WgReader *r, const char *key, char **paths,
                             GHashTable *seen) {
  for (guint i = 0; paths && paths[i]; i++) {
    g_autofree char *name = g_path_get_basename(paths[i]);
    want_in_tree(m, r, key, paths[i]);
    want_unit(m, r, key, name, TRUE);
    if (!g_hash_table_add(seen, g_steal_pointer(&name)))
      wg_reader_problem(r, key, "'%.200s': a unit file of that name is here already", paths[i]);
  }
}

void dpl_judge_units(const DplManifest *m, WgReader *r) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  static const char *const keys[] = {"enable", "start", "reload"};
  char **lists[] = {m->units.enable, m->units.start, m->units.reload};

  judge_unit_files(m, r, "install", m->units.install, seen);
  judge_unit_files(m, r, "link", m->units.link, seen);
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint k = 0; lists[i] && lists[i][k]; k++) {
      want_unit(m, r, keys[i], lists[i][k], FALSE);
      for (guint before = 0; before < k; before++)
        if (strcmp(lists[i][k], lists[i][before]) == 0)
          wg_reader_problem(r, keys[i], "'%.200s' is here twice", lists[i][k]);
    }
  for (guint i = 0; m->units.reload && m->units.reload[i]; i++)
    if (m->units.start && g_strv_contains((const char *const *)m->units.start, m->units.reload[i]))
      wg_reader_problem(r, "reload", "'%.200s' is under 'start', too; which one counts?",
                        m->units.reload[i]);
}

/* ---- state ---- */
static gboolean take_number(const char **p, guint64 *ret) {
  char *end;

  if (!g_ascii_isdigit(**p))
    return FALSE;
  *ret = g_ascii_strtoull(*p, &end, 10);
  *p = end;
  return *ret <= 1000000000;
}

static gboolean parse_range(const char *text, guint64 *from, guint64 *to) {
  const char *p = text;

  if (!take_number(&p, from))
    return FALSE;
  *to = *from;
  if (!*p)
    return TRUE;
  if (!g_str_has_prefix(p, ".."))
    return FALSE;
  p += 2;
  return take_number(&p, to) && !*p && *from <= *to;
}

void dpl_judge_state(DplManifest *m, WgReader *r) {
  DplStateSpec *s = &m->state;

  if (s->directory && !dpl_is_open(m, s->directory) && !is_absolute(s->directory))
    wg_reader_problem(r, "directory", "'%.200s' is no absolute path without '.', '..' and '//'",
                      s->directory);
  if (!wg_reader_has(r, "writes"))
    s->writes = s->schema;
  s->reads_from = s->reads_to = s->schema;
  if (s->reads && !parse_range(s->reads, &s->reads_from, &s->reads_to))
    wg_reader_problem(r, "reads", "'%.80s' is no range of versions, as \"5..7\" or \"7\"",
                      s->reads);
  else if (s->schema < s->reads_from || s->schema > s->reads_to)
    wg_reader_problem(r, "schema", "the release cannot read %" G_GUINT64_FORMAT " (\"reads\")",
                      s->schema);
  else if (s->writes < s->reads_from || s->writes > s->reads_to)
    wg_reader_problem(r, "writes", "the release cannot read %" G_GUINT64_FORMAT " (\"reads\")",
                      s->writes);
}

/* ---- ports ---- */
static char *port_text(const DplManifest *m, JsonNode *node) {
  const char *text = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
  guint64 port;

  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64) {
    gint64 n = json_node_get_int(node);
    return n >= 1 && n <= 65535 ? g_strdup_printf("%d", (int)n) : NULL;
  }
  if (text && (dpl_is_open(m, text) || g_ascii_string_to_unsigned(text, 10, 1, 65535, &port, NULL)))
    return g_strdup(text);
  return NULL;
}

void dpl_judge_ports(DplManifest *m, WgReader *r) {
  g_autoptr(GStrvBuilder) ports = g_strv_builder_new();
  guint n = dpl_keys_length(r, "ports-free");

  for (guint i = 0; i < n; i++) {
    g_autofree char *port = port_text(m, wg_reader_element_node(r, "ports-free", i));
    if (port)
      g_strv_builder_add(ports, port);
    else
      wg_reader_problem(r, "ports-free", "element %u is no TCP port: 1 to 65535", i);
  }
  m->require.ports = g_strv_builder_end(ports);
}
