/* durable.c: back-ends whose announcements lie somewhere until their mail is done with.
 *
 * While the courier runs messaged tells how mail of its user's agents ends (Watch); what ended
 * while nobody listened is found by asking for the receipts of what still lies there (a sweep, at
 * the begin of each connection and when events were lost). A sweep asks for a few at a time. */
#include "delivery/task.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <string.h>
#include <unistd.h>

/* Questions under way at a time. */
#define ASKING_MAX 64

static gboolean is_final(const char *state) {
  static const char *const finals[] = {"acked", "replied", "expired", "dead", "canceled", NULL};

  return g_strv_contains(finals, state);
}

static void finished(DlvAgent *agent, guint64 number, const char *state) {
  DlvPlan *plan = agent->plan;

  for (guint i = 0; plan != NULL && i < plan->policy->n_entries; i++) {
    const DlvBackendClass *class = plan->policy->entries[i].class;
    if (class->finished != NULL)
      class->finished(plan->states[i], number, state);
  }
}

/* ---- sweeping ---- */
typedef struct {
  DlvAgent *agent;
  guint64 number;
} Asked;

static void ask_next(DlvLink *link);

/* The last receipt tells; a message that nobody knows is done with. */
static void on_receipts(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autofree Asked *asked = data;
  const char *agent, *state, *cause, *actor, *last = NULL;
  guint64 time;

  link->n_asking--;
  if (g_error_matches(error, WG_ERROR, WG_ERROR_UNKNOWN_MESSAGE))
    last = "expired";
  else if (reply != NULL && sd_bus_message_enter_container(reply, 'a', "(sstss)") > 0)
    while (sd_bus_message_read(reply, "(sstss)", &agent, &state, &time, &cause, &actor) > 0)
      last = state;
  if (last != NULL && is_final(last))
    finished(asked->agent, asked->number, last);
  ask_next(link);
}

static void ask_next(DlvLink *link) {
  while (link->n_asking < ASKING_MAX && link->asks.length > 0 && link->state == DLV_LINK_READY) {
    g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
    Asked *asked = g_queue_pop_head(&link->asks);
    link->n_asking++;
    g_variant_dict_insert(&options, "agent", "s", asked->agent->name);
    dlv_link_call(link, WG_IFACE_MESSAGING, "GetReceipts",
                  g_variant_new("(t@a{sv})", asked->number, g_variant_dict_end(&options)),
                  on_receipts, asked);
  }
}

static void each_lying(guint64 number, gpointer data) {
  DlvAgent *agent = data;
  Asked *asked = g_new(Asked, 1);

  *asked = (Asked){agent, number};
  g_queue_push_tail(&agent->link->asks, asked);
  ask_next(agent->link);
}

void dlv_link_forget_asks(DlvLink *link) {
  g_queue_clear_full(&link->asks, g_free);
}

static void sweep(DlvAgent *agent) {
  DlvPlan *plan = agent->plan;

  for (guint i = 0; plan != NULL && i < plan->policy->n_entries; i++) {
    const DlvBackendClass *class = plan->policy->entries[i].class;
    if (class->sweep != NULL)
      class->sweep(plan->states[i], each_lying, agent);
  }
}

/* ---- watching ---- */
static void sweep_all(DlvLink *link) {
  GHashTableIter iter;
  gpointer agent;

  g_hash_table_iter_init(&iter, link->agents);
  while (g_hash_table_iter_next(&iter, NULL, &agent))
    sweep(agent);
}

static void on_watching(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  link->watching = FALSE;
  if (reply == NULL || sd_bus_message_read(reply, "t", &link->watch) < 0) {
    wg_log(LOG_DEBUG, NULL, NULL, "Receipts are not told by %s: %s", link->shown,
           error != NULL ? error->message : "no answer that can be read");
    return;
  }
  sweep_all(link); /* what ended before the watch began */
}

/* One for all agents: a connection may have few. */
void dlv_agent_watch(DlvAgent *agent) {
  g_auto(GVariantDict) filter = G_VARIANT_DICT_INIT(NULL);
  DlvLink *link = agent->link;

  if (agent->plan == NULL || !dlv_plan_has(agent->plan, DLV_DURABLE) ||
      link->state != DLV_LINK_READY || link->watching)
    return;
  if (link->watch != 0) {
    sweep(agent);
    return;
  }
  link->watching = TRUE;
  g_variant_dict_insert(&filter, "final", "b", TRUE);
  dlv_link_call(link, WG_IFACE_MESSAGING, "Watch",
                g_variant_new("(@a{sv})", g_variant_dict_end(&filter)), on_watching, NULL);
}

void dlv_agents_event(DlvLink *link, const char *name, guint64 number, const char *state) {
  DlvAgent *agent = g_hash_table_lookup(link->agents, name);

  if (strcmp(state, "lost") == 0)
    sweep_all(link);
  else if (agent != NULL && is_final(state))
    finished(agent, number, state);
}

/* ---- who has a policy ---- */
static void on_agents(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  g_autoptr(GError) unreadable = NULL;

  if (reply == NULL)
    return;
  g_autoptr(GVariant) list = wg_variant_read(reply, &unreadable);
  if (list == NULL || !g_variant_is_of_type(list, G_VARIANT_TYPE("aa{sv}")))
    return;
  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    g_autoptr(GVariant) info = g_variant_get_child_value(list, i);
    const char *name = NULL, *policy = NULL;
    if (!g_variant_lookup(info, "name", "&s", &name) ||
        !g_variant_lookup(info, "policy", "&s", &policy) || policy[0] == '\0')
      continue;
    DlvAgent *agent = dlv_agent_get(link, name);
    dlv_agent_set_policy(agent, policy);
    dlv_agent_watch(agent);
  }
  dlv_courier_changed(link->courier);
}

void dlv_agents_link_ready(DlvLink *link) {
  g_auto(GVariantDict) filter = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&filter, "uid", "u", (guint32)getuid());
  dlv_link_call(link, WG_IFACE_MESSAGING, "ListAgents",
                g_variant_new("(@a{sv})", g_variant_dict_end(&filter)), on_agents, NULL);
}
