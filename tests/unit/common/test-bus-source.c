/* test-bus-source.c: the loop source of sd-bus against each trap it was written for. */
#include "bus-pair.h"

#include "common/bus-source.h"

#include <glib-unix.h>
#include <poll.h>

typedef struct {
  sd_bus *server, *client;
  GSource *server_source, *client_source;
  guint n_replies, n_errors, n_closed, n_notes;
  int closed_with;
} Fixture;

static void on_closed(sd_bus *bus, int r, gpointer data) {
  Fixture *f = data;
  f->n_closed++;
  f->closed_with = r;
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  if (sd_bus_message_is_method_error(m, NULL))
    f->n_errors++;
  f->n_replies++;
  return 0;
}

static int on_note(sd_bus_message *m, void *data, sd_bus_error *e) {
  ((Fixture *)data)->n_notes++;
  return 0;
}

static void setup(Fixture *f, gconstpointer data) {
  int ends[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
  int second = dup(ends[0]);
  pair_n_calls = 0;
  f->server = pair_server(second, ends[0]);
  f->client = pair_client(ends[1]);
  f->server_source = wg_bus_source_attach_split(f->server, second, ends[0], NULL, on_closed, f);
  f->client_source = wg_bus_source_attach(f->client, NULL, on_closed, f);
  pair_call(f->client, "Empty", on_reply, f);
  pair_wait(&f->n_replies, 1);
  f->n_replies = pair_n_calls = 0;
}

static void teardown(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  sd_bus_close_unref(f->client);
  sd_bus_close_unref(f->server);
}

static void test_many(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 1000; i++)
    pair_call(f->client, "Empty", on_reply, f);
  pair_wait(&f->n_replies, 1000);
  g_assert_cmpuint(f->n_errors, ==, 0);
}

static gpointer serve_blocking(gpointer data) {
  sd_bus *bus = data;
  for (;;) {
    int r = sd_bus_process(bus, NULL);
    if (r < 0)
      return NULL;
    if (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
      return NULL;
  }
}

/* A signal that arrives during a blocking call waits in sd-bus's queue: the fd is silent, only
 * the time-out 0 tells of it. */
static void test_read_queue(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  GThread *thread = g_thread_new("server", serve_blocking, f->server);
  sd_bus_match_signal(f->client, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Note", on_note, f);
  g_assert_cmpint(
      sd_bus_call_method(f->client, NULL, PAIR_PATH, PAIR_IFACE, "Noted", NULL, NULL, NULL), >=, 0);
  g_assert_cmpuint(f->n_notes, ==, 0);
  struct pollfd silent = {sd_bus_get_fd(f->client), POLLIN, 0};
  g_assert_cmpint(poll(&silent, 1, 0), ==, 0);
  pair_wait(&f->n_notes, 1);
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  f->client = sd_bus_close_unref(f->client);
  g_thread_join(thread);
}

static gboolean set_flag(gpointer data) {
  *(guint *)data = 1;
  return G_SOURCE_REMOVE;
}

static void test_idle_spin(Fixture *f, gconstpointer data) {
  guint over = 0, n_turns = 0;
  pair_call(f->client, "Never", on_reply, f); /* so that there is a time-out to be computed */
  g_timeout_add(300, set_flag, &over);
  while (!over) {
    g_main_context_iteration(NULL, TRUE);
    n_turns++;
  }
  g_assert_cmpuint(n_turns, <, 20);
}

static void call_timing_out(Fixture *f, guint64 usec) {
  sd_bus_message *m = NULL;
  g_assert_cmpint(
      sd_bus_message_new_method_call(f->client, &m, NULL, PAIR_PATH, PAIR_IFACE, "Never"), >=, 0);
  g_assert_cmpint(sd_bus_call_async(f->client, NULL, m, on_reply, f, usec), >=, 0);
  sd_bus_message_unref(m);
}

static void test_async_timeout(Fixture *f, gconstpointer data) {
  gint64 begin = g_get_monotonic_time();
  call_timing_out(f, 50 * G_TIME_SPAN_MILLISECOND);
  pair_wait(&f->n_replies, 1);
  g_assert_cmpuint(f->n_errors, ==, 1);
  g_assert_cmpint(g_get_monotonic_time() - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);
}

static gboolean tick(gpointer data) {
  (*(guint *)data)++;
  return G_SOURCE_CONTINUE;
}

static void test_high_priority_ticker(Fixture *f, gconstpointer data) {
  guint n_ticks = 0;
  guint id = g_timeout_add_full(G_PRIORITY_HIGH, 1, tick, &n_ticks, NULL);
  for (guint i = 1; i <= 300; i++) {
    pair_call(f->client, "Empty", on_reply, f);
    pair_wait(&f->n_replies, i);
  }
  g_assert_cmpuint(f->n_errors, ==, 0);
  call_timing_out(f, 20 * G_TIME_SPAN_MILLISECOND);
  pair_wait(&f->n_replies, 301);
  g_assert_cmpuint(f->n_errors, ==, 1);
  pair_wait(&n_ticks, 10);
  g_source_remove(id);
}

typedef struct {
  guint stop, n_added;
} Adder;

static gboolean never_ready(gint fd, GIOCondition c, gpointer data) {
  return G_SOURCE_CONTINUE;
}

static gpointer add_sources(gpointer data) {
  Adder *a = data;
  int fds[2];
  g_assert_cmpint(pipe(fds), ==, 0);
  while (!g_atomic_int_get(&a->stop)) {
    GSource *s = g_unix_fd_source_new(fds[0], G_IO_IN);
    g_source_set_callback(s, G_SOURCE_FUNC(never_ready), NULL, NULL);
    g_source_attach(s, NULL);
    g_usleep(50);
    g_source_destroy(s);
    g_source_unref(s);
    g_atomic_int_inc(&a->n_added);
  }
  close(fds[0]);
  close(fds[1]);
  return NULL;
}

/* The poll set changes while the loop polls: GLib leaves check() out. */
static void test_source_from_thread(Fixture *f, gconstpointer data) {
  Adder a = {0};
  GThread *thread = g_thread_new("adder", add_sources, &a);
  for (guint i = 1; i <= 300 || g_atomic_int_get(&a.n_added) < 100; i++) {
    pair_call(f->client, "Empty", on_reply, f);
    pair_wait(&f->n_replies, i);
  }
  g_atomic_int_set(&a.stop, 1);
  g_thread_join(thread);
  g_assert_cmpuint(f->n_errors, ==, 0);
}

static void test_disconnect(Fixture *f, gconstpointer data) {
  pair_call(f->client, "Never", on_reply, f);
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  f->server = sd_bus_close_unref(f->server);
  pair_wait(&f->n_closed, 1);
  /* who waited for an answer was told before the end was */
  g_assert_cmpuint(f->n_errors, ==, 1);
  g_assert_cmpint(f->closed_with, ==, -ECONNRESET);
  guint over = 0;
  g_timeout_add(50, set_flag, &over);
  pair_wait(&over, 1);
  g_assert_cmpuint(f->n_closed, ==, 1);
}

static void destroy_on_closed(sd_bus *bus, int r, gpointer data) {
  Fixture *f = data;
  f->n_closed++;
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  f->client = sd_bus_close_unref(f->client);
}

static void test_destroy_in_closed(Fixture *f, gconstpointer data) {
  wg_bus_source_destroy(f->client_source);
  f->client_source = wg_bus_source_attach(f->client, NULL, destroy_on_closed, f);
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  f->server = sd_bus_close_unref(f->server);
  pair_wait(&f->n_closed, 1);
  g_assert_null(f->client);
}

static int destroy_on_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  f->n_replies++;
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  return 0;
}

static void test_destroy_in_dispatch(Fixture *f, gconstpointer data) {
  pair_call(f->client, "Empty", destroy_on_reply, f);
  pair_call(f->client, "Empty", on_reply, f);
  pair_wait(&f->n_replies, 1);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(f->n_replies, ==, 1);
}

/* A loop within a handler serves the others, and not the connection whose turn it is. */
static int nest_on_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  f->n_replies++;
  if (f->n_replies > 1)
    return 0;
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  while (pair_n_calls < 3) /* the server has answered all */
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(guard);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(f->n_replies, ==, 1);
  return 0;
}

static void test_nested_loop(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 3; i++)
    pair_call(f->client, "Empty", nest_on_reply, f);
  pair_wait(&f->n_replies, 3);
  g_assert_cmpuint(f->n_closed, ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/common/bus-source/" name, Fixture, NULL, setup, func, teardown)
  ADD("many-calls", test_many);
  ADD("read-queue", test_read_queue);
  ADD("idle-spin", test_idle_spin);
  ADD("async-timeout", test_async_timeout);
  ADD("high-priority-ticker", test_high_priority_ticker);
  ADD("source-from-thread", test_source_from_thread);
  ADD("disconnect", test_disconnect);
  ADD("destroy-in-closed", test_destroy_in_closed);
  ADD("destroy-in-dispatch", test_destroy_in_dispatch);
  ADD("nested-loop", test_nested_loop);
  return g_test_run();
}
