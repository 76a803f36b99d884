/* test-group-escalate.c: what nobody acknowledges goes to further receivers, in time and no sooner,
 * and to nobody once it is acknowledged, over or silenced; a restart changes nothing of that. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "group-world.h"

#include <string.h>

#define FIRING MON_TRANSITION_FIRING
#define RESOLVED MON_TRANSITION_RESOLVED
#define STEPS "escalate: [{after: 60s, receiver: b}, {after: 120s, receiver: quiet}]"
#define ROUTE                                                                                      \
  "{receiver: a, group_by: [], group_wait: 0s, group_interval: 600s, repeat_interval: "            \
  "6000s, " STEPS

static void test_steps(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_pass(&w, 59);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "b/dbus/0! +x; ");
  world_pass(&w, 59);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "quiet/journal/0!! +x; ");
  g_assert_cmpint(mon_groups_due(w.groups), ==, w.now + 480 * S);
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 480);
  world_assert_told(&w, "a/journal/0 -x; b/dbus/0! -x; ");
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  world_teardown(&w);
}

static void test_acknowledged(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 30);
  world_take(&w, MON_TRANSITION_ACKNOWLEDGED, "x", 1);
  world_pass(&w, 1000);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_take(&w, MON_TRANSITION_UNACKNOWLEDGED, "x", 1);
  world_assert_told(&w, "b/dbus/0! +x; quiet/journal/0!! +x; ");
  world_teardown(&w);
}

static void test_over_in_time(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 59);
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 1000);
  world_assert_told(&w, "a/journal/0 +x; a/journal/0 -x; ");
  world_take(&w, FIRING, "x", 2000); /* another life: the time runs anew */
  world_pass(&w, 59);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_pass(&w, 1);
  world_assert_told(&w, "b/dbus/0! +x; ");
  world_teardown(&w);
}

/* Nobody could acknowledge what nobody was told of. */
static void test_silenced(void) {
  World w;

  world_setup(&w, ROUTE "}");
  w.silent = "x";
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 700);
  world_assert_told(&w, "");
  w.silent = NULL;
  world_pass(&w, 500);
  world_assert_told(&w, "a/journal/0 +x; ");
  world_pass(&w, 30);
  w.silent = "x"; /* before its time */
  world_pass(&w, 500);
  world_assert_told(&w, "");
  w.silent = NULL;
  world_pass(&w, 70); /* the group's next turn */
  world_assert_told(&w, "b/dbus/0! +x; quiet/journal/0!! +x; ");
  world_teardown(&w);
}

/* It is over and fires anew before anybody was told: who knows it as firing is told with everybody,
 * who does not in its time; and all of them hear of the end. */
static void test_again(void) {
  World w;

  world_setup(&w, ROUTE "}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 100);
  world_assert_told(&w, "a/journal/0 +x; b/dbus/0! +x; ");
  world_take(&w, RESOLVED, "x", 1);
  world_pass(&w, 10);
  world_take(&w, FIRING, "x", 1110);
  world_pass(&w, 489);
  world_assert_told(&w, "");
  world_pass(&w, 1);
  world_assert_told(&w, "a/journal/0 +x; b/dbus/0! +x; ");
  world_pass(&w, 120);
  world_assert_told(&w, "quiet/journal/0!! +x; ");
  world_take(&w, RESOLVED, "x", 1110);
  world_take(&w, FIRING, "x", 1721);
  world_take(&w, RESOLVED, "x", 1721); /* a life that nobody saw */
  world_pass(&w, 600);
  world_assert_told(&w, "a/journal/0 -x; b/dbus/0! -x; ");
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  world_teardown(&w);
}

/* Each alert has its own time; whoever is told of one hears of the others when theirs has come. */
static void test_several(void) {
  World w;

  world_setup(&w, "{receiver: a, group_by: [], group_wait: 0s, group_interval: 10s, escalate: "
                  "[{after: 60s, receiver: b}]}");
  world_take(&w, FIRING, "x", 1);
  world_pass(&w, 5);
  world_take(&w, FIRING, "y", 1);
  world_pass(&w, 5);
  world_assert_told(&w, "a/journal/0 +x; a/journal/0 +x +y; ");
  world_pass(&w, 50);
  world_assert_told(&w, "b/dbus/0! +x; ");
  world_pass(&w, 10);
  world_assert_told(&w, "b/dbus/0! +x +y; ");
  world_pass(&w, 1000);
  world_assert_told(&w, "");
  world_teardown(&w);
}

static void test_below(void) {
  World w;

  world_setup(&w, "{receiver: a, group_wait: 0s, group_interval: 600s, " STEPS ", routes: ["
                  "{matchers: [alertname=x], receiver: b}, "
                  "{matchers: [alertname=y], escalate: []}, "
                  "{matchers: [alertname=z], receiver: none}]}");
  world_take(&w, FIRING, "x", 1000);
  world_pass(&w, 200);
  world_assert_told(&w, "b/dbus/0 +x; quiet/journal/0!! +x; "); /* not to itself */
  world_take(&w, FIRING, "y", 1200);
  world_pass(&w, 200);
  world_assert_told(&w, "a/journal/0 +y; ");
  world_take(&w, FIRING, "z", 1400);
  world_pass(&w, 200);
  world_assert_told(&w, "b/dbus/0! +z; quiet/journal/0!! +z; ");
  world_teardown(&w);
}

static void note(World *w, GPtrArray *log, MonTransitionKind kind) {
  MonTransition *t = world_alert(w, kind, "x", 1);

  g_ptr_array_add(log, t);
  mon_groups_take(w->groups, t, w->now, EPOCH + w->now);
  mon_groups_run(w->groups, w->now, EPOCH + w->now);
}

/* Killed at any time, or away when it should have happened. */
static void test_restart(void) {
  for (gint64 kill = 0; kill < 200; kill += 7)
    for (gint64 away = 0; away <= 90; away += 45) {
      g_autoptr(GPtrArray) log =
          g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
      World w;
      world_setup(&w, ROUTE "}");
      gint64 end = w.now + 900 * S;
      note(&w, log, FIRING);
      world_pass(&w, kill);
      w.now += away * S;
      world_restart(&w, log);
      world_pass(&w, 300);
      world_assert_told(&w, "a/journal/0 +x; b/dbus/0! +x; quiet/journal/0!! +x; ");
      note(&w, log, RESOLVED);
      world_restart(&w, log);
      world_pass(&w, (end - w.now) / S + 600);
      g_assert_nonnull(strstr(w.told->str, "a/journal/0 -x; "));
      g_assert_nonnull(strstr(w.told->str, "b/dbus/0"));
      g_assert_null(strchr(w.told->str, '+'));
      g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
      world_teardown(&w);
    }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/group/escalate/steps", test_steps);
  g_test_add_func("/monitor/group/escalate/acknowledged", test_acknowledged);
  g_test_add_func("/monitor/group/escalate/over-in-time", test_over_in_time);
  g_test_add_func("/monitor/group/escalate/silenced", test_silenced);
  g_test_add_func("/monitor/group/escalate/again", test_again);
  g_test_add_func("/monitor/group/escalate/several", test_several);
  g_test_add_func("/monitor/group/escalate/below", test_below);
  g_test_add_func("/monitor/group/escalate/restart", test_restart);
  return g_test_run();
}
