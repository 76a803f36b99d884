/* peer-internal.h: what peer.c (one client) and peer-server.c (all of them) share.
 *
 * No other file includes it. A peer never frees itself: it tells the server, which drops it. */
#pragma once

#include "common/peer-server.h"

#include <sys/socket.h>

/* Why a client goes; decides what is logged and nothing else. */
typedef enum {
  WG_PEER_LEFT,      /* it went by itself, or we close for a reason of our own */
  WG_PEER_REFUSED,   /* over a bound, or refused by attach */
  WG_PEER_STALLED,   /* did not read, did not authenticate, did not finish a message */
  WG_PEER_MALFORMED, /* sent what is no D-Bus */
} WgPeerEnd;

struct WgPeer {
  WgPeerServer *server;
  sd_bus *bus;
  GSource *source;
  struct ucred ucred;
  char *unit;
  gboolean attached; /* attach() accepted it; detach() is owed */
  gboolean over;     /* over a bound: not read, see pressure */
  gboolean busy;     /* too many of its calls are in flight: not read */
  guint n_in_flight;
  guint64 bytes_in_flight;
  gboolean draining;    /* write the rest, then close */
  char *refusal;        /* set in a handler: to be dropped at the end of the turn */
  guint64 charged;      /* bytes, about, in sd-bus's write queue */
  guint64 n_queued;     /* length of that queue when `charged` was last brought up to date */
  guint64 n_messages;   /* that came in, and how many at the end of the last turn */
  guint64 n_seen;       /* by which a message that does not end is found */
  guint64 partial;      /* bytes of such a message */
  gint64 born;          /* CLOCK_MONOTONIC usec, as the following */
  gint64 over_since;    /* 0: not */
  gint64 partial_since; /* 0: not */
};

/* peer.c */
/* Takes `fd`. NULL, and logged, if no connection comes of it. */
WgPeer *wg_peer_new(WgPeerServer *server, int fd, const struct ucred *ucred);
void wg_peer_free(WgPeer *peer);
/* NULL, or what it has not done in time (static text). */
const char *wg_peer_overdue(WgPeer *peer, gint64 now);
gboolean wg_peer_suspect(WgPeer *peer); /* has a time limit running */
void wg_peer_begin_drain(WgPeer *peer);
gboolean wg_peer_drained(WgPeer *peer);

/* peer-server.c */
const WgPeerLimits *wg_peer_server_limits(WgPeerServer *server);
const WgPeerServerFuncs *wg_peer_server_funcs(WgPeerServer *server, gpointer *ret_data);
/* Takes the peer out, logs `why` as `end` demands, calls detach, frees it. */
void wg_peer_server_drop(WgPeerServer *server, WgPeer *peer, WgPeerEnd end, const char *why);
void wg_peer_server_watch(WgPeerServer *server); /* a peer became suspect: look at times */

/* peer-log.c */
void wg_peer_log_end(const struct ucred *ucred, WgPeerEnd end, const char *why);
void wg_peer_log_accept(int errnum);
