/* probes.h: probes at work: when each is looked at, by whom, and what it is after each result.
 *
 * A probe never overlaps itself; at most `MaxParallel=` looks are under way, the others wait in
 * their order. Waiting times are CLOCK_BOOTTIME. Results become series on the board and, where the
 * state changed, an event; nobody else is asked anything. Loop's thread. */
#pragma once

#include "monitoring/probe-state.h"
#include "monitoring/prober.h"

typedef struct MonProbes MonProbes;
typedef struct MonProbe MonProbe;

/* Why it is not looked at. */
enum {
  MON_HOLD_GONE = 1 << 0,    /* what it belongs to is not there */
  MON_HOLD_STARTUP = 1 << 1, /* a probe of start-up has not been good yet */
  MON_HOLD_DONE = 1 << 2,    /* of start-up, and it was good */
};

/* After each result; `changed`: of state, too. Not from inside of what is called here. */
typedef void (*MonProbeFunc)(MonProbe *probe, gboolean changed, gpointer owner);

/* Read only for others. */
struct MonProbe {
  MonProbes *probes;
  MonProbeSpec *spec;
  char *service;
  MonProbeFunc func;
  gpointer owner;
  MonProbeState state;
  guint holds;
  gboolean maintenance;
  gint64 changed; /* CLOCK_REALTIME us since when the state is so; 0: never looked at */
  /* the last result */
  gboolean has_result;
  MonVerdict verdict;
  char *text;
  gint64 time;        /* CLOCK_REALTIME us of its end */
  guint64 duration;   /* us */
  JsonObject *values; /* NULL */
  /* what has to be remembered over a restart; mon_probe_restore() */
  char *cursor;  /* of the journal; NULL */
  gint64 pushed; /* lasting time of the last push; 0: none yet */
  /* ours */
  gint64 due, began; /* CLOCK_BOOTTIME us */
  GSequenceIter *place;
  gboolean is_queued;
  guint64 look;
  sd_bus_slot *call;
  GPtrArray *waiters;
  struct MonProbeSeries *series;
};

MonProbes *mon_probes_new(MonDaemon *daemon);
void mon_probes_free(MonProbes *probes); /* after its probes */
/* MaxParallel= has changed. */
void mon_probes_reload(MonProbes *probes);

/* It begins by itself, unless it is held. */
MonProbe *mon_probe_new(MonProbes *probes, const char *service, MonProbeSpec *spec, guint holds,
                        MonProbeFunc func, gpointer owner);
void mon_probe_free(MonProbe *probe);
/* Before its first look: what a life before this one has left. */
void mon_probe_restore(MonProbe *probe, const char *cursor, gint64 pushed);
void mon_probe_hold(MonProbe *probe, guint hold, gboolean set);
void mon_probe_set_maintenance(MonProbe *probe, gboolean set);
/* What it belongs to was started anew: nothing is known of it. */
void mon_probe_reset(MonProbe *probe);
/* "pending", "up", "down", "flapping", "maintenance" */
const char *mon_probe_state_text(const MonProbe *probe);

/* Looks now, out of turn; WG_ERROR_INVALID_STATE for one that nobody can look at. `done` comes
 * after the result, with an error when the probe goes away. */
typedef void (*MonProbeDone)(MonProbe *probe, const GError *error, gpointer user_data);
gboolean mon_probe_run(MonProbe *probe, MonProbeDone done, gpointer user_data, GError **error);
/* A result that was not looked for: a push, or a unit's state. */
void mon_probe_tell(MonProbe *probe, MonVerdict verdict, const char *text);
