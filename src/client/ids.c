/* ids.c: see ids.h. 't' is no hexadecimal digit, so the two forms of a token cannot be mixed up. */
#include "client/ids.h"

#include "client/cli.h"

#define VOLATILE_BIT (G_GUINT64_CONSTANT(1) << 62)
#define TOKEN_MAX 13 /* 64 bits, 5 a character */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

char *cli_message_format(guint64 message) {
  if (message & VOLATILE_BIT)
    return g_strdup_printf("v%" G_GUINT64_FORMAT, message & ~VOLATILE_BIT);
  return g_strdup_printf("%" G_GUINT64_FORMAT, message);
}

gboolean cli_message_parse(const char *text, guint64 *ret, GError **error) {
  const char *p = *text == '#' ? text + 1 : text;
  gboolean is_volatile = *p == 'v';

  if (g_ascii_string_to_unsigned(p + is_volatile, 10, 1, G_MAXINT64, ret, NULL)) {
    if (is_volatile)
      *ret |= VOLATILE_BIT;
    return TRUE;
  }
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "\"%s\" is not a message number (\"waggle list\" shows them)", text);
  return FALSE;
}

char *cli_token_format(guint64 token) {
  char buffer[TOKEN_MAX + 1] = {0};
  guint i = TOKEN_MAX;

  do {
    buffer[--i] = alphabet[token & 31];
    token >>= 5;
  } while (token);
  return g_strdup_printf("t%s", buffer + i);
}

/* The value of one character; -1: none. */
static int base32_digit(char c) {
  c = g_ascii_tolower(c);
  if (c == 'i' || c == 'l')
    c = '1';
  else if (c == 'o')
    c = '0';
  const char *found = c ? strchr(alphabet, c) : NULL;
  return found ? (int)(found - alphabet) : -1;
}

static gboolean base32(const char *p, guint64 *ret) {
  guint64 value = 0;

  if (!*p)
    return FALSE;
  for (; *p; p++) {
    int digit = base32_digit(*p);
    if (digit < 0 || value >> 59)
      return FALSE;
    value = value << 5 | (guint64)digit;
  }
  *ret = value;
  return TRUE;
}

gboolean cli_token_parse(const char *text, guint64 *ret, GError **error) {
  if (g_ascii_tolower(*text) == 't'
          ? base32(text + 1, ret)
          : g_ascii_string_to_unsigned(g_str_has_prefix(text, "0x") ? text + 2 : text, 16, 0,
                                       G_MAXUINT64, ret, NULL))
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "\"%s\" is not a lease token (\"waggle receive\" prints it)", text);
  return FALSE;
}
