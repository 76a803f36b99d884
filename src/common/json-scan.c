/* json-scan.c: JSON as RFC 8259 has it, told to a WgBuild in order.
 *
 * json-glib's own parser takes more than that (comments, what follows the end, the last of two
 * equal keys, a NUL in a string, which ends it), goes as deep as it is led and knows no lines, so
 * bytes from outside are read here. Recursion is bounded by the build's depth. */
#include "common/doc-private.h"

#include <string.h>

typedef struct {
  WgBuild *build;
  const char *p, *start; /* of the line */
  guint line;
} Scan;

static gboolean value(Scan *s);

static gboolean refuse(Scan *s, const char *expected) {
  guint column = (guint)g_utf8_strlen(s->start, s->p - s->start) + 1;
  g_autofree char *found = g_utf8_substring(s->p, 0, *s->p ? 1 : 0);

  return wg_build_problem(s->build, s->line, column, "expected %s, found %s%s%s", expected,
                          *found ? "'" : "", *found ? found : "the end", *found ? "'" : "");
}

static void space(Scan *s) {
  for (; *s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'; s->p++)
    if (*s->p == '\n') {
      s->line++;
      s->start = s->p + 1;
    }
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

static gboolean number(Scan *s) {
  const char *bad, *expected;
  gsize size = wg_json_number_length(s->p, &bad, &expected);

  if (size == 0) {
    s->p = bad;
    return refuse(s, expected);
  }
  JsonNode *node = wg_build_number(s->build, s->p, size, s->line);
  s->p += size;
  return node && wg_build_value(s->build, node, s->line);
}

static gboolean word(Scan *s) {
  static const char *const words[] = {"true", "false", "null"};

  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize n = strlen(words[i]);
    if (strncmp(s->p, words[i], n) == 0 && !g_ascii_isalnum(s->p[n])) {
      JsonNode *node = json_node_new(i == 2 ? JSON_NODE_NULL : JSON_NODE_VALUE);
      if (i < 2)
        json_node_set_boolean(node, i == 0);
      s->p += n;
      return wg_build_value(s->build, node, s->line);
    }
  }
  return refuse(s, "a value");
}

static gboolean text(Scan *s) {
  g_autoptr(GString) content = g_string_new(NULL);

  if (!string(s, content))
    return FALSE;
  JsonNode *node = json_node_new(JSON_NODE_VALUE);
  json_node_set_string(node, content->str);
  return wg_build_value(s->build, node, s->line);
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

static gboolean member(Scan *s) {
  g_autoptr(GString) key = g_string_new(NULL);

  if (*s->p != '"')
    return refuse(s, "a key in quotes");
  if (!string(s, key) || !wg_build_key(s->build, key->str, s->line))
    return FALSE;
  space(s);
  if (*s->p != ':')
    return refuse(s, "':'");
  s->p++;
  space(s);
  return value(s);
}

static gboolean members(Scan *s, char end) {
  gboolean more = TRUE;

  s->p++;
  space(s);
  if (*s->p == end) {
    s->p++;
    return TRUE;
  }
  while (more) {
    if (end == ']')
      wg_build_item(s->build, s->line);
    if (!(end == '}' ? member(s) : value(s)) || !separator(s, end, &more))
      return FALSE;
  }
  return TRUE;
}

static gboolean value(Scan *s) {
  if (*s->p == '"')
    return text(s);
  if (*s->p == '-' || g_ascii_isdigit(*s->p))
    return number(s);
  if (*s->p != '{' && *s->p != '[')
    return word(s);
  if (!wg_build_open(s->build, *s->p == '{', s->line) || !members(s, *s->p == '{' ? '}' : ']'))
    return FALSE;
  wg_build_close(s->build);
  return TRUE;
}

gboolean wg_json_scan(WgBuild *build, const char *json) {
  Scan scan = {.build = build, .p = json, .start = json, .line = 1};
  g_autofree char *nothing = g_strdup_printf("nothing after %s", build->bounds->what);

  space(&scan);
  if (!value(&scan))
    return FALSE;
  space(&scan);
  return !*scan.p || refuse(&scan, nothing);
}
