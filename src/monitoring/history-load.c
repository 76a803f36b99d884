/* history-load.c: looking back: what the store has and what still waits in memory, as samples for
 * expressions; see history.h. */
#include "monitoring/history-private.h"

#include "common/error.h"

#include <string.h>

/* Values are looked back for by five minutes: rolled-up ones are filled in to that. */
#define FILL_STEP (4 * 60 * (gint64)G_USEC_PER_SEC)

typedef struct {
  MonLookBack look;
  MonHistory *history;
  MonPastFunc func;
  gpointer user_data;
  MonSamples *past;
  GHashTable *taken; /* Key: series that were in the store */
} Load;

/* A series. */
typedef struct {
  const char *name; /* interned */
  MonLabels *labels;
} Key;

static guint key_hash(gconstpointer data) {
  const Key *key = data;

  return g_direct_hash(key->name) ^ (guint)mon_labels_hash(key->labels);
}

static gboolean key_equal(gconstpointer a, gconstpointer b) {
  const Key *x = a, *y = b;

  return x->name == y->name && x->labels == y->labels;
}

static void key_free(gpointer data) {
  Key *key = data;

  mon_labels_unref(key->labels);
  g_free(key);
}

/* The coarsest tier that is fine enough, among those that reach back to `from`. */
static guint tier_of(const MonHistory *history, gint64 from, gint64 to, guint64 step) {
  const MonHistoryLimits *limits = mon_history_get_limits(history);
  gint64 now = g_get_real_time();

  if (from < now - (gint64)limits->month || step >= 4 * (guint64)MON_TIER2_STEP)
    return 2;
  if (from < now - (gint64)limits->raw || step >= 4 * (guint64)MON_TIER1_STEP)
    return 1;
  return 0;
}

static gboolean run_load(MonStore *store, gpointer data, GError **error) {
  return mon_history_look_back(store, &((Load *)data)->look, error);
}

typedef struct {
  MonSamples *past;
  const MonLookBack *look;
  MonBoard *board;
  GHashTable *now;  /* Key: the series of this step; NULL: the step after the last */
  GHashTable *done; /* Key: those of all steps */
} Filling;

static gint64 created_of(const Filling *filling, const char *name, const MonLabels *labels) {
  MonSeries *series = mon_board_find(filling->board, name, labels);

  return series ? mon_series_created(series) : 0;
}

static void fill_between(const Filling *filling, const MonStoredSeries *one,
                         const MonLabels *labels, guint i) {
  gint64 before = g_array_index(one->times, gint64, i - 1);
  gint64 time = g_array_index(one->times, gint64, i);
  double from = g_array_index(one->values, double, i - 1);
  double to = g_array_index(one->values, double, i);

  if (time - before > MON_TIER2_STEP || mon_is_stale(from)) /* nothing was measured in between */
    return;
  if (mon_is_stale(to)) /* until then it was as it had been */
    to = from;
  for (gint64 at = before + FILL_STEP; at < time; at += FILL_STEP) {
    double part = (double)(at - before) / (double)(time - before);
    /* a rolled-up gauge is the mean of what was before its time */
    double value = one->is_counter && to >= from ? from + (to - from) * part : to;
    mon_samples_add(filling->past, one->name, labels, 0, at, value);
  }
}

static Key *key_new(const char *name, MonLabels *labels) {
  Key *key = g_new(Key, 1);

  *key = (Key){name, mon_labels_ref(labels)};
  return key;
}

static void note(const Filling *filling, const char *name, MonLabels *labels) {
  const Key key = {name, labels};
  Key *known = g_hash_table_lookup(filling->done, &key);

  if (!known) {
    known = key_new(name, labels);
    g_hash_table_add(filling->done, known);
  }
  g_hash_table_add(filling->now, known);
}

static void take_stored(const Filling *filling, const MonStoredSeries *one) {
  gsize size;
  gconstpointer bytes = g_bytes_get_data(one->labels, &size);
  g_autoptr(MonLabels) labels = mon_labels_unpack(bytes, size);

  if (!labels)
    return;
  note(filling, g_intern_string(one->name), labels);
  gint64 created = created_of(filling, one->name, labels);
  for (guint i = 0; i < one->times->len; i++) {
    gint64 time = g_array_index(one->times, gint64, i);
    if (time <= filling->look->from || time > filling->look->to)
      continue;
    if (i > 0)
      fill_between(filling, one, labels, i);
    mon_samples_add(filling->past, one->name, labels, created, time,
                    g_array_index(one->values, double, i));
  }
}

static void take_head(const char *name, const MonLabels *labels, gboolean is_counter,
                      const gint64 *times, const double *values, guint n, gpointer user_data) {
  const Filling *filling = user_data;

  const char *unit = filling->look->unit;
  const Key key = {name, (MonLabels *)labels};

  if (filling->now ? !g_hash_table_contains(filling->now, &key)
                   : g_hash_table_contains(filling->done, &key))
    return;
  if (!g_strv_contains((const char *const *)filling->look->names, name) ||
      (unit && g_strcmp0(mon_labels_get(labels, "unit"), unit) != 0))
    return;
  gint64 created = created_of(filling, name, labels);
  for (guint i = 0; i < n; i++)
    if (times[i] > filling->look->from && times[i] <= filling->look->to)
      mon_samples_add(filling->past, name, labels, created, times[i], values[i]);
}

/* What a step found, and what of the same series waits in memory: now, since a minute later it may
 * be in the store, where the step was already. */
static void take_step(Load *load) {
  g_autoptr(GHashTable) now = g_hash_table_new(key_hash, key_equal);
  Filling filling = {load->past, &load->look, mon_history_board(load->history), now, load->taken};

  for (guint i = 0; i < load->look.found->len; i++)
    take_stored(&filling, load->look.found->pdata[i]);
  if (load->look.found->len > 0)
    mon_history_each_head(load->history, take_head, &filling);
  load->look.n = mon_samples_n(load->past);
}

/* Series that the store has nothing of. */
static void take_rest(Load *load) {
  Filling filling = {load->past, &load->look, mon_history_board(load->history), NULL, load->taken};

  mon_history_each_head(load->history, take_head, &filling);
}

static void load_end(Load *load, const GError *error) {
  if (error)
    g_clear_pointer(&load->past, mon_samples_free);
  load->func(g_steal_pointer(&load->past), error, load->user_data);
  g_hash_table_unref(load->taken);
  g_clear_pointer(&load->look.found, g_ptr_array_unref);
  g_clear_pointer(&load->look.after, g_bytes_unref);
  g_clear_pointer(&load->look.next_after, g_bytes_unref);
  g_strfreev(load->look.names);
  g_free(load->look.unit);
  g_free(load);
}

static void load_done(const GError *error, gpointer data) {
  Load *load = data;
  MonLookBack *look = &load->look;

  if (error) {
    load_end(load, error);
    return;
  }
  take_step(load);
  g_clear_pointer(&look->after, g_bytes_unref);
  look->after = g_steal_pointer(&look->next_after);
  look->name = look->next_name;
  if (look->names[look->name] && mon_history_is_ending(load->history)) {
    g_autoptr(GError) leaves =
        g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN, "the service is leaving");
    load_end(load, leaves);
    return;
  }
  if (look->names[look->name]) {
    mon_store_do(mon_history_store(load->history), run_load, load_done, load, FALSE);
    return;
  }
  take_rest(load);
  load_end(load, NULL);
}

static void begin(MonHistory *history, const MonLookBack *look, MonPastFunc func,
                  gpointer user_data) {
  Load *load = g_new0(Load, 1);

  load->look = *look;
  load->history = history;
  load->func = func;
  load->user_data = user_data;
  load->past = mon_samples_new();
  load->taken = g_hash_table_new_full(key_hash, key_equal, key_free, NULL);
  mon_store_do(mon_history_store(history), run_load, load_done, load, FALSE);
}

void mon_history_load(MonHistory *history, const char *const *names, gint64 from, gint64 to,
                      guint64 step, MonPastFunc func, gpointer user_data) {
  MonLookBack look = {.names = g_strdupv((char **)names), .from = from, .to = to};

  look.tier = tier_of(history, from, to, step);
  begin(history, &look, func, user_data);
}

void mon_history_load_unit(MonHistory *history, const char *unit, const char *const *names,
                           gint64 from, gint64 to, MonPastFunc func, gpointer user_data) {
  MonLookBack look = {
      .names = g_strdupv((char **)names), .unit = g_strdup(unit), .from = from, .to = to};

  begin(history, &look, func, user_data);
}
