/* records.c: see records.h.
 *
 * Statements are made where they are used: those who keep records write seldom. */
#include "common/records.h"

#include "common/error.h"

#include <string.h>

/* Given up when the disk is full, so that what was begun can be ended. */
#define RESERVE_BYTES (4 * 1024 * 1024)
/* Below that nothing new is taken. */
#define LOW_WATER_BYTES (8 * 1024 * 1024)

struct WgRecords {
  WgStore *store; /* the writer's once there is one */
  WgWriter *writer;
  sqlite3 *db; /* writer's thread; before there is a writer the opener's */
  WgClock clock;
  gboolean salvaged;
  GError *failure;     /* before there is a writer: what a statement met first */
  GMutex lock;         /* of damaged */
  GHashTable *damaged; /* "TABLE KEY": met, so that each is told once */
  GPtrArray *untold;   /* of these */
  WgDamageFunc on_damage;
  gpointer damage_data;
};

static void fail(WgRecords *records, const char *doing) {
  GError *error = NULL;

  wg_store_set_error(records->db, &error, doing);
  if (records->writer != NULL)
    wg_writer_fail(records->writer, error);
  else if (records->failure == NULL)
    records->failure = error;
  else
    g_error_free(error);
}

sqlite3 *wg_records_db(WgRecords *records) {
  return records->db;
}

sqlite3_stmt *wg_records_statement(WgRecords *records, const char *sql) {
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2(records->db, sql, -1, &stmt, NULL) != SQLITE_OK)
    fail(records, sql);
  return stmt;
}

gboolean wg_records_row(WgRecords *records, sqlite3_stmt *stmt) {
  int r = sqlite3_step(stmt);

  if (r != SQLITE_ROW && r != SQLITE_DONE)
    fail(records, sqlite3_sql(stmt));
  return r == SQLITE_ROW;
}

gboolean wg_records_run(WgRecords *records, sqlite3_stmt *stmt) {
  int r = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

  if (stmt != NULL && r != SQLITE_DONE)
    fail(records, sqlite3_sql(stmt));
  sqlite3_finalize(stmt);
  return r == SQLITE_DONE;
}

gboolean wg_records_seen(WgRecords *records, gint64 now) {
  sqlite3_stmt *seen =
      wg_records_statement(records, "INSERT OR REPLACE INTO meta VALUES('seen', ?1)");

  if (seen != NULL)
    sqlite3_bind_int64(seen, 1, now);
  return wg_records_run(records, seen);
}

/* ---- checked records ---- */
guint32 wg_records_crc(gint64 key, const char *text) {
  guint32 crc = wg_store_crc(0, &key, sizeof key);

  return wg_store_crc(crc, text, strlen(text));
}

/* A damaged row is met again at each look, and kept once. */
static gboolean is_kept(WgRecords *records, const char *table, gint64 key) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(records, "SELECT 1 FROM quarantine WHERE source = ?1 AND key = ?2");

  if (stmt == NULL)
    return TRUE;
  sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, key);
  return wg_records_row(records, stmt);
}

void wg_records_note_damage(WgRecords *records, const char *table, gint64 key) {
  char *name = g_strdup_printf("%s %" G_GINT64_FORMAT, table, key);

  g_mutex_lock(&records->lock);
  if (g_hash_table_add(records->damaged, name))
    g_ptr_array_add(records->untold, name);
  g_mutex_unlock(&records->lock);
}

void wg_records_tell_damage(WgRecords *records) {
  g_mutex_lock(&records->lock);
  while (records->on_damage != NULL && records->untold->len > 0) {
    g_auto(GStrv) parts = g_strsplit(g_ptr_array_steal_index(records->untold, 0), " ", 2);
    g_mutex_unlock(&records->lock);
    records->on_damage(parts[0], g_ascii_strtoll(parts[1], NULL, 10), records->damage_data);
    g_mutex_lock(&records->lock);
  }
  g_mutex_unlock(&records->lock);
}

void wg_records_on_damage(WgRecords *records, WgDamageFunc func, gpointer user_data) {
  records->on_damage = func;
  records->damage_data = user_data;
  wg_records_tell_damage(records);
}

const char *wg_records_checked(WgRecords *records, const char *table, gint64 key, const char *text,
                               guint32 crc) {
  g_autoptr(GError) error = NULL;

  if (text != NULL && wg_records_crc(key, text) == crc)
    return text;
  wg_records_note_damage(records, table, key);
  /* it is read for the record's sake; that it cannot be kept aside must not hide what is said */
  if (!is_kept(records, table, key) &&
      !wg_store_quarantine(records->db, table, key, "the checksum does not hold",
                           text != NULL ? text : "", text != NULL ? strlen(text) : 0, &error))
    g_debug("A damaged row of %s cannot be kept: %s", table, error->message);
  return NULL;
}

gboolean wg_records_good(WgRecords *records, GError **error) {
  if (records->failure == NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&records->failure));
  return FALSE;
}

gboolean wg_records_is_good(const WgRecords *records) {
  return records->failure == NULL;
}

/* ---- life ---- */
static gboolean reopened(gpointer engine, const WgSalvage *salvage, GError **error) {
  WgRecords *records = engine;

  records->db = wg_store_db(wg_writer_store(records->writer));
  return TRUE;
}

static const WgWriterEngine writer_funcs = {.reopened = reopened};

static gboolean open_clock(WgRecords *records, GError **error) {
  g_autofree char *id = NULL;
  gint64 base = 0, seen = 0;
  gboolean is_new;
  g_autoptr(WgStatement) boot =
      wg_records_statement(records, "SELECT id, base FROM boot ORDER BY n DESC LIMIT 1");
  g_autoptr(WgStatement) meta =
      boot != NULL ? wg_records_statement(records, "SELECT value FROM meta WHERE key = 'seen'")
                   : NULL;

  if (meta != NULL && wg_records_row(records, boot)) {
    id = g_strdup((const char *)sqlite3_column_text(boot, 0));
    base = sqlite3_column_int64(boot, 1);
  }
  if (meta != NULL && wg_records_row(records, meta))
    seen = sqlite3_column_int64(meta, 0);
  if (!wg_records_good(records, error) ||
      !wg_clock_init(&records->clock, id, base, seen, &is_new, error))
    return FALSE;
  if (!is_new || wg_store_is_read_only(records->store))
    return TRUE;
  sqlite3_stmt *insert = wg_records_statement(records, "INSERT INTO boot(id, base) VALUES(?1, ?2)");
  if (insert != NULL) {
    sqlite3_bind_text(insert, 1, records->clock.boot_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, records->clock.base);
    wg_records_run(records, insert);
  }
  /* a full disk: the next start stores it; deadlines are told by this base meanwhile */
  g_clear_error(&records->failure);
  return TRUE;
}

WgRecords *wg_records_open(const char *path, const WgMigration *migrations, WgSalvage *ret_salvage,
                           GError **error) {
  g_autoptr(WgRecords) records = g_new0(WgRecords, 1);
  WgStoreOptions options = {
      .path = path,
      .migrations = migrations,
      .reserve_bytes = RESERVE_BYTES,
      .low_water_bytes = LOW_WATER_BYTES,
  };

  g_mutex_init(&records->lock);
  records->damaged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  records->untold = g_ptr_array_new();
  records->store = wg_store_open(&options, ret_salvage, error);
  if (records->store == NULL)
    return NULL;
  records->db = wg_store_db(records->store);
  records->salvaged = ret_salvage->happened;
  return open_clock(records, error) ? g_steal_pointer(&records) : NULL;
}

void wg_records_begin(WgRecords *records, WgStoreStateFunc state_changed, gpointer user_data) {
  records->writer = wg_writer_new(g_steal_pointer(&records->store), &writer_funcs, records,
                                  state_changed, user_data);
}

void wg_records_free(WgRecords *records) {
  if (records == NULL)
    return;
  g_clear_pointer(&records->writer, wg_writer_free);
  g_clear_pointer(&records->store, wg_store_close);
  g_clear_error(&records->failure);
  g_ptr_array_unref(records->untold);
  g_hash_table_unref(records->damaged);
  g_mutex_clear(&records->lock);
  g_free(records);
}

const WgClock *wg_records_clock(WgRecords *records) {
  return &records->clock;
}

WgWriter *wg_records_writer(WgRecords *records) {
  return records->writer;
}

gboolean wg_records_was_salvaged(WgRecords *records) {
  return records->salvaged;
}
