/* test-backup.c: what is backed up comes back exactly, whatever happened meanwhile; and nothing is
 * reached over a link. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/backup.h"
#include "files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *tree_text(Files *f, const char *path) {
  static const DplTreeRules rules = {.allow_setuid = TRUE, .skip_special = TRUE};
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_build(files_open(f, path), &rules, NULL, &error);

  g_assert_no_error(error);
  return dpl_tree_text(tree, NULL);
}

static void test_whole(void) {
  g_autoptr(GError) error = NULL;
  GRand *rand = g_rand_new_with_seed((guint32)g_test_rand_int());
  DplBackupInfo info;
  Files f;

  files_begin(&f, NULL);
  files_random(&f, rand, "state", 60);
  files_write(&f, "state/plain", "plain");
  files_write_bytes(&f, "state/closed/in", "x", 1, 0600);
  g_assert_cmpint(fchmodat(f.dir, "state/closed", 0500, 0), ==, 0);
  files_write(&f, "etc/shop.conf", "old");
  int fd = openat(f.dir, "state/sparse", O_RDWR | O_CREAT, 0640);
  g_assert_cmpint(ftruncate(fd, 4 * 1024 * 1024), ==, 0);
  g_assert_cmpint(pwrite(fd, "x", 1, 1024 * 1024), ==, 1);
  struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1100000000}};
  g_assert_cmpint(futimens(fd, times), ==, 0);
  gboolean has_xattr = fsetxattr(fd, "user.colour", "blue", 4, 0) == 0;
  close(fd);
  g_assert_cmpint(mkfifoat(f.dir, "state/pipe", 0600), ==, 0);
  g_autofree char *before = tree_text(&f, "state");
  g_autofree char *state = files_path(&f, "state"), *conf = files_path(&f, "etc/shop.conf"),
                  *none = files_path(&f, "etc/none"), *nowhere = files_path(&f, "no/where");
  const char *const paths[] = {state, conf, none, nowhere, NULL};
  g_assert_false(dpl_backup_exists(f.root, "b"));
  g_assert_true(dpl_backup(f.root, "b", paths, NULL, &info, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(info.skipped, ==, 1);
  g_assert_true(dpl_backup_exists(f.root, "b"));

  /* everything changes */
  g_assert_true(dpl_within_remove(f.dir, "state", NULL, NULL));
  files_write(&f, "state/new", "new");
  files_write(&f, "etc/shop.conf", "new");
  files_write(&f, "etc/none", "new");
  for (guint again = 0; again < 2; again++) {
    dpl_backup_restore(f.root, "b", NULL, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *after = tree_text(&f, "state");
    g_autofree char *text = files_read(&f, "etc/shop.conf");
    g_assert_cmpstr(after, ==, before);
    g_assert_cmpstr(text, ==, "old");
    g_assert_false(files_exist(&f, "etc/none"));
  }
  struct stat st;
  g_assert_cmpint(fstatat(f.dir, "state/sparse", &st, 0), ==, 0);
  g_assert_cmpint(st.st_mtim.tv_sec, ==, 1100000000);
  g_assert_cmpint(st.st_blocks * 512, <, 2 * 1024 * 1024);
  g_assert_cmpint(fstatat(f.dir, "state/closed", &st, 0), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0500);
  char value[8];
  g_autofree char *sparse = files_path(&f, "state/sparse");
  g_assert_cmpint(getxattr(sparse, "user.colour", value, sizeof value), ==, has_xattr ? 4 : -1);

  g_auto(GStrv) list = dpl_backup_list(f.root, &error);
  g_assert_cmpstr(list[0], ==, "b");
  g_assert_true(dpl_backup_drop(f.root, "b", NULL, &error));
  g_assert_true(dpl_backup_drop(f.root, "b", NULL, &error));
  g_assert_false(dpl_backup_exists(f.root, "b"));
  g_assert_false(dpl_backup_restore(f.root, "b", NULL, NULL, NULL));
  g_rand_free(rand);
  files_end(&f);
}

static void test_whole_one_stays(void) {
  g_autoptr(GError) error = NULL;
  DplBackupInfo info;
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "state/a", "good");
  g_autofree char *state = files_path(&f, "state");
  const char *const paths[] = {state, NULL};
  g_assert_true(dpl_backup(f.root, "b", paths, NULL, &info, &error));
  files_write(&f, "state/a", "migrated");
  g_assert_true(dpl_backup(f.root, "b", paths, NULL, &info, &error));
  g_assert_true(dpl_backup_restore(f.root, "b", paths, NULL, &error));
  g_autofree char *text = files_read(&f, "state/a");
  g_assert_cmpstr(text, ==, "good");
  files_end(&f);
}

/* One damaged copy costs its own path alone, and that path is not touched. */
static void test_damaged(void) {
  g_autoptr(GError) error = NULL;
  DplBackupInfo info;
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "one/a", "good");
  files_write(&f, "two/a", "good");
  g_autofree char *one = files_path(&f, "one"), *two = files_path(&f, "two");
  const char *const paths[] = {one, two, NULL};
  g_assert_true(dpl_backup(f.root, "b", paths, NULL, &info, &error));
  files_write(&f, "one/a", "bad");
  files_write(&f, "two/a", "bad");
  files_write(&f, "root/backup/b/0/item/a", "goop");
  g_assert_false(dpl_backup_restore(f.root, "b", NULL, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  g_autofree char *a = files_read(&f, "one/a"), *b = files_read(&f, "two/a");
  g_assert_cmpstr(a, ==, "bad");
  g_assert_cmpstr(b, ==, "good");
  g_assert_false(files_exist(&f, ".waggle-restore-b-0"));
  files_end(&f);
}

static void test_refused(void) {
  DplBackupInfo info;
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "real/a", "x");
  files_link(&f, "link", "real");
  files_link(&f, "etc/link", "../real");
  static const char *const bad[] = {"relative", "/", "/..", "//x"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    const char *const paths[] = {bad[i], NULL};
    g_assert_false(dpl_backup(f.root, "b", paths, NULL, &info, NULL));
  }
  static const char *const links[] = {"link", "link/a", "etc/link", "etc/link/a"};
  for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = files_path(&f, links[i]);
    const char *const paths[] = {path, NULL};
    g_assert_false(dpl_backup(f.root, "b", paths, NULL, &info, &error));
    g_assert_true(error->domain == WG_ERROR);
    g_assert_false(dpl_backup_exists(f.root, "b"));
  }
  /* between backup and restore somebody puts a link into the way */
  g_autofree char *path = files_path(&f, "dir/sub/file");
  const char *const paths[] = {path, NULL};
  files_write(&f, "dir/sub/file", "x");
  files_write(&f, "outside/file", "untouched");
  g_assert_true(dpl_backup(f.root, "b", paths, NULL, &info, NULL));
  g_assert_true(dpl_within_remove(f.dir, "dir/sub", NULL, NULL));
  files_link(&f, "dir/sub", "../outside");
  g_assert_false(dpl_backup_restore(f.root, "b", NULL, NULL, NULL));
  g_autofree char *text = files_read(&f, "outside/file");
  g_assert_cmpstr(text, ==, "untouched");
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/backup/whole", test_whole);
  g_test_add_func("/backup/whole-one-stays", test_whole_one_stays);
  g_test_add_func("/backup/damaged", test_damaged);
  g_test_add_func("/backup/refused", test_refused);
  return g_test_run();
}
