/* idle.h: when has nothing happened for long enough?
 *
 * Activity only notes the time, since it happens with every message; one timer looks. Expiry is
 * reported when the limit has passed since the last activity and `busy` says no. */
#pragma once

#include <glib.h>

typedef struct WgIdle WgIdle;

WgIdle *wg_idle_new(gboolean (*busy)(gpointer), void (*expired)(gpointer), gpointer user_data);
void wg_idle_free(WgIdle *idle);
/* 0 and G_MAXUINT64: never. Counts from now. */
void wg_idle_set_limit(WgIdle *idle, guint64 limit_usec);
void wg_idle_activity(WgIdle *idle);
/* A limit as $WAGGLE_IDLE_EXIT has it: a time span, "never" or 0. */
gboolean wg_idle_parse(const char *text, guint64 *ret_usec, GError **error);
