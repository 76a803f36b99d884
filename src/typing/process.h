/* process.h: the child process waggle-typist-hand: started when it is needed, watched, replaced.
 *
 * Requests go to it one at a time, in their order; each has a limit after which the hand is killed,
 * because a hand that hangs may hold keys down. A hand that did not end by itself is replaced at
 * once: the new one puts keys and map back from the restore file before it says that it is ready.
 * What the hand did not confirm is reported as unknown (`began`), never as done. Bytes from the
 * hand are checked, and a hand that breaks the protocol is killed. */
#pragma once

#include <glib.h>

typedef struct TypHand TypHand;

/* Exactly one of `reply` and `error` is set. `began`: the request had been sent, so that without a
 * reply nobody knows how far it came. */
typedef void (*TypHandFunc)(GVariant *reply, const GError *error, gboolean began, gpointer data);

typedef struct {
  /* The hand is ready (`info`: its answer to "query") or has ended (`info` NULL, `why` set;
   * `unexpected`: it was neither asked to nor out of a display). */
  void (*state)(GVariant *info, const char *why, gboolean unexpected, gpointer data);
} TypHandFuncs;

TypHand *typ_hand_new(const TypHandFuncs *funcs, gpointer data);
/* Ends the hand (it releases keys and puts the map back by itself); what waits gets an error. */
void typ_hand_free(TypHand *hand);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TypHand, typ_hand_free)

/* Where it comes from; copies. `environment`: of the child, complete. A running hand with another
 * environment is replaced when it has nothing to do. */
void typ_hand_configure(TypHand *hand, const char *program, const char *restore_file,
                        char **environment, guint64 answer_usec);

/* `arguments`: an a{sv}, consumed if floating. `limit_usec`: what the request itself may take; the
 * hand gets AnswerSec= more. Starts the hand if need be. `func` runs later, never from here. */
void typ_hand_request(TypHand *hand, const char *kind, GVariant *arguments, guint64 limit_usec,
                      TypHandFunc func, gpointer data);
guint typ_hand_n_requests(TypHand *hand);
/* Asks it to stop typing, ahead of what waits. */
void typ_hand_stop_typing(TypHand *hand);
gboolean typ_hand_is_ready(TypHand *hand);
