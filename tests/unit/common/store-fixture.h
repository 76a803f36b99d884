/* store-fixture.h: a store in a directory of its own, for the tests of the store. */
#pragma once

#include "common/error.h"
#include "common/store-writer.h"

#include <glib/gstdio.h>

static const WgMigration fixture_migrations[] = {
    {1, "CREATE TABLE message(id INTEGER PRIMARY KEY, sender TEXT NOT NULL, body BLOB NOT NULL,"
        " crc INTEGER NOT NULL)"},
    {0},
};

typedef struct {
  char *dir, *path;
  WgStoreOptions options;
} Fixture;

static inline void fixture_remove_dir(const char *dir) {
  GDir *d = g_dir_open(dir, 0, NULL);
  for (const char *name; d && (name = g_dir_read_name(d));) {
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_unlink(path);
  }
  if (d)
    g_dir_close(d);
  g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static inline void fixture_init(Fixture *f) {
  f->dir = g_dir_make_tmp("waggle-store-XXXXXX", NULL);
  g_assert_nonnull(f->dir);
  f->path = g_build_filename(f->dir, "test.db", NULL);
  f->options = (WgStoreOptions){.path = f->path, .migrations = fixture_migrations};
}

static inline void fixture_clear(Fixture *f) {
  fixture_remove_dir(f->dir);
  g_free(f->dir);
  g_free(f->path);
}

static inline WgStore *fixture_open(Fixture *f) {
  g_autoptr(GError) error = NULL;
  WgStore *store = wg_store_open(&f->options, NULL, &error);
  g_assert_no_error(error);
  return store;
}

static inline gint64 fixture_int(sqlite3 *db, const char *sql) {
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *stmt = wg_store_prepare(db, sql, &error);
  g_assert_no_error(error);
  g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
  gint64 v = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  return v;
}
