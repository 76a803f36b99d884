/* idle.c: see idle.h. The clock is CLOCK_MONOTONIC: time in suspend is no idleness. */
#include "common/idle.h"

#include "common/config.h"

#include <string.h>

struct WgIdle {
  gboolean (*busy)(gpointer);
  void (*expired)(gpointer);
  gpointer user_data;
  gint64 limit_usec; /* 0: never */
  gint64 last;
  guint timer;
};

static void arm(WgIdle *idle, gint64 left_usec);

static gboolean on_timer(gpointer user_data) {
  WgIdle *idle = user_data;
  gint64 left = idle->last + idle->limit_usec - g_get_monotonic_time();

  idle->timer = 0;
  if (left <= 0 && idle->busy(idle->user_data))
    left = idle->limit_usec;
  if (left > 0)
    arm(idle, left);
  else
    idle->expired(idle->user_data);
  return G_SOURCE_REMOVE;
}

static void arm(WgIdle *idle, gint64 left_usec) {
  idle->timer = g_timeout_add(MIN((left_usec + 999) / 1000, G_MAXINT), on_timer, idle);
}

WgIdle *wg_idle_new(gboolean (*busy)(gpointer), void (*expired)(gpointer), gpointer user_data) {
  WgIdle *idle = g_new0(WgIdle, 1);

  idle->busy = busy;
  idle->expired = expired;
  idle->user_data = user_data;
  return idle;
}

void wg_idle_free(WgIdle *idle) {
  if (!idle)
    return;
  if (idle->timer)
    g_source_remove(idle->timer);
  g_free(idle);
}

void wg_idle_set_limit(WgIdle *idle, guint64 limit_usec) {
  if (idle->timer)
    g_source_remove(idle->timer);
  idle->timer = 0;
  idle->limit_usec = limit_usec > G_MAXINT64 / 2 ? 0 : (gint64)limit_usec;
  idle->last = g_get_monotonic_time();
  if (idle->limit_usec > 0)
    arm(idle, idle->limit_usec);
}

void wg_idle_activity(WgIdle *idle) {
  idle->last = g_get_monotonic_time();
}

gboolean wg_idle_parse(const char *text, guint64 *ret_usec, GError **error) {
  if (strcmp(text, "never") == 0) {
    *ret_usec = 0;
    return TRUE;
  }
  return wg_parse_usec(text, ret_usec, error);
}
