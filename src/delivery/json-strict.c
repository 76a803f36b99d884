/* json-strict.c: is a text JSON as RFC 8259 has it, within bounds of size and depth, with no key
 * twice in an object?
 *
 * json-glib takes more than that (comments, what follows the end, the last of two equal keys, a
 * NUL in a string, which ends it) and goes as deep as it is led, so it sees only what passed here.
 * Never allocates more than the keys of the objects it is in. */
#include "delivery/policy-private.h"

#include <string.h>

typedef struct {
  DlvCheck *check;
  const char *begin, *p;
  guint depth;
  gboolean good; /* FALSE: a key came twice; the form may still be looked at */
} Scan;

static gboolean value(Scan *s);

/* The place in the text, for people. */
static gboolean refuse(Scan *s, const char *expected) {
  guint line = 1;
  const char *start = s->begin;

  for (const char *p = s->begin; p < s->p; p++)
    if (*p == '\n') {
      line++;
      start = p + 1;
    }
  glong column = g_utf8_strlen(start, s->p - start) + 1;
  g_autofree char *found = g_utf8_substring(s->p, 0, MIN(g_utf8_strlen(s->p, -1), 1));

  return dlv_check_problem(s->check, "line %u, column %ld: expected %s, found %s%s%s", line, column,
                           expected, *found ? "'" : "", *found ? found : "the end",
                           *found ? "'" : "");
}

static void space(Scan *s) {
  s->p += strspn(s->p, " \t\r\n");
}

/* Four hexadecimal digits at `*p`, moved past them; -1: there are none. */
static int hex4(const char **p) {
  int code = 0;

  for (guint i = 0; i < 4; i++, (*p)++) {
    if (!g_ascii_isxdigit(**p))
      return -1;
    code = code << 4 | g_ascii_xdigit_value(**p);
  }
  return code;
}

/* After "\u"; a pair of surrogates is one character. 0: refused. */
static gunichar unicode_escape(Scan *s) {
  const char *p = s->p;
  int high = hex4(&p), low = 0;

  if (high >= 0xd800 && high <= 0xdbff && p[0] == '\\' && p[1] == 'u') {
    p += 2;
    low = hex4(&p);
    if (low >= 0xdc00 && low <= 0xdfff) {
      s->p = p;
      return (gunichar)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
    }
  }
  if (high <= 0 || (high >= 0xd800 && high <= 0xdfff))
    return 0;
  s->p += 4;
  return (gunichar)high;
}

static gboolean escape(Scan *s, GString *out) {
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char *letter = *s->p ? strchr(letters, *s->p) : NULL;

  if (letter) {
    g_string_append_c(out, meanings[letter - letters]);
    s->p++;
    return TRUE;
  }
  if (*s->p != 'u')
    return refuse(s, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
  s->p++;
  gunichar c = unicode_escape(s);
  if (c == 0)
    return refuse(s, "four hexadecimal digits of a character (not 0000, no half of a pair)");
  g_string_append_unichar(out, c);
  return TRUE;
}

/* At the opening quote. */
static gboolean string(Scan *s, GString *out) {
  for (s->p++; *s->p != '"';) {
    if ((guchar)*s->p < 0x20)
      return refuse(s, *s->p ? "no control character in a string (write \\n, \\t, \\u00XX)"
                             : "the quote that ends the string");
    if (*s->p == '\\') {
      s->p++;
      if (!escape(s, out))
        return FALSE;
    } else
      g_string_append_c(out, *s->p++);
  }
  s->p++;
  return TRUE;
}

static gboolean digits(Scan *s) {
  gsize n = strspn(s->p, "0123456789");

  s->p += n;
  return n > 0 || refuse(s, "a digit");
}

static gboolean number(Scan *s) {
  const char *start = s->p;

  if (*s->p == '-')
    s->p++;
  if (*s->p == '0' && g_ascii_isdigit(s->p[1]))
    return refuse(s, "a number without a zero before it");
  if (!digits(s))
    return FALSE;
  if (*s->p == '.') {
    s->p++;
    if (!digits(s))
      return FALSE;
  }
  if (*s->p == 'e' || *s->p == 'E') {
    s->p++;
    if (*s->p == '+' || *s->p == '-')
      s->p++;
    if (!digits(s))
      return FALSE;
  }
  return s->p - start <= 18 || dlv_check_problem(s->check, "a number with more than 18 digits");
}

static gboolean word(Scan *s) {
  static const char *const words[] = {"true", "false", "null"};

  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize n = strlen(words[i]);
    if (strncmp(s->p, words[i], n) == 0 && !g_ascii_isalnum(s->p[n])) {
      s->p += n;
      return TRUE;
    }
  }
  return refuse(s, "a value");
}

/* After a member or an element: `*ret_more` says that another one follows. */
static gboolean separator(Scan *s, char end, gboolean *ret_more) {
  space(s);
  *ret_more = *s->p == ',';
  if (!*ret_more && *s->p != end)
    return refuse(s, end == '}' ? "',' or '}'" : "',' or ']'");
  s->p++;
  space(s);
  return TRUE;
}

static gboolean member(Scan *s, GHashTable *seen) {
  g_autoptr(GString) key = g_string_new(NULL);

  if (*s->p != '"')
    return refuse(s, "a key in quotes");
  if (!string(s, key))
    return FALSE;
  gsize before = dlv_check_enter(s->check, key->str);
  if (!g_hash_table_add(seen, g_strdup(key->str)))
    s->good = dlv_check_problem(s->check, "'%s' is here twice; which one counts?", key->str);
  space(s);
  gboolean good = *s->p == ':' || refuse(s, "':'");
  if (good) {
    s->p++;
    space(s);
    good = value(s);
  }
  dlv_check_leave(s->check, before);
  return good;
}

static gboolean object(Scan *s) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  gboolean more = TRUE;

  s->p++;
  space(s);
  if (*s->p == '}') {
    s->p++;
    return TRUE;
  }
  while (more)
    if (!member(s, seen) || !separator(s, '}', &more))
      return FALSE;
  return TRUE;
}

static gboolean array(Scan *s) {
  gboolean more = TRUE;

  s->p++;
  space(s);
  if (*s->p == ']') {
    s->p++;
    return TRUE;
  }
  for (guint i = 0; more; i++) {
    gsize before = dlv_check_enter_index(s->check, i);
    gboolean good = value(s);
    dlv_check_leave(s->check, before);
    if (!good || !separator(s, ']', &more))
      return FALSE;
  }
  return TRUE;
}

static gboolean value(Scan *s) {
  gboolean good;

  if (*s->p == '"') {
    g_autoptr(GString) text = g_string_new(NULL);
    return string(s, text);
  }
  if (*s->p == '-' || g_ascii_isdigit(*s->p))
    return number(s);
  if (*s->p != '{' && *s->p != '[')
    return word(s);
  if (++s->depth > DLV_POLICY_DEPTH_MAX)
    return dlv_check_problem(s->check, "nested deeper than %d levels", DLV_POLICY_DEPTH_MAX);
  good = *s->p == '{' ? object(s) : array(s);
  s->depth--;
  return good;
}

gboolean dlv_check_json(DlvCheck *c, const char *json) {
  Scan scan = {.check = c, .begin = json, .p = json, .good = TRUE};
  const char *bad;

  if (strlen(json) > DLV_POLICY_BYTES_MAX)
    return dlv_check_problem(c, "longer than %d bytes", DLV_POLICY_BYTES_MAX);
  if (!g_utf8_validate(json, -1, &bad))
    return dlv_check_problem(c, "byte %td is not UTF-8", bad - json);
  space(&scan);
  gboolean form = value(&scan);
  space(&scan);
  if (form && *scan.p)
    form = refuse(&scan, "nothing after the policy");
  return form && scan.good;
}
