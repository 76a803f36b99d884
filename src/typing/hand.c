/* hand.c: waggle-typist-hand, the process that types into X11 windows. Started by waggle-typist
 * only (hand-protocol.h); nobody runs it by hand.
 *
 * It has a process of its own because Xlib ends the process whose display is lost. Its invariants:
 * the keyboard map is never changed before the restore file says how to undo it; no key is down
 * between two writes; nothing is typed while a human types; whichever way it ends, but for SIGKILL,
 * map, locks and keys are as they were, and after SIGKILL the next one sees to that. It knows no
 * messages, no D-Bus of ours and no policy, and never logs a text. */
#include "typing/hand.h"
#include "typing/packet.h"

#include "common/error.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

static void send_leaving(Hand *hand, const char *code, const GError *error) {
  GVariantDict args;

  g_variant_dict_init(&args, NULL);
  g_variant_dict_insert(&args, "code", "s", code);
  g_variant_dict_insert(&args, "text", "s", error->message);
  (void)typ_packet_send(hand->link, 0, HAND_EVENT_LEAVING, g_variant_dict_end(&args), NULL);
  fprintf(stderr, "waggle-typist-hand: %s\n", error->message);
}

static int leave(Hand *hand) {
  if (hand->map.changed) {
    /* the last keys may still be waiting in their client */
    gint64 left = hand->map.restore_at - g_get_monotonic_time();
    if (left > 0)
      g_usleep((gulong)MIN(left, 300 * G_TIME_SPAN_MILLISECOND));
    hand_map_put_back(hand);
  }
  xdo_free(hand->xdo);
  XCloseDisplay(hand->display);
  g_clear_pointer(&hand->map.saved, g_free);
  g_clear_pointer(&hand->stop.text, g_free);
  g_clear_pointer(&hand->human, g_hash_table_unref);
  return HAND_EXIT_OK;
}

static int serve(Hand *hand) {
  while (!hand->ending) {
    if (!g_queue_is_empty(hand->requests)) {
      hand_request_next(hand);
      continue;
    }
    gint64 due = hand->map.changed ? MAX(hand->map.restore_at, 1) : G_MAXINT64;
    if (g_get_monotonic_time() >= due)
      hand_map_put_back(hand);
    else
      (void)hand_wait_event(hand, due);
  }
  return leave(hand);
}

static int run(Hand *hand) {
  g_autoptr(GError) error = NULL;

  if (!hand_restore_lock(hand, &error)) {
    send_leaving(hand, HAND_LEAVING_LOCKED, error);
    return HAND_EXIT_LOCKED;
  }
  if (!hand_x_open(hand, &error)) {
    send_leaving(hand, HAND_LEAVING_NO_DISPLAY, error);
    return HAND_EXIT_NO_DISPLAY;
  }
  hand_human_init(hand);
  (void)hand_restore_run(hand);
  if (!typ_packet_send(hand->link, 0, HAND_EVENT_READY, hand_request_query(hand), &error)) {
    fprintf(stderr, "waggle-typist-hand: %s\n", error->message);
    return HAND_EXIT_FAILURE;
  }
  return serve(hand);
}

static int open_signals(void) {
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv) {
  Hand hand = {.link = HAND_FD, .requests = g_queue_new()};

  if (!setlocale(LC_ALL, "") || !g_get_charset(NULL))
    setlocale(LC_CTYPE, "C.UTF-8");
  if (argc == 2 && g_str_equal(argv[1], "--scratch"))
    return hand_scratch_main();
  if (argc != 2 || !g_str_has_prefix(argv[1], "--restore-file=")) {
    fprintf(stderr,
            "waggle-typist-hand is started by waggle-typist, as\n"
            "  waggle-typist-hand --restore-file=PATH\n"
            "with a socket as descriptor %d.\n",
            HAND_FD);
    return HAND_EXIT_USAGE;
  }
  /* What is typed is nobody's business: no core file, no debugger of the same user. */
  prctl(PR_SET_DUMPABLE, 0);
  hand.restore_file = strchr(argv[1], '=') + 1;
  hand.signals = open_signals();
  return run(&hand);
}
