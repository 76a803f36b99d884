/* why.h: what ails a unit, on one screen; and the whole machine at a glance.
 *
 * Everything is what the rooms know already; only the journal is read, on a worker thread, and only
 * for those who may read it. What is not known is not in the answer. JSON, since people, agents and
 * the full-screen view read the same. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/samples.h"

#include <json-glib/json-glib.h>

#define MON_WHY_WINDOW (10 * 60 * (gint64)G_USEC_PER_SEC)

/* The metrics that why looks back at; ends with NULL. */
extern const char *const mon_why_names[];

/* Adds "findings": sentences with a severity, the worst first, from what is in `object` already and
 * the last ten minutes. Pure. */
typedef struct {
  double cpu_throttled, cpu_waiting, memory_waiting, io_waiting; /* shares of the time; NAN */
  double memory, memory_max, memory_high, tasks, tasks_max;      /* NAN */
  double oom_kills, restarts;                                    /* in the window; NAN */
  const char *active, *state_text;                               /* NULL */
  const char *window;                                            /* of a deployment; NULL */
  guint alerts, errors;                                          /* firing; lines of the journal */
} MonSymptoms;
JsonArray *mon_why_findings(const MonSymptoms *symptoms);
/* What `past` says of the unit, over the window that ends at `to`. */
void mon_why_look(MonSamples *past, gint64 to, MonSymptoms *symptoms);

/* why-journal.c. All block: for a worker's thread. */
/* The user database has the user in one of these groups; of the connection only the uid is known.
 */
gboolean mon_why_is_member(uid_t uid, const char *const *groups);
/* NULL: this uid may read the journal; otherwise why not and what to do. (transfer full) */
char *mon_why_forbidden(uid_t uid);
/* Errors of the unit in the last hour, newest first, at most `max`; (transfer full). NULL: it
 * cannot be read, *ret_why (transfer full) says why and what to do. */
JsonArray *mon_why_journal(gboolean user_scope, const char *unit, guint max, char **ret_why);

/* top.c: (transfer full) */
JsonObject *mon_top(MonDaemon *daemon);
/* Alerts that are pending or firing; of one unit, or of all (NULL). `ret_firing` may be NULL. */
JsonArray *mon_top_alerts(MonDaemon *daemon, const char *unit, guint *ret_firing);
void mon_json_number(JsonObject *object, const char *name, double value); /* NAN: left out */
/* A text; NULL and "" are left out. */
void mon_why_text(JsonObject *object, const char *name, const char *value);
