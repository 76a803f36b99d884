/* record-private.h: inside of the store of transactions (record-store.h). */
#pragma once

#include "deployment/record-store.h"

extern const WgMigration dpl_migrations[];

/* One transition as the writer gets it: everything is made into texts on the loop. */
typedef struct {
  guint64 id, job;
  char *target, *root, *state, *record;
  gboolean is_new, live, good, has_from;
  char *manifest; /* its hash; of a new one */
  char *from, *cause, *who, *results, *digest, *release, *failure;
  gint64 created, ended, time, poison_until;
  guint64 frozen; /* G_MAXUINT64: as it is */
  char *job_record;
  guint64 job_id;
  gboolean job_live;
} DplRow;

void dpl_row_init(DplRow *row, const DplWrite *write);
void dpl_row_clear(DplRow *row);
/* Writer's thread. FALSE: the batch has failed. */
gboolean dpl_row_write(DplStore *store, const DplRow *row);

/* record-audit.c: one entry more; `what` is JSON. Writer's thread, inside a batch. */
gboolean dpl_audit_append(DplStore *store, gint64 time, const char *what);
/* The row of a target as one text, for its checksum. */
char *dpl_target_text(const char *name, const char *root, const char *good, guint64 good_txn,
                      guint64 frozen);
