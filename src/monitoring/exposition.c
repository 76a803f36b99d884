/* exposition.c: see exposition.h. Labels are interned and keep their text, which all series of a
 * unit share: a line is three copies. */
#include "monitoring/exposition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Room for `n` bytes at the end, which are counted when they are written. */
static char *reserve(GString *out, gsize n) {
  gsize len = out->len;

  if (len + n >= out->allocated_len) {
    g_string_set_size(out, len + n);
    g_string_truncate(out, len);
  }
  return out->str + len;
}

/* Where the digits of `number` end. */
static char *put_whole(char *at, guint64 number) {
  char digits[20];
  guint n = 0;

  do {
    digits[n++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (n > 0)
    *at++ = digits[--n];
  return at;
}

/* Times are told in whole microseconds. NULL: it is no such number, or %g would write it otherwise.
 * Of so few digits there is but one decimal that is nearest to `value`. */
static char *put_micro(char *at, double value) {
  double micro = round(value * 1e6);

  if (micro < 100 || micro >= 1e15 || micro / 1e6 != value)
    return NULL;
  guint64 number = (guint64)micro;
  at = put_whole(at, number / 1000000);
  *at++ = '.';
  for (guint rest = (guint)(number % 1000000); rest > 0; rest = rest * 10 % 1000000)
    *at++ = (char)('0' + rest / 100000);
  return at;
}

static void put_rare(GString *out, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan(value)) {
    g_string_append(out, "NaN");
  } else if (isinf(value)) {
    g_string_append(out, value > 0 ? "+Inf" : "-Inf");
  } else {
    g_ascii_formatd(text, sizeof text, "%.15g", value);
    if (g_ascii_strtod(text, NULL) != value)
      g_ascii_formatd(text, sizeof text, "%.17g", value);
    g_string_append(out, text);
  }
}

void mon_exposition_number(GString *out, double value) {
  char *begin = reserve(out, 40), *at = begin, *end = NULL;
  double whole = fabs(value);

  if (value < 0)
    *at++ = '-';
  if (whole < 1e15 && (double)(guint64)whole == whole)
    end = put_whole(at, (guint64)whole);
  else if (whole < 1e9)
    end = put_micro(at, whole);
  if (end == NULL) {
    put_rare(out, value);
    return;
  }
  *end = '\0';
  out->len += (gsize)(end - begin);
}

void mon_exposition_escape(GString *out, const char *text, gboolean is_label) {
  for (const char *p = text; *p; p++)
    if (*p == '\\')
      g_string_append(out, "\\\\");
    else if (*p == '\n')
      g_string_append(out, "\\n");
    else if (*p == '"' && is_label)
      g_string_append(out, "\\\"");
    else
      g_string_append_c(out, *p);
}

static const char *type_of(MonMetricType type, gboolean openmetrics) {
  if (type == MON_INFO && !openmetrics)
    return "gauge";
  return mon_metric_type_name(type);
}

/* In OpenMetrics a family is called without the suffix that its type demands of its samples. */
static int family_length(const char *name, MonMetricType type, gboolean openmetrics) {
  gsize n = strlen(name);

  if (openmetrics && type == MON_COUNTER && g_str_has_suffix(name, "_total"))
    n -= strlen("_total");
  if (openmetrics && type == MON_INFO && g_str_has_suffix(name, "_info"))
    n -= strlen("_info");
  return (int)n;
}

void mon_exposition_head(GString *out, const char *name, const char *unit, const char *help,
                         MonMetricType type, MonExposeFlags flags) {
  gboolean openmetrics = (flags & MON_EXPOSE_OPENMETRICS) != 0;
  int n = family_length(name, type, openmetrics);

  g_string_append_printf(out, "# HELP %.*s ", n, name);
  mon_exposition_escape(out, help, openmetrics);
  g_string_append_printf(out, "\n# TYPE %.*s %s\n", n, name, type_of(type, openmetrics));
  if (openmetrics && unit)
    g_string_append_printf(out, "# UNIT %.*s %s\n", n, name, unit);
}

typedef struct {
  MonBoard *board;
  const MonMetric *metric;
  GString *out;
  MonExposeFlags flags;
  gboolean begun;   /* the head of the family is written */
  GPtrArray *found; /* of a histogram's buckets */
} Writer;

static void begin(Writer *writer) {
  const MonMetric *m = writer->metric;

  if (!writer->begun)
    mon_exposition_head(writer->out, m->name, m->unit, m->help, m->type, writer->flags);
  writer->begun = TRUE;
}

static void line(Writer *writer, const char *name, const MonSeries *series) {
  gsize n = strlen(name), labels_n;
  const char *labels = mon_labels_peek(mon_series_labels(series), &labels_n);
  char *at = reserve(writer->out, n + labels_n + 1);

  at = mempcpy(at, name, n);
  at = mempcpy(at, labels, labels_n);
  *at = ' ';
  writer->out->len += n + labels_n + 1;
  mon_exposition_number(writer->out, mon_series_value(series));
  g_string_append_c(writer->out, '\n');
}

static void created_line(Writer *writer, const MonSeries *series) {
  const char *name = writer->metric->name;
  gint64 created = mon_series_created(series);

  if (created == 0 || !(writer->flags & MON_EXPOSE_CREATED) ||
      !(writer->flags & MON_EXPOSE_OPENMETRICS))
    return;
  int n = family_length(name, writer->metric->type, TRUE);
  gsize labels_n;
  g_string_append_printf(writer->out, "%.*s_created%s ", n, name,
                         mon_labels_peek(mon_series_labels(series), &labels_n));
  mon_exposition_number(writer->out, (double)created / G_USEC_PER_SEC);
  g_string_append_c(writer->out, '\n');
}

static gboolean write_one(MonSeries *series, gpointer user_data) {
  Writer *writer = user_data;

  begin(writer);
  line(writer, mon_series_name(series), series);
  if (writer->metric->type == MON_COUNTER)
    created_line(writer, series);
  return TRUE;
}

/* ---- histograms: for each list of labels its buckets, then sum and count ---- */
static gboolean collect(MonSeries *series, gpointer user_data) {
  g_ptr_array_add(user_data, series);
  return TRUE;
}

static double bound_of(const MonSeries *series) {
  const char *le = mon_labels_get(mon_series_labels(series), "le");

  return !le || strcmp(le, "+Inf") == 0 ? INFINITY : g_ascii_strtod(le, NULL);
}

static int by_bound(gconstpointer a, gconstpointer b) {
  double x = bound_of(*(MonSeries *const *)a), y = bound_of(*(MonSeries *const *)b);

  return x < y ? -1 : x > y;
}

static void write_buckets(Writer *writer, const MonLabels *labels) {
  g_autofree char *name = g_strconcat(writer->metric->name, "_bucket", NULL);

  for (guint i = 0; i < writer->found->len; i++) {
    MonSeries *series = writer->found->pdata[i];
    g_autoptr(MonLabels) without = mon_labels_with(mon_series_labels(series), "le", NULL);
    if (mon_labels_equal(without, labels))
      line(writer, name, series);
  }
}

static gboolean write_histogram(MonSeries *count, gpointer user_data) {
  Writer *writer = user_data;
  g_autofree char *name = g_strconcat(writer->metric->name, "_sum", NULL);
  const MonLabels *labels = mon_series_labels(count);
  MonSeries *sum = mon_board_find(writer->board, name, labels);

  begin(writer);
  write_buckets(writer, labels);
  if (sum)
    line(writer, name, sum);
  line(writer, mon_series_name(count), count);
  created_line(writer, count);
  return TRUE;
}

static void write_metric(Writer *writer, const MonMetric *metric) {
  writer->metric = metric;
  writer->begun = FALSE;
  if (metric->type != MON_HISTOGRAM) {
    mon_board_each(writer->board, metric->name, write_one, writer);
    return;
  }
  g_autofree char *bucket = g_strconcat(metric->name, "_bucket", NULL);
  g_autofree char *count = g_strconcat(metric->name, "_count", NULL);
  writer->found = g_ptr_array_new();
  mon_board_each(writer->board, bucket, collect, writer->found);
  g_ptr_array_sort(writer->found, by_bound);
  mon_board_each(writer->board, count, write_histogram, writer);
  g_clear_pointer(&writer->found, g_ptr_array_unref);
}

GString *mon_exposition(MonBoard *board, MonExposeFlags flags) {
  Writer writer = {.board = board, .flags = flags};

  writer.out = g_string_sized_new(128 * (gsize)mon_board_n(board) + 4096);
  for (const MonMetric *metric = mon_metrics; metric->name; metric++)
    write_metric(&writer, metric);
  if (flags & MON_EXPOSE_COMPAT)
    mon_exposition_compat(board, flags, writer.out);
  if (flags & MON_EXPOSE_OPENMETRICS)
    g_string_append(writer.out, "# EOF\n");
  return writer.out;
}
