/* test-outbox-rate.c: a receiver with a rate_limit: what is too much becomes a summary, which is
 * stored before it is sent, and nobody is left in the dark about how an alert stands. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "outbox-world.h"

#include <string.h>

/* Stored, and what is to be sent is sent. */
static void store(World *w, const char *expected) {
  mon_outbox_stored(w->outbox, "good/exec/0", w->again);
  w->again = 0;
  world_run(w, expected);
}

static const char *about(const MonNotice *notice, guint i) {
  return ((MonTransition *)notice->alerts->pdata[i])->fingerprint;
}

/* So many at once; the rest is one, once there is room, and only when it is stored as such. */
static void test_rate(void) {
  World w;

  world_setup(&w);
  w.good.rate_max = 2;
  w.good.rate_per = 60 * S;
  for (guint i = 0; i < 4; i++)
    world_put_alert(world_add(&w, "good/exec/0", &"abcd"[i]), &"abcd"[i], TRUE);
  world_run(&w, ">1 >2 limited ");
  g_assert_cmpint(mon_outbox_due(w.outbox), ==, G_MAXINT64); /* nothing before one has ended */
  world_end(&w, 0, MON_TOLD);
  world_end(&w, 0, MON_TOLD);
  world_run(&w, "=1 =2 ");
  MonNotice *last = world_add(&w, "good/exec/0", "a");
  world_put_alert(last, "a", FALSE);
  world_put_alert(last, "d", FALSE); /* of whatever group: this is the later word */
  world_run(&w, "");
  g_assert_cmpint(mon_outbox_due(w.outbox), ==, w.now + 60 * S);
  w.now += 60 * S;
  world_run(&w, "4+5 3+5 ");
  g_assert_cmpint(w.again, ==, 5);
  world_put_alert(world_add(&w, "good/exec/0", "z"), "z", TRUE);
  world_run(&w, ""); /* not before the summary */
  g_assert_cmpint(mon_outbox_due(w.outbox), ==, G_MAXINT64);
  store(&w, ">5 >6 ");
  g_assert_cmpuint(last->suppressed, ==, 3);
  g_assert_cmpuint(last->n_firing, ==, 1);
  g_assert_cmpstr(about(last, 0), ==, "cd");
  g_assert_cmpstr(about(last, 1), ==, "a");
  g_assert_cmpstr(about(last, 2), ==, "d");
  g_assert_nonnull(last->dedup);
  world_put_alert(world_add(&w, "good/exec/0", "cd"), "c",
                  FALSE); /* waits for the summary, which is of it */
  world_end(&w, 1, MON_TELL_NEVER);
  world_run(&w, "!6 ");
  world_end(&w, 0, MON_TOLD);
  world_run(&w, "=5 >7 ");
  world_teardown(&w);
}

/* One that was held back goes as it is; what a restart remembers counts. */
static void test_rate_restart(void) {
  World w;

  world_setup(&w);
  w.good.rate_max = 2;
  w.good.rate_per = 60 * S;
  mon_outbox_told(w.outbox, "good/exec/0", w.now - 70 * S);
  mon_outbox_told(w.outbox, "good/exec/0", w.now - 40 * S);
  mon_outbox_told(w.outbox, "good/exec/0", w.now - 30 * S);
  world_put_alert(world_add(&w, "good/exec/0", "a"), "a", TRUE);
  world_run(&w, "limited ");
  g_assert_cmpint(mon_outbox_due(w.outbox), ==, w.now + 20 * S);
  w.now += 20 * S;
  world_run(&w, ">1 ");
  world_end(&w, 0, MON_TELL_AGAIN); /* it may be there; it goes on by itself */
  world_put_alert(world_add(&w, "good/exec/0", "b"), "b", TRUE);
  world_put_alert(world_add(&w, "good/exec/0", "c"), "c", TRUE);
  w.now += 5 * S;
  world_run(&w, "down >2 ");
  world_end(&w, 0, MON_TOLD);
  world_run(&w, "up =2 limited ");
  w.now += 55 * S;
  world_run(&w, ">1 limited "); /* 1 was tried, so 3 is the only one to sum up */
  world_teardown(&w);
}

/* One of a single group stays of that group. */
static void test_rate_one_group(void) {
  World w;

  world_setup(&w);
  w.good.rate_max = 1;
  w.good.rate_per = 60 * S;
  world_put_alert(world_add(&w, "good/exec/0", "a"), "x", TRUE);
  world_put_alert(world_add(&w, "good/exec/0", "a"), "y", TRUE);
  MonNotice *last = world_add(&w, "good/exec/0", "a");
  world_put_alert(last, "z", TRUE);
  world_run(&w, ">1 ");
  world_end(&w, 0, MON_TOLD);
  world_run(&w, "=1 limited ");
  g_assert_true(mon_outbox_limited(w.outbox, "good/exec/0"));
  w.now += 60 * S;
  world_run(&w, "2+3 ");
  store(&w, ">3 ");
  g_assert_false(mon_outbox_limited(w.outbox, "good/exec/0"));
  g_assert_cmpstr(last->group, ==, "a");
  g_assert_cmpuint(last->suppressed, ==, 2);
  g_assert_cmpuint(last->alerts->len, ==, 1); /* the later one has all of the group that fires */
  world_teardown(&w);
}

typedef struct {
  GHashTable *told; /* fingerprint -> whether it fires, as it was told last */
  gint64 times[1000];
  guint n, n_suppressed;
} Receiver;

static void receive(World *w, Receiver *receiver, const MonNotice *notice) {
  for (guint i = 0; i < notice->alerts->len; i++)
    g_hash_table_insert(receiver->told, g_strdup(about(notice, i)),
                        GINT_TO_POINTER(i < notice->n_firing));
  receiver->times[receiver->n++] = w->now;
  receiver->n_suppressed += notice->suppressed;
}

static void turn(World *w, Receiver *receiver) {
  do {
    mon_outbox_run(w->outbox, w->now);
    if (w->again != 0)
      mon_outbox_stored(w->outbox, "good/exec/0", w->again);
    w->again = 0;
    while (w->under_way->len > 0) {
      receive(w, receiver, w->notices->pdata[0]);
      world_end(w, 0, MON_TOLD);
    }
  } while (mon_outbox_due(w->outbox) <= w->now);
}

/* A storm: in no minute more than three, in no lane more than its bound, and whoever is told knows
 * in the end how each alert stands. */
static void test_rate_storm(void) {
  Receiver r = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), {0}, 0, 0};
  g_autoptr(GHashTable) stands = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer name, fires;
  World w;

  world_setup(&w);
  w.good.rate_max = 3;
  w.good.rate_per = 60 * S;
  mon_outbox_bound(w.outbox, 8);
  for (guint i = 0; i < 600; i++) {
    g_autofree char *alert = g_strdup_printf("%d", g_test_rand_int_range(0, 40));
    gboolean is_firing = !GPOINTER_TO_INT(g_hash_table_lookup(stands, alert));
    MonNotice *notice = world_make(&w, "good/exec/0", alert);
    world_put_alert(notice, alert, is_firing);
    mon_outbox_add(w.outbox, notice); /* where it may be merged at once */
    g_hash_table_insert(stands, g_steal_pointer(&alert), GINT_TO_POINTER(is_firing));
    g_assert_cmpuint(mon_outbox_n(w.outbox), <=, 8);
    turn(&w, &r);
    w.now += g_test_rand_int_range(0, 2 * S);
  }
  for (w.now += 60 * S; mon_outbox_n(w.outbox) > 0; w.now += 60 * S)
    turn(&w, &r);
  g_hash_table_iter_init(&iter, stands);
  while (g_hash_table_iter_next(&iter, &name, &fires))
    g_assert_true(g_hash_table_lookup(r.told, name) == fires);
  for (guint i = 3; i < r.n; i++)
    g_assert_cmpint(r.times[i] - r.times[i - 3], >=, 60 * S);
  g_assert_cmpuint(r.n_suppressed, >, 500);
  g_assert_null(strstr(w.log->str, "!"));
  g_hash_table_unref(r.told);
  world_teardown(&w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/outbox/rate", test_rate);
  g_test_add_func("/monitor/outbox/rate-restart", test_rate_restart);
  g_test_add_func("/monitor/outbox/rate-one-group", test_rate_one_group);
  g_test_add_func("/monitor/outbox/rate-storm", test_rate_storm);
  return g_test_run();
}
