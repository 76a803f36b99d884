/* typing.h: what the files of waggle-typist share: the daemon's state.
 *
 * Everything lives on the loop's thread, and nothing here knows X: a window system is touched by
 * the child process waggle-typist-hand only, over the packets of hand-protocol.h. What the daemon
 * reports as typed was reported by the hand; it never guesses. */
#pragma once

#include "common/service.h"
#include "typing/settings.h"

#include <glib.h>

typedef struct TypDaemon {
  WgService *service;
  uid_t own_uid;
  TypSettings settings;
  guint n_calls;     /* that an answer is owed to */
  gboolean draining; /* no new work */
} TypDaemon;
