/* shared.h: directories and files that live on over releases: they lie below shared/, and a release
 * has relative links to them.
 *
 * What is in shared/ is never overwritten or removed here. A release that brings something of its
 * own at such a place seeds shared/ with it the first time; later it is dropped in favour of the
 * link. A shared file that nobody brings is not made: the link then names what the application will
 * make. */
#pragma once

#include "deployment/tree.h"

/* Makes what is missing below shared/, puts the links into the tree at `dir` (which lies
 * `depth` directories below `root`: 2 for staging/X and releases/X), and into `tree`. Paths are
 * relative; INVALID_ARGUMENT: one lies in another, or is a file where a directory is meant. `dir`
 * -1: only `tree` is changed. Not synced. */
gboolean dpl_shared_link(int root, int dir, guint depth, const char *const *directories,
                         const char *const *files, DplTree *tree, GError **error);
