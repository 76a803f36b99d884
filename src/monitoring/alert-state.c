/* alert-state.c: what becomes of one alert, see alert-state.h. Pure. */
#include "monitoring/alert-state.h"

#include <string.h>

MonAlert *mon_alert_new(const MonLabels *labels) {
  MonAlert *alert = g_new0(MonAlert, 1);

  alert->is = g_new0(MonTransition, 1);
  alert->is->labels = mon_labels_ref(labels);
  g_snprintf(alert->is->fingerprint, sizeof alert->is->fingerprint, "%016" G_GINT64_MODIFIER "x",
             mon_labels_hash(labels));
  return alert;
}

void mon_alert_free(MonAlert *alert) {
  if (alert == NULL)
    return;
  mon_transition_free(alert->is);
  g_free(alert);
}

static void say(MonSteps *steps, MonTransitionKind kind) {
  g_return_if_fail(steps->n < MON_STEPS_MAX);
  steps->kinds[steps->n++] = kind;
  steps->changed = TRUE;
}

static void forget_old_flips(MonAlert *alert, const MonRule *rule, gint64 now) {
  guint old = 0;

  while (old < alert->n_flips && alert->flips[old] <= now - rule->flap_within)
    old++;
  if (old == 0)
    return;
  alert->n_flips -= old;
  memmove(alert->flips, alert->flips + old, alert->n_flips * sizeof *alert->flips);
}

/* It went on or out. TRUE: it does so too often. */
static gboolean flip(MonAlert *alert, const MonRule *rule, gint64 now) {
  if (rule->flap_changes == 0)
    return FALSE;
  forget_old_flips(alert, rule, now);
  if (alert->n_flips == MON_FLIPS_MAX)
    memmove(alert->flips, alert->flips + 1, --alert->n_flips * sizeof *alert->flips);
  alert->flips[alert->n_flips++] = now;
  return alert->n_flips >= rule->flap_changes;
}

static void fire(MonAlert *alert, const MonRule *rule, const MonLook *look, MonSteps *steps) {
  MonTransition *is = alert->is;

  is->state = MON_ALERT_FIRING;
  is->fired_at = look->real;
  is->resolved_at = 0;
  say(steps, MON_TRANSITION_FIRING);
  if (flip(alert, rule, look->now)) {
    is->flapping = TRUE;
    say(steps, MON_TRANSITION_FLAPPING);
  }
}

static void resolve(MonAlert *alert, gint64 real, const char *reason, MonSteps *steps) {
  MonTransition *is = alert->is;

  is->state = MON_ALERT_INACTIVE;
  is->resolved_at = real;
  is->flapping = FALSE;
  is->unknown_at = 0;
  g_free(is->reason);
  is->reason = g_strdup(reason);
  say(steps, MON_TRANSITION_RESOLVED);
}

static void begin(MonAlert *alert, const MonLook *look) {
  MonTransition *is = alert->is;

  alert->active_since = look->now;
  is->active_at = look->real;
  is->fired_at = is->resolved_at = is->unknown_at = 0;
  is->acknowledged = FALSE;
  g_clear_pointer(&is->who, g_free);
  g_clear_pointer(&is->comment, g_free);
  g_clear_pointer(&is->reason, g_free);
}

static void step_inactive(MonAlert *alert, const MonRule *rule, const MonLook *look,
                          MonSteps *steps) {
  begin(alert, look);
  if (rule->hold <= 0) {
    fire(alert, rule, look, steps);
    return;
  }
  alert->is->state = MON_ALERT_PENDING;
  say(steps, MON_TRANSITION_PENDING);
}

static void lose_sight(MonAlert *alert, const MonLook *look, MonSteps *steps) {
  if (alert->is->unknown_at != 0 || alert->is->state == MON_ALERT_INACTIVE)
    return;
  alert->is->unknown_at = look->real;
  alert->unknown_since = look->now;
  say(steps, MON_TRANSITION_UNKNOWN);
}

/* The time without data proves nothing, as that without the service. */
static void regain_sight(MonAlert *alert, const MonLook *look, MonSteps *steps) {
  gint64 blind = MAX(look->now - alert->unknown_since, 0);

  alert->is->unknown_at = 0;
  alert->active_since += blind;
  alert->kept_since += blind;
  say(steps, MON_TRANSITION_KNOWN);
}

void mon_alert_begin_unknown(MonAlert *alert, const MonLook *look, MonSteps *ret) {
  *ret = (MonSteps){0};
  begin(alert, look);
  alert->is->state = MON_ALERT_PENDING;
  lose_sight(alert, look, ret);
}

static void step_pending(MonAlert *alert, const MonRule *rule, const MonLook *look, gboolean holds,
                         MonSteps *steps) {
  if (!holds) {
    alert->is->state = MON_ALERT_INACTIVE;
    say(steps, MON_TRANSITION_CLEARED);
  } else if (look->now - alert->active_since >= rule->hold)
    fire(alert, rule, look, steps);
}

/* It fires and the expression does not hold: who keeps it? */
static void step_out(MonAlert *alert, const MonRule *rule, const MonLook *look, MonSteps *steps) {
  MonTransition *is = alert->is;

  if (is->state == MON_ALERT_FIRING) {
    is->state = MON_ALERT_KEEPING;
    alert->kept_since = look->now;
    steps->changed = TRUE;
    if (is->flapping)
      flip(alert, rule, look->now);
  }
  if (is->flapping || !look->resolves || look->now - alert->kept_since < rule->keep)
    return;
  if (flip(alert, rule, look->now)) {
    is->flapping = TRUE;
    say(steps, MON_TRANSITION_FLAPPING);
    return;
  }
  resolve(alert, look->real, "", steps);
}

static void step_firing(MonAlert *alert, const MonRule *rule, const MonLook *look, gboolean holds,
                        MonSteps *steps) {
  MonTransition *is = alert->is;

  if (is->flapping) {
    forget_old_flips(alert, rule, look->now);
    if (alert->n_flips <= rule->flap_changes / 2) {
      is->flapping = FALSE;
      alert->n_flips = 0;
      say(steps, MON_TRANSITION_SETTLED);
    }
  }
  if (!holds) {
    step_out(alert, rule, look, steps);
    return;
  }
  if (is->state == MON_ALERT_KEEPING) {
    is->state = MON_ALERT_FIRING;
    steps->changed = TRUE;
    if (is->flapping)
      flip(alert, rule, look->now);
  }
}

static gboolean holds_x_of_y(MonAlert *alert, const MonRule *rule, const MonLook *look) {
  if (rule->y <= 1)
    return look->holds;
  if (look->is_tick)
    alert->looks <<= 1;
  alert->looks |= look->holds != FALSE;
  if (rule->y < 64)
    alert->looks &= (G_GUINT64_CONSTANT(1) << rule->y) - 1;
  return (guint)__builtin_popcountll(alert->looks) >= rule->x;
}

void mon_alert_step(MonAlert *alert, const MonRule *rule, const MonLook *look, MonSteps *ret) {
  MonTransition *is = alert->is;

  *ret = (MonSteps){0};
  if (look->is_blind && look->is_unknown)
    lose_sight(alert, look, ret);
  if (look->is_blind || (!look->holds && look->now < alert->restored_until))
    return;
  if (is->unknown_at != 0)
    regain_sight(alert, look, ret);
  if (look->holds) {
    is->value = look->value;
    alert->restored_until = 0;
  }
  gboolean holds = holds_x_of_y(alert, rule, look);
  switch (is->state) {
  case MON_ALERT_INACTIVE:
    if (holds)
      step_inactive(alert, rule, look, ret);
    break;
  case MON_ALERT_PENDING:
    step_pending(alert, rule, look, holds, ret);
    break;
  case MON_ALERT_FIRING:
  case MON_ALERT_KEEPING:
    step_firing(alert, rule, look, holds, ret);
    break;
  }
}

void mon_alert_end(MonAlert *alert, gint64 now, gint64 real, const char *reason, MonSteps *ret) {
  *ret = (MonSteps){0};
  if (alert->is->state == MON_ALERT_PENDING) {
    alert->is->state = MON_ALERT_INACTIVE;
    alert->is->unknown_at = 0;
    say(ret, MON_TRANSITION_CLEARED);
  } else if (alert->is->state != MON_ALERT_INACTIVE)
    resolve(alert, real, reason, ret);
  alert->looks = 0;
  alert->n_flips = 0;
}

gint64 mon_alert_deadline(const MonAlert *alert, const MonRule *rule) {
  gint64 deadline = G_MAXINT64;

  if (alert->is->state == MON_ALERT_PENDING)
    deadline = alert->active_since + rule->hold;
  else if (alert->is->state == MON_ALERT_KEEPING && !alert->is->flapping)
    deadline = alert->kept_since + rule->keep;
  else if (alert->is->flapping && alert->n_flips > rule->flap_changes / 2)
    deadline = alert->flips[alert->n_flips - rule->flap_changes / 2 - 1] + rule->flap_within;
  return MAX(deadline, alert->restored_until);
}

gboolean mon_alert_is_over(const MonAlert *alert, const MonRule *rule, gint64 now) {
  return alert->is->state == MON_ALERT_INACTIVE && alert->looks == 0 &&
         (alert->n_flips == 0 || alert->flips[alert->n_flips - 1] <= now - rule->flap_within);
}

void mon_alert_away(MonAlert *alert, gint64 usec) {
  alert->active_since += usec;
  alert->kept_since += usec;
  for (guint i = 0; i < alert->n_flips; i++)
    alert->flips[i] += usec;
}
