/* hand.h: what the files of waggle-typist-hand share (prefix hand_, Hand).
 *
 * One process, one thread, one X connection, one request at a time. It may block on the X server:
 * the typist watches over it. What is remembered of a human is when a key went down and which
 * window had the focus, never which key. Bytes of the text are never logged. */
#pragma once

#include "typing/hand-protocol.h"

#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <glib.h>
#include <xdo.h>

#define HAND_CODES_MAX 64 /* key codes used at a time */
#define HAND_LEVELS_MAX 4
#define HAND_SLOTS_MAX (HAND_CODES_MAX * HAND_LEVELS_MAX)
#define HAND_EXPECT_MAX 64
/* Selections: owned by the hand that types on a display, and by the one that has its map changed */
#define HAND_SELECTION "_WAGGLE_TYPIST_HAND"
#define HAND_SELECTION_MAP "_WAGGLE_TYPIST_MAP"
#define HAND_XTEST_MAX 8

/* Key codes that characters are put on, and what was there. A slot is a level of a key code: slot s
 * is level s / n of code s % n. */
typedef struct {
  guint n, per, levels; /* codes; keysyms of each in the core map; 1, 2 or 4 levels of each */
  int type;             /* index of the key type that has as many levels */
  KeyCode shift, level3;
  KeyCode code[HAND_CODES_MAX];
  gunichar on[HAND_SLOTS_MAX]; /* 0: nothing */
  gint64 used[HAND_SLOTS_MAX]; /* monotonic time of the last key event, 0: never */
  KeySym *saved;               /* n * per: the map as it was */
  gboolean changed;            /* by us; the restore file is there */
  gboolean foreign;            /* another program set a map of its own */
  gboolean dirty;              /* somebody changed the keyboard: look before the next key */
  gint64 restore_at;           /* when to put it back; 0: not before a request ends */
} HandMap;

typedef struct {
  KeyCode code;
  gboolean press;
} HandKeyEvent;

/* What stops a text. The first cause is kept. */
typedef struct {
  const char *code; /* HAND_CAUSE_*; NULL: go on */
  char *text;
} HandStop;

typedef struct Hand {
  int link, signals; /* descriptors */
  char *restore_file;
  gboolean ending; /* end of file or SIGTERM */
  GQueue *requests;

  Display *display;
  xdo_t *xdo;
  Window root, own; /* own: never mapped, owns the selection */
  int xi_opcode;    /* -1: humans are not seen */
  int xtest_ids[HAND_XTEST_MAX];
  guint n_xtest;
  gboolean has_saver;

  /* events of ours that XI2 has yet to show */
  HandKeyEvent expected[HAND_EXPECT_MAX];
  guint expect_from, expect_n;
  GHashTable *human; /* window -> gint64 *, monotonic */
  gint64 human_any, started, typed_last;

  /* the text that is being typed */
  gboolean typing;
  Window target, watched; /* its top-level window; the one with the focus */
  guint target_pid;       /* 0: not known */
  Window back;            /* it was asked to get the focus back and has not yet; None */
  gboolean pongs;         /* the target answers _NET_WM_PING */
  gulong ping, pong;
  gint64 deadline, late; /* late: how much longer than asked for a wait took, at most */
  HandStop stop;

  HandMap map;
  XkbStateRec state; /* as it was before typing */
  gboolean state_saved;
  guint controls; /* slow, bounce and sticky keys that were on before typing */
  guint group;    /* the one that is typed in */
} Hand;

/* --- hand-x.c: the display --- */
gboolean hand_x_open(Hand *hand, GError **error);
Atom hand_x_atom(Hand *hand, const char *name);
/* X errors between both are swallowed; the second returns the last error's code, 0 for none. */
void hand_x_trap(Hand *hand);
int hand_x_untrap(Hand *hand);
/* A property's 8 or 32 bit items (as long); NULL if there is none of that type (AnyPropertyType 0).
 * Free with g_free(). */
gpointer hand_x_property(Hand *hand, Window window, const char *name, Atom type, int format,
                         gulong *ret_n);
/* The window and those above it, from the window to the root's child; 0-terminated, g_free(). */
Window *hand_x_ancestors(Hand *hand, Window window);
char *hand_x_wm_name(Hand *hand); /* "" when no window manager runs */
gboolean hand_x_supports(Hand *hand, Window window, const char *protocol);

/* --- hand-wait.c: the one place that waits --- */
/* Handles all X events that are there; whether there was one. */
gboolean hand_pump(Hand *hand);
/* Waits so many microseconds while events, packets and signals are served; returns early (FALSE)
 * when typing has to stop or the hand to end. */
gboolean hand_wait(Hand *hand, gint64 usec);
/* The same until an event arrives, at most until `deadline`. FALSE as above and after it. */
gboolean hand_wait_event(Hand *hand, gint64 deadline);
void hand_stop(Hand *hand, const char *code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* --- hand-events.c --- */
void hand_event(Hand *hand, XEvent *event);
gboolean hand_events_watch(Hand *hand, Window window);
void hand_events_unwatch(Hand *hand);

/* --- hand-human.c --- */
void hand_human_init(Hand *hand);
void hand_human_raw(Hand *hand, int source, KeyCode code, gboolean press);
void hand_human_expect(Hand *hand, KeyCode code, gboolean press);
void hand_human_forget_expected(Hand *hand);
/* Microseconds since the last input of any kind, G_MAXUINT64 when unknown; `ret_locked` the screen
 * saver. */
guint64 hand_human_idle(Hand *hand, gboolean *ret_locked);
/* FALSE: typing has to wait, hand->stop says why, `ret_retry` for how long. */
gboolean hand_human_allows(Hand *hand, Window window, gint64 idle, gint64 quiet, gint64 *ret_retry);
gboolean hand_human_keyboard_free(Hand *hand);

/* --- hand-focus.c --- */
typedef struct {
  Window active, focus;
  int revert, x, y, screen;
  gboolean moved; /* the pointer was */
} HandFocus;
Window hand_focus_get(Hand *hand);
gboolean hand_focus_is_in(Hand *hand, Window focus, Window window);
void hand_focus_save(Hand *hand, HandFocus *ret);
void hand_focus_put_back(Hand *hand, const HandFocus *saved);
/* Brings the window up and waits until it has the focus; FALSE: hand->stop says why. */
gboolean hand_focus_take(Hand *hand, Window window);
void hand_focus_click(Hand *hand, HandFocus *saved, int x, int y);

/* --- hand-state.c: modifiers, locks and the group --- */
/* Remembers them and takes locks and latches off, with the group `group`; FALSE if a modifier stays
 * held: hand->stop says so. */
gboolean hand_state_clean(Hand *hand);
void hand_state_group(Hand *hand, guint group);
void hand_state_put_back(Hand *hand);
/* Turns these on: XkbSlowKeysMask, XkbBounceKeysMask, XkbStickyKeysMask. */
void hand_state_controls(Hand *hand, guint controls);
/* Modifiers, locks and group are as they have to be for a character; else hand->stop. */
gboolean hand_state_check(Hand *hand);
char *hand_state_layout(Hand *hand); /* "us,ru", "" when unknown */

/* One key with its modifiers, pressed in their order. */
typedef struct {
  KeyCode code, modifiers[4];
  guint n; /* modifiers */
} HandStroke;

/* --- hand-map.c, hand-map-write.c --- */
/* Finds the spare key codes if they are not known yet. */
guint hand_map_spares(Hand *hand);
/* The stroke for `c`; FALSE if it is not on the map now. */
gboolean hand_map_stroke(Hand *hand, gunichar c, HandStroke *ret);
/* Puts characters from `chars` on, as many as fit; the first of them fits for sure. Waits for the
 * client before (it may still read the old map) and after. FALSE: hand->stop. */
gboolean hand_map_put(Hand *hand, const gunichar *chars, guint n, gint64 settle);
typedef struct HandLayout HandLayout;
/* FALSE: somebody else changed the map, hand->stop. Cheap while there was no event of that. */
gboolean hand_map_check(Hand *hand, const HandLayout *layout);
void hand_map_put_back(Hand *hand);
KeySym hand_map_keysym(gunichar c);
/* Looks for a key type with four levels that Shift and AltGr choose, else two with Shift. */
void hand_map_find_levels(Hand *hand);
/* The keys get map->levels keysyms each; `syms` NULL: none at all. At most HAND_CODES_MAX. */
void hand_map_write(Hand *hand, const KeyCode *codes, const KeySym *syms, guint n);
/* Which of the keys have these keysyms now. */
void hand_map_holds(Hand *hand, const KeyCode *codes, const KeySym *syms, guint n,
                    gboolean *ret_holds);
/* The keys get back what they had: `per` keysyms each. */
void hand_map_revert(Hand *hand, const KeyCode *codes, const KeySym *saved, guint n, guint per);

/* --- hand-restore.c --- */
gboolean hand_restore_write(Hand *hand, GError **error);
void hand_restore_remove(Hand *hand);
/* Undoes what a hand before this one left behind. FALSE: there was nothing. */
gboolean hand_restore_run(Hand *hand);
gboolean hand_restore_lock(Hand *hand, GError **error);

/* --- hand-keys.c: which key is what --- */
/* The keys of the current map that give a character without doubt in one group, chosen so that most
 * of `text` is there. Sets the group that is to be locked. */
HandLayout *hand_layout_new(Hand *hand, const gunichar *text, guint n, guint *ret_group);
void hand_layout_free(HandLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HandLayout, hand_layout_free)
/* The keys that are not lent to us are still what they were. */
gboolean hand_layout_stands(Hand *hand, const HandLayout *layout);
gboolean hand_layout_stroke(const HandLayout *layout, gunichar c, HandStroke *ret);
/* "ctrl+shift+Return"; FALSE with WG_ERROR_INVALID_ARGUMENT for what is none. */
gboolean hand_stroke_parse(Hand *hand, const char *sequence, HandStroke *ret, GError **error);

/* --- hand-send.c --- */
/* One stroke, all its events in one write while the server serves nobody else, and only if the
 * focus is where it has to be. FALSE: nothing was sent, hand->stop says why. */
gboolean hand_send(Hand *hand, const HandStroke *stroke, const HandLayout *layout);
/* Waits until the target has read what was sent, as far as that can be known. */
gboolean hand_send_settle(Hand *hand, gint64 settle);
void hand_send_release_all(Hand *hand);

/* --- hand-windows.c, hand-process.c, hand-target.c --- */
typedef struct {
  Window id;
  char *class, *instance, *title, *unit;
  guint pid;
  int desktop; /* -1: all, -2: unknown */
  gboolean focused, visible;
} HandWindow;
void hand_window_free(HandWindow *window);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HandWindow, hand_window_free)
GPtrArray *hand_windows_list(Hand *hand); /* of HandWindow, owned */
guint hand_window_pid(Hand *hand, Window window);
/* The managed window under a point; None. */
Window hand_window_at(Hand *hand, const GPtrArray *windows, int x, int y);

char *hand_process_unit(guint pid); /* "" when in none */
/* Its first thread waits for something; TRUE also when that cannot be seen. */
gboolean hand_process_sleeps(guint pid);
/* `pid` is `from`, or comes from it. */
gboolean hand_process_descends(guint pid, guint from);
/* One is the other, or an ancestor of it. */
gboolean hand_process_related(guint a, guint b);
/* Processes of that unit; of guint, g_array_unref(). */
GArray *hand_process_in_unit(const char *unit);

typedef struct HandTarget HandTarget;
#define HAND_TARGET_KEYS                                                                           \
  {"class", "s"}, {"title", "s"}, {"title-regex", "s"}, {"pid", "u"}, {"unit", "s"},               \
      {"window", "u"}, {"x", "i"}, {                                                               \
    "y", "i"                                                                                       \
  }
HandTarget *hand_target_new(GVariant *args, GError **error);
void hand_target_free(HandTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HandTarget, hand_target_free)
gboolean hand_target_is_empty(const HandTarget *target);
gboolean hand_target_point(const HandTarget *target, int *ret_x, int *ret_y);
/* Removes from `windows` what does not match. */
void hand_target_filter(Hand *hand, const HandTarget *target, GPtrArray *windows);

/* --- hand-draft.c --- */
/* TRUE: the focused text field of that process is not empty. FALSE also when it cannot be seen. */
gboolean hand_draft_there(guint pid, gint64 limit);

/* --- hand-type.c --- */
typedef struct {
  gunichar *text;
  guint n;
  HandStroke submit, newline, tab;
  gboolean has_submit, ignore_draft, restore;
  gint64 submit_delay, idle, quiet, timeout, settle, key_delay;
} HandJob;
void hand_job_clear(HandJob *job);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HandJob, hand_job_clear)
typedef struct {
  const char *result;
  guint typed;
  gboolean submitted;
  gint64 retry;
} HandOutcome;
/* Types into that window: everything from the checks to putting back. hand->stop has the cause. */
void hand_type(Hand *hand, const HandJob *job, const HandWindow *window, const HandTarget *target,
               HandOutcome *ret);

/* --- hand-request*.c --- */
typedef struct {
  const char *key, *type;
} HandKey;
gboolean hand_args_check(GVariant *args, const HandKey *keys, GError **error);
gint64 hand_args_time(GVariant *args, const char *key, gint64 fallback);
/* Reads what is on the link: answers "stop", queues the rest. */
void hand_request_take(Hand *hand);
void hand_request_next(Hand *hand);
GVariant *hand_request_query(Hand *hand);
GVariant *hand_request_type(Hand *hand, GVariant *args, GError **error);
GVariant *hand_request_doctor(Hand *hand, GVariant *args, GError **error);
gboolean hand_job_parse(Hand *hand, GVariant *args, HandJob *ret, GError **error);

/* --- hand-scratch.c --- */
/* The doctor's window, a program of its own: prints its id, then each line it got. */
int hand_scratch_main(void);
