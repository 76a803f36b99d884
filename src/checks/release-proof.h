/* release-proof.h: a release's directory against its tree file ("waggle-tree 1", see
 * waggle-deployd), read from outside: nothing of the deployment is linked here. */
#pragma once

#include "checks/check.h"

typedef struct {
  char *digest;           /* SHA-256 of the tree file, hexadecimal */
  GPtrArray *differences; /* (element-type utf8), at most CHK_PROOF_TOLD of them */
  guint n_differences, n_files;
  guint64 size; /* bytes of the files */
} ChkProof;

#define CHK_PROOF_TOLD 20

/* Reads every file of it. FALSE: it could not be made (cancelled, no such files, a foreign tree
 * file). May block up to look->deadline. */
gboolean chk_proof_make(const ChkLook *look, const char *directory, const char *tree, ChkProof *ret,
                        GError **error);
void chk_proof_clear(ChkProof *proof);
