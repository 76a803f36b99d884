/* group-world.c: see group-world.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "group-world.h"

#include <string.h>

static const char *on_muted(const MonTransition *alert, gpointer user_data) {
  World *w = user_data;

  return g_strcmp0(mon_labels_get(alert->labels, "alertname"), w->silent) == 0 ? "silence 1" : NULL;
}

static void on_tell(const MonToTell *notice, gpointer user_data) {
  World *w = user_data;

  g_string_append_printf(w->told, "%s", notice->integration->key);
  for (guint i = 0; i < notice->escalation; i++)
    g_string_append_c(w->told, '!');
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
    g_string_append_printf(text, "|%s=%" G_GINT64_FORMAT "@%" G_GINT64_FORMAT, (char *)fingerprint,
                           ((MonSentAlert *)told)->fired_at, ((MonSentAlert *)told)->told_at);
  if (gone)
    g_hash_table_remove(w->rows, key);
  else
    g_hash_table_insert(w->rows, g_strdup(key), g_strdup(text->str));
  g_free(key);
}

const MonGroupFuncs world_funcs = {on_muted, on_tell, on_sent};

MonAlerting *world_parse(const char *route) {
  g_autofree char *text = g_strdup_printf(
      "route: %s\n"
      "receivers: [{name: none}, {name: a, journal: {}}, {name: b, dbus: {}}, {name: quiet, "
      "journal: "
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

void world_setup(World *w, const char *route) {
  *w = (World){.now = 1000 * S, .told = g_string_new(NULL)};
  w->alerting = world_parse(route);
  w->groups = mon_groups_new(w->alerting, &world_funcs, w);
  w->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void world_teardown(World *w) {
  mon_groups_free(w->groups);
  mon_alerting_unref(w->alerting);
  g_string_free(w->told, TRUE);
  g_hash_table_unref(w->rows);
}

/* `fired`: seconds of our clock; the alert's name is its identity. */
MonTransition *world_alert(World *w, MonTransitionKind kind, const char *name, gint64 fired) {
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

void world_take(World *w, MonTransitionKind kind, const char *name, gint64 fired) {
  g_autoptr(MonTransition) t = world_alert(w, kind, name, fired);

  mon_groups_take(w->groups, t, w->now, EPOCH + w->now);
  mon_groups_run(w->groups, w->now, EPOCH + w->now);
}

/* Goes on for so long, stopping wherever something is due. */
void world_pass(World *w, gint64 seconds) {
  gint64 end = w->now + seconds * S;

  while (mon_groups_due(w->groups) <= end) {
    w->now = MAX(w->now, mon_groups_due(w->groups));
    mon_groups_run(w->groups, w->now, EPOCH + w->now);
  }
  w->now = end;
}

void world_assert_told(World *w, const char *expected) {
  g_assert_cmpstr(w->told->str, ==, expected);
  g_string_truncate(w->told, 0);
}

static void restore(World *w) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, w->rows);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    g_auto(GStrv) names = g_strsplit(key, "|", 2);
    g_auto(GStrv) parts = g_strsplit(value, "|", -1);
    for (guint i = 1; parts[i]; i++) {
      char *equal = strchr(parts[i], '='), *at = strchr(parts[i], '@');
      const MonSentAlert told = {g_ascii_strtoll(equal + 1, NULL, 10), MON_TOLD_FIRING,
                                 g_ascii_strtoll(at + 1, NULL, 10)};
      *equal = '\0';
      mon_groups_restore(w->groups, names[0], names[1], parts[i], &told,
                         g_ascii_strtoll(parts[0], NULL, 10));
    }
  }
}

/* The last of each alert, where that one fires. */
static void seed(World *w, GPtrArray *log) {
  for (guint i = 0; i < log->len; i++) {
    const MonTransition *t = g_ptr_array_index(log, i);
    gboolean is_last = TRUE;
    for (guint k = i + 1; k < log->len; k++)
      is_last = is_last && !g_str_equal(((MonTransition *)g_ptr_array_index(log, k))->fingerprint,
                                        t->fingerprint);
    if (is_last)
      mon_groups_seed(w->groups, t, w->now, EPOCH + w->now);
  }
}

void world_restart(World *w, GPtrArray *log) {
  guint cursor = (guint)mon_groups_cursor(w->groups);

  mon_groups_free(w->groups);
  w->groups = mon_groups_new(w->alerting, &world_funcs, w);
  restore(w);
  seed(w, log);
  for (guint i = cursor; i < log->len; i++)
    mon_groups_take(w->groups, g_ptr_array_index(log, i), w->now, EPOCH + w->now);
}
