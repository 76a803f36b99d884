/* process.c: see process.h: the requests to the hand, one with it at a time. What its packets say
 * is process-packets.c's, its life process-life.c's. */
#include "typing/process-private.h"

#include "common/error.h"
#include "typing/hand-protocol.h"
#include "typing/packet.h"

#include <string.h>

static void request_free(HandRequest *request) {
  g_free(request->kind);
  g_clear_pointer(&request->arguments, g_variant_unref);
  g_free(request);
}

void typ_hand_finish_first(TypHand *hand, GVariant *reply, const GError *error) {
  HandRequest *request = g_queue_pop_head(&hand->requests);

  typ_hand_clear_limit(hand);
  request->func(reply, error, request->serial != 0, request->data);
  request_free(request);
}

/* Only those that wait now: an answer may bring a new request. */
void typ_hand_fail_all(TypHand *hand, const GError *error) {
  for (guint n = g_queue_get_length(&hand->requests); n > 0; n--)
    typ_hand_finish_first(hand, NULL, error);
}

static void send_first(TypHand *hand) {
  HandRequest *request = g_queue_peek_head(&hand->requests);
  g_autoptr(GError) error = NULL;

  guint32 serial = ++hand->last_serial;
  if (typ_packet_send(hand->fd, serial, request->kind, request->arguments, &error)) {
    request->serial = serial;
    typ_hand_set_limit(hand, request->limit + hand->answer_usec);
  } else if (g_error_matches(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT)) {
    typ_hand_finish_first(hand, NULL, error);
    typ_hand_advance(hand);
  } else {
    typ_hand_kill(hand, error->message); /* the request waits for the next hand */
  }
}

void typ_hand_advance(TypHand *hand) {
  HandRequest *first = g_queue_peek_head(&hand->requests);

  if (hand->restart != 0)
    return;
  if (hand->state == HAND_NONE) {
    typ_hand_start(hand);
  } else if (hand->state == HAND_READY && (first == NULL || first->serial == 0)) {
    if (hand->stale)
      typ_hand_let_go(hand);
    else if (first != NULL)
      send_first(hand);
  }
}

static gboolean on_kick(gpointer data) {
  TypHand *hand = data;

  hand->kick = 0;
  typ_hand_advance(hand);
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
    typ_hand_let_go(hand);
  typ_hand_fail_all(hand, error);
  typ_hand_clear_limit(hand);
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
    typ_hand_kill(hand, error->message);
}

gboolean typ_hand_is_ready(TypHand *hand) {
  return hand->state == HAND_READY;
}
