/* test-type-port.c: ports and processes: real sockets of this process on the loopback, found and
 * told as its own; tables and subjects that are damaged. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include "checks/capabilities.h"
#include "checks/port.h"
#include "checks/proc.h"
#include "checks/sockets.h"
#include "checks/types.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define IS(type, subject, options, key, expected)                                                  \
  do {                                                                                             \
    g_auto(LookResult) result_ = chk_look_once_with(NULL, type, subject, options, 0);              \
    g_autofree char *seen_ = chk_look_value(&result_, key);                                        \
    g_assert_cmpint(result_.known, ==, CHK_OBSERVED);                                              \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)

/* A socket of the loopback that the kernel gives a port; -1: no such family here. */
static int bound(int family, int type, guint16 *ret_port) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address = {.any.sa_family = (sa_family_t)family};
  socklen_t size = family == AF_INET ? sizeof address.v4 : sizeof address.v6;
  int fd = socket(family, type | SOCK_CLOEXEC, 0);

  if (family == AF_INET)
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    address.v6.sin6_addr = in6addr_loopback;
  if (fd < 0 || bind(fd, &address.any, size) < 0) {
    if (fd >= 0)
      close(fd);
    return -1;
  }
  if (type == SOCK_STREAM)
    g_assert_cmpint(listen(fd, 1), ==, 0);
  g_assert_cmpint(getsockname(fd, &address.any, &size), ==, 0);
  *ret_port = ntohs(family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
  return fd;
}

static void one(int family, int type, const char *prefix, const char *address) {
  guint16 port;
  int fd = bound(family, type, &port);

  if (fd < 0) {
    g_test_message("no sockets of that family here");
    return;
  }
  g_autofree char *subject = g_strdup_printf("%s:%u", prefix, port);
  g_autofree char *exact = g_strdup_printf("%s:%s:%u", prefix, address, port);
  g_autofree char *told = g_strdup_printf("[\"%s:%u\"]", address, port);
  g_autofree char *pid = g_strdup_printf("%d", getpid()), *uid = g_strdup_printf("%u", getuid());
  IS(&chk_type_port, subject, NULL, "listening", "true");
  IS(&chk_type_port, exact, NULL, "addresses", told);
  IS(&chk_type_port, exact, NULL, "pid", pid);
  IS(&chk_type_port, exact, NULL, "uid", uid);
  IS(&chk_type_port, exact, NULL, "processes", "[\"test-check-type-port\"]");
  if (family == AF_INET) {
    g_autofree char *other = g_strdup_printf("%s:127.0.0.2:%u", prefix, port);
    IS(&chk_type_port, other, NULL, "listening", "false");
  }
  close(fd);
  IS(&chk_type_port, exact, NULL, "listening", "false");
  IS(&chk_type_port, exact, NULL, "pid", NULL);
}

static void test_inet(void) {
  one(AF_INET, SOCK_STREAM, "tcp", "127.0.0.1");
  one(AF_INET, SOCK_DGRAM, "udp", "127.0.0.1");
  one(AF_INET6, SOCK_STREAM, "tcp6", "[::1]");
  one(AF_INET6, SOCK_DGRAM, "udp", "[::1]");
}

static void test_unix(void) {
  g_autofree char *top = g_dir_make_tmp("waggle-port-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(top, "a socket", NULL);
  g_autofree char *subject = g_strconcat("unix:", path, NULL);
  g_autofree char *pid = g_strdup_printf("%d", getpid());
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  IS(&chk_type_port, subject, NULL, "listening", "false"); /* bound is not listening */
  g_assert_cmpint(listen(fd, 1), ==, 0);
  IS(&chk_type_port, subject, NULL, "listening", "true");
  IS(&chk_type_port, subject, NULL, "pid", pid);
  close(fd);
  IS(&chk_type_port, subject, NULL, "listening", "false"); /* though its file is still there */
  g_unlink(path);
  g_rmdir(top);
}

static void test_subjects(void) {
  static const char *const good[] = {"tcp:80", "tcp:127.0.0.1:80",   "tcp:[::1]:80", "tcp6:[::]:1",
                                     "udp:53", "tcp4:0.0.0.0:65535", "unix:/a b",    "unix:@x"};
  static const char *const bad[] = {"",
                                    "80",
                                    "tcp",
                                    "tcp:",
                                    "tcp:0",
                                    "tcp:65536",
                                    "tcp:::1:80",
                                    "tcp:host:80",
                                    "tcp6:1.2.3.4:5",
                                    "tcp4:[::1]:5",
                                    "unix:",
                                    "unix:relative",
                                    "unix:@",
                                    "sctp:1",
                                    "tcp:[::1]80",
                                    "tcp:1.2.3:80",
                                    "tcp:+80",
                                    "tcp: 80",
                                    "tcp:127.0.0.1:"};

  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    g_auto(ChkPort) port = {0};
    g_assert_true(chk_port_parse(good[i], &port, NULL));
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_auto(ChkPort) port = {0};
    g_autoptr(GError) error = NULL;
    if (chk_port_parse(bad[i], &port, &error))
      g_error("'%s' is taken for a port", bad[i]);
    g_assert_nonnull(strstr(error->message, "is no port"));
  }
}

/* The fallback says what sock_diag says. */
static void test_tables(void) {
  static const char text[] =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
      "4242 1 0 100 0 0 10 0\n"
      "   1: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000     7        0 "
      "4243 1 0 20 4 30 10 -1\n"
      "   2: nonsense\n   3: 0100007F1F90 00000000:0000 0A x x x x x x\n";
  g_autoptr(GArray) listening = g_array_new(FALSE, FALSE, sizeof(ChkSocket));
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(ChkSocket));

  chk_sockets_parse(text, AF_INET, IPPROTO_TCP, CHK_SOCKETS_LISTENING, listening);
  chk_sockets_parse(text, AF_INET, IPPROTO_TCP, CHK_SOCKETS_ESTABLISHED, open);
  g_assert_cmpuint(listening->len, ==, 1);
  g_assert_cmpuint(open->len, ==, 1);
  const ChkSocket *first = &g_array_index(listening, ChkSocket, 0);
  g_autofree char *local = chk_socket_text(AF_INET, &first->local, first->port);
  g_assert_cmpstr(local, ==, "127.0.0.1:8080");
  g_assert_cmpuint(first->uid, ==, 1000);
  g_assert_cmpuint(first->inode, ==, 4242);
  const ChkSocket *second = &g_array_index(open, ChkSocket, 0);
  g_autofree char *peer = chk_socket_text(AF_INET, &second->peer, second->peer_port);
  g_assert_cmpstr(peer, ==, "127.0.0.2:50000");
}

static void test_process(void) {
  g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *pid = g_strdup_printf("[%d]", getpid());
  g_autofree char *uids = g_strdup_printf("[%u]", getuid());

  IS(&chk_type_process, "test-check-type-port", NULL, "running", "true");
  IS(&chk_type_process, exe, "{\"by\": \"exe\"}", "pids", pid);
  IS(&chk_type_process, exe, "{\"by\": \"exe\"}", "uids", uids);
  IS(&chk_type_process, exe, "{\"by\": \"exe\"}", "replaced", "0");
  IS(&chk_type_process, "no-such-process", NULL, "running", "false");
  IS(&chk_type_process, "no-such-process", NULL, "rss", NULL);
  IS(&chk_type_process, exe, "{\"by\": \"exe\", \"user\": \"4294967\"}", "count", "0");
  IS(&chk_type_process, "(^|/)test-check-type-port( |$)", "{\"by\": \"cmdline\"}", "running",
     "true");
  g_auto(LookResult) self =
      chk_look_once_with(NULL, &chk_type_process, exe, "{\"by\": \"exe\"}", 0);
  g_autofree char *rss = chk_look_value(&self, "rss"), *age = chk_look_value(&self, "age");
  g_assert_cmpint(g_ascii_strtoll(rss, NULL, 10), >, 100000);
  g_assert_cmpint(g_ascii_strtoll(age, NULL, 10), <, 600 * G_USEC_PER_SEC);
  g_auto(LookResult) nobody =
      chk_look_once_with(NULL, &chk_type_process, "x", "{\"user\": \"no-such-user\"}", 0);
  g_assert_cmpint(nobody.known, ==, CHK_UNKNOWN);
}

#define STATUS(prm, eff, bnd, amb, no_new)                                                         \
  "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t" prm "\nCapEff:\t" eff "\nCapBnd:\t" bnd         \
  "\nCapAmb:\t" amb "\nNoNewPrivs:\t" no_new "\nSeccomp:\t0\n"

static void test_capabilities(void) {
  ChkCapabilities all = {0};

  g_assert_true(chk_capabilities_add(STATUS("400", "0", "000001ffffffffff", "400", "1"), &all));
  g_assert_cmphex(all.has, ==, 0x400);
  g_assert_false(all.gains);
  g_assert_cmphex(all.may_gain, ==, 0);
  g_assert_true(chk_capabilities_add(STATUS("0", "1", "2003", "0", "0"), &all));
  g_assert_cmphex(all.has, ==, 0x401);
  g_assert_true(all.gains);
  g_assert_cmphex(all.may_gain, ==, 0x2002);
  g_assert_false(chk_capabilities_add("Name:\tx\nCapPrm:\t1\n", &all));
  g_assert_false(chk_capabilities_add("", &all));
  g_auto(GStrv) names = chk_capabilities_names(1 | 1 << 10 | G_GUINT64_CONSTANT(1) << 40 |
                                               G_GUINT64_CONSTANT(1) << 63);
  g_autofree char *text = g_strjoinv(" ", names);
  g_assert_cmpstr(text, ==, "cap_chown cap_net_bind_service cap_checkpoint_restore cap_63");
}

static void test_process_validate(void) {
  g_autoptr(JsonNode) by = json_from_string("{\"by\": \"cmdline\"}", NULL);
  g_autoptr(JsonNode) odd = json_from_string("{\"by\": \"magic\"}", NULL);

  g_assert_false(chk_look_is_good(&chk_type_process, "(", json_node_get_object(by)));
  g_assert_false(chk_look_is_good(&chk_type_process, "x", json_node_get_object(odd)));
  g_assert_true(chk_look_is_good(&chk_type_process, "x", NULL));
}

static void test_cgroups(void) {
  static const struct {
    const char *path, *unit;
  } cases[] = {
      {"/system.slice/shop.service", "shop.service"},
      {"/system.slice/shop.service/worker", "shop.service"},
      {"/user.slice/user-7.slice/user@7.service/app.slice/web@a.service", "web@a.service"},
      {"/user.slice/user-7.slice/session-3.scope", "session-3.scope"},
      {"/system.slice/_a.service", "a.service"},
      {"/", NULL},
      {"", NULL},
      {"/system.slice", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *unit = chk_cgroup_unit(cases[i].path);
    g_assert_cmpstr(unit, ==, cases[i].unit);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/process/capabilities", test_capabilities);
  g_test_add_func("/port/inet", test_inet);
  g_test_add_func("/port/unix", test_unix);
  g_test_add_func("/port/subjects", test_subjects);
  g_test_add_func("/port/tables", test_tables);
  g_test_add_func("/process/self", test_process);
  g_test_add_func("/process/validate", test_process_validate);
  g_test_add_func("/process/cgroups", test_cgroups);
  return g_test_run();
}
