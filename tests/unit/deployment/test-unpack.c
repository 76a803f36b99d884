/* test-unpack.c: artifacts of every kind become the same files; what is cut off, exchanged or
 * cancelled is refused. Hostile ones are in test-unpack-hostile.c. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void fill(Tar *tar) {
  tar_entry(tar, AE_IFDIR, "./", NULL, 0700);
  tar_file(tar, "./bin/shop", "#!/bin/true\n", 0755);
  tar_entry(tar, AE_IFDIR, "./etc", NULL, 0750);
  tar_file(tar, "./etc/shop.conf", "port = 1\n", 0666);
  tar_file(tar, "./etc/\xc3\xa4 b", "x", 0600);
  tar_entry(tar, AE_IFLNK, "./bin/again", "shop", 0777);
  tar_hard(tar, "./aaa", "./bin/shop");
  tar_file(tar, "./empty", "", 0644);
}

static char *digest_of(Files *f, const char *path) {
  int fd = files_open(f, path);
  guint8 sha256[DPL_SHA256_SIZE];

  g_assert_true(dpl_digest_fd(fd, path, sha256, NULL, NULL, NULL, NULL));
  return dpl_hex(sha256, sizeof sha256);
}

static void test_kinds(void) {
  static const char *const filters[] = {"none", "gzip", "xz", "zstd"};
  static const char *const formats[] = {"pax", "gnutar", "pax", "gnutar"};
  g_autofree char *first = NULL;
  Files f;

  files_begin(&f, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(DplUnpacked) done = {0};
    DplUnpackOptions options = {0};
    Tar tar;
    tar_begin(&tar, formats[i], filters[i]);
    fill(&tar);
    int fd = tar_end(&tar, &f, "a.tar");
    g_autofree char *sha256 = digest_of(&f, "a.tar");
    options.sha256 = sha256;
    g_autoptr(DplTree) tree = unpack_here(&f, fd, &options, &done, &error);
    g_assert_no_error(error);
    g_autofree char *text = dpl_tree_text(tree, NULL);
    g_assert_cmpstr(done.sha256, ==, sha256);
    g_assert_cmpint(done.kind, ==, DPL_SOURCE_TAR);
    if (first)
      g_assert_cmpstr(text, ==, first);
    else
      first = g_steal_pointer(&text);
  }
  /* world-writable is taken off, the hard link is canonical, the top is ours */
  g_assert_nonnull(strstr(first, "d 0755 - - .\n"));
  g_assert_nonnull(strstr(first, "f 0664 - - 9 "));
  g_assert_nonnull(strstr(first, " aaa\n"));
  g_assert_nonnull(strstr(first, "h bin/shop aaa\n"));
  g_assert_nonnull(strstr(first, "l - - bin/again shop\n"));
  g_assert_nonnull(strstr(first, "etc/\\xc3\\xa4\\x20b\n"));
  struct stat st;
  g_assert_cmpint(fstatat(f.root, "staging/t/empty", &st, 0), ==, 0);
  g_assert_cmpint(st.st_mtim.tv_sec, ==, 1700000000);

  /* the directory that came of it is the same artifact again */
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.into = "deep/er"};
  g_assert_cmpint(renameat(f.root, "staging/t", f.dir, "copy"), ==, 0);
  g_autoptr(DplTree) tree = unpack_here(&f, files_open(&f, "copy"), &options, &done, &error);
  g_assert_no_error(error);
  g_autofree char *digest = dpl_tree_text_digest(first, strlen(first));
  g_assert_cmpstr(done.sha256, ==, digest);
  g_assert_nonnull(dpl_tree_find(tree, "deep/er/bin/shop"));
  files_end(&f);
}

static void test_strip(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.strip = 1, .into = "srv"};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "pax", "gzip");
  tar_entry(&tar, AE_IFDIR, "shop-1.0/", NULL, 0755);
  tar_file(&tar, "README", "left out", 0644);
  tar_file(&tar, "shop-1.0/bin/shop", "x", 0755);
  tar_hard(&tar, "shop-1.0/shop", "shop-1.0/bin/shop");
  tar_entry(&tar, AE_IFLNK, "shop-1.0/out", "/etc/passwd", 0777);
  g_autoptr(DplTree) tree = unpack_here(&f, tar_end(&tar, &f, "a"), &options, &done, &error);
  g_assert_no_error(error);
  g_assert_nonnull(dpl_tree_find(tree, "srv/bin/shop"));
  g_assert_nonnull(dpl_tree_find(tree, "srv/shop"));
  g_assert_null(dpl_tree_find(tree, "srv/README"));
  g_assert_cmpuint(dpl_tree_n(tree), ==, 6);
  g_assert_cmpuint(done.links_out, ==, 1);
  files_end(&f);
}

static void test_digest_differs(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.sha256 = "00"};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "pax", "none");
  fill(&tar);
  g_assert_null(unpack_here(&f, tar_end(&tar, &f, "a"), &options, &done, &error));
  g_assert_nonnull(strstr(error->message, "not the one that the manifest means"));
  files_end(&f);
}

/* Cut at any length it is refused and never crashes. */
static void test_cut(void) {
  static const char *const filters[] = {"none", "gzip", "xz", "zstd"};
  Files f;

  files_begin(&f, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
    Tar tar;
    tar_begin(&tar, "pax", filters[i]);
    fill(&tar);
    g_autoptr(GBytes) bytes = tar_end_bytes(&tar);
    gsize size, step = i == 0 ? 512 : 7;
    const char *data = g_bytes_get_data(bytes, &size);
    /* a tar that is not compressed may lack its last blocks, which are empty */
    gsize end = i == 0 ? 4096 : size - 12;
    for (gsize n = 0; n < end; n += step) {
      g_autoptr(GError) error = NULL;
      g_auto(DplUnpacked) done = {0};
      g_autofree char *whole = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
      DplUnpackOptions options = {.sha256 = whole};
      files_write_bytes(&f, "cut", data, n, 0644);
      g_autoptr(DplTree) tree = unpack_here(&f, files_open(&f, "cut"), &options, &done, &error);
      g_assert_null(tree);
      g_assert_nonnull(error);
    }
  }
  files_end(&f);
}

static void test_sparse_and_large(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {0};
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "src/small", "small");
  int fd = openat(f.dir, "src/sparse", O_RDWR | O_CREAT, 0644);
  g_assert_cmpint(ftruncate(fd, 8 * 1024 * 1024), ==, 0);
  g_assert_cmpint(pwrite(fd, "middle", 6, 4 * 1024 * 1024), ==, 6);
  close(fd);
  g_autofree char *src = files_path(&f, "src"), *out = files_path(&f, "sparse.tar");
  const char *argv[] = {"tar", "-C", src, "--sparse", "--format=pax", "-cf", out, ".", NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                             NULL, &error));
  g_autoptr(DplTree) tree = unpack_here(&f, files_open(&f, "sparse.tar"), &options, &done, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(dpl_tree_find(tree, "sparse")->size, ==, 8 * 1024 * 1024);
  struct stat st;
  g_assert_cmpint(fstatat(f.root, "staging/t/sparse", &st, 0), ==, 0);
  g_assert_cmpint(st.st_blocks * 512, <, 4 * 1024 * 1024);
  files_end(&f);
}

static void too_large(Tar *tar) {
  g_autofree char *text = g_strnfill(200000, 'x');
  tar_file(tar, "large", text, 0644);
}

/* What a plan sees without writing is what comes of it. */
static void test_dry(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) dry = dpl_tree_new();
  g_auto(DplUnpacked) done = {0}, seen = {0};
  DplUnpackOptions options = {.name = "a"};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "pax", "zstd");
  fill(&tar);
  too_large(&tar);
  int fd = tar_end(&tar, &f, "a");
  g_assert_true(dpl_unpack(fd, -1, &options, dry, NULL, &seen, &error));
  g_autoptr(DplTree) tree = unpack_here(&f, fd, &options, &done, &error);
  g_assert_no_error(error);
  g_autofree char *a = dpl_tree_digest(dry), *b = dpl_tree_digest(tree);
  g_assert_cmpstr(a, ==, b);
  files_end(&f);
}

/* With leave: owners, set-uid and capabilities as the source has them, and the proof knows them. */
static void test_privileged(void) {
  static const guint8 capability[] = {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0,
                                      0, 0, 0, 0, 0, 0,    0, 0, 0, 0};
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0}, copied = {0}, refused = {0};
  DplUnpackOptions options = {.archive_owners = TRUE, .allow_setuid = TRUE};
  Tar tar;
  Files f;

  if (geteuid() != 0) {
    g_test_skip("only root can give files away");
    return;
  }
  files_begin(&f, g_get_tmp_dir());
  tar_begin(&tar, "pax", "none");
  tar_entry(&tar, AE_IFDIR, "d", NULL, 02750);
  tar_file(&tar, "d/su", "x", 04755);
  tar_entry(&tar, AE_IFLNK, "l", "d/su", 0777);
  g_autoptr(DplTree) tree = unpack_here(&f, tar_end(&tar, &f, "a"), &options, &done, &error);
  g_assert_no_error(error);
  g_autofree char *text = dpl_tree_text(tree, NULL);
  g_assert_nonnull(strstr(text, "d 2750 4711 4712 d\n"));
  g_assert_nonnull(strstr(text, "f 4755 4711 4712 1 "));
  g_assert_nonnull(strstr(text, "l 4711 4712 l d/su\n"));

  files_write(&f, "src/ping", "x");
  g_autofree char *ping = files_path(&f, "src/ping");
  if (setxattr(ping, "security.capability", capability, sizeof capability, 0) == 0) {
    options = (DplUnpackOptions){0};
    g_assert_null(unpack_here(&f, files_open(&f, "src"), &options, &refused, &error));
    g_assert_nonnull(strstr(error->message, "capabilities"));
    g_clear_error(&error);
    options.allow_capability = TRUE;
    g_autoptr(DplTree) copy = unpack_here(&f, files_open(&f, "src"), &options, &copied, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(dpl_tree_find(copy, "ping")->capability, ==,
                    "0100000200200000000000000000000000000000");
    /* taken off, the full proof fails */
    g_assert_cmpint(renameat(f.root, "staging/t", f.dir, "proof"), ==, 0);
    g_autofree char *proof = files_path(&f, "proof/ping");
    g_assert_cmpint(removexattr(proof, "security.capability"), ==, 0);
    g_assert_false(dpl_tree_prove(copy, files_open(&f, "proof"), DPL_PROOF_FULL, "p", NULL, NULL));
  }
  files_end(&f);
}

static void test_cancel(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.name = "a"};
  DplWork work = {.cancel = cancel};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "pax", "zstd");
  fill(&tar);
  g_cancellable_cancel(cancel);
  g_assert_false(dpl_unpack(tar_end(&tar, &f, "a"), f.dir, &options, tree, &work, &done, &error));
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/unpack/kinds", test_kinds);
  g_test_add_func("/unpack/strip", test_strip);
  g_test_add_func("/unpack/digest-differs", test_digest_differs);
  g_test_add_func("/unpack/cut", test_cut);
  g_test_add_func("/unpack/sparse-and-large", test_sparse_and_large);
  g_test_add_func("/unpack/dry", test_dry);
  g_test_add_func("/unpack/privileged", test_privileged);
  g_test_add_func("/unpack/cancel", test_cancel);
  return g_test_run();
}
