/* matchers-parse.c: reads matchers (matchers.h).
 *
 * The strict notation first; a text that is none is tried as the classic one, and when it is none
 * of that either, what is told is what was wrong with it as strict. Never reads behind the NUL. */
#include "monitoring/matchers.h"

#include "common/error.h"

#include <string.h>

typedef struct {
  const char *start, *p;
  gboolean classic;
  GError *error;
} Scan;

static gboolean wrong(Scan *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean wrong(Scan *s, const char *format, ...) {
  g_autofree char *text = NULL;
  va_list args;

  va_start(args, format);
  text = g_strdup_vprintf(format, args);
  va_end(args);
  if (s->error == NULL)
    g_set_error(&s->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s, at byte %u of %s", text,
                (guint)(s->p - s->start) + 1, *s->start ? s->start : "an empty text");
  return FALSE;
}

static void skip_space(Scan *s) {
  while (g_ascii_isspace(*s->p))
    s->p++;
}

static gboolean is_reserved(char c) {
  return c == '\0' || g_ascii_isspace(c) || strchr("{}!=~,\\\"'`", c) != NULL;
}

/* One code of `digits` hexadecimal digits. NUL would end every text of ours. */
static gboolean scan_code(Scan *s, guint digits, GString *into) {
  gunichar code = 0;

  for (guint i = 0; i < digits; i++, s->p++) {
    if (!g_ascii_isxdigit(*s->p))
      return wrong(s, "an escape with %u hexadecimal digits was expected", digits);
    code = code << 4 | (gunichar)g_ascii_xdigit_value(*s->p);
  }
  if (code == 0 || !g_unichar_validate(code) || (digits == 2 && code > 0x7f))
    return wrong(s, "this escape is no character");
  g_string_append_unichar(into, code);
  return TRUE;
}

static gboolean scan_escape(Scan *s, GString *into) {
  static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
  char c = *s->p;
  const char *known = c ? strchr(from, c) : NULL;

  if (c == '\0')
    return wrong(s, "the text ends within an escape");
  s->p++;
  if (known) {
    g_string_append_c(into, to[known - from]);
    return TRUE;
  }
  if (c == 'x')
    return scan_code(s, 2, into);
  if (c == 'u')
    return scan_code(s, 4, into);
  if (c == 'U')
    return scan_code(s, 8, into);
  s->p--;
  return wrong(s, "\\%c is no escape", c);
}

static gboolean scan_quoted(Scan *s, GString *into) {
  s->p++;
  while (*s->p != '"') {
    if (*s->p == '\0')
      return wrong(s, "a closing \" is missing");
    if (*s->p == '\n')
      return wrong(s, "a newline between quotes; write \\n");
    if (*s->p == '\\') {
      s->p++;
      if (!scan_escape(s, into))
        return FALSE;
    } else {
      g_string_append_c(into, *s->p++);
    }
  }
  s->p++;
  return TRUE;
}

/* A name, or a value of the strict notation. */
static gboolean scan_word(Scan *s, GString *into, const char *what) {
  const char *begin = s->p;

  if (*s->p == '"')
    return scan_quoted(s, into);
  while (!is_reserved(*s->p))
    s->p++;
  if (s->p == begin)
    return wrong(s, "%s was expected", what);
  g_string_append_len(into, begin, s->p - begin);
  return TRUE;
}

/* Classic, without quotes: everything up to the next comma; of a text in braces not the last one,
 * which the caller has cut off. */
static gboolean scan_rest(Scan *s, GString *into) {
  const char *end = s->p + strcspn(s->p, ",");
  const char *next = end;

  while (end > s->p && g_ascii_isspace(end[-1]))
    end--;
  for (; s->p < end; s->p++) {
    if (*s->p == '"')
      return wrong(s, "a \" within a value that does not begin with one");
    if (*s->p == '\\' && s->p + 1 < end && strchr("\\\"n", s->p[1])) {
      s->p++;
      g_string_append_c(into, *s->p == 'n' ? '\n' : *s->p);
    } else {
      g_string_append_c(into, *s->p);
    }
  }
  s->p = next;
  return TRUE;
}

static gboolean scan_op(Scan *s, MonMatchOp *ret) {
  if (g_str_has_prefix(s->p, "=~"))
    *ret = MON_MATCH_LIKE;
  else if (g_str_has_prefix(s->p, "!~"))
    *ret = MON_MATCH_UNLIKE;
  else if (g_str_has_prefix(s->p, "!="))
    *ret = MON_MATCH_UNEQUAL;
  else if (*s->p == '=')
    *ret = MON_MATCH_EQUAL;
  else
    return wrong(s, "one of = != =~ !~ was expected");
  s->p += *ret == MON_MATCH_EQUAL ? 1 : 2;
  return TRUE;
}

static gboolean scan_matcher(Scan *s, GPtrArray *into) {
  g_autoptr(GString) name = g_string_new(NULL), value = g_string_new(NULL);
  MonMatchOp op = MON_MATCH_EQUAL;
  MonMatcher *matcher;

  if (!scan_word(s, name, "the name of a label"))
    return FALSE;
  skip_space(s);
  if (!scan_op(s, &op))
    return FALSE;
  skip_space(s);
  if (s->classic && *s->p != '"' ? !scan_rest(s, value) : !scan_word(s, value, "a value"))
    return FALSE;
  if (into->len == MON_MATCHERS_MAX)
    return wrong(s, "more than %d matchers", MON_MATCHERS_MAX);
  matcher = mon_matcher_new(name->str, op, value->str, &s->error);
  if (matcher == NULL)
    return FALSE;
  g_ptr_array_add(into, matcher);
  skip_space(s);
  return TRUE;
}

static gboolean scan_all(Scan *s, GPtrArray *into) {
  gboolean braces;

  skip_space(s);
  braces = *s->p == '{';
  if (braces)
    s->p++;
  skip_space(s);
  while (*s->p && *s->p != '}') {
    if (!scan_matcher(s, into))
      return FALSE;
    if (*s->p == ',')
      s->p++;
    else if (*s->p && *s->p != '}')
      return wrong(s, "a comma or the end was expected");
    skip_space(s);
  }
  if (braces != (*s->p == '}'))
    return wrong(s, braces ? "a closing } is missing" : "a } without a {");
  if (braces)
    s->p++;
  skip_space(s);
  return *s->p == '\0' || wrong(s, "nothing more was expected");
}

static guint count(const char *text, char c) {
  guint n = 0;

  for (const char *p = text; *p; p++)
    n += *p == c;
  return n;
}

/* Classic braces are cut off first, since a value may have some of its own. */
static gboolean scan_classic(const char *text, GPtrArray *into) {
  g_autofree char *inner = g_strstrip(g_strdup(text));
  gsize n = strlen(inner);
  gboolean open = inner[0] == '{', closed = n > 1 && inner[n - 1] == '}';
  Scan s = {inner, inner, TRUE, NULL};
  gboolean ok;

  if (count(inner, '{') != count(inner, '}') || (open && !closed))
    return FALSE;
  if (open) {
    inner[n - 1] = '\0';
    s.p++;
  }
  skip_space(&s);
  for (ok = TRUE; ok && *s.p;) {
    ok = scan_matcher(&s, into) && (*s.p == ',' || *s.p == '\0');
    if (ok && *s.p == ',')
      s.p++;
    skip_space(&s);
  }
  g_clear_error(&s.error);
  return ok;
}

GPtrArray *mon_matchers_parse(const char *text, GError **error) {
  g_autoptr(GPtrArray) matchers = g_ptr_array_new_with_free_func((GDestroyNotify)mon_matcher_free);
  Scan s = {text, text, FALSE, NULL};

  if (strlen(text) > MON_MATCHERS_BYTES_MAX || !g_utf8_validate(text, -1, NULL)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "matchers are at most %d bytes of UTF-8", MON_MATCHERS_BYTES_MAX);
    return NULL;
  }
  if (scan_all(&s, matchers))
    return g_steal_pointer(&matchers);
  g_ptr_array_set_size(matchers, 0);
  if (scan_classic(text, matchers)) {
    g_clear_error(&s.error);
    return g_steal_pointer(&matchers);
  }
  g_propagate_error(error, s.error);
  return NULL;
}
