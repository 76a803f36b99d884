/* expr-select.c: selectors, instant and with a range, and the functions over ranges. */
#include "monitoring/expr-private.h"
#include "monitoring/samples.h"

#include <math.h>

static gboolean holds(const MonLabelTest *test, const MonLabels *labels, gboolean like) {
  gboolean negates = test->type == MON_TEST_UNLIKE || test->type == MON_TEST_UNEQUAL;
  const char *value = mon_labels_get(labels, test->label);

  if (value == NULL)
    value = "";
  return (like ? g_regex_match(test->regex, value, 0, NULL) : g_str_equal(value, test->value)) !=
         negates;
}

/* Regular expressions come last: most series are told apart by a word. */
gboolean mon_tests_hold(const MonNode *selector, const MonLabels *labels) {
  for (gboolean like = FALSE; like <= TRUE; like++)
    for (guint i = 0; i < selector->tests->len; i++) {
      const MonLabelTest *test = selector->tests->pdata[i];
      gboolean is_like = test->type == MON_TEST_LIKE || test->type == MON_TEST_UNLIKE;
      if (is_like == like && !holds(test, labels, like))
        return FALSE;
    }
  return TRUE;
}

typedef struct {
  MonEval *eval;
  const MonNode *node;
  MonValue *ret;
  gint64 from, to;
  MonRangeFunc func;
  double parameter;
  gboolean keep_name;
} Select;

static void take_newest(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                        gpointer user_data) {
  Select *select = user_data;

  if (n == 0 || mon_is_stale(samples[n - 1].value) || !mon_tests_hold(select->node, labels))
    return;
  select->eval->n_samples++;
  select->eval->found = TRUE;
  mon_value_add(select->ret, select->node->name, mon_labels_ref(labels), samples[n - 1].value);
}

gboolean mon_eval_selector(MonEval *eval, const MonNode *node, MonValue *ret) {
  gint64 at = eval->time - node->offset;
  Select select = {.eval = eval, .node = node, .ret = ret};

  mon_value_vector(ret);
  eval->has_selector = TRUE;
  eval->source->select(eval->self, node->name, at - MON_EXPR_LOOKBACK, at, TRUE, take_newest,
                       &select);
  return TRUE;
}

/* Marks of an end are no samples. (transfer full): NULL when there are none. */
static MonSample *without_marks(const MonSample *samples, guint *n) {
  guint kept = 0, marks = 0;

  for (guint i = 0; i < *n; i++)
    marks += mon_is_stale(samples[i].value);
  if (marks == 0)
    return NULL;
  MonSample *left = g_new(MonSample, *n);
  for (guint i = 0; i < *n; i++)
    if (!mon_is_stale(samples[i].value))
      left[kept++] = samples[i];
  *n = kept;
  return left;
}

static void take_range(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                       gpointer user_data) {
  Select *select = user_data;
  MonEval *eval = select->eval;
  double value;

  if (n == 0 || eval->n_samples > MON_SAMPLES_MAX || !mon_tests_hold(select->node, labels))
    return;
  eval->n_samples += n;
  g_autofree MonSample *left = without_marks(samples, &n);
  if (left != NULL)
    samples = left;
  if (n == 0)
    return;
  eval->found = TRUE;
  MonRange range = {.from = select->from,
                    .to = select->to,
                    .now = eval->time,
                    .created = created > select->from && created <= samples[0].time ? created : 0,
                    .samples = samples,
                    .n = n,
                    .parameter = select->parameter};
  if (select->func(&range, &value))
    mon_value_add(select->ret, select->keep_name ? select->node->name : NULL,
                  mon_labels_ref(labels), value);
}

gboolean mon_eval_range(MonEval *eval, const MonNode *node, MonRangeFunc func, double parameter,
                        gboolean keep_name, MonValue *ret) {
  gint64 to = eval->time - node->offset;
  Select select = {eval, node, ret, to - node->range, to, func, parameter, keep_name};

  mon_value_vector(ret);
  eval->has_selector = TRUE;
  eval->source->select(eval->self, node->name, select.from, select.to, FALSE, take_range, &select);
  return mon_eval_bounded(eval, node, ret);
}
