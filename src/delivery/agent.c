/* agent.c: see agent.h. */
#include "delivery/agent.h"

#include "delivery/task.h"

#include "common/log.h"
#include "common/names.h"

#include <string.h>

/* Letters of mail that is not in hand: looked through from so many on, kept for so long, and never
 * more than that. */
#define LETTERS_MAX 4096
#define LETTERS_LIMIT (16 * LETTERS_MAX)
#define LETTER_USEC (2 * G_TIME_SPAN_HOUR)

static void letter_free(gpointer data) {
  DlvLetter *letter = data;

  g_free(letter->known.cause);
  g_free(letter);
}

DlvAgent *dlv_agent_get(DlvLink *link, const char *name) {
  DlvAgent *agent = g_hash_table_lookup(link->agents, name);

  if (agent != NULL)
    return agent;
  agent = g_new0(DlvAgent, 1);
  agent->link = link;
  agent->name = g_strdup(name);
  g_queue_init(&agent->queue);
  agent->letters = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, letter_free);
  g_hash_table_insert(link->agents, agent->name, agent);
  return agent;
}

void dlv_attempt_free(DlvAttempt *attempt) {
  attempt->link->n_attempts--;
  attempt->link->n_bytes -= attempt->inlined;
  g_clear_pointer(&attempt->fields, g_ref_string_release);
  g_clear_pointer(&attempt->body, g_bytes_unref);
  g_free(attempt->from);
  g_free(attempt->subject);
  g_free(attempt->trace);
  g_free(attempt);
}

static void rungs_clear(DlvAgent *agent) {
  for (guint i = 0; i < agent->n_rungs; i++)
    g_free(agent->last[i].cause);
  g_clear_pointer(&agent->last, g_free);
  g_clear_pointer(&agent->rungs, g_free);
  agent->n_rungs = 0;
}

void dlv_agent_free(DlvAgent *agent) {
  if (agent->task != NULL)
    dlv_task_drop(agent->task);
  for (GList *l = agent->queue.head, *next; l != NULL; l = next) {
    next = l->next; /* the node is the attempt's */
    dlv_attempt_free(l->data);
  }
  g_clear_handle_id(&agent->gather, g_source_remove);
  if (agent->pumping)
    g_queue_remove(&agent->link->courier->pump, agent);
  rungs_clear(agent);
  g_clear_pointer(&agent->plan, dlv_plan_unref);
  g_hash_table_unref(agent->letters);
  g_free(agent->policy_text);
  g_free(agent->problem);
  g_free(agent->name);
  g_free(agent);
}

static const DlvEntry *entry_like(const DlvPolicy *policy, const DlvEntry *entry, guint *ret_i) {
  for (guint i = 0; i < policy->n_entries; i++)
    if (strcmp(policy->entries[i].name, entry->name) == 0 &&
        policy->entries[i].class == entry->class) {
      *ret_i = i;
      return &policy->entries[i];
    }
  return NULL;
}

/* A rung that keeps its name keeps what was learned of it. */
static void take_plan(DlvAgent *agent, DlvPlan *plan) {
  guint n = plan->policy->n_entries, old;
  DlvRung *rungs = g_new0(DlvRung, n);
  DlvLast *last = g_new0(DlvLast, n);

  for (guint i = 0; agent->plan != NULL && i < n; i++) {
    if (entry_like(agent->plan->policy, &plan->policy->entries[i], &old) == NULL)
      continue;
    rungs[i] = agent->rungs[old];
    last[i] = agent->last[old];
    agent->last[old].cause = NULL;
  }
  rungs_clear(agent);
  g_clear_pointer(&agent->plan, dlv_plan_unref);
  agent->plan = plan;
  agent->n_rungs = n;
  agent->rungs = rungs;
  agent->last = last;
  agent->link->wants_bodies |= dlv_plan_has(plan, DLV_BODIES);
}

/* How far mail came on other rungs says nothing of these. */
static void begin_anew(DlvAgent *agent) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, agent->letters);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    DlvMail *mail = &((DlvLetter *)value)->mail;
    mail->held_since = 0;
    if (!mail->announced)
      mail->step = mail->floor = 0;
  }
}

void dlv_agent_set_policy(DlvAgent *agent, const char *text) {
  DlvCourier *courier = agent->link->courier;
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);

  if (g_strcmp0(agent->policy_text, text) == 0)
    return;
  g_free(agent->policy_text);
  agent->policy_text = g_strdup(text);
  g_clear_pointer(&agent->problem, g_free);
  agent->gather_at = 0;
  begin_anew(agent);
  DlvPlan *plan = dlv_plan_new(courier, agent->name, text, courier->classes, problems);
  if (plan != NULL) {
    take_plan(agent, plan);
    dlv_agent_watch(agent);
    return;
  }
  rungs_clear(agent);
  g_clear_pointer(&agent->plan, dlv_plan_unref);
  agent->problem = g_strdelimit(g_strchomp(dlv_problems_text(problems)), "\n", ';');
  wg_log(LOG_WARNING, WG_MSG_POLICY_REFUSED,
         WG_FIELDS(WG_FIELD_AGENT, agent->name, WG_FIELD_ERROR, agent->problem),
         "The policy of agent '%s' is refused, its mail is held: %s", agent->name, agent->problem);
}

static void prune_older(DlvAgent *agent, gint64 before, gboolean known) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, agent->letters);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const DlvLetter *letter = value;
    if (!letter->in_hand && letter->used < before && (known || letter->known.agent == NULL))
      g_hash_table_iter_remove(&iter);
  }
}

/* However much mail is held: what goes too early is only held anew for its hold-max. */
static void prune(DlvAgent *agent, gint64 now) {
  guint keep = LETTERS_LIMIT;

  prune_older(agent, now - LETTER_USEC, TRUE);
  for (gint64 age = LETTER_USEC / 8; age > 0 && g_hash_table_size(agent->letters) >= keep;
       age /= 8) {
    keep = LETTERS_LIMIT / 4 * 3;
    prune_older(agent, now - age, FALSE);
  }
}

DlvLetter *dlv_agent_letter(DlvAgent *agent, guint64 number, gboolean make) {
  DlvLetter *letter = g_hash_table_lookup(agent->letters, &number);

  if (letter == NULL && make) {
    guint n = g_hash_table_size(agent->letters);
    if (n >= LETTERS_MAX && n % (LETTERS_MAX / 4) == 0)
      prune(agent, g_get_monotonic_time());
    letter = g_new0(DlvLetter, 1);
    letter->mail.number = number;
    g_hash_table_insert(agent->letters, &letter->mail.number, letter);
  }
  if (letter != NULL)
    letter->used = g_get_monotonic_time();
  return letter;
}

void dlv_agent_forget(DlvAgent *agent, guint64 number) {
  g_hash_table_remove(agent->letters, &number);
}

void dlv_agent_remember(const DlvNotice *notice) {
  DlvLetter *letter = dlv_agent_letter(notice->agent, notice->number, TRUE);

  letter->in_hand = FALSE;
  letter->known_at = g_get_monotonic_time();
  notice->agent->link->owes |= notice->agent->link->state != DLV_LINK_READY;
  g_free(letter->known.cause);
  letter->known = *notice;
  letter->known.cause = g_strdup(notice->cause);
}

void dlv_agent_give_back(DlvAgent *agent, DlvAttempt *attempt, guint64 retry, int step,
                         const char *why) {
  const DlvNotice notice = {
      .agent = agent,
      .number = attempt->number,
      .attempt = attempt->attempt,
      .result = DLV_HELD,
      .cause = g_strdup(why),
      .retry = retry,
      .step = step,
  };
  DlvLetter *letter = dlv_agent_letter(agent, attempt->number, FALSE);

  if (letter != NULL)
    letter->in_hand = FALSE;
  dlv_attempt_free(attempt);
  dlv_link_report(agent->link, &notice);
}
