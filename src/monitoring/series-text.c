/* series-text.c: series as promtool's tests write them, see samples.h. */
#include "monitoring/expr-private.h"
#include "monitoring/samples.h"

#include "common/error.h"

#include <math.h>
#include <string.h>

#define VALUES_MAX 100000

static gboolean refuse(GError **error, const char *text, const char *why) {
  g_autofree char *begin = g_strndup(text, 80);
  g_autofree char *valid = g_utf8_make_valid(begin, -1); /* it may end inside of a letter */

  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\": %s", valid, why);
  return FALSE;
}

gboolean mon_series_parse(const char *text, const char **ret_name, MonLabels **ret_labels,
                          GError **error) {
  g_autoptr(GArray) tokens = mon_expr_lex(text, error);
  g_autoptr(GPtrArray) pairs = g_ptr_array_new();
  guint at = 0;

  if (tokens == NULL)
    return FALSE;
  const MonToken *t = (const MonToken *)tokens->data;
  const char *name = t[at].type == MON_TOKEN_NAME ? g_intern_string(t[at++].text) : NULL;
  if (t[at].type == MON_TOKEN_SIGN && g_str_equal(t[at].text, "{")) {
    at++;
    while (t[at].type == MON_TOKEN_NAME && t[at + 1].type == MON_TOKEN_SIGN &&
           g_str_equal(t[at + 1].text, "=") && t[at + 2].type == MON_TOKEN_STRING) {
      if (g_str_equal(t[at].text, "__name__"))
        name = g_intern_string(t[at + 2].text);
      else {
        g_ptr_array_add(pairs, t[at].text);
        g_ptr_array_add(pairs, t[at + 2].text);
      }
      at += 3;
      if (t[at].type == MON_TOKEN_SIGN && g_str_equal(t[at].text, ","))
        at++;
    }
    if (t[at].type != MON_TOKEN_SIGN || !g_str_equal(t[at].text, "}"))
      return refuse(error, text, "labels are written {name=\"value\", other=\"value\"}");
    at++;
  }
  if (t[at].type != MON_TOKEN_END)
    return refuse(error, text, "a series is written metric{name=\"value\"}");
  *ret_labels = mon_labels_from((const char *const *)pairs->pdata, pairs->len / 2);
  *ret_name = name;
  return TRUE;
}

typedef struct {
  MonSamples *samples;
  const char *name;
  const MonLabels *labels;
  gint64 time, interval;
  guint n;
} Writer;

static gboolean put(Writer *writer, double value) {
  mon_samples_add(writer->samples, writer->name, writer->labels, 0, writer->time, value);
  writer->time += writer->interval;
  return ++writer->n <= VALUES_MAX;
}

/* "xN" after a value. */
static gboolean times(const char *at, guint *ret) {
  char *end;

  if (*at != 'x' || !g_ascii_isdigit(at[1]))
    return FALSE;
  guint64 n = g_ascii_strtoull(at + 1, &end, 10);
  *ret = (guint)MIN(n, VALUES_MAX);
  return *end == '\0';
}

static gboolean put_gap(Writer *writer, const char *word) {
  guint n = 0;

  if (word[1] != '\0' && !times(word + 1, &n))
    return FALSE;
  n = word[1] != '\0' ? n : 1;
  writer->time += n * writer->interval;
  writer->n += n;
  return writer->n <= VALUES_MAX;
}

/* "0x5" is 0 five times more, no hexadecimal number. */
static double number(const char *at, char **end) {
  const char *digits = at + (*at == '-' || *at == '+');

  if (digits[0] != '0' || digits[1] != 'x')
    return g_ascii_strtod(at, end);
  *end = (char *)digits + 1;
  return 0;
}

static gboolean put_word(Writer *writer, const char *word) {
  char *end;
  guint n = 0;
  double step = 0;

  if (*word == '_')
    return put_gap(writer, word);
  if (g_str_equal(word, "stale"))
    return put(writer, mon_stale());
  double value = number(word, &end);
  if (end == word)
    return FALSE;
  if (*end == '\0')
    return put(writer, value);
  if (*end == '+' || *end == '-') {
    char sign = *end;
    const char *begin = end + 1;
    step = number(begin, &end);
    if (end == begin)
      return FALSE;
    step = sign == '-' ? -step : step;
  }
  if (!times(end, &n))
    return FALSE;
  for (guint i = 0; i <= n; i++)
    if (!put(writer, value + i * step))
      return FALSE;
  return TRUE;
}

gboolean mon_samples_read(MonSamples *samples, const char *series, const char *values, gint64 begin,
                          gint64 interval, GError **error) {
  g_autoptr(MonLabels) labels = NULL;
  g_auto(GStrv) words = g_strsplit_set(values, " \t\n\r", -1);
  Writer writer = {.samples = samples, .time = begin, .interval = interval};

  if (!mon_series_parse(series, &writer.name, &labels, error))
    return FALSE;
  if (writer.name == NULL)
    return refuse(error, series, "the name of the metric is missing");
  writer.labels = labels;
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && !put_word(&writer, *word))
      return refuse(error, *word, "values are written 1, _, stale, 3x4, 0+10x5; 100000 at most");
  return TRUE;
}
