/* fuzz-tree.c: any bytes as a tree file. What is accepted has these bytes as its one text, names
 * nothing outside, and every entry has its directory. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/tree.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(DplTree *tree) {
  for (guint i = 0; i < dpl_tree_n(tree); i++) {
    const DplEntry *e = dpl_tree_at(tree, i);
    g_autofree char *clean = dpl_path_clean(e->path), *up = g_path_get_dirname(e->path);
    g_assert_cmpstr(clean, ==, e->path);
    g_assert_cmpuint(e->mode, <=, 07777);
    const DplEntry *parent = dpl_tree_find(tree, up);
    g_assert_true(parent && parent->kind == DPL_ENTRY_DIRECTORY);
    if (e->kind == DPL_ENTRY_HARD_LINK)
      g_assert_true(dpl_tree_find(tree, e->target)->kind == DPL_ENTRY_FILE);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_parse((const char *)data, size, &error);

  g_assert_true((tree == NULL) == (error != NULL));
  if (!tree)
    return 0;
  gsize again_size;
  g_autofree char *again = dpl_tree_text(tree, &again_size);
  g_assert_cmpmem(again, again_size, data, size);
  check(tree);
  return 0;
}
