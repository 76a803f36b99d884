/* tmux.h: what the files of the back-end "tmux" share.
 *
 * tmux.c has the steps, tmux-run.c the program, tmux-pane.c what is read out of its answers. */
#pragma once

#include <gio/gio.h>

/* ---- tmux-run.c ---- */
typedef struct TmuxRun TmuxRun;
/* `output` is what the program printed, always valid UTF-8; `error` is set when it could not be run
 * or did not exit with 0 (its own words then). Not called after dlv_tmux_stop(). */
typedef void (*TmuxDone)(const char *output, const GError *error, gpointer data);
/* Runs `tmux ARGS...` on the server that `socket` names (a path, a name for -L, NULL: the user's
 * default one) with `input` on its stdin (NULL: nothing). Never blocks. Free with
 * dlv_tmux_stop(). */
TmuxRun *dlv_tmux_run(const char *socket, const char *const *args, const char *input, TmuxDone done,
                      gpointer data);
void dlv_tmux_stop(TmuxRun *run); /* NULL is fine; kills the program if it still runs */

/* ---- tmux-pane.c: pure ---- */
/* Which pane; NULL or 0: does not matter. */
typedef struct {
  char *pane, *title, *command, *unit; /* title and command: with * and ? */
  guint pid;                           /* of the pane's first process, or of one below it */
} TmuxTarget;

typedef struct {
  char *id, *title, *command, *session, *window;
  guint pid, cursor;
  gboolean dead, input_off;
} TmuxPane;
void dlv_tmux_pane_free(TmuxPane *pane);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TmuxPane, dlv_tmux_pane_free)

/* For `list-panes -a -F`. */
extern const char dlv_tmux_format[];
/* The one pane that `target` means, out of the lines of `list`; NULL with an error that says which
 * ones could be meant, or that none is. (transfer full) */
TmuxPane *dlv_tmux_find(const char *list, const TmuxTarget *target, GError **error);

/* How often `text` stands on the screen, whatever broke its lines: blanks and what frames boxes
 * are not looked at. `ret_behind` (or NULL): bytes that stand behind the last one. */
guint dlv_tmux_count(const char *screen, const char *text, gsize *ret_behind);
/* The line of the screen that the cursor is in; counted from 0. (transfer full) */
char *dlv_tmux_line(const char *screen, guint line);
