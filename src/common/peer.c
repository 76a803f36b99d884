/* peer.c: one client of the private socket.
 *
 * Its connection is split (two descriptors of one socket, see bus-source.h), so that reading can
 * be stopped exactly while writing goes on. Four things are bounded:
 *
 * Output: sd-bus queues without limit what the client does not read. Over max_queued messages or
 * max_queued_bytes its calls are no longer read, until half of the bound is reached; wg_peer_charge
 * tells pushers to hold back meanwhile.
 *
 * Work: calls that are answered later are counted by the service (wg_peer_begin); over the bound
 * no more are read.
 *
 * Input: sd-bus takes messages of up to 128 MiB and has no knob. The header cannot be looked at
 * beforehand, since after the handshake sd-bus may hold the begin of the first message, and a peek
 * that is out of step would cut innocent clients. So bytes that arrive without completing a
 * message are summed up, turn by turn, and the client is cut over max_message_bytes. The sum is a
 * lower bound: a client that refills the socket while sd-bus reads from it may take more in that
 * one call, at most 128 MiB, and at most one client is in such a call at any time. What is only
 * announced costs address space and no memory.
 *
 * Time: to authenticate, to finish a message, to come back below a bound.
 *
 * Never: block, trust a word of the client about who it is, free itself inside sd-bus. */
#include "common/bus-source.h"
#include "common/peer-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <systemd/sd-login.h>
#include <unistd.h>

/* Not more than the least MaxQueuedMessages= */
#define GATHERED_MAX 16

static gboolean is_over(WgPeer *peer) {
  const WgPeerLimits *l = wg_peer_server_limits(peer->server);
  return (l->max_queued > 0 && peer->n_queued >= l->max_queued) ||
         (l->max_queued_bytes > 0 && peer->charged >= l->max_queued_bytes);
}

static gboolean is_relieved(WgPeer *peer) {
  const WgPeerLimits *l = wg_peer_server_limits(peer->server);
  return (l->max_queued == 0 || peer->n_queued <= l->max_queued / 2) &&
         (l->max_queued_bytes == 0 || peer->charged <= l->max_queued_bytes / 2);
}

static void update_reading(WgPeer *peer) {
  wg_bus_source_set_paused(peer->source, peer->over || peer->busy || peer->draining);
}

static void set_over(WgPeer *peer, gboolean over) {
  peer->over = over;
  peer->over_since = over ? g_get_monotonic_time() : 0;
  update_reading(peer);
  if (over)
    wg_peer_server_watch(peer->server);
}

/* What is gathered and would be taken at once is not what the client leaves unread. */
static guint64 count_unread(WgPeer *peer) {
  guint64 n = wg_bus_source_n_queued(peer->source);
  if (n < GATHERED_MAX)
    return n;
  wg_bus_source_flush(peer->source);
  return wg_bus_source_n_queued(peer->source);
}

/* sd-bus tells how many messages wait, not how many bytes: the sum of what was charged shrinks in
 * proportion, and is nothing when nothing waits (the rest is the kernel's). */
static void count_output(WgPeer *peer, guint64 bytes) {
  guint64 n = count_unread(peer);
  if (n < peer->n_queued)
    peer->charged = (guint64)((double)peer->charged / (double)peer->n_queued * (double)n);
  peer->charged = n > 0 ? peer->charged + bytes : 0;
  peer->n_queued = n;
  if (!peer->over && n > 0 && is_over(peer))
    set_over(peer, TRUE);
}

static void relieve(WgPeer *peer) {
  gpointer data = NULL;
  const WgPeerServerFuncs *funcs = wg_peer_server_funcs(peer->server, &data);
  if (!peer->over || !is_relieved(peer))
    return;
  set_over(peer, FALSE);
  if (funcs->writable && peer->attached)
    funcs->writable(peer, data);
}

/* The first message is sd-bus's own word that the handshake is over. */
static void attach(WgPeer *peer) {
  gpointer data = NULL;
  const WgPeerServerFuncs *funcs = wg_peer_server_funcs(peer->server, &data);
  g_autoptr(GError) error = NULL;

  if (!funcs->attach || funcs->attach(peer, data, &error))
    peer->attached = TRUE;
  else
    peer->refusal = g_strdup(error ? error->message : "not wanted");
}

static int on_message(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  WgPeer *peer = user_data;
  gpointer data = NULL;
  const WgPeerServerFuncs *funcs = wg_peer_server_funcs(peer->server, &data);

  peer->n_messages++;
  if (!peer->attached && !peer->refusal)
    attach(peer);
  else if (peer->attached && funcs->activity)
    funcs->activity(peer, data);
  count_output(peer, 0);
  if (peer->refusal)
    return 1; /* one that is to be dropped reaches no handler any more */
  return funcs->message ? funcs->message(peer, m, data) : 0;
}

/* Bytes came and no message was complete: they belong to one that is still arriving. */
static const char *count_input(WgPeer *peer, guint n_readable) {
  guint64 max = wg_peer_server_limits(peer->server)->max_message_bytes;
  gboolean complete = peer->n_messages != peer->n_seen;

  peer->n_seen = peer->n_messages;
  if (complete || n_readable == 0) {
    if (complete)
      peer->partial = peer->partial_since = 0;
    return NULL;
  }
  peer->partial += n_readable;
  if (peer->partial_since == 0) {
    peer->partial_since = g_get_monotonic_time();
    wg_peer_server_watch(peer->server);
  }
  return peer->partial > max ? "its message is larger than the limit" : NULL;
}

static void check_in_flight(WgPeer *peer) {
  const WgPeerLimits *l = wg_peer_server_limits(peer->server);
  gboolean busy = peer->busy;
  if (peer->n_in_flight >= l->max_in_flight || peer->bytes_in_flight >= l->max_in_flight_bytes)
    busy = TRUE;
  else if (peer->n_in_flight <= l->max_in_flight / 2 &&
           peer->bytes_in_flight <= l->max_in_flight_bytes / 2)
    busy = FALSE;
  if (busy == peer->busy)
    return;
  peer->busy = busy;
  update_reading(peer);
}

static void on_turn(sd_bus *bus, guint n_readable, gpointer user_data) {
  WgPeer *peer = user_data;
  const char *too_large = count_input(peer, n_readable);

  if (peer->refusal) {
    wg_peer_server_drop(peer->server, peer, WG_PEER_REFUSED, peer->refusal);
    return;
  }
  if (too_large) {
    wg_peer_server_drop(peer->server, peer, WG_PEER_MALFORMED, too_large);
    return;
  }
  if (peer->n_in_flight > 0) {
    peer->bytes_in_flight += n_readable;
    check_in_flight(peer);
  }
  count_output(peer, 0);
  if (peer->draining && wg_peer_drained(peer)) {
    wg_peer_server_drop(peer->server, peer, WG_PEER_LEFT, NULL);
    return;
  }
  relieve(peer);
}

/* sd-bus reports a hang-up by one of these; anything else is its verdict about the bytes. */
static WgPeerEnd end_of(int r) {
  gboolean orderly = r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN;
  return orderly ? WG_PEER_LEFT : WG_PEER_MALFORMED;
}

static void on_closed(sd_bus *bus, int r, gpointer user_data) {
  WgPeer *peer = user_data;
  WgPeerEnd end = end_of(r);
  wg_peer_server_drop(peer->server, peer, end, end == WG_PEER_LEFT ? NULL : g_strerror(-r));
}

static char *unit_of(pid_t pid) {
  char *unit = NULL;
  if (pid <= 0 || (sd_pid_get_user_unit(pid, &unit) < 0 && sd_pid_get_unit(pid, &unit) < 0))
    return NULL;
  char *copy = g_strdup(unit);
  free(unit);
  return copy;
}

/* sd-bus owns both descriptors from sd_bus_set_fd() on. */
static int prepare_bus(WgPeer *peer, int read_fd, int write_fd) {
  sd_id128_t id;
  int r = sd_id128_randomize(&id);
  if (r >= 0)
    r = sd_bus_set_server(peer->bus, 1, id);
  if (r >= 0)
    r = sd_bus_negotiate_fds(peer->bus, 1);
  if (r >= 0)
    r = sd_bus_set_connected_signal(peer->bus, 1);
  if (r >= 0)
    r = sd_bus_add_filter(peer->bus, NULL, on_message, peer);
  if (r >= 0)
    r = sd_bus_set_fd(peer->bus, read_fd, write_fd);
  return r;
}

/* Makes a connection that is not started yet of both descriptors, which it takes. Returns 0 or a
 * negative errno. */
static int open_bus(WgPeer *peer, int fd, int write_fd) {
  int r = sd_bus_new(&peer->bus);
  if (r >= 0)
    r = prepare_bus(peer, fd, write_fd);
  if (r < 0) {
    close(fd);
    close(write_fd);
  }
  return r;
}

WgPeer *wg_peer_new(WgPeerServer *server, int fd, const struct ucred *ucred) {
  int write_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (write_fd < 0) {
    wg_peer_log_end(ucred, WG_PEER_REFUSED, g_strerror(errno));
    close(fd);
    return NULL;
  }
  WgPeer *peer = g_new0(WgPeer, 1);
  peer->server = server;
  peer->ucred = *ucred;
  peer->born = g_get_monotonic_time();
  int r = open_bus(peer, fd, write_fd);
  WgPeerEnd end = WG_PEER_REFUSED;
  if (r >= 0) {
    /* reads the begin of the handshake already */
    r = sd_bus_start(peer->bus);
    end = end_of(r);
  }
  if (r < 0) {
    wg_peer_log_end(ucred, end, g_strerror(-r));
    wg_peer_free(peer);
    return NULL;
  }
  peer->unit = unit_of(ucred->pid);
  peer->source = wg_bus_source_attach_split(peer->bus, fd, write_fd, NULL, on_closed, peer);
  wg_bus_source_set_turn_func(peer->source, on_turn, peer);
  return peer;
}

/* Closing first: messages that others still hold would pin an open connection. */
void wg_peer_free(WgPeer *peer) {
  g_clear_pointer(&peer->source, wg_bus_source_destroy);
  g_clear_pointer(&peer->bus, sd_bus_close_unref);
  g_free(peer->unit);
  g_free(peer->refusal);
  g_free(peer);
}

static gboolean longer_than(gint64 since, guint64 limit, gint64 now) {
  return since > 0 && limit > 0 && now - since > (gint64)limit;
}

const char *wg_peer_overdue(WgPeer *peer, gint64 now) {
  const WgPeerLimits *l = wg_peer_server_limits(peer->server);
  if (peer->n_messages == 0 && longer_than(peer->born, l->auth_usec, now))
    return "it did not authenticate in time";
  if (longer_than(peer->over_since, l->stall_usec, now))
    return "it does not read what is sent to it";
  if (longer_than(peer->partial_since, l->stall_usec, now))
    return "it did not finish a message in time";
  return NULL;
}

gboolean wg_peer_suspect(WgPeer *peer) {
  return peer->n_messages == 0 || peer->over_since > 0 || peer->partial_since > 0;
}

void wg_peer_begin_drain(WgPeer *peer) {
  peer->draining = TRUE;
  update_reading(peer);
}

gboolean wg_peer_drained(WgPeer *peer) {
  wg_bus_source_flush(peer->source);
  return wg_bus_source_n_queued(peer->source) == 0;
}

GSource *wg_peer_source(WgPeer *peer) {
  return peer->source;
}

sd_bus *wg_peer_bus(WgPeer *peer) {
  return peer->bus;
}

uid_t wg_peer_uid(WgPeer *peer) {
  return peer->ucred.uid;
}

gid_t wg_peer_gid(WgPeer *peer) {
  return peer->ucred.gid;
}

pid_t wg_peer_pid(WgPeer *peer) {
  return peer->ucred.pid;
}

const char *wg_peer_unit(WgPeer *peer) {
  return peer->unit;
}

gboolean wg_peer_charge(WgPeer *peer, guint64 bytes) {
  count_output(peer, bytes);
  return !peer->over;
}

gboolean wg_peer_writable(WgPeer *peer) {
  return !peer->over;
}

void wg_peer_begin(WgPeer *peer) {
  peer->n_in_flight++;
  check_in_flight(peer);
}

void wg_peer_end(WgPeer *peer) {
  if (peer->n_in_flight == 0)
    return;
  peer->bytes_in_flight -= peer->bytes_in_flight / peer->n_in_flight;
  peer->n_in_flight--;
  check_in_flight(peer);
}
