/* test-group.c: when whom is told of what, with a clock of our own: waiting, repeating, muting,
 * what follows to whoever saw it, and starting again in the middle of everything. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "group-world.h"

#include <string.h>

#define FIRING MON_TRANSITION_FIRING
#define RESOLVED MON_TRANSITION_RESOLVED
#define ROUTE                                                                                      \
  "{receiver: a, group_by: [], group_wait: 30s, group_interval: 60s, repeat_interval: 600s"

static void test_waits(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 0); /* not decided yet */
  world_pass(&w, 10);
  world_take(&w, FIRING, "y", 2);
  world_pass(&w, 19);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "a/journal/0 +x +y; ");
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 2);
  world_take(&w, FIRING, "z", 3);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 2);
  world_pass(&w, 59);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "a/journal/0 +x +y +z; ");
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 +y +z -x; ");
  world_pass(&w, 599);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "a/journal/0 +y +z; ");
  world_take(&w, RESOLVED, "y", 2);
  world_take(&w, RESOLVED, "z", 3);
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 -y -z; ");
  g_assert_cmpuint(mon_groups_n(w.groups), ==, 0);
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 6);
  world_teardown(&w);
}

static void test_at_once(void) {
  World w;

  world_setup(&w, "{receiver: a, group_by: ['...'], group_wait: 0s, group_interval: 10s}");
  world_take(&w, FIRING, "x", 1);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_take(&w, FIRING, "y", 1);
  world_assert_told(&w, "a/journal/0 +y; ");
  world_take(&w, RESOLVED, "x", 1);
  world_assert_told(&w, "");
  world_pass(&w, 10);
  world_assert_told(&w, "a/journal/0 -x; ");
  world_teardown(&w);
}

/* Over before anybody was told: nobody is. */
static void test_short(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 1000);
  world_assert_told(&w, "");
  g_assert_cmpuint(mon_groups_n(w.groups), ==, 0);
  world_teardown(&w);
}

static void test_muted(void) {
  World w;

  world_setup(&w, ROUTE "}");
  w.silent = "x";
  world_take(&w, FIRING, "x", 1);
  world_take(&w, FIRING, "y", 2);
  world_take(&w, FIRING, "Small", 3);
  world_take(&w, FIRING, "Big", 4);
  world_pass(&w, 30);
  world_assert_told(&w, "a/journal/0 +y +Big; ");
  world_take(&w, RESOLVED, "x", 1); /* nobody saw it */
  w.silent = "y";
  world_take(&w, RESOLVED, "y", 2); /* silenced meanwhile: whoever saw it hears of its end */
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 +Big -y; ");
  world_take(&w, RESOLVED, "Big", 4);
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 +Small -Big; ");
  world_teardown(&w);
}

static void test_times(void) {
  World w;

  world_setup(&w,
              "{receiver: a, routes: [{receiver: b, group_wait: 0s, mute_time_intervals: [all]}]}");
  world_take(&w, FIRING, "x", 1); /* our zero is in 2023 */
  world_pass(&w, 3600);
  world_assert_told(&w, "");
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 1); /* decided: not to be told */
  world_teardown(&w);
}

static void test_acknowledged_and_flapping(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 30);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_take(&w, MON_TRANSITION_FLAPPING, "x", 1);
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 +x; "); /* once */
  world_take(&w, MON_TRANSITION_ACKNOWLEDGED, "x", 1);
  world_pass(&w, 5000);
  world_assert_told(&w, "");
  world_take(&w, MON_TRANSITION_UNACKNOWLEDGED, "x", 1);
  world_pass(&w, 60);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_teardown(&w);
}

static void test_no_resolved(void) {
  World w;

  world_setup(&w, "{receiver: quiet, group_wait: 0s, group_by: [], group_interval: 60s}");
  world_take(&w, FIRING, "x", 1);
  world_assert_told(&w, "quiet/journal/0 +x; ");
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 60);
  world_assert_told(&w, "");
  world_take(&w, FIRING, "x", 2); /* a new episode is news */
  world_assert_told(&w, "quiet/journal/0 +x; ");
  world_take(&w, FIRING, "y", 3);
  world_pass(&w, 60);
  world_assert_told(&w, "quiet/journal/0 +x +y; ");
  world_take(&w, RESOLVED, "y", 3); /* that x still fires is none */
  world_pass(&w, 60);
  world_assert_told(&w, "");
  world_take(&w, FIRING, "y", 4);
  world_pass(&w, 60);
  world_assert_told(&w, "quiet/journal/0 +x +y; ");
  world_take(&w, RESOLVED, "x", 2);
  world_take(&w, RESOLVED, "y", 4);
  world_pass(&w, 60);
  world_assert_told(&w, "");
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  world_teardown(&w);
}

/* Siblings that say "continue" and have the same matchers and groups: each tells its receiver. */
static void test_alike(void) {
  World w;

  world_setup(&w, "{receiver: a, group_by: [], group_wait: 0s, group_interval: 60s, routes: ["
                  "{matchers: [alertname=x], receiver: b, continue: true}, "
                  "{matchers: [alertname=x], receiver: quiet, continue: true}, "
                  "{matchers: [alertname=x], receiver: a}]}");
  world_take(&w, FIRING, "x", 1);
  for (guint i = 0; i < 3; i++) {
    static const char *const all[] = {"b/dbus/0 +x; ", "quiet/journal/0 +x; ", "a/journal/0 +x; "};
    g_assert_nonnull(strstr(w.told->str, all[i]));
  }
  g_assert_cmpuint(mon_groups_n(w.groups), ==, 3);
  world_teardown(&w);
}

static void test_cause(void) {
  World w;
  g_autoptr(MonTransition) follows = NULL;
  g_autoptr(GPtrArray) dependants = NULL;

  world_setup(&w, "{receiver: a, group_by: ['...'], group_wait: 0s, group_interval: 10s}");
  world_take(&w, FIRING, "cause", 1);
  world_assert_told(&w, "a/journal/0 +cause; ");
  g_autoptr(MonTransition) cause = world_alert(&w, FIRING, "cause", 1);
  follows = world_alert(&w, FIRING, "follows", 2);
  follows->cause = g_strdup(cause->fingerprint);
  mon_groups_take(w.groups, follows, w.now, EPOCH + w.now);
  world_pass(&w, 100);
  world_assert_told(&w, "");
  dependants = mon_groups_dependants(w.groups, cause->fingerprint);
  g_assert_cmpuint(dependants->len, ==, 1);
  world_take(&w, RESOLVED, "cause", 1);
  world_pass(&w, 10);
  g_assert_nonnull(strstr(w.told->str, "-cause"));
  g_assert_nonnull(strstr(w.told->str, "+follows")); /* it still fires, and its cause does not */
  world_teardown(&w);
}

/* The file is another one; whoever was told hears of the end. */
static void test_reload(void) {
  World w;
  MonAlerting *other =
      world_parse("{receiver: b, group_wait: 0s, group_by: [], group_interval: 60s}");

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 30);
  world_assert_told(&w, "a/journal/0 +x; ");
  mon_groups_reload(w.groups, other, w.now, EPOCH + w.now);
  mon_groups_run(w.groups, w.now, EPOCH + w.now);
  world_assert_told(&w, "b/dbus/0 +x; ");
  world_take(&w, RESOLVED, "x", 1);
  world_assert_told(&w, "a/journal/0 -x; ");
  world_pass(&w, 60);
  world_assert_told(&w, "b/dbus/0 -x; ");
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  mon_alerting_unref(other);
  world_teardown(&w);
}

/* Killed after each step of a story: what was written is given back, the transitions after the
 * cursor come again, and in the end everybody has heard the same as without. */
static void test_restart(void) {
  static const struct {
    MonTransitionKind kind;
    const char *name;
  } story[] = {{FIRING, "x"}, {FIRING, "y"},   {RESOLVED, "x"},
               {FIRING, "z"}, {RESOLVED, "y"}, {RESOLVED, "z"}};

  for (guint kill = 0; kill < G_N_ELEMENTS(story); kill++) {
    World w;
    g_autoptr(GPtrArray) log = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
    world_setup(&w, "{receiver: a, group_by: ['...'], group_wait: 5s, group_interval: 10s}");
    for (guint i = 0; i < G_N_ELEMENTS(story); i++) {
      g_ptr_array_add(log, world_alert(&w, story[i].kind, story[i].name, 1));
      if (i == kill) { /* the transition is stored; whoever should have taken it dies */
        w.now += 2 * S;
        world_restart(&w, log);
      } else {
        mon_groups_take(w.groups, g_ptr_array_index(log, i), w.now, EPOCH + w.now);
      }
      world_pass(&w, 20);
    }
    world_assert_told(&w,
                      "a/journal/0 +x; a/journal/0 +y; a/journal/0 -x; a/journal/0 +z; a/journal/0 "
                      "-y; a/journal/0 -z; ");
    g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
    g_assert_cmpint(mon_groups_cursor(w.groups), ==, G_N_ELEMENTS(story));
    world_teardown(&w);
  }
}

static void test_text(void) {
  World w;
  g_autoptr(GError) error = NULL;

  world_setup(&w, ROUTE "}");
  g_autoptr(MonTransition) t = world_alert(&w, FIRING, "x\n\"é", 1);
  t->value = -G_MAXDOUBLE * 2;
  g_autofree char *text = mon_transition_text(t);
  g_autoptr(MonTransition) again = mon_transition_from_text(text, &error);
  g_assert_no_error(error);
  g_autofree char *same = mon_transition_text(again);
  g_assert_cmpstr(same, ==, text);
  g_assert_true(mon_labels_equal(t->labels, again->labels));
  g_assert_true(again->value == t->value);
  g_assert_null(mon_transition_from_text("{\"seq\":1}", NULL));
  world_teardown(&w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/group/waits", test_waits);
  g_test_add_func("/monitor/group/at-once", test_at_once);
  g_test_add_func("/monitor/group/short", test_short);
  g_test_add_func("/monitor/group/muted", test_muted);
  g_test_add_func("/monitor/group/times", test_times);
  g_test_add_func("/monitor/group/acknowledged-and-flapping", test_acknowledged_and_flapping);
  g_test_add_func("/monitor/group/no-resolved", test_no_resolved);
  g_test_add_func("/monitor/group/alike", test_alike);
  g_test_add_func("/monitor/group/cause", test_cause);
  g_test_add_func("/monitor/group/reload", test_reload);
  g_test_add_func("/monitor/group/restart", test_restart);
  g_test_add_func("/monitor/group/text", test_text);
  return g_test_run();
}
