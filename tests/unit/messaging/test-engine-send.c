/* test-engine-send.c: what Send promises: deduplication, addresses, times, quotas, all or nothing.
 */
#include "engine-faults.h"
#include "engine-fixture.h"

#include <string.h>

static void must_fail(Env *env, MsgActor *actor, const char *to, MsgSend *how, WgErrorCode code) {
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint(env_send_full(env, actor, to, "x", how, &error), ==, 0);
  g_assert_error(error, WG_ERROR, (int)code);
}

static guint64 send_id(Env *env, MsgActor *actor, const char *body, const char *id,
                       gboolean *ret_duplicate, GError **error) {
  MsgSend how = {.priority = 4, .id = id};
  guint64 seq = env_send_full(env, actor, "a", body, &how, error);

  *ret_duplicate = how.duplicate;
  return seq;
}

static void test_dedup(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  gboolean duplicate;
  g_autoptr(GError) error = NULL;

  env_agent(&env, alice, "a", NULL);
  guint64 first = send_id(&env, alice, "x", "id-1", &duplicate, NULL);
  g_assert_false(duplicate);
  g_assert_cmpuint(send_id(&env, alice, "x", "id-1", &duplicate, NULL), ==, first);
  g_assert_true(duplicate);
  env_restart(&env);
  g_assert_cmpuint(send_id(&env, alice, "x", "id-1", &duplicate, NULL), ==, first);
  g_assert_cmpuint(send_id(&env, alice, "y", "id-1", &duplicate, &error), ==, 0);
  g_assert_error(error, WG_ERROR, WG_ERROR_DUPLICATE_MISMATCH);
  guint64 other = send_id(&env, bob, "y", "id-1", &duplicate, NULL); /* ids are each sender's own */
  g_assert_cmpuint(other, !=, first);
  g_autoptr(GVariant) found = env_ok(&env, alice, MSG_CALL_FIND_MESSAGE,
                                     g_variant_new_parsed("('uid:1000', 'id-1', @a{sv} {})"));
  g_autofree char *text = g_variant_print(found, FALSE);
  g_autofree char *want = g_strdup_printf("(%" G_GUINT64_FORMAT ",)", first);
  g_assert_cmpstr(text, ==, want);
  env_advance(&env, G_TIME_SPAN_DAY - G_USEC_PER_SEC);
  g_assert_cmpuint(send_id(&env, alice, "x", "id-1", &duplicate, NULL), ==, first);
  env_advance(&env, 2 * G_USEC_PER_SEC);
  g_assert_cmpuint(send_id(&env, alice, "x", "id-1", &duplicate, NULL), >, first);
  g_assert_false(duplicate);
  env_check(&env);
  env_clear(&env);
}

static void test_addresses(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  MsgSend how = {.priority = 4};

  env_agent(&env, alice, "a", "{'roles': <['build']>, 'topics': <['news']>}");
  env_agent(&env, alice, "b", "{'roles': <['build']>, 'topics': <['news']>}");
  env_agent(&env, alice, "c", NULL);
  must_fail(&env, bob, "nobody", NULL, WG_ERROR_UNKNOWN_AGENT);
  must_fail(&env, bob, "role:none", NULL, WG_ERROR_NO_RECIPIENTS);
  must_fail(&env, bob, "topic:none", NULL, WG_ERROR_NO_RECIPIENTS);
  for (guint i = 0; i < 6; i++)
    env_send(&env, bob, "role:build", "x"); /* in turn */
  g_assert_cmpint(env_int(&env, "SELECT queued FROM count WHERE agent = 1"), ==, 3);
  g_assert_cmpint(env_int(&env, "SELECT queued FROM count WHERE agent = 2"), ==, 3);
  env_send_full(&env, bob, "topic:news", "body", &how, NULL);
  g_assert_cmpuint(g_strv_length(how.recipients), ==, 2);
  g_clear_pointer(&how.recipients, g_strfreev);
  env_send_full(&env, bob, "@all", "body", &how, NULL);
  g_assert_cmpuint(g_strv_length(how.recipients), ==, 3);
  g_clear_pointer(&how.recipients, g_strfreev);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message WHERE body = x'626f6479'"), ==, 2);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM live"), ==, 6 + 2 + 3);
  env_clear(&env);
}

static void test_least_loaded(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'roles': <['build']>, 'balance': <'least-loaded'>}");
  env_agent(&env, alice, "b", "{'roles': <['build']>, 'balance': <'least-loaded'>}");
  for (guint i = 0; i < 4; i++)
    env_send(&env, alice, "a", "x");
  for (guint i = 0; i < 4; i++)
    env_send(&env, alice, "role:build", "x");
  g_assert_cmpint(env_int(&env, "SELECT queued FROM count WHERE agent = 2"), ==, 4);
  env_clear(&env);
}

static void test_from(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001),
                      root = env_actor(&env, 0);
  MsgSend how = {.priority = 4, .from = "a"};

  env_agent(&env, alice, "a", NULL);
  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, NULL), !=, 0);
  must_fail(&env, bob, "a", &how, WG_ERROR_NOT_AUTHORIZED);
  must_fail(&env, root, "a", &how, WG_ERROR_NOT_AUTHORIZED);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_cmpstr(d->from, ==, "a");
  g_assert_cmpuint(d->sender_uid, ==, 1000);
  msg_delivery_free(d);
  env_send(&env, bob, "a", "x");
  d = env_take(&env, alice, "a");
  g_assert_cmpstr(d->from, ==, "uid:1001");
  msg_delivery_free(d);
  env_clear(&env);
}

static void test_times(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend later = {.priority = 4, .delay = 10 * G_USEC_PER_SEC},
          at = {.priority = 4, .deliver_at = env.clock.realtime + 60 * G_USEC_PER_SEC},
          brief = {.priority = 4, .ttl = 5 * G_USEC_PER_SEC};

  env_agent(&env, alice, "a", NULL);
  guint64 one = env_send_full(&env, alice, "a", "1", &later, NULL);
  g_assert_cmpint(later.state, ==, MSG_STATE_SCHEDULED);
  guint64 two = env_send_full(&env, alice, "a", "2", &at, NULL);
  guint64 three = env_send_full(&env, alice, "a", "3", &brief, NULL);
  env_restart(&env);
  env_advance(&env, 6 * G_USEC_PER_SEC);
  g_autofree char *expired = env_state(&env, alice, three, NULL);
  g_assert_cmpstr(expired, ==, "expired");
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 5);
  g_assert_cmpuint(none->len, ==, 0);
  env_advance(&env, 5 * G_USEC_PER_SEC);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->seq, ==, one);
  msg_delivery_free(d);
  /* somebody sets the wall clock: calendar times follow it, BOOTTIME stays */
  env.clock.realtime += G_TIME_SPAN_HOUR;
  env.wake = 0;
  env_settle(&env);
  d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->seq, ==, two);
  msg_delivery_free(d);
  g_autofree char *receipts = env_receipts(&env, alice, two);
  g_assert_cmpstr(receipts, ==, "stored scheduled queued leased");
  env_clear(&env);
}

static void test_volatile(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend how = {.priority = 4, .is_volatile = TRUE};

  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send_full(&env, alice, "a", "x", &how, NULL);
  g_assert_true((seq & MSG_VOLATILE_BIT) != 0);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 0);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_true(d->is_volatile);
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_SILENT, 0, NULL, NULL, NULL));
  msg_delivery_free(d);
  env_check(&env);
  env_restart(&env);
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  env_refused(&env, alice, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", seq, NULL),
              WG_ERROR_UNKNOWN_MESSAGE);
  g_assert_cmpint(env_int(&env, "SELECT messages FROM sender"), ==, 0);
  env_check(&env); /* nothing is counted that is not there */
  env_clear(&env);
}

static void many_done(WgJob *job) {
  ((MsgJob *)job)->appealed = TRUE;
}

static void send_many(Env *env, MsgActor *actor, MsgSend *items, guint n, MsgSendJob *job) {
  *job = (MsgSendJob){.items = items, .n = n};
  job->base = (MsgJob){.job = {.run = msg_run_send, .done = many_done}, .actor = actor};
  wg_writer_submit(env->writer, &job->base.job);
  while (!job->base.appealed)
    g_main_context_iteration(NULL, TRUE);
}

static void test_many(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend items[3] = {{.to = "a", .body = "1", .size = 1, .priority = 4},
                      {.to = "a", .body = "2", .size = 1, .priority = 4},
                      {.to = "nobody", .body = "3", .size = 1, .priority = 4}};
  MsgSendJob job;

  env_agent(&env, alice, "a", "{'max-messages': <uint64 2>}");
  send_many(&env, alice, items, 3, &job);
  g_assert_error(job.base.job.error, WG_ERROR, WG_ERROR_UNKNOWN_AGENT);
  g_clear_error(&job.base.job.error);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 0);
  items[2].to = "a"; /* the quota counts those before it in the same call */
  send_many(&env, alice, items, 3, &job);
  g_assert_error(job.base.job.error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED);
  g_clear_error(&job.base.job.error);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 0);
  send_many(&env, alice, items, 2, &job);
  g_assert_no_error(job.base.job.error);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM live"), ==, 2);
  env_clear(&env);
}

static void test_quotas(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSendJob job;
  MsgSend one = {.to = "b", .body = "x", .size = 1, .priority = 4};

  env_agent(&env, alice, "a", "{'max-messages': <uint64 1>}");
  env_agent(&env, alice, "b", "{'rate': <2.0>, 'burst': <uint32 2>}");
  env_agent(&env, alice, "c", "{'max-bytes': <uint64 10>}");
  env_send(&env, alice, "a", "x");
  must_fail(&env, alice, "a", NULL, WG_ERROR_QUOTA_EXCEEDED);
  MsgDelivery *d = env_take(&env, alice, "a");
  must_fail(&env, alice, "a", NULL, WG_ERROR_QUOTA_EXCEEDED);
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_send(&env, alice, "a", "x");
  env_send(&env, alice, "b", "x");
  env_send(&env, alice, "b", "x");
  send_many(&env, alice, &one, 1, &job);
  g_assert_error(job.base.job.error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED);
  g_clear_error(&job.base.job.error);
  g_assert_cmpuint(job.base.retry_after, >, 400000);
  g_assert_cmpuint(job.base.retry_after, <=, 500001);
  env_advance(&env, (gint64)job.base.retry_after);
  env_send(&env, alice, "b", "x");
  g_autoptr(GError) error = NULL;
  g_assert_cmpuint(env_send_full(&env, alice, "c", "01234567890", NULL, &error), ==, 0);
  g_assert_error(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED);
  env_clear(&env);
}

static void test_rolled_back(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(GError) error = NULL;

  env_agent(&env, alice, "a", NULL);
  env_fail_commits(&env, 2); /* together, and by itself */
  g_assert_cmpuint(env_send_full(&env, alice, "a", "lost", NULL, &error), ==, 0);
  g_assert_nonnull(error);
  env_fail_commits(&env, 1); /* an agent of a batch that failed, then again */
  env_agent(&env, alice, "b", "{'topics': <['t']>}");
  env_fail_commits(&env, 2);
  g_autoptr(GVariant) none = env_call(&env, alice, MSG_CALL_REGISTER_AGENT,
                                      g_variant_new_parsed("('c', {'topics': <['t']>})"), NULL);
  g_assert_null(none);
  env_commits_to_fail(&env);
  must_fail(&env, alice, "c", NULL, WG_ERROR_UNKNOWN_AGENT); /* leaves no trace */
  MsgSend how = {.priority = 4};
  env_send_full(&env, alice, "topic:t", "x", &how, NULL);
  g_assert_cmpuint(g_strv_length(how.recipients), ==, 1);
  g_strfreev(how.recipients);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 5);
  g_assert_cmpuint(got->len, ==, 0);
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/send/dedup", test_dedup);
  g_test_add_func("/engine/send/addresses", test_addresses);
  g_test_add_func("/engine/send/least-loaded", test_least_loaded);
  g_test_add_func("/engine/send/from", test_from);
  g_test_add_func("/engine/send/times", test_times);
  g_test_add_func("/engine/send/volatile", test_volatile);
  g_test_add_func("/engine/send/many", test_many);
  g_test_add_func("/engine/send/quotas", test_quotas);
  g_test_add_func("/engine/send/rolled-back", test_rolled_back);
  return g_test_run();
}
