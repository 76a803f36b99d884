/* typing.h: what the files of waggle-typist share: the daemon's state.
 *
 * Everything lives on the loop's thread, and nothing here knows X: a window system is touched by
 * the child process waggle-typist-hand only, over the packets of hand-protocol.h. What the daemon
 * reports as typed was reported by the hand; it never guesses. */
#pragma once

#include "common/call.h"
#include "typing/display.h"
#include "typing/hold.h"
#include "typing/process.h"
#include "typing/profiles.h"
#include "typing/screen.h"
#include "typing/settings.h"

#include <glib.h>

typedef struct TypDaemon {
  WgService *service;
  uid_t own_uid;
  TypSettings settings;
  TypProfiles *profiles;
  TypHold *hold;
  TypScreen *screen;
  TypHand *hand;
  WgCalls *calls;
  gboolean draining; /* no new work */

  /* display (prepare.c) */
  TypDisplayFinder *finder;
  GQueue preparing;       /* who waits for its answer */
  gboolean display_stale; /* our own environment's could not be opened, or is lost */
  char *display, *session_type;
  char *status; /* as it was told last */

  /* Type calls (queue.c) */
  GQueue waiting;   /* TypJob */
  gpointer job;     /* the one that runs */
  gint64 last_type; /* monotonic us of the end of the last one; 0: none yet */
  guint next_source, drain_source;
} TypDaemon;

/* prepare.c: finds the display and gives the hand what it is started with. `func` may run before
 * this returns; `error`: WG_ERROR_NO_DISPLAY. */
typedef void (*TypPreparedFunc)(const GError *error, gpointer data);
void typ_daemon_prepare_hand(TypDaemon *daemon, TypPreparedFunc func, gpointer data);
/* Makes the hand (not its process) and what else prepare.c keeps. */
void typ_daemon_prepare_init(TypDaemon *daemon);
void typ_daemon_prepare_clear(TypDaemon *daemon);
/* STATUS= says what is going on. */
void typ_daemon_update_status(TypDaemon *daemon);
