/* legacy-scan.c: finds out where a JSON value ends, without building anything.
 *
 * The depth is bounded, so that neither this recursion nor json-glib's (which has no bound) can be
 * driven off the stack by a file of brackets. */
#include "client/legacy.h"

#include <string.h>

#define MAX_DEPTH 64

typedef struct {
  const char *data;
  gsize len, pos;
} Scanner;

static CliScan value(Scanner *s, guint depth);

static void space(Scanner *s) {
  while (s->pos < s->len && strchr(" \t\r\n", s->data[s->pos]) && s->data[s->pos])
    s->pos++;
}

/* -1: the data ends here */
static int peek(const Scanner *s) {
  return s->pos < s->len ? (guchar)s->data[s->pos] : -1;
}

static CliScan expect(Scanner *s, char c) {
  if (peek(s) < 0)
    return CLI_SCAN_CUT;
  if (s->data[s->pos] != c)
    return CLI_SCAN_BAD;
  s->pos++;
  return CLI_SCAN_OK;
}

static CliScan escape(Scanner *s) {
  int c = peek(s);

  if (c < 0)
    return CLI_SCAN_CUT;
  s->pos++;
  if (c != 'u')
    return strchr("\"\\/bfnrt", c) && c ? CLI_SCAN_OK : CLI_SCAN_BAD;
  for (guint i = 0; i < 4; i++, s->pos++) {
    if (peek(s) < 0)
      return CLI_SCAN_CUT;
    if (!g_ascii_isxdigit(s->data[s->pos]))
      return CLI_SCAN_BAD;
  }
  return CLI_SCAN_OK;
}

static CliScan string(Scanner *s) {
  CliScan r = expect(s, '"');

  while (r == CLI_SCAN_OK) {
    int c = peek(s);
    if (c < 0)
      return CLI_SCAN_CUT;
    if (c < 0x20)
      return CLI_SCAN_BAD;
    s->pos++;
    if (c == '"')
      return CLI_SCAN_OK;
    if (c == '\\')
      r = escape(s);
  }
  return r;
}

static CliScan word(Scanner *s, const char *text) {
  gsize n = strlen(text), left = s->len - s->pos;

  if (strncmp(s->data + s->pos, text, MIN(n, left)) != 0)
    return CLI_SCAN_BAD;
  if (left < n)
    return CLI_SCAN_CUT;
  s->pos += n;
  return CLI_SCAN_OK;
}

/* At least one digit. */
static CliScan digits(Scanner *s) {
  if (peek(s) < 0)
    return CLI_SCAN_CUT;
  if (!g_ascii_isdigit(s->data[s->pos]))
    return CLI_SCAN_BAD;
  while (g_ascii_isdigit(peek(s)))
    s->pos++;
  return CLI_SCAN_OK;
}

static CliScan number(Scanner *s) {
  CliScan r;

  if (peek(s) == '-')
    s->pos++;
  if (peek(s) == 'I')
    return word(s, "Infinity");
  r = digits(s);
  if (r == CLI_SCAN_OK && peek(s) == '.') {
    s->pos++;
    r = digits(s);
  }
  if (r == CLI_SCAN_OK && (peek(s) == 'e' || peek(s) == 'E')) {
    s->pos++;
    if (peek(s) == '+' || peek(s) == '-')
      s->pos++;
    r = digits(s);
  }
  return r;
}

static CliScan member(Scanner *s, guint depth) {
  CliScan r = string(s);

  if (r != CLI_SCAN_OK)
    return r;
  space(s);
  r = expect(s, ':');
  return r == CLI_SCAN_OK ? value(s, depth) : r;
}

/* An array or an object: what stands between the brackets, commas between. */
static CliScan list(Scanner *s, char close, guint depth) {
  gboolean object = close == '}';

  if (depth == 0)
    return CLI_SCAN_DEEP;
  s->pos++;
  space(s);
  if (peek(s) == close) {
    s->pos++;
    return CLI_SCAN_OK;
  }
  for (;;) {
    space(s);
    CliScan r = object ? member(s, depth - 1) : value(s, depth - 1);
    if (r != CLI_SCAN_OK)
      return r;
    space(s);
    if (peek(s) == close) {
      s->pos++;
      return CLI_SCAN_OK;
    }
    r = expect(s, ',');
    if (r != CLI_SCAN_OK)
      return r;
  }
}

static CliScan value(Scanner *s, guint depth) {
  space(s);
  switch (peek(s)) {
  case -1:
    return CLI_SCAN_CUT;
  case '{':
    return list(s, '}', depth);
  case '[':
    return list(s, ']', depth);
  case '"':
    return string(s);
  case 't':
    return word(s, "true");
  case 'f':
    return word(s, "false");
  case 'n':
    return word(s, "null");
  case 'N':
    return word(s, "NaN");
  default:
    return number(s);
  }
}

CliScan cli_legacy_scan(const char *data, gsize len, gsize pos, gsize *ret_end) {
  Scanner s = {data, len, pos};
  CliScan r = value(&s, MAX_DEPTH);

  if (r == CLI_SCAN_OK)
    *ret_end = s.pos;
  return r;
}

gboolean cli_legacy_scan_member(const char *data, gsize len, gsize pos, const char *key,
                                gsize *ret_value, gsize *ret_end) {
  Scanner s = {data, len, pos};
  gsize n = strlen(key);

  space(&s);
  if (peek(&s) != '{')
    return FALSE;
  s.pos++;
  for (;;) {
    space(&s);
    gsize begin = s.pos + 1;
    if (string(&s) != CLI_SCAN_OK)
      return FALSE;
    gboolean found = s.pos - 1 - begin == n && strncmp(data + begin, key, n) == 0;
    space(&s);
    if (expect(&s, ':') != CLI_SCAN_OK)
      return FALSE;
    space(&s);
    *ret_value = s.pos;
    if (value(&s, MAX_DEPTH) != CLI_SCAN_OK)
      return FALSE;
    *ret_end = s.pos;
    if (found)
      return TRUE;
    space(&s);
    if (expect(&s, ',') != CLI_SCAN_OK)
      return FALSE;
  }
}
