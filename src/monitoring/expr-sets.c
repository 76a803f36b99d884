/* expr-sets.c: and, or, unless. */
#include "monitoring/expr-private.h"

static void unref_labels(gpointer labels) {
  mon_labels_unref(labels);
}

static GHashTable *keys_of(const MonNode *node, const MonValue *vector) {
  GHashTable *keys = g_hash_table_new_full(NULL, NULL, unref_labels, NULL);

  for (guint i = 0; i < vector->elements->len; i++)
    g_hash_table_add(keys, mon_labels_kept(g_array_index(vector->elements, MonElement, i).labels,
                                           node->labels, node->is_on));
  return keys;
}

static void take(const MonNode *node, const MonValue *from, GHashTable *keys, gboolean if_there,
                 MonValue *ret) {
  for (guint i = 0; i < from->elements->len; i++) {
    const MonElement *element = &g_array_index(from->elements, MonElement, i);
    g_autoptr(MonLabels) key = mon_labels_kept(element->labels, node->labels, node->is_on);
    if (keys == NULL || g_hash_table_contains(keys, key) == if_there)
      mon_value_add(ret, element->name, mon_labels_ref(element->labels), element->value);
  }
}

gboolean mon_eval_set(MonEval *eval, const MonNode *node, MonValue *left, MonValue *right,
                      MonValue *ret) {
  g_autoptr(GHashTable) keys = keys_of(node, node->op == MON_OP_OR ? left : right);

  mon_value_vector(ret);
  if (node->op == MON_OP_OR) {
    take(node, left, NULL, FALSE, ret);
    take(node, right, keys, FALSE, ret);
  } else if (node->op == MON_OP_UNLESS && (eval->flags & MON_EVAL_UNFILTERED))
    take(node, left, NULL, FALSE, ret); /* what there is data for, whatever would be left out */
  else
    take(node, left, keys, node->op == MON_OP_AND, ret);
  return TRUE;
}
