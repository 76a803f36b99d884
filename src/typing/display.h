/* display.h: is there an X display that may be typed into, and which?
 *
 * Told by the configuration, else by our own environment, else by the user manager's, because the
 * service may have been started before the session put its variables there, or the session that
 * started it may be over: once our own display could not be opened, the manager's goes before it. A
 * Wayland session is refused even where XWayland gives a $DISPLAY: some compositors drop what is
 * typed there without a word, which would be reported as typed. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Ends each text of WG_ERROR_NO_DISPLAY. */
#define TYP_DISPLAY_INSTEAD                                                                        \
  "Back-ends that need no display work: tmux, exec, inbox, and the hook of the agent's program"

typedef struct {
  char *display, *authority; /* authority: NULL if the session does not say */
  char *session_type;        /* "x11", "wayland" or "none" */
} TypDisplay;

void typ_display_clear(TypDisplay *display);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TypDisplay, typ_display_clear)

/* Pure: decides from `given` (the configuration's display and authority, "" for none), `first` (an
 * environment) and `second` (another, or NULL), which counts if the first knows no session.
 * WG_ERROR_NO_DISPLAY says what would work instead; `ret->session_type` is set even then. */
gboolean typ_display_judge(const char *given, const char *authority, const char *const *first,
                           const char *const *second, TypDisplay *ret, GError **error);
/* The child's environment: `own` without what systemd means for us only, with the display. */
char **typ_display_environment(const TypDisplay *display, const char *const *own);

typedef void (*TypDisplayFunc)(const TypDisplay *display, const GError *error, gpointer data);

typedef struct TypDisplayFinder TypDisplayFinder;
TypDisplayFinder *typ_display_finder_new(void);
void typ_display_finder_free(TypDisplayFinder *finder);
/* Asks the manager on `bus` (NULL: does not) only where our own environment knows no display, or
 * `stale`: the one that it knows could not be opened. One question at a time; `func` may run before
 * this returns, and does not after the finder is freed. `display` has its type set even with an
 * error. */
void typ_display_find(TypDisplayFinder *finder, sd_bus *bus, gboolean stale, const char *given,
                      const char *authority, TypDisplayFunc func, gpointer data);
/* The bus is lost: a question that was put there is answered from our own environment. */
void typ_display_bus_lost(TypDisplayFinder *finder);
