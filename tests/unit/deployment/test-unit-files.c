/* test-unit-files.c: unit files kept, written and put back; also when it is cut off anywhere. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "deployment/unit-files.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static char *base;
static int tree, directory, keep;

static int open_below(const char *name) {
  g_autofree char *path = g_build_filename(base, name, NULL);

  g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void put(int at, const char *name, const char *text) {
  g_autofree char *parent = g_path_get_dirname(name);

  if (mkdirat(at, parent, 0755) < 0)
    g_assert_cmpint(errno, ==, EEXIST);
  int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
  close(fd);
}

/* "" for none, "-> X" for a link. */
static char *get(int at, const char *name) {
  char text[4096];
  ssize_t n = readlinkat(at, name, text, sizeof text - 1);

  if (n >= 0)
    return g_strdup_printf("-> %.*s", (int)n, text);
  int fd = openat(at, name, O_RDONLY);
  if (fd < 0)
    return g_strdup("");
  n = read(fd, text, sizeof text);
  close(fd);
  return g_strndup(text, (gsize)n);
}

static void is(const char *name, const char *text) {
  g_autofree char *got = get(directory, name);

  g_assert_cmpstr(got, ==, text);
}

static GPtrArray *files_of(const char *const *install, const char *const *link) {
  g_autoptr(GError) error = NULL;
  GPtrArray *files =
      dpl_unit_files_read(tree, install, link, "/srv/shop/current", NAMES("shop.service"), &error);

  g_assert_no_error(error);
  return files;
}

static void set_up(void) {
  base = g_dir_make_tmp("waggle-unit-files-XXXXXX", NULL);
  tree = open_below("tree");
  directory = open_below("units");
  keep = open_below("keep");
}

static void tear_down(void) {
  g_autofree char *command = g_strdup_printf("rm -rf %s", base);

  close(tree);
  close(directory);
  close(keep);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
  g_clear_pointer(&base, g_free);
}

static void test_names(void) {
  static const char *const good[] = {"a.service", "a@.service", "a@b.socket", "a-b_c:d\\x2d.timer"};
  static const char *const bad[] = {
      "",          ".service",    "a",         "a.slice", "a.conf", "a/b.service", "a@b@c.service",
      "@.service", "a b.service", ".a.service"};

  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    g_assert_true(dpl_unit_name_valid(good[i]));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(dpl_unit_name_valid(bad[i]));
  g_autofree char *of_instance = dpl_unit_template("web@7.service");
  g_autofree char *of_template = dpl_unit_template("web@.service");
  g_assert_cmpstr(of_instance, ==, "web@.service");
  g_assert_null(of_template);
}

static void test_round(void) {
  g_autoptr(GError) error = NULL;
  guint changed = 0;

  put(tree, "units/shop.service", "new");
  put(tree, "units/shop.socket", "socket");
  put(tree, "units/extra.service", "extra");
  put(directory, "shop.service", "old");
  g_assert_cmpint(fchmodat(directory, "shop.service", 0600, 0), ==, 0);
  g_assert_cmpint(symlinkat("/dev/null", directory, "extra.service"), ==, 0);
  g_autoptr(GPtrArray) files =
      files_of(NAMES("units/shop.service", "units/shop.socket"), NAMES("units/extra.service"));
  g_assert_cmpuint(files->len, ==, 4);
  g_auto(GStrv) differ = dpl_unit_files_differ(directory, files, &error);
  g_assert_cmpuint(g_strv_length(differ), ==, 4);

  g_assert_true(dpl_unit_files_keep(directory, keep, files, NULL, &error));
  g_assert_true(dpl_unit_files_write(directory, files, NULL, &changed, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(changed, ==, 4);
  is("shop.service", "new");
  is("shop.socket", "socket");
  is("extra.service", "-> /srv/shop/current/units/extra.service");
  g_autofree char *order = get(directory, "shop.service.d/" WG_UNIT_DROP_IN);
  g_assert_nonnull(strstr(order, "[Unit]\nAfter=waggle-deployd-recover.service\n"));
  /* again, as after a crash: what is kept stays what was there at first */
  g_assert_true(dpl_unit_files_keep(directory, keep, files, NULL, &error));
  g_assert_true(dpl_unit_files_write(directory, files, NULL, &changed, &error));
  g_assert_cmpuint(changed, ==, 0);

  for (guint i = 0; i < 2; i++) {
    g_assert_true(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, &changed, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(changed, ==, i == 0 ? 4 : 0);
    struct stat st;
    is("shop.service", "old");
    g_assert_cmpint(fstatat(directory, "shop.service", &st, 0), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    is("shop.socket", "");
    is("extra.service", "-> /dev/null");
    g_assert_cmpint(faccessat(directory, "shop.service.d", F_OK, 0), ==, -1); /* it was ours */
  }
}

/* A drop-in beside ours is left alone. */
static void test_foreign_drop_in(void) {
  g_autoptr(GError) error = NULL;

  put(tree, "shop.service", "new");
  put(directory, "shop.service.d/10-admin.conf", "theirs");
  g_autoptr(GPtrArray) files = files_of(NAMES("shop.service"), NULL);
  g_assert_true(dpl_unit_files_keep(directory, keep, files, NULL, &error));
  g_assert_true(dpl_unit_files_write(directory, files, NULL, NULL, &error));
  g_assert_true(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, NULL, &error));
  is("shop.service.d/10-admin.conf", "theirs");
  is("shop.service.d/" WG_UNIT_DROP_IN, "");
}

/* Cut off after each file that is written: restoring brings back what was. */
static void test_half(void) {
  for (guint n = 0; n <= 3; n++) {
    g_autoptr(GError) error = NULL;
    put(tree, "a.service", "new a");
    put(tree, "b.service", "new b");
    put(directory, "a.service", "old a");
    g_autoptr(GPtrArray) files = files_of(NAMES("a.service", "b.service"), NULL);
    g_autoptr(GPtrArray) some = g_ptr_array_new();
    for (guint i = 0; i < n; i++)
      g_ptr_array_add(some, files->pdata[i]);
    g_assert_true(dpl_unit_files_keep(directory, keep, files, NULL, &error));
    g_assert_true(dpl_unit_files_write(directory, some, NULL, NULL, &error));
    g_assert_true(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, NULL, &error));
    g_assert_no_error(error);
    is("a.service", "old a");
    is("b.service", "");
    tear_down();
    set_up();
  }
}

/* A list that is not whole cannot be; one that is damaged is refused, not guessed at. */
static void test_keep_damaged(void) {
  g_autoptr(GError) error = NULL;

  put(tree, "a.service", "new");
  put(directory, "a.service", "old");
  g_autoptr(GPtrArray) files = files_of(NAMES("a.service"), NULL);
  g_assert_true(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, NULL,
                                       &error)); /* nothing was kept */
  is("a.service", "old");
  put(keep, "list", "none a.service\n"); /* no end */
  g_assert_false(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  g_clear_error(&error);
  g_assert_false(dpl_unit_files_keep(directory, keep, files, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  g_clear_error(&error);
  put(keep, "list", "none ../a.service\nend\n");
  g_assert_false(dpl_unit_files_restore(directory, keep, NULL, NULL, NULL, NULL, &error));
  g_assert_nonnull(error);
  g_clear_error(&error);
  is("a.service", "old");
  put(keep, "list", "none b.service\nend\n"); /* of other files */
  g_assert_false(dpl_unit_files_keep(directory, keep, files, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
}

static void refused(const char *const *install, const char *text) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) files = dpl_unit_files_read(tree, install, NULL, "/x", NULL, &error);

  g_assert_null(files);
  g_assert_nonnull(error);
  if (strstr(error->message, text) == NULL)
    g_error("'%s' is not in: %s", text, error->message);
}

static void test_refused(void) {
  g_autofree char *large = g_strnfill(1024 * 1024 + 1, '#');

  put(tree, "a.service", "x");
  put(tree, "large.service", large);
  put(tree, "text", "x");
  g_assert_cmpint(symlinkat("/etc/passwd", tree, "link.service"), ==, 0);
  g_assert_cmpint(mkdirat(tree, "dir.service", 0755), ==, 0);
  refused(NAMES("text"), "no name of a unit file");
  refused(NAMES("../a.service"), "no name of a unit file");
  refused(NAMES("/a.service"), "no name of a unit file");
  refused(NAMES("a.service", "./a.service"), "named twice");
  refused(NAMES("gone.service"), "gone.service");
  refused(NAMES("link.service"), "link.service");
  refused(NAMES("dir.service"), "dir.service");
  refused(NAMES("large.service"), "large.service");
  int fd = openat(tree, "nul.service", O_WRONLY | O_CREAT, 0644);
  g_assert_cmpint(write(fd, "a\0b", 3), ==, 3);
  close(fd);
  refused(NAMES("nul.service"), "NUL");
}

static void test_directory(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(base, "a", "b", "c", NULL);
  g_autofree char *file = g_build_filename(base, "file", NULL);

  int fd = dpl_unit_directory_open(path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  g_assert_true(g_file_set_contents(file, "", 0, NULL));
  g_assert_cmpint(dpl_unit_directory_open(file, &error), ==, -1);
  g_assert_nonnull(error);
}

static void in_place(gconstpointer test) {
  set_up();
  ((void (*)(void))test)();
  tear_down();
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"names", test_names},
      {"round", test_round},
      {"foreign-drop-in", test_foreign_drop_in},
      {"half", test_half},
      {"keep-damaged", test_keep_damaged},
      {"refused", test_refused},
      {"directory", test_directory},
  };

  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/deploy/unit-files/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, in_place);
  }
  return g_test_run();
}
