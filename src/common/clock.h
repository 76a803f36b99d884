/* clock.h: deadlines that survive suspend, clock changes and reboots.
 *
 * A stored deadline is one number, "lasting time" in microseconds: CLOCK_BOOTTIME plus a
 * base that is fixed for each boot (its CLOCK_REALTIME minus CLOCK_BOOTTIME when a daemon
 * first looked in that boot, never less than where the boot before ended). So within
 * a boot BOOTTIME decides (suspend counts, setting the clock does not), after another
 * boot REALTIME decides, and stored deadlines sort as plain integers. The pair (boot
 * id, base) is kept in the store, so that BOOTTIME and REALTIME of each can be told.
 *
 * Calendar times given by people are REALTIME and are kept apart: they are re-armed
 * when the clock is set. */
#pragma once

#include <glib.h>

typedef struct {
  char boot_id[33]; /* 128 bit, hexadecimal */
  gint64 base;      /* lasting time = CLOCK_BOOTTIME + base, us */
} WgClock;

/* Makes the clock for this boot. `stored_boot_id`/`stored_base` are what the store has for
 * the newest boot (NULL if none), `last_seen` the largest lasting time it has seen. TRUE in
 * `ret_is_new` says that the caller has to store the pair. */
gboolean wg_clock_init(WgClock *clock, const char *stored_boot_id, gint64 stored_base,
                       gint64 last_seen, gboolean *ret_is_new, GError **error);
gint64 wg_clock_now(const WgClock *clock);                         /* lasting time, us */
gint64 wg_clock_to_boottime(const WgClock *clock, gint64 lasting); /* us, CLOCK_BOOTTIME */
/* What a wall clock shows at lasting time `lasting`, as seen from now; us. */
gint64 wg_clock_to_realtime(const WgClock *clock, gint64 lasting);
gint64 wg_time_realtime(void); /* us */
gint64 wg_time_boottime(void); /* us */

/* For tests: replaces the three sources (boot id, BOOTTIME, REALTIME). NULL: the real ones.
 * The struct is read at every look, so it has to outlive its use and may be changed meanwhile. */
typedef struct {
  const char *boot_id;
  gint64 boottime, realtime;
} WgClockFake;
void wg_clock_set_fake(const WgClockFake *fake);
