/* rules-try.c: a rule file tried out, with tests as promtool's are written: made-up series, and at
 * which time which alerts fire or what an expression is. Pure. */
#include "monitoring/bus-alerts.h"
#include "monitoring/rules-replay.h"

#include "common/reader.h"

#include <math.h>
#include <string.h>

#define STEPS_MAX 20000 /* evaluations of one test */
#define MINUTE ((gint64)60 * G_USEC_PER_SEC)

typedef struct {
  MonRules *rules;
  WgProblems *problems;
  JsonArray *failures;
  gint64 interval; /* evaluation_interval */
  guint n, failed;
} Try;

static gint64 span_of(WgReader *reader, const char *key, gint64 fallback) {
  const char *text = wg_reader_text(reader, key, NULL);
  gint64 usec;

  if (text == NULL)
    return fallback;
  if (mon_expr_span(text, &usec))
    return usec;
  wg_reader_problem(reader, key, "%s is a duration: 30s, 5m, 1h30m", key);
  return fallback;
}

static void fail(Try *try, WgReader *reader, const char *expected, const char *got) {
  JsonObject *object = json_object_new();

  try->failed++;
  json_object_set_string_member(object, "at", wg_reader_pointer(reader));
  json_object_set_string_member(object, "expected", expected);
  json_object_set_string_member(object, "got", got);
  json_array_add_object_element(try->failures, object);
}

static int by_text(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes the texts. */
static char *joined(GPtrArray *texts) {
  g_ptr_array_sort(texts, by_text);
  g_ptr_array_add(texts, NULL);
  char *all = g_strjoinv("\n", (char **)texts->pdata);
  g_ptr_array_unref(texts);
  return all;
}

static MonLabels *labels_of(WgReader *alert, const char *key) {
  WgReader *reader = wg_reader_object(alert, key);
  g_autoptr(GPtrArray) pairs = g_ptr_array_new();

  if (reader != NULL) {
    g_autofree const char **names = wg_reader_keys(reader);
    for (const char **name = names; *name != NULL; name++) {
      const char *text = wg_reader_text(reader, *name, NULL);
      g_ptr_array_add(pairs, (gpointer)*name);
      g_ptr_array_add(pairs, (gpointer)(text != NULL ? text : ""));
    }
    wg_reader_end(reader);
  }
  return mon_labels_from((const char *const *)pairs->pdata, pairs->len / 2);
}

static char *alert_text(const MonLabels *labels, const MonLabels *annotations) {
  g_autofree char *a = mon_labels_text(labels), *b = mon_labels_text(annotations);

  return g_strdup_printf("labels %s annotations %s", a, b);
}

/* ---- what is expected ---- */
static void check_alerts(Try *try, WgReader *reader, const MonReplay *run, const char *name) {
  GPtrArray *expected = g_ptr_array_new_with_free_func(g_free);
  GPtrArray *got = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) alerts = mon_replay_alerts(run);
  guint n = wg_reader_length(reader, "exp_alerts");

  for (guint i = 0; i < n; i++) {
    WgReader *one = wg_reader_element(reader, "exp_alerts", i);
    if (one == NULL)
      continue;
    g_autoptr(MonLabels) labels = labels_of(one, "exp_labels");
    g_autoptr(MonLabels) texts = labels_of(one, "exp_annotations");
    g_autoptr(MonLabels) plain = mon_labels_with(labels, "alertname", NULL);
    g_ptr_array_add(expected, alert_text(plain, texts));
    wg_reader_end(one);
  }
  for (guint i = 0; i < alerts->len; i++) {
    const MonTransition *is = alerts->pdata[i];
    if (!mon_alert_fires(is) || g_strcmp0(mon_labels_get(is->labels, "alertname"), name))
      continue;
    g_autoptr(MonLabels) plain = mon_labels_with(is->labels, "alertname", NULL);
    g_ptr_array_add(got, alert_text(plain, is->annotations));
  }
  g_autofree char *want = joined(expected), *have = joined(got);
  if (!g_str_equal(want, have))
    fail(try, reader, want, have);
}

static char *sample_text(const char *name, const MonLabels *labels, double value) {
  g_autofree char *text = mon_labels_text(labels);

  return g_strdup_printf("%s%s %.10g", name != NULL ? name : "", text, value);
}

static void check_expression(Try *try, WgReader *reader, MonReplay *run, gint64 time) {
  GPtrArray *expected = g_ptr_array_new_with_free_func(g_free);
  GPtrArray *got = g_ptr_array_new_with_free_func(g_free);
  const char *text = wg_reader_need(reader, "expr");
  guint n = wg_reader_length(reader, "exp_samples");
  g_autoptr(GError) error = NULL;
  g_auto(MonValue) value = {0};
  g_autoptr(MonExpr) expr = text != NULL ? mon_expr_parse(text, &error) : NULL;

  for (guint i = 0; i < n; i++) {
    WgReader *one = wg_reader_element(reader, "exp_samples", i);
    const char *name = NULL;
    g_autoptr(MonLabels) labels = NULL;
    if (one == NULL)
      continue;
    const char *series = wg_reader_text(one, "labels", "{}");
    if (mon_series_parse(series, &name, &labels, NULL))
      g_ptr_array_add(expected, sample_text(name, labels, wg_reader_number(one, "value", 0)));
    else
      wg_reader_problem(one, "labels", "this is no series: metric{name=\"value\"}");
    wg_reader_end(one);
  }
  if (expr == NULL ||
      !mon_expr_eval(expr, &mon_replay_source, run, time, MON_EVAL_PLAIN, &value, &error)) {
    wg_reader_problem(reader, "expr", "%s", error != NULL ? error->message : "missing");
    g_ptr_array_unref(expected);
    g_ptr_array_unref(got);
    return;
  }
  mon_value_to_vector(&value);
  for (guint i = 0; i < value.elements->len; i++) {
    const MonElement *e = &g_array_index(value.elements, MonElement, i);
    g_ptr_array_add(got, sample_text(e->name, e->labels, e->value));
  }
  g_autofree char *want = joined(expected), *have = joined(got);
  if (!g_str_equal(want, have))
    fail(try, reader, want, have);
}

/* ---- one test ---- */
static void read_series(WgReader *test, MonSamples *samples, gint64 interval) {
  guint n = wg_reader_length(test, "input_series");

  for (guint i = 0; i < n; i++) {
    WgReader *one = wg_reader_element(test, "input_series", i);
    g_autoptr(GError) error = NULL;
    if (one == NULL)
      continue;
    const char *series = wg_reader_need(one, "series"), *values = wg_reader_need(one, "values");
    if (series != NULL && values != NULL &&
        !mon_samples_read(samples, series, values, 0, interval, &error))
      wg_reader_problem(one, NULL, "%s", error->message);
    wg_reader_end(one);
  }
}

/* The checks of both kinds at one time; FALSE: none is later. */
static gboolean check_at(Try *try, WgReader *test, MonReplay *run, gint64 now, gint64 before) {
  static const char *const kinds[] = {"alert_rule_test", "promql_expr_test"};
  gboolean more = FALSE;

  for (guint k = 0; k < 2; k++)
    for (guint i = 0; i < wg_reader_length(test, kinds[k]); i++) {
      WgReader *one = wg_reader_element(test, kinds[k], i);
      if (one == NULL)
        continue;
      gint64 at = span_of(one, "eval_time", 0);
      more |= at > now;
      if (at > now || at <= before) {
        wg_reader_drop(one);
        continue;
      }
      try->n++;
      if (k == 0) {
        const char *name = wg_reader_need(one, "alertname");
        check_alerts(try, one, run, name != NULL ? name : "");
      } else
        check_expression(try, one, run, at);
      wg_reader_end(one);
    }
  return more;
}

static void run_test(Try *try, WgReader *test) {
  gint64 interval = span_of(test, "interval", MINUTE);
  g_autoptr(MonSamples) samples = mon_samples_new();
  g_autoptr(MonReplay) run = mon_replay_new(try->rules, &mon_samples_source, samples, NULL, NULL);

  wg_reader_text(test, "name", NULL);
  read_series(test, samples, MAX(interval, 1));
  wg_reader_know(test, "external_labels");
  wg_reader_know(test, "external_url");
  gint64 now = 0;
  gboolean more = TRUE;
  for (guint i = 0; more && i < STEPS_MAX && !wg_problems_refuse(try->problems); i++) {
    mon_replay_at(run, now);
    more = check_at(try, test, run, now, now - try->interval);
    now += try->interval;
  }
  if (more && !wg_problems_refuse(try->problems))
    wg_reader_problem(test, NULL, "more than %d evaluations; a longer evaluation_interval helps",
                      STEPS_MAX);
  const GPtrArray *errors = mon_replay_errors(run);
  for (guint i = 0; i < errors->len; i++)
    fail(try, test, "", errors->pdata[i]);
}

static void run_tests(Try *try, WgReader *root) {
  guint n = wg_reader_length(root, "tests");

  for (guint i = 0; i < n; i++) {
    WgReader *test = wg_reader_element(root, "tests", i);
    if (test == NULL)
      continue;
    run_test(try, test);
    wg_reader_end(test);
  }
}

static void add_problems(JsonArray *array, const WgProblems *problems, const char *file) {
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *problem = wg_problems_at(problems, i);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "file", file);
    json_object_set_int_member(object, "line", problem->line);
    json_object_set_string_member(object, "pointer", problem->pointer);
    json_object_set_string_member(object, "text", problem->text);
    json_array_add_object_element(array, object);
  }
}

static gboolean read_rules(Try *try, const char *bytes, gsize size, const char *file,
                           JsonArray *problems) {
  g_autoptr(WgProblems) found = wg_problems_new();
  gboolean good = mon_rules_read(try->rules, bytes, size, file, try->interval, found);

  add_problems(problems, found, file);
  return good;
}

/* `more`: a{ss}, what stands in files that rule_files names; or NULL. */
static gboolean read_more(Try *try, GVariant *more, JsonArray *problems) {
  const char *file, *text;
  gboolean good = TRUE;
  GVariantIter iter;

  if (more == NULL)
    return TRUE;
  g_variant_iter_init(&iter, more);
  while (g_variant_iter_next(&iter, "{&s&s}", &file, &text))
    good = read_rules(try, text, strlen(text), file, problems) && good;
  return good;
}

/* Which files the tests are about is for whoever can read them: they are named in the answer. */
static JsonArray *read_head(Try *try, WgReader *root) {
  JsonArray *files = json_array_new();

  if (root == NULL)
    return files;
  g_auto(GStrv) names = wg_reader_texts(root, "rule_files");
  for (guint i = 0; names[i] != NULL; i++)
    json_array_add_string_element(files, names[i]);
  wg_reader_know(root, "group_eval_order");
  try->interval = MAX(span_of(root, "evaluation_interval", MINUTE), G_USEC_PER_SEC);
  return files;
}

JsonNode *mon_rules_try(const char *rules, gsize size, const char *tests, GVariant *more) {
  g_autoptr(MonRules) set = mon_rules_new();
  g_autoptr(WgProblems) wrong = wg_problems_new();
  Try try = {set, wrong, json_array_new(), MINUTE, 0, 0};
  g_autoptr(WgDoc) doc =
      tests != NULL ? wg_doc_parse(tests, strlen(tests), WG_DOC_AUTO, wrong) : NULL;
  WgReader *root = doc != NULL ? wg_reader_new(doc, wg_doc_root(doc), "", wrong) : NULL;
  JsonArray *problems = json_array_new(), *test_problems = json_array_new();
  JsonArray *files = read_head(&try, root);

  gboolean good = read_rules(&try, rules, size, "", problems);
  good = read_more(&try, more, problems) && good;
  if (root != NULL && good) {
    run_tests(&try, root);
    wg_reader_end(root);
  } else if (root != NULL)
    wg_reader_drop(root);
  add_problems(test_problems, wrong, "");
  JsonObject *object = json_object_new();
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_object_set_boolean_member(object, "ok",
                                 good && try.failed == 0 && !wg_problems_refuse(wrong));
  json_object_set_int_member(object, "rules", set->rules->len);
  json_object_set_int_member(object, "tests", try.n);
  json_object_set_array_member(object, "rule-files", files);
  json_object_set_array_member(object, "problems", problems);
  json_object_set_array_member(object, "test-problems", test_problems);
  json_object_set_array_member(object, "failures", try.failures);
  json_node_take_object(node, object);
  return node;
}
