/* ladder-judge.c: one message on the ladder: quiet hours, conditions, pauses, holding. See the
 * table in ladder.h. */
#include "delivery/ladder-private.h"

#include "delivery/span.h"

#include "common/amounts.h"

void dlv_mail_init(DlvMail *mail, guint64 number, guint8 priority, gint64 time, guint step,
                   gboolean announced) {
  *mail = (DlvMail){
      .number = number,
      .priority = priority,
      .time = time,
      .step = step,
      .floor = announced ? step : 0,
      .announced = announced,
  };
}

/* ---- quiet ---- */
static const DlvQuiet *quiet_now(const DlvPolicy *policy, guint8 priority, gint64 real,
                                 GTimeZone *zone) {
  for (guint i = 0; i < policy->n_quiet; i++)
    if (!dlv_priorities_have(policy->quiet[i].except, priority) &&
        dlv_hours_holds(policy->quiet[i].hours, real, zone))
      return &policy->quiet[i];
  return NULL;
}

gint64 dlv_ladder_quiet_until(const DlvPolicy *policy, guint8 priority, const DlvNow *now) {
  gint64 until = 0, at = now->real;
  const DlvQuiet *quiet;

  /* One may begin where another one ends. */
  for (guint i = 0; i < 8 && (quiet = quiet_now(policy, priority, at, now->zone)); i++) {
    gint64 next = dlv_hours_next(quiet->hours, at, now->zone);
    if (next == 0)
      return now->real + (gint64)DLV_WAIT_MAX;
    until = at = next;
  }
  return until;
}

static char *quiet_text(const DlvLadder *l, guint8 priority, gint64 until) {
  const DlvQuiet *quiet = quiet_now(l->policy, priority, l->now->real, l->now->zone);
  g_autofree char *hours = dlv_hours_text(quiet->hours);
  g_autofree char *end = dlv_instant_text(until, l->now->real, l->now->zone);

  return g_strdup_printf("quiet hours (%s) until %s", *hours ? hours : "always", end);
}

/* ---- one rung ---- */
char *dlv_conditions_text(const DlvConditions *conditions) {
  g_autoptr(GStrvBuilder) parts = g_strv_builder_new();

  if (conditions->priority_text) {
    g_autofree char *part = g_strconcat("priority ", conditions->priority_text, NULL);
    g_strv_builder_add(parts, part);
  }
  if (conditions->idle) {
    g_autofree char *span = wg_span_text(conditions->idle);
    g_autofree char *part = g_strconcat("idle ", span, NULL);
    g_strv_builder_add(parts, part);
  }
  if (conditions->hours) {
    g_autofree char *hours = dlv_hours_text(conditions->hours);
    g_autofree char *part = g_strconcat("hours ", *hours ? hours : "always", NULL);
    g_strv_builder_add(parts, part);
  }
  g_auto(GStrv) list = g_strv_builder_end(parts);
  return g_strjoinv(", ", list);
}

static void say(GString *why, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(GString *why, const char *format, ...) {
  va_list args;

  if (!why)
    return;
  if (why->len)
    g_string_append(why, ", ");
  va_start(args, format);
  g_string_append_vprintf(why, format, args);
  va_end(args);
}

static guint64 until_hours(const DlvLadder *l, const DlvHours *hours, GString *why) {
  if (!hours || dlv_hours_holds(hours, l->now->real, l->now->zone))
    return 0;
  gint64 next = dlv_hours_next(hours, l->now->real, l->now->zone);
  if (why) {
    g_autofree char *text = dlv_hours_text(hours);
    say(why, "it is not %s", text);
  }
  return next ? (guint64)(next - l->now->real) : DLV_NEVER;
}

static guint64 until_idle(const DlvLadder *l, guint64 idle, GString *why) {
  gint64 seen = MIN(l->agent->last_seen, l->now->real); /* the clock may have been put back */

  if (idle == 0 || seen == 0 || (guint64)(l->now->real - seen) >= idle)
    return 0;
  if (why) {
    g_autofree char *past = wg_span_text((guint64)(l->now->real - seen));
    g_autofree char *span = wg_span_text(idle);
    say(why, "the agent gave a sign of life %s ago, not idle for %s", past, span);
  }
  return idle - (guint64)(l->now->real - seen);
}

static guint64 until_pause(const DlvLadder *l, guint i, GString *why) {
  const DlvRung *rung = &l->rungs[i];
  guint64 wait;
  const char *state = dlv_rung_state(rung, l->now->boot, &wait);

  if (wait && why) {
    g_autofree char *span = wg_span_text(wait);
    if (*state == 'o')
      say(why, "it failed %u times in a row and is left alone for %s", rung->breaker.failures,
          span);
    else
      say(why, "it failed and is tried again in %s", span);
  }
  return wait;
}

const char *dlv_rung_state(const DlvRung *rung, gint64 boot, guint64 *ret_wait) {
  DlvBreakerState breaker = dlv_breaker_state(&rung->breaker, boot);
  guint64 open = breaker == DLV_BREAKER_OPEN ? (guint64)(rung->breaker.retry_at - boot) : 0;
  guint64 backoff = dlv_backoff_left(&rung->backoff, boot);

  *ret_wait = MAX(open, backoff);
  if (open)
    return "open";
  if (backoff)
    return "backing-off";
  return breaker == DLV_BREAKER_PROBING ? "probing" : "ready";
}

guint64 dlv_ladder_look(const DlvLadder *l, guint i, guint8 priority, GString *why) {
  const DlvConditions *conditions = &l->policy->entries[i].conditions;

  if (!dlv_priorities_have(conditions->priorities, priority)) {
    say(why, "priority %u is not %s", priority, conditions->priority_text);
    return DLV_NEVER;
  }
  guint64 hours = until_hours(l, conditions->hours, why);
  guint64 idle = until_idle(l, conditions->idle, why);
  guint64 pause = until_pause(l, i, why);
  return MAX(MAX(hours, idle), pause);
}

/* ---- one message ---- */
typedef struct {
  int rung;        /* -1: none from here on */
  guint64 held;    /* it is held there for so long; 0: it can run */
  guint64 soonest; /* when there is none: until one could be used */
  guint left;      /* above the last rung that was left for its hold-max; 0: none was */
} Walk;

/* Rest of the time for which the rung may hold the message; 0: it has to go on. */
static guint64 hold_left(const DlvLadder *l, guint i, const DlvMail *mail) {
  guint64 max = l->policy->entries[i].hold_max;
  gboolean here = mail->held_since != 0 && mail->held_at == i;
  guint64 past = here ? (guint64)MAX(l->now->boot - mail->held_since, 0) : 0;

  return past >= max ? 0 : max - past;
}

static Walk walk(const DlvLadder *l, const DlvMail *mail, guint from) {
  Walk w = {.rung = -1, .soonest = DLV_NEVER};

  for (guint i = from; i < l->policy->n_entries; i++) {
    guint64 wait = dlv_ladder_look(l, i, mail->priority, NULL);
    guint64 held = dlv_backoff_left(&l->rungs[i].hold, l->now->boot);
    gboolean was_held = held || (mail->held_since != 0 && mail->held_at == i);
    guint64 left = was_held ? hold_left(l, i, mail) : DLV_NEVER;
    if (wait == 0 && left > 0) {
      w.rung = (int)i;
      w.held = MIN(held, left);
      return w;
    }
    if (left == 0)
      w.left = i + 1;
    w.soonest = MIN(w.soonest, MAX(wait, held));
  }
  return w;
}

static char *passed_text(const DlvLadder *l, const DlvMail *mail, guint64 wait) {
  GString *text = g_string_new(wait == DLV_NEVER ? "no back-end of the policy takes it"
                                                 : "no back-end can be used now");

  for (guint i = mail->floor; i < l->policy->n_entries; i++) {
    g_autoptr(GString) why = g_string_new(NULL);
    if (dlv_ladder_look(l, i, mail->priority, why) > 0)
      g_string_append_printf(text, "%s '%s': %s", i == mail->floor ? ":" : ";",
                             l->policy->entries[i].name, why->str);
  }
  return g_string_free(text, FALSE);
}

static DlvAnswer hold(guint step, guint64 wait, char *why) {
  return (DlvAnswer){DLV_HOLD, step, CLAMP(wait, 1, DLV_WAIT_MAX), why};
}

static DlvAnswer answer_of(const DlvLadder *l, DlvMail *mail, Walk w) {
  if (w.rung < 0) {
    gboolean over = w.soonest == DLV_NEVER && mail->announced;
    if (over)
      return (DlvAnswer){DLV_FINISHED, mail->step, 0,
                         g_strdup("announced before, and no further back-end takes it")};
    return hold(mail->step, w.soonest, passed_text(l, mail, w.soonest));
  }
  if (w.held == 0)
    return (DlvAnswer){DLV_RUN, (guint)w.rung, 0, NULL};
  if (mail->held_since == 0 || mail->held_at != (guint)w.rung) {
    mail->held_at = (guint)w.rung;
    mail->held_since = MAX(l->now->boot, 1);
  }
  return hold(mail->step, w.held, g_strdup_printf("'%s' is held", l->policy->entries[w.rung].name));
}

DlvAnswer dlv_ladder_judge(const DlvLadder *l, DlvMail *mail) {
  gint64 quiet = dlv_ladder_quiet_until(l->policy, mail->priority, l->now);

  /* The policy may have become shorter since. */
  mail->floor = MIN(mail->floor, l->policy->n_entries);
  mail->step = CLAMP(mail->step, mail->floor, l->policy->n_entries);
  if (quiet)
    return hold(mail->step, (guint64)(quiet - l->now->real), quiet_text(l, mail->priority, quiet));
  Walk w = walk(l, mail, mail->step);
  if (w.rung >= 0)
    mail->step = MAX(mail->step, w.left);
  else if (mail->step > mail->floor || w.left) {
    mail->step = mail->floor;
    mail->held_since = 0;
    w = walk(l, mail, mail->floor);
  }
  return answer_of(l, mail, w);
}
