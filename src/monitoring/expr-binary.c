/* expr-binary.c: arithmetic and comparisons between numbers and vectors. */
#include "monitoring/expr-private.h"

#include <math.h>
#include <string.h>

MonLabels *mon_labels_kept(const MonLabels *labels, char **names, gboolean is_on) {
  guint n = mon_labels_n(labels), kept = 0;

  if (!is_on && *names == NULL)
    return mon_labels_ref(labels);
  g_autofree const char **pairs = g_new(const char *, 2 * n + 1);
  for (guint i = 0; i < n; i++) {
    mon_labels_nth(labels, i, &pairs[2 * kept], &pairs[2 * kept + 1]);
    kept += g_strv_contains((const char *const *)names, pairs[2 * kept]) == is_on;
  }
  return mon_labels_from(pairs, kept);
}

static gboolean compare(MonOp op, double a, double b) {
  switch (op) {
  case MON_OP_EQUAL:
    return a == b;
  case MON_OP_UNEQUAL:
    return a != b;
  case MON_OP_LESS:
    return a < b;
  case MON_OP_GREATER:
    return a > b;
  case MON_OP_AT_MOST:
    return a <= b;
  default:
    return a >= b;
  }
}

static double compute(MonOp op, double a, double b) {
  switch (op) {
  case MON_OP_ADD:
    return a + b;
  case MON_OP_SUB:
    return a - b;
  case MON_OP_MUL:
    return a * b;
  case MON_OP_DIV:
    return a / b;
  case MON_OP_MOD:
    return fmod(a, b);
  case MON_OP_POW:
    return pow(a, b);
  default:
    return compare(op, a, b);
  }
}

static gboolean keeps(const MonEval *eval, const MonNode *node, double a, double b) {
  return !mon_op_compares(node->op) || node->is_bool || (eval->flags & MON_EVAL_UNFILTERED) ||
         compare(node->op, a, b);
}

/* A comparison that filters leaves the element as it is: name, and the vector's value. */
static void with_scalar(MonEval *eval, const MonNode *node, const MonValue *vector, double scalar,
                        gboolean scalar_first, MonValue *ret) {
  gboolean filters = mon_op_compares(node->op) && !node->is_bool;

  mon_value_vector(ret);
  for (guint i = 0; i < vector->elements->len; i++) {
    const MonElement *element = &g_array_index(vector->elements, MonElement, i);
    double a = scalar_first ? scalar : element->value, b = scalar_first ? element->value : scalar;
    if (keeps(eval, node, a, b))
      mon_value_add(ret, filters ? element->name : NULL, mon_labels_ref(element->labels),
                    filters ? element->value : compute(node->op, a, b));
  }
}

static gboolean twice(MonEval *eval, const MonNode *node, const MonLabels *key, const char *side) {
  g_autofree char *text = mon_labels_text(key);

  return mon_eval_fail(eval, node,
                       "more than one series on the %s matches %.200s; use on(...), ignoring(...) "
                       "or group_left/group_right",
                       side, text);
}

/* The labels of a result: the matching ones for one to one, else the many side's with what is
 * included of the one side's. */
static MonLabels *result_labels(const MonNode *node, const MonElement *many, const MonElement *one,
                                const MonLabels *key) {
  MonLabels *labels;

  if (node->card == MON_CARD_ONE)
    return node->is_on || *node->labels != NULL ? mon_labels_ref(key)
                                                : mon_labels_ref(many->labels);
  labels = mon_labels_ref(many->labels);
  for (char **name = node->include; name != NULL && *name != NULL; name++) {
    MonLabels *with = mon_labels_with(labels, *name, mon_labels_get(one->labels, *name));
    mon_labels_unref(labels);
    labels = with;
  }
  return labels;
}

/* The one side by its key; FALSE: a key twice. */
static gboolean index_one(MonEval *eval, const MonNode *node, const MonValue *one,
                          GHashTable *index, const char *side) {
  for (guint i = 0; i < one->elements->len; i++) {
    MonElement *element = &g_array_index(one->elements, MonElement, i);
    MonLabels *key = mon_labels_kept(element->labels, node->labels, node->is_on);
    if (g_hash_table_contains(index, key)) {
      twice(eval, node, key, side);
      mon_labels_unref(key);
      return FALSE;
    }
    g_hash_table_insert(index, key, element);
  }
  return TRUE;
}

static void unref_labels(gpointer labels) {
  mon_labels_unref(labels);
}

static gboolean meet(MonEval *eval, const MonNode *node, const MonElement *many,
                     const MonElement *one, const MonLabels *key, GHashTable *met, MonValue *ret) {
  gboolean filters = mon_op_compares(node->op) && !node->is_bool;
  gboolean left = node->card != MON_CARD_MANY_RIGHT; /* the many side is the left one */
  double a = left ? many->value : one->value, b = left ? one->value : many->value;

  if (!keeps(eval, node, a, b))
    return TRUE;
  MonLabels *labels = result_labels(node, many, one, key);
  if (!g_hash_table_add(met, labels)) { /* a set: the element owns them */
    twice(eval, node, labels, left ? "left" : "right");
    mon_labels_unref(labels);
    return FALSE;
  }
  mon_value_add(ret, filters ? many->name : NULL, labels, filters ? a : compute(node->op, a, b));
  return TRUE;
}

static gboolean with_vector(MonEval *eval, const MonNode *node, const MonValue *left,
                            const MonValue *right, MonValue *ret) {
  gboolean swap = node->card == MON_CARD_MANY_RIGHT;
  const MonValue *many = swap ? right : left, *one = swap ? left : right;
  g_autoptr(GHashTable) index = g_hash_table_new_full(NULL, NULL, unref_labels, NULL);
  g_autoptr(GHashTable) met = g_hash_table_new(NULL, NULL);

  mon_value_vector(ret);
  if (!index_one(eval, node, one, index, swap ? "left" : "right"))
    return FALSE;
  for (guint i = 0; i < many->elements->len; i++) {
    const MonElement *element = &g_array_index(many->elements, MonElement, i);
    g_autoptr(MonLabels) key = mon_labels_kept(element->labels, node->labels, node->is_on);
    const MonElement *partner = g_hash_table_lookup(index, key);
    if (partner != NULL && !meet(eval, node, element, partner, key, met, ret))
      return FALSE;
  }
  return TRUE;
}

gboolean mon_eval_binary(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) left = {0}, right = {0};

  if (!mon_eval_node(eval, node->a[0], &left) || !mon_eval_node(eval, node->a[1], &right))
    return FALSE;
  if (mon_op_is_set(node->op))
    return mon_eval_set(eval, node, &left, &right, ret);
  if (left.type == MON_VALUE_VECTOR && right.type == MON_VALUE_VECTOR)
    return with_vector(eval, node, &left, &right, ret);
  if (left.type == MON_VALUE_VECTOR)
    with_scalar(eval, node, &left, right.scalar, FALSE, ret);
  else if (right.type == MON_VALUE_VECTOR)
    with_scalar(eval, node, &right, left.scalar, TRUE, ret);
  else
    mon_value_scalar(ret, compute(node->op, left.scalar, right.scalar));
  return TRUE;
}
