/* replay.c: runs a fuzz target over the files of its corpus, where libFuzzer is not linked in. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *directory;

/* Each file whole, and cut at every length, which is what torn writes do. */
static void replay(void) {
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull(dir);
  for (; (name = g_dir_read_name(dir)); n++) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *data = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    for (gsize i = 0; i <= size; i++)
      LLVMFuzzerTestOneInput((const uint8_t *)data, i);
  }
  g_assert_cmpuint(n, >, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 2);
  directory = argv[1];
  g_test_add_func("/fuzz/replay", replay);
  return g_test_run();
}
