/* tree.c: the list of a tree's entries and its canonical text; see tree.h. Entries are kept where
 * they are, so that a thread may fill in one's digest while others are added; they are sorted when
 * somebody looks. */
#include "deployment/tree.h"

#include <fcntl.h>
#include <string.h>

struct DplTree {
  GPtrArray *entries;  /* DplEntry */
  GHashTable *by_path; /* borrowed from entries */
  gboolean sorted;
};

static void entry_free(gpointer data) {
  DplEntry *entry = data;

  if (!entry)
    return;
  g_free(entry->path);
  g_free(entry->target);
  g_free(entry->capability);
  g_free(entry);
}

DplTree *dpl_tree_new(void) {
  DplTree *tree = g_new0(DplTree, 1);

  tree->entries = g_ptr_array_new_with_free_func(entry_free);
  tree->by_path = g_hash_table_new(g_str_hash, g_str_equal);
  tree->sorted = TRUE;
  return tree;
}

void dpl_tree_free(DplTree *tree) {
  if (!tree)
    return;
  g_hash_table_unref(tree->by_path);
  g_ptr_array_unref(tree->entries);
  g_free(tree);
}

/* "." is the top and comes first whatever other names there are. */
static int compare_paths(const char *a, const char *b) {
  gboolean top_a = strcmp(a, ".") == 0, top_b = strcmp(b, ".") == 0;

  return top_a || top_b ? top_b - top_a : strcmp(a, b);
}

static int compare_entries(gconstpointer a, gconstpointer b) {
  const DplEntry *const *x = a, *const *y = b;

  return compare_paths((*x)->path, (*y)->path);
}

gboolean dpl_tree_add(DplTree *tree, const DplEntry *entry) {
  if (g_hash_table_contains(tree->by_path, entry->path))
    return FALSE;
  DplEntry *mine = g_memdup2(entry, sizeof *entry);
  if (tree->entries->len > 0 && tree->sorted)
    tree->sorted = compare_paths(((DplEntry *)tree->entries->pdata[tree->entries->len - 1])->path,
                                 mine->path) < 0;
  g_ptr_array_add(tree->entries, mine);
  g_hash_table_insert(tree->by_path, mine->path, mine);
  return TRUE;
}

DplEntry *dpl_tree_find(DplTree *tree, const char *path) {
  return g_hash_table_lookup(tree->by_path, path);
}

gboolean dpl_tree_remove(DplTree *tree, const char *path) {
  DplEntry *entry = g_hash_table_lookup(tree->by_path, path);

  if (!entry)
    return FALSE;
  g_hash_table_remove(tree->by_path, path);
  return g_ptr_array_remove(tree->entries, entry);
}

guint dpl_tree_n(const DplTree *tree) {
  return tree->entries->len;
}

static void sort(DplTree *tree) {
  if (!tree->sorted)
    g_ptr_array_sort(tree->entries, compare_entries);
  tree->sorted = TRUE;
}

const DplEntry *dpl_tree_at(DplTree *tree, guint i) {
  sort(tree);
  return g_ptr_array_index(tree->entries, i);
}

guint64 dpl_tree_bytes(DplTree *tree) {
  guint64 bytes = 0;

  for (guint i = 0; i < tree->entries->len; i++) {
    const DplEntry *e = g_ptr_array_index(tree->entries, i);
    bytes += e->kind == DPL_ENTRY_FILE ? e->size : 0;
  }
  return bytes;
}

static void put_owner(GString *s, guint32 id) {
  if (id == DPL_TREE_OURS)
    g_string_append(s, "- ");
  else
    g_string_append_printf(s, "%u ", id);
}

static void put_path(GString *s, const char *path) {
  g_autofree char *escaped = dpl_path_escape(path);

  g_string_append(s, escaped);
}

static void put_entry(GString *s, const DplEntry *e) {
  static const char letters[] = {[DPL_ENTRY_DIRECTORY] = 'd',
                                 [DPL_ENTRY_FILE] = 'f',
                                 [DPL_ENTRY_HARD_LINK] = 'h',
                                 [DPL_ENTRY_LINK] = 'l'};

  g_string_append_c(s, letters[e->kind]);
  g_string_append_c(s, ' ');
  if (e->kind == DPL_ENTRY_DIRECTORY || e->kind == DPL_ENTRY_FILE)
    g_string_append_printf(s, "%04o ", e->mode & 07777U);
  if (e->kind != DPL_ENTRY_HARD_LINK) {
    put_owner(s, e->uid);
    put_owner(s, e->gid);
  }
  if (e->kind == DPL_ENTRY_FILE) {
    g_autofree char *hex = dpl_hex(e->sha256, sizeof e->sha256);
    g_string_append_printf(s, "%" G_GUINT64_FORMAT " %s ", e->size, hex);
  }
  put_path(s, e->path);
  if (e->target) {
    g_string_append_c(s, ' ');
    put_path(s, e->target);
  }
  if (e->capability)
    g_string_append_printf(s, " capability=%s", e->capability);
  g_string_append_c(s, '\n');
}

char *dpl_tree_text(DplTree *tree, gsize *ret_size) {
  GString *s = g_string_sized_new(128 * (gsize)tree->entries->len + 32);

  sort(tree);
  g_string_append(s, DPL_TREE_HEAD);
  for (guint i = 0; i < tree->entries->len; i++)
    put_entry(s, g_ptr_array_index(tree->entries, i));
  if (ret_size)
    *ret_size = s->len;
  return g_string_free(s, FALSE);
}

char *dpl_tree_digest(DplTree *tree) {
  gsize size;
  g_autofree char *text = dpl_tree_text(tree, &size);

  return dpl_tree_text_digest(text, size);
}

char *dpl_tree_text_digest(const char *text, gsize size) {
  g_autoptr(DplDigest) digest = dpl_digest_new(DPL_SHA256);
  guint8 sha256[DPL_SHA256_SIZE];

  dpl_digest_add(digest, text, size);
  dpl_digest_end(digest, sha256);
  return dpl_hex(sha256, sizeof sha256);
}

DplTree *dpl_tree_read(int dir, const char *path, const char *digest, GError **error) {
  g_autofree char *text = NULL;
  gsize size;

  if (!dpl_within_read(dir, path, DPL_TREE_BYTES_MAX, &text, &size, error))
    return NULL;
  g_autofree char *is = dpl_tree_text_digest(text, size);
  if (digest && strncmp(is, digest, strlen(digest)) != 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                "the tree file %s is not the one it was (digest %s, not %s): the release can no "
                "longer be proven, deploy it again",
                path, is, digest);
    return NULL;
  }
  g_autoptr(DplTree) tree = dpl_tree_parse(text, size, error);
  if (!tree)
    g_prefix_error(error, "%s: ", path);
  return g_steal_pointer(&tree);
}
