/* local.h: what the types of checks that look at this machine share: files below the world's root,
 * and values of a sight.
 *
 * Paths are looked up as a process with that root would (symbolic links stay inside). Opening never
 * blocks: not on a pipe without a writer, not on a terminal, and makes nobody's controlling
 * terminal. Nothing is ever written. */
#pragma once

#include "checks/check.h"

#include <sys/stat.h>

/* A descriptor (the caller's) or a negative errno. `flags` as for open(2), without O_CREAT. */
int chk_local_open(const ChkLook *look, const char *path, int flags);
/* What is there: 0 or a negative errno. `follow`: what a symbolic link leads to. */
int chk_local_stat(const ChkLook *look, const char *path, gboolean follow, struct stat *ret);
/* A whole regular file of at most `max` bytes (a NUL follows them). NULL with an error that names
 * the path: not there, no regular file, too large, the look is over. */
char *chk_local_read(const ChkLook *look, const char *path, gsize max, gsize *ret_size,
                     GError **error);
/* TRUE for what means "is not there". */
gboolean chk_local_absent(int r);
/* Ends the sight: `path` could not be looked at, because of the errno `r`. */
void chk_local_unknown(ChkSight *sight, const char *path, int r);

/* TRUE only when `key` is asserted: for what costs too much to be looked at unasked. */
gboolean chk_asks(const ChkLook *look, const char *key);

/* Values. A NULL text is absent; what is no UTF-8 is made so. */
void chk_set_text(JsonObject *values, const char *key, const char *text);
void chk_set_text_n(JsonObject *values, const char *key, const char *text, gsize size);
void chk_set_texts(JsonObject *values, const char *key, const char *const *texts);
/* Takes the array; sorts its texts by bytes and drops doubles. */
void chk_set_sorted(JsonObject *values, const char *key, GPtrArray *texts);
void chk_set_mode(JsonObject *values, const char *key, mode_t mode);
/* CLOCK_REALTIME us as RFC 3339 in UTC. */
void chk_set_time(JsonObject *values, const char *key, guint64 usec);
/* Owner, group, uid, gid, mode of a file; names from the root's own tables. */
void chk_set_owner(const ChkLook *look, JsonObject *values, const struct stat *st);
