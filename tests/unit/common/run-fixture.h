/* run-fixture.h: commands for the tests of run.h, and what became of them.
 *
 * The command is the test program itself, told by its first argument what to do: no shell and no
 * other program stands between what is tested and what is seen. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "common/run.h"

/* First thing in main(): does what --act=WHAT says and does not return then. */
void run_act(int argc, char **argv);

typedef struct {
  guint n_done;
  WgRunEndHow how;
  int code;
  char *text;
  GBytes *out, *err;
  gboolean cut, no_manager;
  GPtrArray *lines, *errors; /* that were told */
  WgRun *run;                /* NULL after done() */
  /* What to do at the first line. */
  gboolean forget_at_line, cancel_at_line;
} Ran;

Ran *ran_new(void);
void ran_free(Ran *ran);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ran, ran_free)
/* Starts this program acting as `what` with up to two further arguments (NULL: fewer); `options`
 * has the rest, NULL: plain, nothing captured. */
void ran_start(Ran *ran, const WgRunOptions *options, const char *what, const char *first,
               const char *second);
/* Turns the loop until the end was told. */
void ran_wait(Ran *ran);
/* Both, and the end must be this. */
void ran_ends(const WgRunOptions *options, const char *what, const char *first, const char *second,
              WgRunEndHow how, int code, const char *text);
/* Turns the loop until `holds`; looks again every 5 ms, for what no event tells. */
void run_until(gboolean (*holds)(gpointer data), gpointer data);
char *ran_out(const Ran *ran);
char *ran_err(const Ran *ran);
