/* agent-pump.c: decides over the agents' mail in hand and starts their jobs.
 *
 * Agents that may have something to do stand in one list, first come first served; one source works
 * it off when something changed. An agent stays in the list while it cannot go for a reason outside
 * of its policy: too many jobs under way, or the rest of its mail is still on its way from messaged
 * (one doorbell shall tell of all). */
#include "delivery/task.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"

/* A policy that is refused is looked at again with the next offer. */
#define REFUSED_RETRY (30 * G_USEC_PER_SEC)
/* Mail that waits for its turn is given back after a while, so that it takes nobody's room and its
 * time at messaged does not run out. */
#define TURN_USEC (30 * G_USEC_PER_SEC)
#define SWEEP_MSEC 10000
/* What was put aside together comes back within this time, also where the machine is busy; mail
 * that was held before is in no hurry. */
#define GATHER_MSEC 200

static void give_back_all(DlvAgent *agent, guint64 retry, const char *why) {
  for (GList *l; (l = g_queue_pop_head_link(&agent->queue)) != NULL;)
    dlv_agent_give_back(agent, l->data, retry, 0, why);
}

static void refuse_all(DlvAgent *agent) {
  g_autofree char *why =
      g_strdup_printf("policy: %s", agent->problem != NULL ? agent->problem : "there is none");

  give_back_all(agent, REFUSED_RETRY, why);
}

/* Mail that a doorbell will tell of comes back together, at the time of the first that was put
 * aside; else each would ring for itself. */
static guint64 gathered(DlvAgent *agent, guint64 wait, gint64 now) {
  if (agent->gather_at > now && agent->gather_at - now <= (gint64)wait)
    return (guint64)(agent->gather_at - now);
  agent->gather_at = now + (gint64)wait;
  return wait;
}

/* What is held, or never goes on: out of the queue, with the reason. */
static void put_aside(DlvAgent *agent, DlvAttempt *attempt, const DlvAnswer *answer, gint64 now) {
  const DlvPolicy *policy = agent->plan->policy;
  guint64 retry = answer->verdict == DLV_FINISHED ? DLV_WAIT_MAX : answer->wait;

  if (answer->verdict == DLV_HOLD && answer->step < policy->n_entries &&
      dlv_is_doorbell(policy->entries[answer->step].class))
    retry = gathered(agent, retry, now);

  g_queue_unlink(&agent->queue, &attempt->node);
  dlv_agent_give_back(agent, attempt, retry, (int)answer->step, answer->why);
}

/* Bodies that have to be fetched are in memory all at once. */
static guint bounded(const DlvBackendClass *class, const DlvDecision *decision,
                     DlvAttempt *const *attempts, guint n) {
  guint64 bytes = 0;

  if ((class->flags & DLV_BODIES) == 0)
    return n;
  for (guint i = 0; i < n; i++) {
    bytes += attempts[decision->run[i]]->size;
    if (i > 0 && bytes > DLV_BYTES_MAX)
      return i;
  }
  return n;
}

static void start(DlvAgent *agent, const DlvDecision *decision, DlvAttempt *const *attempts) {
  const DlvEntry *entry = &agent->plan->policy->entries[decision->entry];
  GPtrArray *chosen = g_ptr_array_new();
  guint n = decision->n_run;

  if (entry->class->room != NULL)
    n = CLAMP(entry->class->room(agent->plan->states[decision->entry]), 1, n);
  n = bounded(entry->class, decision, attempts, n);
  for (guint i = 0; i < n; i++) {
    DlvAttempt *attempt = attempts[decision->run[i]];
    g_queue_unlink(&agent->queue, &attempt->node);
    g_ptr_array_add(chosen, attempt);
  }
  dlv_task_start(agent, (guint)decision->entry, chosen);
}

/* FALSE: it has to be asked again when something changes outside. */
static gboolean may_start(DlvAgent *agent, const DlvDecision *decision) {
  const DlvBackendClass *class = agent->plan->policy->entries[decision->entry].class;
  const DlvCourier *courier = agent->link->courier;

  const DlvLink *link = agent->link;
  gboolean more_follows = link->more && agent->round == link->round;

  return courier->n_jobs < courier->settings.max_jobs && !(more_follows && dlv_is_doorbell(class));
}

static void decide(DlvAgent *agent) {
  guint n = agent->queue.length;
  g_autofree DlvAttempt **attempts = g_new(DlvAttempt *, n);
  g_autofree DlvMail **mail = g_new(DlvMail *, n);
  GTimeZone *zone = dlv_courier_zone(agent->link->courier);
  const DlvNow now = {wg_time_boottime(), wg_time_realtime(), zone};
  guint i = 0;

  for (GList *l = agent->queue.head; l != NULL; l = l->next, i++) {
    attempts[i] = l->data;
    mail[i] = &dlv_agent_letter(agent, attempts[i]->number, TRUE)->mail;
  }
  g_autoptr(DlvDecision) decision =
      dlv_ladder_decide(agent->plan->policy, agent->rungs, &agent->state, mail, n, &now);
  for (i = 0; i < n; i++)
    if (decision->answers[i].verdict == DLV_HOLD || decision->answers[i].verdict == DLV_FINISHED)
      put_aside(agent, attempts[i], &decision->answers[i], now.boot);
  if (decision->entry < 0)
    return;
  if (may_start(agent, decision))
    start(agent, decision, attempts);
  else
    dlv_agent_pump_soon(agent);
}

static void pump(DlvAgent *agent) {
  if (agent->task != NULL || agent->queue.length == 0 || agent->link->state != DLV_LINK_READY)
    return;
  if (agent->plan == NULL)
    refuse_all(agent);
  else
    decide(agent);
}

/* One round: who cannot go yet stands in the list again, for the next one. */
static gboolean on_pump(gpointer data) {
  DlvCourier *courier = data;

  courier->pump_source = 0;
  courier->pumping = TRUE;
  for (guint n = courier->pump.length; n > 0 && !courier->draining; n--) {
    DlvAgent *agent = g_queue_pop_head(&courier->pump);
    agent->pumping = FALSE;
    pump(agent);
  }
  courier->pumping = FALSE;
  return G_SOURCE_REMOVE;
}

/* Before the results of the last job are told, and the next answer is read: the next job's disk or
 * command works meanwhile. */
void dlv_courier_pump(DlvCourier *courier) {
  if (courier->pump_source == 0 && courier->pump.length > 0 && !courier->draining)
    courier->pump_source = g_idle_add_full(G_PRIORITY_HIGH, on_pump, courier, NULL);
}

/* TRUE: something still waits. */
static gboolean sweep_link(DlvLink *link, gint64 before) {
  GHashTableIter iter;
  gpointer value;
  gboolean waits = FALSE;

  g_hash_table_iter_init(&iter, link->agents);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    DlvAgent *agent = value;
    for (GList *l = agent->queue.head, *next; l != NULL; l = next) {
      DlvAttempt *attempt = l->data;
      next = l->next;
      if (attempt->offered > before)
        continue;
      g_queue_unlink(&agent->queue, l);
      dlv_agent_give_back(agent, attempt, TURN_USEC, -1, "other jobs are still under way");
    }
    waits |= agent->queue.length > 0;
  }
  return waits;
}

static gboolean on_sweep(gpointer data) {
  DlvCourier *courier = data;
  gint64 before = g_get_monotonic_time() - TURN_USEC;
  gboolean waits = FALSE;

  for (guint i = 0; i < courier->links->len; i++)
    waits |= sweep_link(courier->links->pdata[i], before);
  if (waits)
    return G_SOURCE_CONTINUE;
  courier->sweep = 0;
  return G_SOURCE_REMOVE;
}

void dlv_agent_pump_soon(DlvAgent *agent) {
  DlvCourier *courier = agent->link->courier;

  if (agent->pumping)
    return;
  agent->pumping = TRUE;
  g_queue_push_tail(&courier->pump, agent);
  if (courier->sweep == 0)
    courier->sweep = g_timeout_add(SWEEP_MSEC, on_sweep, courier);
  if (!courier->pumping) /* else whoever changes something starts the next round */
    dlv_courier_pump(courier);
}

static gboolean on_gathered(gpointer data) {
  DlvAgent *agent = data;

  agent->gather = 0;
  dlv_agent_pump_soon(agent);
  return G_SOURCE_REMOVE;
}

void dlv_agent_pump_gathered(DlvAgent *agent) {
  if (agent->gather == 0 && !agent->pumping)
    agent->gather = g_timeout_add(GATHER_MSEC, on_gathered, agent);
}

void dlv_agent_task_over(DlvAgent *agent) {
  DlvCourier *courier = agent->link->courier;

  if (agent->queue.length > 0)
    dlv_agent_pump_soon(agent);
  dlv_courier_pump(courier);
  dlv_link_poll(agent->link); /* there may be room again */
  dlv_courier_work_done(courier);
}

void dlv_courier_pump_stop(DlvCourier *courier) {
  g_clear_handle_id(&courier->pump_source, g_source_remove);
  g_clear_handle_id(&courier->sweep, g_source_remove);
}
