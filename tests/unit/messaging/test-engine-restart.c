/* test-engine-restart.c: starts, damage and repair. */
#include "engine-faults.h"

#include <string.h>

static void test_leases(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 3; i++)
    env_send(&env, alice, "a", "x");
  g_autoptr(GPtrArray) bound = env_receive_full(&env, alice, "a", 1, 0, FALSE, NULL);
  g_autoptr(GPtrArray) longer = env_receive_full(&env, alice, "a", 1, G_TIME_SPAN_HOUR, TRUE, NULL);
  g_autoptr(GPtrArray) brief = env_receive_full(&env, alice, "a", 1, G_USEC_PER_SEC, TRUE, NULL);
  const MsgDelivery *b = bound->pdata[0], *l = longer->pdata[0], *s = brief->pdata[0];
  env_stop(&env);
  env.clock.boottime += 10 * G_USEC_PER_SEC;
  env.clock.realtime += 10 * G_USEC_PER_SEC;
  env_start(&env);
  env_settle(&env);
  g_autofree char *one = env_state(&env, alice, b->seq, NULL),
                  *two = env_state(&env, alice, l->seq, NULL),
                  *three = env_state(&env, alice, s->seq, NULL);
  g_assert_cmpstr(one, ==, "queued");
  g_assert_cmpstr(two, ==, "leased");
  g_assert_cmpstr(three, ==, "scheduled"); /* its time ran out: its back-off */
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->seq, ==, b->seq);
  g_assert_cmpuint(d->failed, ==, 0); /* a restart is nobody's failure */
  msg_delivery_free(d);
  g_assert_false(env_lease(&env, alice, MSG_LEASE_ACK, b->token, NULL));
  env_ack(&env, alice, l->token);
  env_check(&env);
  env_clear(&env);
}

static void test_reboot(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend how = {.priority = 4, .delay = 100 * G_USEC_PER_SEC};

  env_agent(&env, alice, "a", NULL);
  env_send_full(&env, alice, "a", "x", &how, NULL);
  env_stop(&env);
  env.clock.boot_id = "00000000000000000000000000000002";
  env.clock.boottime = 5 * G_USEC_PER_SEC;
  env.clock.realtime += 60 * G_USEC_PER_SEC;
  env_start(&env);
  env_advance(&env, 30 * G_USEC_PER_SEC);
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  env_advance(&env, 11 * G_USEC_PER_SEC);
  MsgDelivery *d = env_take(&env, alice, "a");
  msg_delivery_free(d);
  env_clear(&env);
}

static void test_damaged_message(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 bad = env_send(&env, alice, "a", "aaaa"), good = env_send(&env, alice, "a", "bbbb");
  env_stop(&env);
  env_exec(&env, "UPDATE message SET body = x'61616162' WHERE body = x'61616161'");
  env_start(&env);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 10);
  g_assert_cmpuint(got->len, ==, 1);
  g_assert_cmpuint(((MsgDelivery *)got->pdata[0])->seq, ==, good);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM quarantine WHERE source = 'message'"), ==, 1);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM dead"), ==, 1);
  for (guint i = 0; i < 3; i++)
    env_refused(&env, alice, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", bad, NULL),
                WG_ERROR_STORE_DAMAGED);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM quarantine"), ==, 1);
  env_check(&env);
  env_clear(&env);
}

static void test_damaged_delivery(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 bad = env_send(&env, alice, "a", "x"), good = env_send(&env, alice, "a", "y");
  env_stop(&env);
  env_exec(&env, "UPDATE live SET data = x'00' || substr(data, 2) WHERE place = (SELECT min(place) "
                 "FROM live)");
  env_start(&env);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 10); /* rather twice than never */
  g_assert_cmpuint(got->len, ==, 2);
  g_assert_cmpuint(((MsgDelivery *)got->pdata[0])->seq, ==, bad);
  g_assert_cmpuint(((MsgDelivery *)got->pdata[1])->seq, ==, good);
  g_autofree char *receipts = env_receipts(&env, alice, bad);
  g_assert_cmpstr(receipts, ==, "requeued leased");
  env_check(&env);
  env_clear(&env);
}

static GVariant *check(Env *env, MsgActor *actor, gboolean dry, guint64 *ret_damaged,
                       guint64 *ret_repaired, gsize *ret_n) {
  GVariant *r =
      env_ok(env, actor, MSG_CALL_CHECK, g_variant_new_parsed("({'dry-run': <%b>},)", dry));
  g_autoptr(GVariant) list = g_variant_get_child_value(r, 0),
                      summary = g_variant_get_child_value(r, 1);

  *ret_n = g_variant_n_children(list);
  g_variant_lookup(summary, "damaged", "t", ret_damaged);
  g_variant_lookup(summary, "repaired", "t", ret_repaired);
  return r;
}

static void test_check(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), root = env_actor(&env, 0);
  guint64 damaged, repaired, seqs[5];
  gsize n;

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 5; i++)
    seqs[i] = env_send(&env, alice, "a", i == 0 ? "zero" : "x");
  MsgDelivery *d = env_take(&env, alice, "a");
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_refused(&env, alice, MSG_CALL_CHECK, g_variant_new_parsed("(@a{sv} {},)"),
              WG_ERROR_NOT_AUTHORIZED);
  g_autoptr(GVariant) sound = check(&env, root, FALSE, &damaged, &repaired, &n);
  g_assert_cmpuint(n, ==, 0);
  env_stop(&env);
  env_exec(&env, "UPDATE done SET data = x'00' || substr(data, 2)");
  env_exec(&env, "UPDATE message SET meta = x'00' || substr(meta, 2) WHERE seq = 2");
  env_exec(&env, "DELETE FROM message WHERE seq = 3");
  env_exec(&env, "UPDATE live SET data = x'00' || substr(data, 2) WHERE place & 274877906943 = 4");
  env_exec(&env, "UPDATE count SET queued = 17");
  env_start(&env);
  g_autoptr(GVariant) dry = check(&env, root, TRUE, &damaged, &repaired, &n);
  g_assert_cmpuint(damaged, ==, 5);
  g_assert_cmpuint(repaired, ==, 0);
  g_assert_cmpuint(n, ==, 5);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM quarantine"), ==, 0);
  g_autoptr(GVariant) mend = check(&env, root, FALSE, &damaged, &repaired, &n);
  g_assert_cmpuint(damaged, ==, 5);
  g_assert_cmpuint(repaired, ==, 5);
  env_check(&env);
  g_autofree char *orphan = env_state(&env, root, seqs[4], NULL);
  g_assert_cmpstr(orphan, ==, "queued");
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 10);
  g_assert_cmpuint(got->len, ==, 2); /* the rebuilt one and the sound one */
  g_autoptr(GVariant) after = check(&env, root, FALSE, &damaged, &repaired, &n);
  g_assert_cmpuint(n, ==, 1); /* a message that cannot be had stays a finding */
  env_clear(&env);
}

/* Slice by slice to the end; how many findings were told, and how many slices there were. */
static guint scrub(Env *env, MsgActor *root, guint64 *ret_damaged, guint *ret_slices) {
  g_autofree char *from = g_strdup("");
  guint n = 0;

  for (*ret_slices = 1;; ++*ret_slices) {
    g_autoptr(GVariant) r =
        env_ok(env, root, MSG_CALL_CHECK, g_variant_new_parsed("({'from': <%s>},)", from));
    g_autoptr(GVariant) list = g_variant_get_child_value(r, 0),
                        summary = g_variant_get_child_value(r, 1);
    n += g_variant_n_children(list);
    g_free(from);
    from = NULL;
    g_variant_lookup(summary, "damaged", "t", ret_damaged);
    if (!g_variant_lookup(summary, "next", "s", &from))
      return n;
  }
}

/* In the background: the same is found and mended, and told once. */
static void test_scrub(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), root = env_actor(&env, 0);
  guint64 damaged;
  guint slices;

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 1200; i++)
    env_send(&env, alice, "a", "x");
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_true(env_lease(&env, alice, MSG_LEASE_TERMINATE, d->token, NULL));
  msg_delivery_free(d);
  g_assert_cmpuint(scrub(&env, root, &damaged, &slices), ==, 0);
  g_assert_cmpuint(slices, >=, 7); /* three of messages, three of deliveries, one of those done */
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_RECORDS), ==, 1); /* none is damaged any more */
  env_refused(&env, alice, MSG_CALL_CHECK, g_variant_new_parsed("({'from': <''>},)"),
              WG_ERROR_NOT_AUTHORIZED);
  for (const char *const *bad =
           (const char *const[]){"1", "1:2:3:4", "0:1:2:3:4", "4:1:2:3:4", "1:1:1:1:1x", NULL};
       *bad; bad++)
    env_refused(&env, root, MSG_CALL_CHECK, g_variant_new_parsed("({'from': <%s>},)", *bad),
                WG_ERROR_INVALID_ARGUMENT);
  env_stop(&env);
  env_exec(&env, "UPDATE done SET data = x'00' || substr(data, 2)");
  env_exec(&env, "UPDATE message SET meta = x'00' || substr(meta, 2) WHERE seq = 2");
  env_exec(&env, "DELETE FROM message WHERE seq = 3");
  env_exec(
      &env,
      "UPDATE live SET data = x'00' || substr(data, 2) WHERE place & 274877906943 IN (4, 1100)");
  env_start(&env);
  env_fail_commits(&env, 1);
  g_assert_cmpuint(scrub(&env, root, &damaged, &slices), ==, 5);
  env_commits_to_fail(&env);
  g_assert_cmpuint(damaged, ==, 5);
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_RECORDS), >=, 2);
  env_check(&env); /* the counts are right, too */
  g_assert_cmpuint(scrub(&env, root, &damaged, &slices), ==, 0);
  g_assert_cmpuint(damaged, ==, 0);
  env_clear(&env);
}

/* The header: nothing opens this any more. */
static void break_file(Env *env) {
  FILE *f = fopen(env->path, "r+");

  g_assert_nonnull(f);
  g_assert_cmpuint(fwrite("garbage garbage garbage", 1, 23, f), ==, 23);
  fclose(f);
}

static void test_lost_agent(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), root = env_actor(&env, 0);

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  guint64 seq = env_send(&env, alice, "a", "x");
  env_stop(&env);
  env_exec(&env, "DELETE FROM agent WHERE name = 'a'");
  break_file(&env);
  env_start(&env);
  env_settle(&env);
  MsgDelivery *d = env_take(&env, root, "lost-agent-1"); /* mail outlives its agent's row */
  g_assert_cmpuint(d->seq, ==, seq);
  msg_delivery_free(d);
  env_agent(&env, alice, "a", NULL); /* with a number of its own */
  env_send(&env, alice, "a", "y");
  env_check(&env);
  env_clear(&env);
}

static void test_salvage(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend later = {.priority = 4, .delay = 50 * G_USEC_PER_SEC};
  guint64 last = 0;

  env_agent(&env, alice, "a", NULL);
  env_send_full(&env, alice, "a", "x", &later, NULL);
  for (guint i = 0; i < 400; i++)
    last = env_send(&env, alice, "a", "some text that fills pages of the file, which is needed");
  env_stop(&env);
  break_file(&env);
  env_start(&env);
  env_settle(&env);
  env_check(&env); /* counts are those of the rows that are left */
  g_assert_cmpuint(env_send(&env, alice, "a", "new"), >, last + 1000);
  env_advance(&env, 60 * G_USEC_PER_SEC);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 256);
  g_assert_cmpuint(got->len, ==, 256);
  g_assert_cmpuint(((MsgDelivery *)got->pdata[0])->seq, ==, 1); /* what was scheduled came */
  env_clear(&env);
}

/* A million rows, a few of them leased: what a start costs. */
static void test_start_time(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint n = g_test_slow() ? 1000000 : 50000;

  env_agent(&env, alice, "a", NULL);
  env_send(&env, alice, "a", "x");
  MsgDelivery *d = env_take(&env, alice, "a");
  msg_delivery_free(d);
  env_stop(&env);
  g_autofree char *sql = g_strdup_printf(
      "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %u) INSERT INTO "
      "live "
      "SELECT l.place + i, x'00' || x'00000001' || x'03' || substr(l.data, 7) FROM n, live l WHERE "
      "l.place & 274877906943 = 1;"
      "UPDATE count SET queued = %u, in_flight = 2;",
      n, n - 1);
  env_exec(&env, sql);
  gint64 before = g_get_monotonic_time();
  env_start(&env);
  gint64 usec = g_get_monotonic_time() - before;
  g_test_message("start with %u rows: %" G_GINT64_FORMAT " us", n, usec);
  g_assert_cmpint(usec, <, 10 * G_USEC_PER_SEC);
  g_assert_cmpint(env_int(&env, "SELECT in_flight FROM count"), ==, 1); /* it looked at all */
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/restart/leases", test_leases);
  g_test_add_func("/engine/restart/reboot", test_reboot);
  g_test_add_func("/engine/restart/damaged-message", test_damaged_message);
  g_test_add_func("/engine/restart/damaged-delivery", test_damaged_delivery);
  g_test_add_func("/engine/restart/check", test_check);
  g_test_add_func("/engine/restart/scrub", test_scrub);
  g_test_add_func("/engine/restart/salvage", test_salvage);
  g_test_add_func("/engine/restart/lost-agent", test_lost_agent);
  g_test_add_func("/engine/restart/start-time", test_start_time);
  return g_test_run();
}
