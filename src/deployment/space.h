/* space.h: will it fit? What is asked is what the file system says is free for this user. */
#pragma once

#include "deployment/work.h"

typedef struct {
  guint64 bytes, inodes;             /* free for us */
  guint64 bytes_total, inodes_total; /* inodes: G_MAXUINT64 where the file system has no limit */
} DplSpace;

gboolean dpl_space(int fd, DplSpace *ret, GError **error);
/* STORE_FULL with both figures and what to do. `name`: whose directory `fd` is. */
gboolean dpl_space_need(int fd, const char *name, guint64 bytes, guint64 inodes, GError **error);
