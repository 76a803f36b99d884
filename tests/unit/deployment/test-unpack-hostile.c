/* test-unpack-hostile.c: archives that mean ill are refused with the reason, as tars and in
 * packages, having written nothing outside. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void (*Fill)(Tar *tar);

static void absolute(Tar *tar) {
  tar_file(tar, "/escape", "x", 0644);
}
static void dots(Tar *tar) {
  tar_file(tar, "a/../../escape", "x", 0644);
}
static void through_link(Tar *tar) {
  tar_entry(tar, AE_IFLNK, "out", "../../..", 0777);
  tar_file(tar, "out/escape", "x", 0644);
}
static void over_link(Tar *tar) {
  tar_entry(tar, AE_IFLNK, "escape", "../../../escape", 0777);
  tar_file(tar, "escape", "x", 0644);
}
static void directory_over_link(Tar *tar) {
  tar_entry(tar, AE_IFLNK, "out", "../../..", 0777);
  tar_entry(tar, AE_IFDIR, "out", NULL, 0755);
  tar_file(tar, "out/escape", "x", 0644);
}
static void twice(Tar *tar) {
  tar_file(tar, "a", "x", 0644);
  tar_file(tar, "./a", "y", 0644);
}
static void hard_outside(Tar *tar) {
  tar_hard(tar, "a", "../../../secret");
}
static void hard_absolute(Tar *tar) {
  tar_hard(tar, "a", "/etc/passwd");
}
static void hard_to_link(Tar *tar) {
  tar_entry(tar, AE_IFLNK, "l", "../../../secret", 0777);
  tar_hard(tar, "a", "l");
}
static void device(Tar *tar) {
  tar_entry(tar, AE_IFCHR, "null", NULL, 0666);
}
static void fifo(Tar *tar) {
  tar_entry(tar, AE_IFIFO, "pipe", NULL, 0666);
}
static void set_uid(Tar *tar) {
  tar_file(tar, "su", "x", 04755);
}
static void setgid_directory(Tar *tar) {
  tar_entry(tar, AE_IFDIR, "d", NULL, 02755);
}
static void file_at_top(Tar *tar) {
  tar_file(tar, ".", "x", 0644);
}
static void below_file(Tar *tar) {
  tar_file(tar, "a", "x", 0644);
  tar_file(tar, "a/b", "x", 0644);
}
static void link_to_nothing(Tar *tar) {
  tar_entry(tar, AE_IFDIR, "d", NULL, 0755);
  tar_hard(tar, "d/x", "d");
}
static void too_deep(Tar *tar) {
  g_autoptr(GString) s = g_string_new("f");
  for (guint i = 0; i < 70; i++)
    g_string_prepend(s, "d/");
  tar_file(tar, s->str, "x", 0644);
}
static void too_many(Tar *tar) {
  for (guint i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf("n%u", i);
    tar_file(tar, name, "x", 0644);
  }
}
static void too_large(Tar *tar) {
  g_autofree char *text = g_strnfill(200000, 'x');
  tar_file(tar, "large", text, 0644);
}
static void nothing(Tar *tar) {
}

static const struct {
  const char *name, *words;
  Fill fill;
} hostile[] = {
    {"absolute", "absolute path", absolute},
    {"dots", "\"..\"", dots},
    {"through-link", "through a link", through_link},
    {"over-link", "is there twice", over_link},
    {"directory-over-link", "is there twice", directory_over_link},
    {"twice", "is there twice", twice},
    {"hard-outside", "hard link", hard_outside},
    {"hard-absolute", "hard link", hard_absolute},
    {"hard-to-link", "hard link", hard_to_link},
    {"hard-to-directory", "hard link", link_to_nothing},
    {"device", "device", device},
    {"fifo", "fifo", fifo},
    {"setuid", "set-uid", set_uid},
    {"setgid-directory", "set-gid", setgid_directory},
    {"file-at-top", "top of the tree", file_at_top},
    {"below-file", "through a link or a file", below_file},
    {"too-deep", "more directories", too_deep},
    {"too-many", "more than 50 entries", too_many},
    {"too-large", "larger than the limit", too_large},
    {"nothing", "has no entries", nothing},
};

static void test_hostile(gconstpointer data) {
  guint i = GPOINTER_TO_UINT(data);
  const DplUnpackOptions bounds = {.limits = {.entries_max = 50, .file_max = 100000}};
  Files f;

  /* as a tar, and in a package */
  for (guint round = 0; round < 2; round++) {
    g_autoptr(GError) error = NULL;
    g_auto(DplUnpacked) done = {0};
    DplUnpackOptions options = bounds;
    Tar tar, control;
    files_begin(&f, NULL);
    files_write(&f, "secret", "secret");
    tar_begin(&tar, "pax", round ? "zstd" : "none");
    hostile[i].fill(&tar);
    int fd;
    if (round) {
      tar_begin(&control, "gnutar", "xz");
      tar_file(&control, "./control", "Package: a\nVersion: 1\nArchitecture: all\n", 0644);
      g_autoptr(GBytes) c = tar_end_bytes(&control), d = tar_end_bytes(&tar);
      fd = deb_make(&f, "a.deb", c, d);
    } else {
      fd = tar_end(&tar, &f, "a.tar");
    }
    g_autoptr(DplTree) tree = unpack_here(&f, fd, &options, &done, &error);
    g_assert_null(tree);
    g_assert_true(error->domain == WG_ERROR);
    if (!strstr(error->message, hostile[i].words))
      g_error("%s: %s", hostile[i].name, error->message);
    g_assert_false(files_exist(&f, "escape"));
    g_assert_false(files_exist(&f, "root/escape"));
    g_assert_false(files_exist(&f, "root/staging/escape"));
    struct stat st;
    g_assert_cmpint(fstatat(f.dir, "secret", &st, 0), ==, 0);
    g_assert_cmpint(st.st_nlink, ==, 1);
    files_end(&f);
  }
}

/* A link that is put into the staged tree by somebody else, between two entries. */
static void test_attack(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_auto(DplUnpacked) done = {0}, more = {0};
  DplUnpackOptions options = {.name = "shop.tar"};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  g_assert_cmpint(mkdirat(f.dir, "work", 0755), ==, 0);
  g_assert_cmpint(mkdirat(f.dir, "outside", 0755), ==, 0);
  int dir = files_open(&f, "work");
  tar_begin(&tar, "pax", "none");
  tar_entry(&tar, AE_IFDIR, "etc", NULL, 0755);
  g_assert_true(dpl_unpack(tar_end(&tar, &f, "a.tar"), dir, &options, tree, NULL, &done, NULL));
  g_assert_cmpint(unlinkat(dir, "etc", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint(symlinkat("../outside", dir, "etc"), ==, 0);
  tar_begin(&tar, "pax", "none");
  tar_file(&tar, "etc/escape", "x", 0644);
  g_assert_false(dpl_unpack(tar_end(&tar, &f, "b.tar"), dir, &options, tree, NULL, &more, &error));
  g_assert_nonnull(strstr(error->message, "no link is followed"));
  g_assert_false(files_exist(&f, "outside/escape"));
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
    g_autofree char *name = g_strdup_printf("/unpack-hostile/%s", hostile[i].name);
    g_test_add_data_func(name, GUINT_TO_POINTER(i), test_hostile);
  }
  g_test_add_func("/unpack-hostile/attack", test_attack);
  return g_test_run();
}
