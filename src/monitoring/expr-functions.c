/* expr-functions.c: the functions of expressions by name, and those of one value each. */
#include "monitoring/expr-private.h"

#include <math.h>

const MonFunction *mon_function_find(const char *name) {
  static const MonFunction *const lists[] = {mon_functions_range, mon_functions_math,
                                             mon_functions_time, mon_functions_labels};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (const MonFunction *function = lists[i]; function->name != NULL; function++)
      if (g_str_equal(function->name, name))
        return function;
  return NULL;
}

static double sign(double value) {
  return isnan(value) ? value : (value > 0) - (value < 0);
}

static double argument(MonEval *eval, const MonNode *node, guint i, double fallback) {
  g_auto(MonValue) value = {0};

  if (i >= node->n || !mon_eval_node(eval, node->a[i], &value))
    return fallback;
  return value.scalar;
}

static gboolean eval_round(MonEval *eval, const MonNode *node, MonValue *ret) {
  /* the other way round, tenths would be 0.30000000000000004 */
  double inverse = 1 / argument(eval, node, 1, 1);

  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  for (guint i = 0; i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    element->value = floor(element->value * inverse + 0.5) / inverse;
    element->name = NULL;
  }
  return TRUE;
}

static gboolean clamp(MonEval *eval, const MonNode *node, double min, double max, MonValue *ret) {
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  if (min > max)
    g_array_set_size(ret->elements, 0);
  for (guint i = 0; i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    if (!isnan(element->value))
      element->value = isnan(min) || isnan(max) ? NAN : MAX(min, MIN(max, element->value));
    element->name = NULL;
  }
  return TRUE;
}

static gboolean eval_clamp(MonEval *eval, const MonNode *node, MonValue *ret) {
  return clamp(eval, node, argument(eval, node, 1, NAN), argument(eval, node, 2, NAN), ret);
}

static gboolean eval_clamp_min(MonEval *eval, const MonNode *node, MonValue *ret) {
  return clamp(eval, node, argument(eval, node, 1, NAN), INFINITY, ret);
}

static gboolean eval_clamp_max(MonEval *eval, const MonNode *node, MonValue *ret) {
  return clamp(eval, node, -INFINITY, argument(eval, node, 1, NAN), ret);
}

static gboolean eval_pi(MonEval *eval, const MonNode *node, MonValue *ret) {
  mon_value_scalar(ret, G_PI);
  return TRUE;
}

#define MAP(name, map)                                                                             \
  { name, "v", MON_KIND_VECTOR, NULL, NULL, map, FALSE }

const MonFunction mon_functions_math[] = {
    MAP("abs", fabs),
    MAP("ceil", ceil),
    MAP("floor", floor),
    MAP("sqrt", sqrt),
    MAP("exp", exp),
    MAP("ln", log),
    MAP("log2", log2),
    MAP("log10", log10),
    MAP("sgn", sign),
    {"round", "v?s", MON_KIND_VECTOR, eval_round, NULL, NULL, FALSE},
    {"clamp", "vss", MON_KIND_VECTOR, eval_clamp, NULL, NULL, FALSE},
    {"clamp_min", "vs", MON_KIND_VECTOR, eval_clamp_min, NULL, NULL, FALSE},
    {"clamp_max", "vs", MON_KIND_VECTOR, eval_clamp_max, NULL, NULL, FALSE},
    {"pi", "", MON_KIND_SCALAR, eval_pi, NULL, NULL, FALSE},
    {NULL},
};
