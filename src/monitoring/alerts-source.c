/* alerts-source.c: what live rules look at: the board now, windows of the past, and what recording
 * rules made.
 *
 * Windows are sampled at the interval of the rules, and only of series that an expression looks
 * back through; the newest value is always the board's own. */
#include "monitoring/alerts-private.h"

/* Of a span at most so many samples a series: a day back needs no sample each ten seconds. */
#define SAMPLES_OF_SPAN 360

typedef struct {
  MonAlerts *alerts;
  const char *name;
  gint64 from, to;
  MonSelectFunc func;
  gpointer user_data;
  GHashTable *past; /* labels -> GArray of MonSample */
} Select;

static gboolean tell_newest(MonSeries *series, gpointer user_data) {
  Select *select = user_data;
  MonSample sample = {select->to, mon_series_value(series)};

  select->func(mon_series_labels(series), mon_series_began(series), &sample, 1, select->user_data);
  return TRUE;
}

static void unref_array(gpointer array) {
  g_array_unref(array);
}

static void remember(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                     gpointer user_data) {
  GArray *array = g_array_sized_new(FALSE, FALSE, sizeof(MonSample), n + 1);

  g_array_append_vals(array, samples, n);
  g_hash_table_insert(user_data, (gpointer)labels, array);
}

static gboolean tell_with_past(MonSeries *series, gpointer user_data) {
  Select *select = user_data;
  MonSample now = {select->to, mon_series_value(series)};
  GArray *array = g_hash_table_lookup(select->past, mon_series_labels(series));

  if (array == NULL)
    return tell_newest(series, user_data);
  if (g_array_index(array, MonSample, array->len - 1).time >= now.time)
    g_array_set_size(array, array->len - 1);
  g_array_append_val(array, now);
  select->func(mon_series_labels(series), mon_series_began(series), (MonSample *)array->data,
               array->len, select->user_data);
  g_hash_table_remove(select->past, mon_series_labels(series));
  return TRUE;
}

/* Series that are gone from the board still have what they had. */
static void tell_rest(GHashTable *past, Select *select) {
  GHashTableIter iter;
  gpointer labels, array;

  g_hash_table_iter_init(&iter, past);
  while (g_hash_table_iter_next(&iter, &labels, &array))
    select->func(labels, 0, (MonSample *)((GArray *)array)->data, ((GArray *)array)->len,
                 select->user_data);
}

static void alerts_select(gpointer self, const char *name, gint64 from, gint64 to, gboolean newest,
                          MonSelectFunc func, gpointer user_data) {
  MonAlerts *alerts = self;
  gboolean is_now = to >= mon_board_now(alerts->daemon->board) - G_USEC_PER_SEC;
  Select select = {alerts, name, from, to, func, user_data, NULL};

  mon_samples_source.select(alerts->recorded, name, from, to, newest, func, user_data);
  if (!is_now)
    mon_samples_source.select(alerts->windows, name, from, to, newest, func, user_data);
  else if (newest)
    mon_board_each(alerts->daemon->board, name, tell_newest, &select);
  else {
    g_autoptr(GHashTable) past = g_hash_table_new_full(NULL, NULL, NULL, unref_array);
    select.past = past;
    mon_samples_source.select(alerts->windows, name, from, to, FALSE, remember, past);
    mon_board_each(alerts->daemon->board, name, tell_with_past, &select);
    tell_rest(past, &select);
  }
}

const MonExprSource mon_alerts_source = {.select = alerts_select};

typedef struct {
  MonAlerts *alerts;
  const char *name;
  gint64 real;
} Sampling;

static gboolean sample(MonSeries *series, gpointer user_data) {
  Sampling *sampling = user_data;

  mon_samples_add(sampling->alerts->windows, sampling->name, mon_series_labels(series),
                  mon_series_began(series), sampling->real, mon_series_value(series));
  return TRUE;
}

/* Expressions count in CLOCK_REALTIME. When somebody sets it, what was known moves along: else an
 * hour forward would empty each window, and alerts would end that nobody has mended. */
static void follow_clock(MonAlerts *alerts) {
  gint64 clock = mon_board_follow_clock(alerts->daemon->board), by = clock - alerts->clock;

  if (by != 0) {
    mon_samples_shift(alerts->windows, by);
    mon_samples_shift(alerts->recorded, by);
  }
  alerts->clock = clock;
}

void mon_alerts_sample(MonAlerts *alerts) {
  gint64 now = mon_alerts_now(alerts), real;
  gint64 interval = (gint64)alerts->daemon->settings.evaluate;
  GHashTableIter iter;
  gpointer name, value;

  follow_clock(alerts);
  real = mon_board_now(alerts->daemon->board);
  if (now - alerts->sampled < interval)
    return;
  gint64 before = alerts->sampled;
  alerts->sampled = now;
  g_hash_table_iter_init(&iter, alerts->spans);
  while (g_hash_table_iter_next(&iter, &name, &value)) {
    gint64 span = *(gint64 *)value, step = MAX(interval, span / SAMPLES_OF_SPAN);
    Sampling sampling = {alerts, name, real};
    if (now / step == before / step)
      continue;
    mon_board_each(alerts->daemon->board, name, sample, &sampling);
    mon_samples_end_rest(alerts->windows, name, real); /* else they would stay for ever */
    mon_samples_trim(alerts->windows, name, real - span - MON_EXPR_LOOKBACK);
  }
}
