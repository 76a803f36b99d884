/* run-private.h: inside of run.h.
 *
 * run.c owns a run and its end; run-unit.c and run-plain.c are the two ways; run-output.c reads
 * what the command writes. A run is referenced by its owner (until done() or forget) and by each
 * callback of its own that calls out. Everything is on the loop's thread and nothing waits. */
#pragma once

#include "common/run.h"

typedef struct WgRunOutput WgRunOutput;
typedef struct WgRunPlain WgRunPlain;
typedef struct WgRunUnit WgRunUnit;

struct WgRun {
  guint references;
  WgRunOptions o; /* its pointers are borrowed from the copies below */
  char **argv, **env, **plain_env;
  char *texts[7]; /* copies of the other texts */
  char *program;  /* absolute */
  int input;      /* ours; -1 */
  sd_bus *bus;
  WgRunFunc done; /* NULL once the owner has heard, or does not want to */
  gpointer user_data;
  gint64 begin; /* monotonic us */
  guint later;  /* the start, which is the loop's */
  gboolean canceled, no_manager;
  WgRunOutput *out, *err; /* NULL: not captured */
  WgRunPlain *plain;      /* at most one of the two */
  WgRunUnit *unit;
};

/* run.c */
WgRun *wg_run_ref(WgRun *run);
void wg_run_unref(WgRun *run);
/* The run is over: reads what is left of the output, tells done(), drops the owner's reference.
 * `text` NULL: as `how` and `code` say. */
void wg_run_end(WgRun *run, WgRunEndHow how, int code, const char *text);
void wg_run_not_started(WgRun *run, const char *what, int err);
/* A limit that only a manager keeps; NULL: none. */
const char *wg_run_needs_unit(const WgRunOptions *o);
gboolean wg_run_has_timeout(const WgRun *run);
guint64 wg_run_kill_after(const WgRun *run);

/* run-output.c: a pipe for standard output or error. */
/* NULL with errno. *ret_write is for the command. */
WgRunOutput *wg_run_output_new(WgRun *run, gboolean is_error, int *ret_write);
/* Reads what is there now, without waiting for more, and no more than the pipe can hold. */
void wg_run_output_drain(WgRunOutput *output);
/* What was kept; NULL if nothing is. Once. */
GBytes *wg_run_output_take(WgRunOutput *output);
gboolean wg_run_output_was_cut(const WgRunOutput *output);
void wg_run_output_free(WgRunOutput *output);
/* Pipes for what is captured; ret_fds: for the command, -1 where nothing is. FALSE with errno. */
gboolean wg_run_outputs_open(WgRun *run, gboolean is_unit, int ret_fds[2]);

/* run-plain.c */
void wg_run_plain_start(WgRun *run);
void wg_run_plain_stop(WgRun *run); /* SIGTERM, and SIGKILL after kill_after */
void wg_run_plain_kill(WgRun *run); /* at once; what is left is reaped by and by */
void wg_run_plain_free(WgRunPlain *plain);

/* run-unit.c */
void wg_run_unit_start(WgRun *run);
void wg_run_unit_stop(WgRun *run);
void wg_run_unit_kill(WgRun *run);
void wg_run_unit_free(WgRunUnit *unit);

/* run-properties.c: the body of StartTransientUnit after name and mode. Negative errno. */
int wg_run_properties(sd_bus_message *m, const WgRun *run, const int output_fds[2]);

/* run-hand.c: the command as this program starts it; NULL: it can be sent as it is. (transfer full)
 */
char **wg_run_hand_argv(const WgRun *run);

/* run-environment.c: NAME=value of the command, from the list `own`. (transfer full) */
char **wg_run_environment(const WgRun *run, char **own);
