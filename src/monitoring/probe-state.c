/* probe-state.c: see probe-state.h. */
#include "monitoring/probe-state.h"

static guint bad_within(const MonProbeState *state, guint of) {
  guint64 mask = of >= 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << of) - 1;

  return (guint)__builtin_popcountll(state->history & mask);
}

double mon_probe_state_flap_share(const MonProbeState *state) {
  const guint n = MON_FLAP_RESULTS - 1; /* pairs */
  double sum = 0;

  for (guint i = 0; i < n && i + 1 < state->n_history; i++) {
    gboolean changed = ((state->history >> i) ^ (state->history >> (i + 1))) & 1;
    sum += changed ? 1.2 - 0.4 * i / (n - 1) : 0;
  }
  return 100 * sum / n;
}

gboolean mon_probe_state_feed(MonProbeState *state, const MonProbeSpec *spec, gboolean good) {
  MonProbeBase base = state->base;
  gboolean flapping = state->flapping;

  state->history = state->history << 1 | !good;
  state->n_history = MIN(state->n_history + 1, 64);
  state->good_row = good ? MIN(state->good_row + 1, G_MAXINT) : 0;
  state->bad_row = good ? 0 : MIN(state->bad_row + 1, G_MAXINT);
  gboolean often =
      spec->within_of > 0 && bad_within(state, spec->within_of) >= spec->within_failures;
  if (state->bad_row >= spec->failures || often)
    state->base = MON_PROBE_DOWN;
  else if (state->good_row >= spec->successes)
    state->base = MON_PROBE_UP;
  double share = mon_probe_state_flap_share(state);
  state->flapping = share >= (state->flapping ? MON_FLAP_LOW : MON_FLAP_HIGH);
  return base != state->base || flapping != state->flapping;
}

const char *mon_probe_state_name(const MonProbeState *state) {
  static const char *const names[] = {"pending", "up", "down"};

  return state->flapping ? "flapping" : names[state->base];
}

guint64 mon_probe_state_wait(const MonProbeState *state, const MonProbeSpec *spec, double random) {
  gboolean retry = state->bad_row > 0 && state->base != MON_PROBE_DOWN;
  guint64 span = retry ? spec->retry_interval : spec->interval;

  return span - (guint64)((double)span * spec->jitter / 100 * random);
}
