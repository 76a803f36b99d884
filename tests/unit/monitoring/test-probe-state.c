/* test-probe-state.c: results one by one, and what a probe is after each. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/probe-state.h"

/* Results: '+' good, '-' bad. The states after each: p u d f. */
static void follow(const MonProbeSpec *spec, const char *results, const char *states) {
  static const char *const names[] = {"pending", "up", "down", "flapping"};
  MonProbeState state = {0};
  const char *before = "pending";

  for (guint i = 0; results[i]; i++) {
    gboolean changed = mon_probe_state_feed(&state, spec, results[i] == '+');
    const char *name = mon_probe_state_name(&state);
    const char *wanted = names[states[i] == 'p'   ? 0
                               : states[i] == 'u' ? 1
                               : states[i] == 'd' ? 2
                                                  : 3];
    g_test_message("result %u of %s", i, results);
    g_assert_cmpstr(name, ==, wanted);
    if (g_strcmp0(before, name) != 0)
      g_assert_true(changed);
    before = name;
  }
}

static void test_at_once(void) {
  const MonProbeSpec spec = {.failures = 1, .successes = 1};

  follow(&spec, "+-+", "udu");
  follow(&spec, "-", "d");
}

static void test_in_a_row(void) {
  const MonProbeSpec spec = {.failures = 3, .successes = 2};

  follow(&spec, "++--+---+-++",
         "pu"
         "uuuuu"
         "dddd"
         "u");
  follow(&spec, "+-+-++", "pppppu");
  follow(&spec, "--+---", "pppppd");
}

/* What never comes three times in a row is seen all the same. */
static void test_x_of_y(void) {
  const MonProbeSpec spec = {.failures = 3, .successes = 1, .within_failures = 4, .within_of = 8};

  follow(&spec, "+-+-+-+-",
         "uuuuuuu"
         "d");
  const MonProbeSpec slow = {.failures = 3, .successes = 1, .within_failures = 3, .within_of = 10};
  follow(&slow, "+++++-+++-+++-+++",
         "uuuuuuuuuuuuu"
         "dd"
         "uu");
}

static void test_flapping(void) {
  const MonProbeSpec spec = {.failures = 1, .successes = 1};
  MonProbeState state = {0};

  for (guint i = 0; i < 12; i++)
    mon_probe_state_feed(&state, &spec, i % 2 == 0);
  g_assert_true(state.flapping);
  g_assert_cmpstr(mon_probe_state_name(&state), ==, "flapping");
  guint calm = 0;
  while (state.flapping && calm < 40) {
    mon_probe_state_feed(&state, &spec, TRUE);
    calm++;
  }
  /* it is given time, but comes to an end, and what it was meanwhile is what it is */
  g_assert_cmpuint(calm, >, 8);
  g_assert_cmpuint(calm, <, 21);
  g_assert_cmpstr(mon_probe_state_name(&state), ==, "up");
}

static void test_one_change_is_no_flapping(void) {
  const MonProbeSpec spec = {.failures = 1, .successes = 1};

  follow(&spec, "++++----++++", "uuuudddduuuu");
}

static void test_wait(void) {
  MonProbeSpec spec = {
      .failures = 2, .successes = 1, .interval = 10000, .retry_interval = 2000, .jitter = 10};
  MonProbeState state = {0};

  g_assert_cmpuint(mon_probe_state_wait(&state, &spec, 0), ==, 10000);
  /* an interval is what it takes at most until a break is seen: jitter only makes it shorter */
  g_assert_cmpuint(mon_probe_state_wait(&state, &spec, 0.999), ==, 9001);
  mon_probe_state_feed(&state, &spec, TRUE);
  mon_probe_state_feed(&state, &spec, FALSE);
  g_assert_cmpuint(mon_probe_state_wait(&state, &spec, 0), ==, 2000);
  mon_probe_state_feed(&state, &spec, FALSE);
  g_assert_cmpuint(mon_probe_state_wait(&state, &spec, 0), ==, 10000);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/probe-state/at-once", test_at_once);
  g_test_add_func("/probe-state/in-a-row", test_in_a_row);
  g_test_add_func("/probe-state/x-of-y", test_x_of_y);
  g_test_add_func("/probe-state/flapping", test_flapping);
  g_test_add_func("/probe-state/one-change", test_one_change_is_no_flapping);
  g_test_add_func("/probe-state/wait", test_wait);
  return g_test_run();
}
