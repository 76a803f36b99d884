/* seals.h: releases whose files the kernel itself guards: fs-verity.
 *
 * Where the configuration wants it and the file system has it (ext4 with the feature verity, btrfs,
 * f2fs), each file of a release is sealed when it is staged: nobody can write to it any more, root
 * neither, and a block that was altered below the file system is not read. The kernel then tells a
 * digest of the whole content at once, so that a proof need not read what is sealed.
 *
 * Which digest each file has to have stands in a file of the state directory, named by the digest
 * of the release's tree: it follows from the content alone, so it is true of each release with that
 * tree, on whatever target. Who replaces a sealed file has one without a seal, or with another one;
 * such a file is read. Absence of all this is no error anywhere. */
#pragma once

#include "deployment/tree.h"

typedef struct DplSeals DplSeals;

/* Once, before any worker: where they are kept ("seals" below `state`). Without it there are none.
 */
void dpl_seals_init(const char *state);

/* Seals each file of `dir`, which is what `tree` says and which nobody writes to, and keeps the
 * digests under `digest` (64 digits). What cannot be sealed stays as it is. FALSE: I/O, no space.
 */
gboolean dpl_seals_make(DplTree *tree, int dir, const char *digest, const DplWork *work,
                        GError **error);

/* NULL: none are known. Any thread; free with dpl_seals_free(). */
DplSeals *dpl_seals_load(const char *digest);
void dpl_seals_free(DplSeals *seals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSeals, dpl_seals_free)
/* Whether it has to have one, and whether it does: then its content is what was released. */
gboolean dpl_seals_know(const DplSeals *seals, const char *path);
gboolean dpl_seals_hold(const DplSeals *seals, const char *path, int fd);
