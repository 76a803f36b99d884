/* expr-functions-time.c: the time of an evaluation, and the calendar of times in seconds (UTC, as
 * Prometheus has it). */
#include "monitoring/expr-private.h"

#include <math.h>

static gboolean eval_time(MonEval *eval, const MonNode *node, MonValue *ret) {
  mon_value_scalar(ret, (double)eval->time / G_USEC_PER_SEC);
  return TRUE;
}

/* Each value as a time in seconds; without an argument the time of the evaluation. */
static gboolean calendar(MonEval *eval, const MonNode *node, MonValue *ret,
                         int (*part)(GDateTime *time)) {
  if (node->n == 0) {
    mon_value_vector(ret);
    mon_value_add(ret, NULL, mon_labels_new(NULL, NULL), (double)eval->time / G_USEC_PER_SEC);
  } else if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  for (guint i = 0; i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    gboolean is_time = isfinite(element->value) && fabs(element->value) < 1e11;
    g_autoptr(GDateTime) time =
        is_time ? g_date_time_new_from_unix_utc((gint64)floor(element->value)) : NULL;
    element->value = time != NULL ? part(time) : NAN;
    element->name = NULL;
  }
  return TRUE;
}

static int week_day(GDateTime *time) {
  return g_date_time_get_day_of_week(time) % 7; /* Sunday is 0 */
}

static int days_in_month(GDateTime *time) {
  return g_date_get_days_in_month((GDateMonth)g_date_time_get_month(time),
                                  (GDateYear)g_date_time_get_year(time));
}

static gboolean eval_minute(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_minute);
}

static gboolean eval_hour(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_hour);
}

static gboolean eval_week_day(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, week_day);
}

static gboolean eval_month_day(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_day_of_month);
}

static gboolean eval_year_day(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_day_of_year);
}

static gboolean eval_days(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, days_in_month);
}

static gboolean eval_month(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_month);
}

static gboolean eval_year(MonEval *eval, const MonNode *node, MonValue *ret) {
  return calendar(eval, node, ret, g_date_time_get_year);
}

#define PART(name, func)                                                                           \
  { name, "?v", MON_KIND_VECTOR, func, NULL, NULL, FALSE }

const MonFunction mon_functions_time[] = {
    {"time", "", MON_KIND_SCALAR, eval_time, NULL, NULL, FALSE},
    PART("minute", eval_minute),
    PART("hour", eval_hour),
    PART("day_of_week", eval_week_day),
    PART("day_of_month", eval_month_day),
    PART("day_of_year", eval_year_day),
    PART("days_in_month", eval_days),
    PART("month", eval_month),
    PART("year", eval_year),
    {NULL},
};
