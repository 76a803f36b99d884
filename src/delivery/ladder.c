/* ladder.c: which of an agent's messages go together now, and why. See the table in ladder.h. */
#include "delivery/ladder.h"

#include "delivery/ladder-private.h"

#include "common/amounts.h"

#define JOB_MAX 256

void dlv_decision_free(DlvDecision *d) {
  if (!d)
    return;
  for (guint i = 0; i < d->n_answers; i++)
    g_free(d->answers[i].why);
  for (guint i = 0; i < d->n_passed; i++)
    g_free(d->passed[i]);
  g_free(d->answers);
  g_free(d->passed);
  g_free(d->run);
  g_free(d->explanation);
  g_free(d);
}

/* The more urgent first, then the older, then as they were given. */
static gboolean goes_before(const DlvMail *a, const DlvMail *b) {
  if (a->priority != b->priority)
    return a->priority > b->priority;
  return a->time < b->time;
}

static int leader(const DlvDecision *d, DlvMail *const *mail) {
  int best = -1;

  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_RUN && (best < 0 || goes_before(mail[i], mail[best])))
      best = (int)i;
  return best;
}

/* ---- what holds a whole group ---- */
/* Rest of the digest's window for the messages of `step`; 0: it is over, or not for these. */
static guint64 window_left(const DlvLadder *l, const DlvDecision *d, DlvMail *const *mail,
                           guint step) {
  guint64 window = l->policy->digest_window, age = 0;

  for (guint i = 0; i < d->n_answers && window; i++) {
    if (d->answers[i].verdict != DLV_RUN || d->answers[i].step != step)
      continue;
    if (mail[i]->priority >= DLV_URGENT || mail[i]->announced)
      return 0;
    age = MAX(age, (guint64)MAX(l->now->real - mail[i]->time, 0));
  }
  return age >= window ? 0 : window - age;
}

/* Why the rung's messages have to wait together; NULL: they have not. */
static char *group_hold(const DlvLadder *l, const DlvDecision *d, DlvMail *const *mail, guint step,
                        guint64 *ret_wait) {
  const DlvPolicy *policy = l->policy;

  if (!dlv_is_doorbell(policy->entries[step].class))
    return NULL;
  guint64 rate = dlv_rate_wait(&l->agent->rate, policy->rate_max, policy->rate_per, l->now->boot);
  if (rate > 0) {
    g_autofree char *per = wg_span_text(policy->rate_per);
    *ret_wait = rate;
    return g_strdup_printf("no more than %u doorbell%s within %s", policy->rate_max,
                           policy->rate_max == 1 ? "" : "s", per);
  }
  *ret_wait = window_left(l, d, mail, step);
  return *ret_wait ? g_strdup("the doorbell waits for more messages") : NULL;
}

static void hold_group(DlvDecision *d, DlvMail *const *mail, guint step, guint64 wait,
                       const char *why) {
  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_RUN && d->answers[i].step == step)
      d->answers[i] = (DlvAnswer){DLV_HOLD, mail[i]->step, MIN(wait, DLV_WAIT_MAX), g_strdup(why)};
}

/* ---- the job ---- */
static guint job_size(const DlvLadder *l, guint step, guint n) {
  const DlvBackendClass *class = l->policy->entries[step].class;

  if (dlv_is_doorbell(class))
    return class->max_messages ? class->max_messages : n;
  if (dlv_breaker_state(&l->rungs[step].breaker, l->now->boot) == DLV_BREAKER_PROBING)
    return 1;
  return class->max_messages ? class->max_messages : JOB_MAX;
}

static gint compare_places(gconstpointer a, gconstpointer b, gpointer data) {
  DlvMail *const *mail = data;
  guint x = *(const guint *)a, y = *(const guint *)b;

  if (goes_before(mail[x], mail[y]))
    return -1;
  if (goes_before(mail[y], mail[x]))
    return 1;
  return x < y ? -1 : x > y;
}

/* What can run but does not belong to the job waits for its turn. */
static void make_job(const DlvLadder *l, DlvDecision *d, DlvMail *const *mail, guint step) {
  guint n = 0;

  d->entry = (int)step;
  d->run = g_new(guint, d->n_answers);
  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_RUN && d->answers[i].step == step)
      d->run[n++] = i;
  g_qsort_with_data(d->run, (gint)n, sizeof *d->run, compare_places, (gpointer)mail);
  d->n_run = MIN(n, job_size(l, step, n));
  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_RUN)
      d->answers[i].verdict = DLV_WAIT;
  for (guint i = 0; i < d->n_run; i++)
    d->answers[d->run[i]].verdict = DLV_RUN;
}

static void choose(const DlvLadder *l, DlvDecision *d, DlvMail *const *mail) {
  for (int lead; (lead = leader(d, mail)) >= 0;) {
    guint step = d->answers[lead].step;
    guint64 wait = 0;
    g_autofree char *why = group_hold(l, d, mail, step, &wait);
    if (!why) {
      make_job(l, d, mail, step);
      return;
    }
    hold_group(d, mail, step, wait, why);
  }
}

/* ---- in words ---- */
static void add_passed(const DlvLadder *l, DlvDecision *d, const DlvMail *mail) {
  d->n_passed = l->policy->n_entries;
  d->passed = g_new0(char *, d->n_passed + 1);
  for (guint i = 0; i < d->n_passed; i++) {
    g_autoptr(GString) why = g_string_new(NULL);
    if (i < mail->floor)
      g_string_append(why, "the message was announced there");
    else if (dlv_ladder_look(l, i, mail->priority, why) == 0) {
      if (i < mail->step)
        g_string_append(why, "it was tried for this message");
      else if (mail->held_since && mail->held_at == i && d->entry > (int)i)
        g_string_append(why, "it held the message for its hold-max");
    }
    if (why->len)
      d->passed[i] = g_strdup(why->str);
  }
}

static const DlvAnswer *first_held(const DlvDecision *d) {
  const DlvAnswer *first = NULL;

  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_HOLD && (!first || d->answers[i].wait < first->wait))
      first = &d->answers[i];
  return first;
}

static guint count(const DlvDecision *d, DlvVerdict verdict) {
  guint n = 0;

  for (guint i = 0; i < d->n_answers; i++)
    n += d->answers[i].verdict == verdict;
  return n;
}

static void say_run(GString *text, const DlvLadder *l, const DlvDecision *d) {
  const DlvEntry *entry = &l->policy->entries[d->entry];
  gboolean probe =
      dlv_breaker_state(&l->rungs[d->entry].breaker, l->now->boot) == DLV_BREAKER_PROBING;

  g_string_append_printf(text, "'%s' (%d of %u) %s %u message%s%s", entry->name, d->entry + 1,
                         l->policy->n_entries, dlv_is_doorbell(entry->class) ? "rings for" : "gets",
                         d->n_run, d->n_run == 1 ? "" : "s",
                         probe ? ", as a probe after its failures" : "");
  for (int i = 0; i < d->entry; i++)
    if (d->passed[i])
      g_string_append_printf(text, "; '%s' is passed over: %s", l->policy->entries[i].name,
                             d->passed[i]);
}

static char *explain(const DlvLadder *l, const DlvDecision *d) {
  GString *text = g_string_new(NULL);
  const DlvAnswer *held = first_held(d);
  guint waiting = count(d, DLV_WAIT), n_held = count(d, DLV_HOLD);

  if (d->entry >= 0)
    say_run(text, l, d);
  else if (held)
    g_string_append(text, "nothing runs now");
  else
    g_string_append(text, d->n_answers ? "nothing is left to do" : "no mail waits");
  if (waiting)
    g_string_append_printf(text, "; %u more wait%s for the job to end", waiting,
                           waiting == 1 ? "s" : "");
  if (held) {
    g_autofree char *span = wg_span_text(held->wait);
    g_string_append_printf(text, "; %u held: %s; again in %s", n_held, held->why, span);
  }
  return g_string_free(text, FALSE);
}

DlvDecision *dlv_ladder_decide(const DlvPolicy *policy, const DlvRung *rungs,
                               const DlvAgentState *agent, DlvMail *const *mail, guint n_mail,
                               const DlvNow *now) {
  const DlvLadder l = {policy, rungs, agent, now};
  DlvDecision *d = g_new0(DlvDecision, 1);

  d->entry = -1;
  d->n_answers = n_mail;
  d->answers = g_new0(DlvAnswer, n_mail);
  for (guint i = 0; i < n_mail; i++)
    d->answers[i] = dlv_ladder_judge(&l, mail[i]);
  choose(&l, d, mail);
  const DlvAnswer *held = first_held(d);
  d->wait = held ? held->wait : 0;
  if (n_mail > 0)
    add_passed(&l, d, mail[d->entry >= 0 ? d->run[0] : 0]);
  d->explanation = explain(&l, d);
  return d;
}

DlvDecision *dlv_ladder_explain(const DlvPolicy *policy, const DlvRung *rungs,
                                const DlvAgentState *agent, guint8 priority, const DlvNow *now) {
  DlvMail mail, *list[] = {&mail};

  dlv_mail_init(&mail, 0, priority, now->real - (gint64)policy->digest_window, 0, FALSE);
  return dlv_ladder_decide(policy, rungs, agent, list, 1, now);
}
