/* fuzz-typable.c: any bytes as a text to type. Whatever comes in, what goes out is valid UTF-8
 * without a control character but those that were asked for, and a second pass changes nothing. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/typable.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, gsize size, const WgTypable *how) {
  guint changed, again;
  g_autofree char *out = wg_typable(text, size, how, &changed);
  g_autofree char *twice = wg_typable(out, strlen(out), how, &again);

  g_assert_true(g_utf8_validate(out, -1, NULL));
  for (const char *p = out; *p != '\0'; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_assert_false(wg_typable_is_forbidden(c, how->terminal));
    g_assert_true(how->newlines || c != '\n');
    g_assert_true(how->tabs || c != '\t');
  }
  for (const char *p = out; *p != '\0'; p++)
    g_assert_true(((guchar)*p >= 0x20 && *p != 0x7f) || *p == '\n' || *p == '\t');
  g_assert_false(g_str_has_suffix(out, "\n"));
  g_assert_false(g_str_has_prefix(out, "\n"));
  g_assert_null(strstr(out, "\xc2\x9b"));
  g_assert_cmpstr(out, ==, twice);
  g_assert_cmpuint(again, ==, 0);
  if (changed == 0 && strlen(out) != size) /* only newlines at the ends go uncounted */
    g_assert_true(how->newlines && (text[0] == '\n' || text[size - 1] == '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (guint i = 0; i < 8; i++) {
    const WgTypable how = {(i & 1) != 0, (i & 2) != 0, (i & 4) != 0};
    check((const char *)data, size, &how);
  }
  return 0;
}
