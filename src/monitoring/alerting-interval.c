/* alerting-interval.c: the time intervals of alerting.yaml. */
#include "monitoring/alerting-private.h"
#include "monitoring/items.h"

typedef gboolean (*RangeFunc)(const char *text, MonRange *ret, GError **error);

static void read_ranges(WgReader *reader, const char *key, RangeFunc parse, GArray **ret) {
  guint n = wg_reader_length(reader, key);

  for (guint i = 0; i < n; i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *number = NULL;
    JsonNode *node = wg_reader_element_node(reader, key, i);
    const char *text = NULL;
    MonRange range;

    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
      text = number = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
      text = json_node_get_string(node);
    if (text == NULL) {
      wg_reader_problem(reader, key, "element %u is no range", i);
    } else if (!parse(text, &range, &error)) {
      wg_reader_problem(reader, key, "%s", error->message);
    } else {
      if (*ret == NULL)
        *ret = g_array_new(FALSE, FALSE, sizeof(MonRange));
      g_array_append_val(*ret, range);
    }
  }
}

static void read_time(WgReader *reader, MonSpan *span) {
  const char *begin = wg_reader_need(reader, "start_time");
  const char *end = wg_reader_need(reader, "end_time");
  g_autoptr(GError) error = NULL;
  MonRange range;

  if (begin == NULL || end == NULL)
    return;
  if (!mon_time_of_day(begin, &range.begin, &error) || !mon_time_of_day(end, &range.end, &error)) {
    wg_reader_problem(reader, NULL, "%s", error->message);
    return;
  }
  if (range.begin >= range.end) {
    wg_reader_problem(reader, NULL,
                      "%s is not after %s; a night is two ranges, one up to 24:00 and one from "
                      "00:00",
                      end, begin);
    return;
  }
  if (span->times == NULL)
    span->times = g_array_new(FALSE, FALSE, sizeof(MonRange));
  g_array_append_val(span->times, range);
}

static void read_zone(WgReader *reader, MonSpan *span) {
  const char *name = wg_reader_text(reader, "location", NULL);
  GTimeZone *zone;

  if (name == NULL)
    return;
  zone = g_str_equal(name, "Local") ? g_time_zone_new_local() : g_time_zone_new_identifier(name);
  if (zone == NULL) {
    wg_reader_problem(reader, "location",
                      "\"%s\" is no place that this machine knows; write one such as "
                      "Europe/Berlin, UTC, or Local",
                      name);
    return;
  }
  g_time_zone_unref(span->zone);
  span->zone = zone;
}

static MonSpan *read_span(WgReader *reader) {
  MonSpan *span = mon_span_new();

  for (guint i = 0; i < wg_reader_length(reader, "times"); i++) {
    WgReader *time = wg_reader_element(reader, "times", i);
    read_time(time, span);
    wg_reader_end(time);
  }
  read_ranges(reader, "weekdays", mon_weekdays_parse, &span->weekdays);
  read_ranges(reader, "days_of_month", mon_days_parse, &span->days);
  read_ranges(reader, "months", mon_months_parse, &span->months);
  read_ranges(reader, "years", mon_years_parse, &span->years);
  read_zone(reader, span);
  return span;
}

static gboolean is_known(const MonAlerting *alerting, const char *name) {
  for (guint i = 0; i < alerting->intervals->len; i++)
    if (g_str_equal(((const MonInterval *)g_ptr_array_index(alerting->intervals, i))->name, name))
      return TRUE;
  return FALSE;
}

void mon_loader_intervals(MonLoader *loader, WgReader *top, const char *key) {
  for (guint i = 0; i < wg_reader_length(top, key); i++) {
    WgReader *reader = wg_reader_element(top, key, i);
    const char *name = wg_reader_need(reader, "name");
    MonInterval *interval = mon_interval_new(name ? name : "");
    interval->text = mon_item_text(loader->doc, wg_reader_pointer(reader), NULL);

    if (name && is_known(loader->alerting, name))
      wg_reader_problem(reader, "name", "a time interval \"%s\" was there before", name);
    for (guint k = 0; k < wg_reader_length(reader, "time_intervals"); k++) {
      WgReader *span = wg_reader_element(reader, "time_intervals", k);
      g_ptr_array_add(interval->spans, read_span(span));
      wg_reader_end(span);
    }
    if (interval->spans->len == 0)
      wg_reader_problem(reader, "time_intervals", "an interval without a time is never");
    g_ptr_array_add(loader->alerting->intervals, interval);
    wg_reader_end(reader);
  }
}
