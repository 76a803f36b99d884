/* peer-server.c: all clients of the private socket: accepting, bounds, time limits, draining.
 *
 * Invariants: a peer is in `peers` from the moment its connection exists until it is dropped, so
 * one that does not authenticate counts against every bound; detach() is called for exactly those
 * that attach() accepted. Being out of descriptors stops accepting for a while instead of spinning.
 * The times are looked at only while a client has a limit running: an idle service is not woken.
 *
 * Never: block, close a listening socket (it is systemd's), accept after stop_accepting. */
#include "common/error.h"
#include "common/log.h"
#include "common/peer-internal.h"

#include <errno.h>
#include <glib-unix.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define ACCEPT_MAX 64     /* clients taken in one turn */
#define BACK_OFF_MSEC 100 /* without descriptors or memory */
#define AUTH_USEC_DEFAULT (10 * G_USEC_PER_SEC)
#define IN_FLIGHT_DEFAULT 4096
#define IN_FLIGHT_BYTES_DEFAULT (64 * 1024 * 1024)
#define MESSAGE_BYTES_DEFAULT (32 * 1024 * 1024)

struct WgPeerServer {
  WgPeerLimits limits;
  WgPeerServerFuncs funcs;
  gpointer user_data;
  GHashTable *peers;     /* sd_bus* -> WgPeer* */
  GHashTable *n_per_uid; /* uid -> how many */
  GArray *listening;     /* int */
  GPtrArray *accepting;  /* GSource* of each, empty while accepting is stopped */
  GSource *back_off, *sweep, *drain;
  gint64 drain_end; /* CLOCK_MONOTONIC usec */
  void (*drained)(gpointer);
  gpointer drained_data;
};

static gboolean on_connection(gint fd, GIOCondition condition, gpointer user_data);

static void destroy_source(GSource *source) {
  g_source_destroy(source);
  g_source_unref(source);
}

static GSource *attach_source(GSource *source, const char *name, GSourceFunc func, gpointer data) {
  g_source_set_static_name(source, name);
  g_source_set_callback(source, func, data, NULL);
  g_source_attach(source, NULL);
  return source;
}

WgPeerServer *wg_peer_server_new(const WgPeerLimits *limits, const WgPeerServerFuncs *funcs,
                                 gpointer user_data) {
  WgPeerServer *server = g_new0(WgPeerServer, 1);
  wg_peer_server_set_limits(server, limits);
  server->funcs = *funcs;
  server->user_data = user_data;
  server->peers = g_hash_table_new(NULL, NULL);
  server->n_per_uid = g_hash_table_new(NULL, NULL);
  server->listening = g_array_new(FALSE, FALSE, sizeof(int));
  server->accepting = g_ptr_array_new_with_free_func((GDestroyNotify)destroy_source);
  return server;
}

void wg_peer_server_set_limits(WgPeerServer *server, const WgPeerLimits *limits) {
  server->limits = *limits;
  if (server->limits.auth_usec == 0)
    server->limits.auth_usec = AUTH_USEC_DEFAULT;
  if (server->limits.max_message_bytes == 0)
    server->limits.max_message_bytes = MESSAGE_BYTES_DEFAULT;
  if (server->limits.max_in_flight == 0)
    server->limits.max_in_flight = IN_FLIGHT_DEFAULT;
  if (server->limits.max_in_flight_bytes == 0)
    server->limits.max_in_flight_bytes = IN_FLIGHT_BYTES_DEFAULT;
  if (server->sweep) { /* its interval follows from the limits */
    g_clear_pointer(&server->sweep, destroy_source);
    wg_peer_server_watch(server);
  }
}

const WgPeerLimits *wg_peer_server_limits(WgPeerServer *server) {
  return &server->limits;
}

const WgPeerServerFuncs *wg_peer_server_funcs(WgPeerServer *server, gpointer *ret_data) {
  *ret_data = server->user_data;
  return &server->funcs;
}

guint wg_peer_server_n_clients(WgPeerServer *server) {
  return g_hash_table_size(server->peers);
}

WgPeer *wg_peer_from_bus(WgPeerServer *server, sd_bus *bus) {
  return server ? g_hash_table_lookup(server->peers, bus) : NULL;
}

static guint count_uid(WgPeerServer *server, uid_t uid, int change) {
  gpointer key = GUINT_TO_POINTER(uid);
  guint n = GPOINTER_TO_UINT(g_hash_table_lookup(server->n_per_uid, key)) + (guint)change;
  if (change != 0 && n > 0)
    g_hash_table_insert(server->n_per_uid, key, GUINT_TO_POINTER(n));
  else if (change != 0)
    g_hash_table_remove(server->n_per_uid, key);
  return n;
}

/* Called last by everything that makes a client go. */
static void drain_is_over(WgPeerServer *server) {
  void (*done)(gpointer) = server->drained;
  if (!server->drain || g_hash_table_size(server->peers) > 0)
    return;
  g_clear_pointer(&server->drain, destroy_source);
  server->drained = NULL;
  if (done)
    done(server->drained_data);
}

static void drop(WgPeerServer *server, WgPeer *peer, WgPeerEnd end, const char *why) {
  if (!g_hash_table_remove(server->peers, peer->bus))
    return;
  count_uid(server, peer->ucred.uid, -1);
  wg_peer_log_end(&peer->ucred, end, why);
  if (peer->attached && server->funcs.detach)
    server->funcs.detach(peer, server->user_data);
  wg_peer_free(peer);
}

void wg_peer_server_drop(WgPeerServer *server, WgPeer *peer, WgPeerEnd end, const char *why) {
  drop(server, peer, end, why);
  /* `done` may free the server and must not run below a client's turn: the drain source does it */
  if (server->drain && g_hash_table_size(server->peers) == 0)
    g_source_set_ready_time(server->drain, 0);
}

/* The time limits of clients that have one running. */
static gboolean on_sweep(gpointer user_data) {
  WgPeerServer *server = user_data;
  g_autoptr(GList) peers = g_hash_table_get_values(server->peers);
  gint64 now = g_get_monotonic_time();
  gboolean again = FALSE;

  for (GList *l = peers; l; l = l->next) {
    WgPeer *peer = l->data;
    const char *overdue = wg_peer_overdue(peer, now);
    if (overdue)
      wg_peer_server_drop(server, peer, WG_PEER_STALLED, overdue);
    else
      again = again || wg_peer_suspect(peer);
  }
  if (again)
    return G_SOURCE_CONTINUE;
  g_clear_pointer(&server->sweep, destroy_source);
  return G_SOURCE_REMOVE;
}

void wg_peer_server_watch(WgPeerServer *server) {
  guint64 least = server->limits.auth_usec;
  if (server->limits.stall_usec > 0)
    least = MIN(least, server->limits.stall_usec);
  if (server->sweep)
    return;
  guint msec = (guint)CLAMP(least / 4 / 1000, 10, 1000);
  server->sweep = attach_source(g_timeout_source_new(msec), "peer-sweep", on_sweep, server);
}

static void start_accepting(WgPeerServer *server) {
  for (guint i = 0; i < server->listening->len; i++) {
    GSource *source = g_unix_fd_source_new(g_array_index(server->listening, int, i), G_IO_IN);
    attach_source(source, "peer-accept", G_SOURCE_FUNC(on_connection), server);
    g_ptr_array_add(server->accepting, source);
  }
}

static gboolean on_back_off_over(gpointer user_data) {
  WgPeerServer *server = user_data;
  g_clear_pointer(&server->back_off, destroy_source);
  start_accepting(server);
  return G_SOURCE_REMOVE;
}

/* The backlog keeps the listening sockets readable: watching on would spin. */
static void back_off(WgPeerServer *server, int errnum) {
  wg_peer_log_accept(errnum);
  g_ptr_array_set_size(server->accepting, 0);
  if (!server->back_off)
    server->back_off = attach_source(g_timeout_source_new(BACK_OFF_MSEC), "peer-back-off",
                                     on_back_off_over, server);
}

static const char *over_bounds(WgPeerServer *server, uid_t uid) {
  const WgPeerLimits *l = &server->limits;
  if (l->max_clients > 0 && g_hash_table_size(server->peers) >= l->max_clients)
    return "LimitsExceeded: too many clients";
  if (uid != 0 && l->max_clients_per_uid > 0 && count_uid(server, uid, 0) >= l->max_clients_per_uid)
    return "LimitsExceeded: too many clients of this user";
  return NULL;
}

/* Takes `fd`. */
static void add_client(WgPeerServer *server, int fd) {
  struct ucred ucred = {0};
  socklen_t size = sizeof(ucred);

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0) {
    wg_peer_log_end(&ucred, WG_PEER_REFUSED, g_strerror(errno));
    close(fd);
    return;
  }
  const char *over = over_bounds(server, ucred.uid);
  if (over) {
    wg_peer_log_end(&ucred, WG_PEER_REFUSED, over);
    close(fd);
    return;
  }
  WgPeer *peer = wg_peer_new(server, fd, &ucred);
  if (!peer)
    return;
  g_hash_table_insert(server->peers, peer->bus, peer);
  count_uid(server, ucred.uid, 1);
  wg_peer_server_watch(server);
}

static gboolean on_connection(gint listening, GIOCondition condition, gpointer user_data) {
  WgPeerServer *server = user_data;
  for (guint i = 0; i < ACCEPT_MAX; i++) {
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      add_client(server, fd);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR)
      continue; /* that one is gone again */
    if (errno != EAGAIN) {
      back_off(server, errno);
      return G_SOURCE_REMOVE;
    }
    break;
  }
  return G_SOURCE_CONTINUE;
}

gboolean wg_peer_server_listen(WgPeerServer *server, int fd, GError **error) {
  if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "Descriptor %d is not a listening AF_UNIX stream socket", fd);
    return FALSE;
  }
  if (!g_unix_set_fd_nonblocking(fd, TRUE, error))
    return FALSE;
  g_array_append_val(server->listening, fd);
  g_ptr_array_set_size(server->accepting, 0);
  if (!server->back_off)
    start_accepting(server);
  return TRUE;
}

void wg_peer_server_stop_accepting(WgPeerServer *server) {
  g_array_set_size(server->listening, 0);
  g_ptr_array_set_size(server->accepting, 0);
  g_clear_pointer(&server->back_off, destroy_source);
}

static void cut_the_rest(WgPeerServer *server) {
  g_autoptr(GList) rest = g_hash_table_get_values(server->peers);
  g_autofree char *n = g_strdup_printf("%u", g_list_length(rest));
  if (rest)
    wg_log(LOG_WARNING, WG_MSG_DRAIN_TIMEOUT, WG_FIELDS(WG_FIELD_COUNT, n),
           "Leaving although %s clients did not read all that was sent to them", n);
  for (GList *l = rest; l; l = l->next)
    drop(server, l->data, WG_PEER_LEFT, NULL);
}

/* Runs at once to close those that have nothing left, and at the end of the time. */
static gboolean on_drain(gpointer user_data) {
  WgPeerServer *server = user_data;
  g_autoptr(GList) peers = g_hash_table_get_values(server->peers);

  if (g_get_monotonic_time() >= server->drain_end)
    cut_the_rest(server);
  else
    for (GList *l = peers; l; l = l->next)
      if (wg_peer_drained(l->data))
        drop(server, l->data, WG_PEER_LEFT, NULL);
  if (g_hash_table_size(server->peers) > 0) {
    g_source_set_ready_time(server->drain, server->drain_end);
    return G_SOURCE_CONTINUE;
  }
  drain_is_over(server); /* the last word: the server may be freed now */
  return G_SOURCE_REMOVE;
}

static gboolean drain_dispatch(GSource *source, GSourceFunc func, gpointer data) {
  return func(data);
}

void wg_peer_server_drain(WgPeerServer *server, guint64 limit_usec, void (*done)(gpointer),
                          gpointer user_data) {
  static GSourceFuncs drain_funcs = {.dispatch = drain_dispatch};
  GHashTableIter iter;
  gpointer peer = NULL;

  wg_peer_server_stop_accepting(server);
  server->drained = done;
  server->drained_data = user_data;
  server->drain_end = g_get_monotonic_time() + (gint64)MIN(limit_usec, (guint64)G_MAXINT64 / 2);
  g_hash_table_iter_init(&iter, server->peers);
  while (g_hash_table_iter_next(&iter, NULL, &peer))
    wg_peer_begin_drain(peer);
  if (!server->drain)
    server->drain =
        attach_source(g_source_new(&drain_funcs, sizeof(GSource)), "peer-drain", on_drain, server);
  g_source_set_ready_time(server->drain, 0);
}

void wg_peer_server_free(WgPeerServer *server) {
  if (!server)
    return;
  wg_peer_server_stop_accepting(server);
  g_clear_pointer(&server->sweep, destroy_source);
  g_clear_pointer(&server->drain, destroy_source);
  g_autoptr(GList) rest = g_hash_table_get_values(server->peers);
  for (GList *l = rest; l; l = l->next)
    drop(server, l->data, WG_PEER_LEFT, NULL);
  g_hash_table_unref(server->peers);
  g_hash_table_unref(server->n_per_uid);
  g_array_unref(server->listening);
  g_ptr_array_unref(server->accepting);
  g_free(server);
}
