/* peer-server.h: peer-to-peer D-Bus on an activated stream socket.
 *
 * Accepts clients on listening sockets that systemd made, speaks D-Bus with each
 * without a broker (sd_bus_set_server), and bounds them: how many clients in all
 * and for each uid, how many replies one may leave unread before we stop reading
 * its calls, how long it may stay so before it is cut. Who a client is comes from
 * SO_PEERCRED at accept and never from what it says: EXTERNAL is the only mechanism, any local uid
 * may connect, one that claims another uid than its socket's is turned away by sd-bus.
 * The service answers clients and sends them signals; it does not call them. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct WgPeerServer WgPeerServer;
typedef struct WgPeer WgPeer;

typedef struct {
  guint max_clients; /* over it: accepted, told LimitsExceeded by closing, logged (rate limited) */
  guint max_clients_per_uid; /* root has no bound of its own; 0: none */
  guint max_queued;          /* unread messages to one client before its calls are no longer read */
  guint64 max_queued_bytes;  /* unread bytes to one client, likewise; see wg_peer_charge() */
  guint64 stall_usec;        /* a client that is over a bound for so long is cut; so is one that
                                leaves a message half sent for so long */
  guint64 auth_usec;         /* a client that has not authenticated by then is cut; 0: 10 s */
  guint64 max_message_bytes; /* one message from a client; 0: 32 MiB. Bigger ones are cut while they
                                arrive, see peer.c for how exactly */
  guint max_in_flight;       /* calls of one client being worked on, see wg_peer_begin(); 0: 4096 */
  guint64 max_in_flight_bytes; /* 0: 64 MiB */
} WgPeerLimits;

/* They run from the client's turn of the loop: sending and dropping one's own data is allowed,
 * freeing the server is not. */
typedef struct {
  /* A client is connected and authenticated: add vtables. FALSE refuses it. */
  gboolean (*attach)(WgPeer *peer, gpointer user_data, GError **error);
  /* It is gone; `peer` is freed afterwards. */
  void (*detach)(WgPeer *peer, gpointer user_data);
  /* Any message came in (the idle timer is re-armed here). */
  void (*activity)(WgPeer *peer, gpointer user_data);
  /* May be NULL. wg_peer_writable() was FALSE and is TRUE again. */
  void (*writable)(WgPeer *peer, gpointer user_data);
  /* May be NULL. A message of an attached client, before the objects see it, as a filter of
   * sd_bus_add_filter(): positive when it is dealt with. */
  int (*message)(WgPeer *peer, sd_bus_message *m, gpointer user_data);
} WgPeerServerFuncs;

WgPeerServer *wg_peer_server_new(const WgPeerLimits *limits, const WgPeerServerFuncs *funcs,
                                 gpointer user_data);
void wg_peer_server_free(WgPeerServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgPeerServer, wg_peer_server_free)

/* Takes a listening AF_UNIX stream socket; the fd stays open at free (it is systemd's). */
gboolean wg_peer_server_listen(WgPeerServer *server, int fd, GError **error);
/* Stops accepting; what is in the backlog stays there and activates the next process. */
void wg_peer_server_stop_accepting(WgPeerServer *server);
guint wg_peer_server_n_clients(WgPeerServer *server);
void wg_peer_server_set_limits(WgPeerServer *server, const WgPeerLimits *limits);
/* Stops accepting and reading, writes out what is queued and closes every client; `done` runs
 * once, from the loop, when all are gone or after `limit_usec` (the rest is cut then). Not if the
 * server is freed before. */
void wg_peer_server_drain(WgPeerServer *server, guint64 limit_usec, void (*done)(gpointer),
                          gpointer user_data);

sd_bus *wg_peer_bus(WgPeer *peer);     /* borrowed */
GSource *wg_peer_source(WgPeer *peer); /* borrowed; for what is gathered, see bus-source.h */
uid_t wg_peer_uid(WgPeer *peer);
gid_t wg_peer_gid(WgPeer *peer);
pid_t wg_peer_pid(WgPeer *peer);
/* Recorded at accept: the user unit, else the system unit; NULL if none; never decisive. */
const char *wg_peer_unit(WgPeer *peer);

/* The peer behind a bus of this server; NULL for any other bus. */
WgPeer *wg_peer_from_bus(WgPeerServer *server, sd_bus *bus);
/* Tells that about `bytes` were queued for the client (a reply or a signal). TRUE while
 * it may be sent more; FALSE: hold pushes back until `writable`. Call it after sd_bus_send();
 * the sum shrinks in step with the queue of sd-bus. Both bounds end at half their value. */
gboolean wg_peer_charge(WgPeer *peer, guint64 bytes);
gboolean wg_peer_writable(WgPeer *peer);

/* A call that is answered later: `begin` when it is taken, `end` when its answer is sent or given
 * up. Over the bound (in number, or in bytes: what was read from the client since, shrinking in
 * step with the number) the client's calls are no longer read until half of it is done; that is
 * not held against the client. A call may outlive its client: ask wg_peer_from_bus() for the peer
 * again before `end`. */
void wg_peer_begin(WgPeer *peer);
void wg_peer_end(WgPeer *peer);
