/* expr-functions-range.c: functions over the samples of one series in a range.
 *
 * rate, increase and delta extrapolate to the ends of the range as Prometheus does; a counter that
 * began inside the range has a 0 where it began, so its first events count. */
#include "monitoring/expr-private.h"

#include <math.h>

/* How a change is carried on to the ends: as far as samples lie apart on average, and a counter
 * never below 0. */
static double factor(const MonRange *r, gint64 first, double first_value, guint n, double change,
                     gboolean is_counter) {
  gint64 last = r->samples[r->n - 1].time;
  double sampled = last - first, average = sampled / (n - 1);
  double before = first - r->from, after = r->to - last;

  if (is_counter && change > 0 && first_value >= 0)
    before = MIN(before, sampled * (first_value / change));
  if (before >= average * 1.1)
    before = average / 2;
  if (after >= average * 1.1)
    after = average / 2;
  return (sampled + before + after) / sampled;
}

static gboolean change_of(const MonRange *r, gboolean is_counter, double *ret) {
  gboolean born = is_counter && r->created != 0 && r->created < r->samples[0].time;
  double begin = born ? 0 : r->samples[0].value;
  double change = r->samples[r->n - 1].value - begin;

  /* born at its first sample: it stands for all that it counts */
  if (is_counter && r->n == 1 && r->created != 0 && !born) {
    *ret = r->samples[0].value;
    return TRUE;
  }
  if (r->n + born < 2)
    return FALSE;
  for (guint i = 1; is_counter && i < r->n; i++)
    if (r->samples[i].value < r->samples[i - 1].value)
      change += r->samples[i - 1].value;
  gint64 first = born ? r->created : r->samples[0].time;
  if (r->samples[r->n - 1].time <= first)
    return FALSE;
  /* where it was born is known, so nothing is guessed */
  *ret = born ? change : change * factor(r, first, begin, r->n, change, is_counter);
  return TRUE;
}

static gboolean range_increase(const MonRange *r, double *ret) {
  return change_of(r, TRUE, ret);
}

static gboolean range_rate(const MonRange *r, double *ret) {
  if (!change_of(r, TRUE, ret))
    return FALSE;
  *ret /= (double)(r->to - r->from) / G_USEC_PER_SEC;
  return TRUE;
}

static gboolean range_delta(const MonRange *r, double *ret) {
  return change_of(r, FALSE, ret);
}

static gboolean range_idelta(const MonRange *r, double *ret) {
  if (r->n < 2)
    return FALSE;
  *ret = r->samples[r->n - 1].value - r->samples[r->n - 2].value;
  return TRUE;
}

static gboolean range_irate(const MonRange *r, double *ret) {
  if (!range_idelta(r, ret))
    return FALSE;
  gint64 between = r->samples[r->n - 1].time - r->samples[r->n - 2].time;
  if (*ret < 0) /* it began anew */
    *ret = r->samples[r->n - 1].value;
  *ret /= (double)between / G_USEC_PER_SEC;
  return between > 0;
}

static gboolean range_changes(const MonRange *r, double *ret) {
  guint n = 0;

  for (guint i = 1; i < r->n; i++) {
    double a = r->samples[i - 1].value, b = r->samples[i].value;
    n += a != b && !(isnan(a) && isnan(b));
  }
  *ret = n;
  return TRUE;
}

static gboolean range_resets(const MonRange *r, double *ret) {
  guint n = 0;

  for (guint i = 1; i < r->n; i++)
    n += r->samples[i].value < r->samples[i - 1].value;
  *ret = n;
  return TRUE;
}

static gboolean range_sum(const MonRange *r, double *ret) {
  double sum = 0;

  for (guint i = 0; i < r->n; i++)
    sum += r->samples[i].value;
  *ret = sum;
  return TRUE;
}

static gboolean range_avg(const MonRange *r, double *ret) {
  range_sum(r, ret);
  *ret /= r->n;
  return TRUE;
}

static gboolean range_min(const MonRange *r, double *ret) {
  *ret = r->samples[0].value;
  for (guint i = 1; i < r->n; i++)
    if (r->samples[i].value < *ret || isnan(*ret))
      *ret = r->samples[i].value;
  return TRUE;
}

static gboolean range_max(const MonRange *r, double *ret) {
  *ret = r->samples[0].value;
  for (guint i = 1; i < r->n; i++)
    if (r->samples[i].value > *ret || isnan(*ret))
      *ret = r->samples[i].value;
  return TRUE;
}

static gboolean range_count(const MonRange *r, double *ret) {
  *ret = r->n;
  return TRUE;
}

static gboolean range_last(const MonRange *r, double *ret) {
  *ret = r->samples[r->n - 1].value;
  return TRUE;
}

static gboolean range_present(const MonRange *r, double *ret) {
  *ret = 1;
  return TRUE;
}

static gboolean range_variance(const MonRange *r, double *ret) {
  double mean, sum = 0;

  range_avg(r, &mean);
  for (guint i = 0; i < r->n; i++)
    sum += (r->samples[i].value - mean) * (r->samples[i].value - mean);
  *ret = sum / r->n;
  return TRUE;
}

static gboolean range_deviation(const MonRange *r, double *ret) {
  range_variance(r, ret);
  *ret = sqrt(*ret);
  return TRUE;
}

static gboolean range_quantile(const MonRange *r, double *ret) {
  g_autofree double *values = g_new(double, r->n);

  for (guint i = 0; i < r->n; i++)
    values[i] = r->samples[i].value;
  *ret = mon_quantile(r->parameter, values, r->n);
  return TRUE;
}

/* Least squares over seconds from `origin`. */
static gboolean fit(const MonRange *r, gint64 origin, double *ret_slope, double *ret_at_origin) {
  double n = r->n, sx = 0, sy = 0, sxy = 0, sxx = 0;

  if (r->n < 2)
    return FALSE;
  for (guint i = 0; i < r->n; i++) {
    double x = (double)(r->samples[i].time - origin) / G_USEC_PER_SEC, y = r->samples[i].value;
    sx += x;
    sy += y;
    sxy += x * y;
    sxx += x * x;
  }
  double variance = sxx - sx * sx / n;
  if (variance <= 0)
    return FALSE;
  *ret_slope = (sxy - sx * sy / n) / variance;
  *ret_at_origin = sy / n - *ret_slope * sx / n;
  return TRUE;
}

static gboolean range_deriv(const MonRange *r, double *ret) {
  double at;

  return fit(r, r->samples[0].time, ret, &at);
}

static gboolean range_predict(const MonRange *r, double *ret) {
  double slope, at;

  /* from the evaluation on, whatever the offset of the samples */
  if (!fit(r, r->now, &slope, &at))
    return FALSE;
  *ret = at + slope * r->parameter;
  return TRUE;
}

#define RANGE(name, arguments, func)                                                               \
  { name, arguments, MON_KIND_VECTOR, NULL, func, NULL, FALSE }

const MonFunction mon_functions_range[] = {
    RANGE("rate", "r", range_rate),
    RANGE("irate", "r", range_irate),
    RANGE("increase", "r", range_increase),
    RANGE("delta", "r", range_delta),
    RANGE("idelta", "r", range_idelta),
    RANGE("deriv", "r", range_deriv),
    RANGE("predict_linear", "rs", range_predict),
    RANGE("changes", "r", range_changes),
    RANGE("resets", "r", range_resets),
    RANGE("avg_over_time", "r", range_avg),
    RANGE("min_over_time", "r", range_min),
    RANGE("max_over_time", "r", range_max),
    RANGE("sum_over_time", "r", range_sum),
    RANGE("count_over_time", "r", range_count),
    RANGE("stddev_over_time", "r", range_deviation),
    RANGE("stdvar_over_time", "r", range_variance),
    RANGE("quantile_over_time", "sr", range_quantile),
    RANGE("present_over_time", "r", range_present),
    {"last_over_time", "r", MON_KIND_VECTOR, NULL, range_last, NULL, TRUE},
    {NULL},
};
