/* site-look.h: what the disk says about targets: their descriptions in targets.d, and where each
 * link `current` leads. It is looked at on a worker thread, since a target may lie on a disk that
 * hangs; nothing is changed. */
#pragma once

#include "deployment/targets.h"

typedef struct {
  char *name, *root;
  char *current; /* release; NULL: none */
  char *trouble; /* why the link cannot be read; NULL: it could */
} DplSeen;

typedef struct {
  guint64 number;     /* of the look; a later one is newer */
  DplSites *sites;    /* as targets.d has them now; NULL: they were not read */
  GPtrArray *seen;    /* DplSeen, in no order, each name once */
  GPtrArray *refused; /* sentences: what is wrong with files of targets.d */
} DplLook;

DplLook *dpl_look_new(void);
void dpl_look_free(DplLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplLook, dpl_look_free)
/* One to look at; a name that is there already is left as it is. */
void dpl_look_add(DplLook *look, const char *name, const char *root);
/* Takes `look`; `dirs`: configuration directories, whose targets are read and looked at, too; NULL:
 * none. `done` is called on the loop and borrows the look, which is freed after it. */
typedef void (*DplLookFunc)(DplLook *look, gpointer data);
void dpl_look_run(DplLook *look, char **dirs, DplLookFunc done, gpointer data);
