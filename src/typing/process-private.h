/* process-private.h: what process.c (requests and packets) and process-spawn.c (the child) share.
 */
#pragma once

#include "typing/process.h"

typedef enum {
  HAND_NONE,     /* no process */
  HAND_STARTING, /* not "ready" yet */
  HAND_READY,
  HAND_ENDING, /* no request goes to it any more: told to leave, killed, or its link is closed */
} HandState;

typedef struct {
  guint32 serial; /* 0: not sent yet */
  char *kind;
  GVariant *arguments;
  guint64 limit;
  TypHandFunc func;
  gpointer data;
} HandRequest;

struct TypHand {
  TypHandFuncs funcs;
  gpointer data;
  char *program, *restore_file;
  char **environment;
  guint64 answer_usec;
  HandState state;
  gboolean stale;     /* the environment is another one now */
  gboolean was_ready; /* this process has been */
  gint64 ready_at;    /* monotonic us */
  GPid pid;
  int fd;
  guint fd_source, child_source;
  guint limit;    /* of the start, of the first request, of the end */
  guint kick;     /* look at the requests in the next turn */
  guint restart;  /* a pause before the next start */
  guint pause_ms; /* the last one; 0 after a hand that lived for long */
  guint32 last_serial, stop_serial;
  GQueue requests;                   /* HandRequest; only the first may be sent */
  char *leaving_code, *leaving_text; /* what it said before it ended */
  char *killed_why;                  /* we killed it */
};

/* process.c. Does what can be done now: start the hand, or send the next request. */
void typ_hand_advance(TypHand *hand);
/* Takes the first request off and answers it. */
void typ_hand_finish_first(TypHand *hand, GVariant *reply, const GError *error);
void typ_hand_fail_all(TypHand *hand, const GError *error);

/* process-packets.c: a GUnixFDSourceFunc, and one packet: FALSE: nothing is there (any more). */
gboolean typ_hand_readable(gint fd, GIOCondition condition, gpointer data);
gboolean typ_hand_take_packet(TypHand *hand);

/* process-life.c */
void typ_hand_start(TypHand *hand);
void typ_hand_kill(TypHand *hand, const char *why);
/* Told to leave: it sees the end of its link. */
void typ_hand_let_go(TypHand *hand);
/* What takes longer, the start, a request or leaving, ends with the hand killed. */
void typ_hand_set_limit(TypHand *hand, guint64 usec);
void typ_hand_clear_limit(TypHand *hand);

/* process-spawn.c. Sets pid and fd; the watches are process.c's. */
gboolean typ_hand_spawn(TypHand *hand, GError **error);
/* What became of the process, for people: "exit status 4", "killed by signal 9 (Killed)". */
char *typ_hand_describe_status(int wait_status);
