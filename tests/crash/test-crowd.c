/* test-crowd.c: a thousand clients at once, more than may be, and clients that never read. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "probe.h"
#include "raw.h"
#include "trial.h"

#include "common/names.h"

#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define THOUSAND 1000
#define PATIENCE_MS 30000
#define MUTE_BYTES (64 * 1024 * 1024)
#define WORK 500
#define PUSHED 20000
#define PUSHED_EACH 500
#define BODY 2048 /* what may be in flight, 10,000 of them, is more than a socket takes */

#ifdef __SANITIZE_ADDRESS__
#define RSS_LIMIT_KIB G_MAXUINT64 /* the sanitizer keeps what was freed */
#else
#define RSS_LIMIT_KIB (guint64)(160 * 1024)
#endif

/* ---- a thousand clients, each sends, receives and acks ---- */
typedef struct {
  sd_bus *bus;
  enum { SENDING, RECEIVING, ACKING, DONE } step;
  guint64 number;
  GHashTable *seen; /* of all */
} Member;

static int on_step(sd_bus_message *m, void *data, sd_bus_error *error);

static void call_next(Member *member) {
  static const char *const names[] = {"Send", "Receive", "Ack"};
  sd_bus_message *m = NULL;

  g_assert_cmpint(sd_bus_message_new_method_call(member->bus, &m, NULL, WG_PATH_MESSAGING,
                                                 WG_IFACE_MESSAGING, names[member->step]),
                  >=, 0);
  if (member->step == SENDING)
    sd_bus_message_append(m, "saya{sv}", "ant", 1, 'x', 0);
  else if (member->step == RECEIVING)
    sd_bus_message_append(m, "sa{sv}", "ant", 1, "wait", "t", (guint64)10 * G_USEC_PER_SEC);
  else
    sd_bus_message_append(m, "ta{sv}", member->number, 0);
  g_assert_cmpint(sd_bus_call_async(member->bus, NULL, m, on_step, member, G_MAXUINT64), >=, 0);
  sd_bus_message_unref(m);
}

static int on_step(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Member *member = data;

  g_assert_false(sd_bus_message_is_method_error(m, NULL));
  if (member->step == RECEIVING) {
    guint64 *number = g_new(guint64, 1);
    g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "(ttsaya{sv})"), >, 0);
    g_assert_cmpint(sd_bus_message_enter_container(m, 'r', "ttsaya{sv}"), >, 0);
    g_assert_cmpint(sd_bus_message_read(m, "tt", number, &member->number), >, 0);
    g_assert_true(g_hash_table_add(member->seen, number)); /* nobody else has it */
  }
  if (++member->step != DONE)
    call_next(member);
  return 0;
}

static guint turn(Member *members, guint n) {
  g_autofree struct pollfd *fds = g_new(struct pollfd, n);
  guint done = 0;

  for (guint i = 0; i < n; i++)
    fds[i] = (struct pollfd){sd_bus_get_fd(members[i].bus), sd_bus_get_events(members[i].bus), 0};
  g_assert_cmpint(poll(fds, n, PATIENCE_MS), >, 0);
  for (guint i = 0; i < n; i++) {
    while (fds[i].revents && sd_bus_process(members[i].bus, NULL) > 0)
      continue;
    done += members[i].step == DONE;
  }
  return done;
}

/* Ours, and by inheritance the daemon's: as LimitNOFILE= in the unit. */
static void many_files(void) {
  struct rlimit limit;

  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void test_thousand(void) {
  g_autofree Member *members = g_new0(Member, THOUSAND);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  Rig rig;

  many_files();
  trial_rig(&rig, NULL);
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  for (guint i = 0; i < THOUSAND; i++) {
    members[i] = (Member){.bus = rig_connect(&rig), .seen = seen};
    call_next(&members[i]);
  }
  while (turn(members, THOUSAND) < THOUSAND)
    continue;
  g_assert_cmpuint(g_hash_table_size(seen), ==, THOUSAND);
  g_assert_cmpuint(probe_agent(bus, "ant", "queued"), ==, 0);
  for (guint i = 0; i < THOUSAND; i++)
    sd_bus_close_unref(members[i].bus);
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

/* Who is over the bound is told so by the end of the connection; the others are served. */
static void test_too_many(void) {
  int fds[20];
  Rig rig;

  trial_rig(&rig, "[Service]\nMaxClients=11\n");
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  for (guint i = 0; i < 10; i++)
    fds[i] = raw_open(&rig);
  for (guint i = 10; i < 20; i++)
    raw_wait_end(raw_connect(&rig), 20);
  trial_assert_logged(&rig, "Client refused");
  probe_send_one(bus, "ant");
  for (guint i = 0; i < 10; i++)
    close(fds[i]);
  /* the daemon learns of it in its own time; then there is room again */
  for (gboolean room = FALSE; !room;) {
    int fd = raw_connect(&rig);
    static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\n";
    char answer;
    raw_say(fd, hello, sizeof hello - 1);
    room = read(fd, &answer, 1) == 1;
    close(fd);
  }
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

/* ---- clients that never read ---- */
static guint64 daemon_rss_kib(Rig *rig) {
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)rig->daemon);
  g_autofree char *text = NULL;

  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  const char *line = strstr(text, "VmRSS:");
  g_assert_nonnull(line);
  return g_ascii_strtoull(line + strlen("VmRSS:"), NULL, 10);
}

static void work(sd_bus *bus) {
  guint64 number, token;

  for (guint i = 0; i < WORK; i++) {
    guint64 sent = probe_send_one(bus, "bee");
    g_assert_true(probe_receive(bus, "bee", 0, &number, &token));
    g_assert_cmpuint(number, ==, sent);
    probe_ack(bus, token);
  }
}

/* It asks and asks, and reads no answer: it is not listened to any more, then it is cut off. */
static void test_mute_caller(void) {
  gsize size, said = 0;
  Rig rig;

  trial_rig(&rig, "[Service]\nStallSec=2s\nMaxQueuedMessages=256\n");
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  probe_register(bus, "bee", NULL);
  g_autofree guint8 *call = raw_call("ListAgents", g_variant_new("(a{sv})", NULL), 1, &size);
  int fd = raw_open(&rig);
  for (gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;;) {
    struct pollfd p = {fd, POLLOUT, 0};
    if (poll(&p, 1, 100) > 0 && (p.revents & (POLLHUP | POLLERR)))
      break;
    gsize n = p.revents ? raw_say(fd, call, size) : 0;
    if (n > 0 && n < size) /* the rest of this one, else it would be garbage */
      while (n < size && !(p.revents & POLLHUP) && poll(&p, 1, 100) >= 0)
        n += raw_say(fd, call + n, size - n);
    said += n;
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_assert_cmpuint(said, <, MUTE_BYTES); /* somebody stops listening long before */
    if (p.revents == 0)
      work(bus);
  }
  close(fd);
  g_test_message("%zu bytes of calls were taken from who never reads", said);
  trial_assert_logged(&rig, "Client cut off");
  g_assert_cmpuint(daemon_rss_kib(&rig), <, RSS_LIMIT_KIB);
  work(bus);
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

static void send_many(sd_bus *bus, const char *agent, guint n) {
  static const char body[BODY];
  sd_bus_message *m = NULL;

  g_assert_cmpint(sd_bus_message_new_method_call(bus, &m, NULL, WG_PATH_MESSAGING,
                                                 WG_IFACE_MESSAGING, "SendMany"),
                  >=, 0);
  sd_bus_message_open_container(m, 'a', "(saya{sv})");
  for (guint i = 0; i < n; i++) {
    sd_bus_message_open_container(m, 'r', "saya{sv}");
    sd_bus_message_append(m, "s", agent);
    sd_bus_message_append_array(m, 'y', body, sizeof body);
    sd_bus_message_append(m, "a{sv}", 0);
    sd_bus_message_close_container(m);
  }
  sd_bus_message_close_container(m);
  sd_bus_message_append(m, "a{sv}", 0);
  g_assert_cmpint(sd_bus_call(bus, m, G_MAXUINT64, NULL, NULL), >=, 0);
  sd_bus_message_unref(m);
}

/* Receives up to 256 and acks them; each number must be a new one. */
static void take_some(sd_bus *bus, const char *agent, GHashTable *seen) {
  g_autoptr(GArray) tokens = g_array_new(FALSE, FALSE, sizeof(guint64));
  sd_bus_message *reply = NULL, *m = NULL;
  guint64 number, token;

  g_assert_cmpint(sd_bus_call_method(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Receive",
                                     NULL, &reply, "sa{sv}", agent, 3, "max", "u", (guint32)256,
                                     "wait", "t", (guint64)10 * G_USEC_PER_SEC, "no-body", "b", 1),
                  >=, 0);
  g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ttsaya{sv})"), >=, 0);
  while (sd_bus_message_enter_container(reply, 'r', "ttsaya{sv}") > 0) {
    g_assert_cmpint(sd_bus_message_read(reply, "tt", &number, &token), >, 0);
    g_assert_cmpint(sd_bus_message_skip(reply, "saya{sv}"), >=, 0);
    g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
    g_assert_true(g_hash_table_add(seen, g_memdup2(&number, sizeof number)));
    g_array_append_val(tokens, token);
  }
  sd_bus_message_unref(reply);
  g_assert_cmpuint(tokens->len, >, 0);
  sd_bus_message_new_method_call(bus, &m, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "AckMany");
  sd_bus_message_append_array(m, 't', tokens->data, tokens->len * sizeof(guint64));
  sd_bus_message_append(m, "a{sv}", 0);
  g_assert_cmpint(sd_bus_call(bus, m, G_MAXUINT64, NULL, NULL), >=, 0);
  sd_bus_message_unref(m);
}

/* Its mail is not piled up in the daemon's memory, and goes to somebody else when it is cut off.
 */
static void test_mute_subscriber(void) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  gsize size;
  Rig rig;

  trial_rig(&rig, "[Service]\nStallSec=2s\nMaxQueuedMessages=1024\n");
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL);
  probe_register(bus, "bee", NULL);
  g_autofree guint8 *call =
      raw_call("Subscribe", g_variant_new("(sua{sv})", "ant", (guint32)1000000, NULL), 1, &size);
  int fd = raw_open(&rig);
  g_assert_cmpuint(raw_say(fd, call, size), ==, size);
  for (guint i = 0; i < PUSHED / PUSHED_EACH; i++)
    send_many(bus, "ant", PUSHED_EACH);
  work(bus);
  guint64 rss = daemon_rss_kib(&rig);
  g_test_message("RSS %" G_GUINT64_FORMAT " KiB with %u messages for who never reads", rss, PUSHED);
  g_assert_cmpuint(rss, <, RSS_LIMIT_KIB);
  raw_wait_end(fd, 60);
  trial_assert_logged(&rig, "Client cut off");
  while (g_hash_table_size(seen) < PUSHED)
    take_some(bus, "ant", seen);
  g_assert_cmpuint(probe_agent(bus, "ant", "queued") + probe_agent(bus, "ant", "in-flight"), ==, 0);
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  rig_free(&rig);
}

int main(int argc, char **argv) {
  trial_init(&argc, &argv);
  g_test_add_func("/crash/crowd/thousand", test_thousand);
  g_test_add_func("/crash/crowd/too-many", test_too_many);
  g_test_add_func("/crash/crowd/mute-caller", test_mute_caller);
  g_test_add_func("/crash/crowd/mute-subscriber", test_mute_subscriber);
  return g_test_run();
}
