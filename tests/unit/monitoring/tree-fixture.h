/* tree-fixture.h: a tree of plain files that looks like control groups or /proc. */
#pragma once

#include <glib.h>

typedef struct {
  char *path; /* of the directory, removed at the end */
  int fd;
} Tree;

void tree_init(Tree *tree);
void tree_clear(Tree *tree);
/* Writes DIR/NAME below the tree, making the directories; in place, so that an open descriptor sees
 * it. */
void tree_write(Tree *tree, const char *name, const char *text);
/* Removes one file, or a directory with all that is in it. */
void tree_remove(Tree *tree, const char *name);
/* A group of that path with the files that a kernel of today has; `seed` makes numbers. */
void tree_group(Tree *tree, const char *path, guint seed);
