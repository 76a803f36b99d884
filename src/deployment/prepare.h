/* prepare.h: from the bytes of a manifest to what the engine is asked for.
 *
 * Reading, judging and expanding for every target is work of a worker thread; the targets' files
 * are read anew each time, so that what an administrator has just written counts. */
#pragma once

#include "deployment/manifest.h"

#include "common/problems.h"

typedef struct {
  DplSite *site;
  DplManifest *manifest; /* made for `site` */
} DplPrepared;

typedef struct {
  /* given */
  int fd;     /* borrowed */
  char *base; /* absolute */
  DplSelection wanted;
  gboolean user_scope;
  char *hash;      /* what the manifest's has to be; NULL: any */
  DplBudgets most; /* what the configuration allows; 0: not asked */
  guint64 most_confirm;
  /* made */
  WgProblems *problems;
  gboolean is_other; /* the manifest has another hash */
  DplSites *sites;
  GPtrArray *prepared; /* of DplPrepared; NULL: the manifest is refused */
} DplPreparation;

void dpl_preparation_free(DplPreparation *preparation);
/* `targets`, `domain` and `labels` of an a{sv}. */
void dpl_preparation_select(DplPreparation *preparation, GVariant *options);

/* `error`: nothing could be read at all. What is wrong with the manifest stands in `problems`. */
typedef void (*DplPreparedFunc)(const GError *error, gpointer user_data);
/* Lives until `done`, which is called on the loop, never from inside. */
void dpl_prepare(DplPreparation *preparation, DplPreparedFunc done, gpointer user_data);
/* Once it is prepared: NULL when it may be acted on, else everything that is wrong. */
GError *dpl_preparation_refusal(const DplPreparation *preparation);
