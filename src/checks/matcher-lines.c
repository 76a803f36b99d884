/* matcher-lines.c: patterns: one regular expression, and "lines", a list of texts and expressions
 * that are looked for in any order.
 *
 * A pattern comes from whoever wrote the file, but the text from the thing that is checked, so the
 * work is bounded: matches by PCRE's own limit of backtracking, texts by length. Beyond it the
 * outcome is unknown, never "does not match". */
#include "checks/matcher-internal.h"

#include <string.h>

#define PATTERN_LIMITS "(*LIMIT_MATCH=1000000)(*LIMIT_DEPTH=20000)(*LIMIT_HEAP=16384)"
#define TEXT_MAX (1024 * 1024)

GRegex *chk_regex_new(const char *pattern, char **reterr_why) {
  static const char *const anything[] = {"",  ".*",   "^.*$", "^.*", ".*$",    "^",
                                         "$", "^$|.", "(.*)", ".?",  "(?s).*", "[\\s\\S]*"};
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS(anything); i++)
    if (strcmp(pattern, anything[i]) == 0) {
      *reterr_why =
          g_strdup_printf("the pattern \"%s\" matches everything, so it asserts nothing", pattern);
      return NULL;
    }
  g_autofree char *limited = g_strconcat(PATTERN_LIMITS, pattern, NULL);
  GRegex *regex = g_regex_new(limited, G_REGEX_DEFAULT, 0, &error);
  if (!regex) {
    /* GLib's text repeats our limits; the compiler's own words stand at its end */
    const char *cause = strrchr(error->message, ':');
    *reterr_why = g_strdup_printf("\"%s\" is no regular expression:%s", pattern,
                                  cause ? cause + 1 : error->message);
  }
  return regex;
}

ChkHolds chk_regex_look(GRegex *regex, const char *text, Trace *trace) {
  g_autoptr(GError) error = NULL;

  if (strlen(text) > TEXT_MAX) {
    chk_trace_why(trace, "the text is longer than %d bytes: no pattern is tried on it", TEXT_MAX);
    return CHK_HOLDS_UNKNOWN;
  }
  if (!g_utf8_validate(text, -1, NULL)) {
    chk_trace_why(trace, "the text is not UTF-8");
    return CHK_HOLDS_UNKNOWN;
  }
  gboolean matches = g_regex_match_full(regex, text, -1, 0, 0, NULL, &error);
  if (!error)
    return matches ? CHK_HOLDS : CHK_HOLDS_NOT;
  chk_trace_why(trace, "the pattern takes too much work on this text; write it simpler");
  return CHK_HOLDS_UNKNOWN;
}

/* "text", "!text", "/regex/", "!/regex/"; a backslash before the first sign makes it plain. */
Line *chk_line_new(const char *written, char **reterr_why) {
  const char *p = written;
  Line *line = g_new0(Line, 1);

  line->written = g_strdup(written);
  line->no = *p == '!';
  p += line->no;
  gsize n = strlen(p);
  if (n >= 2 && p[0] == '/' && p[n - 1] == '/') {
    g_autofree char *pattern = g_strndup(p + 1, n - 2);
    line->regex = chk_regex_new(pattern, reterr_why);
    if (line->regex)
      return line;
  } else {
    if (p[0] == '\\' && (p[1] == '!' || p[1] == '/'))
      p++;
    line->text = g_strdup(p);
    if (*p)
      return line;
    *reterr_why = g_strdup_printf("the line \"%s\" looks for nothing", written);
  }
  chk_line_free(line);
  return NULL;
}

void chk_line_free(Line *line) {
  if (!line)
    return;
  g_clear_pointer(&line->regex, g_regex_unref);
  g_free(line->text);
  g_free(line->written);
  g_free(line);
}

static ChkHolds line_found(const Line *line, char **lines, Trace *trace) {
  for (char **l = lines; *l; l++) {
    ChkHolds found = line->regex              ? chk_regex_look(line->regex, *l, trace)
                     : strstr(*l, line->text) ? CHK_HOLDS
                                              : CHK_HOLDS_NOT;
    if (found != CHK_HOLDS_NOT)
      return found;
  }
  return CHK_HOLDS_NOT;
}

static char **split(JsonNode *value, Trace *trace) {
  g_autoptr(GStrvBuilder) lines = g_strv_builder_new();

  if (!JSON_NODE_HOLDS_ARRAY(value)) {
    g_autofree char *text = chk_value_as_text(value, trace);
    return text ? g_strsplit(text, "\n", -1) : NULL;
  }
  JsonArray *array = json_node_get_array(value);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autofree char *text = chk_value_as_text(json_array_get_element(array, i), trace);
    if (!text)
      return NULL;
    g_strv_builder_add(lines, text);
  }
  return g_strv_builder_end(lines);
}

ChkHolds chk_lines_look(GPtrArray *patterns, JsonNode *value, Trace *trace) {
  g_auto(GStrv) lines = split(value, trace);
  g_autoptr(GString) bad = g_string_new(NULL);
  ChkHolds holds = CHK_HOLDS;

  if (!lines) {
    chk_trace_why(trace, "it is no text");
    return CHK_HOLDS_NOT;
  }
  for (guint i = 0; i < patterns->len; i++) {
    const Line *line = g_ptr_array_index(patterns, i);
    ChkHolds found = line_found(line, lines, trace);
    if (found == CHK_HOLDS_UNKNOWN && holds == CHK_HOLDS)
      holds = CHK_HOLDS_UNKNOWN;
    if (found == CHK_HOLDS_UNKNOWN || (found == CHK_HOLDS) != line->no)
      continue;
    holds = CHK_HOLDS_NOT;
    g_string_append_printf(bad, "%s\"%s\" %s", bad->len ? ", " : "", line->written,
                           line->no ? "is there" : "is missing");
  }
  if (bad->len > 0) {
    g_clear_pointer(&trace->text, g_free);
    chk_trace_why(trace, "%s", bad->str);
  }
  return holds;
}
