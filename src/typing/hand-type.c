/* hand-type.c: one text into one window.
 *
 * In this order: is it allowed (human, lock, grab, another hand) - bring the window up - is there a
 * draft - take locks and modifiers off - the characters, one by one - the submit key - put
 * everything back. Whatever stops it stops it before the next character, and what was sent is
 * counted. Held and failed mean that not one character was sent. Nothing here is tried again. */
#include "typing/hand.h"

#include <string.h>

#define DRAFT_LIMIT (250 * G_TIME_SPAN_MILLISECOND)
#define MAP_STAYS (1 * G_TIME_SPAN_SECOND) /* for clients that are slow to read their keys */
#define IN_FLIGHT 100                      /* characters sent before an answer is awaited */
#define RETRY (2 * G_TIME_SPAN_SECOND)
#define TURN_TAKES (5 * G_TIME_SPAN_SECOND)

void hand_job_clear(HandJob *job) {
  g_clear_pointer(&job->text, g_free);
}

static gboolean is_free(Hand *hand, const char *selection) {
  Window owner = XGetSelectionOwner(hand->display, hand_x_atom(hand, selection));

  return owner == None || owner == hand->own;
}

/* One hand a display: the owner of a selection, which the server takes away from a client that
 * dies. The server is grabbed, so that looking and taking are one step. The map of the one before
 * has to be back, too. */
static gboolean take_display(Hand *hand) {
  gint64 until = MIN(g_get_monotonic_time() + TURN_TAKES, hand->deadline);

  for (;;) {
    XGrabServer(hand->display);
    gboolean mine = is_free(hand, HAND_SELECTION) && is_free(hand, HAND_SELECTION_MAP);
    if (mine)
      XSetSelectionOwner(hand->display, hand_x_atom(hand, HAND_SELECTION), hand->own, CurrentTime);
    XUngrabServer(hand->display);
    XSync(hand->display, False);
    if (mine)
      return TRUE;
    if (g_get_monotonic_time() > until) {
      hand_stop(hand, HAND_CAUSE_BUSY, "Another program of Waggle is typing on this display");
      return FALSE;
    }
    if (!hand_wait(hand, 10 * G_TIME_SPAN_MILLISECOND))
      return FALSE;
  }
}

static void give_display(Hand *hand) {
  XSetSelectionOwner(hand->display, hand_x_atom(hand, HAND_SELECTION), None, CurrentTime);
}

/* The characters from `at` on that need a spare code, each once; at most `max`. */
static guint upcoming(const HandJob *job, guint at, const HandLayout *layout, gunichar *ret,
                      guint max) {
  guint n = 0;

  for (guint i = at; i < job->n && n < max; i++) {
    HandStroke stroke;
    gboolean known = job->text[i] == '\n' || job->text[i] == '\t' ||
                     hand_layout_stroke(layout, job->text[i], &stroke);
    for (guint k = 0; k < n && !known; k++)
      known = ret[k] == job->text[i];
    if (!known)
      ret[n++] = job->text[i];
  }
  return n;
}

static gboolean stroke_for(Hand *hand, const HandJob *job, guint at, const HandLayout *layout,
                           HandStroke *ret) {
  gunichar chars[HAND_SLOTS_MAX], c = job->text[at];

  if (c == '\n' || c == '\t') {
    *ret = c == '\n' ? job->newline : job->tab;
    return TRUE;
  }
  if (hand_layout_stroke(layout, c, ret))
    return TRUE;
  if (hand_map_stroke(hand, c, ret))
    return TRUE;
  guint room = hand_map_spares(hand) * hand->map.levels;
  guint n = upcoming(job, at, layout, chars, MIN(MAX(room, 1), HAND_SLOTS_MAX));
  return hand_map_put(hand, chars, n, job->settle) && hand_map_stroke(hand, c, ret);
}

/* The client is never far behind. */
static gboolean pace(Hand *hand, const HandJob *job, guint typed) {
  if (typed % IN_FLIGHT == 0 && !hand_send_settle(hand, 0))
    return FALSE;
  return hand_wait(hand, job->key_delay);
}

static void characters(Hand *hand, const HandJob *job, HandOutcome *ret) {
  guint group = 0;
  g_autoptr(HandLayout) layout = hand_layout_new(hand, job->text, job->n, &group);
  HandStroke stroke;

  hand_state_group(hand, group);
  while (ret->typed < job->n && stroke_for(hand, job, ret->typed, layout, &stroke) &&
         hand_send(hand, &stroke, layout)) {
    ret->typed++;
    if (ret->typed < job->n && !pace(hand, job, ret->typed))
      break;
  }
  if (ret->typed == job->n && job->has_submit &&
      hand_send_settle(hand, MAX(job->settle, job->submit_delay)) &&
      (!hand->pongs || hand_wait(hand, job->submit_delay)))
    ret->submitted = hand_send(hand, &job->submit, layout);
}

/* What a stop means depends on whether anything was sent. */
static const char *verdict(const Hand *hand, const HandJob *job, const HandOutcome *outcome) {
  static const char *const held[] = {
      HAND_CAUSE_HUMAN, HAND_CAUSE_MODIFIER, HAND_CAUSE_LOCKED,   HAND_CAUSE_GRABBED,
      HAND_CAUSE_DRAFT, HAND_CAUSE_BUSY,     HAND_CAUSE_KEYBOARD, HAND_CAUSE_STOPPED,
  };
  gboolean all = outcome->typed == job->n && (!job->has_submit || outcome->submitted);

  if (!hand->stop.code || all)
    return HAND_RESULT_TYPED;
  if (outcome->typed > 0)
    return HAND_RESULT_PARTIAL;
  for (guint i = 0; i < G_N_ELEMENTS(held); i++)
    if (g_str_equal(hand->stop.code, held[i]))
      return HAND_RESULT_HELD;
  return HAND_RESULT_FAILED;
}

static gboolean no_draft(Hand *hand, const HandJob *job, const HandWindow *window) {
  if (job->ignore_draft || !hand_draft_there(window->pid, DRAFT_LIMIT))
    return TRUE;
  hand_stop(hand, HAND_CAUSE_DRAFT, "The text field already has a draft");
  return FALSE;
}

static gboolean bring_up(Hand *hand, const HandWindow *window, const HandTarget *target,
                         HandFocus *focus) {
  int x, y;

  if (!hand_focus_take(hand, window->id))
    return FALSE;
  if (hand_target_point(target, &x, &y)) {
    hand_focus_click(hand, focus, x, y);
    if (!hand_focus_take(hand, window->id))
      return FALSE;
  }
  if (hand_events_watch(hand, hand_focus_get(hand)))
    return TRUE;
  hand_stop(hand, HAND_CAUSE_CLOSED, "The window was closed");
  return FALSE;
}

static void in_window(Hand *hand, const HandJob *job, const HandWindow *window,
                      const HandTarget *target, HandOutcome *ret) {
  HandFocus focus;

  hand_focus_save(hand, &focus);
  if (bring_up(hand, window, target, &focus) && no_draft(hand, job, window) &&
      hand_state_clean(hand)) {
    hand->pongs = hand_x_supports(hand, window->id, "_NET_WM_PING");
    characters(hand, job, ret);
    hand_send_release_all(hand);
    if (hand->stop.code == NULL)
      (void)hand_send_settle(hand, job->settle);
    hand_state_put_back(hand);
    if (hand->map.changed)
      hand->map.restore_at = g_get_monotonic_time() + MAP_STAYS;
  }
  hand_events_unwatch(hand);
  if (job->restore)
    hand_focus_put_back(hand, &focus);
}

void hand_type(Hand *hand, const HandJob *job, const HandWindow *window, const HandTarget *target,
               HandOutcome *ret) {
  *ret = (HandOutcome){.retry = RETRY};
  hand->target = window->id;
  hand->target_pid = window->pid;
  hand->typing = TRUE;
  hand->deadline = g_get_monotonic_time() + job->timeout;
  hand->late = 0;
  if (hand_human_allows(hand, window->id, job->idle, job->quiet, &ret->retry) &&
      take_display(hand)) {
    hand_human_forget_expected(hand);
    if (hand_human_keyboard_free(hand))
      in_window(hand, job, window, target, ret);
    give_display(hand);
  }
  ret->result = verdict(hand, job, ret);
  hand->typing = FALSE;
  hand->target = None;
}
