/* engine-couriers.c: see engine-couriers.h. */
#include "engine-couriers.h"

static GVariant *offer_variant(const MsgOfferAgent *a, const MsgOffer *o) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&d, "from", "s", o->delivery->from);
  g_variant_dict_insert(&d, "attempts", "u", o->attempts);
  g_variant_dict_insert(&d, "step", "u", o->step);
  g_variant_dict_insert(&d, "announced", "b", o->announced);
  g_variant_dict_insert(&d, "waiting", "u", a->waiting);
  g_variant_dict_insert(&d, "urgent", "u", a->urgent);
  g_variant_dict_insert(&d, "last-seen", "t", (guint64)a->last_seen);
  if (a->policy)
    g_variant_dict_insert(&d, "policy", "s", a->policy);
  if (!o->delivery->body_left_out)
    g_variant_dict_insert_value(
        &d, "body",
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, o->delivery->body, o->delivery->size, 1));
  return g_variant_new("(tts@a{sv})", o->delivery->token, o->delivery->seq, a->name,
                       g_variant_dict_end(&d));
}

GVariant *env_offers_variant(const MsgOffers *offers) {
  GVariantBuilder list;
  guint at = 0;

  g_variant_builder_init(&list, G_VARIANT_TYPE("a(ttsa{sv})"));
  for (guint i = 0; i < offers->agents->len; i++) {
    const MsgOfferAgent *a = &g_array_index(offers->agents, MsgOfferAgent, i);
    for (guint end = at + a->n; at < end; at++)
      g_variant_builder_add_value(&list,
                                  offer_variant(a, &g_array_index(offers->offers, MsgOffer, at)));
  }
  g_assert_cmpuint(at, ==, offers->offers->len);
  return g_variant_ref_sink(g_variant_new("(a(ttsa{sv})b)", &list, offers->more));
}

static void add_report(GArray *reports, guint64 token, const char *result, GVariant *options) {
  MsgReport r = {.token = token, .result = result};

  g_variant_lookup(options, "cause", "&s", &r.cause);
  g_variant_lookup(options, "backend", "&s", &r.backend);
  g_variant_lookup(options, "retry-after", "t", &r.retry_after);
  g_variant_lookup(options, "continue", "b", &r.continues);
  r.has_step = g_variant_lookup(options, "step", "u", &r.step);
  g_array_append_val(reports, r);
}

GArray *env_reports(MsgCallKind kind, GVariant *args) {
  GArray *reports = g_array_new(FALSE, FALSE, sizeof(MsgReport));
  guint64 token;
  const char *result;
  GVariant *options;

  if (kind == MSG_CALL_REPORT_ATTEMPT) {
    g_variant_get(args, "(t&s@a{sv})", &token, &result, &options);
    add_report(reports, token, result, options);
    g_variant_unref(options);
  } else {
    g_autoptr(GVariant) list = g_variant_get_child_value(args, 0);
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
      g_variant_get_child(list, i, "(t&s@a{sv})", &token, &result, &options);
      add_report(reports, token, result, options);
      g_variant_unref(options);
    }
  }
  return reports;
}

guint64 env_courier(Env *env, MsgActor *actor) {
  guint64 id;
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_REGISTER_COURIER, g_variant_new_parsed("({'name': <'c'>},)"));

  g_variant_get(r, "(t)", &id);
  return id;
}

GVariant *env_attempts_full(Env *env, MsgActor *actor, guint64 courier, const char *options) {
  GVariant *o = g_variant_new_parsed(options);
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_LEASE_ATTEMPTS, g_variant_new("(t@a{sv})", courier, o));

  return g_variant_get_child_value(r, 0);
}

gsize env_attempts(Env *env, MsgActor *actor, guint64 courier, guint32 max, guint64 *tokens,
                   guint64 *seqs) {
  g_autofree char *options =
      g_strdup_printf("{'max': <uint32 %u>, 'lease': <uint64 30000000>}", max);
  g_autoptr(GVariant) list = env_attempts_full(env, actor, courier, options);
  gsize n = g_variant_n_children(list);

  for (gsize i = 0; i < n; i++) {
    guint64 token, seq;
    g_variant_get_child(list, i, "(tt&s@a{sv})", &token, &seq, NULL, NULL);
    if (tokens)
      tokens[i] = token;
    if (seqs)
      seqs[i] = seq;
  }
  return n;
}

GVariant *env_fields(GVariant *list, gsize i) {
  GVariant *fields;

  g_variant_get_child(list, i, "(tt&s@a{sv})", NULL, NULL, NULL, &fields);
  return fields;
}

guint32 env_field(GVariant *fields, const char *key) {
  guint32 value = 0;

  g_assert_true(g_variant_lookup(fields, key, "u", &value));
  return value;
}

void env_report(Env *env, MsgActor *actor, guint64 attempt, const char *result,
                const char *options) {
  GVariant *o = g_variant_new_parsed(options);
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_REPORT_ATTEMPT, g_variant_new("(ts@a{sv})", attempt, result, o));
}

guint64 env_take_attempt(Env *env, MsgActor *actor, guint64 attempt, char **ret_refused) {
  g_autoptr(GVariant) r = env_ok(env, actor, MSG_CALL_TAKE_ATTEMPTS,
                                 g_variant_new_parsed("([%t], @a{sv} {})", attempt));
  g_autoptr(GVariant) taken = g_variant_get_child_value(r, 0),
                      refused = g_variant_get_child_value(r, 1);
  guint64 token = 0, of = 0;

  g_assert_cmpuint(g_variant_n_children(taken) + g_variant_n_children(refused), ==, 1);
  if (g_variant_n_children(taken) == 1)
    g_variant_get_child(taken, 0, "(tt)", &of, &token);
  else
    g_variant_get_child(refused, 0, "(tss)", &of, ret_refused, NULL);
  g_assert_cmpuint(of, ==, attempt);
  return token;
}
