/* fuzz-unpack.c: any bytes as an artifact, looked at without writing. What is accepted is a tree
 * whose text the parser takes, within its limits, with its digest that of the bytes. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/unpack.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(DplTree *tree, const DplUnpacked *done, const uint8_t *data, size_t size) {
  g_autoptr(GError) error = NULL;
  g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
  gsize length;
  g_autofree char *text = dpl_tree_text(tree, &length);
  g_autoptr(DplTree) again = dpl_tree_parse(text, length, &error);

  g_assert_no_error(error);
  g_assert_cmpstr(done->sha256, ==, sha256);
  g_assert_cmpuint(dpl_tree_bytes(again), <=, 1 << 20);
  g_assert_cmpuint(dpl_tree_n(again), <=, 102);
  g_assert_true((done->kind == DPL_SOURCE_DEB) == (done->deb != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const DplUnpackOptions options = {
      .name = "fuzz", .into = "in", .limits = {.bytes_max = 1 << 20, .entries_max = 100}};
  g_autoptr(GError) error = NULL;
  g_autoptr(DplTree) tree = dpl_tree_new();
  g_auto(DplUnpacked) done = {0};
  int fd = memfd_create("fuzz", MFD_CLOEXEC);

  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, data, size), ==, size);
  gboolean good = dpl_unpack(fd, -1, &options, tree, NULL, &done, &error);
  close(fd);
  g_assert_true(good == (error == NULL));
  if (good)
    check(tree, &done, data, size);
  else
    g_assert_true(error->domain == WG_ERROR);
  return 0;
}
