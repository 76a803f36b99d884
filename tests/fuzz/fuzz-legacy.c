/* fuzz-legacy.c: any bytes as an old file. Must neither crash nor report an entry that cannot be
 * imported; every byte is either part of an entry, glue or reported. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/legacy.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(gpointer data, gpointer user_data) {
  const CliLegacyEntry *e = data;

  g_assert_nonnull(e->id);
  g_assert_cmpuint(strlen(e->id), <=, 128);
  g_assert_true(cli_legacy_name_ok(e->to));
  g_assert_nonnull(e->body);
  g_assert_cmpuint(e->priority, <=, 9);
  g_assert_true(g_utf8_validate(e->id, -1, NULL));
  g_assert_true(!e->from || g_utf8_validate(e->from, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GBytes) bytes = g_bytes_new(data, size);
  g_autoptr(CliLegacyFile) file = cli_legacy_parse(bytes, "/w/Agent-1/inbox/x.json", 1);

  g_ptr_array_foreach(file->entries, check_entry, NULL);
  g_assert_cmpuint(file->entries->len + file->duplicates, <=, file->complete);
  return 0;
}
