/* expr-lex.c: the text of an expression in tokens.
 *
 * Bytes come from outside: no token is looked at past the end, a text has at most
 * MON_EXPR_TEXT_MAX bytes and is UTF-8. */
#include "monitoring/expr-private.h"

#include "common/error.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *text, *at;
  GArray *tokens;
  GError **error;
} Lex;

static void token_clear(gpointer data) {
  g_free(((MonToken *)data)->text);
}

static gboolean refuse(Lex *lex, const char *at, const char *text) {
  g_set_error(lex->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "column %u: %s",
              (guint)(at - lex->text) + 1, text);
  return FALSE;
}

static MonToken *add(Lex *lex, MonTokenType type, const char *from, const char *to) {
  MonToken token = {type, g_strndup(from, to - from), 0, 0, (guint)(from - lex->text) + 1};

  g_array_append_val(lex->tokens, token);
  return &g_array_index(lex->tokens, MonToken, lex->tokens->len - 1);
}

static gboolean starts_name(char c) {
  return g_ascii_isalpha(c) || c == '_' || c == ':';
}

static const struct {
  const char *unit;
  gint64 usec;
} units[] = {
    {"ms", 1000},
    {"s", G_USEC_PER_SEC},
    {"m", 60 * G_USEC_PER_SEC},
    {"h", (gint64)3600 * G_USEC_PER_SEC},
    {"d", (gint64)86400 * G_USEC_PER_SEC},
    {"w", (gint64)7 * 86400 * G_USEC_PER_SEC},
    {"y", (gint64)365 * 86400 * G_USEC_PER_SEC},
};

/* Digits and a unit, again and again, each smaller than the one before. NULL: it is none. */
static const char *span_end(const char *at, gint64 *ret) {
  guint before = G_N_ELEMENTS(units);
  const char *end = NULL;
  gint64 sum = 0;

  while (g_ascii_isdigit(*at)) {
    gint64 number = 0, part;
    for (; g_ascii_isdigit(*at); at++)
      if (number < G_MAXINT64 / 100)
        number = number * 10 + (*at - '0');
    guint u = 0;
    while (u < before && !g_str_has_prefix(at, units[u].unit))
      u++;
    if (u == before) /* "ms" was tried before "m" */
      return NULL;
    if (!__builtin_mul_overflow(number, units[u].usec, &part) &&
        !__builtin_add_overflow(sum, part, &sum))
      at += strlen(units[u].unit);
    else
      return NULL;
    before = u;
    end = at;
  }
  if (end == NULL || g_ascii_isalpha(*end) || *end == '_')
    return NULL;
  *ret = sum;
  return end;
}

gboolean mon_expr_span(const char *text, gint64 *ret) {
  if (g_str_equal(text, "0")) {
    *ret = 0;
    return TRUE;
  }
  gint64 span;
  const char *end = span_end(text, &span);
  if (end == NULL || *end != '\0')
    return FALSE;
  *ret = span;
  return TRUE;
}

static gboolean lex_number(Lex *lex) {
  const char *from = lex->at;
  gint64 span;
  char *end;
  const char *after = span_end(from, &span);

  if (after != NULL) {
    add(lex, MON_TOKEN_SPAN, from, after)->span = span;
    lex->at = after;
    return TRUE;
  }
  double number = g_ascii_strtod(from, &end);
  if (end == from || starts_name(*end) || *end == '.')
    return refuse(lex, from, "this is no number and no duration (5m, 1h30m, 500ms)");
  add(lex, MON_TOKEN_NUMBER, from, end)->number = number;
  lex->at = end;
  return TRUE;
}

static gboolean escape(const char **at, GString *ret) {
  static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
  const char *found = **at != '\0' ? strchr(from, **at) : NULL;

  if (found != NULL) {
    g_string_append_c(ret, to[found - from]);
    (*at)++;
    return TRUE;
  }
  if (**at == 'x' && g_ascii_isxdigit((*at)[1]) && g_ascii_isxdigit((*at)[2])) {
    int value = g_ascii_xdigit_value((*at)[1]) * 16 + g_ascii_xdigit_value((*at)[2]);
    if (value == 0 || value > 127)
      return FALSE;
    g_string_append_c(ret, (char)value);
    *at += 3;
    return TRUE;
  }
  return FALSE;
}

static gboolean lex_string(Lex *lex) {
  g_autoptr(GString) text = g_string_new(NULL);
  const char *from = lex->at, *at = from + 1;

  while (*at != *from) {
    if (*at == '\0' || (*at == '\n' && *from != '`'))
      return refuse(lex, from, "the text that begins here has no end");
    if (*at != '\\' || *from == '`') {
      g_string_append_c(text, *at++);
      continue;
    }
    at++;
    if (!escape(&at, text))
      return refuse(lex, at - 1, "unknown escape; a backslash itself is written twice");
  }
  MonToken *token = add(lex, MON_TOKEN_STRING, from, from);
  g_free(token->text);
  token->text = g_string_free(g_steal_pointer(&text), FALSE);
  lex->at = at + 1;
  return TRUE;
}

static gboolean lex_sign(Lex *lex) {
  static const char *const two[] = {"==", "!=", "=~", "!~", "<=", ">=", NULL};

  for (guint i = 0; two[i] != NULL; i++)
    if (g_str_has_prefix(lex->at, two[i])) {
      add(lex, MON_TOKEN_SIGN, lex->at, lex->at + 2);
      lex->at += 2;
      return TRUE;
    }
  if (strchr("+-*/%^<>=(){}[],", *lex->at) != NULL) {
    add(lex, MON_TOKEN_SIGN, lex->at, lex->at + 1);
    lex->at++;
    return TRUE;
  }
  if (*lex->at == '@')
    return refuse(lex, lex->at, "the @ modifier is not supported here; use offset");
  if (*lex->at == ':')
    return refuse(lex, lex->at, "subqueries are not supported; give a range to a metric itself");
  return refuse(lex, lex->at, "a character that no expression has");
}

static gboolean lex_one(Lex *lex) {
  const char *from = lex->at;

  if (g_ascii_isspace(*from)) {
    lex->at++;
    return TRUE;
  }
  if (*from == '#') {
    lex->at += strcspn(from, "\n");
    return TRUE;
  }
  if (g_ascii_isdigit(*from) || (*from == '.' && g_ascii_isdigit(from[1])))
    return lex_number(lex);
  if (*from == '"' || *from == '\'' || *from == '`')
    return lex_string(lex);
  if (*from == ':' && !starts_name(from[1]))
    return lex_sign(lex);
  if (!starts_name(*from))
    return lex_sign(lex);
  while (starts_name(*lex->at) || g_ascii_isdigit(*lex->at))
    lex->at++;
  add(lex, MON_TOKEN_NAME, from, lex->at);
  return TRUE;
}

GArray *mon_expr_lex(const char *text, GError **error) {
  g_autoptr(GArray) tokens = g_array_new(FALSE, FALSE, sizeof(MonToken));
  Lex lex = {text, text, tokens, error};

  g_array_set_clear_func(tokens, token_clear);
  if (strlen(text) > MON_EXPR_TEXT_MAX || !g_utf8_validate(text, -1, NULL)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "an expression is UTF-8 of at most %d bytes", MON_EXPR_TEXT_MAX);
    return NULL;
  }
  while (*lex.at != '\0')
    if (!lex_one(&lex))
      return NULL;
  add(&lex, MON_TOKEN_END, lex.at, lex.at);
  return g_steal_pointer(&tokens);
}
