/* notify.h: the room that tells people and programs of alerts.
 *
 *     alerts --transitions--> groups --what to tell--> [store] --> outbox --> receivers
 *
 * A transition is in the store before it comes here (alerts.h). What follows from it, the
 * notifications, the log of what was told and the cursor, is written in one transaction, and only
 * after that commit anything is sent. On a start the log is read, what fires is given back, the
 * transitions after the cursor come again, and what was not told yet is sent. So a kill anywhere
 * loses nothing; what was sent without our hearing of it is sent again with the same dedup key. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/notice.h"
#include "monitoring/silence.h"

typedef struct MonNotifier MonNotifier;
struct MonReadings; /* reading.h */

/* Reads alerting.yaml and the store, before wg_records_begin(). */
MonNotifier *mon_notifier_new(MonDaemon *daemon, GError **error);
/* It sends from now on. After the store has begun. */
void mon_notifier_begin(MonNotifier *notifier);
/* Right after: what fires, what came after the cursor, and then whatever comes. */
void mon_notifier_follow(MonNotifier *notifier, MonAlerts *alerts);
/* Before the store ends: nothing is sent from now on. What is under way is forgotten and comes
 * again at the next start. */
void mon_notifier_stop(MonNotifier *notifier);
void mon_notifier_free(MonNotifier *notifier);
/* A reload (daemon-reload.c): reads alerting.yaml, and changes nothing. (transfer full); NULL:
 * refused, with every problem. Blocks: reads files. */
MonAlerting *mon_notifier_read_files(MonNotifier *notifier, GError **error);
/* It is in force from now on; (transfer full). */
void mon_notifier_use_files(MonNotifier *notifier, MonAlerting *alerting);
gboolean mon_notifier_busy(const MonNotifier *notifier);
/* The message bus; NULL: it is lost. */
void mon_notifier_bus(MonNotifier *notifier, sd_bus *bus);
/* A transition that is stored; what mon_notifier_follow() listens with. */
void mon_notifier_take(MonNotifier *notifier, const MonTransition *transition);

/* ---- for D-Bus ---- */
MonGroups *mon_notifier_groups(MonNotifier *notifier);
MonAlerting *mon_notifier_alerting(MonNotifier *notifier);
MonSilences *mon_notifier_silences(MonNotifier *notifier);
/* Something waits for a receiver's way because of its rate limit. */
gboolean mon_notifier_limited(MonNotifier *notifier, const char *integration);
/* What a receiver's way failed with last (NULL: nothing), and how many wait for it. */
const char *mon_notifier_error(MonNotifier *notifier, const char *integration, guint *ret_waiting);
/* `func` once it is on the disk, or with why not. `silence` is taken. Loop, later. */
typedef void (*MonStoredFunc)(gint64 id, const GError *error, gpointer user_data);
gint64 mon_notifier_next_silence(MonNotifier *notifier);
void mon_notifier_silence(MonNotifier *notifier, MonSilence *silence, MonStoredFunc func,
                          gpointer user_data);
/* A drill to each way of a receiver, by the same road as an alert, in the trace `traceparent`
 * (NULL: none). FALSE: there is no such receiver, or it has no way; `func` is not called then. */
gboolean mon_notifier_test(MonNotifier *notifier, const char *receiver, const char *who,
                           const char *traceparent, MonStoredFunc func, gpointer user_data,
                           GError **error);
/* Why a firing alert is told nobody now; NULL: it is told. */
const char *mon_notifier_why_muted(MonNotifier *notifier, const MonTransition *alert);
/* Counts since the start, for metrics. */
typedef struct {
  guint64 told, failed_attempts, given_up;
} MonNotifyFigures;
void mon_notifier_figures(MonNotifier *notifier, MonReceiveKind kind, MonNotifyFigures *ret);
guint mon_notifier_n_waiting(MonNotifier *notifier);
/* What waits for each way, and silences by state. */
void mon_notifier_read(MonNotifier *notifier, struct MonReadings *readings);
