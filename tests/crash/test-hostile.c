/* test-hostile.c: clients whose bytes are no D-Bus, or nearly.
 *
 * Each is cut off or answered with an error; the honest client beside them notices nothing, and
 * the daemon is the same process afterwards. Seeded: `--seed=` repeats a run. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "probe.h"
#include "raw.h"
#include "trial.h"

#include <string.h>
#include <unistd.h>

#define CLIENTS 400
#define HONEST_EACH 10
#define JUNK 3000
#define FLIPS 8

static void junk(guint8 *bytes, gsize n) {
  for (gsize i = 0; i < n; i++)
    bytes[i] = trial_dice(256);
}

static guint8 *valid_send(gsize *ret_size) {
  static const guint8 body[100];
  GVariantBuilder options;

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&options, "{sv}", "id", g_variant_new_string("hostile"));
  g_variant_builder_add(&options, "{sv}", "priority", g_variant_new_byte(5));
  g_variant_builder_add(&options, "{sv}", "ttl", g_variant_new_uint64(G_USEC_PER_SEC));
  return raw_call(
      "Send",
      g_variant_new("(s@aya{sv})", "victim",
                    g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, body, sizeof body, 1), &options),
      1, ret_size);
}

static void before_handshake(Rig *rig) {
  guint8 bytes[JUNK];
  gsize n = 1 + trial_dice(sizeof bytes);
  int fd = raw_connect(rig);

  junk(bytes, n);
  raw_say(fd, bytes, n);
  close(fd);
}

static void after_handshake(Rig *rig) {
  guint8 bytes[JUNK];
  gsize n = 16 + trial_dice(sizeof bytes - 16);
  int fd = raw_open(rig);

  junk(bytes, n);
  raw_say(fd, bytes, n);
  close(fd);
}

static void half_a_message(Rig *rig) {
  gsize size;
  g_autofree guint8 *bytes = valid_send(&size);
  int fd = raw_open(rig);

  raw_say(fd, bytes, trial_dice(size));
  close(fd);
}

/* Most of these are parsed some way and fail late, which is the point. */
static void flipped_bits(Rig *rig) {
  gsize size;
  g_autofree guint8 *bytes = valid_send(&size);
  int fd = raw_open(rig);

  for (guint n = 1 + trial_dice(FLIPS); n > 0; n--)
    bytes[trial_dice(size)] ^= 1u << trial_dice(8);
  raw_say(fd, bytes, size);
  close(fd);
}

/* Says that more follows than a message may have. */
static void huge_length(Rig *rig) {
  guint8 bytes[16] = {'l', 1, 0, 1};
  guint32 length = 200000000 + trial_dice(1000000000);
  int fd = raw_open(rig);

  memcpy(bytes + 4, &length, sizeof length);
  bytes[8] = 1;
  raw_say(fd, bytes, sizeof bytes);
  raw_wait_end(fd, 20);
}

static void test_bytes(void) {
  static void (*const attacks[])(Rig *) = {before_handshake, after_handshake, half_a_message,
                                           flipped_bits,     flipped_bits,    huge_length};
  Rig rig;

  trial_rig(&rig, NULL);
  rig_start_daemon(&rig);
  sd_bus *honest = rig_connect(&rig);
  probe_register(honest, "ant", NULL);
  probe_register(honest, "victim", NULL);
  for (guint i = 0; i < CLIENTS; i++) {
    attacks[trial_dice(G_N_ELEMENTS(attacks))](&rig);
    if (i % HONEST_EACH != 0)
      continue;
    guint64 number, token, sent = probe_send_one(honest, "ant");
    g_assert_true(probe_receive(honest, "ant", 0, &number, &token));
    g_assert_cmpuint(number, ==, sent);
    probe_ack(honest, token);
  }
  g_assert_false(rig_daemon_ended(&rig));
  trial_assert_logged(&rig, "it sent what is no D-Bus message");
  sd_bus_close_unref(honest);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

/* Text that is no UTF-8 is no D-Bus string. */
static void test_utf8(void) {
  gsize size;
  Rig rig;

  trial_rig(&rig, NULL);
  rig_start_daemon(&rig);
  g_autofree guint8 *bytes = valid_send(&size);
  guint8 *name = memmem(bytes, size, "victim", 6);
  g_assert_nonnull(name);
  name[2] = 0xff;
  int fd = raw_open(&rig);
  raw_say(fd, bytes, size);
  /* either way out is right: an error reply, or the end */
  guint8 reply[4];
  gssize n = read(fd, reply, sizeof reply);
  if (n > 0) {
    g_assert_cmpint(reply[1], ==, 3 /* error */);
    close(fd);
  } else {
    raw_wait_end(fd, 20);
  }
  sd_bus *honest = rig_connect(&rig);
  probe_register(honest, "ant", NULL);
  sd_bus_close_unref(honest);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

int main(int argc, char **argv) {
  trial_init(&argc, &argv);
  g_test_add_func("/crash/hostile/bytes", test_bytes);
  g_test_add_func("/crash/hostile/utf8", test_utf8);
  return g_test_run();
}
