/* test-type-system.c: users, groups, packages, mounts, interfaces and kernel parameters: of this
 * machine, and of roots made for the test, damaged ones too. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include "checks/types.h"

#include <glib/gstdio.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static char *top; /* a root of our own */

static char *look_at(ChkWorld *world, const ChkType *type, const char *subject, const char *options,
                     const char *key) {
  g_auto(LookResult) result = chk_look_once_with(world, type, subject, options, 0);

  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("%s: %s", result.known == CHK_UNKNOWN ? "unknown" : "n/a", result.text);
  return chk_look_value(&result, key);
}

#define IS(world, type, subject, options, key, expected)                                           \
  do {                                                                                             \
    g_autofree char *seen_ = look_at(world, type, subject, options, key);                          \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)

static void put(const char *path, const char *text, gssize size) {
  g_autofree char *full = g_build_filename(top, path, NULL);
  g_autofree char *dir = g_path_get_dirname(full);

  g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
  g_assert_true(g_file_set_contents(full, text, size, NULL));
}

static void test_user_here(void) {
  struct passwd *self = getpwuid(getuid());
  g_autofree char *home = g_strdup_printf("\"%s\"", self->pw_dir);
  g_autofree char *number = g_strdup_printf("%u", getuid());

  IS(NULL, &chk_type_user, self->pw_name, NULL, "exists", "true");
  IS(NULL, &chk_type_user, self->pw_name, NULL, "home", home);
  IS(NULL, &chk_type_user, number, NULL, "uid", number);
  IS(NULL, &chk_type_user, "nobody-of-that-name", NULL, "exists", "false");
  IS(NULL, &chk_type_user, "nobody-of-that-name", NULL, "uid", NULL);
  IS(NULL, &chk_type_group, "no-group-of-that-name", NULL, "exists", "false");
}

static void test_user_root(void) {
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, top);

  put("etc/passwd",
      "root:x:0:0:root:/root:/bin/sh\nbroken line\nbee:x:700:701:A bee:/hive:/bin/x\n"
      "drone:x:705:701::/:/bin/x\n",
      -1);
  put("etc/group", "bees:x:701:\nqueens:x:702:bee,drone\nnone:x:703:drone\n", -1);
  put("etc/shadow", "bee:!:1::::::\nroot:$y$abc:1::::::\n", -1);
  IS(world, &chk_type_user, "bee", NULL, "home", "\"/hive\"");
  IS(world, &chk_type_user, "bee", NULL, "group", "\"bees\"");
  IS(world, &chk_type_user, "bee", NULL, "groups", "[\"bees\",\"queens\"]");
  IS(world, &chk_type_user, "bee", NULL, "comment", "\"A bee\"");
  IS(world, &chk_type_user, "bee", NULL, "locked", "true");
  IS(world, &chk_type_user, "root", NULL, "locked", "false");
  g_auto(LookResult) hidden = chk_look_wanting(world, &chk_type_user, "drone", NULL, "locked", 0);
  g_assert_cmpint(hidden.known, ==, CHK_UNKNOWN); /* not to be told is neither locked nor open */
  IS(world, &chk_type_user, "700", NULL, "shell", "\"/bin/x\"");
  IS(world, &chk_type_user, "wasp", NULL, "exists", "false");
  IS(world, &chk_type_group, "queens", NULL, "members", "[\"bee\",\"drone\"]");
  IS(world, &chk_type_group, "702", NULL, "name", "\"queens\"");
}

static const char status[] =
    "Package: one\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n"
    "Description: text\n Package: fake\n Status: install ok installed\n\n"
    "Package: two\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 9\n\n"
    "Package: many\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 2\n\n"
    "Package: many\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n\n"
    "Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 5\n\n"
    "Package: hurt\nStatus: inst\n\n"
    "Package: lost\nStatus: install ok installed\nArchitecture: all\n";

static void test_package(void) {
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, top);
  const char *damaged = "unknown: dpkg's status file is damaged where it tells of hurt: see dpkg "
                        "--audit";

  put("var/lib/dpkg/status", status, -1);
  IS(world, &chk_type_package, "one", NULL, "installed", "true");
  IS(world, &chk_type_package, "one", NULL, "version", "\"1.2-3\"");
  IS(world, &chk_type_package, "on", NULL, "installed", "false");
  IS(world, &chk_type_package, "fake", NULL, "installed", "false"); /* text of a description */
  IS(world, &chk_type_package, "two", NULL, "installed", "false");
  IS(world, &chk_type_package, "two", NULL, "version", NULL);
  IS(world, &chk_type_package, "two", NULL, "state", "\"config-files\"");
  IS(world, &chk_type_package, "half", NULL, "installed", "false");
  IS(world, &chk_type_package, "many", NULL, "versions", "[\"1\",\"2\"]");
  IS(world, &chk_type_package, "many", NULL, "architectures", "[\"amd64\",\"i386\"]");
  IS(world, &chk_type_package, "many", NULL, "held", "true");
  IS(world, &chk_type_package, "many:i386", NULL, "version", "\"1\"");
  IS(world, &chk_type_package, "many:arm64", NULL, "installed", "false");
  IS(world, &chk_type_package, "hurt", NULL, "installed", damaged);
  g_autofree char *lost = look_at(world, &chk_type_package, "lost", NULL, "installed");
  g_assert_true(g_str_has_prefix(lost, "unknown: dpkg's status file is damaged"));
}

/* Whatever the bytes are: no crash, and a file with NUL bytes never says "not installed". */
static void test_package_damage(void) {
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, top);
  gsize size = sizeof status - 1;
  g_autofree char *hurt = g_memdup2(status, size);

  for (gsize cut = 0; cut < size; cut += 7) {
    put("var/lib/dpkg/status", status, (gssize)cut);
    g_autofree char *seen = look_at(world, &chk_type_package, "one", NULL, "installed");
    g_assert_nonnull(seen);
  }
  memset(hurt + 4, 0, 512 < size ? 256 : 8);
  put("var/lib/dpkg/status", hurt, (gssize)size);
  g_autofree char *seen = look_at(world, &chk_type_package, "one", NULL, "installed");
  g_assert_true(g_str_has_prefix(seen, "unknown: "));
}

static void test_package_none(void) {
  g_autofree char *bare = g_dir_make_tmp("waggle-bare-XXXXXX", NULL);
  g_autoptr(ChkWorld) world = chk_world_new(FALSE, bare);

  IS(world, &chk_type_package, "one", "{\"manager\": \"none\"}", "installed",
     "n/a: neither dpkg nor rpm nor pacman keeps the packages here");
  g_rmdir(bare);
}

static void test_kernel_parameter(void) {
  g_autoptr(ChkWorld) other = chk_world_new(FALSE, top);
  g_autofree char *expected = NULL, *raw = NULL;

  g_assert_true(g_file_get_contents("/proc/sys/kernel/ostype", &raw, NULL, NULL));
  expected = g_strdup_printf("\"%s\"", g_strchomp(raw));
  IS(NULL, &chk_type_kernel_parameter, "kernel.ostype", NULL, "value", expected);
  IS(NULL, &chk_type_kernel_parameter, "kernel/ostype", NULL, "value", expected);
  IS(NULL, &chk_type_kernel_parameter, "kernel.nothing", NULL, "exists", "false");
  IS(NULL, &chk_type_kernel_parameter, "kernel", NULL, "exists", "false");
  g_auto(LookResult) range =
      chk_look_once_with(NULL, &chk_type_kernel_parameter, "net.ipv4.ip_local_port_range", NULL, 0);
  g_autofree char *fields = chk_look_value(&range, "fields");
  if (fields) /* a namespace without IPv4 lacks it */
    g_assert_cmpuint(strlen(fields), >, 8);
  g_autofree char *na = look_at(other, &chk_type_kernel_parameter, "kernel.ostype", NULL, "value");
  g_assert_true(g_str_has_prefix(na, "n/a: "));
  g_assert_false(chk_look_is_good(&chk_type_kernel_parameter, "../../etc/passwd", NULL));
  g_assert_false(chk_look_is_good(&chk_type_kernel_parameter, "kernel....x", NULL));
  g_assert_false(chk_look_is_good(&chk_type_kernel_parameter, "", NULL));
  g_assert_true(chk_look_is_good(&chk_type_kernel_parameter, "net/ipv4/conf/eth0.1/mtu", NULL));
}

static void test_mount(void) {
  IS(NULL, &chk_type_mount, "/proc", NULL, "exists", "true");
  IS(NULL, &chk_type_mount, "/proc/", NULL, "filesystem", "\"proc\"");
  IS(NULL, &chk_type_mount, "/proc/self", NULL, "exists", "false");
  IS(NULL, &chk_type_mount, "/proc/sys/kernel", "{\"holding\": true}", "exists", "true");
  g_autofree char *usage = look_at(NULL, &chk_type_mount, top, "{\"holding\": true}", "usage");
  g_assert_cmpfloat(g_ascii_strtod(usage, NULL), >=, 0);
  g_assert_cmpfloat(g_ascii_strtod(usage, NULL), <=, 100);
  g_autofree char *space = look_at(NULL, &chk_type_mount, top, "{\"holding\": true}", "free");
  g_assert_cmpint(g_ascii_strtoll(space, NULL, 10), >, 0);
}

static void test_interface(void) {
  IS(NULL, &chk_type_interface, "lo", NULL, "exists", "true");
  IS(NULL, &chk_type_interface, "lo", NULL, "loopback", "true");
  IS(NULL, &chk_type_interface, "nothing7", NULL, "exists", "false");
  IS(NULL, &chk_type_interface, "nothing7", NULL, "mtu", NULL);
  g_autofree char *addresses = look_at(NULL, &chk_type_interface, "lo", NULL, "addresses");
  g_autofree char *up = look_at(NULL, &chk_type_interface, "lo", NULL, "up");
  if (g_strcmp0(up, "true") == 0)
    g_assert_nonnull(strstr(addresses, "\"127.0.0.1/8\""));
  g_assert_false(chk_look_is_good(&chk_type_interface, "a/b", NULL));
  g_assert_false(chk_look_is_good(&chk_type_interface, "much-too-long-a-name", NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  top = g_dir_make_tmp("waggle-root-XXXXXX", NULL);
  g_assert_nonnull(top);
  g_test_add_func("/user/here", test_user_here);
  g_test_add_func("/user/root", test_user_root);
  g_test_add_func("/package/dpkg", test_package);
  g_test_add_func("/package/damage", test_package_damage);
  g_test_add_func("/package/none", test_package_none);
  g_test_add_func("/kernel-parameter", test_kernel_parameter);
  g_test_add_func("/mount", test_mount);
  g_test_add_func("/interface", test_interface);
  int status_ = g_test_run();
  const char *argv_rm[] = {"rm", "-rf", top, NULL};
  g_spawn_sync(NULL, (char **)argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
               NULL);
  g_free(top);
  return status_;
}
