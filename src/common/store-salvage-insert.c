/* store-salvage-insert.c: rows into the new store; see store-salvage-internal.h.
 *
 * A row that the new store does not take (its number is there already, a constraint forbids it) is
 * lost as a row, and its bytes go into quarantine. An error of the new store itself ends the
 * salvage. The transaction is cut into pieces, so that memory stays bounded. */
#include "common/store-salvage-internal.h"

#define ROWS_PER_COMMIT 5000
#define ROWS_PER_SIGN 500 /* of life */

static void failed(Salvage *s, const char *doing) {
  if (!s->error)
    wg_store_set_error(s->to, &s->error, doing);
}

static void count_row(Salvage *s) {
  if (++s->since_commit % ROWS_PER_SIGN == 0 && s->store->progress)
    s->store->progress(s->store->progress_data);
  if (s->since_commit < ROWS_PER_COMMIT)
    return;
  s->since_commit = 0;
  if (!s->error)
    wg_store_exec(s->to, "COMMIT; BEGIN", &s->error);
}

static void append_name(GString *sql, const char *name) {
  char *quoted = sqlite3_mprintf("\"%w\"", name);
  g_string_append(sql, quoted ? quoted : "");
  sqlite3_free(quoted);
}

static gboolean prepare(Salvage *s, SalvageTable *t, guint n) {
  if (t->insert && t->insert_columns == n)
    return TRUE;
  sqlite3_finalize(g_steal_pointer(&t->insert));
  g_autoptr(GString) sql = g_string_new("INSERT OR IGNORE INTO ");
  gboolean hidden_rowid = t->tree == WG_TREE_TABLE && t->rowid_column == G_MAXUINT;
  append_name(sql, t->name);
  g_string_append(sql, hidden_rowid ? "(rowid" : "(");
  for (guint i = 0; i < n; i++) {
    g_string_append(sql, i > 0 || hidden_rowid ? ", " : "");
    append_name(sql, t->columns[i]);
  }
  g_string_append(sql, ") VALUES(?");
  for (guint i = 1; i < n + hidden_rowid; i++)
    g_string_append(sql, ", ?");
  g_string_append(sql, ")");
  t->insert_columns = n;
  t->insert = wg_store_prepare(s->to, sql->str, s->error ? NULL : &s->error);
  return t->insert != NULL;
}

static gint64 integer(const WgValue *v) {
  if (v->type == 8 || v->type == 9)
    return v->type - 8;
  guint64 n = v->data[0] & 0x80 ? G_MAXUINT64 : 0;
  for (gsize i = 0; i < v->size; i++)
    n = n << 8 | v->data[i];
  return (gint64)n;
}

static void bind(sqlite3_stmt *stmt, int at, const WgValue *v) {
  if (v->type == 0) {
    sqlite3_bind_null(stmt, at);
  } else if (v->type <= 9 && v->type != 7) {
    sqlite3_bind_int64(stmt, at, integer(v));
  } else if (v->type == 7) {
    union {
      gint64 i;
      double d;
    } u = {.i = integer(v)};
    sqlite3_bind_double(stmt, at, u.d);
  } else if (v->type & 1) {
    sqlite3_bind_text64(stmt, at, (const char *)v->data, v->size, SQLITE_TRANSIENT, SQLITE_UTF8);
  } else {
    sqlite3_bind_blob64(stmt, at, v->data, v->size, SQLITE_TRANSIENT);
  }
}

/* TRUE: it is in. */
static gboolean insert(Salvage *s, SalvageTable *t, const WgCell *cell) {
  WgValue values[SALVAGE_MAX_COLUMNS];
  guint n = wg_cell_values(cell, values, SALVAGE_MAX_COLUMNS);
  if (s->error || !prepare(s, t, n))
    return FALSE;
  int at = 1;
  if (t->tree == WG_TREE_TABLE && t->rowid_column == G_MAXUINT)
    sqlite3_bind_int64(t->insert, at++, cell->rowid);
  for (guint i = 0; i < n; i++, at++) {
    if (i == t->rowid_column)
      sqlite3_bind_int64(t->insert, at, cell->rowid);
    else
      bind(t->insert, at, &values[i]);
  }
  int rc = sqlite3_step(t->insert);
  gboolean in = rc == SQLITE_DONE && sqlite3_changes(s->to) > 0;
  if (rc != SQLITE_DONE && rc != SQLITE_MISMATCH && (rc & 0xff) != SQLITE_CONSTRAINT)
    failed(s, "salvaging a row");
  sqlite3_reset(t->insert);
  t->salvaged += in;
  count_row(s);
  return in;
}

void wg_salvage_insert(Salvage *s, SalvageTable *t, WgCell *cell) {
  if (!insert(s, t, cell)) {
    t->lost++;
    wg_salvage_keep_bytes(s, t, cell->rowid, "the salvaged row is not accepted", cell->payload,
                          cell->size);
  }
  wg_cell_clear(cell);
}

void wg_salvage_insert_doubtful(Salvage *s) {
  for (guint i = 0; i < s->tables->len; i++) {
    SalvageTable *t = s->tables->pdata[i];
    for (guint k = 0; k < t->doubtful->len; k++)
      wg_salvage_insert(s, t, &g_array_index(t->doubtful, WgCell, k));
    g_array_set_size(t->doubtful, 0);
  }
}

void wg_salvage_keep_bytes(Salvage *s, SalvageTable *t, gint64 key, const char *reason,
                           const void *bytes, gsize size) {
  if (!s->error)
    wg_store_quarantine(s->to, t->name, key, reason, bytes, size, &s->error);
}
