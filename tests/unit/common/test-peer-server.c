/* test-peer-server.c: clients come, are bounded, served and drained. */
#include "peer-fixture.h"

#include <sys/resource.h>

static void test_serve(Fixture *f, gconstpointer data) {
  Client *c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  g_assert_cmpuint(f->n_attached, ==, 1);
  g_assert_cmpuint(f->n_activity, ==, 1);
  g_assert_cmpuint(wg_peer_uid(f->peer), ==, getuid());
  g_assert_cmpuint(wg_peer_gid(f->peer), ==, getgid());
  g_assert_cmpint(wg_peer_pid(f->peer), ==, getpid());
  g_assert_null(wg_peer_from_bus(f->server, c->bus));
  client_free(c);
  pair_wait(&f->n_detached, 1);
  g_assert_cmpuint(wg_peer_server_n_clients(f->server), ==, 0);
}

static void test_refused_by_attach(Fixture *f, gconstpointer data) {
  f->refuse = TRUE;
  Client *c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&c->n_closed, 1);
  g_assert_cmpuint(pair_n_calls, ==, 0);
  g_assert_cmpuint(f->n_detached, ==, 0);
  client_free(c);
}

static void test_thousand(Fixture *f, gconstpointer data) {
  const guint n = 1000;
  g_autofree Client **clients = g_new0(Client *, n);
  for (guint i = 0; i < n; i++) {
    clients[i] = client_new(f);
    pair_call(clients[i]->bus, "Empty", client_reply, clients[i]);
    if (i % 64 == 0)
      g_main_context_iteration(NULL, FALSE); /* the backlog of the kernel is finite */
  }
  pair_wait(&f->n_replies, n);
  g_assert_cmpuint(wg_peer_server_n_clients(f->server), ==, n);
  for (guint i = 0; i < n; i++)
    client_free(clients[i]);
  pair_wait(&f->n_detached, n);
}

static void test_max_clients(Fixture *f, gconstpointer data) {
  f->limits.max_clients = 2;
  wg_peer_server_set_limits(f->server, &f->limits);
  int silent = fix_connect(f); /* one that never authenticates counts as well */
  Client *c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  Client *third = client_new(f);
  pair_wait(&third->n_closed, 1);
  fix_assert_logged("too many clients");
  client_free(third);
  close(silent);
  client_free(c);
  pair_wait(&f->n_detached, 1);
  c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 2);
  client_free(c);
}

static void test_max_per_uid(Fixture *f, gconstpointer data) {
  f->limits.max_clients_per_uid = 1;
  wg_peer_server_set_limits(f->server, &f->limits);
  Client *first = client_new(f), *second = client_new(f);
  pair_call(first->bus, "Empty", client_reply, first);
  pair_wait(&f->n_replies, 1);
  if (getuid() == 0) { /* root has no bound of its own */
    pair_call(second->bus, "Empty", client_reply, second);
    pair_wait(&f->n_replies, 2);
  } else {
    pair_wait(&second->n_closed, 1);
  }
  client_free(first);
  client_free(second);
}

static gboolean set_flag(gpointer data) {
  *(guint *)data = 1;
  return G_SOURCE_REMOVE;
}

static guint turns_in(guint msec) {
  guint over = 0, n = 0;
  g_timeout_add(msec, set_flag, &over);
  while (!over) {
    g_main_context_iteration(NULL, TRUE);
    n++;
  }
  return n;
}

/* Without descriptors accept() fails at once, again and again. */
static void test_out_of_descriptors(Fixture *f, gconstpointer data) {
  struct rlimit before, none;
  const char *preload = g_getenv("LD_PRELOAD");
  if (preload && strstr(preload, "vgpreload")) {
    g_test_skip("valgrind accepts first and closes what is over the limit");
    return;
  }
  g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
  Client *c = client_new(f);
  none = before;
  none.rlim_cur = (rlim_t)dup(0);
  close((int)none.rlim_cur);
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
  g_assert_cmpuint(turns_in(250), <, 50);
  g_assert_cmpuint(wg_peer_server_n_clients(f->server), ==, 0);
  g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
  fix_assert_logged("Cannot accept");
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  client_free(c);
}

static void on_drained(gpointer data) {
  ((Fixture *)data)->n_drained++;
}

/* Nothing that was answered is lost, and the backlog is left for the next process. */
static void test_drain(Fixture *f, gconstpointer data) {
  Client *c = client_new(f);
  for (guint i = 0; i < 3; i++)
    sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Big", client_reply, c, "u",
                             (uint32_t)MORE_THAN_THE_KERNEL_TAKES);
  pair_wait(&pair_n_calls, 3);
  wg_peer_server_drain(f->server, 10 * G_USEC_PER_SEC, on_drained, f);
  int late = fix_connect(f);
  pair_wait(&f->n_drained, 1);
  pair_wait(&c->n_closed, 1);
  g_assert_cmpuint(f->n_replies, ==, 3);
  g_assert_cmpuint(f->n_detached, ==, 1);
  struct sockaddr_un who;
  socklen_t size = sizeof(who);
  int fd = accept(f->listening, (struct sockaddr *)&who, &size);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  close(late);
  client_free(c);
}

static void test_drain_timeout(Fixture *f, gconstpointer data) {
  Client *c = client_new_deaf(f);
  sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Big", client_reply, c, "u",
                           (uint32_t)MORE_THAN_THE_KERNEL_TAKES);
  pair_wait(&pair_n_calls, 1);
  wg_peer_server_drain(f->server, 50000, on_drained, f);
  pair_wait(&f->n_drained, 1);
  g_assert_cmpuint(f->n_detached, ==, 1);
  fix_assert_logged("did not read");
  client_free(c);
}

static void free_server(gpointer data) {
  Fixture *f = data;
  f->n_drained++;
  g_clear_pointer(&f->server, wg_peer_server_free);
}

static void test_free_in_done(Fixture *f, gconstpointer data) {
  Client *c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  wg_peer_server_drain(f->server, G_USEC_PER_SEC, free_server, f);
  pair_wait(&f->n_drained, 1);
  client_free(c);
}

static void test_in_flight(Fixture *f, gconstpointer data) {
  f->answer_later = TRUE;
  f->limits.max_in_flight = 8;
  wg_peer_server_set_limits(f->server, &f->limits);
  Client *c = client_new(f);
  for (guint i = 0; i < 20; i++)
    pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 8);
  g_assert_cmpuint(turns_in(50), <, 20); /* neither more calls nor a spin */
  g_assert_cmpuint(pair_n_calls, ==, 8);
  for (guint i = 0; i < 3; i++)
    wg_peer_end(f->peer);
  turns_in(20);
  g_assert_cmpuint(pair_n_calls, ==, 8); /* not before half of them is done */
  wg_peer_end(f->peer);
  pair_wait(&f->n_replies, 12);
  turns_in(20);
  g_assert_cmpuint(pair_n_calls, ==, 12);
  client_free(c);
}

/* Many small calls and then a few large ones: read until the sum of bytes is over the bound. */
static void test_in_flight_bytes(Fixture *f, gconstpointer data) {
  g_autofree char *text = g_strnfill(4 * 1024 * 1024, 'x');
  f->answer_later = TRUE;
  f->limits.max_in_flight_bytes = 6 * 1024 * 1024;
  wg_peer_server_set_limits(f->server, &f->limits);
  Client *c = client_new(f);
  for (guint i = 0; i < 12; i++) /* no such method: an error is the answer, the call is read */
    g_assert_cmpint(sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Text",
                                             client_reply, c, "s", text),
                    >=, 0);
  pair_wait(&f->n_errors, 2);
  turns_in(100);
  guint n = f->n_activity;
  g_assert_cmpuint(n, >=, 2);
  g_assert_cmpuint(n, <=, 6);
  while (f->n_errors < 12) {
    for (; n > 0; n--)
      wg_peer_end(f->peer);
    guint before = f->n_activity;
    turns_in(20);
    n = f->n_activity - before;
  }
  client_free(c);
}

/* However many and however large: what came together is answered, none waits for the next. */
static void test_sizes(Fixture *f, gconstpointer data) {
  Client *c = client_new(f);
  guint n = 0;

  for (guint round = 0; round < 200; round++) {
    for (guint burst = (guint)g_test_rand_int_range(1, 45); burst > 0; burst--, n++) {
      guint size = 1u << g_test_rand_int_range(0, round % 3 == 0 ? 16 : 8);
      g_autofree char *text = g_strnfill(size, 'x');
      g_assert_cmpint(sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Text",
                                               client_reply, c, "s", text),
                      >=, 0);
    }
    pair_wait(&f->n_errors, n); /* no such method: an error is the answer */
  }
  g_assert_cmpuint(f->n_activity, ==, n);
  client_free(c);
}

static void test_not_a_socket(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_assert_false(wg_peer_server_listen(f->server, 0, &error));
  g_assert_nonnull(error);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  fix_collect_log();
#define ADD(name, func)                                                                            \
  g_test_add("/common/peer-server/" name, Fixture, NULL, fix_setup, func, fix_teardown)
  ADD("serve", test_serve);
  ADD("refused-by-attach", test_refused_by_attach);
  ADD("thousand", test_thousand);
  ADD("max-clients", test_max_clients);
  ADD("max-per-uid", test_max_per_uid);
  ADD("out-of-descriptors", test_out_of_descriptors);
  ADD("drain", test_drain);
  ADD("drain-timeout", test_drain_timeout);
  ADD("free-in-done", test_free_in_done);
  ADD("in-flight", test_in_flight);
  ADD("in-flight-bytes", test_in_flight_bytes);
  ADD("sizes", test_sizes);
  ADD("not-a-socket", test_not_a_socket);
  return g_test_run();
}
