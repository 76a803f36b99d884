/* test-group.c: when whom is told of what, with a clock of our own: waiting, repeating, muting,
 * what follows to whoever saw it, and starting again in the middle of everything. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/group.h"

#include <string.h>

#define S G_USEC_PER_SEC
#define EPOCH ((gint64)1700000000 * S) /* the clock of the wall at our zero */

typedef struct {
  MonAlerting *alerting;
  MonGroups *groups;
  gint64 now;
  GString *told;
  GHashTable *rows;   /* integration|group -> text of the log's row */
  const char *silent; /* alerts of this name are silenced */
  gint64 seq;
} World;

static const char *on_muted(const MonTransition *alert, gpointer user_data) {
  World *w = user_data;

  return g_strcmp0(mon_labels_get(alert->labels, "alertname"), w->silent) == 0 ? "silence 1" : NULL;
}

static void on_tell(const MonToTell *notice, gpointer user_data) {
  World *w = user_data;

  g_string_append_printf(w->told, "%s", notice->integration->key);
  for (guint i = 0; i < notice->alerts->len; i++) {
    const MonTransition *alert = g_ptr_array_index(notice->alerts, i);
    g_assert_true((i < notice->n_firing) == (alert->resolved_at == 0));
    g_string_append_printf(w->told, " %c%s", alert->resolved_at ? '-' : '+',
                           mon_labels_get(alert->labels, "alertname"));
  }
  g_string_append(w->told, "; ");
}

static void on_sent(const MonSent *sent, gboolean gone, gpointer user_data) {
  World *w = user_data;
  g_autoptr(GString) text = g_string_new(NULL);
  char *key = g_strdup_printf("%s|%s", sent->integration, sent->group);
  GHashTableIter iter;
  gpointer fingerprint, told;

  g_string_append_printf(text, "%" G_GINT64_FORMAT, sent->time);
  g_hash_table_iter_init(&iter, sent->firing);
  while (g_hash_table_iter_next(&iter, &fingerprint, &told))
    g_string_append_printf(text, "|%s=%" G_GINT64_FORMAT, (char *)fingerprint,
                           ((MonSentAlert *)told)->fired_at);
  if (gone)
    g_hash_table_remove(w->rows, key);
  else
    g_hash_table_insert(w->rows, g_strdup(key), g_strdup(text->str));
  g_free(key);
}

static const MonGroupFuncs funcs = {on_muted, on_tell, on_sent};

static MonAlerting *parse(const char *route) {
  g_autofree char *text = g_strdup_printf(
      "route: %s\n"
      "receivers: [{name: a, journal: {}}, {name: b, dbus: {}}, {name: quiet, journal: "
      "{send_resolved: false}}]\n"
      "inhibit_rules: [{source_matchers: [alertname=Big], target_matchers: [alertname=Small]}]\n"
      "time_intervals: [{name: all, time_intervals: [{years: ['2023']}]}]\n",
      route);
  g_autoptr(WgProblems) problems = wg_problems_new();
  MonAlerting *alerting = mon_alerting_parse(text, strlen(text), problems);
  g_autofree char *told = wg_problems_text(problems, "");

  g_assert_cmpstr(told, ==, "");
  return alerting;
}

static void setup(World *w, const char *route) {
  *w = (World){.now = 1000 * S, .told = g_string_new(NULL)};
  w->alerting = parse(route);
  w->groups = mon_groups_new(w->alerting, &funcs, w);
  w->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void teardown(World *w) {
  mon_groups_free(w->groups);
  mon_alerting_unref(w->alerting);
  g_string_free(w->told, TRUE);
  g_hash_table_unref(w->rows);
}

/* `fired`: seconds of our clock; the alert's name is its identity. */
static MonTransition *alert(World *w, MonTransitionKind kind, const char *name, gint64 fired) {
  MonTransition *t = g_new0(MonTransition, 1);

  t->seq = ++w->seq;
  t->kind = kind;
  t->state = kind == MON_TRANSITION_RESOLVED ? MON_ALERT_INACTIVE : MON_ALERT_FIRING;
  t->labels = mon_labels_new("alertname", name, NULL);
  t->annotations = mon_labels_new(NULL, NULL);
  g_snprintf(t->fingerprint, sizeof t->fingerprint, "%016" G_GINT64_MODIFIER "x",
             mon_labels_hash(t->labels));
  t->time = EPOCH + w->now;
  t->active_at = t->fired_at = EPOCH + fired * S;
  t->resolved_at = kind == MON_TRANSITION_RESOLVED ? t->time : 0;
  t->flapping = kind == MON_TRANSITION_FLAPPING;
  t->acknowledged = kind == MON_TRANSITION_ACKNOWLEDGED;
  return t;
}

static void take(World *w, MonTransitionKind kind, const char *name, gint64 fired) {
  g_autoptr(MonTransition) t = alert(w, kind, name, fired);

  mon_groups_take(w->groups, t, w->now, EPOCH + w->now);
  mon_groups_run(w->groups, w->now, EPOCH + w->now);
}

/* Goes on for so long, stopping wherever something is due. */
static void pass(World *w, gint64 seconds) {
  gint64 end = w->now + seconds * S;

  while (mon_groups_due(w->groups) <= end) {
    w->now = MAX(w->now, mon_groups_due(w->groups));
    mon_groups_run(w->groups, w->now, EPOCH + w->now);
  }
  w->now = end;
}

static void assert_told(World *w, const char *expected) {
  g_assert_cmpstr(w->told->str, ==, expected);
  g_string_truncate(w->told, 0);
}

#define FIRING MON_TRANSITION_FIRING
#define RESOLVED MON_TRANSITION_RESOLVED
#define ROUTE                                                                                      \
  "{receiver: a, group_by: [], group_wait: 30s, group_interval: 60s, repeat_interval: 600s"

static void test_waits(void) {
  World w;

  setup(&w, ROUTE "}");
  take(&w, FIRING, "x", 1);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 0); /* not decided yet */
  pass(&w, 10);
  take(&w, FIRING, "y", 2);
  pass(&w, 19);
  assert_told(&w, "");
  pass(&w, 1);
  assert_told(&w, "a/journal/0 +x +y; ");
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 2);
  take(&w, FIRING, "z", 3);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 2);
  pass(&w, 59);
  assert_told(&w, "");
  pass(&w, 1);
  assert_told(&w, "a/journal/0 +x +y +z; ");
  take(&w, RESOLVED, "x", 1);
  pass(&w, 60);
  assert_told(&w, "a/journal/0 +y +z -x; ");
  pass(&w, 599);
  assert_told(&w, "");
  pass(&w, 1);
  assert_told(&w, "a/journal/0 +y +z; ");
  take(&w, RESOLVED, "y", 2);
  take(&w, RESOLVED, "z", 3);
  pass(&w, 60);
  assert_told(&w, "a/journal/0 -y -z; ");
  g_assert_cmpuint(mon_groups_n(w.groups), ==, 0);
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 6);
  teardown(&w);
}

static void test_at_once(void) {
  World w;

  setup(&w, "{receiver: a, group_by: ['...'], group_wait: 0s, group_interval: 10s}");
  take(&w, FIRING, "x", 1);
  assert_told(&w, "a/journal/0 +x; ");
  take(&w, FIRING, "y", 1);
  assert_told(&w, "a/journal/0 +y; ");
  take(&w, RESOLVED, "x", 1);
  assert_told(&w, "");
  pass(&w, 10);
  assert_told(&w, "a/journal/0 -x; ");
  teardown(&w);
}

/* Over before anybody was told: nobody is. */
static void test_short(void) {
  World w;

  setup(&w, ROUTE "}");
  take(&w, FIRING, "x", 1);
  take(&w, RESOLVED, "x", 1);
  pass(&w, 1000);
  assert_told(&w, "");
  g_assert_cmpuint(mon_groups_n(w.groups), ==, 0);
  teardown(&w);
}

static void test_muted(void) {
  World w;

  setup(&w, ROUTE "}");
  w.silent = "x";
  take(&w, FIRING, "x", 1);
  take(&w, FIRING, "y", 2);
  take(&w, FIRING, "Small", 3);
  take(&w, FIRING, "Big", 4);
  pass(&w, 30);
  assert_told(&w, "a/journal/0 +y +Big; ");
  take(&w, RESOLVED, "x", 1); /* nobody saw it */
  w.silent = "y";
  take(&w, RESOLVED, "y", 2); /* silenced meanwhile: whoever saw it hears of its end */
  pass(&w, 60);
  assert_told(&w, "a/journal/0 +Big -y; ");
  take(&w, RESOLVED, "Big", 4);
  pass(&w, 60);
  assert_told(&w, "a/journal/0 +Small -Big; ");
  teardown(&w);
}

static void test_times(void) {
  World w;

  setup(&w, "{receiver: a, routes: [{receiver: b, group_wait: 0s, mute_time_intervals: [all]}]}");
  take(&w, FIRING, "x", 1); /* our zero is in 2023 */
  pass(&w, 3600);
  assert_told(&w, "");
  g_assert_cmpint(mon_groups_cursor(w.groups), ==, 1); /* decided: not to be told */
  teardown(&w);
}

static void test_acknowledged_and_flapping(void) {
  World w;

  setup(&w, ROUTE "}");
  take(&w, FIRING, "x", 1);
  pass(&w, 30);
  assert_told(&w, "a/journal/0 +x; ");
  take(&w, MON_TRANSITION_FLAPPING, "x", 1);
  pass(&w, 60);
  assert_told(&w, "a/journal/0 +x; "); /* once */
  take(&w, MON_TRANSITION_ACKNOWLEDGED, "x", 1);
  pass(&w, 5000);
  assert_told(&w, "");
  take(&w, MON_TRANSITION_UNACKNOWLEDGED, "x", 1);
  pass(&w, 60);
  assert_told(&w, "a/journal/0 +x; ");
  teardown(&w);
}

static void test_no_resolved(void) {
  World w;

  setup(&w, "{receiver: quiet, group_wait: 0s, group_by: [], group_interval: 60s}");
  take(&w, FIRING, "x", 1);
  assert_told(&w, "quiet/journal/0 +x; ");
  take(&w, RESOLVED, "x", 1);
  pass(&w, 60);
  assert_told(&w, "");
  take(&w, FIRING, "x", 2); /* a new episode is news */
  assert_told(&w, "quiet/journal/0 +x; ");
  teardown(&w);
}

static void test_cause(void) {
  World w;
  g_autoptr(MonTransition) follows = NULL;
  g_autoptr(GPtrArray) dependants = NULL;

  setup(&w, "{receiver: a, group_by: ['...'], group_wait: 0s, group_interval: 10s}");
  take(&w, FIRING, "cause", 1);
  assert_told(&w, "a/journal/0 +cause; ");
  g_autoptr(MonTransition) cause = alert(&w, FIRING, "cause", 1);
  follows = alert(&w, FIRING, "follows", 2);
  follows->cause = g_strdup(cause->fingerprint);
  mon_groups_take(w.groups, follows, w.now, EPOCH + w.now);
  pass(&w, 100);
  assert_told(&w, "");
  dependants = mon_groups_dependants(w.groups, cause->fingerprint);
  g_assert_cmpuint(dependants->len, ==, 1);
  take(&w, RESOLVED, "cause", 1);
  pass(&w, 10);
  g_assert_nonnull(strstr(w.told->str, "-cause"));
  g_assert_nonnull(strstr(w.told->str, "+follows")); /* it still fires, and its cause does not */
  teardown(&w);
}

/* The file is another one; whoever was told hears of the end. */
static void test_reload(void) {
  World w;
  MonAlerting *other = parse("{receiver: b, group_wait: 0s, group_by: [], group_interval: 60s}");

  setup(&w, ROUTE "}");
  take(&w, FIRING, "x", 1);
  pass(&w, 30);
  assert_told(&w, "a/journal/0 +x; ");
  mon_groups_reload(w.groups, other, w.now, EPOCH + w.now);
  mon_groups_run(w.groups, w.now, EPOCH + w.now);
  assert_told(&w, "b/dbus/0 +x; ");
  take(&w, RESOLVED, "x", 1);
  assert_told(&w, "a/journal/0 -x; ");
  pass(&w, 60);
  assert_told(&w, "b/dbus/0 -x; ");
  g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
  mon_alerting_unref(other);
  teardown(&w);
}

static void restore(World *w, GHashTable *rows) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, rows);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    g_auto(GStrv) names = g_strsplit(key, "|", 2);
    g_auto(GStrv) parts = g_strsplit(value, "|", -1);
    for (guint i = 1; parts[i]; i++) {
      char *equal = strchr(parts[i], '=');
      *equal = '\0';
      mon_groups_restore(w->groups, names[0], names[1], parts[i],
                         g_ascii_strtoll(equal + 1, NULL, 10), FALSE,
                         g_ascii_strtoll(parts[0], NULL, 10));
    }
  }
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
    setup(&w, "{receiver: a, group_by: ['...'], group_wait: 5s, group_interval: 10s}");
    for (guint i = 0; i < G_N_ELEMENTS(story); i++) {
      g_ptr_array_add(log, alert(&w, story[i].kind, story[i].name, 1));
      if (i == kill) { /* the transition is stored; whoever should have taken it dies */
        gint64 cursor = mon_groups_cursor(w.groups);
        mon_groups_free(w.groups);
        w.groups = mon_groups_new(w.alerting, &funcs, &w);
        restore(&w, w.rows);
        w.now += 2 * S;
        for (guint k = (guint)cursor; k < log->len; k++)
          mon_groups_take(w.groups, g_ptr_array_index(log, k), w.now, EPOCH + w.now);
      } else {
        mon_groups_take(w.groups, g_ptr_array_index(log, i), w.now, EPOCH + w.now);
      }
      pass(&w, 20);
    }
    assert_told(&w, "a/journal/0 +x; a/journal/0 +y; a/journal/0 -x; a/journal/0 +z; a/journal/0 "
                    "-y; a/journal/0 -z; ");
    g_assert_cmpuint(g_hash_table_size(w.rows), ==, 0);
    g_assert_cmpint(mon_groups_cursor(w.groups), ==, G_N_ELEMENTS(story));
    teardown(&w);
  }
}

static void test_text(void) {
  World w;
  g_autoptr(GError) error = NULL;

  setup(&w, ROUTE "}");
  g_autoptr(MonTransition) t = alert(&w, FIRING, "x\n\"é", 1);
  t->value = -G_MAXDOUBLE * 2;
  g_autofree char *text = mon_transition_text(t);
  g_autoptr(MonTransition) again = mon_transition_from_text(text, &error);
  g_assert_no_error(error);
  g_autofree char *same = mon_transition_text(again);
  g_assert_cmpstr(same, ==, text);
  g_assert_true(mon_labels_equal(t->labels, again->labels));
  g_assert_true(again->value == t->value);
  g_assert_null(mon_transition_from_text("{\"seq\":1}", NULL));
  teardown(&w);
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
  g_test_add_func("/monitor/group/cause", test_cause);
  g_test_add_func("/monitor/group/reload", test_reload);
  g_test_add_func("/monitor/group/restart", test_restart);
  g_test_add_func("/monitor/group/text", test_text);
  return g_test_run();
}
