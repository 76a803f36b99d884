/* template.c: the texts of rules, see template.h. */
#include "monitoring/template.h"

#include "common/error.h"
#include "common/nearest.h"

#include <math.h>
#include <string.h>

typedef struct {
  char *text; /* NULL: a number */
  double number;
} Value;

#define ARGUMENTS_MAX 8

typedef struct {
  const char *at;
  const MonLabels *labels;
  double value;
  GError **error;
} Template;

typedef Value (*Apply)(const Value *arguments, guint n);

static char *number_text(double value) {
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan(value))
    return g_strdup("NaN");
  if (isinf(value))
    return g_strdup(value > 0 ? "+Inf" : "-Inf");
  return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.10g", value));
}

static char *text_of(const Value *value) {
  return value->text != NULL ? g_strdup(value->text) : number_text(value->number);
}

static double number_of(const Value *value) {
  return value->text != NULL ? g_ascii_strtod(value->text, NULL) : value->number;
}

static Value apply_humanize(const Value *a, guint n) {
  return (Value){mon_humanize(number_of(a)), 0};
}

static Value apply_humanize_1024(const Value *a, guint n) {
  return (Value){mon_humanize_1024(number_of(a)), 0};
}

static Value apply_span(const Value *a, guint n) {
  return (Value){mon_humanize_span(number_of(a)), 0};
}

static Value apply_percentage(const Value *a, guint n) {
  return (Value){g_strdup_printf("%.4g%%", number_of(a) * 100), 0};
}

static Value apply_timestamp(const Value *a, guint n) {
  double seconds = number_of(a);
  g_autoptr(GDateTime) time =
      fabs(seconds) < 1e11 ? g_date_time_new_from_unix_utc((gint64)floor(seconds)) : NULL;

  return (Value){time != NULL ? g_date_time_format(time, "%F %T +0000 UTC") : text_of(a), 0};
}

static Value apply_upper(const Value *a, guint n) {
  g_autofree char *text = text_of(a);

  return (Value){g_utf8_strup(text, -1), 0};
}

static Value apply_lower(const Value *a, guint n) {
  g_autofree char *text = text_of(a);

  return (Value){g_utf8_strdown(text, -1), 0};
}

static Value apply_title(const Value *a, guint n) {
  char *text = text_of(a);

  for (char *at = text; *at != '\0'; at++)
    if (at == text || at[-1] == ' ')
      *at = g_ascii_toupper(*at);
  return (Value){text, 0};
}

static Value apply_trim(const Value *a, guint n) {
  return (Value){g_strstrip(text_of(a)), 0};
}

/* One %-directive: flags, width and precision of at most four digits each; %s %v %d %f %g %e %q. */
static const char *directive(const char *at, const Value *argument, GString *ret) {
  char format[16] = "%";
  gsize n = 1;

  while (*at != '\0' && strchr("+-# 0123456789.", *at) != NULL && n < 10)
    format[n++] = *at++;
  g_autofree char *text = text_of(argument);
  char digits[512];
  switch (*at) {
  case 'd':
    g_string_append_printf(ret, "%.0f", trunc(number_of(argument)));
    return at + 1;
  case 'f':
  case 'g':
  case 'e':
    memcpy(format + n, at, 1);
    format[n + 1] = '\0';
    /* a width of millions would be a text of millions */
    if (strtoul(format + strspn(format, "%+-# 0"), NULL, 10) > 100)
      g_strlcpy(format, "%g", sizeof format);
    g_string_append(ret, g_ascii_formatd(digits, sizeof digits, format, number_of(argument)));
    return at + 1;
  case 's':
  case 'v':
    g_string_append(ret, text);
    return at + 1;
  case 'q':
    g_string_append_printf(ret, "\"%s\"", text);
    return at + 1;
  default:
    g_string_append(ret, "%!");
    return at;
  }
}

static Value apply_printf(const Value *a, guint n) {
  g_autofree char *format = text_of(a);
  GString *text = g_string_new(NULL);
  guint next = 1;

  for (const char *at = format; *at != '\0';)
    if (*at != '%')
      g_string_append_c(text, *at++);
    else if (at[1] == '%') {
      g_string_append_c(text, '%');
      at += 2;
    } else if (next < n)
      at = directive(at + 1, &a[next++], text);
    else {
      g_string_append(text, "%!");
      at++;
    }
  return (Value){g_string_free(text, FALSE), 0};
}

static const struct {
  const char *name;
  Apply apply;
  guint min, max;
} functions[] = {
    {"humanize", apply_humanize, 1, 1},
    {"humanize1024", apply_humanize_1024, 1, 1},
    {"humanizeDuration", apply_span, 1, 1},
    {"humanizePercentage", apply_percentage, 1, 1},
    {"humanizeTimestamp", apply_timestamp, 1, 1},
    {"printf", apply_printf, 1, ARGUMENTS_MAX},
    {"title", apply_title, 1, 1},
    {"toLower", apply_lower, 1, 1},
    {"toUpper", apply_upper, 1, 1},
    {"trim", apply_trim, 1, 1},
};

const char *const *mon_template_functions(void) {
  static const char *names[G_N_ELEMENTS(functions) + 1];

  for (guint i = 0; i < G_N_ELEMENTS(functions); i++)
    names[i] = functions[i].name;
  return names;
}

static gboolean refuse(Template *t, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(Template *t, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *made = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *text = g_utf8_make_valid(made, -1); /* a piece may end inside of a letter */
  g_set_error_literal(t->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static void skip(Template *t) {
  while (g_ascii_isspace(*t->at))
    t->at++;
}

static char *take_word(Template *t) {
  const char *from = t->at;

  while (g_ascii_isalnum(*t->at) || *t->at == '_' || *t->at == '.' || *t->at == '$')
    t->at++;
  return g_strndup(from, t->at - from);
}

static gboolean take_quoted(Template *t, Value *ret) {
  char quote = *t->at++;
  g_autoptr(GString) text = g_string_new(NULL);

  for (; *t->at != quote; t->at++) {
    if (*t->at == '\0')
      return refuse(t, "a text in a template has no end");
    if (*t->at == '\\' && quote == '"' && t->at[1] != '\0')
      t->at++;
    g_string_append_c(text, *t->at);
  }
  t->at++;
  ret->text = g_string_free(g_steal_pointer(&text), FALSE);
  return TRUE;
}

static gboolean take_variable(Template *t, const char *word, Value *ret) {
  const char *label = NULL;

  if (g_str_equal(word, "$value") || g_str_equal(word, ".Value")) {
    ret->number = t->value;
    return TRUE;
  }
  if (g_str_has_prefix(word, "$labels."))
    label = word + strlen("$labels.");
  else if (g_str_has_prefix(word, ".Labels."))
    label = word + strlen(".Labels.");
  if (label == NULL || *label == '\0')
    return refuse(t, "a template knows $labels.NAME and $value, not \"%.60s\"", word);
  const char *value = mon_labels_get(t->labels, label);
  ret->text = g_strdup(value != NULL ? value : "");
  return TRUE;
}

/* FALSE with *t->error, or without: nothing more here. */
static gboolean take_operand(Template *t, Value *ret) {
  skip(t);
  *ret = (Value){0};
  if (*t->at == '"' || *t->at == '`')
    return take_quoted(t, ret);
  if (g_ascii_isdigit(*t->at) || (*t->at == '-' && g_ascii_isdigit(t->at[1]))) {
    char *end;
    ret->number = g_ascii_strtod(t->at, &end);
    t->at = end;
    return TRUE;
  }
  if (*t->at != '$' && *t->at != '.')
    return FALSE;
  g_autofree char *word = take_word(t);
  return take_variable(t, word, ret);
}

static int find_function(Template *t, const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(functions); i++)
    if (g_str_equal(functions[i].name, name))
      return (int)i;
  g_autofree char *hint = wg_nearest_hint(name, mon_template_functions());
  g_autofree char *text = g_strconcat(name, hint != NULL ? "; " : "", hint, NULL);
  refuse(t, "templates have no %.100s", text);
  return -1;
}

/* A command of a pipe: an operand, or a function and its arguments; `piped` is its last one. */
static gboolean command(Template *t, Value *piped, Value *ret) {
  Value arguments[ARGUMENTS_MAX + 1] = {0};
  guint n = 0;
  gboolean ok = TRUE;

  skip(t);
  if (!g_ascii_isalpha(*t->at)) {
    if (piped != NULL)
      return refuse(t, "after | comes a function");
    return take_operand(t, ret) ||
           (*t->error != NULL ? FALSE : refuse(t, "nothing to write at \"%.60s\"", t->at));
  }
  g_autofree char *name = take_word(t);
  int function = find_function(t, name);
  if (function < 0)
    return FALSE;
  while (n < ARGUMENTS_MAX - 1 && take_operand(t, &arguments[n]))
    n++;
  if (piped != NULL)
    arguments[n++] = (Value){g_steal_pointer(&piped->text), piped->number};
  if (*t->error != NULL)
    ok = FALSE;
  else if (n < functions[function].min || n > functions[function].max)
    ok = refuse(t, "%s has too few or too many arguments", name);
  if (ok)
    *ret = functions[function].apply(arguments, n);
  for (guint i = 0; i <= ARGUMENTS_MAX; i++)
    g_free(arguments[i].text);
  return ok;
}

static gboolean action(Template *t, GString *out) {
  Value value = {0};
  gboolean ok = command(t, NULL, &value);

  for (skip(t); ok && *t->at == '|'; skip(t)) {
    Value next = {0};
    t->at++;
    ok = command(t, &value, &next);
    g_free(value.text);
    value = next;
  }
  if (ok && *t->at == '-')
    t->at++;
  if (ok && !g_str_has_prefix(t->at, "}}"))
    ok = refuse(t, "\"}}\" is expected in a template, not \"%.60s\"", t->at);
  if (ok) {
    g_autofree char *text = text_of(&value);
    g_string_append(out, text);
    t->at += 2;
  }
  g_free(value.text);
  return ok;
}

char *mon_template_expand(const char *text, const MonLabels *labels, double value, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) failure = NULL;
  Template t = {text, labels, value, &failure};

  while (*t.at != '\0' && out->len < MON_TEMPLATE_MAX) {
    if (!g_str_has_prefix(t.at, "{{")) {
      g_string_append_c(out, *t.at++);
      continue;
    }
    t.at += 2 + (t.at[2] == '-');
    if (!action(&t, out)) {
      g_propagate_error(error, g_steal_pointer(&failure));
      return NULL;
    }
  }
  if (out->len >= MON_TEMPLATE_MAX) {
    g_string_truncate(out, MON_TEMPLATE_MAX);
    g_string_append(out, "...");
  }
  g_autofree char *made = g_string_free(g_steal_pointer(&out), FALSE);
  return g_utf8_make_valid(made, -1);
}

gboolean mon_template_check(const char *text, GError **error) {
  g_autoptr(MonLabels) labels = mon_labels_new(NULL, NULL);
  g_autofree char *made = mon_template_expand(text, labels, 0, error);

  return made != NULL;
}
