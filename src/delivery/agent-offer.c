/* agent-offer.c: mail that messaged offers: new, known, or done already.
 *
 * A connection that was lost brings back what was in hand. A message whose job still runs is joined
 * to it again, and one whose result could not be told gets it now: what happened is never done
 * twice because a connection broke. */
#include "delivery/task.h"

#include "common/log.h"
#include "common/names.h"

#include <string.h>

#define KNOWN_USEC (60 * G_USEC_PER_SEC)

typedef struct {
  DlvAgent *agent;
  guint64 number;
} Late;

static DlvAttempt *find_queued(DlvAgent *agent, guint64 number) {
  for (GList *l = agent->queue.head; l != NULL; l = l->next)
    if (((DlvAttempt *)l->data)->number == number)
      return l->data;
  return NULL;
}

static DlvAttempt *attempt_new(const DlvOffer *offer) {
  DlvAttempt *a = g_new0(DlvAttempt, 1);

  a->number = offer->number;
  a->attempt = offer->attempt;
  a->offered = g_get_monotonic_time();
  a->priority = offer->priority;
  a->time = offer->time;
  a->size = offer->size;
  a->from = g_strdup(offer->from);
  a->subject = g_strdup(offer->subject);
  a->trace = g_strdup(offer->trace);
  a->fields = g_ref_string_new_len(offer->fields->str, (gssize)offer->fields->len);
  a->body = offer->body != NULL ? g_bytes_ref(offer->body) : NULL;
  a->node.data = a;
  return a;
}

/* The lease of a job that outlived its connection, or of one that is over: then its result. */
static void on_taken_late(DlvLink *link, sd_bus_message *reply, const GError *error,
                          gpointer data) {
  g_autofree Late *late = data;
  DlvAgent *agent = late->agent;
  guint64 token, lease;

  if (reply == NULL || sd_bus_message_enter_container(reply, 'a', "(tt)") <= 0 ||
      sd_bus_message_read(reply, "(tt)", &token, &lease) <= 0)
    return;
  DlvAttempt *running = agent->task != NULL ? dlv_task_find(agent->task, late->number) : NULL;
  DlvLetter *letter = dlv_agent_letter(agent, late->number, FALSE);
  if (running != NULL) {
    running->lease = lease;
  } else if (letter != NULL && letter->known.agent != NULL && letter->known.result == DLV_ACKED) {
    g_autofree char *cause = g_strdup(letter->known.cause);
    dlv_agent_forget(agent, late->number);
    dlv_link_ack(link, agent, late->number, lease, cause);
  } else {
    dlv_link_nack(link, lease, "silent", 0, 0, "the connection was lost while it was handled");
  }
}

static void take_late(DlvAgent *agent, const DlvOffer *offer) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  Late *late = g_new(Late, 1);
  GVariantBuilder tokens;

  *late = (Late){agent, offer->number};
  g_variant_builder_init(&tokens, G_VARIANT_TYPE("at"));
  g_variant_builder_add(&tokens, "t", offer->attempt);
  g_variant_dict_insert(&options, "lease", "t", agent->link->courier->settings.lease);
  dlv_link_call(agent->link, WG_IFACE_COURIER, "TakeAttempts",
                g_variant_new("(at@a{sv})", &tokens, g_variant_dict_end(&options)), on_taken_late,
                late);
}

static void rejoin(DlvAgent *agent, DlvAttempt *running, const DlvOffer *offer) {
  const DlvEntry *entry = &agent->task->plan->policy->entries[agent->task->told.entry];

  running->attempt = offer->attempt;
  if ((entry->class->flags & DLV_LEASES) != 0 && agent->task->running)
    take_late(agent, offer);
}

static void tell_known(DlvAgent *agent, DlvLetter *letter, const DlvOffer *offer) {
  DlvNotice notice = letter->known;

  if (notice.result == DLV_ACKED) {
    take_late(agent, offer);
    return;
  }
  notice.attempt = offer->attempt;
  letter->known = (DlvNotice){0}; /* its cause goes along */
  if (notice.retry == 0)
    dlv_agent_forget(agent, offer->number);
  dlv_link_report(agent->link, &notice);
}

/* A result counts for the mail that the new connection brings at once. What is offered later was
 * perhaps received and given back since: that is to be announced again. */
static gboolean still_counts(const DlvLink *link, const DlvLetter *letter) {
  return letter->known.agent != NULL && (letter->known_at > link->ready_at ||
                                         g_get_monotonic_time() - link->ready_at < KNOWN_USEC);
}

/* Nothing is known of it, or only how far it came on the ladder. */
static void take_in(DlvAgent *agent, DlvLetter *letter, const DlvOffer *offer) {
  DlvAttempt *attempt = attempt_new(offer);

  if (letter == NULL) {
    letter = dlv_agent_letter(agent, offer->number, TRUE);
    dlv_mail_init(&letter->mail, offer->number, attempt->priority, attempt->time, offer->step,
                  offer->announced);
  }
  letter->in_hand = TRUE;
  attempt->link = agent->link;
  attempt->inlined = attempt->body != NULL ? g_bytes_get_size(attempt->body) : 0;
  agent->link->n_attempts++;
  agent->link->n_bytes += attempt->inlined;
  g_queue_push_tail_link(&agent->queue, &attempt->node);
  if (offer->attempts == 0)
    dlv_agent_pump_soon(agent);
  else
    dlv_agent_pump_gathered(agent);
}

void dlv_agents_offer(DlvLink *link, const DlvOffer *offer) {
  DlvAgent *agent = dlv_agent_get(link, offer->agent);
  DlvLetter *letter = dlv_agent_letter(agent, offer->number, FALSE);

  dlv_agent_set_policy(agent, offer->policy != NULL ? offer->policy : "");
  agent->round = link->round;
  agent->waiting = offer->waiting;
  agent->urgent = offer->urgent;
  agent->state.last_seen = (gint64)offer->last_seen;
  DlvAttempt *running = agent->task != NULL ? dlv_task_find(agent->task, offer->number) : NULL;
  DlvAttempt *queued = letter != NULL && letter->in_hand ? find_queued(agent, offer->number) : NULL;
  if (running != NULL) {
    rejoin(agent, running, offer);
  } else if (letter != NULL && still_counts(link, letter)) {
    tell_known(agent, letter, offer);
  } else if (queued != NULL) {
    queued->attempt = offer->attempt;
  } else {
    take_in(agent, letter, offer);
  }
}

/* What waits comes again with the connection; what runs goes on. */
static void agent_link_lost(DlvAgent *agent) {
  for (GList *l; (l = g_queue_pop_head_link(&agent->queue)) != NULL;) {
    DlvAttempt *attempt = l->data;
    DlvLetter *letter = dlv_agent_letter(agent, attempt->number, FALSE);
    if (letter != NULL)
      letter->in_hand = FALSE;
    dlv_attempt_free(attempt);
  }
  if (agent->task != NULL)
    dlv_task_link_lost(agent->task);
}

void dlv_agents_link_lost(DlvLink *link) {
  GHashTableIter iter;
  gpointer agent;

  g_hash_table_iter_init(&iter, link->agents);
  while (g_hash_table_iter_next(&iter, NULL, &agent))
    agent_link_lost(agent);
}
