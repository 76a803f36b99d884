/* test-nearest.c: which slips are explained, which words are not near, and that no
 * length makes it slow or unsafe. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/nearest.h"

#include <string.h>

static const char *const keys[] = {
    "IdleExitSec", "MaxClients", "MaxClientsPerUser", "StallSec", "DrainSec", "LogLevel", NULL};

static void assert_best(const char *word, const char *const *candidates, const char *expected) {
  g_auto(GStrv) names = wg_nearest(word, candidates, 3);

  g_assert_nonnull(names);
  g_assert_cmpstr(names[0], ==, expected);
}

static void test_slips(void) {
  assert_best("IdleExitSecs", keys, "IdleExitSec"); /* one too many */
  assert_best("IdleExtSec", keys, "IdleExitSec");   /* one missing */
  assert_best("IdelExitSec", keys, "IdleExitSec");  /* two swapped */
  assert_best("idleexitsec", keys, "IdleExitSec");  /* case */
  assert_best("MaxClient", keys, "MaxClients");
  assert_best("StellSec", keys, "StallSec");
}

static void test_beginning(void) {
  assert_best("Idle", keys, "IdleExitSec");
  assert_best("Ma", keys, NULL); /* too short to be a hint */
}

static void test_swap_costs_one(void) {
  const char *const two[] = {"abd", "bac", NULL};
  g_auto(GStrv) names = wg_nearest("abc", two, 5);

  /* Both are one step away, so both are named, in alphabetical order. */
  g_assert_cmpuint(g_strv_length(names), ==, 2);
  g_assert_cmpstr(names[0], ==, "abd");
  g_assert_cmpstr(names[1], ==, "bac");
}

static void test_far(void) {
  assert_best("Colour", keys, NULL);
  assert_best("", keys, NULL);
  assert_best(NULL, keys, NULL);
  assert_best("IdleExitSec", NULL, NULL);
  const char *const short_ones[] = {"b", NULL};
  assert_best("a", short_ones, NULL); /* every single letter is one step from every other */
}

static void test_order_and_max(void) {
  const char *const agents[] = {"builder-12", "builder-1", "builder-21", "builder-1", "cook", NULL};
  g_auto(GStrv) all = wg_nearest("builder-1", agents, 10);

  g_assert_cmpstr(all[0], ==, "builder-1");
  g_assert_cmpuint(g_strv_length(all), ==, 3); /* named once each */
  g_auto(GStrv) one = wg_nearest("builder-1", agents, 1);
  g_assert_cmpuint(g_strv_length(one), ==, 1);
}

static void test_hint(void) {
  const char *const agents[] = {"agent-1", "agent-2", "agent-3", "agent-4", NULL};
  g_autofree char *three = wg_nearest_hint("agent-5", agents);
  g_autofree char *one = wg_nearest_hint("LogLevle", keys);
  g_autofree char *none = wg_nearest_hint("zzz", keys);

  g_assert_cmpstr(three, ==, "did you mean agent-1, agent-2 or agent-3?");
  g_assert_cmpstr(one, ==, "did you mean LogLevel?");
  g_assert_null(none);
}

static void test_long(void) {
  g_autofree char *huge = g_strnfill(1 << 20, 'x');
  g_autofree char *edge = g_strnfill(256, 'x');
  g_autofree char *over = g_strnfill(257, 'x');
  const char *const candidates[] = {huge, edge, over, NULL};

  assert_best(huge, candidates, NULL);
  assert_best(edge, candidates, edge);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/nearest/slips", test_slips);
  g_test_add_func("/nearest/beginning", test_beginning);
  g_test_add_func("/nearest/swap-costs-one", test_swap_costs_one);
  g_test_add_func("/nearest/far", test_far);
  g_test_add_func("/nearest/order-and-max", test_order_and_max);
  g_test_add_func("/nearest/hint", test_hint);
  g_test_add_func("/nearest/long", test_long);
  return g_test_run();
}
