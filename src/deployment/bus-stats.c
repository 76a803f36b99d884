/* bus-stats.c: Stats: the figures of stats.h as a dictionary. */
#include "deployment/bus.h"

#include "deployment/stats.h"

/* (count, mean, p50, p95) */
static GVariant *phase(JsonObject *object) {
  return g_variant_new("(tttt)", (guint64)json_object_get_int_member(object, "count"),
                       (guint64)json_object_get_int_member(object, "mean"),
                       (guint64)json_object_get_int_member(object, "p50"),
                       (guint64)json_object_get_int_member(object, "p95"));
}

static GVariant *phases(JsonObject *object) {
  g_autoptr(GList) names = json_object_get_members(object);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{s(tttt)}"));
  for (GList *l = names; l != NULL; l = l->next)
    g_variant_builder_add(&builder, "{s@(tttt)}", (const char *)l->data,
                          phase(json_object_get_object_member(object, l->data)));
  return g_variant_builder_end(&builder);
}

static GVariant *targets(JsonObject *object) {
  g_autoptr(GList) names = json_object_get_members(object);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{s(tt)}"));
  for (GList *l = names; l != NULL; l = l->next) {
    JsonObject *one = json_object_get_object_member(object, l->data);
    g_variant_builder_add(&builder, "{s(tt)}", (const char *)l->data,
                          (guint64)json_object_get_int_member(one, "deployments"),
                          (guint64)json_object_get_int_member(one, "failed"));
  }
  return g_variant_builder_end(&builder);
}

static void add_call(const char *interface, WgCallOutcome outcome, guint64 n, gpointer rows) {
  g_variant_builder_add(rows, "(sst)", interface, wg_call_outcome_name(outcome), n);
}

/* Of this start; the figures of deployments are of all times. */
static void add_calls(const DplDaemon *daemon, GVariantBuilder *builder) {
  GVariantBuilder rows;

  g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sst)"));
  wg_calls_each_count(daemon->calls, add_call, &rows);
  g_variant_builder_add(builder, "{sv}", "calls", g_variant_builder_end(&rows));
  g_variant_builder_add(builder, "{sv}", "calls-since",
                        g_variant_new_uint64((guint64)wg_calls_since(daemon->calls)));
}

static GVariant *dict(const DplDaemon *daemon, JsonObject *s) {
  static const char *const counts[] = {"deployments",     "done",      "aborted", "rolled-back",
                                       "rollback-failed", "rollbacks", "open",    NULL};
  gint64 all = json_object_get_int_member(s, "deployments");
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; counts[i] != NULL; i++)
    g_variant_builder_add(&builder, "{sv}", counts[i],
                          g_variant_new_uint64((guint64)json_object_get_int_member(s, counts[i])));
  if (all > 0) /* a share of nothing is no number */
    g_variant_builder_add(
        &builder, "{sv}", "success-rate",
        g_variant_new_double((double)json_object_get_int_member(s, "done") / (double)all));
  g_variant_builder_add(&builder, "{sv}", "recovery",
                        phase(json_object_get_object_member(s, "recovery")));
  g_variant_builder_add(&builder, "{sv}", "downtime",
                        phase(json_object_get_object_member(s, "downtime")));
  g_variant_builder_add(&builder, "{sv}", "phases",
                        phases(json_object_get_object_member(s, "phases")));
  g_variant_builder_add(&builder, "{sv}", "targets",
                        targets(json_object_get_object_member(s, "targets")));
  add_calls(daemon, &builder);
  return g_variant_builder_end(&builder);
}

static void counted(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL)
    wg_call_fail(call, error);
  else
    wg_call_answer(call,
                   g_variant_new("(@a{sv})", dict(dpl_daemon(call), json_node_get_object(node))));
}

void dpl_handle_stats(DplCall *call) {
  DplStatsQuestion *question = g_new0(DplStatsQuestion, 1);

  question->target = g_strdup(wg_call_text(call, "target"));
  question->since = (gint64)MIN(wg_call_number(call, "since"), (guint64)G_MAXINT64);
  dpl_ask(dpl_daemon(call)->store, dpl_stats_ask, question, dpl_stats_free, FALSE, counted, call);
}
