/* hex.c: see hex.h. */
#include "checks/hex.h"

#include "common/error.h"

#include <string.h>

GByteArray *chk_hex_parse(const char *text, GError **error) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();

  for (const char *at = text; *at;) {
    if (g_ascii_isspace(*at)) {
      at++;
      continue;
    }
    if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1])) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "'%s' are no bytes in hexadecimal: write two digits for each, as in 0d 0a", text);
      return NULL;
    }
    guint8 byte = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
    g_byte_array_append(bytes, &byte, 1);
    at += 2;
  }
  return g_steal_pointer(&bytes);
}

char *chk_hex_text(const guint8 *bytes, gsize size) {
  static const char digits[] = "0123456789abcdef";
  char *text = g_malloc(size * 2 + 1);

  for (gsize i = 0; i < size; i++) {
    text[i * 2] = digits[bytes[i] >> 4];
    text[i * 2 + 1] = digits[bytes[i] & 15];
  }
  text[size * 2] = 0;
  return text;
}
