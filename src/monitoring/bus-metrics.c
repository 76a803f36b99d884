/* bus-metrics.c: org.waggle.Monitoring1.Metrics: values and what they were, by expressions.
 *
 * Numbers are open to whoever may call at all, as the HTTP socket is. The history is read by the
 * store's thread; an expression over time is evaluated on the loop a few milliseconds at a time, so
 * that no question keeps an alert waiting. */
#include "monitoring/bus.h"

#include "monitoring/alerts.h"
#include "monitoring/expr.h"
#include "monitoring/http.h"
#include "monitoring/metrics.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 11000
#define TIME_MAX ((guint64)G_MAXINT64 / 4) /* us; sums of two of them are times, too */
#define POINTS_MAX 100000u                 /* of one answer, which is written in one piece */
#define SLICE_USEC 4000

typedef struct {
  MonCall *call;
  MonExpr *expr;
  gint64 from, to, step; /* of an instant: from == to */
  gboolean is_range, is_now;
  gint64 at;
  MonSamples *past;
  GHashTable *series; /* of a range: key -> Row */
  GPtrArray *rows;
  guint n_points;
} Question;

/* As (td) has it. */
typedef struct {
  guint64 time;
  double value;
} Point;

typedef struct {
  const char *name;
  MonLabels *labels;
  GArray *points;
} Row;

static void row_free(gpointer data) {
  Row *row = data;

  g_array_unref(row->points);
  mon_labels_unref(row->labels);
  g_free(row);
}

static void question_free(gpointer data) {
  Question *question = data;

  mon_expr_free(question->expr);
  g_clear_pointer(&question->past, mon_samples_free);
  g_hash_table_unref(question->series);
  g_ptr_array_unref(question->rows);
  g_free(question);
}

static GVariant *labels_variant(const MonLabels *labels) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (guint i = 0; labels && i < mon_labels_n(labels); i++) {
    const char *name, *value;
    mon_labels_nth(labels, i, &name, &value);
    g_variant_builder_add(&builder, "{ss}", name, value);
  }
  return g_variant_builder_end(&builder);
}

/* ---- evaluating ---- */
static Row *row_of(Question *question, const char *name, MonLabels *labels) {
  g_autofree char *text = labels ? mon_labels_text(labels) : g_strdup("");
  g_autofree char *key = g_strconcat(name ? name : "", text, NULL);
  Row *row = g_hash_table_lookup(question->series, key);

  if (row)
    return row;
  row = g_new0(Row, 1);
  row->name = name;
  row->labels = labels ? mon_labels_ref(labels) : mon_labels_new(NULL, NULL);
  row->points = g_array_new(FALSE, FALSE, sizeof(Point));
  g_hash_table_insert(question->series, g_steal_pointer(&key), row);
  g_ptr_array_add(question->rows, row);
  return row;
}

static void add_point(Question *question, const char *name, MonLabels *labels, gint64 time,
                      double value) {
  Point point = {(guint64)time, value};

  g_array_append_val(row_of(question, name, labels)->points, point);
  question->n_points++;
}

static gboolean eval_at(Question *question, gint64 time, GError **error) {
  g_auto(MonValue) value = {0};

  if (!mon_expr_eval(question->expr, &mon_samples_source, question->past, time, MON_EVAL_PLAIN,
                     &value, error))
    return FALSE;
  if (value.type == MON_VALUE_SCALAR)
    add_point(question, NULL, NULL, time, value.scalar);
  for (guint i = 0; value.type != MON_VALUE_SCALAR && i < value.elements->len; i++) {
    const MonElement *element = &g_array_index(value.elements, MonElement, i);
    add_point(question, element->name, element->labels, time, element->value);
  }
  if (question->n_points <= POINTS_MAX)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
              "the answer has more than %u values; take a longer step, or aggregate", POINTS_MAX);
  return FALSE;
}

static void answer(Question *question) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, question->is_range ? G_VARIANT_TYPE("a(sa{ss}a(td))")
                                                      : G_VARIANT_TYPE("a(sa{ss}td)"));
  for (guint i = 0; i < question->rows->len; i++) {
    const Row *row = question->rows->pdata[i];
    const char *name = row->name ? row->name : "";
    const Point *first = &g_array_index(row->points, Point, 0);
    if (question->is_range)
      g_variant_builder_add(&builder, "(s@a{ss}@a(td))", name, labels_variant(row->labels),
                            g_variant_new_fixed_array(G_VARIANT_TYPE("(td)"), first,
                                                      row->points->len, sizeof *first));
    else
      g_variant_builder_add(&builder, "(s@a{ss}td)", name, labels_variant(row->labels), first->time,
                            first->value);
  }
  MonCall *call = question->call;
  GVariant *result = g_variant_builder_end(&builder);
  question_free(question);
  wg_call_answer(call, g_variant_new_tuple(&result, 1));
}

static void fail(Question *question, const GError *error) {
  MonCall *call = question->call;

  question_free(question);
  wg_call_fail(call, error);
}

static gboolean eval_some(gpointer user_data) {
  Question *question = user_data;
  gint64 until = g_get_monotonic_time() + SLICE_USEC;
  g_autoptr(GError) error = NULL;

  while (question->at <= question->to && g_get_monotonic_time() < until) {
    if (!eval_at(question, question->at, &error)) {
      fail(question, error);
      return G_SOURCE_REMOVE;
    }
    question->at += question->step;
  }
  if (question->at <= question->to)
    return G_SOURCE_CONTINUE;
  answer(question);
  return G_SOURCE_REMOVE;
}

/* ---- what is looked at ---- */
static gboolean add_current(MonSeries *series, gpointer user_data) {
  Question *question = user_data;

  mon_samples_add(question->past, mon_series_name(series), mon_series_labels(series),
                  mon_series_created(series), question->to, mon_series_value(series));
  return TRUE;
}

static void add_recorded(const char *name, const MonLabels *labels, double value,
                         gpointer user_data) {
  Question *question = user_data;

  if (g_strv_contains(mon_expr_names(question->expr), name))
    mon_samples_add(question->past, name, labels, 0, question->to, value);
}

static void loaded(MonSamples *past, const GError *error, gpointer user_data) {
  Question *question = user_data;
  MonDaemon *daemon = question->call->owner;
  const char *const *names = mon_expr_names(question->expr);

  if (error) {
    fail(question, error);
    return;
  }
  question->past = past;
  if (question->is_now)
    mon_alerts_each_recorded(daemon->alerts, add_recorded, question);
  for (guint i = 0; question->is_now && names[i]; i++) {
    mon_board_each(daemon->board, names[i], add_current, question);
    mon_samples_end_rest(past, names[i], question->to); /* what was, and is no more */
  }
  g_idle_add_full(G_PRIORITY_LOW, eval_some, question, NULL);
}

static void ask(Question *question) {
  MonDaemon *daemon = question->call->owner;
  MonHistory *history = mon_metrics_history(daemon->metrics);
  gint64 back = MAX(mon_expr_window(question->expr), 0) + (gint64)MON_EXPR_LOOKBACK;

  question->at = question->from;
  question->series = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  question->rows = g_ptr_array_new_with_free_func(row_free);
  if (history)
    mon_history_load(history, mon_expr_names(question->expr), question->from - back, question->to,
                     question->is_range ? (guint64)question->step : 0, loaded, question);
  else
    loaded(mon_samples_new(), NULL, question);
}

static MonExpr *parse(MonCall *call, GError **error) {
  const char *text;

  g_variant_get_child(call->args, 0, "&s", &text);
  return mon_expr_parse(text, error);
}

static void handle_query(MonCall *call) {
  g_autoptr(GError) error = NULL;
  MonExpr *expr = parse(call, &error);

  if (!expr) {
    wg_call_fail(call, error);
    return;
  }
  Question *question = g_new0(Question, 1);
  question->call = call;
  question->expr = expr;
  question->is_now = !wg_call_has(call, "time");
  question->from =
      question->is_now ? g_get_real_time() : (gint64)MIN(wg_call_number(call, "time"), TIME_MAX);
  question->to = question->from;
  question->step = 1;
  ask(question);
}

static gboolean check_range(guint64 from, guint64 to, guint64 step, GError **error) {
  const char *what = NULL;

  if (from > to || to > TIME_MAX)
    what = "the range ends before it begins, or too far away";
  else if (step < 1000)
    what = "the step is less than a millisecond";
  else if ((to - from) / step > STEPS_MAX)
    what = "the range has more than 11000 steps; take a longer step";
  if (what)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, what);
  return what == NULL;
}

static void handle_query_range(MonCall *call) {
  g_autoptr(GError) error = NULL;
  guint64 from, to, step;

  g_variant_get_child(call->args, 1, "t", &from);
  g_variant_get_child(call->args, 2, "t", &to);
  g_variant_get_child(call->args, 3, "t", &step);
  MonExpr *expr = check_range(from, to, step, &error) ? parse(call, &error) : NULL;
  if (!expr) {
    wg_call_fail(call, error);
    return;
  }
  Question *question = g_new0(Question, 1);
  *question = (Question){.call = call,
                         .expr = expr,
                         .from = (gint64)from,
                         .to = (gint64)to,
                         .step = (gint64)MIN(step, TIME_MAX), /* longer than the range: once */
                         .is_range = TRUE};
  ask(question);
}

/* ---- what there is ---- */
typedef struct {
  GVariantBuilder builder;
  const char *prefix;
} Listing;

static gboolean list_one(MonSeries *series, gpointer user_data) {
  Listing *listing = user_data;
  const char *name = mon_series_name(series);

  if (g_str_has_prefix(name, listing->prefix))
    g_variant_builder_add(&listing->builder, "(s@a{ss}d)", name,
                          labels_variant(mon_series_labels(series)), mon_series_value(series));
  return TRUE;
}

static void handle_series(MonCall *call) {
  MonDaemon *daemon = call->owner;
  Listing listing;

  g_variant_get_child(call->args, 0, "&s", &listing.prefix);
  g_variant_builder_init(&listing.builder, G_VARIANT_TYPE("a(sa{ss}d)"));
  mon_board_each(daemon->board, NULL, list_one, &listing);
  wg_call_answer(call, g_variant_new("(a(sa{ss}d))", &listing.builder));
}

static void handle_describe(MonCall *call) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sssss)"));
  for (const MonMetric *metric = mon_metrics; metric->name; metric++)
    g_variant_builder_add(&builder, "(sssss)", metric->name, mon_metric_type_name(metric->type),
                          metric->unit ? metric->unit : "", metric->labels, metric->help);
  wg_call_answer(call, g_variant_new("(a(sssss))", &builder));
}

static const WgOption query_options[] = {{"time", "t"}, {NULL}};

static const MonMethod methods[] = {
    {WG_IFACE_MONITORING_METRICS, "Query", handle_query, NULL, query_options},
    {WG_IFACE_MONITORING_METRICS, "QueryRange", handle_query_range, NULL, mon_options_none},
    {WG_IFACE_MONITORING_METRICS, "Series", handle_series, NULL, mon_options_none},
    {WG_IFACE_MONITORING_METRICS, "Describe", handle_describe, NULL, mon_options_none},
    {NULL},
};

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  g_auto(GStrv) addresses = mon_http_addresses(daemon->http);
  return sd_bus_message_append_strv(reply, addresses);
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    MON_METHOD("Query", MON_ARGS("s", expression, "a{sv}", options),
               MON_RESULT("a(sa{ss}td)", values), mon_method_call, MON_OPEN),
    MON_METHOD("QueryRange",
               MON_ARGS("s", expression, "t", from, "t", to, "t", step, "a{sv}", options),
               MON_RESULT("a(sa{ss}a(td))", series), mon_method_call, MON_OPEN),
    MON_METHOD("Series", MON_ARGS("s", prefix, "a{sv}", options), MON_RESULT("a(sa{ss}d)", series),
               mon_method_call, MON_OPEN),
    MON_METHOD("Describe", MON_ARGS("a{sv}", options), MON_RESULT("a(sssss)", metrics),
               mon_method_call, MON_OPEN),
    SD_BUS_PROPERTY("HttpAddresses", "as", get, 0, 0),
    SD_BUS_VTABLE_END,
};

const MonInterface mon_interface_metrics = {
    WG_PATH_MONITORING, WG_IFACE_MONITORING_METRICS, vtable, methods, NULL, NULL,
};
