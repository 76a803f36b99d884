/* alerts.h: alerts as they stand, their transitions, and who is told of them.
 *
 * An alert is a set of labels for which a rule holds (rules.h); alert-state.h says purely what
 * becomes of it. Here each transition is written to the store together with the alert it leaves
 * behind, in one transaction, and only after that commit listeners are told, in the order of `seq`.
 * Whoever keeps a cursor of the last `seq` it has dealt with loses none, whatever is killed:
 * on start it asks for those after its cursor (mon_alerts_read()), later ones come by
 * listening. Loop's thread only. */
#pragma once

#include "monitoring/labels.h"

typedef struct MonDaemon MonDaemon;
typedef struct MonAlerts MonAlerts;

typedef enum {
  MON_ALERT_INACTIVE, /* not kept: it was resolved, or was pending and is not */
  MON_ALERT_PENDING,  /* the expression holds, `for` has not passed */
  MON_ALERT_FIRING,
  MON_ALERT_KEEPING, /* fires on: the expression does not hold, keep_firing_for or resolve_expr
                        keeps it */
} MonAlertState;

typedef enum {
  MON_TRANSITION_PENDING,
  MON_TRANSITION_CLEARED, /* was pending, never fired */
  MON_TRANSITION_FIRING,
  MON_TRANSITION_RESOLVED,
  MON_TRANSITION_FLAPPING,     /* fires, and is held firing while it flaps */
  MON_TRANSITION_SETTLED,      /* flaps no more; fires on until a resolved follows */
  MON_TRANSITION_ACKNOWLEDGED, /* somebody looks after it: no repeats */
  MON_TRANSITION_UNACKNOWLEDGED,
  MON_TRANSITION_CAUSED,   /* a dependent: `cause` fires, and is told instead */
  MON_TRANSITION_UNCAUSED, /* still fires, and its cause does not: to be told on its own */
  MON_TRANSITION_UNKNOWN,  /* there is no data to judge it by, and its rule says unknown */
  MON_TRANSITION_KNOWN,    /* there is again; what it says follows */
} MonTransitionKind;

/* One arrow in the life of an alert; immutable. Times: CLOCK_REALTIME us. */
typedef struct {
  gint64 seq; /* of the store, growing; 0: not stored yet */
  MonTransitionKind kind;
  MonAlertState state;  /* after it */
  char fingerprint[17]; /* of the alert's labels, 16 hexadecimal digits; the same in each life */
  gint64 time;          /* of the transition */
  gint64 active_at;     /* since when the expression holds */
  gint64 fired_at;      /* 0: it has not fired. (fingerprint, fired_at) is one episode: the
                           resolved of an episode goes to whoever was told of its firing */
  gint64 resolved_at;   /* 0: it fires */
  gint64 unknown_at;    /* since when nobody knows; `state` is what it was then. 0: it is known */
  double value;         /* of the expression when it held last */
  char *rule, *group;
  char *severity;               /* critical, warning, info or the rule's own; "" */
  const MonLabels *labels;      /* with alertname and severity */
  const MonLabels *annotations; /* texts, templates expanded; what_to_do is "runbook" of old */
  char *cause;                  /* fingerprint of the alert that this one follows from; NULL */
  char *release;                /* of the unit's deployment, where one is known; NULL */
  char *traceparent;   /* of what it follows from: a deployment's, or of the call that asked
                          for a drill; NULL */
  char *who, *comment; /* of an acknowledgement: "uid:1000"; NULL */
  char *reason;        /* of a resolved: "" the expression, or "rule removed", "limit", "no data" */
  gboolean acknowledged, flapping;
  gboolean is_drill; /* a drill: told end to end and marked as such everywhere */
} MonTransition;

void mon_transition_free(MonTransition *transition);
MonTransition *mon_transition_copy(const MonTransition *transition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonTransition, mon_transition_free)
/* Of more than `max`, the oldest first, those go that have a later one of their alert, until a
 * tenth less is left. Returns how many went. The array owns its transitions. */
guint mon_transitions_thin(GPtrArray *transitions, guint max);
/* As it is stored and sent: one JSON object in one line. (transfer full) */
char *mon_transition_text(const MonTransition *transition);
MonTransition *mon_transition_from_text(const char *text, GError **error);
const char *mon_transition_kind_name(MonTransitionKind kind); /* "firing" */
const char *mon_alert_state_name(MonAlertState state);
/* What it is called where people look: "unknown" and "flapping", too. */
const char *mon_alert_shown_state(const MonTransition *alert);
/* It fires, and somebody knows that. */
gboolean mon_alert_fires(const MonTransition *alert);

/* After the commit; in the order of seq. `transition` is borrowed. */
typedef void (*MonTransitionFunc)(const MonTransition *transition, gpointer user_data);

MonAlerts *mon_alerts_new(MonDaemon *daemon, GError **error);
/* After the store has begun: windows are filled from the history. */
void mon_alerts_begin(MonAlerts *alerts);
/* The store is about to end: nothing more is given to it. */
void mon_alerts_stop(MonAlerts *alerts);
void mon_alerts_free(MonAlerts *alerts);
/* A reload (daemon-reload.c): reads rules.d, and changes nothing. (transfer full); NULL: refused,
 * with every problem. Blocks: reads files. */
struct MonRules *mon_alerts_read_files(MonAlerts *alerts, GError **error);
/* They are in force from now on: alerts of rules that are gone are resolved with the reason.
 * (transfer full) */
void mon_alerts_use_files(MonAlerts *alerts, struct MonRules *rules);
/* The rules in force, as named things (items.h). */
struct MonItems;
void mon_alerts_items(MonAlerts *alerts, struct MonItems *into);
void mon_alerts_listen(MonAlerts *alerts, MonTransitionFunc func, gpointer user_data);

/* The transitions after `seq`, at most `max` of them, on the loop later: (element-type
 * MonTransition), borrowed; NULL with the error. What is committed after the read was queued comes
 * by listening, too: skip what is not above the cursor. */
typedef void (*MonTransitionsFunc)(GPtrArray *transitions, const GError *error, gpointer user_data);
void mon_alerts_read(MonAlerts *alerts, gint64 seq, guint max, MonTransitionsFunc func,
                     gpointer user_data);

/* What recording rules made when they were evaluated last: their name, labels and values. */
typedef void (*MonRecordedFunc)(const char *name, const MonLabels *labels, double value,
                                gpointer user_data);
void mon_alerts_each_recorded(MonAlerts *alerts, MonRecordedFunc func, gpointer user_data);
/* Each alert that is pending or firing, as its last transition said it, from memory. */
void mon_alerts_each(MonAlerts *alerts, MonTransitionFunc func, gpointer user_data);
/* NULL: it is neither. Borrowed until the loop turns. */
const MonTransition *mon_alerts_find(MonAlerts *alerts, const char *fingerprint);
