/* greenboot.h: the scripts of a directory of greenboot, and which of them are disabled. */
#pragma once

#include "checks/check.h"

typedef struct {
  char *name; /* "required.d/10-net.sh" */
  char *path;
  gboolean required;
} ChkGreenScript;

typedef struct {
  GPtrArray *scripts;  /* (element-type ChkGreenScript), in their order */
  GPtrArray *disabled; /* names */
} ChkGreenboot;

/* NULL with an error: neither of the two directories is there, there is no script in them, one
 * cannot be read. Directories below them are looked into as greenboot does, not deeper than 8. */
ChkGreenboot *chk_greenboot_list(const ChkLook *look, GError **error);
void chk_greenboot_free(ChkGreenboot *plan);
/* The words of DISABLED_HEALTHCHECKS=(...) in a shell fragment, as the last assignment has them.
 * Free with g_strfreev(). Pure. */
char **chk_greenboot_disabled(const char *configuration);
