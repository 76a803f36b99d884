/* test-xz.c: xz is unpacked within a bound of memory, in each stream and in each member of a
 * package; what asks for more is refused before it is given any. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include <lzma.h>
#include <string.h>

/* LZMA2's byte for the size of its dictionary; "Dictionary Size" of the xz format. */
enum { DICT_64M = 28, DICT_128M = 30, DICT_1536M = 37, DICT_4G = 40 };

static GBytes *tar_xz(const char *name) {
  Tar tar;

  tar_begin(&tar, "gnutar", "xz");
  tar_file(&tar, name, "content", 0644);
  return tar_end_bytes(&tar);
}

/* The same stream with another dictionary in the header of its first block: 12 bytes of stream
 * header, then the block's size, flags, the filter's id, the size of its properties, and those. */
static GBytes *with_dictionary(GBytes *xz, guint8 dictionary) {
  gsize size = g_bytes_get_size(xz);
  g_autofree guint8 *bytes = g_memdup2(g_bytes_get_data(xz, NULL), g_bytes_get_size(xz));
  guint8 *block = bytes + 12;
  gsize length = ((gsize)block[0] + 1) * 4;
  gsize at = 2;

  while (block[at] != 0x21) /* LZMA2; sizes may stand before it */
    at++;
  g_assert_cmpuint(block[at + 1], ==, 1);
  block[at + 2] = dictionary;
  guint32 crc = GUINT32_TO_LE(lzma_crc32(block, length - 4, 0));
  memcpy(block + length - 4, &crc, 4);
  return g_bytes_new_take(g_steal_pointer(&bytes), size);
}

static gboolean unpacks(Files *f, int source, GError **error) {
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {.name = "shop.tar.xz"};
  g_autoptr(DplTree) tree = unpack_here(f, source, &options, &done, error);

  return tree != NULL;
}

static void refused(Files *f, int source) {
  g_autoptr(GError) error = NULL;

  g_assert_false(unpacks(f, source, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, "smaller dictionary"));
}

static int put(Files *f, GBytes *bytes) {
  gsize size;
  const void *data = g_bytes_get_data(bytes, &size);

  files_write_bytes(f, "xz", data, size, 0644);
  return files_open(f, "xz");
}

static void test_dictionary(void) {
  static const guint8 large[] = {DICT_128M, DICT_1536M, DICT_4G};
  g_autoptr(GBytes) xz = tar_xz("a");
  g_autoptr(GBytes) least = with_dictionary(xz, DICT_64M);
  g_autoptr(GError) error = NULL;
  Files f;

  files_begin(&f, NULL);
  g_assert_true(unpacks(&f, put(&f, xz), &error));
  /* what xz -9 makes */
  g_assert_true(unpacks(&f, put(&f, least), &error));
  g_assert_no_error(error);
  for (guint i = 0; i < G_N_ELEMENTS(large); i++) {
    g_autoptr(GBytes) bytes = with_dictionary(xz, large[i]);
    refused(&f, put(&f, bytes));
  }
  files_end(&f);
}

/* A first stream that is modest vouches for nothing: half of the tar is in each. */
static void test_second_stream(void) {
  static const guint8 dictionaries[] = {DICT_64M, DICT_1536M};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "gnutar", "none");
  tar_file(&tar, "a", "one", 0644);
  tar_file(&tar, "b", "two", 0644);
  g_autoptr(GBytes) plain = tar_end_bytes(&tar);
  for (guint i = 0; i < G_N_ELEMENTS(dictionaries); i++) {
    g_autoptr(GByteArray) both = g_byte_array_new();
    for (guint half = 0; half < 2; half++) {
      guint8 out[8192];
      gsize n = 0, size = g_bytes_get_size(plain);
      const guint8 *data = g_bytes_get_data(plain, NULL);
      g_assert_cmpint(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, data + half * 1024,
                                              half == 0 ? 1024 : size - 1024, out, &n, sizeof out),
                      ==, LZMA_OK);
      g_autoptr(GBytes) one = g_bytes_new(out, n);
      g_autoptr(GBytes) made = with_dictionary(one, half == 0 ? DICT_64M : dictionaries[i]);
      g_byte_array_append(both, g_bytes_get_data(made, NULL), (guint)g_bytes_get_size(made));
    }
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&both));
    g_autoptr(GError) error = NULL;
    if (i == 0) {
      g_assert_true(unpacks(&f, put(&f, bytes), &error));
      g_assert_no_error(error);
      g_assert_true(files_exist(&f, "root/staging/t/b"));
    } else
      refused(&f, put(&f, bytes));
  }
  files_end(&f);
}

static GBytes *control_xz(void) {
  Tar tar;

  tar_begin(&tar, "gnutar", "xz");
  tar_file(&tar, "./control",
           "Package: shop\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n",
           0644);
  return tar_end_bytes(&tar);
}

static void test_package(void) {
  g_autoptr(GBytes) control = control_xz();
  g_autoptr(GBytes) data = tar_xz("./a");
  g_autoptr(GBytes) large_control = with_dictionary(control, DICT_1536M);
  g_autoptr(GBytes) large_data = with_dictionary(data, DICT_1536M);
  g_autoptr(GError) error = NULL;
  Files f;

  files_begin(&f, NULL);
  g_assert_true(unpacks(&f, deb_make(&f, "good.deb", control, data), &error));
  g_assert_no_error(error);
  refused(&f, deb_make(&f, "control.deb", large_control, data));
  refused(&f, deb_make(&f, "data.deb", control, large_data));
  files_end(&f);
}

/* Any bit of it may be wrong: it is refused or means the same, and nothing crashes. */
static void test_damaged(void) {
  g_autoptr(GBytes) xz = tar_xz("a");
  gsize size;
  const guint8 *data = g_bytes_get_data(xz, &size);
  guint n = 0;
  Files f;

  files_begin(&f, NULL);
  for (gsize i = 6; i < size; i += 3) {
    g_autofree guint8 *copy = g_memdup2(data, size);
    g_autoptr(GError) error = NULL;
    copy[i] ^= 1 << (i % 8);
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_steal_pointer(&copy), size);
    n += unpacks(&f, put(&f, bytes), &error) ? 0 : 1;
  }
  g_assert_cmpuint(n, >, 10);
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/xz/dictionary", test_dictionary);
  g_test_add_func("/xz/second-stream", test_second_stream);
  g_test_add_func("/xz/package", test_package);
  g_test_add_func("/xz/damaged", test_damaged);
  return g_test_run();
}
