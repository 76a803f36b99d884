/* tree-parse.c: the text of a tree file, from a disk that may have failed or a hand that may mean
 * ill; see tree.h. What is accepted is exactly what dpl_tree_text() would write: at the end the
 * text is made again and compared, so there is no second spelling of anything. */
#include "deployment/tree.h"

#include <string.h>

typedef struct {
  char *at;   /* the rest of the line; fields are cut off it */
  guint line; /* from 1 */
} Line;

static gboolean bad(GError **error, guint line, const char *what) {
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "line %u of the tree file: %s", line, what);
  return FALSE;
}

static char *field(Line *line) {
  return line->at ? strsep(&line->at, " ") : NULL;
}

static gboolean number(const char *text, guint base, guint64 max, guint64 *ret) {
  return text && g_ascii_string_to_unsigned(text, base, 0, max, ret, NULL);
}

static gboolean owner(const char *text, guint32 *ret) {
  guint64 n = DPL_TREE_OURS;

  if (!text || (strcmp(text, "-") != 0 && !number(text, 10, DPL_TREE_OURS - 1, &n)))
    return FALSE;
  *ret = (guint32)n;
  return TRUE;
}

static gboolean file_fields(Line *line, DplEntry *e) {
  const char *size = field(line), *sha256 = field(line);

  return number(size, 10, G_MAXINT64, &e->size) && sha256 &&
         dpl_hex_parse_sha256(sha256, e->sha256);
}

/* Up to the path. */
static gboolean head_fields(Line *line, DplEntry *e) {
  const char *kind = field(line), *mode;
  static const char letters[] = "dfhl";
  guint64 n = 0;

  if (!kind || !*kind || kind[1] || !strchr(letters, *kind))
    return FALSE;
  e->kind = (DplEntryKind)(strchr(letters, *kind) - letters);
  if (e->kind == DPL_ENTRY_HARD_LINK)
    return TRUE;
  if (e->kind != DPL_ENTRY_LINK) {
    mode = field(line);
    if (!mode || strlen(mode) != 4 || !number(mode, 8, 07777, &n))
      return FALSE;
    e->mode = (guint16)n;
  }
  if (!owner(field(line), &e->uid) || !owner(field(line), &e->gid))
    return FALSE;
  return e->kind != DPL_ENTRY_FILE || file_fields(line, e);
}

static gboolean capability(Line *line, DplEntry *e) {
  static const char key[] = "capability=";
  const char *text = field(line);

  if (!text)
    return TRUE;
  if (!g_str_has_prefix(text, key) || strlen(text) > sizeof key + 256 ||
      strlen(text + sizeof key - 1) % 2 != 0)
    return FALSE;
  text += sizeof key - 1;
  if (!*text || text[strspn(text, "0123456789abcdef")])
    return FALSE;
  e->capability = g_strdup(text);
  return TRUE;
}

static gboolean path_fields(Line *line, DplEntry *e) {
  const char *text = field(line);

  e->path = text ? dpl_path_unescape(text) : NULL;
  g_autofree char *clean = e->path ? dpl_path_clean(e->path) : NULL;
  if (!clean || strcmp(clean, e->path) != 0)
    return FALSE;
  if (e->kind == DPL_ENTRY_HARD_LINK || e->kind == DPL_ENTRY_LINK) {
    text = field(line);
    e->target = text ? dpl_path_unescape(text) : NULL;
    if (!e->target || !*e->target || strlen(e->target) > 4095)
      return FALSE;
  }
  return (e->kind != DPL_ENTRY_FILE || capability(line, e)) && !line->at;
}

/* All that a line says about others: its directory, and what a hard link names, stand above. */
static const char *misplaced(DplTree *tree, const DplEntry *e) {
  if ((strcmp(e->path, ".") == 0) != (dpl_tree_n(tree) == 0))
    return "the first line, and no other, is the top directory \".\"";
  if (dpl_tree_n(tree) == 0)
    return e->kind == DPL_ENTRY_DIRECTORY ? NULL : "the top is no directory";
  g_autofree char *parent = g_path_get_dirname(e->path);
  const DplEntry *up = dpl_tree_find(tree, parent);
  if (!up || up->kind != DPL_ENTRY_DIRECTORY)
    return "its directory is not in the tree";
  const DplEntry *file = e->kind == DPL_ENTRY_HARD_LINK ? dpl_tree_find(tree, e->target) : NULL;
  if (e->kind == DPL_ENTRY_HARD_LINK && (!file || file->kind != DPL_ENTRY_FILE))
    return "a hard link to what is no file above it";
  return NULL;
}

static gboolean parse_line(DplTree *tree, Line *line, GError **error) {
  DplEntry e = {.uid = DPL_TREE_OURS, .gid = DPL_TREE_OURS};
  gboolean ok = head_fields(line, &e) && path_fields(line, &e);
  const char *wrong = ok ? misplaced(tree, &e) : "it is no entry of a tree";

  if (!wrong && dpl_tree_n(tree) >= DPL_TREE_ENTRIES_MAX)
    wrong = "too many entries";
  if (!wrong && !dpl_tree_add(tree, &e))
    wrong = "its path stands there twice";
  if (!wrong)
    return TRUE;
  g_free(e.path);
  g_free(e.target);
  g_free(e.capability);
  return bad(error, line->line, wrong);
}

/* Of the first byte where they differ. */
static guint line_of_difference(const char *a, gsize a_size, const char *b, gsize b_size) {
  guint line = 1;

  for (gsize i = 0; i < a_size && i < b_size && a[i] == b[i]; i++)
    line += a[i] == '\n';
  return line;
}

DplTree *dpl_tree_parse(const char *text, gsize size, GError **error) {
  static const gsize head = sizeof DPL_TREE_HEAD - 1;
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_autofree char *copy = g_malloc(size + 1);

  memcpy(copy, text, size);
  copy[size] = '\0';
  if (size > DPL_TREE_BYTES_MAX || size <= head || memcmp(text, DPL_TREE_HEAD, head) != 0) {
    bad(error, 1, "it does not begin as a tree file does");
    return NULL;
  }
  if (memchr(text, '\0', size) || text[size - 1] != '\n') {
    bad(error, 1, "it has a NUL, or its end is cut off");
    return NULL;
  }
  copy[size - 1] = '\0';
  char *rest = copy + head;
  for (guint n = 2; rest; n++) {
    Line line = {.at = strsep(&rest, "\n"), .line = n};
    if (!parse_line(tree, &line, error))
      return NULL;
  }
  gsize again_size;
  g_autofree char *again = dpl_tree_text(tree, &again_size);
  if (again_size != size || memcmp(again, text, size) != 0) {
    bad(error, line_of_difference(again, again_size, text, size),
        "it is not sorted or not spelled as waggle writes it");
    return NULL;
  }
  return g_steal_pointer(&tree);
}
