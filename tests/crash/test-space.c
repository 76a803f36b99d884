/* test-space.c: the disk is full, nearly full, or cannot be written.
 *
 * New messages are refused with an error that says for how long; delivery goes on; when there is
 * space again the daemon notices by itself; nothing that was answered is lost. On file systems of
 * the test's own, in its own mount namespace. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "probe.h"
#include "trial.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define BODY (64 * 1024)
#define RECOVERY_SECONDS 60

static GArray *numbers; /* of the messages that were acknowledged */

static char *send_body(sd_bus *bus, guint64 *ret_retry) {
  static const char body[BODY];
  ProbeSent sent;

  probe_send(bus, "ant", body, sizeof body, &sent);
  if (sent.error == NULL)
    g_array_append_val(numbers, sent.number);
  if (ret_retry)
    *ret_retry = sent.retry_after;
  char *error = g_steal_pointer(&sent.error);
  probe_sent_clear(&sent);
  return error;
}

/* `pace` in us lies between two of them: the free space is looked at now and then only. */
static void send_until_full(sd_bus *bus, gulong pace) {
  g_autofree char *error = NULL;
  guint64 retry_after = 0;

  while (error == NULL && numbers->len < 2000) {
    error = send_body(bus, &retry_after);
    g_usleep(pace);
  }
  g_assert_cmpstr(error, ==, "org.waggle.Error.StoreFull");
  g_assert_cmpuint(retry_after, >, 0);
  g_assert_cmpuint(numbers->len, >, 0);
}

static void receive_one(sd_bus *bus) {
  guint64 number, token;

  g_assert_true(probe_receive(bus, "ant", 0, &number, &token));
  g_assert_cmpuint(number, ==, g_array_index(numbers, guint64, 0));
  probe_ack(bus, token);
  g_array_remove_index(numbers, 0);
}

/* Until the daemon takes messages again, as a sender would do it that heeds retry-after. */
static void send_until_taken(sd_bus *bus) {
  gint64 end = g_get_monotonic_time() + RECOVERY_SECONDS * G_USEC_PER_SEC;
  guint64 retry_after;

  for (;;) {
    g_autofree char *error = send_body(bus, &retry_after);
    if (error == NULL)
      return;
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_usleep(MIN(retry_after, G_USEC_PER_SEC));
  }
}

static void receive_rest(sd_bus *bus) {
  guint64 number, token;

  while (numbers->len > 0)
    receive_one(bus);
  g_assert_false(probe_receive(bus, "ant", 0, &number, &token));
}

static char *make_ballast(Rig *rig, guint64 bytes) {
  char *path = g_build_filename(rig->state, "ballast", NULL);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(posix_fallocate(fd, 0, bytes), ==, 0);
  close(fd);
  return path;
}

typedef struct {
  const char *config;
  guint64 size, ballast;
  gboolean ballast_first; /* else it comes when the daemon runs */
  gulong pace;
  const char *state; /* NULL: any but well */
  const char *logged;
} Shortage;

static void run_short(const Shortage *shortage) {
  Rig rig;

  trial_rig(&rig, shortage->config);
  if (!trial_tmpfs(rig.state, shortage->size)) {
    rig_free(&rig);
    return;
  }
  numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_autofree char *ballast = shortage->ballast_first ? make_ballast(&rig, shortage->ballast) : NULL;
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  for (guint i = 0; i < 20; i++) {
    g_autofree char *error = send_body(bus, NULL);
    g_assert_null(error);
  }
  if (ballast == NULL)
    ballast = make_ballast(&rig, shortage->ballast);
  send_until_full(bus, shortage->pace);
  g_autofree char *told = probe_statistic_text(bus, "store-state");
  if (shortage->state)
    g_assert_cmpstr(told, ==, shortage->state);
  else
    g_assert_cmpstr(told, !=, "ok");
  trial_assert_logged(&rig, shortage->logged);
  for (guint i = 0; i < 20; i++)
    receive_one(bus);
  g_assert_cmpint(g_unlink(ballast), ==, 0);
  send_until_taken(bus);
  g_autofree char *well = probe_statistic_text(bus, "store-state");
  g_assert_cmpstr(well, ==, "ok");
  receive_rest(bus);
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  g_array_unref(numbers);
  umount2(rig.state, MNT_DETACH);
  rig_free(&rig);
}

/* While the reserve is enough to go on, the state is "nearly-full"; with the next write that finds
 * no room it is "full". */
static void test_full(void) {
  run_short(&(Shortage){.config = "[Store]\nLowWater=0\n",
                        .size = 72 * MIB,
                        .ballast = 24 * MIB,
                        .ballast_first = TRUE,
                        .logged = "new messages are refused"});
}

/* The daemon stops in time: there is space left when it refuses. */
static void test_nearly_full(void) {
  run_short(&(Shortage){.config = "[Store]\nReserve=4M\nLowWater=32M\n",
                        .size = 128 * MIB,
                        .ballast = 90 * MIB,
                        .pace = 20000,
                        .state = "nearly-full",
                        .logged = "Space is low; new messages are refused"});
}

static void test_read_only(void) {
  Rig rig;

  trial_rig(&rig, "[Store]\nReserve=0\nLowWater=0\n");
  if (!trial_tmpfs(rig.state, 32 * MIB)) {
    rig_free(&rig);
    return;
  }
  numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *error = send_body(bus, NULL);
    g_assert_null(error);
  }
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  g_assert_true(trial_remount(rig.state, TRUE));
  rig_start_daemon(&rig);
  bus = rig_connect(&rig);
  g_autofree char *error = send_body(bus, NULL);
  g_assert_cmpstr(error, ==, "org.waggle.Error.StoreReadOnly");
  trial_assert_logged(&rig, "The store cannot be written");
  g_autofree char *state = probe_state(bus, g_array_index(numbers, guint64, 0), "ant");
  g_assert_cmpstr(state, ==, "queued");
  g_assert_true(trial_remount(rig.state, FALSE));
  send_until_taken(bus);
  receive_rest(bus);
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  g_array_unref(numbers);
  umount2(rig.state, MNT_DETACH);
  rig_free(&rig);
}

int main(int argc, char **argv) {
  trial_init(&argc, &argv);
  g_test_add_func("/crash/space/full", test_full);
  g_test_add_func("/crash/space/nearly-full", test_nearly_full);
  g_test_add_func("/crash/space/read-only", test_read_only);
  return g_test_run();
}
