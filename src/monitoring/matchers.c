/* matchers.c: see matchers.h. What a matcher says; how one is read is matchers-parse.c. */
#include "monitoring/matchers.h"

#include "common/error.h"

#include <string.h>

static const char *const op_texts[] = {"=", "!=", "=~", "!~"};

void mon_matcher_free(MonMatcher *matcher) {
  if (matcher == NULL)
    return;
  g_free(matcher->name);
  g_free(matcher->value);
  g_clear_pointer(&matcher->regex, g_regex_unref);
  g_free(matcher);
}

/* The pattern has to be one by itself: "a)|(?:b" would be one only between our brackets. */
static GRegex *compile(const char *pattern, GError **error) {
  g_autoptr(GError) why = NULL;
  g_autoptr(GRegex) alone = NULL;
  g_autofree char *whole = NULL;
  GRegex *regex;

  if (strlen(pattern) > MON_PATTERN_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the pattern has %zu bytes; at most %d",
                strlen(pattern), MON_PATTERN_MAX);
    return NULL;
  }
  alone = g_regex_new(pattern, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, &why);
  whole = g_strdup_printf("(*LIMIT_MATCH=%d)(*LIMIT_DEPTH=%d)\\A(?:%s)\\z", MON_PATTERN_STEPS,
                          MON_PATTERN_STEPS, pattern);
  regex = alone ? g_regex_new(whole, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, &why) : NULL;
  if (regex == NULL)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no pattern: %s", pattern,
                why->message);
  return regex;
}

MonMatcher *mon_matcher_new(const char *name, MonMatchOp op, const char *value, GError **error) {
  GRegex *regex = NULL;
  MonMatcher *matcher;

  if (*name == '\0') {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "a matcher needs the name of a label");
    return NULL;
  }
  if (op == MON_MATCH_LIKE || op == MON_MATCH_UNLIKE) {
    regex = compile(value, error);
    if (regex == NULL)
      return NULL;
  }
  matcher = g_new0(MonMatcher, 1);
  *matcher = (MonMatcher){g_strdup(name), g_strdup(value), op, regex};
  return matcher;
}

gboolean mon_matcher_holds(const MonMatcher *matcher, const MonLabels *labels) {
  const char *value = mon_labels_get(labels, matcher->name);

  if (value == NULL)
    value = "";
  switch (matcher->op) {
  case MON_MATCH_EQUAL:
    return g_str_equal(value, matcher->value);
  case MON_MATCH_UNEQUAL:
    return !g_str_equal(value, matcher->value);
  case MON_MATCH_LIKE:
    return g_regex_match(matcher->regex, value, 0, NULL);
  case MON_MATCH_UNLIKE:
    return !g_regex_match(matcher->regex, value, 0, NULL);
  default:
    g_assert_not_reached();
  }
}

static void append_quoted(GString *text, const char *value) {
  g_string_append_c(text, '"');
  for (const char *p = value; *p; p++)
    if (*p == '"' || *p == '\\')
      g_string_append_printf(text, "\\%c", *p);
    else if (*p == '\n')
      g_string_append(text, "\\n");
    else if ((guchar)*p < 0x20 || *p == 0x7f)
      g_string_append_printf(text, "\\x%02x", (guchar)*p);
    else
      g_string_append_c(text, *p);
  g_string_append_c(text, '"');
}

static gboolean is_plain_name(const char *name) {
  for (const char *p = name; *p; p++)
    if (!g_ascii_isalnum(*p) && *p != '_' && *p != ':')
      return FALSE;
  return !g_ascii_isdigit(*name);
}

static void append_matcher(GString *text, const MonMatcher *matcher) {
  if (is_plain_name(matcher->name))
    g_string_append(text, matcher->name);
  else
    append_quoted(text, matcher->name);
  g_string_append(text, op_texts[matcher->op]);
  append_quoted(text, matcher->value);
}

char *mon_matcher_text(const MonMatcher *matcher) {
  GString *text = g_string_new(NULL);

  append_matcher(text, matcher);
  return g_string_free(text, FALSE);
}

gboolean mon_matchers_all_hold(GPtrArray *matchers, const MonLabels *labels) {
  for (guint i = 0; i < matchers->len; i++)
    if (!mon_matcher_holds(g_ptr_array_index(matchers, i), labels))
      return FALSE;
  return TRUE;
}

char *mon_matchers_text(GPtrArray *matchers) {
  GString *text = g_string_new("{");

  for (guint i = 0; i < matchers->len; i++) {
    if (i > 0)
      g_string_append_c(text, ',');
    append_matcher(text, g_ptr_array_index(matchers, i));
  }
  g_string_append_c(text, '}');
  return g_string_free(text, FALSE);
}
