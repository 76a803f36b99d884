/* test-rehearse-unit.c: what of a unit file is taken over into one that may run beside the live
 * service, and that the release cannot take its walls down. */
#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/rehearse-unit.h"

#include "common/error.h"

#include <string.h>

#define CURRENT "/srv/shop/current"
#define RELEASE "/srv/shop/releases/1"
#define NAME DPL_REHEARSAL_PREFIX "0a"

static char *make(const char *text, gboolean user, GPtrArray *left, GError **error) {
  static const char *const scratch[] = {"/srv/shop/shared/log", "/var/lib/a \"b\" 5%", NULL};
  const DplIsolation how = {
      .name = NAME,
      .original = "shop@7.service",
      .target = "shop",
      .current = CURRENT,
      .release = RELEASE,
      .scratch = scratch,
      .bind_to = "waggle-deployd.service",
      .user_scope = user,
      .start_limit = 1000000,
      .life = 2000000,
  };

  return dpl_isolated_unit(text, &how, left, error);
}

/* The value that the last line of `key` gives it; NULL: there is none. */
static char *last(const char *unit, const char *key) {
  g_auto(GStrv) lines = g_strsplit(unit, "\n", -1);
  g_autofree char *head = g_strconcat(key, "=", NULL);
  char *found = NULL;

  for (guint i = 0; lines[i]; i++)
    if (g_str_has_prefix(lines[i], head)) {
      g_free(found);
      found = g_strdup(lines[i] + strlen(head));
    }
  return found;
}

static void expect(const char *unit, const char *key, const char *value) {
  g_autofree char *found = last(unit, key);

  g_assert_cmpstr(found, ==, value);
}

static gboolean has(const char *unit, const char *line) {
  g_auto(GStrv) lines = g_strsplit(unit, "\n", -1);

  return g_strv_contains((const char *const *)lines, line);
}

static void test_taken_over(void) {
  g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  g_autofree char *unit = make("[Unit]\n"
                               "Requires=db.service\n"
                               "OnFailure=alarm.service\n"
                               "[Service]\n"
                               "Type=notify\n"
                               "# ExecStart=/no\n"
                               "ExecStartPre=/usr/bin/migrate\n"
                               "ExecStart=" CURRENT "/bin/shop --root " CURRENT " \\\n"
                               "  # a comment between\n"
                               "  --name=%i --unit %n -- 100%% " CURRENT "ly\n"
                               "User=shop\n"
                               "LimitNOFILE=10\n"
                               "Restart=always\n"
                               "Restart=no\n"
                               "StateDirectory=shop\n"
                               "ReadWritePaths=/srv\n"
                               "[Install]\n"
                               "ExecStart=/no\n",
                               FALSE, left, &error);

  g_assert_no_error(error);
  expect(unit, "ExecStart",
         RELEASE "/bin/shop --root " RELEASE "  --name=7 --unit shop@7.service -- 100%% " CURRENT
                 "ly");
  expect(unit, "Type", "notify");
  expect(unit, "User", "shop");
  expect(unit, "LimitNOFILE", "10");
  expect(unit, "Restart", "no");
  expect(unit, "BindsTo", "waggle-deployd.service");
  expect(unit, "Requires", NULL);
  expect(unit, "OnFailure", NULL);
  expect(unit, "StateDirectory", NULL);
  g_assert_true(has(unit, "Environment=STATE_DIRECTORY=%t/" NAME "/state"));
  g_assert_true(has(unit, "RuntimeDirectory=" NAME " " NAME "/state"));
  g_assert_cmpuint(left->len, ==, 4);
  g_assert_cmpstr(left->pdata[0], ==, "ExecStartPre");
  g_assert_cmpstr(left->pdata[1], ==, "Restart");
  g_assert_cmpstr(left->pdata[2], ==, "StateDirectory");
  g_assert_cmpstr(left->pdata[3], ==, "ReadWritePaths");
}

static void test_walls(void) {
  g_autofree char *unit = make("[Service]\nExecStart=/bin/true\nPrivateNetwork=no\nPrivateTmp=no\n"
                               "ProtectSystem=no\nNoNewPrivileges=no\nPrivateIPC=no\n"
                               "ProtectHome=yes\nBindPaths=/\nRuntimeMaxSec=infinity\n"
                               "KillMode=none\nTimeoutStartSec=infinity\n",
                               FALSE, NULL, NULL);

  expect(unit, "PrivateNetwork", "yes");
  expect(unit, "PrivateTmp", "yes");
  expect(unit, "PrivateIPC", "yes");
  expect(unit, "ProtectSystem", "strict");
  expect(unit, "ProtectHome", "yes"); /* stricter than ours */
  expect(unit, "NoNewPrivileges", "yes");
  expect(unit, "KillMode", "control-group");
  expect(unit, "RuntimeMaxSec", "2000000us");
  expect(unit, "TimeoutStartSec", "1000000us");
  expect(unit, "BindPaths", "%t/" NAME);
  g_assert_true(has(unit, "TemporaryFileSystem=%t:ro"));
  g_assert_true(has(unit, "TemporaryFileSystem=\"/srv/shop/shared/log\":mode=1777"));
  g_assert_true(has(unit, "TemporaryFileSystem=\"/var/lib/a \\\"b\\\" 5%%\":mode=1777"));
  g_assert_true(has(unit, "BindReadOnlyPaths=\"" RELEASE "\":\"" CURRENT "\""));
  expect(unit, "PrivateUsers", NULL);
  g_autofree char *user = make("[Service]\nExecStart=/bin/true\n", TRUE, NULL, NULL);
  expect(user, "PrivateUsers", "yes");
  expect(user, "CapabilityBoundingSet", NULL);
}

static void test_not_possible(void) {
  static const char *const texts[] = {
      "[Service]\nBusName=a.b\nExecStart=/bin/true\n",
      "[Service]\nSockets=shop.socket\nExecStart=/bin/true\n",
      "[Service]\nType=dbus\nBusName=a.b\nExecStart=/bin/true\n",
      "[Service]\nType=simple\n",
      "[Unit]\nExecStart=/bin/true\n",
      "",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(make(texts[i], FALSE, NULL, &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
}

static void test_name(void) {
  g_assert_true(dpl_isolated_unit_is(NAME ".service"));
  g_assert_true(dpl_isolated_unit_is(NAME "-0.socket"));
  g_assert_false(dpl_isolated_unit_is("shop.service"));
  g_assert_false(dpl_isolated_unit_is(NAME ".service.log"));
}

static void expect_socket_of(const char *name, const char *text, const char *service,
                             const char *is) {
  g_autofree char *found = dpl_socket_of(name, text, service);

  g_assert_cmpstr(found, ==, is);
}

static void test_sockets(void) {
  static const char plain[] = "[Socket]\nListenStream=/run/a\n";
  static const char other[] = "[Socket]\nService = web.service\n[Install]\nService=no.service\n";
  static const char instance[] = "[Socket]\nService=web@%i.service\n";

  expect_socket_of("shop.socket", plain, "shop.service", "shop.socket");
  expect_socket_of("shop.socket", plain, "web.service", NULL);
  expect_socket_of("shop.socket", other, "web.service", "shop.socket");
  expect_socket_of("shop.socket", other, "shop.service", NULL);
  expect_socket_of("shop.socket", "Service=web.service\n", "web.service", NULL);
  expect_socket_of("shop@.socket", plain, "shop@7.service", "shop@7.socket");
  expect_socket_of("shop@8.socket", plain, "shop@7.service", NULL);
  expect_socket_of("front@.socket", instance, "web@7.service", "front@7.socket");
  expect_socket_of("front@.socket", instance, "front@7.service", NULL);
  g_autoptr(GPtrArray) none =
      dpl_sockets_named("[Service]\nSockets=a.socket\nSockets=\n", "shop@7.service");
  g_assert_cmpuint(none->len, ==, 0);
  g_autoptr(GPtrArray) two =
      dpl_sockets_named("[Service]\nSockets=a.socket  %p-%i.socket\n", "shop@7.service");
  g_assert_cmpuint(two->len, ==, 2);
  g_assert_cmpstr(two->pdata[1], ==, "shop-7.socket");
}

static char *make_socket(const char *text, gboolean networks, GPtrArray *left, GError **error) {
  const DplIsolation how = {
      .name = NAME,
      .original = "shop@7.service",
      .target = "shop",
      .bind_to = "waggle-deployd.service",
      .networks = networks,
  };

  return dpl_isolated_socket(text, "shop@7.socket", &how, 1, left, error);
}

/* Nothing of it is the live one's: neither a name, nor a command, nor a network. */
static void test_socket(void) {
  g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) error = NULL;
  g_autofree char *unit = make_socket("[Unit]\nRequires=db.service\n"
                                      "[Socket]\n"
                                      "ListenDatagram=/run/before\n"
                                      "ListenStream=\n"
                                      "ListenStream=80%i\n"
                                      "ListenStream=@shop\n"
                                      "ListenStream=%t/shop.sock\n"
                                      "ListenFIFO=/run/shop.fifo\n"
                                      "Backlog=7\n"
                                      "Service=shop@7.service\n"
                                      "Accept=no\n"
                                      "ReusePort=yes\n"
                                      "Symlinks=/run/link\n"
                                      "BindToDevice=eth0\n"
                                      "SocketUser=shop\n"
                                      "PrivateNetwork=no\n"
                                      "ExecStartPre=/bin/rm -f /run/shop.sock\n"
                                      "[Install]\nWantedBy=sockets.target\n",
                                      TRUE, left, &error);

  g_assert_no_error(error);
  g_assert_true(has(unit, "ListenStream=807"));
  g_assert_true(has(unit, "ListenStream=@shop"));
  g_assert_true(has(unit, "ListenStream=%t/" NAME "-1.2"));
  g_assert_true(has(unit, "ListenFIFO=%t/" NAME "-1.3"));
  expect(unit, "ListenDatagram", NULL);
  expect(unit, "Backlog", "7");
  expect(unit, "Service", NAME ".service");
  expect(unit, "FileDescriptorName", "shop@7.socket");
  expect(unit, "PrivateNetwork", "yes");
  expect(unit, "BindsTo", "waggle-deployd.service");
  expect(unit, "WantedBy", NULL);
  expect(unit, "Requires", NULL);
  static const char *const dropped[] = {"ReusePort",  "Symlinks",       "BindToDevice",
                                        "SocketUser", "PrivateNetwork", "ExecStartPre"};
  g_assert_cmpuint(left->len, ==, G_N_ELEMENTS(dropped));
  for (guint i = 0; i < G_N_ELEMENTS(dropped); i++) {
    g_assert_cmpstr(left->pdata[i], ==, dropped[i]);
    if (strcmp(dropped[i], "PrivateNetwork") != 0)
      expect(unit, dropped[i], NULL);
  }
}

static void test_socket_not_possible(void) {
  static const char *const texts[] = {
      "[Socket]\nListenStream=vsock:2:1\n",         "[Socket]\nListenStream=%I\n",
      "[Socket]\nListenSpecial=/dev/zero\n",        "[Socket]\nListenNetlink=kobject-uevent 1\n",
      "[Socket]\nListenMessageQueue=/shop\n",       "[Socket]\nListenStream=80\nAccept=yes\n",
      "[Socket]\nListenStream=80\nListenStream=\n", "[Service]\nListenStream=80\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(make_socket(texts[i], TRUE, NULL, &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
  /* where there is no other network, only names of the file system can be had twice */
  g_assert_null(make_socket("[Socket]\nListenStream=80\n", FALSE, NULL, NULL));
  g_assert_null(make_socket("[Socket]\nListenStream=@shop\n", FALSE, NULL, NULL));
  g_autofree char *unit = make_socket("[Socket]\nListenStream=/run/shop\n", FALSE, NULL, NULL);
  g_assert_nonnull(unit);
  expect(unit, "PrivateNetwork", NULL);
}

/* The service is handed those that were made for it, and no others. */
static void test_handed(void) {
  g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
  const DplIsolation how = {
      .name = NAME,
      .original = "shop.service",
      .target = "shop",
      .current = CURRENT,
      .release = RELEASE,
      .n_sockets = 2,
  };
  g_autofree char *unit =
      dpl_isolated_unit("[Service]\nSockets=live.socket\nExecStart=/bin/true\n", &how, left, NULL);

  g_assert_nonnull(unit);
  g_assert_true(has(unit, "Sockets=" NAME "-0.socket"));
  g_assert_true(has(unit, "Sockets=" NAME "-1.socket"));
  g_assert_true(has(unit, "Requires=" NAME "-1.socket"));
  g_assert_true(has(unit, "After=" NAME "-1.socket"));
  g_assert_null(strstr(unit, "live.socket"));
  g_assert_cmpuint(left->len, ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deployment/rehearse-unit/taken-over", test_taken_over);
  g_test_add_func("/deployment/rehearse-unit/walls", test_walls);
  g_test_add_func("/deployment/rehearse-unit/not-possible", test_not_possible);
  g_test_add_func("/deployment/rehearse-unit/name", test_name);
  g_test_add_func("/deployment/rehearse-unit/sockets", test_sockets);
  g_test_add_func("/deployment/rehearse-unit/socket", test_socket);
  g_test_add_func("/deployment/rehearse-unit/socket-not-possible", test_socket_not_possible);
  g_test_add_func("/deployment/rehearse-unit/handed", test_handed);
  return g_test_run();
}
