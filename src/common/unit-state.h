/* unit-state.h: what a systemd manager says about a unit, as far as the suite looks at it.
 *
 * Read from the reply of GetAll("") or from PropertiesChanged of org.freedesktop.systemd1.Unit and
 * .Service. What was not told stays as it was: "" and 0 at first. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  char *name;             /* as asked for */
  char *id;               /* its real name; another one for an alias */
  char *load;             /* loaded, not-found, bad-setting, error, masked */
  char *active, *sub;     /* "active", "running" */
  char *result;           /* of the last run: "success", "exit-code" */
  char *type;             /* of a service: "simple", "oneshot" */
  char invocation[33];    /* hexadecimal; "" : it never ran */
  guint32 pid;            /* main process; 0: none */
  guint32 n_restarts;     /* that systemd made by itself */
  gint32 code, status;    /* of the main process: CLD_EXITED and so on; 0: no end yet */
  gboolean remain;        /* RemainAfterExit= */
  gboolean ip_accounting; /* IPAccounting= */
  gboolean unmet;         /* a condition did not hold when it was last to start */
  gboolean reload;        /* whether it now needs a daemon-reload: its file is newer */
  char *load_error;       /* a sentence; "" */
  char *fragment;         /* its file; "" */
  char **dependents;      /* stopped and restarted with it: RequiredBy=, BoundBy= and ConsistsOf= */
  char **after, **needs;  /* After=; Requires=, Requisite= and BindsTo= */
  char **part_of;         /* PartOf= */
  char **triggers;        /* what a socket, path or timer starts */
  char **drop_ins;        /* files, in the order in which they count */
  char *description, *slice, *bus_name;          /* "" where there is none */
  char *cgroup;                                  /* below the root of all; "": none now */
  guint64 changed, active_since, inactive_since; /* CLOCK_REALTIME us; 0: never */
} WgUnitState;

WgUnitState *wg_unit_state_new(const char *name);
WgUnitState *wg_unit_state_copy(const WgUnitState *state);
void wg_unit_state_free(WgUnitState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgUnitState, wg_unit_state_free)
/* From a{sv} at the message's place. Negative errno. */
int wg_unit_state_read(WgUnitState *state, sd_bus_message *m);
/* "active (running)"; "failed (exit-code: exited with status 1)". Free with g_free(). */
char *wg_unit_state_text(const WgUnitState *state);
/* Of an ActiveState: active, reloading, or refreshing (its extensions; systemd 258). */
gboolean wg_unit_active_is_up(const char *active);
/* It serves: one of these, or a oneshot that went well. */
gboolean wg_unit_state_is_up(const WgUnitState *state);
/* "/org/freedesktop/systemd1/unit/..." */
char *wg_unit_path(const char *name);
