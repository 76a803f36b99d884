/* explain.c: what would happen to an agent's mail now, and why; which agents there are; whether a
 * policy is one. Only tells: nothing is tried, nothing is changed. */
#include "delivery/bus.h"

#include "delivery/links.h"
#include "delivery/task.h"

#include "common/bus-variant.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/names.h"

#include <unistd.h>

/* Of a message whose sender does not say. */
#define PRIORITY_DEFAULT 4

static void reply_variant(sd_bus_message *m, GVariant *value) {
  g_autoptr(GVariant) held = g_variant_ref_sink(value);
  sd_bus_message *reply = NULL;

  if (sd_bus_message_new_method_return(m, &reply) >= 0 && wg_variant_append(reply, held) >= 0)
    sd_bus_send(NULL, reply, NULL);
  sd_bus_message_unref(reply);
}

static const char *result_name(DlvResult result) {
  static const char *const names[] = {
      [DLV_ANNOUNCED] = "announced", [DLV_HELD] = "held",       [DLV_FAILED] = "failed",
      [DLV_PARTIAL] = "partial",     [DLV_ACKED] = "acked",     [DLV_LATER] = "later",
      [DLV_REFUSED] = "refused",     [DLV_CRASHED] = "crashed",
  };
  return names[result];
}

static GVariant *explain_rung(const DlvAgent *agent, guint i, const DlvNow *now) {
  const DlvEntry *entry = &agent->plan->policy->entries[i];
  const DlvRung *rung = &agent->rungs[i];
  const DlvLast *last = &agent->last[i];
  g_autofree char *conditions = dlv_conditions_text(&entry->conditions);
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);
  guint64 wait = 0;

  g_variant_dict_insert(&d, "name", "s", entry->name);
  g_variant_dict_insert(&d, "use", "s", entry->class->name);
  g_variant_dict_insert(&d, "step", "u", i);
  g_variant_dict_insert(&d, "state", "s", dlv_rung_state(rung, now->boot, &wait));
  g_variant_dict_insert(&d, "failures", "u", rung->breaker.failures);
  g_variant_dict_insert(&d, "retry-at", "t", wait != 0 ? (guint64)now->real + wait : 0);
  g_variant_dict_insert(&d, "conditions", "s", conditions);
  g_variant_dict_insert(&d, "last-result", "s", last->any ? result_name(last->result) : "");
  g_variant_dict_insert(&d, "last-cause", "s", last->cause != NULL ? last->cause : "");
  g_variant_dict_insert(&d, "last-time", "t", (guint64)last->time);
  return g_variant_dict_end(&d);
}

static const char *in_flight(const DlvAgent *agent) {
  const DlvTask *task = agent->task;

  return task != NULL ? task->plan->policy->entries[task->told.entry].name : "";
}

static void explain_plan(DlvAgent *agent, GVariantDict *d) {
  const DlvPolicy *policy = agent->plan->policy;
  GTimeZone *zone = dlv_courier_zone(agent->link->courier);
  const DlvNow now = {wg_time_boottime(), wg_time_realtime(), zone};
  g_autoptr(DlvDecision) decision =
      dlv_ladder_explain(policy, agent->rungs, &agent->state, PRIORITY_DEFAULT, &now);
  guint64 wait = dlv_rate_wait(&agent->state.rate, policy->rate_max, policy->rate_per, now.boot);
  GVariantBuilder rungs;

  g_variant_builder_init(&rungs, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < policy->n_entries; i++)
    g_variant_builder_add_value(&rungs, explain_rung(agent, i, &now));
  g_variant_dict_insert_value(d, "backends", g_variant_builder_end(&rungs));
  g_variant_dict_insert(d, "quiet-until", "t",
                        (guint64)dlv_ladder_quiet_until(policy, PRIORITY_DEFAULT, &now));
  g_variant_dict_insert(d, "rate-free-at", "t", wait != 0 ? (guint64)now.real + wait : 0);
  /* the decision is one over a message that has just come */
  g_autofree char *next =
      g_strconcat(agent->waiting == 0 ? "nothing, no mail waits; if some came: " : "",
                  decision->explanation, NULL);
  g_variant_dict_insert(d, "next", "s", next);
}

static GVariant *explain(DlvAgent *agent) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&d, "agent", "s", agent->name);
  g_variant_dict_insert(&d, "service", "s", agent->link->shown);
  g_variant_dict_insert(&d, "policy-error", "s", agent->problem != NULL ? agent->problem : "");
  g_variant_dict_insert(&d, "waiting", "u", agent->waiting);
  g_variant_dict_insert(&d, "in-flight", "s", in_flight(agent));
  if (agent->plan != NULL) {
    explain_plan(agent, &d);
    return g_variant_dict_end(&d);
  }
  g_variant_dict_insert(&d, "quiet-until", "t", (guint64)0);
  g_variant_dict_insert(&d, "rate-free-at", "t", (guint64)0);
  g_variant_dict_insert_value(&d, "backends",
                              g_variant_new_array(G_VARIANT_TYPE("a{sv}"), NULL, 0));
  g_variant_dict_insert(&d, "next", "s",
                        agent->problem != NULL ? "its mail is held until the policy is mended"
                                               : "nothing: it has no policy, its mail waits to be "
                                                 "received");
  return g_variant_dict_end(&d);
}

/* ---- Explain asks the messaging services for the agent, one after the other ---- */
typedef struct {
  DlvCourier *courier;
  sd_bus_message *m;
  char *name;
  guint next; /* link */
} Explaining;

static void ask_next(Explaining *e);

static void explaining_free(Explaining *e) {
  sd_bus_message_unref(e->m);
  g_free(e->name);
  g_free(e);
}

static void on_agent(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  Explaining *e = data;
  g_autoptr(GVariant) info = reply != NULL ? wg_variant_read(reply, NULL) : NULL;
  const char *policy = "";
  guint32 uid = 0;
  guint64 queued = 0, seen = 0;

  if (info == NULL || !g_variant_is_of_type(info, G_VARIANT_TYPE_VARDICT) ||
      !g_variant_lookup(info, "uid", "u", &uid) || uid != getuid()) {
    ask_next(e);
    return;
  }
  DlvAgent *agent = dlv_agent_get(link, e->name);
  g_variant_lookup(info, "policy", "&s", &policy);
  g_variant_lookup(info, "queued", "t", &queued);
  g_variant_lookup(info, "last-seen", "t", &seen);
  if (policy[0] != '\0' || agent->policy_text != NULL)
    dlv_agent_set_policy(agent, policy);
  agent->waiting = (guint)MIN(queued, G_MAXUINT);
  agent->state.last_seen = (gint64)seen;
  reply_variant(e->m, explain(agent));
  explaining_free(e);
}

static void ask_next(Explaining *e) {
  g_autoptr(GError) error = NULL;
  const GPtrArray *links = e->courier->links;
  DlvLink *link = NULL;

  for (; e->next < links->len && link == NULL; e->next++)
    if (((DlvLink *)links->pdata[e->next])->state == DLV_LINK_READY)
      link = links->pdata[e->next];
  if (link != NULL && !e->courier->draining) {
    dlv_link_call(link, WG_IFACE_MESSAGING, "GetAgent", g_variant_new("(s)", e->name), on_agent, e);
    return;
  }
  g_auto(GStrv) connected = dlv_links_connected(e->courier);
  if (connected[0] != NULL)
    error = g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_AGENT,
                        "No agent '%.80s' of yours is known at %s; waggle agent list shows them",
                        e->name, connected[0]);
  else
    error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED,
                                "The courier is not connected to a messaging service; is "
                                "waggle-messaged.socket enabled?");
  dlv_reply_error(e->m, error);
  explaining_free(e);
}

static void explain_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  const char *name;

  if (!dlv_may_enter(data, m, caller, lookup) || sd_bus_message_read(m, "s", &name) < 0)
    return;
  Explaining *e = g_new0(Explaining, 1);
  e->courier = data;
  e->m = sd_bus_message_ref(m);
  e->name = g_strdup(name);
  ask_next(e);
}

int dlv_method_explain(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, explain_from, courier);
  return 1;
}

/* ---- ListAgents ---- */
/* Asks each service once what waits: offers tell of what came, not of what went. */
typedef struct {
  DlvCourier *courier;
  sd_bus_message *m;
  guint next; /* link */
} Listing;

static void list_agent(DlvAgent *agent, gpointer data) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);
  GVariantBuilder names;

  if (agent->policy_text == NULL || agent->policy_text[0] == '\0')
    return;
  g_variant_builder_init(&names, G_VARIANT_TYPE("as"));
  for (guint i = 0; agent->plan != NULL && i < agent->plan->policy->n_entries; i++)
    g_variant_builder_add(&names, "s", agent->plan->policy->entries[i].name);
  g_variant_dict_insert(&d, "agent", "s", agent->name);
  g_variant_dict_insert(&d, "service", "s", agent->link->shown);
  g_variant_dict_insert(&d, "policy-error", "s", agent->problem != NULL ? agent->problem : "");
  g_variant_dict_insert(&d, "waiting", "u", agent->waiting);
  g_variant_dict_insert(&d, "in-flight", "s", in_flight(agent));
  g_variant_dict_insert_value(&d, "backends", g_variant_builder_end(&names));
  g_variant_builder_add_value(data, g_variant_dict_end(&d));
}

static void listing_end(Listing *l) {
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  dlv_links_each_agent(l->courier, list_agent, &list);
  reply_variant(l->m, g_variant_builder_end(&list));
  sd_bus_message_unref(l->m);
  g_free(l);
}

static void list_next(Listing *l);

/* A service that does not answer leaves what it said last. */
static void on_agents(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autoptr(GVariant) agents = reply != NULL ? wg_variant_read(reply, NULL) : NULL;

  for (gsize i = 0; agents != NULL && g_variant_is_of_type(agents, G_VARIANT_TYPE("aa{sv}")) &&
                    i < g_variant_n_children(agents);
       i++) {
    g_autoptr(GVariant) info = g_variant_get_child_value(agents, i);
    const char *name = NULL;
    guint64 queued = 0;
    DlvAgent *agent = g_variant_lookup(info, "name", "&s", &name)
                          ? g_hash_table_lookup(link->agents, name)
                          : NULL;
    if (agent != NULL && g_variant_lookup(info, "queued", "t", &queued))
      agent->waiting = (guint)MIN(queued, G_MAXUINT);
  }
  list_next(data);
}

static void list_next(Listing *l) {
  const GPtrArray *links = l->courier->links;
  GVariantDict filter;

  while (!l->courier->draining && l->next < links->len) {
    DlvLink *link = links->pdata[l->next++];
    if (link->state != DLV_LINK_READY)
      continue;
    g_variant_dict_init(&filter, NULL);
    g_variant_dict_insert(&filter, "uid", "u", (guint32)getuid());
    dlv_link_call(link, WG_IFACE_MESSAGING, "ListAgents",
                  g_variant_new("(@a{sv})", g_variant_dict_end(&filter)), on_agents, l);
    return;
  }
  listing_end(l);
}

static void list_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  if (!dlv_may_enter(data, m, caller, lookup))
    return;
  Listing *l = g_new0(Listing, 1);
  l->courier = data;
  l->m = sd_bus_message_ref(m);
  list_next(l);
}

int dlv_method_list_agents(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, list_from, courier);
  return 1;
}

/* ---- CheckPolicy ---- */
static void check_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  DlvCourier *courier = data;
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  GVariantBuilder list;
  const char *text;

  if (!dlv_may_enter(courier, m, caller, lookup) || sd_bus_message_read(m, "s", &text) < 0)
    return;
  DlvPlan *plan = dlv_plan_new(courier, "agent", text, courier->classes, problems);
  g_clear_pointer(&plan, dlv_plan_unref);
  g_variant_builder_init(&list, G_VARIANT_TYPE("a(ss)"));
  for (guint i = 0; i < problems->len; i++) {
    const DlvProblem *problem = problems->pdata[i];
    g_variant_builder_add(&list, "(ss)", problem->pointer, problem->text);
  }
  reply_variant(m, g_variant_builder_end(&list));
}

int dlv_method_check_policy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, check_from, courier);
  return 1;
}
