/* store-salvage-schema.c: which tables there are, and where; see store-salvage-internal.h.
 *
 * Names and columns come from the new store, which has the same migrations behind it; only the
 * places of the trees come from the damaged file, and where its schema cannot be read the
 * new one's places serve, for the same statements make the same places. */
#include "common/store-salvage-internal.h"

#include "common/error.h"

#include <string.h>

static guint8 affinity_of(const char *type) {
  g_autofree char *upper = g_ascii_strup(type ? type : "", -1);
  if (strstr(upper, "INT"))
    return 'i';
  if (strstr(upper, "CHAR") || strstr(upper, "CLOB") || strstr(upper, "TEXT"))
    return 't';
  if (strstr(upper, "REAL") || strstr(upper, "FLOA") || strstr(upper, "DOUB"))
    return 'r';
  return 'b';
}

static gboolean value_fits(guint8 affinity, gboolean not_null, guint64 type) {
  gboolean integer = (type >= 1 && type <= 6) || type == 8 || type == 9;
  if (type == 0)
    return !not_null;
  switch (affinity) {
  case 'i':
    return integer || type == 7;
  case 'r':
    return type == 7 || integer; /* whole numbers are stored as integers */
  case 't':
    return type >= 12;
  default:
    return TRUE;
  }
}

gboolean wg_salvage_fits(const SalvageTable *t, const WgCell *cell) {
  WgValue values[SALVAGE_MAX_COLUMNS];
  guint n = wg_cell_values(cell, values, t->n_columns);
  if (n == 0 || n > t->n_columns)
    return FALSE;
  for (guint i = 0; i < n; i++) {
    if (i == t->rowid_column ? values[i].type != 0
                             : !value_fits(t->affinity[i], t->not_null[i], values[i].type))
      return FALSE;
  }
  return TRUE;
}

static SalvageTable *table_new(const char *name, guint32 root, guint n) {
  SalvageTable *t = g_new0(SalvageTable, 1);
  t->name = g_strdup(name);
  t->root = root;
  t->rowid_column = G_MAXUINT;
  t->columns = g_new0(char *, n + 1);
  t->affinity = g_new0(guint8, n + 1);
  t->not_null = g_new0(guint8, n + 1);
  t->doubtful = g_array_new(FALSE, FALSE, sizeof(WgCell));
  t->row = wg_salvage_insert;
  return t;
}

void wg_salvage_table_free(SalvageTable *t) {
  for (guint i = 0; i < t->doubtful->len; i++)
    wg_cell_clear(&g_array_index(t->doubtful, WgCell, i));
  g_array_unref(t->doubtful);
  sqlite3_finalize(t->insert);
  g_strfreev(t->columns);
  g_free(t->affinity);
  g_free(t->not_null);
  g_free(t->name);
  g_free(t);
}

static void add_column(SalvageTable *t, sqlite3_stmt *row) {
  guint i = t->n_columns++;
  const char *type = (const char *)sqlite3_column_text(row, 1);
  gboolean key = sqlite3_column_int(row, 3) > 0;
  t->columns[i] = g_strdup((const char *)sqlite3_column_text(row, 0));
  t->affinity[i] = affinity_of(type);
  t->not_null[i] = sqlite3_column_int(row, 2) != 0;
  if (key && t->tree == WG_TREE_TABLE && g_ascii_strcasecmp(type ? type : "", "INTEGER") == 0 &&
      sqlite3_column_int(row, 4) == 1)
    t->rowid_column = i;
}

/* Column 4: how many columns the primary key has. Without a rowid its columns are stored first. */
static gboolean load_columns(Salvage *s, SalvageTable *t, GError **error) {
  sqlite3_stmt *stmt = wg_store_prepare(
      s->to,
      t->tree == WG_TREE_TABLE
          ? "SELECT name, type, \"notnull\", pk, (SELECT max(pk) FROM pragma_table_xinfo(?1)) "
            "FROM pragma_table_xinfo(?1) WHERE hidden <> 2 ORDER BY cid"
          : "SELECT name, type, \"notnull\", pk, 0 FROM pragma_table_xinfo(?1) "
            "WHERE hidden <> 2 ORDER BY pk = 0, pk, cid",
      error);
  if (!stmt)
    return FALSE;
  sqlite3_bind_text(stmt, 1, t->name, -1, SQLITE_STATIC);
  while (sqlite3_step(stmt) == SQLITE_ROW && t->n_columns < SALVAGE_MAX_COLUMNS)
    add_column(t, stmt);
  return sqlite3_finalize(stmt) == SQLITE_OK || wg_store_set_error(s->to, error, "reading columns");
}

gboolean wg_salvage_load_schema(Salvage *s, GError **error) {
  /* What the salvage itself adds to must have its old rows first. */
  sqlite3_stmt *stmt = wg_store_prepare(
      s->to,
      "SELECT name, rootpage, (SELECT wr FROM pragma_table_list(t.name)) FROM sqlite_schema t "
      "WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
      "AND name <> '" WG_STORE_SEAL "' "
      "ORDER BY name <> 'quarantine', rootpage",
      error);
  if (!stmt)
    return FALSE;
  gboolean ok = TRUE;
  while (ok && sqlite3_step(stmt) == SQLITE_ROW) {
    SalvageTable *t = table_new((const char *)sqlite3_column_text(stmt, 0),
                                (guint32)sqlite3_column_int64(stmt, 1), SALVAGE_MAX_COLUMNS);
    t->tree = sqlite3_column_int(stmt, 2) ? WG_TREE_INDEX : WG_TREE_TABLE;
    g_ptr_array_add(s->tables, t);
    ok = load_columns(s, t, error);
  }
  sqlite3_finalize(stmt);
  return ok;
}

/* A row of the damaged file's sqlite_schema: type, name, tbl_name, rootpage, sql. */
static void on_schema_row(Salvage *s, SalvageTable *schema, WgCell *cell) {
  WgValue v[5];
  guint32 root = 0;
  if (wg_cell_values(cell, v, 5) == 5 && v[0].size == 5 && memcmp(v[0].data, "table", 5) == 0 &&
      v[3].size <= 4) {
    for (gsize i = 0; i < v[3].size; i++)
      root = root << 8 | v[3].data[i];
    for (guint i = 0; i < s->tables->len && root > 0; i++) {
      SalvageTable *t = s->tables->pdata[i];
      if (strlen(t->name) == v[1].size && memcmp(t->name, v[1].data, v[1].size) == 0)
        t->root = root;
    }
  }
  wg_cell_clear(cell);
}

void wg_salvage_find_roots(Salvage *s) {
  SalvageTable *schema = table_new("sqlite_schema", 1, 5);
  schema->n_columns = 5;
  memcpy(schema->affinity, "tttit", 5);
  schema->row = on_schema_row;
  wg_salvage_walk(s, schema);
  wg_salvage_table_free(schema);
}
