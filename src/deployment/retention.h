/* retention.h: which releases go. Choosing is pure; removing is crash-safe: the tree is renamed
 * into staging/ first, then its tree file goes, then the bytes. Never chosen: the current one and
 * those in `keep`, which has the last verified-good one and those that a transaction uses. */
#pragma once

#include "deployment/layout.h"

typedef struct {
  char *id;
  guint64 bytes; /* by its tree file; 0 when it has none */
  guint64 time;  /* us: from the ID; of failed ones: when it was put there */
  guint64 put;   /* us: its directory's last change, for those whose IDs have one second */
} DplRelease;

typedef struct {
  guint count;        /* how many stay, the current among them; 0: no limit, as for all */
  guint64 bytes, age; /* of all releases; us */
  gboolean no_failed; /* of failed/ nothing stays, whatever else is said */
  guint failed_count; /* the same for failed/ */
  guint64 failed_bytes, failed_age;
} DplRetention;

void dpl_release_free(DplRelease *release);
/* Of `directory` (DPL_DIR_RELEASES, DPL_DIR_FAILED), newest first; names that are no ID are left
 * out. NULL sets error. */
GPtrArray *dpl_releases(int root, const char *directory, GError **error);
/* The IDs alone, without looking into them; in no order. NULL sets error. */
char **dpl_release_ids(int root, const char *directory, GError **error);
/* IDs of `releases` that have to go, oldest first; borrowed from it. */
GPtrArray *dpl_retention_choose(GPtrArray *releases, guint count, guint64 bytes, guint64 age,
                                guint64 now, const char *const *keep);
/* Does it for releases/ and failed/, and empties the trash that a crash left. `ret_removed` (may be
 * NULL): the IDs. `now`: CLOCK_REALTIME us. */
gboolean dpl_retention_apply(int root, const DplRetention *retention, const char *const *keep,
                             guint64 now, const DplWork *work, char ***ret_removed, GError **error);
/* For failed/ alone: after a failure, when the rest is none of its business. */
gboolean dpl_retention_failed(int root, const DplRetention *retention, guint64 now,
                              const DplWork *work, GError **error);
/* One release (never the current one: INVALID_STATE). Absent is success. */
gboolean dpl_release_remove(int root, const char *directory, const char *id, const DplWork *work,
                            GError **error);
/* releases/ID to failed/ID, for a look at it; never the current one. Idempotent. */
gboolean dpl_release_fail(int root, const char *id, GError **error);
