/* within.h: paths below a directory that is open, and nothing else.
 *
 * A path is relative, without "..", and no component of it is followed when it is a symbolic link:
 * openat2(RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS) where the kernel has it, else one component after
 * the other with O_NOFOLLOW. So nothing that another user puts into a tree leads a daemon of root's
 * out of it. */
#pragma once

#include "deployment/work.h"

#include <sys/types.h>

/* "a//b/./c/" becomes "a/b/c", "." or "" becomes "."; NULL: absolute, has "..", a component longer
 * than 255 bytes, or is longer than 4095. Free with g_free(). */
char *dpl_path_clean(const char *path);
/* Bytes from 0x21 to 0x7e but the backslash stand for themselves, every other is \xHH. */
char *dpl_path_escape(const char *path);
/* The reverse; NULL unless `text` is exactly what dpl_path_escape() writes. */
char *dpl_path_unescape(const char *text);

/* A descriptor, or -1 with errno (ELOOP, ENOTDIR: a link stands in the way; EXDEV: it leads out).
 * O_CLOEXEC and O_NOFOLLOW are added. */
int dpl_within_open(int dir, const char *path, int flags, mode_t mode);
/* The directory that `path` lies in, made if missing (0755, `owner`s unless -1), and its last
 * component in `ret_name` (points into `path`). -1 with errno. */
int dpl_within_parent(int dir, const char *path, gboolean make, const char **ret_name);
/* All directories of `path`. 0, or -1 with errno. */
int dpl_within_make(int dir, const char *path);
/* The target of the link, (transfer full); NULL with errno. */
char *dpl_within_readlink(int dir, const char *path);
/* A whole file of at most `max` bytes, with a NUL behind. WG_ERROR_LIMITS_EXCEEDED when larger. */
gboolean dpl_within_read(int dir, const char *path, gsize max, char **ret, gsize *ret_size,
                         GError **error);
/* A new file with this content, synced (the directory is not). Replaces what is there by rename. */
gboolean dpl_within_write(int dir, const char *path, const char *bytes, gsize size, mode_t mode,
                          GError **error);
/* fsync of a directory below `dir` ("." for itself). */
gboolean dpl_within_sync(int dir, const char *path, GError **error);
/* Everything of one file system is on its disk, or an error: syncfs(). */
gboolean dpl_sync_all(int fd, const char *what, GError **error);

/* Removes a file or a whole tree, whatever the modes are; links are removed, never followed, and
 * nothing beyond a mount is touched. Absent is success. Cancellable half way. */
gboolean dpl_within_remove(int dir, const char *path, const DplWork *work, GError **error);
/* A directory `path`, new and empty, of our own group: an inherited one would get into every file.
 * What was there is removed. A descriptor, the caller's; -1 with an error. */
int dpl_within_begin(int dir, const char *path, const DplWork *work, GError **error);
