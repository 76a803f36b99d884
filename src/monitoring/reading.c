/* reading.c: see reading.h. */
#include "monitoring/reading.h"

#include <math.h>
#include <string.h>

static void reading_clear(gpointer data) {
  MonReading *reading = data;

  for (guint i = 0; i < G_N_ELEMENTS(reading->label); i++)
    g_free(reading->label[i]);
}

MonReadings *mon_readings_new(void) {
  MonReadings *readings = g_new0(MonReadings, 1);

  readings->all = g_array_new(FALSE, FALSE, sizeof(MonReading));
  g_array_set_clear_func(readings->all, reading_clear);
  return readings;
}

void mon_readings_free(MonReadings *readings) {
  if (!readings)
    return;
  g_array_unref(readings->all);
  g_free(readings);
}

void mon_readings_add(MonReadings *readings, MonMetricId metric, double value, const char *label0,
                      const char *label1, const char *label2) {
  MonReading reading = {metric, {g_strdup(label0), g_strdup(label1), g_strdup(label2)}, value};

  if (isnan(value)) {
    reading_clear(&reading);
    return;
  }
  g_array_append_val(readings->all, reading);
}

struct MonSource {
  MonBoard *board;
  GHashTable *series; /* MonSeries -> number of the list that had it last */
  guint turn;
};

MonSource *mon_source_new(MonBoard *board) {
  MonSource *source = g_new0(MonSource, 1);

  source->board = board;
  source->series = g_hash_table_new(NULL, NULL);
  return source;
}

void mon_source_free(MonSource *source) {
  GHashTableIter iter;
  gpointer series;

  if (!source)
    return;
  g_hash_table_iter_init(&iter, source->series);
  while (g_hash_table_iter_next(&iter, &series, NULL))
    mon_board_drop(source->board, series);
  g_hash_table_unref(source->series);
  g_free(source);
}

/* The words of `names` with the values of the reading. (transfer full) */
static MonLabels *labels_of(const char *names, char *const *values) {
  g_auto(GStrv) words = g_strsplit(names, " ", -1);
  const char *pairs[2 * 3];
  guint n = 0;

  for (guint i = 0; words[i] && *words[i] && i < 3; i++) {
    pairs[2 * n] = words[i];
    pairs[2 * n + 1] = values[i] ? values[i] : "";
    n++;
  }
  return mon_labels_from(pairs, n);
}

void mon_source_apply(MonSource *source, const MonReadings *readings, gint64 created) {
  GHashTableIter iter;
  gpointer series, turn;

  source->turn++;
  for (guint i = 0; i < readings->all->len; i++) {
    const MonReading *reading = &g_array_index(readings->all, MonReading, i);
    const MonMetric *metric = &mon_metrics[reading->metric];
    g_autoptr(MonLabels) labels = labels_of(metric->labels, reading->label);
    MonSeries *one = mon_board_set(source->board, metric, labels, reading->value,
                                   metric->type == MON_COUNTER ? created : 0);
    g_hash_table_insert(source->series, one, GUINT_TO_POINTER(source->turn));
  }
  g_hash_table_iter_init(&iter, source->series);
  while (g_hash_table_iter_next(&iter, &series, &turn))
    if (GPOINTER_TO_UINT(turn) != source->turn) {
      g_hash_table_iter_remove(&iter);
      mon_board_drop(source->board, series);
    }
}
