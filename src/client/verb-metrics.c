/* verb-metrics.c: metrics query, graph and list: values by expressions of PromQL. */
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include "common/names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const CliOption cli_metrics_query_options[] = {
    {"time", 0, CLI_VALUE_REQUIRED, "TIME", "At that time instead of now"},
    {NULL},
};
const CliOption cli_metrics_graph_options[] = {
    {"since", 0, CLI_VALUE_REQUIRED, "TIME", "From that time on (default: an hour ago)"},
    {"until", 0, CLI_VALUE_REQUIRED, "TIME", "Up to that time (default: now)"},
    {"step", 0, CLI_VALUE_REQUIRED, "SPAN", "Between two points (default: what fits)"},
    {NULL},
};

/* {a="b"} without what could steer a terminal; "" for none. */
static char *labels_text(GVariant *labels) {
  g_autoptr(GString) text = g_string_new(NULL);
  GVariantIter iter;
  const char *name, *value;

  g_variant_iter_init(&iter, labels);
  while (g_variant_iter_next(&iter, "{&s&s}", &name, &value))
    g_string_append_printf(text, "%s%s=\"%s\"", text->len ? "," : "{", name, value);
  if (text->len)
    g_string_append_c(text, '}');
  return cli_text_one_line(text->str);
}

static char *number_text(double value) {
  if (value == floor(value) && fabs(value) < 1e15)
    return g_strdup_printf("%.0f", value);
  return g_strdup_printf("%.6g", value);
}

static JsonObject *series_object(const char *name, GVariant *labels) {
  JsonObject *object = json_object_new();

  json_object_set_string_member(object, "name", name);
  json_object_set_member(object, "labels", cli_json_from_variant(labels));
  return object;
}

/* JSON has no NaN and no infinity: null. */
static JsonNode *number_node(double value) {
  JsonNode *node = json_node_new(isfinite(value) ? JSON_NODE_VALUE : JSON_NODE_NULL);

  if (isfinite(value))
    json_node_set_double(node, value);
  return node;
}

static JsonNode *take_array(JsonArray *array) {
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, array);
  return node;
}

/* ---- query ---- */
static void print_values_json(const Cli *cli, GVariant *values) {
  JsonArray *all = json_array_new();

  for (gsize i = 0; i < g_variant_n_children(values); i++) {
    g_autoptr(GVariant) labels = NULL;
    const char *name;
    guint64 time;
    double value;
    g_variant_get_child(values, i, "(&s@a{ss}td)", &name, &labels, &time, &value);
    JsonObject *object = series_object(name, labels);
    cli_json_add_time(object, "time", time);
    json_object_set_member(object, "value", number_node(value));
    json_array_add_object_element(all, object);
  }
  cli_json_print(cli, take_array(all));
}

static void print_values(const Cli *cli, GVariant *values) {
  static const CliColumn columns[] = {{"SERIES", FALSE, 1}, {"VALUE", TRUE}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (gsize i = 0; i < g_variant_n_children(values); i++) {
    g_autoptr(GVariant) labels = NULL;
    const char *name;
    double value;
    g_variant_get_child(values, i, "(&s@a{ss}td)", &name, &labels, NULL, &value);
    g_autofree char *text = labels_text(labels), *number = number_text(value);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%s%s", name, text);
    cli_table_add(table, number, CLI_STYLE_BOLD);
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  if (cli_table_rows(table) == 0 && !cli->no_legend)
    printf("No values.\n");
}

int cli_verb_metrics_query(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  g_autoptr(GError) local = NULL;
  guint64 time;

  if (cli_args_time(args, "time", &time, &local))
    g_variant_dict_insert(options, "time", "t", time);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) reply = cli_call_interface(
      cli, WG_IFACE_MONITORING_METRICS, "Query",
      g_variant_new("(s@a{sv})", cli_args_word(args, 0), g_variant_dict_end(options)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) values = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF)
    print_values_json(cli, values);
  else
    print_values(cli, values);
  return CLI_EXIT_OK;
}

/* ---- list ---- */
int cli_verb_metrics_list(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"METRIC"}, {"TYPE"}, {"LABELS", FALSE, 2}, {"WHAT IT IS", FALSE, 1}, {NULL}};
  const char *prefix = cli_args_word(args, 0);
  g_autoptr(CliTable) table = cli_table_new(columns);
  g_autoptr(GVariant) reply = cli_call_interface(cli, WG_IFACE_MONITORING_METRICS, "Describe",
                                                 g_variant_new("(a{sv})", NULL), error);
  JsonArray *all = json_array_new();

  if (!reply) {
    json_array_unref(all);
    return CLI_EXIT_FAILURE;
  }
  g_autoptr(GVariant) metrics = g_variant_get_child_value(reply, 0);
  for (gsize i = 0; i < g_variant_n_children(metrics); i++) {
    const char *name, *type, *unit, *labels, *help;
    g_variant_get_child(metrics, i, "(&s&s&s&s&s)", &name, &type, &unit, &labels, &help);
    if (prefix && !strstr(name, prefix))
      continue;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", name);
    json_object_set_string_member(object, "type", type);
    json_object_set_string_member(object, "unit", unit);
    json_object_set_string_member(object, "labels", labels);
    json_object_set_string_member(object, "help", help);
    json_array_add_object_element(all, object);
    cli_table_add(table, name, CLI_STYLE_BOLD);
    cli_table_add(table, type, CLI_STYLE_NONE);
    cli_table_add(table, labels, CLI_STYLE_NONE);
    cli_table_add(table, help, CLI_STYLE_NONE);
  }
  g_autoptr(JsonNode) node = take_array(all);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, g_steal_pointer(&node));
    return CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  return CLI_EXIT_OK;
}

/* ---- graph ---- */
/* Eighths of a line, so that 12 lines show 96 heights. */
#define ROWS 12
#define SERIES_MAX 6

typedef struct {
  guint64 from, to, step;
  double low, high;
} Frame;

static void take_bounds(GVariant *points, Frame *frame) {
  double value;

  for (gsize i = 0; i < g_variant_n_children(points); i++) {
    g_variant_get_child(points, i, "(td)", NULL, &value);
    if (!isfinite(value))
      continue;
    frame->low = MIN(frame->low, value);
    frame->high = MAX(frame->high, value);
  }
}

/* The last value of each column, NAN where there is none. */
static void fill_columns(GVariant *points, const Frame *frame, double *columns, guint n) {
  guint64 time;
  double value;

  for (guint i = 0; i < n; i++)
    columns[i] = NAN;
  for (gsize i = 0; i < g_variant_n_children(points); i++) {
    g_variant_get_child(points, i, "(td)", &time, &value);
    guint64 column = (time - frame->from) / frame->step;
    if (column < n)
      columns[column] = value;
  }
}

static void draw(GVariant *points, const Frame *frame, guint n) {
  static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  g_autofree double *columns = g_new(double, n);
  double span = frame->high > frame->low ? frame->high - frame->low : 1;

  fill_columns(points, frame, columns, n);
  for (int row = ROWS - 1; row >= 0; row--) {
    g_autofree char *mark = row == ROWS - 1 ? number_text(frame->high)
                            : row == 0      ? number_text(frame->low)
                                            : g_strdup("");
    printf("%11s │", mark);
    for (guint i = 0; i < n; i++) {
      double height = isfinite(columns[i])
                          ? 1 + (columns[i] - frame->low) / span * (ROWS * 8 - 1) - row * 8
                          : 0;
      fputs(blocks[(int)CLAMP(floor(height), 0, 8)], stdout);
    }
    putchar('\n');
  }
}

static void print_graph(const Cli *cli, GVariant *series, Frame *frame, guint width) {
  gsize n = g_variant_n_children(series);
  g_autofree char *begin = cli_time_full(frame->from), *end = cli_time_full(frame->to);

  cli_pager_open(cli);
  for (gsize i = 0; i < MIN(n, SERIES_MAX); i++) {
    g_autoptr(GVariant) labels = NULL, points = NULL;
    const char *name;
    g_variant_get_child(series, i, "(&s@a{ss}@a(td))", &name, &labels, &points);
    g_autofree char *text = labels_text(labels);
    frame->low = INFINITY;
    frame->high = -INFINITY;
    take_bounds(points, frame);
    printf("%s%s%s%s\n", cli_style(CLI_STYLE_BOLD), name, text, cli_style_end(CLI_STYLE_BOLD));
    if (frame->low > frame->high)
      printf("  no number\n");
    else
      draw(points, frame, width);
  }
  if (n == 0)
    printf("No values.\n");
  else
    printf("%11s └ %s … %s\n", "", begin, end);
  if (n > SERIES_MAX)
    printf("%zu series more; narrow the expression, or take topk(%d, ...).\n", n - SERIES_MAX,
           SERIES_MAX);
}

static void print_graph_json(const Cli *cli, GVariant *series) {
  JsonArray *all = json_array_new();

  for (gsize i = 0; i < g_variant_n_children(series); i++) {
    g_autoptr(GVariant) labels = NULL, points = NULL;
    const char *name;
    JsonArray *values = json_array_new();
    g_variant_get_child(series, i, "(&s@a{ss}@a(td))", &name, &labels, &points);
    for (gsize p = 0; p < g_variant_n_children(points); p++) {
      JsonArray *pair = json_array_new();
      guint64 time;
      double value;
      g_variant_get_child(points, p, "(td)", &time, &value);
      json_array_add_int_element(pair, (gint64)time);
      json_array_add_element(pair, number_node(value));
      json_array_add_array_element(values, pair);
    }
    JsonObject *object = series_object(name, labels);
    json_object_set_array_member(object, "values", values);
    json_array_add_object_element(all, object);
  }
  cli_json_print(cli, take_array(all));
}

int cli_verb_metrics_graph(Cli *cli, CliArgs *args, GError **error) {
  guint64 now = (guint64)g_get_real_time();
  guint width = CLAMP(cli_columns(), 40, 400) - 14;
  Frame frame = {.from = now - G_TIME_SPAN_HOUR, .to = now};
  g_autoptr(GError) local = NULL;

  cli_args_time(args, "since", &frame.from, &local);
  if (!local)
    cli_args_time(args, "until", &frame.to, &local);
  frame.step = frame.to > frame.from ? MAX((frame.to - frame.from) / width, 1000) : 1000;
  if (!local)
    cli_args_usec(args, "step", &frame.step, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) reply = cli_call_interface(
      cli, WG_IFACE_MONITORING_METRICS, "QueryRange",
      g_variant_new("(sttta{sv})", cli_args_word(args, 0), frame.from, frame.to, frame.step, NULL),
      error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) series = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    print_graph_json(cli, series);
    return CLI_EXIT_OK;
  }
  frame.step = MAX((frame.to - frame.from) / width, 1);
  print_graph(cli, series, &frame, width);
  return CLI_EXIT_OK;
}
