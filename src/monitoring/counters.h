/* counters.h: counters that survive restarts of what they count.
 *
 * The kernel counts from 0 again for each new control group; what a reader wants is the unit. A set
 * of counters is fed with raw values and the number of the group that they come from, and gives
 * values that never fall: what earlier groups had counted last is added. Pure. */
#pragma once

#include <glib.h>

typedef struct {
  guint n;
  guint64 id;     /* group of `last`; 0: none yet */
  gint64 created; /* CLOCK_REALTIME us: counted since; 0: nothing was fed */
  double *base;   /* counted by earlier groups */
  double *last;   /* raw; NAN: never seen */
} MonCounters;

void mon_counters_init(MonCounters *counters, guint n);
void mon_counters_clear(MonCounters *counters);
/* `raw`: n values, NAN: absent now. `now`: CLOCK_REALTIME us, for `created`. A value that fell
 * within the same group was set back, too. */
void mon_counters_feed(MonCounters *counters, guint64 id, const double *raw, gint64 now);
/* NAN: never seen. */
double mon_counters_value(const MonCounters *counters, guint i);
/* As bytes for the store and back; `boot`: numbers of groups of another boot say nothing. FALSE:
 * not such bytes, nothing was changed. */
GBytes *mon_counters_pack(const MonCounters *counters, guint64 boot);
gsize mon_counters_packed(gconstpointer data,
                          gsize size); /* so long are those that it begins with */
gboolean mon_counters_unpack(MonCounters *counters, gconstpointer data, gsize size, guint64 boot);
