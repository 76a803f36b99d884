/* probe-state.h: what becomes of a probe from one result to the next. Pure: results come in one by
 * one, time does not matter.
 *
 * It goes down after `failures` bad results in a row, or when `within_failures` of the last
 * `within_of` were bad; it comes up after `successes` good ones in a row, when the second is not
 * the case any more. The first results count the same, until then it is pending. It flaps while of
 * the last 21 results so many differ from the one before that their share, newer ones weighing more
 * (0.8 to 1.2), has come to 50 % and not gone below 25 % since. */
#pragma once

#include "monitoring/probe-spec.h"

#define MON_FLAP_RESULTS 21
#define MON_FLAP_HIGH 50.0
#define MON_FLAP_LOW 25.0

typedef enum { MON_PROBE_PENDING, MON_PROBE_UP, MON_PROBE_DOWN } MonProbeBase;

typedef struct {
  MonProbeBase base;
  gboolean flapping;
  guint good_row, bad_row;
  guint64 history; /* bit 0: the newest, 1: bad */
  guint n_history; /* at most 64 */
} MonProbeState;

/* TRUE: base or flapping changed. */
gboolean mon_probe_state_feed(MonProbeState *state, const MonProbeSpec *spec, gboolean good);
/* Percent. */
double mon_probe_state_flap_share(const MonProbeState *state);
/* "pending", "up", "down", "flapping" */
const char *mon_probe_state_name(const MonProbeState *state);

/* When to look next, us after the beginning of the last look: the interval, shorter by at most its
 * jitter; the retry interval while results are bad that have not changed the state. `random`: 0
 * to below 1. */
guint64 mon_probe_state_wait(const MonProbeState *state, const MonProbeSpec *spec, double random);
