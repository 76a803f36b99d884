/* expr-eval.c: the value of a tree.
 *
 * Bounded: samples and elements are counted, and what is over the bound is an error, never a part
 * of an answer. A value owns its labels. */
#include "monitoring/expr-private.h"

#include "common/error.h"

#include <math.h>

static void element_clear(gpointer data) {
  mon_labels_unref(((MonElement *)data)->labels);
}

void mon_value_vector(MonValue *ret) {
  *ret = (MonValue){.type = MON_VALUE_VECTOR};
  ret->elements = g_array_new(FALSE, FALSE, sizeof(MonElement));
  g_array_set_clear_func(ret->elements, element_clear);
}

void mon_value_scalar(MonValue *ret, double value) {
  *ret = (MonValue){.type = MON_VALUE_SCALAR, .scalar = value};
}

void mon_value_clear(MonValue *value) {
  g_clear_pointer(&value->elements, g_array_unref);
  value->type = MON_VALUE_SCALAR;
}

void mon_value_to_vector(MonValue *value) {
  double scalar = value->scalar;
  gboolean had_data = value->had_data;

  if (value->type == MON_VALUE_VECTOR)
    return;
  mon_value_vector(value);
  value->had_data = had_data;
  mon_value_add(value, NULL, mon_labels_new(NULL, NULL), scalar);
}

static gboolean is_within(const MonLabels *some, const MonLabels *all) {
  for (guint i = 0; i < mon_labels_n(some); i++) {
    const char *name, *value;
    mon_labels_nth(some, i, &name, &value);
    const char *other = mon_labels_get(all, name);
    if (other == NULL || !g_str_equal(other, value))
      return FALSE;
  }
  return TRUE;
}

gboolean mon_value_has(const MonValue *value, const MonLabels *labels) {
  if (value->type == MON_VALUE_SCALAR)
    return value->scalar != 0;
  for (guint i = 0; i < value->elements->len; i++)
    if (is_within(g_array_index(value->elements, MonElement, i).labels, labels))
      return TRUE;
  return FALSE;
}

void mon_value_add(MonValue *vector, const char *name, MonLabels *labels, double value) {
  MonElement element = {name, labels, value};

  g_array_append_val(vector->elements, element);
}

gboolean mon_eval_fail(MonEval *eval, const MonNode *node, const char *format, ...) {
  va_list args;

  if (eval->error != NULL)
    return FALSE;
  va_start(args, format);
  g_autofree char *made = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *text = g_utf8_make_valid(made, -1); /* a piece may end inside of a letter */
  g_set_error(&eval->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "column %u: %s", node->column,
              text);
  return FALSE;
}

gboolean mon_eval_bounded(MonEval *eval, const MonNode *node, const MonValue *vector) {
  if (eval->n_samples > MON_SAMPLES_MAX)
    return mon_eval_fail(eval, node, "more than %d samples; select fewer series or a shorter range",
                         MON_SAMPLES_MAX);
  if (vector->elements != NULL && vector->elements->len > MON_ELEMENTS_MAX)
    return mon_eval_fail(eval, node, "more than %d series; select fewer", MON_ELEMENTS_MAX);
  return eval->error == NULL;
}

static gboolean eval_minus(MonEval *eval, const MonNode *node, MonValue *ret) {
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  ret->scalar = -ret->scalar;
  for (guint i = 0; ret->elements != NULL && i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    element->value = -element->value;
    element->name = NULL;
  }
  return TRUE;
}

static gboolean eval_call(MonEval *eval, const MonNode *node, MonValue *ret) {
  const MonFunction *function = node->function;

  if (function->eval != NULL)
    return function->eval(eval, node, ret);
  if (function->map != NULL) {
    if (!mon_eval_node(eval, node->a[0], ret))
      return FALSE;
    for (guint i = 0; i < ret->elements->len; i++) {
      MonElement *element = &g_array_index(ret->elements, MonElement, i);
      element->value = function->map(element->value);
      element->name = NULL;
    }
    return TRUE;
  }
  /* over a range; its parameter stands before it or after it */
  guint range = node->a[0]->kind == MON_KIND_RANGE ? 0 : 1;
  double parameter = 0;
  if (node->n == 2) {
    g_auto(MonValue) value = {0};
    if (!mon_eval_node(eval, node->a[1 - range], &value))
      return FALSE;
    parameter = value.scalar;
  }
  return mon_eval_range(eval, node->a[range], function->range, parameter, function->keep_name, ret);
}

gboolean mon_eval_node(MonEval *eval, const MonNode *node, MonValue *ret) {
  gboolean ok = FALSE;

  *ret = (MonValue){0};
  switch (node->type) {
  case MON_NODE_NUMBER:
    mon_value_scalar(ret, node->number);
    return TRUE;
  case MON_NODE_SELECTOR:
    ok = mon_eval_selector(eval, node, ret);
    break;
  case MON_NODE_MINUS:
    ok = eval_minus(eval, node, ret);
    break;
  case MON_NODE_BINARY:
    ok = mon_eval_binary(eval, node, ret);
    break;
  case MON_NODE_AGGREGATE:
    ok = mon_eval_aggregate(eval, node, ret);
    break;
  case MON_NODE_CALL:
    ok = eval_call(eval, node, ret);
    break;
  case MON_NODE_STRING:
  case MON_NODE_RANGE: /* arguments only: whoever takes them looks at them itself */
    break;
  }
  ok = ok && mon_eval_bounded(eval, node, ret);
  if (!ok)
    mon_value_clear(ret);
  return ok;
}

/* An operation that drops names can make two elements one. */
static gboolean check_unique(MonEval *eval, const MonNode *root, const MonValue *value) {
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

  for (guint i = 0; value->elements != NULL && i < value->elements->len; i++) {
    const MonElement *element = &g_array_index(value->elements, MonElement, i);
    if (!g_hash_table_add(seen, element->labels)) {
      g_autofree char *text = mon_labels_text(element->labels);
      return mon_eval_fail(eval, root, "two results have the same labels %.200s", text);
    }
  }
  return TRUE;
}

gboolean mon_expr_eval(const MonExpr *expr, const MonExprSource *source, gpointer self, gint64 time,
                       MonEvalFlags flags, MonValue *ret, GError **error) {
  MonEval eval = {.source = source, .self = self, .time = time, .flags = flags};

  if (mon_eval_node(&eval, expr->root, ret) && !check_unique(&eval, expr->root, ret))
    mon_value_clear(ret);
  ret->had_data = eval.found || !eval.has_selector;
  if (eval.error == NULL)
    return TRUE;
  g_propagate_error(error, eval.error);
  return FALSE;
}
