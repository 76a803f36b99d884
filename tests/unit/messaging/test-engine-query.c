/* test-engine-query.c: get, list, wait, watch, cancel, hold, answers that are due. */
#include "engine-faults.h"

#include <string.h>

static GVariant *list(Env *env, MsgActor *actor, MsgCallKind kind, const char *filter, gsize *ret_n,
                      guint64 *ret_cursor, gboolean *ret_more) {
  GVariant *r = env_ok(env, actor, kind, g_variant_new("(@a{sv})", g_variant_new_parsed(filter)));
  GVariant *entries = g_variant_get_child_value(r, 0);

  *ret_n = g_variant_n_children(entries);
  if (ret_cursor)
    g_variant_get_child(r, 1, "t", ret_cursor);
  if (ret_more)
    g_variant_get_child(r, 2, "b", ret_more);
  g_variant_unref(r);
  return entries;
}

static gsize count(Env *env, MsgActor *actor, const char *filter) {
  gsize n;
  g_autoptr(GVariant) entries = list(env, actor, MSG_CALL_LIST_MESSAGES, filter, &n, NULL, NULL);

  return n;
}

static void test_list(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001),
                      carol = env_actor(&env, 1002), root = env_actor(&env, 0);
  g_autoptr(GVariant) head =
      g_variant_ref_sink(g_variant_new_parsed("{'subject': <'Build 7'>, 'tags': <['red']>}"));
  MsgSend how = {.priority = 4, .head = head, .id = "seven"};

  env_agent(&env, alice, "a", "{'topics': <['t']>}");
  env_agent(&env, bob, "b", "{'topics': <['t']>}");
  env_send(&env, alice, "a", "first\nline");
  env_advance(&env, G_USEC_PER_SEC);
  gint64 between = env.clock.realtime;
  env_advance(&env, G_USEC_PER_SEC);
  env_send_full(&env, bob, "a", "tagged", &how, NULL);
  env_send(&env, alice, "topic:t", "both");
  MsgSend vol = {.priority = 4, .is_volatile = TRUE};
  env_send_full(&env, alice, "b", "v", &vol, NULL);
  g_assert_cmpuint(count(&env, root, "@a{sv} {}"), ==, 5);
  g_assert_cmpuint(count(&env, carol, "@a{sv} {}"), ==, 0);
  g_assert_cmpuint(count(&env, alice, "@a{sv} {}"), ==, 5);
  g_assert_cmpuint(count(&env, bob, "@a{sv} {}"), ==, 3); /* to b, and what it sent */
  g_assert_cmpuint(count(&env, alice, "{'agent': <'a'>}"), ==, 3);
  g_assert_cmpuint(count(&env, alice, "{'sender': <'uid:1001'>}"), ==, 1);
  g_assert_cmpuint(count(&env, alice, "{'tag': <'red'>}"), ==, 1);
  g_assert_cmpuint(count(&env, alice, "{'subject': <'Build'>}"), ==, 1);
  g_assert_cmpuint(count(&env, alice, "{'id': <'seven'>}"), ==, 1);
  g_assert_cmpuint(count(&env, alice, "{'state': <'acked'>}"), ==, 0);
  g_autofree char *since = g_strdup_printf("{'since': <uint64 %" G_GINT64_FORMAT ">}", between);
  g_autofree char *until = g_strdup_printf("{'until': <uint64 %" G_GINT64_FORMAT ">}", between);
  g_assert_cmpuint(count(&env, alice, since), ==, 4);
  g_assert_cmpuint(count(&env, alice, until), ==, 1);
  gsize n;
  g_autoptr(GVariant) entries = list(&env, alice, MSG_CALL_LIST_MESSAGES,
                                     "{'reverse': <false>, 'limit': <uint32 1>}", &n, NULL, NULL);
  g_autofree char *text = g_variant_print(entries, FALSE);
  g_assert_nonnull(strstr(text, "'excerpt': <'first line'>"));
  g_assert_nonnull(strstr(text, "'state': <'queued'>"));
  env_refused(&env, alice, MSG_CALL_LIST_MESSAGES, g_variant_new_parsed("({'state': <'eaten'>},)"),
              WG_ERROR_INVALID_ARGUMENT);
  env_refused(&env, alice, MSG_CALL_LIST_MESSAGES, g_variant_new_parsed("({'agent': <'x'>},)"),
              WG_ERROR_UNKNOWN_AGENT);
  env_clear(&env);
}

static void test_pages(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend vol = {.priority = 4, .is_volatile = TRUE};

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 450; i++)
    env_send_full(&env, alice, "a", "x", i % 9 == 0 ? &vol : NULL, NULL);
  for (guint reverse = 0; reverse < 2; reverse++) {
    guint64 cursor = 0, last = reverse ? G_MAXUINT64 : 0;
    gboolean more = TRUE;
    gsize total = 0;
    while (more) {
      g_autofree char *filter =
          g_strdup_printf("{'cursor': <uint64 %" G_GUINT64_FORMAT ">, 'limit': <uint32 37>,"
                          " 'reverse': <%s>}",
                          cursor, reverse ? "true" : "false");
      gsize n;
      g_autoptr(GVariant) entries =
          list(&env, alice, MSG_CALL_LIST_MESSAGES, filter, &n, &cursor, &more);
      total += n;
      for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
        guint64 seq = 0;
        g_variant_lookup(entry, "message", "t", &seq);
        g_assert_true(reverse ? seq < last : seq > last);
        last = seq;
      }
    }
    g_assert_cmpuint(total, ==, 450);
  }
  env_clear(&env);
}

static void test_cancel_hold(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001),
                      carol = env_actor(&env, 1002);
  MsgSend later = {.priority = 4, .delay = 60 * G_USEC_PER_SEC};
#define MESSAGE(seq) g_variant_new("(ta{sv})", seq, NULL)

  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send(&env, bob, "a", "x");
  env_refused(&env, carol, MSG_CALL_HOLD, MESSAGE(seq), WG_ERROR_NOT_AUTHORIZED);
  g_autoptr(GVariant) held = env_ok(&env, bob, MSG_CALL_HOLD, MESSAGE(seq));
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  g_autoptr(GVariant) released = env_ok(&env, alice, MSG_CALL_RELEASE, MESSAGE(seq));
  MsgDelivery *d = env_take(&env, alice, "a");
  env_refused(&env, bob, MSG_CALL_CANCEL, MESSAGE(seq), WG_ERROR_INVALID_STATE);
  env_refused(&env, bob, MSG_CALL_HOLD, MESSAGE(seq), WG_ERROR_INVALID_STATE);
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  g_autofree char *receipts = env_receipts(&env, bob, seq);
  g_assert_cmpstr(receipts, ==, "stored queued held released queued leased acked");
  /* what is scheduled stays that when it is held and released */
  guint64 two = env_send_full(&env, bob, "a", "x", &later, NULL);
  g_autoptr(GVariant) h = env_ok(&env, bob, MSG_CALL_HOLD, MESSAGE(two));
  g_autoptr(GVariant) r = env_ok(&env, bob, MSG_CALL_RELEASE, MESSAGE(two));
  g_autofree char *state = env_state(&env, bob, two, NULL);
  g_assert_cmpstr(state, ==, "scheduled");
  g_autoptr(GVariant) c = env_ok(&env, bob, MSG_CALL_CANCEL, MESSAGE(two));
  env_advance(&env, 61 * G_USEC_PER_SEC);
  g_autoptr(GPtrArray) nothing = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(nothing->len, ==, 0);
  env_check(&env);
  env_clear(&env);
}

static void wait_result(Waiter *w, gboolean reached, const char *state) {
  gboolean got;
  const char *text;

  g_assert_no_error(w->error);
  g_variant_get(w->result, "(b&s)", &got, &text);
  g_assert_cmpint(got, ==, reached);
  g_assert_cmpstr(text, ==, state);
}

static void test_wait(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send(&env, alice, "a", "x");
  g_autoptr(Waiter) acked = env_call_start(&env, alice, MSG_CALL_WAIT,
                                           g_variant_new_parsed("(%t, 'acked', @a{sv} {})", seq));
  g_autoptr(Waiter) brief =
      env_call_start(&env, alice, MSG_CALL_WAIT,
                     g_variant_new_parsed("(%t, 'acked', {'timeout': <uint64 1000000>})", seq));
  MsgDelivery *d = env_take(&env, alice, "a");
  env_advance(&env, 2 * G_USEC_PER_SEC);
  env_wait(&env, brief);
  wait_result(brief, FALSE, "leased");
  g_assert_false(acked->done);
  env_fail_commits(&env, 1);
  env_ack(&env, alice, d->token);
  env_commits_to_fail(&env);
  env_wait(&env, acked);
  wait_result(acked, TRUE, "acked");
  g_autoptr(Waiter) dead = env_call_start(&env, alice, MSG_CALL_WAIT,
                                          g_variant_new_parsed("(%t, 'dead', @a{sv} {})", seq));
  env_wait(&env, dead); /* it cannot come any more */
  wait_result(dead, FALSE, "acked");
  msg_delivery_free(d);
  env_clear(&env);
}

static guint events(Env *env, guint64 watch) {
  guint n = 0;

  for (guint i = 0; i < env->notes->len; i++) {
    MsgNote *note = env->notes->pdata[i];
    n += note->kind == MSG_NOTE_EVENT && note->subscription == watch;
  }
  return n;
}

static void test_watch(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001),
                      carol = env_actor(&env, 1002);
  guint64 owner, sender, stranger;

  env_agent(&env, alice, "a", NULL);
  g_autoptr(GVariant) w1 =
      env_ok(&env, alice, MSG_CALL_WATCH, g_variant_new_parsed("(@a{sv} {},)"));
  g_autoptr(GVariant) w2 =
      env_ok(&env, bob, MSG_CALL_WATCH, g_variant_new_parsed("({'agent': <'a'>},)"));
  g_autoptr(GVariant) w3 =
      env_ok(&env, carol, MSG_CALL_WATCH, g_variant_new_parsed("(@a{sv} {},)"));
  g_variant_get(w1, "(t)", &owner);
  g_variant_get(w2, "(t)", &sender);
  g_variant_get(w3, "(t)", &stranger);
  env_send(&env, bob, "a", "x");
  env_send(&env, carol, "a", "x");
  g_assert_cmpuint(events(&env, owner), ==, 4); /* stored and queued, of both */
  g_assert_cmpuint(events(&env, sender), ==, 2);
  g_assert_cmpuint(events(&env, stranger), ==, 2);
  g_autoptr(GVariant) end = env_ok(&env, alice, MSG_CALL_UNWATCH, g_variant_new("(t)", owner));
  env_notes_clear(&env);
  env_gone(&env, bob);
  env_send(&env, bob, "a", "x");
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_EVENT), ==, 0);
  env_refused(&env, carol, MSG_CALL_UNWATCH, g_variant_new("(t)", owner),
              WG_ERROR_INVALID_ARGUMENT);
  env_clear(&env);
}

static void test_replies(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend ask = {.priority = 4, .reply_by = 10 * G_USEC_PER_SEC, .expects_reply = TRUE};

  env_agent(&env, alice, "a", NULL);
  guint64 answered = env_send_full(&env, alice, "a", "?", &ask, NULL);
  guint64 ignored = env_send_full(&env, alice, "a", "?", &ask, NULL);
  MsgSend reply = {.priority = 4, .from = "a", .in_reply_to = answered};
  env_send_full(&env, alice, "a", "!", &reply, NULL);
  env_advance(&env, 11 * G_USEC_PER_SEC);
  env_advance(&env, 11 * G_USEC_PER_SEC);
  g_autofree char *one = env_receipts(&env, alice, answered);
  g_autofree char *two = env_receipts(&env, alice, ignored);
  g_assert_cmpstr(one, ==, "stored queued replied");
  g_assert_cmpstr(two, ==, "stored queued overdue"); /* once */
  env_clear(&env);
}

static void test_statistics(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 queued = 0, sent = 0, bytes = 0, store = 0;

  env_agent(&env, alice, "a", NULL);
  env_send(&env, alice, "a", "four");
  g_autoptr(GVariant) r = env_ok(&env, alice, MSG_CALL_GET_STATISTICS, g_variant_new("()"));
  g_autoptr(GVariant) d = g_variant_get_child_value(r, 0);
  g_variant_lookup(d, "queued", "t", &queued);
  g_variant_lookup(d, "sent", "t", &sent);
  g_variant_lookup(d, "bytes", "t", &bytes);
  g_variant_lookup(d, "store-bytes", "t", &store);
  g_assert_cmpuint(queued, ==, 1);
  g_assert_cmpuint(sent, ==, 1);
  g_assert_cmpuint(bytes, ==, 4);
  g_assert_cmpuint(store, >, 0);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/query/list", test_list);
  g_test_add_func("/engine/query/pages", test_pages);
  g_test_add_func("/engine/query/cancel-hold", test_cancel_hold);
  g_test_add_func("/engine/query/wait", test_wait);
  g_test_add_func("/engine/query/watch", test_watch);
  g_test_add_func("/engine/query/replies", test_replies);
  g_test_add_func("/engine/query/statistics", test_statistics);
  return g_test_run();
}
