/* echo.h: echo requests of ICMP and ICMPv6 through a ping socket. Worker threads only.
 *
 * A host that is not there is an answer ("error" says what a router told), a kernel that gives this
 * user no such socket is none. */
#pragma once

#include <gio/gio.h>

#define CHK_ECHO_COUNT 3
#define CHK_ECHO_COUNT_MAX 100
#define CHK_ECHO_INTERVAL (G_USEC_PER_SEC / 5)
#define CHK_ECHO_INTERVAL_MIN (G_USEC_PER_SEC / 100)
#define CHK_ECHO_SIZE 56
#define CHK_ECHO_SIZE_MIN 16
#define CHK_ECHO_SIZE_MAX 1400

typedef struct {
  /* in, all within the bounds above; times in us */
  guint count;
  gint64 interval, wait;
  gsize size;
  /* out */
  guint n_sent, n_received;
  gint64 times[CHK_ECHO_COUNT_MAX]; /* of each that was sent; -1: not answered */
} ChkEcho;

/* NULL with an error that says what an administrator has to set. */
GSocket *chk_echo_open(GInetAddress *address, GError **error);
gboolean chk_echo_connect(GSocket *socket, GInetAddress *address, GCancellable *cancel,
                          GError **error);
/* FALSE: it ended before its time, with the error; what was seen until then stands in `echo`. */
gboolean chk_echo_run(ChkEcho *echo, GSocket *socket, GCancellable *cancel, GError **error);

/* Of the answer's bytes: which request it answers, or -1. For tests. `six`: ICMPv6. */
int chk_echo_number(const guint8 *bytes, gsize size, gboolean six, const guint8 *mark);
#define CHK_ECHO_MARK 8 /* bytes that are each look's own */
