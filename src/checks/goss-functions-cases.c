/* goss-functions-cases.c: Sprig's and Go's functions that shorten, wrap, rename and escape texts,
 * and those of paths. As in a pipe, the text that is worked on comes last. */
#include "checks/goss-private.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static char *last_text(JsonNode **args, guint n) {
  return goss_print(args[n - 1]);
}

/* ---- shortening ---- */
/* Characters from `begin` on, `n` of them at most. */
static char *part(const char *text, gint64 begin, gint64 n) {
  gint64 length = g_utf8_strlen(text, -1);

  begin = CLAMP(begin, 0, length);
  return g_utf8_substring(text, begin, MIN(begin + n, length));
}

static char *abbreviated(const char *text, gint64 offset, gint64 width) {
  gint64 length = g_utf8_strlen(text, -1);

  if (width < 4 || length <= width)
    return g_strdup(text);
  offset = CLAMP(offset, 0, length);
  if (length - offset < width - 3)
    offset = length - (width - 3);
  if (offset <= 4) {
    g_autofree char *kept = part(text, 0, width - 3);
    return g_strconcat(kept, "...", NULL);
  }
  if (width < 7)
    return g_strdup(text);
  g_autofree char *rest = part(text, offset, length);
  g_autofree char *kept = offset + width - 3 < length ? abbreviated(rest, 0, width - 3)
                                                      : part(text, length - (width - 3), width);
  return g_strconcat("...", kept, NULL);
}

static JsonNode *f_abbrev(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, abbreviated(text, 0, goss_whole(args[0])));
}

static JsonNode *f_abbrevboth(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  gint64 left = goss_whole(args[0]), right = goss_whole(args[1]);

  return goss_take_text(g, right < 4 || (left > 0 && right < 7) ? g_strdup(text)
                                                                : abbreviated(text, left, right));
}

static JsonNode *f_initials(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);
  gboolean first = TRUE;

  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (first && !g_unichar_isspace(c))
      g_string_append_unichar(out, c);
    first = g_unichar_isspace(c);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* A line ends before the word that would be longer than `width`; `cut`: a word that alone is longer
 * is cut. */
static char *wrapped(const char *text, gint64 width, const char *newline, gboolean cut) {
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  GString *out = g_string_new(NULL);
  gint64 used = 0;

  width = MAX(width, 1);
  for (guint i = 0; words[i]; i++) {
    gint64 length = g_utf8_strlen(words[i], -1);
    const char *word = words[i];
    if (i > 0 && used + 1 + length <= width) {
      g_string_append_c(out, ' ');
      used++;
    } else if (i > 0) {
      g_string_append(out, newline);
      used = 0;
    }
    for (; cut && length > width; length -= width) {
      const char *next = g_utf8_offset_to_pointer(word, width);
      g_string_append_len(out, word, next - word);
      g_string_append(out, newline);
      word = next;
    }
    g_string_append(out, word);
    used += length;
  }
  return g_string_free(out, FALSE);
}

static JsonNode *f_wrap(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, wrapped(text, goss_whole(args[0]), "\n", FALSE));
}

static JsonNode *f_wrap_with(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n), *newline = goss_print(args[1]);

  return goss_take_text(g, wrapped(text, goss_whole(args[0]), newline, TRUE));
}

/* ---- cases ---- */
static JsonNode *f_swapcase(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_string_append_unichar(out, g_unichar_isupper(c)   ? g_unichar_tolower(c)
                                 : g_unichar_islower(c) ? g_unichar_toupper(c)
                                                        : c);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

static gboolean is_between(char c) {
  return c == '_' || c == '-' || c == ' ';
}

/* "HTTPServer" and "http server" as "http_server": a word begins with a capital behind a small
 * letter or a digit, and with the last of several capitals before a small letter. */
static JsonNode *joined(Goss *g, JsonNode **args, guint n, char between) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p++) {
    gboolean capital = g_ascii_isupper(*p), begins = p == text || is_between(p[-1]);
    gboolean new_word = capital && !begins && (!g_ascii_isupper(p[-1]) || g_ascii_islower(p[1]));
    if (new_word)
      g_string_append_c(out, between);
    g_string_append_c(out, is_between(*p) ? between : g_ascii_tolower(*p));
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_snakecase(Goss *g, JsonNode **args, guint n, GError **error) {
  return joined(g, args, n, '_');
}

static JsonNode *f_kebabcase(Goss *g, JsonNode **args, guint n, GError **error) {
  return joined(g, args, n, '-');
}

/* "http_server" is "HttpServer". */
static JsonNode *f_camelcase(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p++)
    if (!is_between(*p))
      g_string_append_c(out, p == text || is_between(p[-1]) ? g_ascii_toupper(*p) : *p);
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* plural ONE MANY COUNT */
static JsonNode *f_plural(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_whole(args[2]) == 1 ? args[0] : args[1];
}

/* ---- escaping ---- */
static JsonNode *f_regex_quote_meta(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p++)
    g_string_append_printf(out, "%s%c", strchr("\\.+*?()|[]{}^$", *p) ? "\\" : "", *p);
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_html(Goss *g, JsonNode **args, guint n, GError **error) {
  static const char plain[] = "&<>\"'";
  static const char *const safe[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p++) {
    const char *at = strchr(plain, *p);
    if (at)
      g_string_append(out, safe[at - plain]);
    else
      g_string_append_c(out, *p);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_urlquery(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const guchar *p = (const guchar *)text; *p; p++) {
    if (*p == ' ')
      g_string_append_c(out, '+');
    else if (g_ascii_isalnum(*p) || strchr("-_.~", *p))
      g_string_append_c(out, (char)*p);
    else
      g_string_append_printf(out, "%%%02X", *p);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* ---- paths, the environment, the network ---- */
static JsonNode *f_clean(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *path = last_text(args, n);
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  g_autoptr(GPtrArray) kept = g_ptr_array_new();
  gboolean absolute = *path == '/';

  for (guint i = 0; parts[i]; i++) {
    const char *last = kept->len ? kept->pdata[kept->len - 1] : NULL;
    if (*parts[i] == 0 || g_str_equal(parts[i], "."))
      continue;
    if (!g_str_equal(parts[i], ".."))
      g_ptr_array_add(kept, parts[i]);
    else if (last && !g_str_equal(last, ".."))
      g_ptr_array_set_size(kept, (int)kept->len - 1);
    else if (!absolute)
      g_ptr_array_add(kept, parts[i]);
  }
  g_ptr_array_add(kept, NULL);
  g_autofree char *joined_up = g_strjoinv("/", (char **)kept->pdata);
  if (!absolute)
    return goss_text(g, *joined_up ? joined_up : ".");
  return goss_take_text(g, g_strconcat("/", joined_up, NULL));
}

static JsonNode *f_is_abs(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *path = last_text(args, n);

  return goss_bool(g, *path == '/');
}

/* $NAME and ${NAME}; what is not set is empty. */
static JsonNode *f_expandenv(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p;) {
    const char *begin = *p == '$' ? p + 1 + (p[1] == '{') : NULL, *end = begin;
    while (end && (g_ascii_isalnum(*end) || *end == '_'))
      end++;
    if (begin && end > begin && (p[1] != '{' || *end == '}')) {
      g_autofree char *name = g_strndup(begin, (gsize)(end - begin));
      const char *value = g_getenv(name);
      g_string_append(out, value ? value : "");
      p = end + (p[1] == '{');
    } else {
      g_string_append_c(out, *p++);
    }
  }
  return goss_take_text(g, g_utf8_make_valid(out->str, (gssize)out->len));
}

/* One address of the name; an empty text when there is none. */
static JsonNode *f_get_host_by_name(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *name = last_text(args, n);
  struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
  char text[NI_MAXHOST] = "";

  if (getaddrinfo(name, NULL, &hints, &found) != 0)
    return goss_text(g, "");
  if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
    text[0] = 0;
  freeaddrinfo(found);
  return goss_text(g, text);
}

const GossFunctionRow goss_functions_cases[] = {
    {"abbrev", 2, 2, f_abbrev},
    {"abbrevboth", 3, 3, f_abbrevboth},
    {"initials", 1, 1, f_initials},
    {"wrap", 2, 2, f_wrap},
    {"wrapWith", 3, 3, f_wrap_with},
    {"swapcase", 1, 1, f_swapcase},
    {"snakecase", 1, 1, f_snakecase},
    {"kebabcase", 1, 1, f_kebabcase},
    {"camelcase", 1, 1, f_camelcase},
    {"plural", 3, 3, f_plural},
    {"regexQuoteMeta", 1, 1, f_regex_quote_meta},
    {"html", 1, 1, f_html},
    {"urlquery", 1, 1, f_urlquery},
    {"clean", 1, 1, f_clean},
    {"osClean", 1, 1, f_clean},
    {"isAbs", 1, 1, f_is_abs},
    {"osIsAbs", 1, 1, f_is_abs},
    {"expandenv", 1, 1, f_expandenv},
    {"getHostByName", 1, 1, f_get_host_by_name},
    {NULL, 0, 0, NULL},
};
