/* process-life.c: the child's life (process-private.h): its start, its limits, its end and what
 * comes after it.
 *
 * The end is learnt from the exit status, after the packets that the child still sent were read: an
 * answer that came before the end counts. */
#include "typing/process-private.h"

#include "common/error.h"
#include "typing/display.h"
#include "typing/hand-protocol.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_USEC (10 * G_USEC_PER_SEC) /* a lost hand's lock and its restoring are in it */
#define PAUSE_MS_FIRST 250
#define PAUSE_MS_MAX 5000
#define LIVED_USEC (10 * G_USEC_PER_SEC) /* a hand that died sooner is replaced after a pause */

void typ_hand_clear_limit(TypHand *hand) {
  if (hand->limit != 0)
    g_source_remove(hand->limit);
  hand->limit = 0;
}

void typ_hand_kill(TypHand *hand, const char *why) {
  if (hand->pid == 0 || hand->killed_why != NULL)
    return;
  hand->killed_why = g_strdup(why);
  hand->state = HAND_ENDING;
  kill(hand->pid, SIGKILL);
}

static gboolean on_limit(gpointer data) {
  TypHand *hand = data;
  const char *why = hand->state == HAND_STARTING ? "it was not ready in time and was killed"
                    : hand->state == HAND_READY  ? "it did not answer in time and was killed"
                                                 : "it did not leave in time and was killed";

  hand->limit = 0;
  typ_hand_kill(hand, why);
  return G_SOURCE_REMOVE;
}

void typ_hand_set_limit(TypHand *hand, guint64 usec) {
  typ_hand_clear_limit(hand);
  hand->limit = g_timeout_add((guint)MIN(usec / 1000 + 1, G_MAXINT), on_limit, hand);
}

void typ_hand_let_go(TypHand *hand) {
  hand->state = HAND_ENDING;
  if (hand->fd_source != 0)
    g_source_remove(hand->fd_source);
  hand->fd_source = 0;
  close(hand->fd);
  hand->fd = -1;
  typ_hand_set_limit(hand, hand->answer_usec);
}

/* What the requests that cannot be done are told. */
static GError *error_of_end(TypHand *hand, int status, const char *why) {
  gboolean no_display = (WIFEXITED(status) && WEXITSTATUS(status) == HAND_EXIT_NO_DISPLAY) ||
                        g_strcmp0(hand->leaving_code, HAND_LEAVING_NO_DISPLAY) == 0;

  return g_error_new(WG_ERROR, no_display ? WG_ERROR_NO_DISPLAY : WG_ERROR_FAILED,
                     "the typing process ended: %s%s", why,
                     no_display ? ". " TYP_DISPLAY_INSTEAD : "");
}

static gboolean on_restart(gpointer data) {
  TypHand *hand = data;

  hand->restart = 0;
  typ_hand_advance(hand);
  return G_SOURCE_REMOVE;
}

/* Also without a request: the new hand puts back what the dead one left. The first time at once. */
static void replace(TypHand *hand) {
  if (g_get_monotonic_time() - hand->ready_at > LIVED_USEC)
    hand->pause_ms = 0;
  if (hand->pause_ms == 0) {
    hand->pause_ms = 1;
    typ_hand_advance(hand);
    return;
  }
  if (hand->pause_ms >= PAUSE_MS_MAX && g_queue_is_empty(&hand->requests))
    return; /* it dies whatever it does: the next request tries again */
  hand->pause_ms = CLAMP(hand->pause_ms * 2, PAUSE_MS_FIRST, PAUSE_MS_MAX);
  if (hand->restart == 0)
    hand->restart = g_timeout_add(hand->pause_ms, on_restart, hand);
}

static char *why_it_ended(TypHand *hand, int status) {
  if (hand->killed_why != NULL)
    return g_strdup(hand->killed_why);
  if (hand->leaving_text != NULL)
    return g_strdup(hand->leaving_text);
  return typ_hand_describe_status(status);
}

/* The process is gone and its last words are heard: nothing of it stays but the requests. */
static void forget_process(TypHand *hand) {
  if (hand->fd >= 0)
    typ_hand_let_go(hand);
  typ_hand_clear_limit(hand);
  hand->state = HAND_NONE;
  hand->stop_serial = 0;
  g_clear_pointer(&hand->killed_why, g_free);
  g_clear_pointer(&hand->leaving_code, g_free);
  g_clear_pointer(&hand->leaving_text, g_free);
}

static void on_child(GPid pid, gint status, gpointer data) {
  TypHand *hand = data;

  hand->child_source = 0;
  hand->pid = 0; /* reaped: the number may be another's now */
  hand->state = HAND_ENDING;
  while (hand->fd >= 0 && hand->killed_why == NULL && typ_hand_take_packet(hand))
    ;
  g_autofree char *why = why_it_ended(hand, status);
  g_autoptr(GError) error = error_of_end(hand, status, why);
  gboolean clean = WIFEXITED(status) && WEXITSTATUS(status) >= HAND_EXIT_NO_DISPLAY &&
                   WEXITSTATUS(status) <= HAND_EXIT_LOCKED;
  gboolean unexpected = !clean && !hand->stale;

  forget_process(hand);
  if (!hand->stale)
    hand->funcs.state(NULL, why, unexpected, hand->data);
  HandRequest *first = g_queue_peek_head(&hand->requests);
  if (!hand->was_ready || clean)
    typ_hand_fail_all(hand, error);
  else if (first != NULL && first->serial != 0)
    typ_hand_finish_first(hand, NULL, error);
  if (unexpected && hand->was_ready)
    replace(hand);
  else if (!g_queue_is_empty(&hand->requests))
    typ_hand_advance(hand);
}

void typ_hand_start(TypHand *hand) {
  g_autoptr(GError) error = NULL;

  if (hand->program == NULL || !typ_hand_spawn(hand, &error)) {
    if (error == NULL)
      g_set_error_literal(&error, WG_ERROR, WG_ERROR_NO_DISPLAY, "no display is known yet");
    hand->funcs.state(NULL, error->message, TRUE, hand->data);
    typ_hand_fail_all(hand, error);
    return;
  }
  hand->state = HAND_STARTING;
  hand->stale = hand->was_ready = FALSE;
  hand->fd_source = g_unix_fd_add(hand->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, typ_hand_readable, hand);
  hand->child_source = g_child_watch_add(hand->pid, on_child, hand);
  typ_hand_set_limit(hand, START_USEC);
}
