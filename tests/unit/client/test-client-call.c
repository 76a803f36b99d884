/* test-client-call.c: calls of the client against a peer in a thread of this process, over a
 * socket pair: every type there and back, errors, and a connection that breaks. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/body.h"
#include "client/cli.h"
#include "client/variant-bus.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  Cli cli;
  GThread *thread;
  int server_fd;
} Fixture;

/* Echo answers with what it got; Fail with an error; Break hangs up. */
static int on_call(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  sd_bus_message *reply = NULL;
  gboolean *stop = data;

  if (sd_bus_message_is_method_call(m, WG_IFACE_MESSAGING, "Break")) {
    *stop = TRUE;
    return 1;
  }
  if (sd_bus_message_is_method_call(m, WG_IFACE_MESSAGING, "Fail"))
    return sd_bus_reply_method_errorf(m, WG_ERROR_PREFIX "QuotaExceeded", "the box is full");
  if (sd_bus_message_is_method_call(m, WG_IFACE_MESSAGING, "Ask"))
    return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                      "ask on the bus");
  if (!sd_bus_message_is_method_call(m, WG_IFACE_MESSAGING, "Echo"))
    return 0;
  int r = sd_bus_message_new_method_return(m, &reply);
  if (r >= 0)
    r = sd_bus_message_copy(reply, m, TRUE);
  if (r >= 0)
    r = sd_bus_send(NULL, reply, NULL);
  sd_bus_message_unref(reply);
  return r < 0 ? r : 1;
}

static gpointer serve(gpointer data) {
  gboolean stop = FALSE;
  sd_bus *bus = NULL;
  sd_id128_t id = SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0);

  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_fd(bus, GPOINTER_TO_INT(data), GPOINTER_TO_INT(data)), >=, 0);
  g_assert_cmpint(sd_bus_set_server(bus, TRUE, id), >=, 0);
  g_assert_cmpint(sd_bus_negotiate_fds(bus, TRUE), >=, 0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  g_assert_cmpint(sd_bus_add_filter(bus, NULL, on_call, &stop), >=, 0);
  while (!stop) {
    int r = sd_bus_process(bus, NULL);
    if (r == 0)
      r = sd_bus_wait(bus, UINT64_MAX);
    if (r < 0 && r != -EINTR)
      break;
  }
  sd_bus_close(bus);
  sd_bus_unref(bus);
  return NULL;
}

static void setup(Fixture *f, gconstpointer data) {
  int fds[2];

  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint(fcntl(fds[0], F_SETFL, O_NONBLOCK), ==, 0);
  g_assert_cmpint(fcntl(fds[1], F_SETFL, O_NONBLOCK), ==, 0);
  f->thread = g_thread_new("peer", serve, GINT_TO_POINTER(fds[1]));
  f->cli = (Cli){.fds = g_array_new(FALSE, FALSE, sizeof(int)), .bus = g_new0(CliBus, 1)};
  f->cli.bus->description = g_strdup("test");
  g_assert_cmpint(sd_bus_new(&f->cli.bus->bus), >=, 0);
  g_assert_cmpint(sd_bus_set_fd(f->cli.bus->bus, fds[0], fds[0]), >=, 0);
  g_assert_cmpint(sd_bus_negotiate_fds(f->cli.bus->bus, TRUE), >=, 0);
  g_assert_cmpint(sd_bus_start(f->cli.bus->bus), >=, 0);
}

static void teardown(Fixture *f, gconstpointer data) {
  cli_clear(&f->cli);
  g_thread_join(f->thread);
}

static void test_types(Fixture *f, gconstpointer data) {
  static const char *const texts[] = {
      "(byte 0x07, true, false, int16 -3, uint16 65535, -4, uint32 4000000000)",
      "(int64 -5, uint64 18446744073709551615, 1.5, 'text', objectpath '/a/b', signature 'a{sv}')",
      "(@as [], ['a', 'b'], @ay [], [byte 0x00, 0xff], {'k': 'v'}, @a{ss} {})",
      "([(uint64 1, 'x', [byte 0x01], {'o': <uint32 2>})], @a(tts) [], <<'nested'>>)",
      "({'list': <[{'a': <true>}, {}]>, 'at': <[uint64 1, 2]>}, [[['deep']]])",
      "()",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    GVariant *sent = g_variant_parse(NULL, texts[i], NULL, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GVariant) held = g_variant_ref_sink(sent);
    g_autoptr(GVariant) got = cli_call(&f->cli, "Echo", held, &error);
    g_assert_no_error(error);
    g_assert_cmpvariant(got, held);
  }
}

/* A large body goes as a sealed descriptor and comes back byte by byte. */
static void test_large_body(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  gsize n = 300 * 1024;
  guint8 *bytes = g_malloc(n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8)(i * 7);
  g_autoptr(GBytes) body = g_bytes_new_take(bytes, n);
  GVariant *empty = cli_body_attach(&f->cli, body, &options, &error);
  g_assert_no_error(error);
  g_autoptr(GVariant) got = cli_call(
      &f->cli, "Echo", g_variant_new("(@ay@a{sv})", empty, g_variant_dict_end(&options)), &error);
  g_assert_no_error(error);
  g_autoptr(GVariant) inline_body = g_variant_get_child_value(got, 0);
  g_autoptr(GVariant) fields = g_variant_get_child_value(got, 1);
  g_assert_cmpuint(g_variant_n_children(inline_body), ==, 0);
  g_autoptr(GBytes) back = cli_body_of(&f->cli, fields, inline_body, &error);
  g_assert_no_error(error);
  g_assert_true(g_bytes_equal(body, back));
  g_assert_cmpuint(f->cli.fds->len, ==, 1); /* what was received is closed, what was sent is kept */
  int fd = g_array_index(f->cli.fds, int, 0);
  const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  g_assert_cmpint(fcntl(fd, F_GET_SEALS) & sealed, ==, sealed);
}

static void test_inline_body(Fixture *f, gconstpointer data) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GBytes) body = g_bytes_new("\0x", 2);
  g_autoptr(GVariant) inline_body =
      g_variant_ref_sink(cli_body_attach(&f->cli, body, &options, NULL));
  g_autoptr(GVariant) fields = g_variant_ref_sink(g_variant_dict_end(&options));
  g_autoptr(GBytes) back = cli_body_of(&f->cli, fields, inline_body, NULL);

  g_assert_true(g_bytes_equal(body, back));
  g_assert_cmpuint(f->cli.fds->len, ==, 0);
}

static void test_error(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;

  g_assert_null(cli_call(&f->cli, "Fail", g_variant_new("()"), &error));
  g_assert_error(error, CLI_ERROR, CLI_EXIT_RETRY);
  g_assert_cmpstr(error->message, ==, "the box is full");
  g_assert_false(cli_error_is_lost(error));
}

/* An address of its own has no bus beside it to ask on. */
static void test_interactive_without_bus(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;

  g_assert_null(cli_call(&f->cli, "Ask", g_variant_new("()"), &error));
  g_assert_error(error, CLI_ERROR, CLI_EXIT_REFUSED);
}

static void test_broken(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;

  g_assert_null(cli_call(&f->cli, "Break", g_variant_new("()"), &error));
  g_assert_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE);
  g_assert_true(cli_error_is_lost(error));
  g_assert_null(f->cli.bus); /* the next call connects anew */
}

static void test_nobody_there(void) {
  g_autoptr(GError) error = NULL;
  Cli cli = {.address = g_strdup("/nonexistent/waggle"),
             .fds = g_array_new(FALSE, FALSE, sizeof(int))};

  g_assert_null(cli_call(&cli, "Ping", g_variant_new("()"), &error));
  g_assert_error(error, CLI_ERROR, CLI_EXIT_UNREACHABLE);
  g_assert_false(cli_error_is_lost(error));
  cli_clear(&cli);
}

#define ADD(name, func) g_test_add("/client/call/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("types", test_types);
  ADD("large-body", test_large_body);
  ADD("inline-body", test_inline_body);
  ADD("error", test_error);
  ADD("interactive-without-bus", test_interactive_without_bus);
  ADD("broken", test_broken);
  g_test_add_func("/client/call/nobody-there", test_nobody_there);
  return g_test_run();
}
