/* tree-scan.h: what lies in a directory, as entries of a tree without digests; for building and
 * for comparing trees only. */
#pragma once

#include "deployment/tree.h"

#define DPL_SCAN_DEPTH_MAX 256

typedef enum {
  DPL_ODD_SPECIAL, /* a socket or fifo */
  DPL_ODD_DEVICE,
  DPL_ODD_MOUNT,
  DPL_ODD_ACL, /* a directory whose access list lets in more than its mode tells */
} DplOddKind;

typedef struct {
  DplOddKind kind;
  char *path;
} DplOdd;

/* Fills `tree` (empty) and, with what can be no part of a tree, `odd` (DplOdd). Links are read,
 * hard links found; the first name in the order of the tree is the file. */
gboolean dpl_scan(int dir, DplTree *tree, GPtrArray *odd, const DplWork *work, GError **error);
void dpl_odd_free(gpointer odd);
const char *dpl_odd_text(DplOddKind kind);

/* The file's capability attribute in hexadecimal, or NULL; `acl`: it has an access list. */
char *dpl_scan_capability(int fd, gboolean *ret_acl);
