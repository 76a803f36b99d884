/* samples.c: series in memory, see samples.h. */
#include "monitoring/samples.h"

#include <math.h>
#include <string.h>

typedef struct {
  MonLabels *labels;
  gint64 created;
  GArray *samples; /* MonSample */
} Series;

typedef struct {
  GPtrArray *series; /* Series: in the order in which they came */
  GHashTable *by_labels;
} Family;

struct MonSamples {
  GHashTable *families; /* interned name -> Family */
  guint n;
};

#define STALE_BITS G_GUINT64_CONSTANT(0x7ff0000000000002) /* as Prometheus marks it */

double mon_stale(void) {
  guint64 bits = STALE_BITS;
  double value;

  memcpy(&value, &bits, sizeof value);
  return value;
}

gboolean mon_is_stale(double value) {
  guint64 bits;

  memcpy(&bits, &value, sizeof bits);
  return bits == STALE_BITS;
}

static void series_free(gpointer data) {
  Series *series = data;

  mon_labels_unref(series->labels);
  g_array_unref(series->samples);
  g_free(series);
}

static void family_free(gpointer data) {
  Family *family = data;

  g_hash_table_unref(family->by_labels);
  g_ptr_array_unref(family->series);
  g_free(family);
}

MonSamples *mon_samples_new(void) {
  MonSamples *samples = g_new0(MonSamples, 1);

  samples->families = g_hash_table_new_full(NULL, NULL, NULL, family_free);
  return samples;
}

void mon_samples_free(MonSamples *samples) {
  if (samples == NULL)
    return;
  g_hash_table_unref(samples->families);
  g_free(samples);
}

static Series *series_of(MonSamples *samples, const char *name, const MonLabels *labels) {
  gpointer key = (gpointer)g_intern_string(name);
  Family *family = g_hash_table_lookup(samples->families, key);

  if (family == NULL) {
    family = g_new0(Family, 1);
    family->series = g_ptr_array_new_with_free_func(series_free);
    family->by_labels = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(samples->families, key, family);
  }
  Series *series = g_hash_table_lookup(family->by_labels, labels);
  if (series == NULL) {
    series = g_new0(Series, 1);
    series->labels = mon_labels_ref(labels);
    series->samples = g_array_new(FALSE, FALSE, sizeof(MonSample));
    g_ptr_array_add(family->series, series);
    g_hash_table_insert(family->by_labels, series->labels, series);
  }
  return series;
}

void mon_samples_add(MonSamples *samples, const char *name, const MonLabels *labels, gint64 created,
                     gint64 time, double value) {
  Series *series = series_of(samples, name, labels);
  GArray *array = series->samples;
  MonSample sample = {time, value};

  if (created != 0)
    series->created = created;
  /* a clock that was set back: what was sampled in its future is none any more */
  while (array->len > 0 && g_array_index(array, MonSample, array->len - 1).time >= time) {
    g_array_set_size(array, array->len - 1);
    samples->n--;
  }
  g_array_append_val(array, sample);
  samples->n++;
}

void mon_samples_end(MonSamples *samples, const char *name, const MonLabels *labels, gint64 time) {
  mon_samples_add(samples, name, labels, 0, time, mon_stale());
}

void mon_samples_end_rest(MonSamples *samples, const char *name, gint64 time) {
  Family *family = g_hash_table_lookup(samples->families, g_intern_string(name));

  for (guint i = 0; family != NULL && i < family->series->len; i++) {
    Series *series = family->series->pdata[i];
    GArray *array = series->samples;
    const MonSample *last =
        array->len > 0 ? &g_array_index(array, MonSample, array->len - 1) : NULL;
    if (last == NULL || (last->time < time && !mon_is_stale(last->value)))
      mon_samples_end(samples, name, series->labels, time);
  }
}

/* The first that is after `time`. */
static guint first_after(const GArray *array, gint64 time) {
  guint low = 0, high = array->len;

  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index(array, MonSample, middle).time > time)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static void trim_family(MonSamples *samples, Family *family, gint64 time) {
  for (guint i = family->series->len; i-- > 0;) {
    Series *series = family->series->pdata[i];
    guint first = first_after(series->samples, time);
    gboolean dead =
        first == series->samples->len &&
        (first == 0 || mon_is_stale(g_array_index(series->samples, MonSample, first - 1).value));
    if (first > 1 && !dead) {
      g_array_remove_range(series->samples, 0, first - 1);
      samples->n -= first - 1;
    }
    if (!dead)
      continue;
    samples->n -= series->samples->len;
    g_hash_table_remove(family->by_labels, series->labels);
    g_ptr_array_remove_index(family->series, i);
  }
}

void mon_samples_trim(MonSamples *samples, const char *name, gint64 time) {
  GHashTableIter iter;
  gpointer key, family;

  g_hash_table_iter_init(&iter, samples->families);
  while (g_hash_table_iter_next(&iter, &key, &family))
    if (name == NULL || g_str_equal(key, name))
      trim_family(samples, family, time);
}

static void shift_series(Series *series, gint64 usec) {
  if (series->created != 0)
    series->created += usec;
  for (guint i = 0; i < series->samples->len; i++)
    g_array_index(series->samples, MonSample, i).time += usec;
}

void mon_samples_shift(MonSamples *samples, gint64 usec) {
  GHashTableIter iter;
  gpointer family;

  g_hash_table_iter_init(&iter, samples->families);
  while (g_hash_table_iter_next(&iter, NULL, &family))
    for (guint i = 0; i < ((Family *)family)->series->len; i++)
      shift_series(g_ptr_array_index(((Family *)family)->series, i), usec);
}

void mon_samples_drop(MonSamples *samples, const char *name) {
  mon_samples_trim(samples, name, G_MAXINT64);
  g_hash_table_remove(samples->families, g_intern_string(name));
}

guint mon_samples_n(const MonSamples *samples) {
  return samples->n;
}

static void samples_select(gpointer self, const char *name, gint64 from, gint64 to, gboolean newest,
                           MonSelectFunc func, gpointer user_data) {
  MonSamples *samples = self;
  Family *family = g_hash_table_lookup(samples->families, g_intern_string(name));

  for (guint i = 0; family != NULL && i < family->series->len; i++) {
    Series *series = family->series->pdata[i];
    guint first = first_after(series->samples, from), end = first_after(series->samples, to);
    if (newest && end > first)
      first = end - 1;
    if (end > first)
      func(series->labels, series->created, &g_array_index(series->samples, MonSample, first),
           end - first, user_data);
  }
}

const MonExprSource mon_samples_source = {.select = samples_select};
