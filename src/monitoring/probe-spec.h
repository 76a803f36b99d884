/* probe-spec.h: what a probe is: a check that repeats, as it was written down. Immutable, counted;
 * the loop's thread only. */
#pragma once

#include "common/calendar.h"
#include "common/doc.h"

/* Who knows the answer. */
typedef enum {
  MON_PROBE_LOOK,  /* waggle-prober looks */
  MON_PROBE_UNIT,  /* systemd's signals tell */
  MON_PROBE_PUSH,  /* its service says so itself, in time (a dead man's handle) */
  MON_PROBE_QUEUE, /* waggle-messaged is asked how much mail waits for an agent */
} MonProbeHow;

typedef enum {
  MON_PROBE_READINESS, /* may it be used? */
  MON_PROBE_LIVENESS,  /* is it alive? */
  MON_PROBE_STARTUP,   /* the others wait until it was good once after each start of the unit */
} MonProbeKind;

typedef struct {
  char *name, *type, *subject;
  MonProbeHow how;
  MonProbeKind kind;
  char *check; /* LOOK: for the prober, one line of canonical JSON; else NULL */
  guint64 interval, retry_interval, timeout, delay; /* us; retry: after a bad look that changed
                                                       nothing yet; delay: before the first one */
  guint jitter;                                     /* percent that an interval may be shorter */
  guint failures, successes;                        /* in a row, to be down, to be up */
  guint within_failures, within_of;                 /* so many of the last so many; 0: not asked */
  gboolean upside_down;                             /* it is good when the look is bad */
  gboolean keeps_cursor;                            /* of the journal: each line counts once */
  GPtrArray *quiet;                                 /* of WgCalendar: no look is made in these */
  guint64 every;                                    /* PUSH: us within which the next must come */
  guint64 at_most;                                  /* QUEUE: mails */
} MonProbeSpec;

#define MON_PROBE_INTERVAL (10 * (guint64)G_USEC_PER_SEC)
#define MON_PROBE_INTERVAL_MIN (100 * (guint64)1000)
#define MON_PROBE_INTERVAL_MAX (31 * 24 * 3600 * (guint64)G_USEC_PER_SEC)
#define MON_PROBE_HISTORY 64 /* results that are remembered: within {of} is at most that */

/* One element of "probes". `unit`: of the service, or NULL. NULL: problems were added. */
MonProbeSpec *mon_probe_spec_read(JsonNode *node, WgDoc *doc, const char *pointer,
                                  WgProblems *problems);
MonProbeSpec *mon_probe_spec_ref(MonProbeSpec *spec);
void mon_probe_spec_unref(MonProbeSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonProbeSpec, mon_probe_spec_unref)
/* Whether state may be kept: everything that decides is the same. */
gboolean mon_probe_spec_equal(const MonProbeSpec *a, const MonProbeSpec *b);
/* Is `when` (CLOCK_REALTIME us) in one of its quiet times? */
gboolean mon_probe_spec_is_quiet(const MonProbeSpec *spec, gint64 when);
const char *mon_probe_kind_name(MonProbeKind kind);
/* The name of a service or probe may be that: letters, digits, "._@:-" within, 1 to 128 bytes. */
gboolean mon_name_is_good(const char *name);
