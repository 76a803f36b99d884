/* typable.c: see typable.h.
 *
 * One pass over code points. An escape sequence is skipped as the terminal would have read it
 * (ECMA-48: intermediates 0x20-0x2F, parameters 0x30-0x3F, a final byte), so nothing of it stays as
 * text; since no ESC and no C1 character is ever written, what the removal leaves cannot make a new
 * sequence. A control string without its end loses its introducer only: it must not swallow the
 * rest of the message. */
#include "common/typable.h"

#include <string.h>

#define ESC 0x1b
#define REPLACEMENT 0xfffd

typedef struct {
  const char *at, *end;
  const WgTypable *how;
  GString *out;
  guint changed;
  guint breaks; /* newlines that were seen and not written yet */
} Pass;

/* The code point at `p` and its length; REPLACEMENT for a byte that begins none. NUL is itself. */
static gunichar code_point(const char *p, const char *end, gsize *ret_len) {
  *ret_len = 1;
  if ((guchar)*p < 0x80)
    return (guchar)*p;
  gunichar c = g_utf8_get_char_validated(p, end - p);
  if (c >= (gunichar)-2 || !g_unichar_validate(c))
    return REPLACEMENT;
  *ret_len = g_utf8_skip[(guchar)*p];
  return c;
}

static gboolean is_noncharacter(gunichar c) {
  return (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* Nothing of it is seen, but programs and language models read it. The two joiners that emoji and
 * several scripts are written with stay. */
static gboolean is_invisible(gunichar c) {
  if (c == 0x200c || c == 0x200d)
    return FALSE;
  return g_unichar_type(c) == G_UNICODE_FORMAT || (c >= 0xe0000 && c <= 0xe0fff);
}

gboolean wg_typable_is_forbidden(gunichar c, gboolean terminal) {
  if (c < 0x20)
    return c != '\n' && c != '\t';
  return (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || is_noncharacter(c) ||
         (terminal && is_invisible(c));
}

static gboolean is_line_end(gunichar c) {
  return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static const char *skip_range(const char *p, const char *end, char from, char to) {
  while (p < end && *p >= from && *p <= to)
    p++;
  return p;
}

/* Behind the parameters, intermediates and final byte of a control sequence. */
static const char *skip_control_sequence(const char *p, const char *end) {
  p = skip_range(p, end, 0x30, 0x3f);
  p = skip_range(p, end, 0x20, 0x2f);
  return p < end && *p >= 0x40 && *p <= 0x7e ? p + 1 : p;
}

/* Behind the end of a control string; `p` itself when it has none. */
static const char *skip_control_string(const char *p, const char *end) {
  for (const char *s = p; s < end; s++) {
    if (*s == '\a')
      return s + 1;
    if (end - s >= 2 &&
        ((s[0] == ESC && s[1] == '\\') || ((guchar)s[0] == 0xc2 && (guchar)s[1] == 0x9c)))
      return s + 2;
  }
  return p;
}

/* `p` stands behind ESC. */
static const char *skip_escape(const char *p, const char *end) {
  if (p == end)
    return p;
  if (*p == '[')
    return skip_control_sequence(p + 1, end);
  if (strchr("]PX^_", *p) != NULL && *p != '\0')
    return skip_control_string(p + 1, end);
  const char *final = skip_range(p, end, 0x20, 0x2f);
  return final < end && *final >= 0x30 && *final <= 0x7e ? final + 1 : final;
}

/* `p` stands behind the C1 character `c`. */
static const char *skip_c1(gunichar c, const char *p, const char *end) {
  if (c == 0x9b)
    return skip_control_sequence(p, end);
  if (c == 0x90 || c == 0x98 || (c >= 0x9d && c <= 0x9f))
    return skip_control_string(p, end);
  return p;
}

/* Lines ended here and now more text follows: newlines, or one space. Not before all text. */
static void write_breaks(Pass *pass) {
  guint n = pass->breaks;

  pass->breaks = 0;
  if (n == 0 || pass->out->len == 0)
    return;
  if (!pass->how->newlines) {
    if (!g_str_has_suffix(pass->out->str, " "))
      g_string_append_c(pass->out, ' ');
    return;
  }
  for (; n > 0; n--)
    g_string_append_c(pass->out, '\n');
}

static void take_line_end(Pass *pass, gunichar c) {
  if (c == '\r' && pass->at < pass->end && *pass->at == '\n')
    pass->at++;
  pass->changed += c != '\n' || !pass->how->newlines;
  pass->breaks++;
}

static void take_text(Pass *pass, gunichar c) {
  if (pass->breaks > 0 && !pass->how->newlines && (c == ' ' || c == '\t'))
    return; /* the indentation of a line that is no line any more */
  write_breaks(pass);
  g_string_append_unichar(pass->out, c == '\t' && !pass->how->tabs ? ' ' : c);
}

static void take(Pass *pass) {
  gsize len;
  gunichar c = code_point(pass->at, pass->end, &len);
  gboolean was_valid = c != REPLACEMENT || len == 3;

  pass->at += len;
  if (is_line_end(c)) {
    take_line_end(pass, c);
    return;
  }
  pass->changed += !was_valid || (c == '\t' && !pass->how->tabs) ||
                   wg_typable_is_forbidden(c, pass->how->terminal);
  if (is_noncharacter(c))
    take_text(pass, REPLACEMENT);
  else if (c == ESC)
    pass->at = skip_escape(pass->at, pass->end);
  else if (c >= 0x80 && c <= 0x9f)
    pass->at = skip_c1(c, pass->at, pass->end);
  else if (!wg_typable_is_forbidden(c, pass->how->terminal))
    take_text(pass, c);
}

char *wg_typable(const char *text, gssize len, const WgTypable *how, guint *ret_changed) {
  gsize n = len < 0 ? strlen(text) : (gsize)len;
  Pass pass = {.at = text, .end = text + n, .how = how, .out = g_string_sized_new(n + 1)};

  while (pass.at < pass.end)
    take(&pass);
  if (ret_changed != NULL)
    *ret_changed = pass.changed;
  return g_string_free(pass.out, FALSE);
}
