/* test-caller.c: who calls: asked once, in order, until the name vanishes. */
#include "bus-broker.h"

#include "common/caller.h"

#include <sys/un.h>

typedef struct {
  GTestDBus *broker;
  Connection service, client;
  WgCallers *callers;
  guint n_calls, n_known, n_failed, n_gone;
  guint64 id; /* of the last caller */
  guint32 last;
  char *log; /* the numbers of the calls, in the order of identification */
  gboolean forget_in_callback;
} Fixture;

static void on_gone(WgCaller *c, gpointer data) {
  Fixture *f = data;
  g_assert_cmpuint(c->id, >, 0);
  f->n_gone++;
}

static void on_caller(sd_bus_message *m, WgCaller *c, const GError *error, gpointer data) {
  Fixture *f = data;
  g_assert_true((c == NULL) == (error != NULL));
  g_assert_cmpint(sd_bus_message_rewind(m, 1), >=, 0);
  g_assert_cmpint(sd_bus_message_read(m, "u", &f->last), >=, 0);
  char *log = g_strdup_printf("%s%u%s ", f->log, f->last, c ? "" : "!");
  g_free(f->log);
  f->log = log;
  if (!c) {
    f->n_failed++;
    return;
  }
  g_assert_cmpuint(c->uid, ==, getuid());
  g_assert_cmpint(c->pid, ==, getpid());
  g_assert_cmpstr(c->name, ==, sd_bus_message_get_sender(m));
  g_assert_true(c->bus == sd_bus_message_get_bus(m));
  g_assert_null(c->peer);
  f->id = c->id;
  f->n_known++;
  if (f->forget_in_callback)
    wg_callers_set_bus(f->callers, NULL);
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  f->n_calls++;
  wg_callers_identify(f->callers, NULL, m, on_caller, f);
  return 1;
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Call", "u", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static void setup(Fixture *f, gconstpointer data) {
  f->broker = broker_up();
  connection_open(&f->service, f->broker);
  connection_open(&f->client, f->broker);
  f->callers = wg_callers_new(on_gone, f);
  wg_callers_set_bus(f->callers, f->service.bus);
  sd_bus_add_object_vtable(f->service.bus, NULL, PAIR_PATH, PAIR_IFACE, vtable, f);
  f->log = g_strdup("");
}

static void teardown(Fixture *f, gconstpointer data) {
  wg_callers_free(f->callers);
  connection_close(&f->client);
  connection_close(&f->service);
  broker_down(f->broker);
  g_free(f->log);
}

static void call(Fixture *f, guint32 n) {
  const char *name = NULL;
  sd_bus_message *m = NULL;
  g_assert_cmpint(sd_bus_get_unique_name(f->service.bus, &name), >=, 0);
  g_assert_cmpint(
      sd_bus_message_new_method_call(f->client.bus, &m, name, PAIR_PATH, PAIR_IFACE, "Call"), >=,
      0);
  g_assert_cmpint(sd_bus_message_set_expect_reply(m, 0), >=, 0);
  g_assert_cmpint(sd_bus_message_append(m, "u", n), >=, 0);
  g_assert_cmpint(sd_bus_send(f->client.bus, m, NULL), >=, 0);
  sd_bus_message_unref(m);
}

static void client_leaves(Fixture *f) {
  const char *name = NULL;
  g_assert_cmpint(sd_bus_get_unique_name(f->client.bus, &name), >=, 0);
  g_autofree char *copy = g_strdup(name);
  connection_close(&f->client);
  broker_wait_gone(f->broker, copy);
}

static void test_once_and_in_order(Fixture *f, gconstpointer data) {
  for (guint32 i = 1; i <= 5; i++)
    call(f, i);
  pair_wait(&f->n_known, 5);
  guint64 id = f->id;
  call(f, 6);
  pair_wait(&f->n_known, 6);
  g_assert_cmpstr(f->log, ==, "1 2 3 4 5 6 ");
  g_assert_cmpuint(f->id, ==, id);
  g_assert_cmpuint(wg_callers_n(f->callers), ==, 1);
  g_assert_cmpuint(f->n_gone, ==, 0);
}

static void test_gone(Fixture *f, gconstpointer data) {
  call(f, 1);
  pair_wait(&f->n_known, 1);
  guint64 id = f->id;
  client_leaves(f);
  pair_wait(&f->n_gone, 1);
  g_assert_cmpuint(wg_callers_n(f->callers), ==, 0);
  connection_open(&f->client, f->broker);
  call(f, 2);
  pair_wait(&f->n_known, 2);
  g_assert_cmpuint(f->id, !=, id);
}

static void test_vanished_before_asked(Fixture *f, gconstpointer data) {
  call(f, 1);
  call(f, 2);
  client_leaves(f);
  pair_wait(&f->n_failed, 2);
  g_assert_cmpstr(f->log, ==, "1! 2! ");
  g_assert_cmpuint(f->n_gone, ==, 0);
  g_assert_cmpuint(wg_callers_n(f->callers), ==, 0);
}

static void test_bus_lost(Fixture *f, gconstpointer data) {
  call(f, 1);
  pair_wait(&f->n_known, 1);
  wg_callers_set_bus(f->callers, NULL);
  g_assert_cmpuint(f->n_gone, ==, 1);
  call(f, 2);
  pair_wait(&f->n_failed, 1);
}

static void test_bus_lost_while_asking(Fixture *f, gconstpointer data) {
  call(f, 1);
  call(f, 2);
  pair_wait(&f->n_calls, 2);
  wg_callers_set_bus(f->callers, NULL);
  g_assert_cmpuint(f->n_known + f->n_failed, ==, 2);
  g_assert_cmpuint(f->n_gone, ==, f->n_known > 0);
}

static void test_forget_in_callback(Fixture *f, gconstpointer data) {
  f->forget_in_callback = TRUE;
  call(f, 1);
  call(f, 2);
  pair_wait(&f->n_failed, 1);
  g_assert_cmpstr(f->log, ==, "1 2! ");
  g_assert_cmpuint(f->n_gone, ==, 1);
}

static gboolean attach_peer(WgPeer *peer, gpointer data, GError **error) {
  Fixture *f = data;
  WgCaller *c = wg_callers_add_peer(f->callers, peer);
  g_assert_true(c == wg_callers_add_peer(f->callers, peer));
  g_assert_true(c->peer == peer);
  g_assert_null(c->name);
  g_assert_cmpuint(c->uid, ==, getuid());
  f->n_known++;
  return TRUE;
}

static void detach_peer(WgPeer *peer, gpointer data) {
  wg_callers_remove_peer(((Fixture *)data)->callers, peer);
}

static void test_peer(Fixture *f, gconstpointer data) {
  const WgPeerLimits limits = {.max_clients = 4};
  const WgPeerServerFuncs funcs = {attach_peer, detach_peer, NULL, NULL};
  struct sockaddr_un address = {.sun_family = AF_UNIX}; /* the kernel chooses a name */
  socklen_t size = sizeof(address);
  int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(listening, (struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
  g_assert_cmpint(listen(listening, 4), ==, 0);
  g_assert_cmpint(getsockname(listening, (struct sockaddr *)&address, &size), ==, 0);
  WgPeerServer *server = wg_peer_server_new(&limits, &funcs, f);
  g_assert_true(wg_peer_server_listen(server, listening, NULL));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(connect(fd, (struct sockaddr *)&address, size), ==, 0);
  Connection peer = {.bus = pair_client(fd)};
  peer.source = wg_bus_source_attach(peer.bus, NULL, connection_closed, &peer);
  pair_wait(&f->n_known, 1);
  g_assert_cmpuint(wg_callers_n(f->callers), ==, 1);
  wg_peer_server_free(server);
  g_assert_cmpuint(f->n_gone, ==, 1);
  g_assert_cmpuint(wg_callers_n(f->callers), ==, 0);
  pair_wait(&peer.n_closed, 1);
  connection_close(&peer);
  close(listening);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/common/caller/" name, Fixture, NULL, setup, func, teardown)
  ADD("once-and-in-order", test_once_and_in_order);
  ADD("gone", test_gone);
  ADD("vanished-before-asked", test_vanished_before_asked);
  ADD("bus-lost", test_bus_lost);
  ADD("bus-lost-while-asking", test_bus_lost_while_asking);
  ADD("forget-in-callback", test_forget_in_callback);
  ADD("peer", test_peer);
  return g_test_run();
}
