/* tree-links.c: see tree-links.h. A hard link always names an entry that is a file, never another
 * hard link; both functions keep that. */
#include "deployment/tree-links.h"

#include <string.h>

/* `heir`, a hard link of `file`, becomes the file; the entry `file` is a hard link then. */
static void inherit(DplEntry *file, DplEntry *heir) {
  heir->kind = DPL_ENTRY_FILE;
  heir->mode = file->mode;
  heir->uid = file->uid;
  heir->gid = file->gid;
  heir->size = file->size;
  memcpy(heir->sha256, file->sha256, sizeof heir->sha256);
  heir->capability = g_steal_pointer(&file->capability);
  g_clear_pointer(&heir->target, g_free);
  file->kind = DPL_ENTRY_HARD_LINK;
  file->target = g_strdup(heir->path);
}

static void retarget(DplTree *tree, const char *from, const DplEntry *to) {
  g_autofree char *old = g_strdup(from);

  for (guint i = 0; i < dpl_tree_n(tree); i++) {
    DplEntry *e = (DplEntry *)dpl_tree_at(tree, i);
    if (e->kind != DPL_ENTRY_HARD_LINK || strcmp(e->target, old) != 0)
      continue;
    g_free(e->target);
    e->target = g_strdup(to->path);
  }
}

/* The first of the hard links of each file: file -> entry. */
static GHashTable *first_links(DplTree *tree) {
  GHashTable *firsts = g_hash_table_new(NULL, NULL);

  for (guint i = 0; i < dpl_tree_n(tree); i++) {
    const DplEntry *e = dpl_tree_at(tree, i);
    DplEntry *file = e->kind == DPL_ENTRY_HARD_LINK ? dpl_tree_find(tree, e->target) : NULL;
    if (file && !g_hash_table_contains(firsts, file))
      g_hash_table_insert(firsts, file, (gpointer)e);
  }
  return firsts;
}

void dpl_tree_order_links(DplTree *tree) {
  g_autoptr(GHashTable) firsts = first_links(tree);
  g_autoptr(GHashTable) moved = g_hash_table_new(g_str_hash, g_str_equal); /* old file -> heir */
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, firsts);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    DplEntry *file = key, *heir = value;
    if (strcmp(heir->path, file->path) >= 0)
      continue;
    inherit(file, heir);
    g_hash_table_insert(moved, file->path, heir);
  }
  for (guint i = 0; g_hash_table_size(moved) > 0 && i < dpl_tree_n(tree); i++) {
    DplEntry *e = (DplEntry *)dpl_tree_at(tree, i);
    const DplEntry *heir =
        e->kind == DPL_ENTRY_HARD_LINK ? g_hash_table_lookup(moved, e->target) : NULL;
    if (!heir)
      continue;
    g_free(e->target);
    e->target = g_strdup(heir->path);
  }
}

static void drop_one(DplTree *tree, DplEntry *e) {
  if (e->kind == DPL_ENTRY_FILE) {
    DplEntry *heir = NULL;
    for (guint i = 0; !heir && i < dpl_tree_n(tree); i++) {
      DplEntry *other = (DplEntry *)dpl_tree_at(tree, i);
      if (other->kind == DPL_ENTRY_HARD_LINK && strcmp(other->target, e->path) == 0)
        heir = other;
    }
    if (heir) {
      inherit(e, heir);
      retarget(tree, e->path, heir);
    }
  }
  (void)dpl_tree_remove(tree, e->path);
}

void dpl_tree_drop(DplTree *tree, const char *path) {
  g_autoptr(GPtrArray) below = g_ptr_array_new();
  g_autofree char *prefix = g_strconcat(path, "/", NULL);
  DplEntry *self = dpl_tree_find(tree, path);

  if (!self)
    return;
  for (guint i = 0; self->kind == DPL_ENTRY_DIRECTORY && i < dpl_tree_n(tree); i++)
    if (g_str_has_prefix(dpl_tree_at(tree, i)->path, prefix))
      g_ptr_array_add(below, (gpointer)dpl_tree_at(tree, i));
  for (guint i = 0; i < below->len; i++)
    drop_one(tree, below->pdata[i]);
  drop_one(tree, self);
}
