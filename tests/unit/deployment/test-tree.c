/* test-tree.c: a tree has one text; whatever is changed in a proven tree is found; tree files that
 * are not ours are refused; nothing is reached over a link. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/digest.h"
#include "files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_paths(void) {
  static const char *const clean[][2] = {{"a//b/./c/", "a/b/c"}, {"", "."},  {"./", "."},
                                         {"./a", "a"},           {"a", "a"}, {"...", "..."}};
  static const char *const bad[] = {"/a", "..", "a/..", "a/../b", "/"};

  for (guint i = 0; i < G_N_ELEMENTS(clean); i++) {
    g_autofree char *is = dpl_path_clean(clean[i][0]);
    g_assert_cmpstr(is, ==, clean[i][1]);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_null(dpl_path_clean(bad[i]));
  g_autofree char *component = g_strnfill(256, 'a');
  g_assert_null(dpl_path_clean(component));

  g_autofree char *escaped = dpl_path_escape("a b\n\\\xc3");
  g_assert_cmpstr(escaped, ==, "a\\x20b\\x0a\\x5c\\xc3");
  g_autofree char *back = dpl_path_unescape(escaped);
  g_assert_cmpstr(back, ==, "a b\n\\\xc3");
  g_assert_null(dpl_path_unescape("a\\x2"));
  g_assert_null(dpl_path_unescape("\\x41")); /* needs no escape */
  g_assert_null(dpl_path_unescape("\\x0A"));
  g_assert_null(dpl_path_unescape("\\x00"));
}

static void test_refused(void) {
  static const char *const texts[] = {
      "",
      "waggle-tree 2\nd 0755 - - .\n",
      "waggle-tree 1\n",
      "waggle-tree 1\nd 0755 - - .",
      "waggle-tree 1\nd 755 - - .\n",
      "waggle-tree 1\nd 0755 - -  .\n",
      "waggle-tree 1\nd 0755 - - . \n",
      "waggle-tree 1\nf 0755 - - 0 " HEX " a\n",
      "waggle-tree 1\nd 0755 - - .\nd 0755 - - .\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " a/b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " ../b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " /b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 00 " HEX " b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 +1 - 0 " HEX " b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - -1 " HEX " b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX "0 b\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " b\nf 0644 - - 0 " HEX " a\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " a\nf 0644 - - 0 " HEX " a\n",
      "waggle-tree 1\nd 0755 - - .\nl - - a\n",
      "waggle-tree 1\nd 0755 - - .\nl - - a b\nf 0644 - - 0 " HEX " a/b\n",
      "waggle-tree 1\nd 0755 - - .\nh a b\nf 0644 - - 0 " HEX " b\n",
      "waggle-tree 1\nd 0755 - - .\nd 0755 - - a\nh b a\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " a capability=zz\n",
      "waggle-tree 1\nd 0755 - - .\nf 0644 - - 0 " HEX " a other=00\n",
      "waggle-tree 1\nd 0755 - - .\n\n",
      "waggle-tree 1\nd 0755 4294967295 - .\n",
  };
  static const char good[] = "waggle-tree 1\nd 0755 - - .\nf 0644 - 12 0 " HEX
                             " a capability=0102\nh b a\nl - - c ../x\\x20y\n";

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(DplTree) tree = dpl_tree_parse(texts[i], strlen(texts[i]), &error);
    if (tree)
      g_error("accepted: %s", texts[i]);
    g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  }
  g_autoptr(DplTree) tree = dpl_tree_parse(good, strlen(good), NULL);
  g_assert_nonnull(tree);
  g_assert_cmpuint(dpl_tree_n(tree), ==, 4);
  g_assert_cmpstr(dpl_tree_find(tree, "c")->target, ==, "../x y");
}

static DplTree *build(Files *f, const char *path) {
  static const DplTreeRules rules = {0};
  g_autoptr(GError) error = NULL;
  DplTree *tree = dpl_tree_build(files_open(f, path), &rules, NULL, &error);

  g_assert_no_error(error);
  return tree;
}

static guint differences(Files *f, DplTree *tree, const char *path, DplProof how) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) list = NULL;
  guint n;

  dpl_tree_compare(tree, files_open(f, path), how, 5, NULL, &list, &n, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(list->len, ==, MIN(n, 5));
  return n;
}

/* One change somewhere, and it can be taken back. TRUE: contents alone, which only reading finds.
 */
typedef enum { FLIP, MODE, MISSING, EXTRA, RETARGET, SWAP_KIND, GROW, SPLIT, N_CHANGES } Change;

static gboolean change(Files *f, GRand *rand, DplTree *tree, Change what) {
  const DplEntry *e;
  guint tries = 0;

  do
    e = dpl_tree_at(tree, (guint)g_rand_int_range(rand, 1, (gint)dpl_tree_n(tree)));
  while (tries++ < 1000 &&
         (((what == FLIP || what == GROW) && (e->kind != DPL_ENTRY_FILE || e->size == 0)) ||
          (what == RETARGET && e->kind != DPL_ENTRY_LINK) ||
          (what == SPLIT && e->kind != DPL_ENTRY_HARD_LINK) ||
          (what == MODE && e->kind != DPL_ENTRY_FILE && e->kind != DPL_ENTRY_DIRECTORY) ||
          ((what == MISSING || what == SWAP_KIND) && e->kind == DPL_ENTRY_DIRECTORY)));
  if (tries > 1000)
    return FALSE;
  g_autofree char *path = g_strconcat("t/", e->path, NULL);
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
  struct stat st;
  g_assert_cmpint(fstatat(f->dir, path, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  times[1] = st.st_mtim;
  if (what == FLIP) {
    int fd = openat(f->dir, path, O_RDWR);
    off_t at = g_rand_int_range(rand, 0, (gint)e->size);
    guint8 byte;
    g_assert_cmpint(pread(fd, &byte, 1, at), ==, 1);
    byte ^= (guint8)(1 << g_rand_int_range(rand, 0, 8));
    g_assert_cmpint(pwrite(fd, &byte, 1, at), ==, 1);
    futimens(fd, times); /* the time as before: nothing but the content tells */
    close(fd);
  } else if (what == MODE) {
    fchmodat(f->dir, path, (e->mode ^ (1U << g_rand_int_range(rand, 0, 9))) | 0600U, 0);
    g_assert_cmpint(fstatat(f->dir, path, &st, 0), ==, 0);
    return (st.st_mode & 07777U) != e->mode;
  } else if (what == MISSING) {
    unlinkat(f->dir, path, 0);
  } else if (what == EXTRA) {
    files_write(f, "t/extra", "");
  } else if (what == RETARGET || what == SWAP_KIND) {
    unlinkat(f->dir, path, 0);
    files_link(f, path, "elsewhere");
    return what == RETARGET || e->kind != DPL_ENTRY_LINK;
  } else if (what == GROW) {
    g_autofree char *full = files_path(f, path);
    g_assert_cmpint(truncate(full, (off_t)e->size + 1), ==, 0);
  } else {
    /* the same content under a name of its own */
    g_autofree char *full = files_path(f, path);
    g_autofree char *text = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(full, &text, &size, NULL));
    unlinkat(f->dir, path, 0);
    files_write_bytes(f, path, text, size, 0644);
  }
  return TRUE;
}

static void test_changes(void) {
  GRand *rand = g_rand_new_with_seed((guint32)g_test_rand_int());
  guint found[N_CHANGES] = {0};

  for (guint round = 0; round < 40; round++) {
    Change what = round % N_CHANGES;
    Files f;
    files_begin(&f, NULL);
    files_random(&f, rand, "t", 40);
    g_autoptr(DplTree) tree = build(&f, "t");
    gsize size;
    g_autofree char *text = dpl_tree_text(tree, &size);
    g_autoptr(GError) error = NULL;
    g_autoptr(DplTree) parsed = dpl_tree_parse(text, size, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(differences(&f, parsed, "t", DPL_PROOF_FULL), ==, 0);
    if (change(&f, rand, parsed, what)) {
      found[what]++;
      g_assert_cmpuint(differences(&f, parsed, "t", DPL_PROOF_FULL), >=, 1);
      guint quick = differences(&f, parsed, "t", DPL_PROOF_QUICK);
      if (what == FLIP) /* as its documentation says */
        g_assert_cmpuint(quick, ==, 0);
      else
        g_assert_cmpuint(quick, >=, 1);
    }
    files_end(&f);
  }
  for (guint i = 0; i < N_CHANGES; i++)
    g_assert_cmpuint(found[i], >, 0);
  g_rand_free(rand);
}

/* One bit of the tree file, anywhere, is found by the digest in the release's name. */
static void test_tree_file(void) {
  static const char text[] = "waggle-tree 1\nd 0755 - - .\nf 0644 - - 5 " HEX " a\n";
  gsize size = strlen(text);
  g_autofree char *digest = dpl_tree_text_digest(text, size);
  Files f;

  files_begin(&f, NULL);
  for (gsize i = 0; i < size * 8; i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *copy = g_memdup2(text, size);
    copy[i / 8] ^= (char)(1 << i % 8);
    files_write_bytes(&f, "tree", copy, size, 0644);
    g_autoptr(DplTree) tree = dpl_tree_read(f.dir, "tree", digest, &error);
    g_assert_null(tree);
    g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  }
  files_end(&f);
}

static void test_owner(void) {
  Files f;

  if (geteuid() != 0) {
    g_test_skip("only root can give files away");
    return;
  }
  files_begin(&f, NULL);
  files_write(&f, "t/a", "a");
  g_autoptr(DplTree) tree = build(&f, "t");
  g_assert_cmpint(fchownat(f.dir, "t/a", 0, 4711, 0), ==, 0);
  g_assert_cmpuint(differences(&f, tree, "t", DPL_PROOF_QUICK), ==, 1);
  files_end(&f);
}

static void test_rules(void) {
  static const DplTreeRules strict = {0}, loose = {.allow_setuid = TRUE, .skip_special = TRUE};
  g_autoptr(GError) error = NULL, second = NULL;
  Files f;

  files_begin(&f, NULL);
  files_write_bytes(&f, "t/su", "x", 1, 04755);
  int dir = files_open(&f, "t");
  g_assert_null(dpl_tree_build(dir, &strict, NULL, &error));
  g_assert_nonnull(strstr(error->message, "set-uid"));
  g_assert_cmpint(mkfifoat(dir, "pipe", 0600), ==, 0);
  g_autoptr(DplTree) tree = dpl_tree_build(dir, &loose, NULL, &second);
  g_assert_no_error(second);
  g_assert_cmpuint(dpl_tree_n(tree), ==, 2);
  g_assert_cmpuint(differences(&f, tree, "t", DPL_PROOF_QUICK), ==, 1); /* the fifo */
  files_end(&f);
}

static void test_within(void) {
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "in/side/file", "x");
  files_write(&f, "secret", "x");
  files_link(&f, "in/up", "..");
  files_link(&f, "in/file", "side/file");
  int in = files_open(&f, "in");
  static const char *const bad[] = {"up/secret",    "file",   "../secret",  "/etc/passwd",
                                    "side/../file", "./side", "side//file", ""};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_cmpint(dpl_within_open(in, bad[i], O_RDONLY, 0), <, 0);
  g_assert_cmpint(dpl_within_make(in, "up/new"), <, 0);
  g_assert_false(dpl_within_write(in, "up/new", "x", 1, 0644, NULL));
  g_assert_false(dpl_within_remove(in, "up/secret", NULL, NULL));
  g_assert_true(files_exist(&f, "secret"));
  int fd = dpl_within_open(in, "side/file", O_RDONLY, 0);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
  files_end(&f);
}

/* Deeper than descriptors and stack, closed to its owner, with links out. */
static void test_remove(void) {
  g_autoptr(GError) error = NULL;
  Files f;

  files_begin(&f, NULL);
  files_write(&f, "keep/file", "x");
  g_assert_cmpint(mkdirat(f.dir, "deep", 0755), ==, 0);
  int at = openat(f.dir, "deep", O_RDONLY | O_DIRECTORY);
  for (guint i = 0; i < 700; i++) {
    g_assert_cmpint(mkdirat(at, "d", 0700), ==, 0);
    g_assert_cmpint(mkdirat(at, "e", 0), ==, 0);
    g_assert_cmpint(symlinkat("../../keep", at, "l"), ==, 0);
    int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
    g_assert_cmpint(next, >=, 0);
    close(at);
    at = next;
  }
  close(at);
  dpl_within_remove(f.dir, "deep", NULL, &error);
  g_assert_no_error(error);
  g_assert_false(files_exist(&f, "deep"));
  g_assert_true(files_exist(&f, "keep/file"));
  g_assert_true(dpl_within_remove(f.dir, "deep", NULL, &error));
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tree/paths", test_paths);
  g_test_add_func("/tree/refused", test_refused);
  g_test_add_func("/tree/changes", test_changes);
  g_test_add_func("/tree/tree-file", test_tree_file);
  g_test_add_func("/tree/owner", test_owner);
  g_test_add_func("/tree/rules", test_rules);
  g_test_add_func("/tree/within", test_within);
  g_test_add_func("/tree/remove", test_remove);
  return g_test_run();
}
