/* unit-files.h: unit files in the manager's directory, with what stood there before kept.
 *
 * Synchronous, for a worker thread (work.h says how it ends and fails). `directory` is a descriptor
 * of the directory for units (system: of the build's option; user: below XDG_CONFIG_HOME); `keep`
 * one of a directory of the transaction alone.
 *
 * Keep first, then write: dpl_unit_files_keep() is durable before it returns, and its list is
 * written last, so there is a whole one or none. Restoring works from `keep` alone, may be repeated
 * after a crash at any point, and leaves the bytes, modes and links that stood there. */
#pragma once

#include "deployment/work.h"

typedef struct {
  char *path;      /* below the directory: "shop.service", "shop.service.d/50-waggle.conf" */
  char *link;      /* it becomes a link to this absolute path; NULL: a file */
  GBytes *content; /* of the file */
} DplUnitFile;

void dpl_unit_file_free(DplUnitFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplUnitFile, dpl_unit_file_free)

/* "shop.service", "shop@.service", "shop@7.socket"; a slice, a scope or a name that systemd would
 * not load is none. */
gboolean dpl_unit_name_valid(const char *name);
/* "shop@7.service": "shop@.service"; NULL: no instance. Free with g_free(). */
char *dpl_unit_template(const char *name);

/* Opens the directory, made if missing. -1 sets error. */
int dpl_unit_directory_open(const char *path, GError **error);
/* For each path of `install` and `link` below `tree` (a release) one DplUnitFile; the linked ones
 * point below `link_base` (the target's `current`, absolute). For each unit of `ordered` (NULL:
 * none) a drop-in after the recovery of deployments. NULL sets error: a name that is no unit's, two
 * of one name, a file that is missing, no regular file, larger than 1 MiB or with a NUL. */
GPtrArray *dpl_unit_files_read(int tree, const char *const *install, const char *const *link,
                               const char *link_base, const char *const *ordered, GError **error);

/* What stands at the paths of `files` is copied to `keep`. A whole list of an earlier try is left
 * as it is: what stands there now may be new already. */
gboolean dpl_unit_files_keep(int directory, int keep, const GPtrArray *files, const DplWork *work,
                             GError **error);
/* Durable when it returns. `ret_changed` (may be NULL): how many were not so before. */
gboolean dpl_unit_files_write(int directory, const GPtrArray *files, const DplWork *work,
                              guint *ret_changed, GError **error);
/* Without a whole list nothing was written, so nothing is done. `leave` (NULL: none) tells of paths
 * that are left as they are. */
gboolean dpl_unit_files_restore(int directory, int keep,
                                gboolean (*leave)(const char *path, gpointer data), gpointer data,
                                const DplWork *work, guint *ret_changed, GError **error);
/* Durably; one that is not there is removed. Paths as in DplUnitFile. */
gboolean dpl_unit_files_remove(int directory, const char *const *paths, const DplWork *work,
                               GError **error);
/* Which of `files` differ from what stands there, for a plan: paths, (transfer full). */
char **dpl_unit_files_differ(int directory, const GPtrArray *files, GError **error);
