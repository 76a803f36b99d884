/* test-engine-edges.c: what is rare: connections that end while they wait, ordering keys whose
 * messages come late, rows that say nothing true, a process without file descriptors. */
#include "engine-fixture.h"

#include <string.h>
#include <sys/resource.h>

static guint64 send_with(Env *env, MsgActor *actor, const char *to, MsgSend how) {
  g_autoptr(GError) error = NULL;
  guint64 seq = env_send_full(env, actor, to, "x", &how, &error);

  g_assert_no_error(error);
  g_strfreev(how.recipients);
  return seq;
}

/* The one message that comes, acked; 0: none. */
static guint64 take_next(Env *env, MsgActor *actor, const char *agent, guint64 *ret_token) {
  g_autoptr(GPtrArray) d = env_receive(env, actor, agent, 1);

  if (d->len == 0)
    return 0;
  if (ret_token)
    *ret_token = ((MsgDelivery *)d->pdata[0])->token;
  return ((MsgDelivery *)d->pdata[0])->seq;
}

/* All that the connection held was what it waited for. */
static void test_gone_while_waiting(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), other = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send(&env, alice, "a", "x");
  g_assert_cmpuint(take_next(&env, other, "a", NULL), ==, seq);

  g_autoptr(Waiter) one = env_receive_start(&env, alice, "a", 1, 10 * G_USEC_PER_SEC);
  g_autoptr(Waiter) two = env_receive_start(&env, alice, "a", 1, 10 * G_USEC_PER_SEC);
  g_autoptr(Waiter) three =
      env_call_start(&env, alice, MSG_CALL_WAIT, g_variant_new("(tsa{sv})", seq, "acked", NULL));
  env_gone(&env, alice);
  env_wait(&env, one);
  env_wait(&env, two);
  env_wait(&env, three);
  g_assert_null(one->deliveries);
  env_check(&env);
  env_clear(&env);
}

/* A wait for somebody who was never sent the message is a mistake, not a success. */
static void test_wait_for_a_stranger(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  guint64 seq = env_send(&env, alice, "a", "x");

  env_refused(&env, alice, MSG_CALL_WAIT,
              g_variant_new("(ts@a{sv})", seq, "acked", g_variant_new_parsed("{'agent': <'b'>}")),
              WG_ERROR_INVALID_ARGUMENT);
  env_clear(&env);
}

static void test_topic_named_twice(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", "{'topics': <['t', 't']>, 'roles': <['r', 'r']>}");
  env_agent(&env, alice, "b", "{'topics': <['t']>}");
  MsgSend how = {.priority = 4};
  g_autoptr(GError) error = NULL;

  env_send_full(&env, alice, "topic:t", "x", &how, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_strv_length(how.recipients), ==, 2);
  g_strfreev(how.recipients);
  env_check(&env);
  env_clear(&env);
}

/* A message that was scheduled comes behind one of its key that is being handled. */
static void test_key_late(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 late =
      send_with(&env, alice, "a", (MsgSend){.priority = 4, .key = "k", .delay = G_USEC_PER_SEC});
  guint64 first = send_with(&env, alice, "a", (MsgSend){.priority = 4, .key = "k"}), token = 0;
  g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, first);
  env_advance(&env, 2 * G_USEC_PER_SEC);
  g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, 0);

  /* while it is nacked and waits for its back-off the key goes on waiting, too */
  g_assert_true(env_nack(&env, alice, token, MSG_NACK_FAIL, G_USEC_PER_SEC, NULL, NULL, NULL));
  guint64 next = take_next(&env, alice, "a", &token);
  g_assert_cmpuint(next, ==, late);
  env_advance(&env, 2 * G_USEC_PER_SEC);
  g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, 0);
  env_ack(&env, alice, token);
  g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, first);
  env_ack(&env, alice, token);
  env_check(&env);
  env_clear(&env);
}

/* Two of a key were in line when an older one came in between. */
static void test_key_overtaken(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 late =
      send_with(&env, alice, "a", (MsgSend){.priority = 4, .key = "k", .delay = G_USEC_PER_SEC});
  guint64 waiting = send_with(&env, alice, "a", (MsgSend){.priority = 9, .key = "k"});
  env_advance(&env, 2 * G_USEC_PER_SEC);

  g_autoptr(GPtrArray) both = env_receive(&env, alice, "a", 10);
  g_assert_cmpuint(both->len, ==, 1);
  MsgDelivery *d = both->pdata[0];
  g_assert_true(d->seq == late || d->seq == waiting);
  env_ack(&env, alice, d->token);
  guint64 token = 0;
  g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, d->seq == late ? waiting : late);
  env_ack(&env, alice, token);
  env_check(&env);
  env_clear(&env);
}

/* One that is held until after its time does not block its key meanwhile. */
static void test_key_held_and_delayed(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 held =
      send_with(&env, alice, "a",
                (MsgSend){.priority = 4, .key = "k", .hold = TRUE, .delay = G_TIME_SPAN_HOUR});
  guint64 next = send_with(&env, alice, "a", (MsgSend){.priority = 4, .key = "k"}), token = 0;

  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_RELEASE, g_variant_new("(ta{sv})", held, NULL));
  g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, next);
  env_ack(&env, alice, token);
  env_clear(&env);
}

/* Rows that a salvage may leave: they must not keep the engine busy for ever. */
static void test_stale_times(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send(&env, alice, "a", "x");
  env_stop(&env);
  g_autofree char *sql = g_strdup_printf("INSERT INTO due SELECT place, 5 FROM live;"
                                         "INSERT INTO calendar SELECT place, 5 FROM live;"
                                         "INSERT INTO due VALUES(77, 5);"
                                         "INSERT INTO calendar VALUES(77, 5);");
  env_exec(&env, sql);
  env_start(&env);
  env_advance(&env, G_USEC_PER_SEC);
  g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, seq);
  env_stop(&env);
  g_assert_cmpint(env_int(&env, "SELECT (SELECT count(*) FROM due) + count(*) FROM calendar"), ==,
                  0);
  env_clear(&env);
}

/* A damaged record of the first of a key: it is delivered again, and the key goes on after it. */
static void test_key_of_damaged(void) {
  static const char *const kinds[] = {"queued", "scheduled", "held"};

  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    Env env;
    env_init(&env);
    g_autoptr(MsgActor) alice = env_actor(&env, 1000);
    env_agent(&env, alice, "a", NULL);
    guint64 first = send_with(
        &env, alice, "a",
        (MsgSend){
            .priority = 4, .key = "k", .hold = i == 2, .delay = i == 1 ? G_TIME_SPAN_HOUR : 0});
    env_stop(&env);
    env_exec(&env, "UPDATE live SET data = zeroblob(60)");
    env_start(&env);
    guint64 second = send_with(&env, alice, "a", (MsgSend){.priority = 4, .key = "k"}), token = 0;
    g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, first);
    g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, 0);
    env_ack(&env, alice, token);
    g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, second);
    env_ack(&env, alice, token);
    env_advance(&env, 2 * G_TIME_SPAN_HOUR);
    env_stop(&env);
    g_assert_cmpint(env_int(&env, "SELECT (SELECT count(*) FROM due) + count(*) FROM turn"), ==, 0);
    env_clear(&env);
  }
}

/* Who repeats a volatile message after a restart means it: the first one is gone. */
static void test_volatile_repeated(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  MsgSend how = {.priority = 4, .id = "i", .is_volatile = TRUE};

  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, NULL), !=, 0);
  g_assert_false(how.duplicate);
  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, NULL), !=, 0);
  g_assert_true(how.duplicate);
  env.clock.realtime += G_USEC_PER_SEC;
  env_restart(&env);
  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, NULL), !=, 0);
  g_assert_false(how.duplicate);
  g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, how.seq);
  env_check(&env);
  env_clear(&env);
}

/* Nothing is ever cut: a body that cannot be passed on now is passed on later. */
static void test_no_file_descriptor(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  g_autofree char *body = g_strnfill(MSG_INLINE_MAX + 1, 'x');
  guint64 large = env_send(&env, alice, "a", body), small = env_send(&env, alice, "a", "x");
  struct rlimit limit, few;
  g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
  few = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};

  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
  guint64 got = take_next(&env, alice, "a", NULL);
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint(got, ==, small);
  env_advance(&env, 10 * G_USEC_PER_SEC);
  g_autoptr(GPtrArray) again = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(again->len, ==, 1);
  MsgDelivery *d = again->pdata[0];
  g_assert_cmpuint(d->seq, ==, large);
  g_assert_cmpint(d->body_fd, >=, 0);
  g_assert_cmpuint(d->failed, ==, 0);
  env_check(&env);
  env_clear(&env);
}

static gint query_only;

static WgJobResult set_query_only(WgJob *job, gpointer engine) {
  sqlite3_exec(((MsgEngine *)engine)->db,
               g_atomic_int_get(&query_only) ? "PRAGMA query_only=1" : "PRAGMA query_only=0", NULL,
               NULL, NULL);
  return WG_JOB_DONE;
}

static void set_done(WgJob *job) {
  ((MsgJob *)job)->appealed = TRUE;
}

static void make_read_only(Env *env, gboolean yes) {
  MsgJob job = {.job = {.run = set_query_only, .done = set_done}};

  g_atomic_int_set(&query_only, yes);
  wg_writer_submit(env->writer, &job.job);
  while (!job.appealed)
    g_main_context_iteration(NULL, TRUE);
}

/* Whoever only reads does not fail because something is due that cannot be written. */
static void test_due_while_read_only(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  guint64 leased = env_send(&env, alice, "a", "x"), token;
  guint64 late = send_with(&env, alice, "a", (MsgSend){.priority = 9, .delay = G_USEC_PER_SEC});
  g_assert_cmpuint(take_next(&env, alice, "a", &token), ==, leased);
  g_autoptr(Waiter) waiter = env_receive_start(&env, alice, "b", 1, 10 * G_USEC_PER_SEC);
  make_read_only(&env, TRUE);
  env.clock.boottime += G_TIME_SPAN_HOUR;
  env.clock.realtime += G_TIME_SPAN_HOUR;

  for (guint i = 0; i < 3; i++) {
    g_autoptr(GVariant) r =
        env_ok(&env, alice, MSG_CALL_LIST_AGENTS, g_variant_new_parsed("(@a{sv} {},)"));
    env_advance(&env, 6 * G_USEC_PER_SEC); /* the wait may have begun anew with the roll-back */
  }
  g_assert_true(waiter->done);
  g_assert_no_error(waiter->error);
  g_assert_cmpint(env.wake, <=, wg_clock_now(&env.engine->clock) + 2 * G_USEC_PER_SEC);

  make_read_only(&env, FALSE);
  while (wg_writer_state(env.writer) != WG_STORE_OK)
    g_main_context_iteration(NULL, TRUE);
  env_advance(&env, 3 * G_USEC_PER_SEC);
  g_assert_cmpuint(take_next(&env, alice, "a", NULL), ==, late);
  env_check(&env);
  env_clear(&env);
}

/* What was armed for something that no longer waits is told to be so. */
static void test_calendar_canceled(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  env_agent(&env, alice, "a", NULL);
  guint64 seq =
      send_with(&env, alice, "a",
                (MsgSend){.priority = 4, .deliver_at = env.clock.realtime + 365 * G_TIME_SPAN_DAY});
  env_settle(&env);
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_CANCEL, g_variant_new("(ta{sv})", seq, NULL));
  env_settle(&env);
  gint64 calendar = 0;
  for (guint i = 0; i < env.notes->len; i++) {
    const MsgNote *note = env.notes->pdata[i];
    calendar = note->kind == MSG_NOTE_WAKE ? note->calendar : calendar;
  }
  g_assert_cmpint(calendar, ==, G_MAXINT64);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/edges/gone-while-waiting", test_gone_while_waiting);
  g_test_add_func("/engine/edges/wait-for-a-stranger", test_wait_for_a_stranger);
  g_test_add_func("/engine/edges/topic-named-twice", test_topic_named_twice);
  g_test_add_func("/engine/edges/key-late", test_key_late);
  g_test_add_func("/engine/edges/key-overtaken", test_key_overtaken);
  g_test_add_func("/engine/edges/key-held-and-delayed", test_key_held_and_delayed);
  g_test_add_func("/engine/edges/stale-times", test_stale_times);
  g_test_add_func("/engine/edges/key-of-damaged", test_key_of_damaged);
  g_test_add_func("/engine/edges/volatile-repeated", test_volatile_repeated);
  g_test_add_func("/engine/edges/no-file-descriptor", test_no_file_descriptor);
  g_test_add_func("/engine/edges/due-while-read-only", test_due_while_read_only);
  g_test_add_func("/engine/edges/calendar-canceled", test_calendar_canceled);
  return g_test_run();
}
