/* test-bus-pause.c: pausing a connection is exact, and output goes on meanwhile. */
#include "bus-pair.h"

#include "common/bus-source.h"

/* sd-bus asks for socket buffers of 8 MiB and root gets them: larger. */
#define BIG (20 * 1024 * 1024)

typedef struct {
  sd_bus *server, *client;
  GSource *server_source, *client_source;
  guint n_replies, n_closed;
  guint max_calls; /* paused after so many calls */
} Fixture;

static void on_closed(sd_bus *bus, int r, gpointer data) {
  ((Fixture *)data)->n_closed++;
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  g_assert_false(sd_bus_message_is_method_error(m, NULL));
  ((Fixture *)data)->n_replies++;
  return 0;
}

static int pause_in_filter(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  if (pair_n_calls + 1 >= f->max_calls)
    wg_bus_source_set_paused(f->server_source, TRUE);
  return 0;
}

static void setup(Fixture *f, gconstpointer data) {
  int ends[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
  int second = dup(ends[0]);
  pair_n_calls = 0;
  f->max_calls = G_MAXUINT;
  f->server = pair_server(second, ends[0]);
  f->client = pair_client(ends[1]);
  sd_bus_add_filter(f->server, NULL, pause_in_filter, f);
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

static void call_big(Fixture *f, guint n) {
  for (guint i = 0; i < n; i++)
    g_assert_cmpint(sd_bus_call_method_async(f->client, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Big",
                                             on_reply, f, "u", (uint32_t)BIG),
                    >=, 0);
}

static gboolean set_flag(gpointer data) {
  *(guint *)data = 1;
  return G_SOURCE_REMOVE;
}

static guint turns_until_idle(guint msec) {
  guint over = 0, n = 0;
  g_timeout_add(msec, set_flag, &over);
  while (!over) {
    g_main_context_iteration(NULL, TRUE);
    n++;
  }
  return n;
}

/* Replies far larger than the socket's buffer: each is written in many parts, and each part is a
 * wake-up in which sd_bus_process() would read one more call. */
static void test_exact(Fixture *f, gconstpointer data) {
  f->max_calls = 2;
  call_big(f, 6);
  pair_wait(&f->n_replies, 2);
  g_assert_cmpuint(turns_until_idle(100), <, 30);
  g_assert_cmpuint(pair_n_calls, ==, 2);
  g_assert_cmpuint(f->n_replies, ==, 2);
  f->max_calls = G_MAXUINT;
  wg_bus_source_set_paused(f->server_source, FALSE);
  pair_wait(&f->n_replies, 6);
  g_assert_cmpuint(pair_n_calls, ==, 6);
}

static void test_hang_up_while_paused(Fixture *f, gconstpointer data) {
  wg_bus_source_set_paused(f->server_source, TRUE);
  pair_call(f->client, "Empty", on_reply, f);
  sd_bus_flush(f->client);
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  f->client = sd_bus_close_unref(f->client);
  pair_wait(&f->n_closed, 1);
  g_assert_cmpuint(pair_n_calls, ==, 0);
}

/* The time-outs of our own calls to the client fire although nothing of it is read. */
static int on_timeout(sd_bus_message *m, void *data, sd_bus_error *e) {
  g_assert_true(sd_bus_message_is_method_error(m, NULL));
  (*(guint *)data)++;
  return 0;
}

static void test_timeout_while_paused(Fixture *f, gconstpointer data) {
  guint n = 0;
  sd_bus_message *m = NULL;
  wg_bus_source_set_paused(f->server_source, TRUE);
  g_assert_cmpint(
      sd_bus_message_new_method_call(f->server, &m, NULL, PAIR_PATH, PAIR_IFACE, "None"), >=, 0);
  g_assert_cmpint(sd_bus_call_async(f->server, NULL, m, on_timeout, &n, 30000), >=, 0);
  sd_bus_message_unref(m);
  pair_wait(&n, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/common/bus-pause/" name, Fixture, NULL, setup, func, teardown)
  ADD("exact", test_exact);
  ADD("hang-up", test_hang_up_while_paused);
  ADD("timeout", test_timeout_while_paused);
  return g_test_run();
}
