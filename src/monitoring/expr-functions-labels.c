/* expr-functions-labels.c: functions that look at sets of labels: what is absent, quantiles of
 * buckets, labels made from labels, order, and the way between numbers and vectors. */
#include "monitoring/expr-private.h"

#include <math.h>
#include <string.h>

static gboolean eval_vector(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) value = {0};

  if (!mon_eval_node(eval, node->a[0], &value))
    return FALSE;
  mon_value_vector(ret);
  mon_value_add(ret, NULL, mon_labels_new(NULL, NULL), value.scalar);
  return TRUE;
}

static gboolean eval_scalar(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) value = {0};

  if (!mon_eval_node(eval, node->a[0], &value))
    return FALSE;
  mon_value_scalar(
      ret, value.elements->len == 1 ? g_array_index(value.elements, MonElement, 0).value : NAN);
  return TRUE;
}

/* Whether one of the first `n` is of `label`: what is tested twice is not fixed. */
static gboolean is_tested(GPtrArray *tests, guint n, const char *label) {
  for (guint i = 0; i < n; i++)
    if (g_str_equal(((const MonLabelTest *)tests->pdata[i])->label, label))
      return TRUE;
  return FALSE;
}

/* One element with the labels that the selector fixes, if there is nothing else. */
static void add_absent(MonEval *eval, const MonNode *selector, const MonValue *value,
                       MonValue *ret) {
  mon_value_vector(ret);
  eval->found = TRUE; /* that there is none is what was asked */
  if (value->elements->len > 0)
    return;
  MonLabels *labels = mon_labels_new(NULL, NULL);
  for (guint i = 0; selector->tests != NULL && i < selector->tests->len; i++) {
    const MonLabelTest *test = selector->tests->pdata[i];
    gboolean fixes = test->type == MON_TEST_EQUAL && !is_tested(selector->tests, i, test->label);
    MonLabels *with = mon_labels_with(labels, test->label, fixes ? test->value : NULL);
    mon_labels_unref(labels);
    labels = with;
  }
  mon_value_add(ret, NULL, labels, 1);
}

static gboolean eval_absent(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) value = {0};

  if (!mon_eval_node(eval, node->a[0], &value))
    return FALSE;
  add_absent(eval, node->a[0], &value, ret);
  return TRUE;
}

static gboolean one(const MonRange *range, double *ret) {
  *ret = 1;
  return TRUE;
}

static gboolean eval_absent_over(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) value = {0};

  if (!mon_eval_range(eval, node->a[0], one, 0, FALSE, &value))
    return FALSE;
  add_absent(eval, node->a[0], &value, ret);
  return TRUE;
}

static int compare_values(gconstpointer a, gconstpointer b, gpointer down) {
  double x = ((const MonElement *)a)->value, y = ((const MonElement *)b)->value;

  if (isnan(x) || isnan(y))
    return isnan(x) - isnan(y);
  return (down != NULL ? -1 : 1) * ((x > y) - (x < y));
}

static gboolean eval_sort(MonEval *eval, const MonNode *node, MonValue *ret) {
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  g_array_sort_with_data(ret->elements, compare_values, NULL);
  return TRUE;
}

static gboolean eval_sort_desc(MonEval *eval, const MonNode *node, MonValue *ret) {
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  g_array_sort_with_data(ret->elements, compare_values, GINT_TO_POINTER(1));
  return TRUE;
}

/* ---- histograms ---- */
typedef struct {
  double bound, count;
} Bucket;

typedef struct {
  MonLabels *labels;
  GArray *buckets;
} Histogram;

static void histogram_free(gpointer data) {
  Histogram *histogram = data;

  mon_labels_unref(histogram->labels);
  g_array_unref(histogram->buckets);
  g_free(histogram);
}

static int compare_buckets(gconstpointer a, gconstpointer b) {
  double x = ((const Bucket *)a)->bound, y = ((const Bucket *)b)->bound;

  return (x > y) - (x < y);
}

static double quantile_of(double q, GArray *buckets) {
  if (isnan(q))
    return NAN;
  if (q < 0 || q > 1)
    return q < 0 ? -INFINITY : INFINITY;
  g_array_sort(buckets, compare_buckets);
  const Bucket *b = (const Bucket *)buckets->data;
  guint n = buckets->len, i = 0;
  if (n < 2 || !isinf(b[n - 1].bound) || !(b[n - 1].count > 0))
    return NAN;
  double rank = q * b[n - 1].count;
  while (i < n - 1 && b[i].count < rank)
    i++;
  if (i == n - 1)
    return b[n - 2].bound;
  if (i == 0 && b[0].bound <= 0)
    return b[0].bound;
  double begin = i > 0 ? b[i - 1].bound : 0, before = i > 0 ? b[i - 1].count : 0;
  double inside = b[i].count - before;
  return inside > 0 ? begin + (b[i].bound - begin) * ((rank - before) / inside) : b[i].bound;
}

static void add_bucket(GPtrArray *histograms, GHashTable *by_labels, const MonElement *element) {
  const char *le = mon_labels_get(element->labels, "le");
  char *end = NULL;
  double bound = le != NULL ? g_ascii_strtod(le, &end) : 0;

  if (le == NULL || end == le || *end != '\0' || isnan(bound))
    return;
  g_autoptr(MonLabels) labels = mon_labels_with(element->labels, "le", NULL);
  Histogram *histogram = g_hash_table_lookup(by_labels, labels);
  if (histogram == NULL) {
    histogram = g_new0(Histogram, 1);
    histogram->labels = g_steal_pointer(&labels);
    histogram->buckets = g_array_new(FALSE, FALSE, sizeof(Bucket));
    g_hash_table_insert(by_labels, histogram->labels, histogram);
    g_ptr_array_add(histograms, histogram);
  }
  Bucket bucket = {bound, element->value};
  g_array_append_val(histogram->buckets, bucket);
}

static gboolean eval_histogram_quantile(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_auto(MonValue) q = {0}, buckets = {0};

  if (!mon_eval_node(eval, node->a[0], &q) || !mon_eval_node(eval, node->a[1], &buckets))
    return FALSE;
  g_autoptr(GPtrArray) histograms = g_ptr_array_new_with_free_func(histogram_free);
  g_autoptr(GHashTable) by_labels = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < buckets.elements->len; i++)
    add_bucket(histograms, by_labels, &g_array_index(buckets.elements, MonElement, i));
  mon_value_vector(ret);
  for (guint i = 0; i < histograms->len; i++) {
    Histogram *histogram = histograms->pdata[i];
    mon_value_add(ret, NULL, mon_labels_ref(histogram->labels),
                  quantile_of(q.scalar, histogram->buckets));
  }
  return TRUE;
}

/* ---- labels from labels ---- */
static gboolean is_label(const char *name) {
  if (!g_ascii_isalpha(*name) && *name != '_')
    return FALSE;
  while (g_ascii_isalnum(*name) || *name == '_')
    name++;
  return *name == '\0';
}

static void set_label(MonElement *element, const char *name, const char *value) {
  MonLabels *labels = mon_labels_with(element->labels, name, value);

  mon_labels_unref(element->labels);
  element->labels = labels;
}

/* "$1" and "${1}" as Prometheus writes them. */
static char *expand(const char *replacement, const GMatchInfo *match) {
  g_autoptr(GString) text = g_string_new(NULL);

  for (const char *at = replacement; *at != '\0';) {
    gboolean braced = at[0] == '$' && at[1] == '{';
    const char *digits = at + 1 + braced;
    if (*at != '$' || !g_ascii_isdigit(*digits)) {
      g_string_append_c(text, *at++);
      continue;
    }
    char *end;
    guint64 group = g_ascii_strtoull(digits, &end, 10);
    g_autofree char *found = group < 100 ? g_match_info_fetch(match, (int)group) : NULL;
    g_string_append(text, found != NULL ? found : "");
    at = end + (braced && *end == '}');
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* label_replace(v, "to", "replacement", "from", "pattern") */
static gboolean eval_label_replace(MonEval *eval, const MonNode *node, MonValue *ret) {
  g_autoptr(GError) error = NULL;

  if (g_strv_length(node->rest) != 2 || !is_label(node->a[1]->text))
    return mon_eval_fail(eval, node,
                         "label_replace takes (vector, \"to\", \"replacement\", \"from\", "
                         "\"pattern\"), \"to\" a label's name");
  g_autofree char *pattern =
      g_strconcat("(*LIMIT_MATCH=" MON_REGEX_STEPS ")^(?s:", node->rest[1], ")$", NULL);
  g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_DOLLAR_ENDONLY, 0, &error);
  if (regex == NULL)
    return mon_eval_fail(eval, node, "the pattern is none: %s", error->message);
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  for (guint i = 0; i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    const char *from = mon_labels_get(element->labels, node->rest[0]);
    g_autoptr(GMatchInfo) match = NULL;
    if (!g_regex_match(regex, from != NULL ? from : "", 0, &match))
      continue;
    g_autofree char *value = expand(node->a[2]->text, match);
    set_label(element, node->a[1]->text, value);
  }
  return TRUE;
}

/* label_join(v, "to", "separator", "from", ...) */
static gboolean eval_label_join(MonEval *eval, const MonNode *node, MonValue *ret) {
  if (!is_label(node->a[1]->text))
    return mon_eval_fail(eval, node, "label_join sets a label, and \"%.60s\" is no label's name",
                         node->a[1]->text);
  if (!mon_eval_node(eval, node->a[0], ret))
    return FALSE;
  for (guint i = 0; i < ret->elements->len; i++) {
    MonElement *element = &g_array_index(ret->elements, MonElement, i);
    g_autoptr(GString) text = g_string_new(NULL);
    for (char **from = node->rest; *from != NULL; from++) {
      const char *value = mon_labels_get(element->labels, *from);
      g_string_append_printf(text, "%s%s", from != node->rest ? node->a[2]->text : "",
                             value != NULL ? value : "");
    }
    set_label(element, node->a[1]->text, text->str);
  }
  return TRUE;
}

const MonFunction mon_functions_labels[] = {
    {"vector", "s", MON_KIND_VECTOR, eval_vector, NULL, NULL, FALSE},
    {"scalar", "v", MON_KIND_SCALAR, eval_scalar, NULL, NULL, FALSE},
    {"absent", "v", MON_KIND_VECTOR, eval_absent, NULL, NULL, FALSE},
    {"absent_over_time", "r", MON_KIND_VECTOR, eval_absent_over, NULL, NULL, FALSE},
    {"sort", "v", MON_KIND_VECTOR, eval_sort, NULL, NULL, FALSE},
    {"sort_desc", "v", MON_KIND_VECTOR, eval_sort_desc, NULL, NULL, FALSE},
    {"histogram_quantile", "sv", MON_KIND_VECTOR, eval_histogram_quantile, NULL, NULL, FALSE},
    {"label_replace", "vtttt", MON_KIND_VECTOR, eval_label_replace, NULL, NULL, FALSE},
    {"label_join", "vttt*", MON_KIND_VECTOR, eval_label_join, NULL, NULL, FALSE},
    {NULL},
};
