/* expr-aggregate.c: many series to one a group: sum, avg, topk, quantile and their like. */
#include "monitoring/expr-private.h"

#include <math.h>
#include <string.h>

typedef struct {
  MonLabels *labels;
  GPtrArray *members; /* MonElement, borrowed */
} Group;

struct MonAggregation {
  const char *name;
  gboolean has_parameter;
  double (*fold)(double *values, guint n, double parameter);
  int keep; /* 1: the largest ones, -1: the smallest ones, as they are */
};

static double fold_sum(double *values, guint n, double parameter) {
  double sum = 0, lost = 0; /* Neumaier: many small ones beside a large one */

  for (guint i = 0; i < n; i++) {
    double next = sum + values[i];
    if (isinf(next))
      lost = 0;
    else
      lost += fabs(sum) >= fabs(values[i]) ? (sum - next) + values[i] : (values[i] - next) + sum;
    sum = next;
  }
  return sum + lost;
}

static double fold_avg(double *values, guint n, double parameter) {
  return fold_sum(values, n, 0) / n;
}

static double fold_min(double *values, guint n, double parameter) {
  double min = values[0];

  for (guint i = 1; i < n; i++)
    if (values[i] < min || isnan(min))
      min = values[i];
  return min;
}

static double fold_max(double *values, guint n, double parameter) {
  double max = values[0];

  for (guint i = 1; i < n; i++)
    if (values[i] > max || isnan(max))
      max = values[i];
  return max;
}

static double fold_count(double *values, guint n, double parameter) {
  return n;
}

static double fold_group(double *values, guint n, double parameter) {
  return 1;
}

static double fold_variance(double *values, guint n, double parameter) {
  double mean = fold_avg(values, n, 0), sum = 0;

  for (guint i = 0; i < n; i++)
    sum += (values[i] - mean) * (values[i] - mean);
  return sum / n;
}

static double fold_deviation(double *values, guint n, double parameter) {
  return sqrt(fold_variance(values, n, 0));
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  if (isnan(x) || isnan(y))
    return isnan(y) - isnan(x);
  return (x > y) - (x < y);
}

double mon_quantile(double q, double *values, guint n) {
  if (n == 0 || isnan(q))
    return NAN;
  if (q < 0 || q > 1)
    return q < 0 ? -INFINITY : INFINITY;
  qsort(values, n, sizeof *values, compare_doubles);
  double rank = q * (n - 1);
  guint low = (guint)rank, high = MIN(low + 1, n - 1);
  double weight = rank - low;
  return values[low] * (1 - weight) + values[high] * weight;
}

static double fold_quantile(double *values, guint n, double parameter) {
  return mon_quantile(parameter, values, n);
}

static const MonAggregation aggregations[] = {
    {"sum", FALSE, fold_sum, 0},          {"avg", FALSE, fold_avg, 0},
    {"min", FALSE, fold_min, 0},          {"max", FALSE, fold_max, 0},
    {"count", FALSE, fold_count, 0},      {"group", FALSE, fold_group, 0},
    {"stddev", FALSE, fold_deviation, 0}, {"stdvar", FALSE, fold_variance, 0},
    {"quantile", TRUE, fold_quantile, 0}, {"topk", TRUE, NULL, 1},
    {"bottomk", TRUE, NULL, -1},          {NULL},
};

const MonAggregation *mon_aggregation_find(const char *name, gboolean *ret_has_parameter) {
  for (const MonAggregation *a = aggregations; a->name != NULL; a++)
    if (g_ascii_strcasecmp(a->name, name) == 0) {
      *ret_has_parameter = a->has_parameter;
      return a;
    }
  return NULL;
}

const char *const *mon_function_names(void) {
  static const char *names[128];
  static const MonFunction *const lists[] = {mon_functions_range, mon_functions_math,
                                             mon_functions_time, mon_functions_labels};
  guint n = 0;

  for (const MonAggregation *a = aggregations; a->name != NULL; a++)
    names[n++] = a->name;
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (const MonFunction *f = lists[i]; f->name != NULL && n < G_N_ELEMENTS(names) - 1; f++)
      names[n++] = f->name;
  names[n] = NULL;
  return names;
}

static void group_free(gpointer data) {
  Group *group = data;

  mon_labels_unref(group->labels);
  g_ptr_array_unref(group->members);
  g_free(group);
}

/* In the order in which they come up: an answer is the same each time. */
static GPtrArray *groups_of(const MonNode *node, const MonValue *vector) {
  GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
  g_autoptr(GHashTable) by_labels = g_hash_table_new(NULL, NULL);

  for (guint i = 0; i < vector->elements->len; i++) {
    MonElement *element = &g_array_index(vector->elements, MonElement, i);
    g_autoptr(MonLabels) key = mon_labels_kept(element->labels, node->labels, node->is_on);
    Group *group = g_hash_table_lookup(by_labels, key);
    if (group == NULL) {
      group = g_new0(Group, 1);
      group->labels = g_steal_pointer(&key);
      group->members = g_ptr_array_new();
      g_hash_table_insert(by_labels, group->labels, group);
      g_ptr_array_add(groups, group);
    }
    g_ptr_array_add(group->members, element);
  }
  return groups;
}

static int compare_members(gconstpointer a, gconstpointer b, gpointer data) {
  const MonElement *x = *(const MonElement *const *)a, *y = *(const MonElement *const *)b;
  int keep = GPOINTER_TO_INT(data);

  if (isnan(x->value) || isnan(y->value)) /* what is no number comes last either way */
    return isnan(x->value) - isnan(y->value);
  return keep * ((x->value < y->value) - (x->value > y->value));
}

static void keep_some(const MonAggregation *aggregation, Group *group, double parameter,
                      MonValue *ret) {
  guint n = parameter >= 1 ? (guint)MIN(parameter, (double)group->members->len) : 0;

  g_ptr_array_sort_with_data(group->members, compare_members, GINT_TO_POINTER(aggregation->keep));
  for (guint i = 0; i < n; i++) {
    const MonElement *element = group->members->pdata[i];
    mon_value_add(ret, element->name, mon_labels_ref(element->labels), element->value);
  }
}

gboolean mon_eval_aggregate(MonEval *eval, const MonNode *node, MonValue *ret) {
  const MonAggregation *aggregation = node->aggregation;
  g_auto(MonValue) parameter = {0}, vector = {0};

  if (aggregation->has_parameter && !mon_eval_node(eval, node->a[0], &parameter))
    return FALSE;
  if (!mon_eval_node(eval, node->a[node->n - 1], &vector))
    return FALSE;
  g_autoptr(GPtrArray) groups = groups_of(node, &vector);
  g_autofree double *values = g_new(double, vector.elements->len + 1);
  mon_value_vector(ret);
  for (guint i = 0; i < groups->len; i++) {
    Group *group = groups->pdata[i];
    for (guint m = 0; m < group->members->len; m++)
      values[m] = ((MonElement *)group->members->pdata[m])->value;
    if (aggregation->keep != 0)
      keep_some(aggregation, group, parameter.scalar, ret);
    else
      mon_value_add(ret, NULL, mon_labels_ref(group->labels),
                    aggregation->fold(values, group->members->len, parameter.scalar));
  }
  return TRUE;
}
