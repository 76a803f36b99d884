/* peer-fixture.h: a peer server on a socket in a temporary directory, for the tests of it.
 *
 * What is logged is collected in a file, so that a test can ask whether the line an administrator
 * needs was written. Clients are raw sockets or sd-bus connections in the same process. */
#pragma once

#include "bus-pair.h"

#include "common/bus-source.h"
#include "common/log.h"
#include "common/peer-server.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/un.h>

/* sd-bus asks for socket buffers of 8 MiB and root gets them. */
#define MORE_THAN_THE_KERNEL_TAKES (20 * 1024 * 1024)

typedef struct {
  char *dir;
  struct sockaddr_un address;
  int listening;
  WgPeerServer *server;
  WgPeerLimits limits;
  guint n_attached, n_detached, n_activity, n_replies, n_errors, n_closed, n_writable, n_drained;
  gboolean refuse;
  gboolean answer_later; /* each call is in flight until the test ends it */
  WgPeer *peer;          /* the last attached */
} Fixture;

static inline gboolean fix_attach(WgPeer *peer, gpointer data, GError **error) {
  Fixture *f = data;
  if (f->refuse) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the test says no");
    return FALSE;
  }
  f->n_attached++;
  f->peer = peer;
  g_assert_true(wg_peer_from_bus(f->server, wg_peer_bus(peer)) == peer);
  return sd_bus_add_object_vtable(wg_peer_bus(peer), NULL, PAIR_PATH, PAIR_IFACE, pair_vtable,
                                  NULL) >= 0;
}

static inline void fix_detach(WgPeer *peer, gpointer data) {
  Fixture *f = data;
  f->n_detached++;
  if (f->peer == peer)
    f->peer = NULL;
}

static inline void fix_activity(WgPeer *peer, gpointer data) {
  Fixture *f = data;
  f->n_activity++;
  if (f->answer_later)
    wg_peer_begin(peer);
}

static inline void fix_writable(WgPeer *peer, gpointer data) {
  ((Fixture *)data)->n_writable++;
}

static const WgPeerServerFuncs fix_funcs = {fix_attach, fix_detach, fix_activity, fix_writable};

static inline void fix_setup(Fixture *f, gconstpointer data) {
  f->dir = g_dir_make_tmp("waggle-test-XXXXXX", NULL);
  f->address.sun_family = AF_UNIX;
  g_snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/s", f->dir);
  f->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(f->listening, (struct sockaddr *)&f->address, sizeof(f->address)), ==, 0);
  g_assert_cmpint(listen(f->listening, SOMAXCONN), ==, 0);
  f->limits = (WgPeerLimits){.max_clients = 4096,
                             .max_queued = 64,
                             .max_queued_bytes = 16 * 1024 * 1024,
                             .stall_usec = 10 * G_USEC_PER_SEC};
  f->server = wg_peer_server_new(&f->limits, &fix_funcs, f);
  g_assert_true(wg_peer_server_listen(f->server, f->listening, NULL));
  pair_n_calls = 0;
}

static inline void fix_teardown(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->server, wg_peer_server_free);
  g_assert_cmpuint(f->n_attached, ==, f->n_detached);
  g_assert_cmpint(fcntl(f->listening, F_GETFD), >=, 0); /* it is systemd's: still open */
  close(f->listening);
  g_unlink(f->address.sun_path);
  g_rmdir(f->dir);
  g_free(f->dir);
}

static inline int fix_connect(Fixture *f) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), ==, 0);
  g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
  return fd;
}

/* Where the journal lines go while a test looks at them. */
static int fix_log_fd = -1;

static inline void fix_collect_log(void) {
  g_autofree char *path = NULL;
  fix_log_fd = g_file_open_tmp("waggle-log-XXXXXX", &path, NULL);
  g_assert_cmpint(fix_log_fd, >=, 0);
  g_unlink(path);
  g_assert_cmpint(dup2(fix_log_fd, STDERR_FILENO), ==, STDERR_FILENO);
  g_assert_true(wg_log_set_target("console"));
}

static inline void fix_assert_logged(const char *text) {
  char buffer[65536];
  ssize_t n = pread(fix_log_fd, buffer, sizeof(buffer) - 1, 0);
  buffer[MAX(n, 0)] = 0;
  if (!strstr(buffer, text)) {
    g_print("Bail out! %s: not logged: \"%s\" in: %s\n", g_test_get_path(), text, buffer);
    abort();
  }
  /* the next assertion sees only what comes after this one */
  g_assert_cmpint(ftruncate(fix_log_fd, 0), ==, 0);
  lseek(fix_log_fd, 0, SEEK_SET);
}

typedef struct {
  Fixture *f;
  sd_bus *bus;
  GSource *source;
  guint n_closed;
} Client;

static inline void client_closed(sd_bus *bus, int r, gpointer data) {
  ((Client *)data)->n_closed++;
}

static inline int client_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  Client *c = data;
  if (sd_bus_message_is_method_error(m, NULL))
    c->f->n_errors++;
  else
    c->f->n_replies++;
  return 0;
}

static inline Client *client_new(Fixture *f) {
  Client *c = g_new0(Client, 1);
  c->f = f;
  c->bus = pair_client(fix_connect(f));
  c->source = wg_bus_source_attach(c->bus, NULL, client_closed, c);
  return c;
}

/* One that writes and never reads. */
static inline Client *client_new_deaf(Fixture *f) {
  Client *c = g_new0(Client, 1);
  int fd = fix_connect(f), second = dup(fd);
  c->f = f;
  c->bus = pair_client_split(second, fd);
  c->source = wg_bus_source_attach_split(c->bus, second, fd, NULL, client_closed, c);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  f->n_replies = pair_n_calls = 0;
  wg_bus_source_set_paused(c->source, TRUE);
  return c;
}

static inline void client_free(Client *c) {
  wg_bus_source_destroy(c->source);
  sd_bus_close_unref(c->bus);
  g_free(c);
}

static inline gboolean fix_tick(gpointer data) {
  return G_SOURCE_CONTINUE;
}

/* Turns the loop until the other side of a raw socket is closed; what it sent is thrown away. */
static inline void fix_wait_eof(int fd) {
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  guint tick = g_timeout_add(5, fix_tick, NULL);
  char buffer[4096];
  for (;;) {
    ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      break;
    if (n < 0)
      g_main_context_iteration(NULL, TRUE);
  }
  g_source_remove(tick);
  g_source_remove(guard);
}
