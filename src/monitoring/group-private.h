/* group-private.h: what the files of the group model share. */
#pragma once

#include "monitoring/group.h"

typedef struct {
  char *key; /* of the route, ':' and the labels */
  const MonRoute *route;
  MonLabels *labels;
  GHashTable *members; /* fingerprint -> MonTransition, owned */
  gint64 due;
  gint64 escalates_at; /* not before; G_MAXINT64: nothing does as it is now */
  gint64 undecided;    /* the oldest seq that came after the last flush; 0: none */
} MonGroup;

struct MonGroups {
  MonAlerting *alerting;
  const MonGroupFuncs *funcs;
  gpointer user_data;
  GHashTable *groups; /* key -> MonGroup */
  GHashTable *sent;   /* integration, newline, group key -> MonSent */
  GHashTable *firing; /* fingerprint -> MonTransition, owned: sources of inhibition */
  gint64 last_seq;
};

/* group-sent.c */
MonSent *mon_sent_get(MonGroups *groups, const char *integration, const char *group, gboolean make);
void mon_sent_free(MonSent *sent);
/* Tells of a change, and drops what says nothing any more. */
void mon_sent_changed(MonGroups *groups, MonSent *sent);
gboolean mon_sent_has(const MonSent *sent, const MonTransition *alert);
/* The resolved notice of an alert to whoever was told and is in no living group of it. */
void mon_sent_orphans(MonGroups *groups, const MonTransition *alert, gint64 now);
/* group-escalate.c: a member as it is now may be the next to escalate. */
void mon_group_note_escalation(MonGroups *groups, MonGroup *group, const MonTransition *alert,
                               gint64 now, gint64 realtime);
/* When one does, after now. */
void mon_group_plan_escalation(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime);
/* Nobody has acknowledged it for so long that those of the escalation are told of it, too. */
gboolean mon_group_escalates(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                             const MonEscalation *escalation, gint64 now, gint64 realtime);
/* group-flush.c */
void mon_group_flush(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime);
/* Between two flushes: only those that escalations name. */
void mon_group_escalate(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime);
