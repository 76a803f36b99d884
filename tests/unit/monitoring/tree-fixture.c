/* tree-fixture.c: see tree-fixture.h. */
#undef G_DISABLE_ASSERT
#include "tree-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

void tree_init(Tree *tree) {
  tree->path = g_dir_make_tmp("waggle-tree-XXXXXX", NULL);
  g_assert_nonnull(tree->path);
  tree->fd = open(tree->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint(tree->fd, >=, 0);
}

static void remove_all(const char *path) {
  GDir *dir = g_dir_open(path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *inner = g_build_filename(path, name, NULL);
    remove_all(inner);
  }
  g_clear_pointer(&dir, g_dir_close);
  g_assert_cmpint(g_remove(path), ==, 0);
}

void tree_clear(Tree *tree) {
  close(tree->fd);
  remove_all(tree->path);
  g_clear_pointer(&tree->path, g_free);
}

void tree_write(Tree *tree, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(tree->path, name, NULL);
  g_autofree char *dir = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
  close(fd);
}

void tree_remove(Tree *tree, const char *name) {
  g_autofree char *path = g_build_filename(tree->path, name, NULL);

  remove_all(path);
}

static void group_file(Tree *tree, const char *path, const char *name, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
static void group_file(Tree *tree, const char *path, const char *name, const char *format, ...) {
  g_autofree char *whole = g_build_filename(path, name, NULL);
  va_list ap;

  va_start(ap, format);
  g_autofree char *text = g_strdup_vprintf(format, ap);
  va_end(ap);
  tree_write(tree, whole, text);
}

void tree_group(Tree *tree, const char *path, guint seed) {
  group_file(tree, path, "cpu.stat",
             "usage_usec %u\nuser_usec %u\nsystem_usec %u\nnr_periods %u\nnr_throttled %u\n"
             "throttled_usec %u\nnr_bursts 0\nburst_usec 0\n",
             seed * 3000000, seed * 2000000, seed * 1000000, seed * 10, seed, seed * 500000);
  group_file(tree, path, "memory.current", "%u\n", seed * 4096);
  group_file(tree, path, "memory.peak", "%u\n", seed * 8192);
  group_file(tree, path, "memory.stat",
             "anon %u\nfile %u\nkernel 0\nkernel_stack 16384\npagetables 4096\nanon_thp 0\n",
             seed * 2048, seed * 1024);
  group_file(tree, path, "memory.swap.current", "0\n");
  group_file(tree, path, "memory.high", "max\n");
  group_file(tree, path, "memory.max", "%u\n", seed * 65536);
  group_file(tree, path, "memory.events",
             "low 0\nhigh %u\nmax 0\noom 1\noom_kill %u\noom_group_kill 0\n", seed, seed / 2);
  group_file(tree, path, "io.stat",
             "8:0 rbytes=%u wbytes=%u rios=1 wios=2 dbytes=0 dios=0\n"
             "8:16 rbytes=1000 wbytes=2000 rios=3 wios=4 dbytes=0 dios=0\n",
             seed * 512, seed * 1024);
  group_file(tree, path, "pids.current", "%u\n", seed % 50 + 1);
  group_file(tree, path, "pids.max", "%u\n", 4915);
  static const char *const kinds[] = {"cpu", "memory", "io"};
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *name = g_strconcat(kinds[i], ".pressure", NULL);
    group_file(tree, path, name,
               "some avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n"
               "full avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n",
               seed * 1000000 + i * 1000000, seed * 500000 + i * 1000000);
  }
}
