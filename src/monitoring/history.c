/* history.c: the loop's side of the history: samples that wait for their chunk, see history.h.
 *
 * All series are taken at the same tick, so their times are kept once; a series that missed a tick
 * ends its run. Runs end at different ticks by the series' hash, so that every tick writes the same
 * small part and none writes all. */
#include "monitoring/history-private.h"

#include <string.h>

typedef struct {
  const MonLabels *labels;
  const char *name; /* interned */
  gboolean is_counter, is_more;
  guint turn, first; /* number of the last tick, of the first sample */
  guint n, limit;
  double value[MON_HEAD_SAMPLES];
} Head;

struct MonHistory {
  MonStore *store;
  MonBoard *board;
  MonHistoryLimits limits;
  GPtrArray *heads; /* Head: the mark of a series, as long as it is there */
  GHashTable *more; /* Head that no series of the board has -> itself */
  MonHistoryMore more_func;
  gpointer more_data;
  GPtrArray *full;                    /* of MonRun, of this tick */
  gint64 times[MON_HEAD_SAMPLES + 1]; /* of the last ticks, by number */
  guint turn, seen;                   /* the last tick; series seen in it */
  gint64 last;
  guint64 samples, bytes;
  gboolean upkeep_runs, is_ending;
};

void mon_run_free(gpointer data) {
  MonRun *run = data;

  g_bytes_unref(run->labels);
  g_byte_array_unref(run->data);
  g_free(run);
}

GBytes *mon_labels_pack(const MonLabels *labels) {
  gsize n;
  gconstpointer bytes = mon_labels_bytes(labels, &n);

  return g_bytes_new(bytes, n);
}

MonLabels *mon_labels_unpack(gconstpointer data, gsize size) {
  g_autoptr(GPtrArray) words = g_ptr_array_new();
  const char *text = data;

  if (size > 0 && text[size - 1] != '\0')
    return NULL;
  for (gsize at = 0; at < size; at += strlen(text + at) + 1)
    g_ptr_array_add(words, (gpointer)(text + at));
  if (words->len % 2 != 0)
    return NULL;
  return mon_labels_from((const char *const *)words->pdata, words->len / 2);
}

static void head_free(gpointer data) {
  Head *head = data;

  mon_labels_unref(head->labels);
  g_free(head);
}

static guint head_hash(gconstpointer data) {
  const Head *head = data;

  return (guint)mon_labels_hash(head->labels) ^ g_direct_hash(head->name);
}

static gboolean head_equal(gconstpointer a, gconstpointer b) {
  const Head *x = a, *y = b;

  return x->name == y->name && x->labels == y->labels;
}

MonHistory *mon_history_new(MonStore *store, MonBoard *board, const MonHistoryLimits *limits) {
  MonHistory *history = g_new0(MonHistory, 1);

  history->store = store;
  history->board = board;
  history->limits = *limits;
  history->heads = g_ptr_array_new_with_free_func(head_free);
  history->more = g_hash_table_new(head_hash, head_equal);
  history->full = g_ptr_array_new_with_free_func(mon_run_free);
  return history;
}

void mon_history_limits(MonHistory *history, const MonHistoryLimits *limits) {
  history->limits = *limits;
}

guint64 mon_history_samples(const MonHistory *history) {
  return history->samples;
}

guint64 mon_history_bytes(const MonHistory *history) {
  return history->bytes;
}

/* ---- runs ---- */
static gint64 *time_at(MonHistory *history, guint turn) {
  return &history->times[turn % G_N_ELEMENTS(history->times)];
}

/* The samples of `head` become a run to be stored. */
static void end_run(MonHistory *history, Head *head) {
  gint64 times[MON_HEAD_SAMPLES];

  if (head->n == 0)
    return;
  for (guint i = 0; i < head->n; i++)
    times[i] = *time_at(history, head->first + i);
  MonRun *run = g_new0(MonRun, 1);
  run->name = head->name;
  run->labels = mon_labels_pack(head->labels);
  run->is_counter = head->is_counter;
  run->start = times[0];
  run->stop = times[head->n - 1];
  run->data = mon_chunk_encode(times, head->value, head->n);
  g_ptr_array_add(history->full, run);
  head->n = 0;
  head->limit = MON_HEAD_SAMPLES;
}

static gboolean is_counter(const MonSeries *series) {
  MonMetricType type = mon_series_metric(series)->type;

  return type == MON_COUNTER || type == MON_HISTOGRAM;
}

/* `name`: as many as there are metrics and rules. */
static Head *head_new(MonHistory *history, const char *name, const MonLabels *labels) {
  Head *head = g_new0(Head, 1);

  head->labels = mon_labels_ref(labels);
  head->name = g_intern_string(name);
  head->limit = 3 + (guint)((mon_labels_hash(head->labels) ^ g_str_hash(head->name)) %
                            (MON_HEAD_SAMPLES - 3));
  g_ptr_array_add(history->heads, head);
  return head;
}

static Head *head_of(MonHistory *history, MonSeries *series) {
  gpointer *mark = mon_series_mark(series);
  Head *head = *mark;

  if (head)
    return head;
  *mark = head = head_new(history, mon_series_name(series), mon_series_labels(series));
  head->is_counter = is_counter(series);
  return head;
}

static void add_sample(MonHistory *history, Head *head, double value) {
  if (head->n > 0 && head->turn != history->turn - 1)
    end_run(history, head);
  if (head->n == 0)
    head->first = history->turn;
  head->value[head->n++] = value;
  head->turn = history->turn;
  if (head->n >= head->limit)
    end_run(history, head);
  history->samples++;
  history->seen++;
}

static gboolean take(MonSeries *series, gpointer user_data) {
  MonHistory *history = user_data;

  if (mon_series_metric(series)->type == MON_INFO) /* always 1, and another series each start */
    return TRUE;
  add_sample(history, head_of(history, series), mon_series_value(series));
  return TRUE;
}

void mon_history_take(MonHistory *history, const char *name, const MonLabels *labels,
                      double value) {
  const Head key = {.name = g_intern_string(name), .labels = labels};
  Head *head = g_hash_table_lookup(history->more, &key);

  if (!head) {
    head = head_new(history, name, labels);
    head->is_more = TRUE;
    g_hash_table_add(history->more, head);
  }
  if (head->turn != history->turn) /* two rules may make one series: the first has it */
    add_sample(history, head, value);
}

void mon_history_more(MonHistory *history, MonHistoryMore func, gpointer user_data) {
  history->more_func = func;
  history->more_data = user_data;
}

/* A mark of its end, so that nobody takes the last value for what it was for minutes more. There
 * is room: a run that is full has ended. */
static void mark_end(MonHistory *history, Head *head) {
  if (head->n == 0)
    head->first = history->turn;
  head->value[head->n++] = mon_stale();
  end_run(history, head);
}

/* Series that are not on the board any more were not seen in this turn: nobody has their heads. */
static void end_gone(MonHistory *history) {
  for (guint i = history->heads->len; history->seen < history->heads->len && i-- > 0;) {
    Head *head = history->heads->pdata[i];
    if (head->turn == history->turn)
      continue;
    mark_end(history, head);
    if (head->is_more)
      g_hash_table_remove(history->more, head);
    g_ptr_array_remove_index_fast(history->heads, i);
  }
}

static void end_all(MonHistory *history) {
  for (guint i = 0; i < history->heads->len; i++)
    end_run(history, history->heads->pdata[i]);
}

/* ---- to the store ---- */
static gboolean write_runs(MonStore *store, gpointer data, GError **error) {
  return mon_history_write(store, data, error);
}

/* What could not be stored is lost: the store's state is told by the daemon. */
static void runs_written(const GError *error, gpointer data) {
  g_ptr_array_unref(data);
}

static void submit(MonHistory *history) {
  if (history->full->len == 0)
    return;
  mon_store_do(history->store, write_runs, runs_written, g_steal_pointer(&history->full), TRUE);
  history->full = g_ptr_array_new_with_free_func(mon_run_free);
}

typedef struct {
  MonUpkeep upkeep;
  MonHistory *history;
} UpkeepJob;

static gboolean run_upkeep(MonStore *store, gpointer data, GError **error) {
  return mon_history_upkeep(store, &((UpkeepJob *)data)->upkeep);
}

static void upkeep_done(const GError *error, gpointer data) {
  UpkeepJob *job = data;

  job->history->upkeep_runs = FALSE;
  if (!error)
    job->history->bytes = job->upkeep.bytes;
  g_free(job);
}

static void start_upkeep(MonHistory *history, gint64 now) {
  if (history->upkeep_runs)
    return;
  UpkeepJob *job = g_new0(UpkeepJob, 1);
  job->history = history;
  job->upkeep = (MonUpkeep){history->limits, now, mon_board_n(history->board), 0};
  history->upkeep_runs = TRUE;
  mon_store_do(history->store, run_upkeep, upkeep_done, job, FALSE);
}

/* A clock that was set back ends all runs: times of a run rise. */
void mon_history_tick(MonHistory *history, gint64 time) {
  if (time <= history->last)
    end_all(history);
  history->turn++;
  history->seen = 0;
  history->last = time;
  *time_at(history, history->turn) = time;
  mon_board_each(history->board, NULL, take, history);
  if (history->more_func)
    history->more_func(history, history->more_data);
  end_gone(history);
  submit(history);
  start_upkeep(history, time);
}

/* For history-load.c: samples that are not in the store's queue yet. */
void mon_history_each_head(MonHistory *history, MonHeadFunc func, gpointer user_data) {
  for (guint h = 0; h < history->heads->len; h++) {
    const Head *head = history->heads->pdata[h];
    gint64 times[MON_HEAD_SAMPLES];
    for (guint i = 0; i < head->n; i++)
      times[i] = *time_at(history, head->first + i);
    if (head->n > 0)
      func(head->name, head->labels, head->is_counter, times, head->value, head->n, user_data);
  }
}

gboolean mon_history_is_ending(const MonHistory *history) {
  return history->is_ending;
}

MonStore *mon_history_store(MonHistory *history) {
  return history->store;
}

const MonHistoryLimits *mon_history_get_limits(const MonHistory *history) {
  return &history->limits;
}

MonBoard *mon_history_board(MonHistory *history) {
  return history->board;
}

void mon_history_flush(MonHistory *history) {
  history->is_ending = TRUE;
  end_all(history);
  submit(history);
}

static gboolean unmark(MonSeries *series, gpointer user_data) {
  *mon_series_mark(series) = NULL;
  return TRUE;
}

void mon_history_free(MonHistory *history) {
  if (!history)
    return;
  mon_board_each(history->board, NULL, unmark, NULL);
  g_hash_table_unref(history->more);
  g_ptr_array_unref(history->heads);
  g_ptr_array_unref(history->full);
  g_free(history);
}
