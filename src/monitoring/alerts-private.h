/* alerts-private.h: the engine of alerts, between alerts*.c. Loop's thread only.
 *
 * A turn (alerts-turn.c) evaluates the rules that are due: by their interval, since a series that
 * they mention changed, or since time alone changes an alert. What changed is gathered and goes to
 * the store as one job (alerts-write.c); after its commit it is told. */
#pragma once

#include "monitoring/alert-state.h"
#include "monitoring/daemon.h"
#include "monitoring/samples.h"

#define MON_DRILL_RULE "drill/" /* rules of drills, which no file has */

/* A rule at work. */
typedef struct {
  const MonRule *rule;
  gint64 tick;           /* lasting time of its next regular evaluation */
  gint64 due;            /* lasting time when time alone changes one of its alerts */
  gboolean is_dirty;     /* a series that it mentions changed */
  GHashTable *by_result; /* labels of a result -> MonEntry */
  GHashTable *made;      /* of a recording rule: labels -> &double, of its last evaluation */
  guint n_alerts;        /* of them that are not over */
  char *error;           /* of its last evaluation; NULL: it went well */
  gint64 evaluated;      /* CLOCK_REALTIME us; 0: not yet */
  gint64 took;           /* us */
  gboolean no_data;      /* its last evaluation found nothing to judge by */
} MonLive;

/* An alert that is kept: not over. */
typedef struct {
  MonAlert *alert;
  MonLive *live;     /* NULL: its rule is gone, or it is a drill */
  MonLabels *result; /* the key in live->by_result; NULL: not met yet after a start */
  gboolean is_seen;  /* in the evaluation that goes on */
  guint pending;     /* transitions that are gathered in this turn */
  gboolean has_row;  /* in the store, or it will have one with what is queued */
  gint64 ends;       /* of a drill: lasting time when it is over; 0: no drill */
} MonEntry;

typedef struct {
  void (*func)(const GError *error, gpointer user_data);
  gpointer user_data;
} MonWaiter;

/* What a turn leaves to be written. */
typedef struct {
  GPtrArray *transitions; /* MonTransition, with seq */
  GPtrArray *texts;       /* of each its record, once it is written */
  GPtrArray *rows;        /* MonRow: alerts as they are now, or gone */
  gint64 seen;            /* lasting time */
  GArray *waiters;        /* MonWaiter */
  gint64 pruned_before;   /* CLOCK_REALTIME us: older transitions are forgotten, some at a time */
} MonBatch;

typedef struct {
  char fingerprint[17];
  char *rule, *record; /* NULL: the row goes */
  gint64 active_since, kept_since;
} MonRow;

typedef struct {
  MonTransitionFunc func;
  gpointer user_data;
} MonListener;

struct MonAlerts {
  MonDaemon *daemon;
  MonRules *rules;
  GPtrArray *live;       /* MonLive, one a rule */
  GHashTable *by_metric; /* interned name -> GPtrArray of MonLive, borrowed */
  GArray *watches;       /* guint, of the board */
  GHashTable *entries;   /* fingerprint -> MonEntry */
  GPtrArray *gone;       /* fingerprints of forgotten ones whose rows go with the next batch */
  MonSamples *windows;   /* what expressions look back through */
  GHashTable *spans;     /* interned name -> how far back, &gint64 */
  MonSamples *recorded;  /* what recording rules made */
  gint64 sampled;        /* lasting time of the last look for the windows */
  gint64 clock;          /* by how much CLOCK_REALTIME was set, as windows stand (board.h) */
  guint units;           /* listens to the inventory */
  guint needs_revision;  /* of what units need, as causes were judged by */
  GSource *timer;
  guint idle;
  gint64 free_at;      /* lasting time before which no dirty rule is evaluated: what evaluations
                          take stays a part of the time */
  GArray *listeners;   /* MonListener */
  GPtrArray *gathered; /* MonGathered: of this turn */
  GQueue batches;      /* MonBatch that are not on the disk, oldest first: the one that failed, and
                          the one that waits */
  MonBatch *writing;   /* of `batches`, with the store; NULL: none */
  guint retry;
  gint64 seq;           /* the last that was given out */
  gint64 seen;          /* lasting time that was written last */
  GPtrArray *backtests; /* under way */
  WgHistogram took;     /* of evaluations, us */
  gint64 since;         /* CLOCK_REALTIME us of the start: what counters count from */
  gboolean is_closing;  /* the store ends: nothing more is submitted */
};

typedef struct {
  MonEntry *entry;
  MonTransition *transition; /* NULL: only its row */
} MonGathered;

/* alerts-turn.c */
void mon_alerts_soon(MonAlerts *alerts); /* a turn, as soon as the loop gets to it */
void mon_alerts_turn(MonAlerts *alerts);
gint64 mon_alerts_now(const MonAlerts *alerts); /* lasting time */

/* alerts-judge.c: one rule against its data, now. */
void mon_alerts_judge(MonAlerts *alerts, MonLive *live, gboolean is_tick);
/* What `steps` says of the entry is gathered, and an entry that is over is gone afterwards. */
void mon_alerts_take(MonAlerts *alerts, MonEntry *entry, const MonSteps *steps);
MonEntry *mon_alerts_entry(MonAlerts *alerts, MonLive *live, MonAlert *alert); /* takes `alert` */
void mon_alerts_forget(MonAlerts *alerts, MonEntry *entry);

/* alerts-rules.c: a new set of rules takes the place of the old one; (transfer full). */
void mon_alerts_use(MonAlerts *alerts, MonRules *rules);
void mon_alerts_unwatch(MonAlerts *alerts);
gboolean mon_alerts_records(const MonAlerts *alerts, const char *name); /* a rule does */
MonLive *mon_alerts_live(MonAlerts *alerts, const char *key);           /* NULL: no such rule */

/* alerts-source.c: the board, the windows and recorded series as a source; self is MonAlerts. */
extern const MonExprSource mon_alerts_source;
void mon_alerts_sample(MonAlerts *alerts);

/* alerts-write.c */
void mon_alerts_flush(MonAlerts *alerts); /* what was gathered */
void mon_alerts_written_out(MonAlerts *alerts);
/* `func` once all that was gathered before is on the disk, or with why it is not. */
typedef void (*MonWrittenFunc)(const GError *error, gpointer user_data);
void mon_alerts_when_stored(MonAlerts *alerts, MonWrittenFunc func, gpointer user_data);
void mon_batch_free(gpointer batch);
void mon_gathered_free(gpointer gathered);

/* alerts-load.c: before the store has its writer. */
gboolean mon_alerts_load(MonAlerts *alerts, GError **error);

/* alerts-figures.c: the service's own figures on the board. */
void mon_alerts_count(MonAlerts *alerts, const MonTransition *transition);
void mon_alerts_count_failure(MonAlerts *alerts, const MonLive *live);
void mon_alerts_figures(MonAlerts *alerts);

/* bus-alerts-backtest.c */
GPtrArray *mon_backtests_new(void);

/* causes.c: which alert follows from which; gathers CAUSED and UNCAUSED. */
void mon_causes_judge(MonAlerts *alerts);
/* Units need others than when causes were judged last, and there are alerts to be judged. */
gboolean mon_causes_are_due(const MonAlerts *alerts);

/* alerts-log.c: what administrators read in the journal. */
void mon_alerts_log(const MonTransition *transition);
void mon_alerts_log_rule(const MonLive *live); /* its error is another one than before */
void mon_alerts_log_write(const char *why);    /* they cannot be stored, and so not be told */
