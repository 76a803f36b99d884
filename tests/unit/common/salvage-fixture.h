/* salvage-fixture.h: a store with rows that know whether they are right, to be damaged.
 *
 * Two tables, an index, large rows with overflow pages, and pages that were freed again. Each row's
 * checksum covers all of it, its number included. */
#pragma once

#include "store-fixture.h"

#include <string.h>

#define ROWS 1000
#define RECEIPTS 600

static const WgMigration salvage_migrations[] = {
    {1, "CREATE TABLE message(id INTEGER PRIMARY KEY, sender TEXT NOT NULL, state INTEGER NOT NULL,"
        " body BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE INDEX message_state ON message(state, sender);"
        "CREATE TABLE receipt(message INTEGER NOT NULL, time INTEGER NOT NULL, what TEXT NOT NULL,"
        " crc INTEGER NOT NULL, PRIMARY KEY(message, time)) WITHOUT ROWID;"},
    {0},
};

static inline guint32 row_crc(gint64 id, const void *sender, gsize sender_size, gint64 state,
                              const void *body, gsize size) {
  guint32 crc = wg_store_crc(0, &id, sizeof id);
  crc = wg_store_crc(crc, &state, sizeof state);
  crc = wg_store_crc(crc, sender, sender_size);
  return wg_store_crc(crc, body, size);
}

static inline gsize body_size(gint64 id) {
  return id % 40 == 0 ? 3000 + id * 13 % 12000 : 150 + id * 37 % 300;
}

static inline void add_message(sqlite3_stmt *stmt, gint64 id) {
  guint8 body[16384];
  char sender[32];
  gsize size = body_size(id);
  GRand *rand = g_rand_new_with_seed((guint32)id);
  for (gsize i = 0; i < size; i++)
    body[i] = (guint8)g_rand_int(rand);
  g_rand_free(rand);
  g_snprintf(sender, sizeof sender, "agent-%d", (int)(id % 17));
  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_text(stmt, 2, sender, -1, SQLITE_TRANSIENT);
  sqlite3_bind_int64(stmt, 3, id % 5);
  sqlite3_bind_blob(stmt, 4, body, (int)size, SQLITE_TRANSIENT);
  sqlite3_bind_int64(stmt, 5, row_crc(id, sender, strlen(sender), id % 5, body, size));
  g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_DONE);
  sqlite3_reset(stmt);
}

static inline void add_receipt(sqlite3_stmt *stmt, gint64 id) {
  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_int64(stmt, 2, id * 1000);
  sqlite3_bind_text(stmt, 3, "stored", -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, row_crc(id, "stored", 6, id * 1000, "", 0));
  g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_DONE);
  sqlite3_reset(stmt);
}

/* `per_commit` rows a transaction. */
static inline void salvage_fill(sqlite3 *db, guint per_commit) {
  sqlite3_stmt *m = wg_store_prepare(db, "INSERT INTO message VALUES(?, ?, ?, ?, ?)", NULL);
  sqlite3_stmt *r = wg_store_prepare(db, "INSERT INTO receipt VALUES(?, ?, ?, ?)", NULL);
  g_assert_true(wg_store_exec(db, "BEGIN", NULL));
  for (gint64 id = 1; id <= ROWS + 100; id++) {
    add_message(m, id);
    if (id <= RECEIPTS)
      add_receipt(r, id);
    if (id % per_commit == 0)
      g_assert_true(wg_store_exec(db, "COMMIT; BEGIN", NULL));
  }
  g_assert_true(wg_store_exec(db, "COMMIT", NULL));
  /* These must not come back. */
  g_autofree char *sql = g_strdup_printf("DELETE FROM message WHERE id > %d", ROWS);
  g_assert_true(wg_store_exec(db, sql, NULL));
  sqlite3_finalize(m);
  sqlite3_finalize(r);
}

/* Rows change, go and come, so that pages are split, merged, freed and used again: `n` commits. The
 * rows do not know any more whether they are right. */
static inline void salvage_use(sqlite3 *db, guint32 seed, guint n) {
  GRand *rand = g_rand_new_with_seed(seed);
  for (guint i = 0; i < n; i++) {
    gint one = g_rand_int_range(rand, 1, ROWS), two = g_rand_int_range(rand, 1, ROWS);
    gint size = g_rand_int_range(rand, 1, 10) == 1 ? 14000 : 900;
    g_autofree char *sql = g_strdup_printf(
        "BEGIN; UPDATE message SET state = 7 WHERE id IN (%d, %d);"
        "DELETE FROM message WHERE id = %d; DELETE FROM receipt WHERE message = %d;"
        "INSERT OR REPLACE INTO message VALUES(%d, 'agent', 1, zeroblob(%d) || randomblob(%d), 0);"
        "INSERT OR REPLACE INTO receipt VALUES(%d, 5, 'stored again', 3); COMMIT",
        one, two, (one + two) / 2, one % RECEIPTS, g_rand_int_range(rand, 1, ROWS),
        g_rand_int_range(rand, 1, 200), g_rand_int_range(rand, 1, size), two % RECEIPTS);
    g_assert_true(wg_store_exec(db, sql, NULL));
  }
  g_rand_free(rand);
}

typedef struct {
  guint messages, receipts, wrong, raised; /* right ones; wrong checksum; removed ones */
} Count;

static inline Count salvage_count(sqlite3 *db) {
  Count c = {0};
  sqlite3_stmt *s = wg_store_prepare(db, "SELECT id, sender, state, body, crc FROM message", NULL);
  g_assert_nonnull(s);
  while (sqlite3_step(s) == SQLITE_ROW) {
    gint64 id = sqlite3_column_int64(s, 0);
    guint32 crc =
        row_crc(id, sqlite3_column_blob(s, 1), sqlite3_column_bytes(s, 1),
                sqlite3_column_int64(s, 2), sqlite3_column_blob(s, 3), sqlite3_column_bytes(s, 3));
    gboolean right = crc == sqlite3_column_int64(s, 4);
    c.wrong += !right;
    c.raised += right && id > ROWS;
    c.messages += right && id <= ROWS;
  }
  sqlite3_finalize(s);
  s = wg_store_prepare(db, "SELECT message, time, what, crc FROM receipt", NULL);
  g_assert_nonnull(s);
  while (sqlite3_step(s) == SQLITE_ROW) {
    guint32 crc = row_crc(sqlite3_column_int64(s, 0), sqlite3_column_blob(s, 2),
                          sqlite3_column_bytes(s, 2), sqlite3_column_int64(s, 1), "", 0);
    gboolean right = crc == sqlite3_column_int64(s, 3);
    c.wrong += !right;
    c.receipts += right;
  }
  sqlite3_finalize(s);
  return c;
}
