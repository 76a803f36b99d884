/* alert-state.h: what becomes of one alert, as a pure function of time and of what was seen.
 *
 *     inactive --holds--> pending --`for` has passed--> firing --holds no more--> keeping -->
 * inactive |                            ^                          |
 *                            +--holds no more: cleared    +--holds again-------------+
 *
 * Times are lasting time (common/clock.h): they go on over restarts and reboots. Who stores,
 * tells and asks again at the deadline is alerts.c. */
#pragma once

#include "monitoring/alerts.h"
#include "monitoring/rules.h"

#define MON_FLIPS_MAX 16

typedef struct {
  MonTransition *is;               /* as it stands: what everybody else sees; state in is->state */
  gint64 active_since, kept_since; /* lasting time, us */
  guint64 looks;                   /* a bit an evaluation, the newest is 1: x of y */
  gint64 flips[MON_FLIPS_MAX];     /* lasting times of firing and going out, the newest last */
  guint n_flips;
  gint64 unknown_since;  /* lasting time; counts while is->unknown_at */
  gint64 restored_until; /* lasting time: until then absence is no news, see alerts-load.c */
} MonAlert;

/* One look at an alert. */
typedef struct {
  gint64 now, real;  /* lasting time, CLOCK_REALTIME; us */
  gboolean holds;    /* the expression has this alert's labels in its result */
  gboolean resolves; /* so has resolve_expr, or there is none */
  gboolean is_tick;  /* a look of the rule's interval: x of y counts these, others mend the last */
  gboolean is_blind; /* there is no data to judge by, and the rule says keep or unknown */
  gboolean is_unknown; /* so it does, and it says unknown */
  double value;        /* if it holds */
} MonLook;

#define MON_STEPS_MAX 4

typedef struct {
  MonTransitionKind kinds[MON_STEPS_MAX];
  guint n;
  gboolean changed; /* to be stored, also without a transition */
} MonSteps;

/* After it, alert->is has the state; of each kind the fields are set as they are at the end. */
void mon_alert_step(MonAlert *alert, const MonRule *rule, const MonLook *look, MonSteps *ret);
/* Nothing at all is there to judge the rule by: an alert that is inactive is one that is unknown
 * and was pending. */
void mon_alert_begin_unknown(MonAlert *alert, const MonLook *look, MonSteps *ret);
/* It ends whatever is seen: CLEARED or RESOLVED with `reason`. */
void mon_alert_end(MonAlert *alert, gint64 now, gint64 real, const char *reason, MonSteps *ret);
/* When time alone changes something; lasting time. G_MAXINT64: never. */
gint64 mon_alert_deadline(const MonAlert *alert, const MonRule *rule);
/* Nothing is known of it that a new one would not know. */
gboolean mon_alert_is_over(const MonAlert *alert, const MonRule *rule, gint64 now);
/* The service was away for `usec`: that time proves nothing, neither that the expression held nor
 * that it did not. */
void mon_alert_away(MonAlert *alert, gint64 usec);

/* alert-record.c: as its row of the store has it, without active_since and kept_since, which have
 * columns. NULL: STORE_DAMAGED. (transfer full) */
char *mon_alert_record(const MonAlert *alert);
MonAlert *mon_alert_from_record(const char *record, GError **error);

MonAlert *mon_alert_new(const MonLabels *labels);
void mon_alert_free(MonAlert *alert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonAlert, mon_alert_free)
