/* units.h: units of the systemd manager: loaded anew, started, restarted, stopped, in their order.
 *
 * All asynchronous, on the loop's thread, through the manager's D-Bus API alone. A start is over
 * when its job is removed, never when it was accepted; what systemd did not tell is an error, never
 * success: a lost bus, a manager that was executed anew or does not answer, a deadline. Several
 * operations may run at once; the caller keeps two of one unit apart. */
#pragma once

#include "common/unit-state.h"

#include <gio/gio.h>

typedef struct DplUnits DplUnits;

/* `bus` may be NULL: everything fails until dpl_units_set_bus(). `user_scope`: a user's manager. */
DplUnits *dpl_units_new(sd_bus *bus, gboolean user_scope);
/* Another connection, or none: what runs on the old one fails. */
void dpl_units_set_bus(DplUnits *units, sd_bus *bus);
/* Drops what runs; no callback follows. */
void dpl_units_free(DplUnits *units);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplUnits, dpl_units_free)

typedef enum {
  DPL_UNITS_START,
  DPL_UNITS_RESTART, /* starts what does not run */
  DPL_UNITS_RELOAD_OR_RESTART,
  DPL_UNITS_STOP, /* in the reverse order; a unit that does not exist is stopped */
} DplUnitsVerb;

/* What became of one unit. */
typedef struct {
  char *unit;
  char *
      job;       /* of the job: "done", "failed", "timeout", "dependency", "canceled", "skipped",
                    "invalid", "assert", "unsupported", "collected"; NULL: it was not begun or not told */
  gboolean good; /* done, and the unit is up (stop: down) */
  char *text;    /* why not: one sentence; NULL when good */
  WgUnitState *state; /* after it; NULL: not known */
  char *said;         /* its own last line, when not good; NULL: none */
  char *journal;      /* last lines of this invocation, when not good; NULL: none */
  guint64 duration;   /* us */
} DplUnitEnd;

/* `ends` has a DplUnitEnd for each unit that was begun, in the order they ended; borrowed. `error`
 * NULL: every one is good. Its text names the first that is not. */
typedef void (*DplUnitsFunc)(const GPtrArray *ends, const GError *error, gpointer user_data);

/* A unit is begun when all of `names` that it is ordered after (After=) are done; those of no order
 * at once. After the first failure nothing more is begun, and what runs is waited for. At `limit`
 * (us from now; 0: none) and when `cancel` is cancelled (may be NULL) jobs are taken back. `done`
 * follows exactly once, never from inside. Names may be instances of templates. */
void dpl_units_run(DplUnits *units, DplUnitsVerb verb, const char *const *names, guint64 limit,
                   GCancellable *cancel, DplUnitsFunc done, gpointer user_data);

/* What failed before does not count against the start limits of `names`. Without an answer. */
void dpl_units_forgive(DplUnits *units, const char *const *names);

/* `error` NULL: it went well. Never from inside. */
typedef void (*DplUnitsDoneFunc)(const GError *error, gpointer user_data);
/* daemon-reload. Those that are asked for while one runs share the next. */
void dpl_units_reload(DplUnits *units, guint64 limit, DplUnitsDoneFunc done, gpointer user_data);

typedef enum {
  DPL_UNIT_FILES_ENABLE,
  DPL_UNIT_FILES_DISABLE,
  DPL_UNIT_FILES_LINK
} DplUnitFilesVerb;
/* For links `names` are absolute paths. */
void dpl_units_set_files(DplUnits *units, DplUnitFilesVerb verb, const char *const *names,
                         guint64 limit, DplUnitsDoneFunc done, gpointer user_data);

/* How the units are now: `states` has a WgUnitState each, in the order of `names`; NULL with
 * `error`. A unit that does not exist is one of "not-found". Borrowed. */
typedef void (*DplUnitsLookFunc)(const GPtrArray *states, const GError *error, gpointer user_data);
void dpl_units_look(DplUnits *units, const char *const *names, guint64 limit, DplUnitsLookFunc done,
                    gpointer user_data);

/* The manager of `bus` is borrowed: for WgRun and WgUnitWatch. NULL: none. */
sd_bus *dpl_units_bus(DplUnits *units);
