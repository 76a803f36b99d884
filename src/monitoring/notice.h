/* notice.h: one notification: some alerts of a group, told to one integration.
 *
 * It is stored as one JSON record before anything is sent, and what is sent is made of it alone, so
 * that what goes out after a restart is what would have gone out before. Its dedup key is the same
 * in each attempt and differs from every other's. */
#pragma once

#include "monitoring/group.h"

#include <json-glib/json-glib.h>

typedef struct {
  gint64 id; /* of the store */
  char *integration, *receiver;
  MonReceiveKind kind;
  char *group;            /* key */
  MonLabels *labels;      /* of the group */
  GPtrArray *alerts;      /* of MonTransition, firing ones first */
  guint n_firing;         /* 0: it says that all are resolved */
  GHashTable *dependants; /* fingerprint -> GPtrArray of texts: what follows from a firing alert */
  guint escalation;       /* 0: none; else which of its route */
  guint suppressed; /* 0: none; else it is the only one of so many, which were held back by a bound
                       on how often this integration is told */
  char **groups;    /* of those, where they are several; NULL: `group` alone */
  char *dedup;
  gint64 created; /* lasting time, us */
  gint64 time;    /* CLOCK_REALTIME, us */
  guint64 valid_for;
} MonNotice;

/* Copies. `groups` (NULL: none) knows what depends on what. */
MonNotice *mon_notice_new(gint64 id, const MonToTell *to_tell, MonGroups *groups, gint64 now,
                          gint64 realtime);
void mon_notice_free(MonNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonNotice, mon_notice_free)
/* The record: one line of JSON. (transfer full) */
char *mon_notice_text(const MonNotice *notice);
MonNotice *mon_notice_from_text(gint64 id, const char *text, GError **error);
/* `older`, of the same group, is not sent: what it said to be over is said by `into`. */
void mon_notice_merge(MonNotice *into, const MonNotice *older);
/* notice-merge.c: `older`, of whatever group, is not sent: `into`, a summary from now on, says what
 * it said. Of an alert that both know the later word counts. */
void mon_notice_absorb(MonNotice *into, const MonNotice *older);
/* Of what it says and of when, so that a store that begins anew does not repeat one, and what was
 * merged into it does not pass for it. (transfer full) */
char *mon_notice_dedup(const MonNotice *notice);
/* All of it is. */
gboolean mon_notice_is_drill(const MonNotice *notice);
/* In whose trace it is told: that of its alerts, where they have one and the same. NULL: none.
 * Borrowed. */
const char *mon_notice_trace(const MonNotice *notice);

/* payload.c: what receivers get. All (transfer full). */
/* Alertmanager's webhook, version 4. `max_alerts` 0: all; what is left out is counted in
 * truncatedAlerts. */
char *mon_payload_webhook(const MonNotice *notice, guint max_alerts);
/* The body of POST /api/v2/alerts of an Alertmanager. */
char *mon_payload_alertmanager(const MonNotice *notice);
/* payload-text.c: "[FIRING:2] UnitFailed shop.service": one line. */
char *mon_payload_subject(const MonNotice *notice);
/* A few lines an alert: what, since when, what to do. */
char *mon_payload_text(const MonNotice *notice);
/* What matters in at most `max` bytes; what is left out is counted. */
char *mon_payload_brief(const MonNotice *notice, gsize max);
/* A summary in one line. */
char *mon_payload_suppressed(const MonNotice *notice);
/* One alert in one line. */
char *mon_payload_line(const MonTransition *alert);
/* What is to be said of one that is unknown; NULL: nothing, it is known. Static. */
const char *mon_payload_unknown(const MonTransition *alert);
