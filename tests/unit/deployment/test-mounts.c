/* test-mounts.c: file systems that are full, mounts in the way, and a kernel without openat2().
 * Small file systems are mounted in a namespace of this process alone, which needs root. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/backup.h"
#include "deployment/retention.h"
#include "deployment/switch.h"
#include "faults.h"
#include "files.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON G_GUINT64_CONSTANT(1795435200000000)

static gboolean may_mount;

static gboolean begin(Files *f, const char *options) {
  if (!may_mount) {
    g_test_skip("only root can mount");
    return FALSE;
  }
  g_autofree char *place = g_build_filename(g_get_tmp_dir(), "waggle-mount-XXXXXX", NULL);
  g_assert_nonnull(g_mkdtemp(place));
  g_assert_cmpint(mount("none", place, "tmpfs", 0, options), ==, 0);
  files_begin(f, place);
  return TRUE;
}

static void end(Files *f) {
  g_autofree char *place = g_path_get_dirname(f->path);

  files_end(f);
  g_assert_cmpint(umount2(place, MNT_DETACH), ==, 0);
  g_assert_cmpint(rmdir(place), ==, 0);
}

static gboolean stage(Files *f, int source, DplStaged *ret, GError **error) {
  const DplArtifact artifact = {.fd = source, .options = {.name = "shop.tar.xz"}};
  const DplStageOptions options = {
      .transaction = "t", .artifacts = &artifact, .n_artifacts = 1, .realtime = NOON};

  return dpl_stage(f->root, &options, NULL, ret, error);
}

/* Compresses to nearly nothing, and is much when it is unpacked. */
static int make_large(Files *f, guint files, gsize size, const char *name) {
  g_autofree char *text = g_strnfill(size, 'x');
  Tar tar;

  tar_begin(&tar, "gnutar", "xz");
  for (guint i = 0; i < files; i++) {
    g_autofree char *path = g_strdup_printf("n%u", i);
    tar_file(&tar, path, text, 0644);
  }
  return tar_end(&tar, f, name);
}

static void full(const char *options, guint files, gsize size) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) small = {0}, large = {0}, again = {0};
  g_autofree char *current = NULL;
  Files f;

  if (!begin(&f, options))
    return;
  int source = make_large(&f, 3, 100, "small.tar.xz");
  g_assert_true(stage(&f, source, &small, &error));
  g_assert_true(dpl_current_set(f.root, small.release, &error));
  g_assert_false(stage(&f, make_large(&f, files, size, "large.tar.xz"), &large, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_nonnull(strstr(error->message, "free space or inodes"));
  g_clear_error(&error);
  g_assert_true(dpl_stage_discard(f.root, "t", NULL, &error));
  g_assert_true(dpl_current_read(f.root, &current, &error));
  g_assert_cmpstr(current, ==, small.release);
  g_autoptr(GPtrArray) releases = dpl_releases(f.root, DPL_DIR_RELEASES, NULL);
  g_assert_cmpuint(releases->len, ==, 1);
  /* and there is room again */
  g_assert_true(stage(&f, source, &again, &error));
  g_assert_no_error(error);
  g_assert_true(again.reused);
  end(&f);
}

static void test_full(void) {
  full("size=1m", 3, 600 * 1024);
}

static void test_full_large_file(void) {
  full("size=2m", 1, 3 * 1024 * 1024);
}

static void test_no_inodes(void) {
  full("size=4m,nr_inodes=60", 100, 10);
}

static void test_mount_inside(void) {
  static const DplTreeRules rules = {0};
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) differences = NULL;
  DplBackupInfo info;
  Files f;

  if (!begin(&f, "size=1m"))
    return;
  files_write(&f, "t/a", "a");
  g_assert_cmpint(mkdirat(f.dir, "t/in", 0755), ==, 0);
  g_autoptr(DplTree) tree = dpl_tree_build(files_open(&f, "t"), &rules, NULL, &error);
  g_assert_no_error(error);
  g_autofree char *in = files_path(&f, "t/in"), *t = files_path(&f, "t");
  g_assert_cmpint(mount("none", in, "tmpfs", 0, "size=1m"), ==, 0);
  files_write(&f, "t/in/keep", "keep");

  g_assert_null(dpl_tree_build(files_open(&f, "t"), &rules, NULL, &error));
  g_assert_nonnull(strstr(error->message, "mount"));
  g_clear_error(&error);
  g_assert_true(dpl_tree_compare(tree, files_open(&f, "t"), DPL_PROOF_QUICK, 0, NULL, &differences,
                                 NULL, &error));
  g_assert_cmpuint(differences->len, >=, 1);
  g_assert_false(dpl_within_remove(f.dir, "t", NULL, &error));
  g_assert_nonnull(strstr(error->message, "mount"));
  g_clear_error(&error);
  const char *const point[] = {in, NULL}, *const above[] = {t, NULL};
  g_assert_false(dpl_backup(f.root, "b", point, NULL, &info, &error));
  g_assert_nonnull(strstr(error->message, "mount point"));
  g_clear_error(&error);
  g_assert_false(dpl_backup(f.root, "b", above, NULL, &info, &error));
  g_assert_nonnull(strstr(error->message, "mount"));
  g_assert_true(files_exist(&f, "t/in/keep"));
  g_assert_cmpint(umount2(in, 0), ==, 0);
  end(&f);
}

/* The same paths are refused component by component. Stays without openat2(): the last test. */
static void test_without_openat2(void) {
  static const char *const bad[] = {"up/secret", "file", "../secret", "/etc/passwd", "deep/up/x"};
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) staged = {0};
  Files f;

  faults_no_openat2();
  files_begin(&f, NULL);
  files_write(&f, "in/side/file", "x");
  files_write(&f, "in/deep/x", "x");
  files_write(&f, "secret", "x");
  files_link(&f, "in/up", "..");
  files_link(&f, "in/deep/up", "..");
  files_link(&f, "in/file", "side/file");
  int in = files_open(&f, "in");
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_cmpint(dpl_within_open(in, bad[i], O_RDONLY, 0), <, 0);
  int fd = dpl_within_open(in, "side/file", O_RDONLY, 0);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  stage(&f, make_large(&f, 3, 100, "small.tar.xz"), &staged, &error);
  g_assert_no_error(error);
  dpl_release_prove(f.root, staged.release, staged.digest, DPL_PROOF_FULL, NULL, &error);
  g_assert_no_error(error);
  files_end(&f);
}

int main(int argc, char **argv) {
  may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
              mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/mounts/full", test_full);
  g_test_add_func("/mounts/full-large-file", test_full_large_file);
  g_test_add_func("/mounts/no-inodes", test_no_inodes);
  g_test_add_func("/mounts/mount-inside", test_mount_inside);
  g_test_add_func("/mounts/without-openat2", test_without_openat2);
  return g_test_run();
}
