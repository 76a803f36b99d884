/* tree-links.h: changes to a tree's list that concern more than one entry. */
#pragma once

#include "deployment/tree.h"

/* Of the names of one file the first in order becomes the file, the others link to it: the one
 * canonical way. */
void dpl_tree_order_links(DplTree *tree);
/* Takes out a path and all below it. A file with more names lives on under the next of them. Absent
 * is nothing. */
void dpl_tree_drop(DplTree *tree, const char *path);
