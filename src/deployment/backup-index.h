/* backup-index.h: the list of what a backup has; for backup*.c only. */
#pragma once

#include "deployment/backup.h"

#define DPL_BACKUP_INDEX "index"
#define DPL_BACKUP_PATHS_MAX 1000

typedef struct {
  gboolean absent;
  char *path;   /* absolute */
  char *digest; /* of the tree file; NULL: absent */
} DplBackupItem;

GPtrArray *dpl_backup_items_new(void);
void dpl_backup_items_add(GPtrArray *items, const char *path, const char *digest);
char *dpl_backup_index_text(GPtrArray *items);
/* STORE_DAMAGED */
GPtrArray *dpl_backup_index_parse(const char *text, GError **error);

/* The directory of an absolute path, reached over no link, and its name in there (points into
 * `path`). -1: `ret_absent` tells that there is none, else `error` is set. */
int dpl_backup_reach(const char *path, const char **ret_name, gboolean *ret_absent, GError **error);
