/* record-query.h: reading transactions that are over, for people and for roll-backs.
 *
 * All asynchronous, on the writer's thread; the answers come on the loop. Damaged records are left
 * out. */
#pragma once

#include "deployment/record-store.h"

/* `record` NULL: there is none (or `error` says why it is not known). Borrowed. */
typedef void (*DplFoundFunc)(const DplRecord *record, const GError *error, gpointer user_data);
void dpl_query_record(DplStore *store, guint64 id, DplFoundFunc found, gpointer user_data);
/* The transaction that committed `release` (an ID or a version) at the target last; NULL: the last
 * good one before `not_release` was deployed there (NULL: the last good one). `here`: only of these
 * releases; NULL: of any. */
void dpl_query_release(DplStore *store, const char *target, const char *release,
                       const char *not_release, const char *const *here, DplFoundFunc found,
                       gpointer user_data);

typedef struct {
  const char *target; /* NULL: any */
  const char *state;  /* by name; NULL: any */
  gint64 since;       /* CLOCK_REALTIME us of creation; 0: any */
  guint64 job;        /* 0: any */
  gboolean active;    /* only what has not ended */
  guint max;          /* 0: 100 */
} DplListOptions;
/* `node`: JSON, NULL with `error`. Borrowed. */
typedef void (*DplJsonFunc)(JsonNode *node, const GError *error, gpointer user_data);
/* Newest first: an array of records without their manifests and intents. */
void dpl_query_list(DplStore *store, const DplListOptions *options, DplJsonFunc done,
                    gpointer user_data);
/* One record with everything: "transitions": [{time, from, to, took, cause, who}], "results",
 * "manifest". NULL without error: there is none. */
void dpl_query_show(DplStore *store, guint64 id, DplJsonFunc done, gpointer user_data);
