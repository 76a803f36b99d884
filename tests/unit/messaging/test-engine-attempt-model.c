/* test-engine-attempt-model.c: random calls of a courier and of a receiver, against a model of what
 * each delivery's next attempt must be. Commits fail now and then, and the service is restarted;
 * neither may change anything but what it has to. */
#include "engine-couriers.h"
#include "engine-faults.h"

#define STEPS 4000
#define MESSAGES_MAX 60
#define AGENTS 3
#define SECOND ((gint64)G_USEC_PER_SEC)
#define ATTEMPT_LEASE (30 * SECOND)

typedef struct {
  guint64 seq, attempt, lease; /* tokens, 0: none */
  guint agent, priority, attempts, step;
  gboolean leased, done, announced, no_attempt, by_courier;
  gint64 next, attempt_until; /* of the model's clock */
} Mail;

typedef struct {
  Env env;
  MsgActor *receiver, *courier;
  guint64 id; /* of the courier */
  GArray *mail;
  gint64 now;
} Model;

static const char *const agents[AGENTS] = {"a", "b", "c"}; /* only c has a policy */

static guint pick(guint below) {
  return (guint)g_test_rand_int_range(0, (gint32)below);
}

static Mail *at(Model *m, guint i) {
  return &g_array_index(m->mail, Mail, i);
}

static gboolean is_queued(const Mail *mail) {
  return !mail->leased && !mail->done;
}

static gboolean is_offered(const Model *m, const Mail *mail, gboolean policy) {
  return is_queued(mail) && !mail->attempt && !mail->no_attempt && mail->next <= m->now &&
         !(mail->announced && !mail->next) && (!policy || mail->agent == AGENTS - 1);
}

static void expect_counts(Model *m, const Mail *mail, GVariant *fields) {
  guint waiting = 0, urgent = 0;
  gboolean announced = FALSE;

  for (guint i = 0; i < m->mail->len; i++) {
    const Mail *other = at(m, i);
    waiting += other->agent == mail->agent && is_queued(other);
    urgent += other->agent == mail->agent && is_queued(other) && other->priority >= 7;
  }
  g_assert_cmpuint(env_field(fields, "waiting"), ==, waiting);
  g_assert_cmpuint(env_field(fields, "urgent"), ==, urgent);
  g_assert_cmpuint(env_field(fields, "attempts"), ==, mail->attempts);
  g_assert_cmpuint(env_field(fields, "step"), ==, mail->step);
  g_assert_true(g_variant_lookup(fields, "announced", "b", &announced));
  g_assert_true(announced == mail->announced);
}

static void do_lease(Model *m) {
  guint max = pick(4) ? MESSAGES_MAX + 1 : 1 + pick(5), expected = 0;
  gboolean policy = pick(4) == 0;
  g_autofree char *options =
      g_strdup_printf("{'max': <uint32 %u>, 'lease': <uint64 %u>, 'policy': <%s>}", max,
                      (guint)ATTEMPT_LEASE, policy ? "true" : "false");
  g_autoptr(GVariant) list = env_attempts_full(&m->env, m->courier, m->id, options);
  g_autoptr(GString) order = g_string_new(NULL);

  for (guint i = 0; i < m->mail->len; i++)
    expected += is_offered(m, at(m, i), policy);
  g_assert_cmpuint(g_variant_n_children(list), ==, MIN(expected, max));
  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    guint64 token, seq;
    const char *agent;
    g_autoptr(GVariant) fields = NULL;
    Mail *mail = NULL;
    g_variant_get_child(list, i, "(tt&s@a{sv})", &token, &seq, &agent, &fields);
    for (guint k = 0; k < m->mail->len && !mail; k++)
      mail = at(m, k)->seq == seq ? at(m, k) : NULL;
    g_assert_nonnull(mail);
    g_assert_true(is_offered(m, mail, policy));
    g_assert_cmpstr(agent, ==, agents[mail->agent]);
    expect_counts(m, mail, fields);
    if (order->len == 0 || order->str[order->len - 1] != *agent)
      g_string_append(order, agent);
    mail->attempt = token;
    mail->attempt_until = m->now + ATTEMPT_LEASE;
  }
  g_assert_cmpuint(order->len, <=, AGENTS); /* those of one agent stand together */
}

static void do_send(Model *m) {
  Mail mail = {.agent = pick(AGENTS), .priority = pick(10)};
  MsgSend how = {.priority = (guint8)mail.priority, .is_volatile = pick(8) == 0};

  if (m->mail->len == MESSAGES_MAX)
    return;
  mail.seq = env_send_full(&m->env, m->receiver, agents[mail.agent], "x", &how, NULL);
  g_strfreev(how.recipients);
  g_assert_cmpuint(mail.seq, !=, 0);
  g_array_append_val(m->mail, mail);
}

static gint64 backoff(guint attempts) {
  return MIN(5 * SECOND << MIN(attempts - 1, 20), 120 * SECOND);
}

static void reported(Model *m, Mail *mail, const char *result, gint64 retry, gboolean goes_on,
                     guint step) {
  if (!goes_on || mail->done)
    mail->attempt = 0;
  else
    mail->attempt_until = m->now + ATTEMPT_LEASE;
  if (mail->done)
    return;
  mail->attempts++;
  mail->step = step;
  mail->announced = mail->announced || g_str_equal(result, "announced");
  mail->no_attempt = mail->no_attempt || g_str_equal(result, "partial");
  if (goes_on || g_str_equal(result, "partial"))
    return;
  mail->next = retry                              ? m->now + retry
               : g_str_equal(result, "announced") ? 0
                                                  : m->now + backoff(mail->attempts);
}

/* Some of the attempts at hand, in one call. */
static void do_report(Model *m) {
  static const char *const results[] = {"announced", "announced", "failed", "held", "partial"};
  GVariantBuilder list;
  guint n = 0;

  g_variant_builder_init(&list, G_VARIANT_TYPE("a(tsa{sv})"));
  for (guint i = 0; i < m->mail->len; i++) {
    Mail *mail = at(m, i);
    if (!mail->attempt || pick(3) == 0)
      continue;
    const char *result = results[pick(G_N_ELEMENTS(results))];
    gboolean partial = g_str_equal(result, "partial"), goes_on = !partial && pick(4) == 0;
    gint64 retry = goes_on || pick(2) ? 0 : (1 + pick(60)) * SECOND;
    guint step = pick(256);
    g_autofree char *text = g_strdup_printf(
        "{'step': <uint32 %u>, 'continue': <%s>, 'retry-after': <uint64 %" G_GINT64_FORMAT ">}",
        step, goes_on ? "true" : "false", retry);
    g_variant_builder_add(&list, "(ts@a{sv})", mail->attempt, result, g_variant_new_parsed(text));
    reported(m, mail, result, partial ? 0 : retry, goes_on, step);
    n++;
  }
  g_autoptr(GVariant) r =
      env_ok(&m->env, m->courier, MSG_CALL_REPORT_ATTEMPTS, g_variant_new("(a(tsa{sv}))", &list));
  g_autoptr(GVariant) refused = g_variant_get_child_value(r, 0);
  g_assert_cmpuint(g_variant_n_children(refused), ==, 0);
}

static void do_take(Model *m) {
  for (guint i = 0; i < m->mail->len; i++) {
    Mail *mail = at(m, i);
    if (!mail->attempt || pick(4))
      continue;
    g_autofree char *why = NULL;
    guint64 token = env_take_attempt(&m->env, m->courier, mail->attempt, &why);
    g_assert_true((token != 0) == is_queued(mail));
    mail->attempt = 0;
    if (!token)
      continue;
    mail->leased = mail->by_courier = TRUE;
    mail->lease = token;
  }
}

static void do_receive(Model *m) {
  guint agent = pick(AGENTS);
  g_autoptr(GPtrArray) got =
      env_receive_full(&m->env, m->receiver, agents[agent], 1 + pick(4), 0, FALSE, NULL);

  for (guint i = 0; i < got->len; i++) {
    const MsgDelivery *d = got->pdata[i];
    for (guint k = 0; k < m->mail->len; k++) {
      Mail *mail = at(m, k);
      if (mail->seq != d->seq)
        continue;
      g_assert_true(is_queued(mail) && mail->agent == agent);
      mail->leased = TRUE;
      mail->by_courier = FALSE;
      mail->lease = d->token;
    }
  }
}

static void give_back(Model *m, Mail *mail) {
  MsgActor *actor = mail->by_courier ? m->courier : m->receiver;

  g_assert_true(env_nack(&m->env, actor, mail->lease, MSG_NACK_SILENT, 0, NULL, NULL, NULL));
  mail->leased = FALSE;
  if (mail->announced)
    mail->step = mail->next = 0;
  mail->announced = FALSE;
}

static void do_end(Model *m) {
  for (guint i = 0; i < m->mail->len; i++) {
    Mail *mail = at(m, i);
    if (!mail->leased || pick(3))
      continue;
    if (pick(3)) {
      give_back(m, mail);
      continue;
    }
    env_ack(&m->env, mail->by_courier ? m->courier : m->receiver, mail->lease);
    mail->leased = FALSE;
    mail->done = TRUE;
  }
}

static void do_advance(Model *m) {
  gint64 by = pick(40) * SECOND + pick(1000);

  m->now += by;
  for (guint i = 0; i < m->mail->len; i++) {
    Mail *mail = at(m, i);
    if (mail->attempt && mail->attempt_until <= m->now)
      reported(m, mail, "failed", 0, FALSE, mail->step);
  }
  env_advance(&m->env, by);
}

static void forget_attempts(Model *m) {
  for (guint i = 0; i < m->mail->len; i++)
    at(m, i)->attempt = 0;
}

static void new_courier(Model *m) {
  msg_actor_unref(m->courier);
  m->courier = env_actor(&m->env, 1000);
  m->id = env_courier(&m->env, m->courier);
}

static void do_gone(Model *m) {
  for (guint i = 0; i < m->mail->len; i++)
    if (at(m, i)->leased && at(m, i)->by_courier)
      give_back(m, at(m, i));
  env_gone(&m->env, m->courier);
  forget_attempts(m);
  new_courier(m);
}

/* Volatile mail is gone, leases are given back, and what is known of attempts stays. */
static void do_restart(Model *m) {
  env_commits_to_fail(&m->env);
  env_restart(&m->env);
  m->now += 1000; /* the fixture's */
  for (guint i = m->mail->len; i-- > 0;) {
    at(m, i)->leased = FALSE;
    if (at(m, i)->seq & MSG_VOLATILE_BIT)
      g_array_remove_index_fast(m->mail, i);
  }
  forget_attempts(m);
  new_courier(m);
}

static void forget_done(Model *m) {
  for (guint i = m->mail->len; i-- > 0;)
    if (at(m, i)->done && !at(m, i)->attempt)
      g_array_remove_index_fast(m->mail, i);
}

static void test_model(void) {
  static void (*const what[])(Model *) = {
      do_send,   do_send, do_send, do_lease,   do_lease,   do_lease, do_report,
      do_report, do_take, do_end,  do_receive, do_advance, do_gone,
  };
  Model m = {.mail = g_array_new(FALSE, FALSE, sizeof(Mail))};

  env_init(&m.env);
  m.env.settings.default_lease = m.env.settings.max_lease = 300 * G_TIME_SPAN_DAY; /* never ends */
  env_restart(&m.env);
  m.receiver = env_actor(&m.env, 1000);
  m.courier = env_actor(&m.env, 1000);
  m.id = env_courier(&m.env, m.courier);
  for (guint i = 0; i < AGENTS; i++)
    env_agent(&m.env, m.receiver, agents[i], i == AGENTS - 1 ? "{'policy': <'{}'>}" : NULL);
  for (guint i = 0; i < STEPS; i++) {
    if (pick(10) == 0)
      env_fail_commits(&m.env, 1);
    what[pick(G_N_ELEMENTS(what))](&m);
    env_commits_to_fail(&m.env);
    forget_done(&m);
    if (pick(200) == 0)
      do_restart(&m);
    if (i % 100 == 0)
      env_check(&m.env);
  }
  env_clear(&m.env);
  msg_actor_unref(m.receiver);
  msg_actor_unref(m.courier);
  g_array_unref(m.mail);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/attempt-model", test_model);
  return g_test_run();
}
