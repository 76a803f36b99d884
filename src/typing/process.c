/* process.c: see process.h. The life of the child and its packets; how it is started stands in
 * process-spawn.c.
 *
 * The child's end is learnt from its exit status, after the packets that it still sent were read:
 * an answer that came before the end counts. */
#include "typing/process-private.h"

#include "common/error.h"
#include "common/log.h"
#include "typing/display.h"
#include "typing/hand-protocol.h"
#include "typing/packet.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_USEC (10 * G_USEC_PER_SEC) /* a lost hand's lock and its restoring are in it */
#define PAUSE_MS_FIRST 250
#define PAUSE_MS_MAX 5000
#define LIVED_USEC (10 * G_USEC_PER_SEC) /* a hand that died sooner is replaced after a pause */
#define PACKETS_A_TURN 32

static void advance(TypHand *hand);

static void clear_limit(TypHand *hand) {
  if (hand->limit != 0)
    g_source_remove(hand->limit);
  hand->limit = 0;
}

static void request_free(HandRequest *request) {
  g_free(request->kind);
  g_clear_pointer(&request->arguments, g_variant_unref);
  g_free(request);
}

/* Takes the first request off and answers it. */
static void finish_first(TypHand *hand, GVariant *reply, const GError *error) {
  HandRequest *request = g_queue_pop_head(&hand->requests);

  clear_limit(hand);
  request->func(reply, error, request->serial != 0, request->data);
  request_free(request);
}

/* Only those that wait now: an answer may bring a new request. */
static void fail_all(TypHand *hand, const GError *error) {
  for (guint n = g_queue_get_length(&hand->requests); n > 0; n--)
    finish_first(hand, NULL, error);
}

static void kill_hand(TypHand *hand, const char *why) {
  if (hand->pid == 0 || hand->killed_why != NULL)
    return;
  hand->killed_why = g_strdup(why);
  hand->state = HAND_ENDING;
  kill(hand->pid, SIGKILL);
}

static gboolean on_limit(gpointer data) {
  TypHand *hand = data;
  g_autofree char *why = NULL;

  hand->limit = 0;
  if (hand->state == HAND_STARTING)
    why = g_strdup("it was not ready in time and was killed");
  else if (hand->state == HAND_READY)
    why = g_strdup("it did not answer in time and was killed");
  else
    why = g_strdup("it did not leave in time and was killed");
  kill_hand(hand, why);
  return G_SOURCE_REMOVE;
}

static void set_limit(TypHand *hand, guint64 usec) {
  clear_limit(hand);
  hand->limit = g_timeout_add((guint)MIN(usec / 1000 + 1, G_MAXINT), on_limit, hand);
}

static void send_first(TypHand *hand) {
  HandRequest *request = g_queue_peek_head(&hand->requests);
  g_autoptr(GError) error = NULL;

  guint32 serial = ++hand->last_serial;
  if (typ_packet_send(hand->fd, serial, request->kind, request->arguments, &error)) {
    request->serial = serial;
    set_limit(hand, request->limit + hand->answer_usec);
  } else if (g_error_matches(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT)) {
    finish_first(hand, NULL, error);
    advance(hand);
  } else {
    kill_hand(hand, error->message); /* the request waits for the next hand */
  }
}

/* Told to leave: it sees the end of its link. */
static void let_go(TypHand *hand) {
  hand->state = HAND_ENDING;
  if (hand->fd_source != 0)
    g_source_remove(hand->fd_source);
  hand->fd_source = 0;
  close(hand->fd);
  hand->fd = -1;
  set_limit(hand, hand->answer_usec);
}

static void is_ready(TypHand *hand, GVariant *info) {
  clear_limit(hand);
  hand->state = HAND_READY;
  hand->was_ready = TRUE;
  hand->ready_at = g_get_monotonic_time();
  hand->funcs.state(info, NULL, FALSE, hand->data);
  advance(hand);
}

static void take_event(TypHand *hand, const char *kind, GVariant *arguments) {
  const char *text;

  if (strcmp(kind, HAND_EVENT_READY) == 0 && hand->state == HAND_STARTING) {
    is_ready(hand, arguments);
  } else if (strcmp(kind, HAND_EVENT_LEAVING) == 0) {
    g_free(hand->leaving_code);
    g_free(hand->leaving_text);
    hand->leaving_code =
        g_strdup(g_variant_lookup(arguments, "code", "&s", &text) ? text : "unknown");
    hand->leaving_text = g_strdup(g_variant_lookup(arguments, "text", "&s", &text) ? text : NULL);
  } else {
    wg_log(LOG_DEBUG, NULL, NULL, "The hand sent an event that is not known: %s", kind);
  }
}

static void take_answer(TypHand *hand, guint32 serial, const char *kind, GVariant *arguments) {
  HandRequest *first = g_queue_peek_head(&hand->requests);
  const char *code = "", *text = "it gave no reason";

  if (serial == hand->stop_serial) {
    hand->stop_serial = 0;
    return;
  }
  if (first == NULL || first->serial != serial) {
    kill_hand(hand, "it answered what nobody asked and was killed");
    return;
  }
  if (strcmp(kind, HAND_REPLY) == 0) {
    finish_first(hand, arguments, NULL);
  } else {
    (void)g_variant_lookup(arguments, "code", "&s", &code);
    (void)g_variant_lookup(arguments, "text", "&s", &text);
    g_autoptr(GError) error =
        g_error_new_literal(WG_ERROR, (gint)wg_error_code_from_name(code), text);
    first->serial = 0; /* it was refused: nothing began */
    finish_first(hand, NULL, error);
  }
  advance(hand);
}

/* FALSE: nothing is there (any more). */
static gboolean take_packet(TypHand *hand) {
  g_autofree char *kind = NULL;
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(GError) error = NULL;
  guint32 serial = 0;

  switch (typ_packet_receive(hand->fd, &serial, &kind, &arguments, &error)) {
  case TYP_PACKET_TAKEN:
    if (serial == 0)
      take_event(hand, kind, arguments);
    else
      take_answer(hand, serial, kind, arguments);
    return hand->fd >= 0;
  case TYP_PACKET_ERROR:
    kill_hand(hand, error->message);
    return FALSE;
  case TYP_PACKET_END:
    let_go(hand); /* its exit status follows */
    return FALSE;
  case TYP_PACKET_AGAIN:
  default:
    return FALSE;
  }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data) {
  TypHand *hand = data;

  for (guint i = 0; i < PACKETS_A_TURN && hand->killed_why == NULL; i++)
    if (!take_packet(hand))
      break;
  if (hand->killed_why == NULL)
    return G_SOURCE_CONTINUE; /* or removed by let_go() */
  hand->fd_source = 0;
  return G_SOURCE_REMOVE;
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
  advance(hand);
  return G_SOURCE_REMOVE;
}

/* Also without a request: the new hand puts back what the dead one left. The first time at once. */
static void replace(TypHand *hand) {
  if (g_get_monotonic_time() - hand->ready_at > LIVED_USEC)
    hand->pause_ms = 0;
  if (hand->pause_ms == 0) {
    hand->pause_ms = 1;
    advance(hand);
    return;
  }
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
    let_go(hand);
  clear_limit(hand);
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
  while (hand->fd >= 0 && hand->killed_why == NULL && take_packet(hand))
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
    fail_all(hand, error);
  else if (first != NULL && first->serial != 0)
    finish_first(hand, NULL, error);
  if (unexpected && hand->was_ready)
    replace(hand);
  else if (!g_queue_is_empty(&hand->requests))
    advance(hand);
}

static void start(TypHand *hand) {
  g_autoptr(GError) error = NULL;

  if (hand->program == NULL || !typ_hand_spawn(hand, &error)) {
    if (error == NULL)
      g_set_error_literal(&error, WG_ERROR, WG_ERROR_NO_DISPLAY, "no display is known yet");
    hand->funcs.state(NULL, error->message, TRUE, hand->data);
    fail_all(hand, error);
    return;
  }
  hand->state = HAND_STARTING;
  hand->stale = hand->was_ready = FALSE;
  hand->fd_source = g_unix_fd_add(hand->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, hand);
  hand->child_source = g_child_watch_add(hand->pid, on_child, hand);
  set_limit(hand, START_USEC);
}

/* Does what can be done now: start the hand, or send the next request. */
static void advance(TypHand *hand) {
  HandRequest *first = g_queue_peek_head(&hand->requests);

  if (hand->restart != 0)
    return;
  if (hand->state == HAND_NONE) {
    start(hand);
  } else if (hand->state == HAND_READY && (first == NULL || first->serial == 0)) {
    if (hand->stale)
      let_go(hand);
    else if (first != NULL)
      send_first(hand);
  }
}

static gboolean on_kick(gpointer data) {
  TypHand *hand = data;

  hand->kick = 0;
  advance(hand);
  return G_SOURCE_REMOVE;
}

TypHand *typ_hand_new(const TypHandFuncs *funcs, gpointer data) {
  TypHand *hand = g_new0(TypHand, 1);

  hand->funcs = *funcs;
  hand->data = data;
  hand->fd = -1;
  g_queue_init(&hand->requests);
  return hand;
}

void typ_hand_free(TypHand *hand) {
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN, "the service is leaving");
  guint *const sources[] = {&hand->kick, &hand->restart, &hand->child_source};

  if (hand->fd >= 0)
    let_go(hand);
  fail_all(hand, error);
  clear_limit(hand);
  for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
    if (*sources[i] != 0)
      g_source_remove(*sources[i]);
  g_free(hand->program);
  g_free(hand->restore_file);
  g_strfreev(hand->environment);
  g_free(hand->killed_why);
  g_free(hand->leaving_code);
  g_free(hand->leaving_text);
  g_free(hand);
}

void typ_hand_configure(TypHand *hand, const char *program, const char *restore_file,
                        char **environment, guint64 answer_usec) {
  hand->answer_usec = answer_usec;
  if (hand->program != NULL && strcmp(hand->program, program) == 0 &&
      strcmp(hand->restore_file, restore_file) == 0 &&
      g_strv_equal((const char *const *)hand->environment, (const char *const *)environment))
    return;
  g_free(hand->program);
  g_free(hand->restore_file);
  g_strfreev(hand->environment);
  hand->program = g_strdup(program);
  hand->restore_file = g_strdup(restore_file);
  hand->environment = g_strdupv(environment);
  hand->stale = hand->state != HAND_NONE;
}

void typ_hand_request(TypHand *hand, const char *kind, GVariant *arguments, guint64 limit_usec,
                      TypHandFunc func, gpointer data) {
  HandRequest *request = g_new0(HandRequest, 1);

  request->kind = g_strdup(kind);
  request->arguments = g_variant_ref_sink(arguments);
  request->limit = limit_usec;
  request->func = func;
  request->data = data;
  g_queue_push_tail(&hand->requests, request);
  if (hand->kick == 0)
    hand->kick = g_idle_add_full(G_PRIORITY_DEFAULT, on_kick, hand, NULL);
}

guint typ_hand_n_requests(TypHand *hand) {
  return g_queue_get_length(&hand->requests);
}

void typ_hand_stop_typing(TypHand *hand) {
  g_autoptr(GError) error = NULL;

  if (hand->state != HAND_READY || hand->stop_serial != 0)
    return;
  guint32 serial = ++hand->last_serial;
  if (typ_packet_send(hand->fd, serial, HAND_STOP, NULL, &error))
    hand->stop_serial = serial;
  else
    kill_hand(hand, error->message);
}

gboolean typ_hand_is_ready(TypHand *hand) {
  return hand->state == HAND_READY;
}
