/* files.c: see files.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static GArray *opened;

void files_begin(Files *f, const char *base) {
  g_autoptr(GError) error = NULL;

  /* in memory where that is possible: hundreds of targets, each synced */
  const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
  f->path = g_build_filename(base ? base : memory, "waggle-files-XXXXXX", NULL);
  g_assert_nonnull(g_mkdtemp(f->path));
  f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint(f->dir, >=, 0);
  f->target = g_build_filename(f->path, "root", NULL);
  f->root = dpl_layout_open(f->target, "shop", TRUE, &error);
  g_assert_no_error(error);
  opened = g_array_new(FALSE, FALSE, sizeof(int));
}

void files_end(Files *f) {
  g_autoptr(GError) error = NULL;
  g_autofree char *name = g_path_get_basename(f->path), *up = g_path_get_dirname(f->path);
  int dir = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (guint i = 0; i < opened->len; i++)
    close(g_array_index(opened, int, i));
  g_array_unref(opened);
  close(f->root);
  close(f->dir);
  dpl_within_remove(dir, name, NULL, &error);
  g_assert_no_error(error);
  close(dir);
  g_free(f->target);
  g_free(f->path);
}

char *files_path(Files *f, const char *path) {
  return g_build_filename(f->path, path, NULL);
}

static void parents(Files *f, const char *path) {
  g_autofree char *full = files_path(f, path), *up = g_path_get_dirname(full);

  g_assert_cmpint(g_mkdir_with_parents(up, 0755), ==, 0);
}

void files_write_bytes(Files *f, const char *path, gconstpointer bytes, gsize size, guint mode) {
  parents(f, path);
  int fd = openat(f->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, bytes, size), ==, size);
  g_assert_cmpint(fchmod(fd, mode), ==, 0);
  close(fd);
}

void files_write(Files *f, const char *path, const char *text) {
  files_write_bytes(f, path, text, strlen(text), 0644);
}

void files_link(Files *f, const char *path, const char *target) {
  parents(f, path);
  g_assert_cmpint(symlinkat(target, f->dir, path), ==, 0);
}

char *files_read(Files *f, const char *path) {
  g_autofree char *full = files_path(f, path);
  char *text = NULL;

  return g_file_get_contents(full, &text, NULL, NULL) ? text : NULL;
}

gboolean files_exist(Files *f, const char *path) {
  struct stat st;

  return fstatat(f->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int files_open(Files *f, const char *path) {
  int fd = openat(f->dir, path, O_RDONLY | O_CLOEXEC);

  g_assert_cmpint(fd, >=, 0);
  g_array_append_val(opened, fd);
  return fd;
}

static la_ssize_t collect(struct archive *archive, void *data, const void *bytes, size_t size) {
  g_byte_array_append(data, bytes, (guint)size);
  return (la_ssize_t)size;
}

void tar_begin(Tar *tar, const char *format, const char *filter) {
  tar->archive = archive_write_new();
  tar->bytes = g_byte_array_new();
  g_assert_cmpint(strcmp(format, "ar") == 0
                      ? archive_write_set_format_ar_svr4(tar->archive)
                      : archive_write_set_format_by_name(tar->archive, format),
                  ==, ARCHIVE_OK);
  g_assert_cmpint(strcmp(filter, "none") == 0
                      ? archive_write_add_filter_none(tar->archive)
                      : archive_write_add_filter_by_name(tar->archive, filter),
                  ==, ARCHIVE_OK);
  archive_write_set_bytes_in_last_block(tar->archive, 1); /* no zeros behind a compressed end */
  g_assert_cmpint(archive_write_open(tar->archive, tar->bytes, NULL, collect, NULL), ==,
                  ARCHIVE_OK);
}

static struct archive_entry *new_entry(guint type, const char *path, guint mode) {
  struct archive_entry *e = archive_entry_new();

  archive_entry_set_pathname(e, path);
  archive_entry_set_filetype(e, type);
  archive_entry_set_perm(e, (mode_t)mode);
  archive_entry_set_mtime(e, 1700000000, 0);
  archive_entry_set_uid(e, 4711);
  archive_entry_set_gid(e, 4712);
  return e;
}

static void put(Tar *tar, struct archive_entry *e, const char *text, gsize size) {
  /* a warning: names that are not ASCII, in the locale of tests */
  g_assert_cmpint(archive_write_header(tar->archive, e), >=, ARCHIVE_WARN);
  if (size > 0)
    g_assert_cmpint(archive_write_data(tar->archive, text, size), ==, size);
  archive_entry_free(e);
}

void tar_file(Tar *tar, const char *path, const char *text, guint mode) {
  struct archive_entry *e = new_entry(AE_IFREG, path, mode);

  archive_entry_set_size(e, (la_int64_t)strlen(text));
  put(tar, e, text, strlen(text));
}

void tar_entry(Tar *tar, guint type, const char *path, const char *target, guint mode) {
  struct archive_entry *e = new_entry(type, path, mode);

  archive_entry_set_size(e, 0);
  if (target)
    archive_entry_set_symlink(e, target);
  put(tar, e, NULL, 0);
}

void tar_hard(Tar *tar, const char *path, const char *target) {
  struct archive_entry *e = new_entry(AE_IFREG, path, 0644);

  archive_entry_set_size(e, 0);
  archive_entry_set_hardlink(e, target);
  put(tar, e, NULL, 0);
}

GBytes *tar_end_bytes(Tar *tar) {
  g_assert_cmpint(archive_write_close(tar->archive), ==, ARCHIVE_OK);
  archive_write_free(tar->archive);
  return g_byte_array_free_to_bytes(tar->bytes);
}

int tar_end(Tar *tar, Files *f, const char *path) {
  g_autoptr(GBytes) bytes = tar_end_bytes(tar);
  gsize size;
  const char *data = g_bytes_get_data(bytes, &size);

  files_write_bytes(f, path, data, size, 0644);
  return files_open(f, path);
}

static void member(Tar *ar, const char *name, const char *data, gsize size) {
  struct archive_entry *e = new_entry(AE_IFREG, name, 0644);

  archive_entry_set_size(e, (la_int64_t)size);
  put(ar, e, data, size);
}

int deb_make(Files *f, const char *path, GBytes *control, GBytes *data) {
  Tar ar;

  tar_begin(&ar, "ar", "none");
  member(&ar, "debian-binary", "2.0\n", 4);
  if (control)
    member(&ar, "control.tar.xz", g_bytes_get_data(control, NULL), g_bytes_get_size(control));
  if (data)
    member(&ar, "data.tar.zst", g_bytes_get_data(data, NULL), g_bytes_get_size(data));
  return tar_end(&ar, f, path);
}

DplTree *unpack_here(Files *f, int source, DplUnpackOptions *options, DplUnpacked *ret,
                     GError **error) {
  g_autoptr(DplTree) tree = dpl_tree_new();

  g_assert_true(dpl_within_remove(f->root, "staging/t", NULL, NULL));
  g_assert_cmpint(mkdirat(f->root, "staging/t", 0700), ==, 0);
  int dir = openat(f->root, "staging/t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!options->name)
    options->name = "shop.tar";
  gboolean ok = dpl_unpack(source, dir, options, tree, NULL, ret, error) &&
                dpl_unpack_finish(dir, tree, error);
  if (ok) {
    g_autoptr(GError) failure = NULL;
    dpl_tree_prove(tree, dir, DPL_PROOF_FULL, "staging/t", NULL, &failure);
    g_assert_no_error(failure);
  }
  close(dir);
  return ok ? g_steal_pointer(&tree) : NULL;
}

void files_random(Files *f, GRand *rand, const char *path, guint n) {
  g_autoptr(GPtrArray) dirs = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) plain = g_ptr_array_new_with_free_func(g_free);

  g_ptr_array_add(dirs, g_strdup(path));
  parents(f, path);
  (void)mkdirat(f->dir, path, 0755);
  for (guint i = 0; i < n; i++) {
    const char *up = dirs->pdata[g_rand_int_range(rand, 0, (gint)dirs->len)];
    static const char *const names[] = {"a",        "b-b",       "b",  "c d",
                                        "\xc3\xa4", "new\nline", "-x", "z\\"};
    g_autofree char *name = g_strdup_printf("%s/%s%u", up, names[i % G_N_ELEMENTS(names)], i);
    int what = g_rand_int_range(rand, 0, 10);
    if (what < 2) {
      g_assert_cmpint(mkdirat(f->dir, name, 0755), ==, 0);
      g_ptr_array_add(dirs, g_steal_pointer(&name));
    } else if (what == 2) {
      files_link(f, name, i % 2 ? "../somewhere" : "a0");
    } else if (what == 3 && plain->len > 0) {
      const char *old = plain->pdata[g_rand_int_range(rand, 0, (gint)plain->len)];
      g_assert_cmpint(linkat(f->dir, old, f->dir, name, 0), ==, 0);
    } else {
      gsize size = (gsize)g_rand_int_range(rand, 0, 3000);
      g_autofree guint8 *bytes = g_malloc(size + 1);
      for (gsize j = 0; j < size; j++)
        bytes[j] = (guint8)g_rand_int(rand);
      files_write_bytes(f, name, bytes, size, i % 3 ? 0644 : 0755);
      g_ptr_array_add(plain, g_steal_pointer(&name));
    }
  }
}
