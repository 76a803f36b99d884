/* settle-unit.h: one unit under a settle window: what its manager says of it now, against what it
 * was when the window began. Pure. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

typedef struct {
  char *unit;
  gboolean begun;    /* the first look was had */
  char *invocation;  /* hexadecimal; the one it has to keep */
  gint64 n_restarts; /* more than that is a breach; -1: not counted */
  char *result;      /* as it was told last */
} ChkSettled;

/* All properties, at the beginning. `invocation` and `n_restarts` are the deployment's, NULL and -1
 * without one. NULL: well; else why not (free it). */
char *chk_settled_begin(ChkSettled *settled, JsonObject *properties, const char *invocation,
                        gint64 n_restarts);
/* Those that changed, or all of them again. */
char *chk_settled_change(ChkSettled *settled, JsonObject *properties);
void chk_settled_free(ChkSettled *settled);
