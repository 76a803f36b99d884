/* test-alert-state.c: what becomes of one alert, told as a line of what is seen and a line of what
 * follows. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/alert-state.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)

/* A character a second: '1' holds, '0' does not, '?' no data, 'u' none and the rule
 * says unknown, 'k' neither holds nor resolves. */
static char *story(MonAlert *alert, const MonRule *rule, const char *seen, gint64 *now) {
  static const char letters[] = "pcFRfsAUCNuk"; /* by MonTransitionKind */
  GString *told = g_string_new(NULL);

  for (const char *at = seen; *at != '\0'; at++, *now += SECOND) {
    MonLook look = {.now = *now,
                    .real = *now,
                    .holds = *at == '1',
                    .resolves = *at != 'k',
                    .is_tick = TRUE,
                    .is_blind = *at == '?' || *at == 'u',
                    .is_unknown = *at == 'u',
                    .value = 1};
    MonSteps steps;
    mon_alert_step(alert, rule, &look, &steps);
    if (steps.n == 0)
      g_string_append_c(told, '.');
    for (guint i = 0; i < steps.n; i++)
      g_string_append_c(told, letters[steps.kinds[i]]);
  }
  return g_string_free(told, FALSE);
}

static MonAlert *fresh(void) {
  g_autoptr(MonLabels) labels = mon_labels_new("alertname", "A", NULL);

  return mon_alert_new(labels);
}

static void check(const MonRule *rule, const char *seen, const char *expected) {
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *told = story(alert, rule, seen, &now);

  g_assert_cmpstr(told, ==, expected);
}

static void test_plain(void) {
  MonRule rule = {.x = 1, .y = 1};

  check(&rule, "0110010", ".F.R.FR");
}

static void test_for(void) {
  MonRule rule = {.x = 1, .y = 1, .hold = 2 * SECOND};

  check(&rule, "110111011110", "p.cp.FRp.F.R");
}

static void test_keep(void) {
  MonRule rule = {.x = 1, .y = 1, .keep = 3 * SECOND};

  /* three seconds from when it held no more; holding again begins anew */
  check(&rule, "10010000100", "F......RF..");
}

static void test_resolve(void) {
  MonRule rule = {.x = 1, .y = 1};

  check(&rule, "1kkk1kk0", "F......R");
}

static void test_x_of_y(void) {
  MonRule rule = {.x = 2, .y = 3};

  check(&rule, "1001010000", ".....FR...");
}

static void test_no_data(void) {
  MonRule rule = {.x = 1, .y = 1, .hold = 2 * SECOND};

  check(&rule, "1???1??0", "p...F..R");
}

static void test_unknown(void) {
  MonRule rule = {.x = 1, .y = 1, .hold = 2 * SECOND};
  MonRule keeps = {.x = 1, .y = 1, .keep = 3 * SECOND};

  /* once; and what there is without data counts for nothing */
  check(&rule, "1uuuu1111u0", "pu...kF..ukR");
  check(&rule, "1uuu00", "pu..kc.");
  check(&rule, "uu0", "...");
  check(&keeps, "10uuuu0000", "F.u...k.R.");
}

/* A rule that has nothing to judge by at all. */
static void test_begins_unknown(void) {
  MonRule rule = {.x = 1, .y = 1};
  g_autoptr(MonAlert) alert = fresh();
  const MonLook look = {.now = 999 * SECOND, .real = 5 * SECOND};
  gint64 now = 1000 * SECOND;
  MonSteps steps;

  mon_alert_begin_unknown(alert, &look, &steps);
  g_assert_cmpuint(steps.n, ==, 1);
  g_assert_cmpint(steps.kinds[0], ==, MON_TRANSITION_UNKNOWN);
  g_assert_cmpstr(mon_alert_shown_state(alert->is), ==, "unknown");
  g_assert_false(mon_alert_fires(alert->is));
  g_autofree char *text = mon_transition_text(alert->is);
  g_assert_nonnull(strstr(text, "\"state\":\"unknown\""));
  g_autoptr(MonTransition) again = mon_transition_from_text(text, NULL);
  g_assert_cmpint(again->state, ==, MON_ALERT_PENDING);
  g_assert_cmpint(again->unknown_at, ==, 5 * SECOND);
  g_autofree char *told = story(alert, &rule, "uu0", &now);
  g_assert_cmpstr(told, ==, "..kc");
  g_assert_cmpint(alert->is->unknown_at, ==, 0);
}

static void test_flapping(void) {
  MonRule rule = {.x = 1, .y = 1, .flap_changes = 4, .flap_within = 10 * SECOND};
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *begin = story(alert, &rule, "1010", &now);

  g_assert_cmpstr(begin, ==, "FRFf"); /* the fourth change is not told as an end */
  g_assert_true(alert->is->flapping);
  g_assert_cmpint(alert->is->state, ==, MON_ALERT_KEEPING);
  g_autofree char *quiet = story(alert, &rule, "1010", &now);
  g_assert_cmpstr(quiet, ==, "....");
  g_autofree char *end = story(alert, &rule, "00000000", &now);
  g_assert_nonnull(strstr(end, "sR")); /* calm: it settles, and then its end is told */
  g_assert_false(alert->is->flapping);
}

/* What flaps is known after a restart: the record has the times. */
static void test_flapping_over_a_restart(void) {
  MonRule rule = {.x = 1, .y = 1, .flap_changes = 4, .flap_within = 10 * SECOND};
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *begin = story(alert, &rule, "1010", &now);
  g_assert_cmpstr(begin, ==, "FRFf");
  g_autofree char *record = mon_alert_record(alert);
  g_autoptr(MonAlert) again = mon_alert_from_record(record, NULL);

  again->active_since = alert->active_since;
  again->kept_since = alert->kept_since;
  g_assert_cmpuint(again->n_flips, ==, alert->n_flips);
  g_assert_cmpmem(again->flips, sizeof *again->flips * again->n_flips, alert->flips,
                  sizeof *alert->flips * alert->n_flips);
  g_autofree char *one = story(alert, &rule, "00000000", &now);
  now -= 8 * SECOND;
  g_autofree char *other = story(again, &rule, "00000000", &now);
  g_assert_cmpstr(one, ==, other);
  g_assert_nonnull(strstr(one, "sR"));
}

static void test_record(void) {
  g_autoptr(MonAlert) alert = fresh();
  g_autofree char *plain = mon_alert_record(alert);
  g_autofree char *text = mon_transition_text(alert->is);
  g_autoptr(GError) error = NULL;
  g_autoptr(MonAlert) again = mon_alert_from_record(plain, NULL);

  g_assert_cmpstr(plain, ==, text); /* as older versions wrote it */
  g_assert_cmpuint(again->n_flips, ==, 0);
  g_assert_null(mon_alert_from_record("{\"flips\":[1]}", &error));
  g_assert_nonnull(error);
}

/* The time that the service was away proves nothing. */
static void test_away(void) {
  MonRule rule = {.x = 1, .y = 1, .hold = 5 * SECOND, .keep = 5 * SECOND};
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *before = story(alert, &rule, "111", &now);

  now += 3600 * SECOND;
  mon_alert_away(alert, 3600 * SECOND);
  g_assert_cmpint(mon_alert_deadline(alert, &rule), ==, now + 2 * SECOND);
  g_autofree char *after = story(alert, &rule, "111", &now);
  g_assert_cmpstr(after, ==, "..F");
  g_autofree char *out = story(alert, &rule, "00", &now);
  now += 60 * SECOND;
  mon_alert_away(alert, 60 * SECOND);
  g_autofree char *rest = story(alert, &rule, "0000", &now);
  g_assert_cmpstr(rest, ==, "...R");
}

/* After a start, absence is no news until the sources had their time. */
static void test_restored(void) {
  MonRule rule = {.x = 1, .y = 1};
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *fired = story(alert, &rule, "1", &now);

  alert->restored_until = now + 3 * SECOND;
  g_autofree char *waits = story(alert, &rule, "00000", &now);
  g_assert_cmpstr(waits, ==, "...R.");
}

static void test_end(void) {
  MonRule rule = {.x = 1, .y = 1};
  g_autoptr(MonAlert) alert = fresh();
  gint64 now = 1000 * SECOND;
  g_autofree char *fired = story(alert, &rule, "1", &now);
  MonSteps steps;

  mon_alert_end(alert, now, now, "rule removed", &steps);
  g_assert_cmpuint(steps.n, ==, 1);
  g_assert_cmpint(steps.kinds[0], ==, MON_TRANSITION_RESOLVED);
  g_assert_cmpstr(alert->is->reason, ==, "rule removed");
  g_assert_true(mon_alert_is_over(alert, &rule, now));
}

/* While nothing can be written: the last of each alert stays, and of the others the newest. */
static void test_thin(void) {
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);

  for (gint64 seq = 1; seq <= 21; seq++) {
    MonTransition *t = g_new0(MonTransition, 1);
    t->seq = seq;
    g_snprintf(t->fingerprint, sizeof t->fingerprint, "%s",
               seq == 1  ? "once"
               : seq % 2 ? "a"
                         : "b");
    t->labels = mon_labels_new("alertname", "X", NULL);
    t->annotations = mon_labels_new(NULL, NULL);
    g_ptr_array_add(all, t);
  }
  g_assert_cmpuint(mon_transitions_thin(all, 21), ==, 0);
  g_assert_cmpuint(mon_transitions_thin(all, 20), ==, 3);
  g_assert_cmpint(((MonTransition *)all->pdata[0])->seq, ==, 1);
  for (guint i = 1; i < all->len; i++)
    g_assert_cmpint(((MonTransition *)all->pdata[i])->seq, ==, i + 4);
  g_assert_cmpuint(mon_transitions_thin(all, 1), ==, 15);
  g_assert_cmpuint(all->len, ==, 3);
  g_assert_cmpint(((MonTransition *)all->pdata[0])->seq, ==, 1);
  g_assert_cmpint(((MonTransition *)all->pdata[1])->seq, ==, 20);
  g_assert_cmpint(((MonTransition *)all->pdata[2])->seq, ==, 21);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/alert-state/thin", test_thin);
  g_test_add_func("/monitor/alert-state/plain", test_plain);
  g_test_add_func("/monitor/alert-state/for", test_for);
  g_test_add_func("/monitor/alert-state/keep", test_keep);
  g_test_add_func("/monitor/alert-state/resolve", test_resolve);
  g_test_add_func("/monitor/alert-state/x-of-y", test_x_of_y);
  g_test_add_func("/monitor/alert-state/no-data", test_no_data);
  g_test_add_func("/monitor/alert-state/record", test_record);
  g_test_add_func("/monitor/alert-state/unknown", test_unknown);
  g_test_add_func("/monitor/alert-state/begins-unknown", test_begins_unknown);
  g_test_add_func("/monitor/alert-state/flapping-restart", test_flapping_over_a_restart);
  g_test_add_func("/monitor/alert-state/flapping", test_flapping);
  g_test_add_func("/monitor/alert-state/away", test_away);
  g_test_add_func("/monitor/alert-state/restored", test_restored);
  g_test_add_func("/monitor/alert-state/end", test_end);
  return g_test_run();
}
