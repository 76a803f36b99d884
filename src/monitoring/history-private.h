/* history-private.h: what the loop's side (history.c, history-load.c) and the writer's side
 * (history-store.c, history-roll.c) of the history share. */
#pragma once

#include "monitoring/chunk.h"
#include "monitoring/history.h"

#define MON_HEAD_SAMPLES 18 /* three minutes at the usual interval */

/* A run of samples on its way to the store. */
typedef struct {
  const char *name; /* interned */
  GBytes *labels;   /* packed */
  gboolean is_counter;
  gint64 start, stop;
  GByteArray *data;
} MonRun;
void mon_run_free(gpointer run);

typedef void (*MonHeadFunc)(const char *name, const MonLabels *labels, gboolean is_counter,
                            const gint64 *times, const double *values, guint n, gpointer user_data);
/* The samples that the store's queue has not got yet. */
void mon_history_each_head(MonHistory *history, MonHeadFunc func, gpointer user_data);
/* After mon_history_flush(): nothing more can be given to the store. */
gboolean mon_history_is_ending(const MonHistory *history);
MonStore *mon_history_store(MonHistory *history);
MonBoard *mon_history_board(MonHistory *history);
const MonHistoryLimits *mon_history_get_limits(const MonHistory *history);

/* Name NUL value NUL ...; and back (NULL: not such bytes). */
GBytes *mon_labels_pack(const MonLabels *labels);
MonLabels *mon_labels_unpack(gconstpointer data, gsize size);

/* ---- writer's thread ---- */
gboolean mon_history_write(MonStore *store, GPtrArray *runs /* of MonRun */, GError **error);

typedef struct {
  MonHistoryLimits limits;
  gint64 now;
  guint n_series; /* on the board: how much a step has to do */
  guint64 bytes;  /* out: of the file */
} MonUpkeep;
/* One step of rolling up and of removing. */
gboolean mon_history_upkeep(MonStore *store, MonUpkeep *upkeep);

guint32 mon_chunk_crc(gint64 series, gint64 start, gconstpointer data, gsize size);

/* What a series was, before labels are made of bytes. */
typedef struct {
  char *name;
  GBytes *labels;
  gboolean is_counter;
  GArray *times, *values;
} MonStoredSeries;

typedef struct {
  char **names;
  char *unit; /* the label of that name; NULL: whatever it is */
  gint64 from, to;
  guint tier;
  guint64 n; /* samples so far */
  /* Where it goes on: index of the name, and labels of its last series (NULL: from the first). */
  guint name;
  GBytes *after;
  /* What a step found, and where the next one goes on: a step may be repeated. */
  GPtrArray *found; /* of MonStoredSeries */
  guint next_name;
  GBytes *next_after;
} MonLookBack;
/* One step of some milliseconds, so that neither the store nor the loop, which takes what it found,
 * is kept for long. */
gboolean mon_history_look_back(MonStore *store, MonLookBack *look, GError **error);
/* A stored chunk: decoded and appended; FALSE: damaged, left out and quarantined. Columns: data at
 * `column`, crc at `column` + 1. */
gboolean mon_history_take_chunk(MonStore *store, sqlite3_stmt *stmt, gint64 series, gint64 start,
                                int column, GArray *times, GArray *values);
