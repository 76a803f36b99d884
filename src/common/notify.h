/* notify.h: what the service manager is told, and in which order it may be told.
 *
 * Without a manager ($NOTIFY_SOCKET unset) all of it does nothing. STATUS= goes out only when the
 * text changed, as one line of at most 1 KiB. After STOPPING=1 neither READY=1 nor RELOADING=1 is
 * sent any more. */
#pragma once

#include <glib.h>

typedef struct WgNotify WgNotify;

WgNotify *wg_notify_new(void);
void wg_notify_free(WgNotify *notify);

/* Never waits: what the manager has no room for is left out. */
void wg_notify_status(WgNotify *notify, const char *text);
void wg_notify_ready(WgNotify *notify, const char *status);
void wg_notify_reloading(WgNotify *notify);
void wg_notify_stopping(WgNotify *notify, const char *status);
void wg_notify_watchdog(WgNotify *notify);
/* A start that fails: `errnum` positive. */
void wg_notify_failed(WgNotify *notify, int errnum, const char *status);
/* A start or a stop that needs longer than the unit's time limit. */
void wg_notify_extend(WgNotify *notify, guint64 usec);
