/* test-clone.c: on a file system that clones (xfs, btrfs), what is copied shares its bytes with
 * what it was copied from, is what its digest says, and is another file all the same. Images of
 * them are made and mounted in a namespace of this process alone, which needs root, a loop device
 * and mkfs. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/copy-tree.h"
#include "deployment/sink.h"
#include "files.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (1024 * 1024 + 17)

static gboolean may_mount;

/* Below a directory of its own: the image, and where it is mounted. NULL: skipped. */
static char *make(const char *kind) {
  g_autofree char *name = g_strconcat("mkfs.", kind, NULL);
  g_autofree char *mkfs = g_find_program_in_path(name);
  g_autofree char *top = g_build_filename(g_get_tmp_dir(), "waggle-clone-XXXXXX", NULL);

  if (!may_mount || !mkfs) {
    g_test_skip(may_mount ? "no mkfs for it is installed" : "only root can mount");
    return NULL;
  }
  g_assert_nonnull(g_mkdtemp(top));
  g_autofree char *image = g_build_filename(top, "image", NULL);
  g_autofree char *place = g_build_filename(top, "place", NULL);
  const char *const commands[][6] = {{mkfs, "-q", image}, {"mount", "-o", "loop", image, place}};

  g_assert_cmpint(mkdir(place, 0755), ==, 0);
  int fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(ftruncate(fd, (off_t)320 * 1024 * 1024), ==, 0);
  close(fd);
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
    g_autofree char *said = NULL;
    int status = -1;
    g_assert_true(g_spawn_sync(NULL, (char **)commands[i], NULL,
                               G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &said, &status, NULL));
    if (i > 0 && status != 0) { /* no loop device, or the kernel has no such file system */
      g_test_skip(said);
      unlink(image);
      rmdir(place);
      rmdir(top);
      return NULL;
    }
    g_assert_cmpint(status, ==, 0);
  }
  return g_steal_pointer(&place);
}

static gboolean begin(Files *f, gconstpointer kind) {
  g_autofree char *place = make(kind);

  if (place)
    files_begin(f, place);
  return place != NULL;
}

static void end(Files *f) {
  g_autofree char *place = g_path_get_dirname(f->path), *top = g_path_get_dirname(place);
  g_autofree char *image = g_build_filename(top, "image", NULL);

  files_end(f);
  g_assert_cmpint(umount2(place, MNT_DETACH), ==, 0);
  g_assert_cmpint(unlink(image), ==, 0);
  g_assert_cmpint(rmdir(place), ==, 0);
  g_assert_cmpint(rmdir(top), ==, 0);
}

/* Whether all of its bytes are those of another file, too. */
static gboolean is_shared(Files *f, const char *path) {
  g_autofree struct fiemap *map =
      g_malloc0(sizeof(struct fiemap) + 64 * sizeof(struct fiemap_extent));
  int fd = files_open(f, path);

  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = 64;
  g_assert_cmpint(ioctl(fd, FS_IOC_FIEMAP, map), ==, 0);
  g_assert_cmpuint(map->fm_mapped_extents, >, 0);
  for (guint i = 0; i < map->fm_mapped_extents; i++)
    if (!(map->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED))
      return FALSE;
  return TRUE;
}

static void make_source(Files *f) {
  g_autofree char *large = g_malloc(LARGE);

  for (guint i = 0; i < LARGE; i++)
    large[i] = (char)g_random_int();
  files_write_bytes(f, "from/large", large, LARGE, 0644);
  files_write(f, "from/small", "of a few bytes");
  files_write(f, "from/empty", "");
  files_write(f, "from/holes", "a");
  int fd = openat(f->dir, "from/holes", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(pwrite(fd, "z", 1, 512 * 1024), ==, 1);
  close(fd);
}

static void same_content(Files *f, const char *one, const char *other, gboolean is_same) {
  g_autofree char *a = files_path(f, one), *b = files_path(f, other);
  g_autofree char *one_text = NULL, *other_text = NULL;
  gsize n, m;

  g_assert_true(g_file_get_contents(a, &one_text, &n, NULL));
  g_assert_true(g_file_get_contents(b, &other_text, &m, NULL));
  g_assert_cmpint(n == m && memcmp(one_text, other_text, n) == 0, ==, is_same);
}

static void judge(Files *f, const char *copy) {
  static const char *const names[] = {"large", "small", "empty", "holes"};
  g_autofree char *large = g_build_filename(copy, "large", NULL);

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *from = g_build_filename("from", names[i], NULL);
    g_autofree char *to = g_build_filename(copy, names[i], NULL);
    same_content(f, from, to, TRUE);
  }
  g_assert_true(is_shared(f, large));
  int fd = openat(f->dir, "from/large", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(pwrite(fd, "changed since", 13, 4096), ==, 13);
  close(fd);
  same_content(f, "from/large", large, FALSE);
}

/* unpack_here() proves each byte of what it made. */
static void test_artifact(gconstpointer kind) {
  g_autoptr(GError) error = NULL;
  Files f;

  if (!begin(&f, kind))
    return;
  make_source(&f);
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.name = "from"};
  g_autoptr(DplTree) tree = unpack_here(&f, files_open(&f, "from"), &options, &done, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(dpl_tree_find(tree, "large")->size, ==, LARGE);
  judge(&f, "root/staging/t");
  end(&f);
}

static void test_backup(gconstpointer kind) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_new();
  guint skipped;
  Files f;

  if (!begin(&f, kind))
    return;
  make_source(&f);
  g_assert_cmpint(mkdirat(f.dir, "copy", 0700), ==, 0);
  int to = files_open(&f, "copy");
  g_assert_true(dpl_copy_tree(f.dir, "from", "from", to, tree, &skipped, NULL, &error));
  g_assert_no_error(error);
  dpl_tree_prove(tree, to, DPL_PROOF_FULL, "copy", NULL, &error);
  g_assert_no_error(error);
  judge(&f, "copy/" DPL_COPY_ITEM);
  end(&f);
}

/* What has grown since it was listed is over the limit however it is copied. */
static void test_grown(gconstpointer kind) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_new();
  DplUnpackOptions options = {.name = "from", .limits = {.file_max = 4096}};
  DplUnpacked done = {0};
  Files f;

  if (!begin(&f, kind))
    return;
  make_source(&f);
  g_assert_cmpint(mkdirat(f.dir, "copy", 0700), ==, 0);
  g_autoptr(DplSink) sink = dpl_sink_new(files_open(&f, "copy"), &options, tree, NULL);
  const DplSinkEntry entry = {.path = "large", .mode = 0644, .uid = geteuid(), .gid = getegid()};
  gboolean ok = dpl_sink_copy(sink, &entry, files_open(&f, "from"), "large", 10, &error) &&
                dpl_sink_finish(sink, &done, &error);
  g_assert_false(ok);
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "grows"));
  g_clear_pointer(&sink, dpl_sink_free);
  end(&f);
}

int main(int argc, char **argv) {
  static const char *const kinds[] = {"xfs", "btrfs"};
  g_autofree char *path = g_strconcat(g_getenv("PATH"), ":/usr/sbin:/sbin", NULL);

  g_setenv("PATH", path, TRUE);
  may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
              mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *artifact = g_strdup_printf("/clone/%s/artifact", kinds[i]);
    g_autofree char *backup = g_strdup_printf("/clone/%s/backup", kinds[i]);
    g_autofree char *grown = g_strdup_printf("/clone/%s/grown", kinds[i]);
    g_test_add_data_func(artifact, kinds[i], test_artifact);
    g_test_add_data_func(backup, kinds[i], test_backup);
    g_test_add_data_func(grown, kinds[i], test_grown);
  }
  return g_test_run();
}
