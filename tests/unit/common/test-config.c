/* test-config.c: which file wins, what every type accepts and refuses, and what damaged or hostile
 * files do. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/config.h"

#include "common/error.h"
#include "common/names.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const WgConfigKey keys[] = {
    {"Service", "On", WG_CONFIG_BOOL, "no", 0, 0, "a switch"},
    {"Service", "Count", WG_CONFIG_UINT, "7", 1, 100, "a number"},
    {"Service", "Size", WG_CONFIG_BYTES, "64K", 0, 0, "a size"},
    {"Service", "IdleExitSec", WG_CONFIG_USEC, "30s", 0, 0, "a time"},
    {"Other", "Name", WG_CONFIG_STRING, "none", 0, 0, "a text"},
    {"Other", "Steps", WG_CONFIG_USEC_LIST, "1s 5s", 1000, 60000000, "times"},
    {NULL},
};

typedef struct {
  char *root, *vendor, *etc;
  const char *dirs[3];
} Dirs;

static void setup(Dirs *d, gconstpointer data) {
  d->root = g_dir_make_tmp("test-config-XXXXXX", NULL);
  d->vendor = g_build_filename(d->root, "vendor", NULL);
  d->etc = g_build_filename(d->root, "etc", NULL);
  d->dirs[0] = d->vendor;
  d->dirs[1] = d->etc;
  for (const char *const *dir = d->dirs; *dir; dir++) {
    g_autofree char *dropins = g_build_filename(*dir, "tested.conf.d", NULL);
    g_assert_cmpint(g_mkdir_with_parents(dropins, 0700), ==, 0);
  }
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir =
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void teardown(Dirs *d, gconstpointer data) {
  remove_tree(d->root);
  g_free(d->root);
  g_free(d->vendor);
  g_free(d->etc);
}

static void put(const char *dir, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(dir, name, NULL);

  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void assert_count(Dirs *d, guint64 expected) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgConfig) config = wg_config_load_from(d->dirs, "tested", keys, &error);

  g_assert_no_error(error);
  g_assert_cmpuint(wg_config_u64(config, "Service", "Count"), ==, expected);
}

/* Loading fails, and the text has every one of the parts. */
#define assert_refused(d, ...) assert_refused_parts((d), (const char *const[]){__VA_ARGS__, NULL})
static void assert_refused_parts(Dirs *d, const char *const *parts) {
  g_autoptr(GError) error = NULL;

  g_assert_null(wg_config_load_from(d->dirs, "tested", keys, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  for (; *parts; parts++)
    if (!strstr(error->message, *parts))
      g_error("'%s' lacks '%s'", error->message, *parts);
}

static void test_defaults(Dirs *d, gconstpointer data) {
  g_autoptr(WgConfig) config = wg_config_load_from(d->dirs, "tested", keys, NULL);
  gsize n;

  g_assert_false(wg_config_bool(config, "Service", "On"));
  g_assert_cmpuint(wg_config_u64(config, "Service", "Count"), ==, 7);
  g_assert_cmpuint(wg_config_u64(config, "Service", "Size"), ==, 65536);
  g_assert_cmpuint(wg_config_u64(config, "Service", "IdleExitSec"), ==, 30000000);
  g_assert_cmpstr(wg_config_string(config, "Other", "Name"), ==, "none");
  const guint64 *steps = wg_config_list(config, "Other", "Steps", &n);
  g_assert_cmpuint(n, ==, 2);
  g_assert_cmpuint(steps[1], ==, 5000000);
}

static void test_order(Dirs *d, gconstpointer data) {
  put(d->vendor, "tested.conf", "[Service]\nCount=10\nSize=1\n");
  assert_count(d, 10);
  put(d->etc, "tested.conf", "; whole\n[Service]\nCount=11\n");
  assert_count(d, 11);
  g_autoptr(WgConfig) config = wg_config_load_from(d->dirs, "tested", keys, NULL);
  g_assert_cmpuint(wg_config_u64(config, "Service", "Size"), ==,
                   65536); /* the vendor's is hidden */
  put(d->vendor, "tested.conf.d/50-b.conf", "[Service]\nCount=12\n");
  put(d->etc, "tested.conf.d/10-a.conf", "[Service]\nCount=13\n");
  assert_count(d, 12); /* the name decides, not the directory */
  put(d->etc, "tested.conf.d/50-b.conf", "[Other]\nName=x\n");
  assert_count(d, 13); /* the vendor's 50-b is hidden as a whole */
  put(d->etc, "tested.conf.d/60-c.conf", "[Service]\nCount=\n");
  assert_count(d, 7); /* nothing: the default again */
  put(d->etc, "tested.conf.d/70-d.conf.bak", "[Service]\nCount=14\n");
  put(d->etc, "tested.conf.d/.80.conf", "[Service]\nCount=15\n");
  assert_count(d, 7);
}

static void test_mask(Dirs *d, gconstpointer data) {
  g_autofree char *main_file = g_build_filename(d->etc, "tested.conf", NULL);
  g_autofree char *dropin = g_build_filename(d->etc, "tested.conf.d", "50-b.conf", NULL);

  put(d->vendor, "tested.conf", "[Service]\nCount=10\n");
  put(d->vendor, "tested.conf.d/50-b.conf", "[Service]\nCount=12\n");
  g_assert_cmpint(symlink("/dev/null", dropin), ==, 0);
  assert_count(d, 10);
  g_assert_cmpint(symlink("/dev/null", main_file), ==, 0);
  assert_count(d, 7);
  g_unlink(dropin);
  put(d->etc, "tested.conf.d/50-b.conf", ""); /* empty masks as well */
  assert_count(d, 7);
}

static void test_unknown(Dirs *d, gconstpointer data) {
  put(d->etc, "tested.conf", "# one\n[Service]\nCount=3\nIdelExitSec=3\n");
  assert_refused(d, "/etc/tested.conf:4:", "'IdelExitSec'", "[Service]",
                 "did you mean IdleExitSec?");
  put(d->etc, "tested.conf", "\n[Servise]\nCount=3\n");
  assert_refused(d, "tested.conf:2:", "[Servise]", "did you mean Service?");
  put(d->etc, "tested.conf", "[Other]\nCount=3\n"); /* known, but elsewhere */
  assert_refused(d, "tested.conf:2:", "'Count'", "[Other]");
  put(d->etc, "tested.conf", "[Service]\nCount[de]=3\n");
  assert_refused(d, "'Count[de]'");
}

static void test_values(Dirs *d, gconstpointer data) {
  static const char *const bad[] = {
      "[Service]\nOn=maybe",   "[Service]\nCount=0",       "[Service]\nCount=101",
      "[Service]\nCount=-1",   "[Service]\nCount=0x10",    "[Service]\nCount=99999999999999999999",
      "[Service]\nCount=5 6",  "[Service]\nSize=5 apples", "[Service]\nIdleExitSec=soon",
      "[Other]\nSteps=1s 61s", "[Other]\nSteps=1s x",
  };

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    put(d->etc, "tested.conf", bad[i]);
    assert_refused(d, "tested.conf:2: ", "=: ");
  }
  put(d->etc, "tested.conf", "[Service]\nCount=200\n");
  assert_refused(d, "from 1 to 100");
  put(d->etc, "tested.conf", " [Service]\r\n On = Yes \r\n[Other]\nName = a b = c \nSteps=20ms\n");
  g_autoptr(WgConfig) config = wg_config_load_from(d->dirs, "tested", keys, NULL);
  gsize n;
  g_assert_nonnull(config);
  g_assert_true(wg_config_bool(config, "Service", "On"));
  g_assert_cmpstr(wg_config_string(config, "Other", "Name"), ==, "a b = c");
  g_assert_cmpuint(wg_config_list(config, "Other", "Steps", &n)[0], ==, 20000);
  g_assert_cmpuint(n, ==, 1);
}

static void test_damaged(Dirs *d, gconstpointer data) {
  g_autofree char *path = g_build_filename(d->etc, "tested.conf", NULL);
  g_autofree char *huge = g_strnfill(2 << 20, '#');

  put(d->etc, "tested.conf", "[Servi");
  assert_refused(d, "/etc/tested.conf: ");
  put(d->etc, "tested.conf", "[Service]\nIdleEx");
  assert_refused(d, "/etc/tested.conf: ", "IdleEx");
  put(d->etc, "tested.conf", "Count=3\n");
  assert_refused(d, "/etc/tested.conf: ");
  g_assert_true(g_file_set_contents(path, "[Service]\n\0Count=1\n", 19, NULL));
  assert_refused(d, "not a text in UTF-8");
  put(d->etc, "tested.conf", "[Other]\nName=\xff\xfe\n");
  assert_refused(d, "/etc/tested.conf", "UTF-8");
  put(d->etc, "tested.conf", huge);
  assert_refused(d, "larger than");
  g_unlink(path);
  g_assert_cmpint(mkfifo(path, 0600), ==, 0);
  assert_refused(d, "not a regular file");
  g_unlink(path);
  g_assert_cmpint(symlink("/nonexistent/target", path), ==, 0);
  assert_refused_parts(d, (const char *const[]){"cannot open", NULL});
}

static void test_environment(Dirs *d, gconstpointer data) {
  g_autofree char *path = g_strconcat(d->vendor, "::", d->etc, NULL);

  put(d->vendor, "tested.conf", "[Service]\nCount=10\n");
  put(d->etc, "tested.conf", "[Service]\nCount=11\n");
  g_setenv(WG_ENV_CONFIG_PATH, path, TRUE);
  g_autoptr(WgConfig) config = wg_config_load("tested", keys, NULL);
  g_unsetenv(WG_ENV_CONFIG_PATH);
  g_assert_cmpuint(wg_config_u64(config, "Service", "Count"), ==, 11);
  g_auto(GStrv) system = wg_config_dirs(FALSE);
  g_auto(GStrv) user = wg_config_dirs(TRUE);
  g_assert_cmpuint(g_strv_length(system), ==, 2);
  g_assert_cmpuint(g_strv_length(user), ==, 3);
  g_assert_true(g_str_has_prefix(user[2], g_get_user_config_dir()));
}

static void test_usec(void) {
  static const struct {
    const char *text;
    guint64 usec;
  } good[] = {
      {"5", 5000000},
      {"0", 0},
      {"500ms", 500000},
      {"1min 30s", 90000000},
      {"1min30s", 90000000},
      {"1.5h", 5400e6},
      {" 2 s ", 2000000},
      {"7us", 7},
      {"7µs", 7},
      {"1w", 604800e6},
      {"1M", 2629800e6},
      {"1m", 60000000},
      {".5", 500000},
      {"0.0000019s", 1},
      {"infinity", G_MAXUINT64},
      {"1 2", 3000000},
      {"1y", 31557600e6},
      {"2 days 1 hr", 176400e6},
  };
  static const char *const bad[] = {"",
                                    " ",
                                    "s",
                                    "-1",
                                    "5x",
                                    "5 s s",
                                    "1..5",
                                    "1.",
                                    "5sec!",
                                    "inf",
                                    "1e3",
                                    "584543y",
                                    "99999999999999999999",
                                    "infinity s"};
  guint64 usec;

  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    if (!wg_parse_usec(good[i].text, &usec, NULL))
      g_error("'%s' refused", good[i].text);
    g_assert_cmpuint(usec, ==, good[i].usec);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    usec = 42;
    if (wg_parse_usec(bad[i], &usec, &error))
      g_error("'%s' taken", bad[i]);
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(usec, ==, 42);
  }
}

static void test_bytes(void) {
  static const char *const bad[] = {
      "", "K", "-1", "1.5M", "4k", "4KB", "99999999999999999999", "20000000P"};
  guint64 n;

  g_assert_true(wg_parse_bytes("4096", &n, NULL) && n == 4096);
  g_assert_true(wg_parse_bytes("64K", &n, NULL) && n == 65536);
  g_assert_true(wg_parse_bytes("16 M", &n, NULL) && n == 16 << 20);
  g_assert_true(wg_parse_bytes("1G", &n, NULL) && n == 1 << 30);
  g_assert_true(wg_parse_bytes("18446744073709551615", &n, NULL) && n == G_MAXUINT64);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    if (wg_parse_bytes(bad[i], &n, NULL))
      g_error("'%s' taken", bad[i]);
}

static void case_no_such_key(void) {
  const char *const none[] = {NULL};
  g_autoptr(WgConfig) config = wg_config_load_from(none, "tested", keys, NULL);

  wg_config_u64(config, "Service", "Colour");
}

static void test_no_such_key(void) {
  g_test_trap_subprocess("/config/subprocess/no-such-key", 0, 0);
  g_test_trap_assert_failed();
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/config/" name, Dirs, NULL, setup, func, teardown)
  ADD("defaults", test_defaults);
  ADD("order", test_order);
  ADD("mask", test_mask);
  ADD("unknown", test_unknown);
  ADD("values", test_values);
  ADD("damaged", test_damaged);
  ADD("environment", test_environment);
  g_test_add_func("/config/usec", test_usec);
  g_test_add_func("/config/bytes", test_bytes);
  g_test_add_func("/config/no-such-key", test_no_such_key);
  g_test_add_func("/config/subprocess/no-such-key", case_no_such_key);
  return g_test_run();
}
