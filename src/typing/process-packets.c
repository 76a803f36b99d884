/* process-packets.c: what the hand says (process-private.h). Every packet was checked for its form
 * by packet.c; one that answers nothing that was asked ends the hand, since nobody knows what it
 * does. */
#include "typing/process-private.h"

#include "common/error.h"
#include "common/log.h"
#include "typing/hand-protocol.h"
#include "typing/packet.h"

#include <string.h>

#define PACKETS_A_TURN 32

static void is_ready(TypHand *hand, GVariant *info) {
  typ_hand_clear_limit(hand);
  hand->state = HAND_READY;
  hand->was_ready = TRUE;
  hand->ready_at = g_get_monotonic_time();
  hand->funcs.state(info, NULL, FALSE, hand->data);
  typ_hand_advance(hand);
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
    typ_hand_kill(hand, "it answered what nobody asked and was killed");
    return;
  }
  if (strcmp(kind, HAND_REPLY) == 0) {
    typ_hand_finish_first(hand, arguments, NULL);
  } else {
    (void)g_variant_lookup(arguments, "code", "&s", &code);
    (void)g_variant_lookup(arguments, "text", "&s", &text);
    g_autoptr(GError) error =
        g_error_new_literal(WG_ERROR, (gint)wg_error_code_from_name(code), text);
    first->serial = 0; /* it was refused: nothing began */
    typ_hand_finish_first(hand, NULL, error);
  }
  typ_hand_advance(hand);
}

gboolean typ_hand_take_packet(TypHand *hand) {
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
    typ_hand_kill(hand, error->message);
    return FALSE;
  case TYP_PACKET_END:
    typ_hand_let_go(hand); /* its exit status follows */
    return FALSE;
  case TYP_PACKET_AGAIN:
  default:
    return FALSE;
  }
}

gboolean typ_hand_readable(gint fd, GIOCondition condition, gpointer data) {
  TypHand *hand = data;

  for (guint i = 0; i < PACKETS_A_TURN && hand->killed_why == NULL; i++)
    if (!typ_hand_take_packet(hand))
      break;
  if (hand->killed_why == NULL)
    return G_SOURCE_CONTINUE; /* or removed by typ_hand_let_go() */
  hand->fd_source = 0;
  return G_SOURCE_REMOVE;
}
