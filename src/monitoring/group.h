/* group.h: alerts by route and group, and when whom is told: Alertmanager's dispatcher and its
 * notification log as a pure model. Time and mutes come in, notices go out.
 *
 * What differs from Alertmanager: a resolved alert goes to each receiver that was told of its
 * firing, whatever has been silenced, inhibited or configured since, and to nobody else; an alert
 * that was over and fires anew is news, where Alertmanager, which knows it by its labels alone, may
 * take it for the same; one that everybody has acknowledged is not repeated; that an alert flaps is
 * told once.
 *
 * Where a route escalates, further receivers are told of what it told when nobody has acknowledged
 * it for so long, and then of its end as everybody (group-escalate.c).
 *
 * What is to be kept is little: the log of what was told (MonSent) and the cursor, the last `seq`
 * of which every route has decided. Whoever gives the log back, then the alerts that fire, then the
 * transitions after the cursor is where it was. Times are lasting time (clock.h) but for those
 * within a transition. */
#pragma once

#include "monitoring/alerting.h"
#include "monitoring/alerts.h"

typedef struct MonGroups MonGroups;

/* What one integration has been told of one group. Rows of the store. */
typedef struct {
  char *integration, *group; /* keys */
  GHashTable *firing;        /* fingerprint -> MonSentAlert */
  gint64 time;               /* of the last notice */
} MonSent;

typedef enum { MON_TOLD_FIRING, MON_TOLD_FLAPPING, MON_TOLD_UNKNOWN } MonToldAs;

typedef struct {
  gint64 fired_at; /* of the episode, as the transition has it */
  MonToldAs as;
  gint64 told_at; /* lasting time: first in this episode */
} MonSentAlert;

/* One thing to tell one integration. */
typedef struct {
  const MonIntegration *integration;
  const MonReceiver *receiver;
  const char *group; /* key */
  const MonLabels *labels;
  GPtrArray *alerts; /* of const MonTransition, firing ones first */
  guint n_firing;
  guint64 valid_for; /* us: at the latest then it is told again, if it still fires */
  guint escalation;  /* 0: none; else the how manyth of the route */
} MonToTell;

typedef struct {
  /* Why nobody is told of this firing alert now (a silence, a deployment), or NULL. Borrowed. */
  const char *(*muted)(const MonTransition *alert, gpointer user_data);
  void (*tell)(const MonToTell *notice, gpointer user_data);
  /* The row of the log is another one now; `gone`: drop it. */
  void (*sent)(const MonSent *sent, gboolean gone, gpointer user_data);
} MonGroupFuncs;

MonGroups *mon_groups_new(MonAlerting *alerting, const MonGroupFuncs *funcs, gpointer user_data);
void mon_groups_free(MonGroups *groups);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonGroups, mon_groups_free)

/* A row of the log, before anything else. */
void mon_groups_restore(MonGroups *groups, const char *integration, const char *group,
                        const char *fingerprint, const MonSentAlert *told, gint64 time);
/* Everything that fires is routed anew by another file. What was told stays known. */
void mon_groups_reload(MonGroups *groups, MonAlerting *alerting, gint64 now, gint64 realtime);
/* An alert that fires already (at a start); older than what is known of it: ignored. */
void mon_groups_seed(MonGroups *groups, const MonTransition *alert, gint64 now, gint64 realtime);
/* A transition; copied. Tells nobody before mon_groups_run(), but for a resolved whose group is no
 * more. */
void mon_groups_take(MonGroups *groups, const MonTransition *transition, gint64 now,
                     gint64 realtime);
/* Everything that is due. */
void mon_groups_run(MonGroups *groups, gint64 now, gint64 realtime);
gint64 mon_groups_due(MonGroups *groups); /* G_MAXINT64: nothing */
/* All transitions up to it are dealt with. 0: none so far. */
gint64 mon_groups_cursor(MonGroups *groups);
guint mon_groups_n(MonGroups *groups);

typedef struct {
  const char *key;
  const MonRoute *route;
  guint n_firing, n_resolved;
  gint64 due;
} MonGroupInfo;
typedef void (*MonGroupInfoFunc)(const MonGroupInfo *info, gpointer user_data);
void mon_groups_each(MonGroups *groups, MonGroupInfoFunc func, gpointer user_data);
/* The firing alert by fingerprint, or NULL; and why it is told nobody now: a cause, an inhibition,
 * a silence; NULL: it is told. Borrowed. */
const char *mon_groups_why_muted(MonGroups *groups, const MonTransition *alert);
/* Firing alerts of which this one is the cause. (transfer container) */
GPtrArray *mon_groups_dependants(MonGroups *groups, const char *fingerprint);
