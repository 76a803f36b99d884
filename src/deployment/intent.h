/* intent.h: what undoing a transaction needs to know, stored in its record before the first change.
 *
 * Pure: a struct and its JSON. Unit files and data that were there before are kept on the disk
 * beside it (unit-files.h, backup.h) under names made of the transaction's number. */
#pragma once

#include "deployment/record.h"

typedef struct {
  gboolean reused;    /* the release `to` was there before */
  gboolean backup;    /* data was copied aside: the manifest's `backup` */
  gboolean snapshot;  /* the state directory is, before it is migrated */
  char **start;       /* units that the new release starts */
  char **active;      /* units that were up before: they are again after an undo */
  char **enable;      /* units that were newly enabled */
  char **invocations; /* of `active`, in their order: that of an undone one is another */
  /* what the old release has and the new one does not (claims.h): stopped before the switch, the
   * rest gone with the commit */
  char **stop, **disable, **remove;
  /* units of others that were up and are stopped with these; those that need only ones that go */
  char **dependents, **orphans;
} DplIntent;

void dpl_intent_clear(DplIntent *intent);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplIntent, dpl_intent_clear)
char *dpl_intent_to_text(const DplIntent *intent);
/* An empty one from NULL or what is no intent: then nothing was changed. Vectors are never NULL. */
void dpl_intent_from_text(const char *text, DplIntent *ret);

/* Names below backup/ of a target: "42", "42-state", "42-units". Free with g_free(). */
char *dpl_intent_backup(const DplRecord *record);
char *dpl_intent_snapshot(const DplRecord *record);
char *dpl_intent_units(const DplRecord *record);
