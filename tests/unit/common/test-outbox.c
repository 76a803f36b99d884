/* test-outbox.c: gathered messages are what sd-bus would have sent, leave together, never mix with
 * what sd-bus writes, and none is lost or torn when the other side does not read. */
#include "bus-pair.h"

#include "common/bus-source.h"

#define MANY 4000

typedef struct {
  sd_bus *server, *client;
  GSource *server_source, *client_source;
  guint n_signals, n_replies, n_closed;
  guint64 next; /* the number that the next signal has */
} Fixture;

static void on_closed(sd_bus *bus, int r, gpointer data) {
  ((Fixture *)data)->n_closed++;
}

static void answer_gathered(Fixture *f, sd_bus_message *call) {
  WgOutbox *out = wg_bus_source_outbox(f->server_source);

  g_assert_true(wg_outbox_begin_answer(out, call, "ta{sv}ybsay"));
  wg_outbox_u64(out, G_GUINT64_CONSTANT(0x0123456789abcdef));
  WgOutboxArray array = wg_outbox_open_array(out, 8);
  wg_outbox_struct(out);
  wg_outbox_string(out, "name");
  wg_outbox_variant(out, 's');
  wg_outbox_string(out, "a text");
  wg_outbox_struct(out);
  wg_outbox_string(out, "n");
  wg_outbox_variant(out, 't');
  wg_outbox_u64(out, 7);
  wg_outbox_close_array(out, array);
  wg_outbox_byte(out, 200);
  wg_outbox_u32(out, 1);
  wg_outbox_string(out, "");
  wg_outbox_bytes(out, "xyz", 3);
  g_assert_true(wg_outbox_end(out));
}

/* Calls of /gathered are answered by the outbox, all others by sd-bus. */
static int on_call(sd_bus_message *m, void *data, sd_bus_error *e) {
  if (!sd_bus_message_is_method_call(m, PAIR_IFACE, "Gathered"))
    return 0;
  answer_gathered(data, m);
  return 1;
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  const char *key, *text;
  const void *bytes;
  guint64 number;
  guint8 byte;
  size_t size;
  int flag;

  f->n_replies++;
  if (sd_bus_message_has_signature(m, "")) /* sd-bus's own */
    return 0;
  g_assert_cmpstr(sd_bus_message_get_signature(m, 1), ==, "ta{sv}ybsay");
  g_assert_cmpint(sd_bus_message_read(m, "t", &number), >, 0);
  g_assert_cmpuint(number, ==, G_GUINT64_CONSTANT(0x0123456789abcdef));
  g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
  g_assert_cmpint(sd_bus_message_read(m, "{sv}", &key, "s", &text), >, 0);
  g_assert_cmpstr(key, ==, "name");
  g_assert_cmpstr(text, ==, "a text");
  g_assert_cmpint(sd_bus_message_read(m, "{sv}", &key, "t", &number), >, 0);
  g_assert_cmpstr(key, ==, "n");
  g_assert_cmpuint(number, ==, 7);
  g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
  g_assert_cmpint(sd_bus_message_read(m, "ybs", &byte, &flag, &text), >, 0);
  g_assert_cmpuint(byte, ==, 200);
  g_assert_cmpint(flag, ==, 1);
  g_assert_cmpstr(text, ==, "");
  g_assert_cmpint(sd_bus_message_read_array(m, 'y', &bytes, &size), >, 0);
  g_assert_cmpmem(bytes, size, "xyz", 3);
  g_assert_cmpint(sd_bus_message_at_end(m, 1), >, 0);
  return 0;
}

/* `size` bytes of it are its number's. */
static int on_signal(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  const guint8 *bytes;
  guint64 number;
  size_t size;

  if (!sd_bus_message_is_signal(m, PAIR_IFACE, "Numbered"))
    return 0;
  g_assert_cmpstr(sd_bus_message_get_path(m), ==, PAIR_PATH);
  g_assert_cmpint(sd_bus_message_read(m, "t", &number), >, 0);
  g_assert_cmpuint(number, ==, f->next);
  g_assert_cmpint(sd_bus_message_read_array(m, 'y', (const void **)&bytes, &size), >=, 0);
  for (size_t i = 0; i < size; i++)
    g_assert_cmpuint(bytes[i], ==, (guint8)number);
  f->next++;
  f->n_signals++;
  return 1;
}

static gboolean gather(Fixture *f, guint64 number, gsize size) {
  WgOutbox *out = wg_bus_source_outbox(f->server_source);
  g_autofree guint8 *bytes = g_malloc(MAX(size, 1));

  memset(bytes, (guint8)number, size);
  wg_outbox_begin_signal(out, NULL, PAIR_PATH, PAIR_IFACE, "Numbered", "tay");
  wg_outbox_u64(out, number);
  wg_outbox_bytes(out, bytes, size);
  gboolean taken = wg_outbox_end(out);
  wg_bus_source_gathered(f->server_source);
  return taken;
}

static void setup(Fixture *f, gconstpointer data) {
  int ends[2];

  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
  int second = dup(ends[0]);
  f->server = pair_server(second, ends[0]);
  f->client = pair_client(ends[1]);
  g_assert_cmpint(sd_bus_add_filter(f->server, NULL, on_call, f), >=, 0);
  g_assert_cmpint(sd_bus_add_filter(f->client, NULL, on_signal, f), >=, 0);
  f->server_source = wg_bus_source_attach_split(f->server, second, ends[0], NULL, on_closed, f);
  f->client_source = wg_bus_source_attach(f->client, NULL, on_closed, f);
  pair_call(f->client, "Empty", on_reply, f);
  pair_wait(&f->n_replies, 1);
  f->n_replies = 0;
}

static void teardown(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  sd_bus_close_unref(f->client);
  sd_bus_close_unref(f->server);
}

static void test_answers(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 300; i++)
    pair_call(f->client, i % 3 == 0 ? "Empty" : "Gathered", on_reply, f);
  pair_wait(&f->n_replies, 300);
}

static void test_together(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 5; i++)
    g_assert_true(gather(f, i, 10));
  g_assert_cmpuint(wg_bus_source_n_queued(f->server_source), ==, 5); /* none has left */
  wg_bus_source_flush(f->server_source);
  g_assert_cmpuint(wg_bus_source_n_queued(f->server_source), ==, 0);
  pair_wait(&f->n_signals, 5);
}

/* More than any socket holds, in sizes up to the bound; the other side begins to read late. sd-bus
 * has something to say between them, and its message, too, is in one piece. */
static void test_late_reader(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < MANY; i++) {
    g_assert_true(gather(f, i, i * 37 % (WG_OUTBOX_MESSAGE_MAX - 512)));
    if (i % 100 == 0)
      g_assert_cmpint(sd_bus_emit_signal(f->server, PAIR_PATH, PAIR_IFACE, "Note", NULL), >=, 0);
  }
  g_assert_cmpuint(wg_bus_source_n_queued(f->server_source), >, 0); /* else it shows nothing */
  pair_wait(&f->n_signals, MANY);
  g_assert_cmpuint(f->n_closed, ==, 0);
  pair_call(f->client, "Empty", on_reply, f);
  pair_wait(&f->n_replies, 1);
}

static void test_too_large(Fixture *f, gconstpointer data) {
  g_assert_true(gather(f, 0, 100));
  g_assert_false(gather(f, 1, WG_OUTBOX_MESSAGE_MAX));
  g_assert_true(gather(f, 1, 100)); /* what was taken back left nothing behind */
  pair_wait(&f->n_signals, 2);
}

/* What was gathered leaves before its connection does. */
static void test_destroyed(Fixture *f, gconstpointer data) {
  g_assert_true(gather(f, 0, 100));
  g_clear_pointer(&f->server_source, wg_bus_source_destroy);
  pair_wait(&f->n_signals, 1);
}

static void test_hung_up(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->client_source, wg_bus_source_destroy);
  sd_bus_close(f->client);
  g_assert_true(gather(f, 0, 100));
  pair_wait(&f->n_closed, 1);
  g_assert_cmpuint(f->n_closed, ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/common/outbox/" name, Fixture, NULL, setup, func, teardown)
  ADD("answers", test_answers);
  ADD("together", test_together);
  ADD("late-reader", test_late_reader);
  ADD("too-large", test_too_large);
  ADD("destroyed", test_destroyed);
  ADD("hung-up", test_hung_up);
  return g_test_run();
}
