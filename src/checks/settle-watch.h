/* settle-watch.h: several units of one manager, their properties now and as they change.
 *
 * The signals are asked for before the first answer, so nothing falls between. The loop's thread.
 * Each function may free the watch. */
#pragma once

#include "checks/check.h"

typedef struct ChkSettleWatch ChkSettleWatch;

typedef struct {
  /* All properties of the i-th unit, or those that changed. FALSE: the watch is gone. */
  gboolean (*unit)(guint i, JsonObject *properties, gpointer user_data);
  void (*all)(gpointer user_data);                   /* each has answered what was asked */
  void (*lost)(const char *why, gpointer user_data); /* nobody tells any more */
} ChkSettleWatchFuncs;

/* Asks all of them at once; NULL with an error. Nothing is called from inside. */
ChkSettleWatch *chk_settle_watch_new(ChkWorld *world, const char *const *units,
                                     const ChkSettleWatchFuncs *funcs, gpointer user_data,
                                     GError **error);
/* Asks all of them again. */
void chk_settle_watch_ask(ChkSettleWatch *watch);
void chk_settle_watch_free(ChkSettleWatch *watch);
