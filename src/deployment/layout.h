/* layout.h: what lies where below a target's root.
 *
 *     releases/ID/       one immutable tree; ID = first 16 digits of the tree's digest "-" UTC
 *     releases/ID.tree   its proof (tree.h); stands before the tree has its name
 *     current            -> releases/ID, the one that serves
 *     shared/            lives on over releases; linked into each
 *     staging/           trees that are being made, and trash; nothing in it has a meaning but
 *                        named-TXN -> ID, the name that a transaction gives its release
 *     failed/ID          releases that did not verify, with failed/ID.tree
 *     backup/TXN/        what a transaction may have to put back
 *     .waggle-target     the name of the target, so that no root is taken twice
 *
 * A target is opened once and handed on as a descriptor of its root; the root may be reached over
 * links, nothing below it may. One transaction a target at any time is the caller's to see to. */
#pragma once

#include "deployment/within.h"

#define DPL_DIR_RELEASES "releases"
#define DPL_DIR_SHARED "shared"
#define DPL_DIR_STAGING "staging"
#define DPL_DIR_FAILED "failed"
#define DPL_DIR_BACKUP "backup"
#define DPL_LINK_CURRENT "current"
#define DPL_FILE_TARGET ".waggle-target"
#define DPL_SUFFIX_TREE ".tree"
#define DPL_PREFIX_NOTE "named-"

/* Opens the root of the target `name`. `make`: makes it and its directories where they are missing
 * and marks it. WG_ERROR_INVALID_STATE: it is another target's, or has strange things in place of
 * ours, or (without `make`) was never one. WG_ERROR_NOT_AUTHORIZED: another user than the daemon's
 * or root owns it or may write to it. Returns a descriptor to close, or -1. */
int dpl_layout_open(const char *root, const char *name, gboolean make, GError **error);
/* FALSE: dpl_layout_open() with `make` would refuse it. Nothing is made. */
gboolean dpl_layout_usable(const char *root, const char *name, GError **error);

/* "0123456789abcdef-20261121T164000Z", "".. */
gboolean dpl_release_valid(const char *id);
/* From the hexadecimal digest of a tree and CLOCK_REALTIME us. Free with g_free(). */
char *dpl_release_id(const char *digest, guint64 realtime);
guint64 dpl_release_time(const char *id); /* us; 0: no valid ID */
/* A name of a transaction that may be a directory's: letters, digits, "-_." and no leading dot. */
gboolean dpl_transaction_valid(const char *txn);
