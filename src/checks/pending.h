/* pending.h: an asynchronous look that waits for something, and hears of its end at once.
 *
 * A type embeds one in its own state. Whatever comes first, the answer or the end of the look's
 * time, ends it through chk_pending_end(); `stop` is told of the latter and has to drop what the
 * type waits for and end it. The loop's thread only. */
#pragma once

#include "checks/check.h"

typedef struct {
  ChkLook *look; /* borrowed until the end */
  ChkSeenFunc seen;
  gpointer user_data;
  gulong handler;
  void (*stop)(gpointer owner);
  gpointer owner;
} ChkPending;

void chk_pending_begin(ChkPending *pending, ChkLook *look, ChkSeenFunc seen, gpointer user_data,
                       void (*stop)(gpointer owner), gpointer owner);
/* Hands the sight over. The look is gone after it. */
void chk_pending_end(ChkPending *pending, ChkSight *sight);
/* us until the look's time is over, at least 1. */
guint64 chk_pending_left(const ChkPending *pending);
