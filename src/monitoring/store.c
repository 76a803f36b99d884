/* store.c: see store.h.
 *
 * The largest lasting time that was seen is written with each job that has written something, so
 * that the clock of the next boot never goes back behind it. */
#include "monitoring/store-private.h"

#include "common/error.h"

#include <string.h>

#define STORE_FILE "monitord.db"
/* Given up when the disk is full, so that alerts go on. */
#define RESERVE_BYTES (4 * 1024 * 1024)
/* Below that nothing that can wait is taken. */
#define LOW_WATER_BYTES (8 * 1024 * 1024)

struct MonStore {
  WgStore *store; /* until the writer has it */
  WgWriter *writer;
  sqlite3 *db;
  WgClock clock;
  GError *failure; /* without a writer: the first one */
  gboolean salvaged;
  GMutex lock;         /* of damaged */
  GHashTable *damaged; /* "TABLE KEY": met, so that each is told once */
  GPtrArray *untold;   /* of these */
  MonDamageFunc on_damage;
  gpointer damage_data;
};

static void fail(MonStore *store, const char *doing) {
  GError *error = NULL;

  wg_store_set_error(store->db, &error, doing);
  if (store->writer != NULL)
    wg_writer_fail(store->writer, error);
  else if (store->failure == NULL)
    store->failure = error;
  else
    g_error_free(error);
}

sqlite3 *mon_store_db(MonStore *store) {
  return store->db;
}

sqlite3_stmt *mon_store_statement(MonStore *store, const char *sql) {
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
    fail(store, sql);
  return stmt;
}

gboolean mon_store_row(MonStore *store, sqlite3_stmt *stmt) {
  int r = sqlite3_step(stmt);

  if (r != SQLITE_ROW && r != SQLITE_DONE)
    fail(store, sqlite3_sql(stmt));
  return r == SQLITE_ROW;
}

gboolean mon_store_run(MonStore *store, sqlite3_stmt *stmt) {
  int r = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

  if (stmt != NULL && r != SQLITE_DONE)
    fail(store, sqlite3_sql(stmt));
  sqlite3_finalize(stmt);
  return r == SQLITE_DONE;
}

guint32 mon_store_crc(gint64 key, const char *text) {
  guint32 crc = wg_store_crc(0, &key, sizeof key);

  return wg_store_crc(crc, text, strlen(text));
}

/* A damaged row is met again at each look, and kept once. */
static gboolean is_kept(MonStore *store, const char *table, gint64 key) {
  g_autoptr(MonStatement) stmt =
      mon_store_statement(store, "SELECT 1 FROM quarantine WHERE source = ?1 AND key = ?2");

  if (stmt == NULL)
    return TRUE;
  sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, key);
  return mon_store_row(store, stmt);
}

/* ---- damage ---- */
void mon_store_note_damage(MonStore *store, const char *table, gint64 key) {
  char *name = g_strdup_printf("%s %" G_GINT64_FORMAT, table, key);

  g_mutex_lock(&store->lock);
  if (g_hash_table_add(store->damaged, name))
    g_ptr_array_add(store->untold, name);
  g_mutex_unlock(&store->lock);
}

static void tell_damage(MonStore *store) {
  g_mutex_lock(&store->lock);
  while (store->on_damage != NULL && store->untold->len > 0) {
    g_auto(GStrv) parts = g_strsplit(g_ptr_array_steal_index(store->untold, 0), " ", 2);
    g_mutex_unlock(&store->lock);
    store->on_damage(parts[0], g_ascii_strtoll(parts[1], NULL, 10), store->damage_data);
    g_mutex_lock(&store->lock);
  }
  g_mutex_unlock(&store->lock);
}

void mon_store_on_damage(MonStore *store, MonDamageFunc func, gpointer user_data) {
  store->on_damage = func;
  store->damage_data = user_data;
  tell_damage(store);
}

const char *mon_store_checked(MonStore *store, const char *table, gint64 key, const char *text,
                              guint32 crc) {
  g_autoptr(GError) error = NULL;

  if (text != NULL && mon_store_crc(key, text) == crc)
    return text;
  mon_store_note_damage(store, table, key);
  /* it is read for the record's sake; that it cannot be kept aside must not hide what is said */
  if (!is_kept(store, table, key) &&
      !wg_store_quarantine(store->db, table, key, "the checksum does not hold",
                           text != NULL ? text : "", text != NULL ? strlen(text) : 0, &error))
    g_debug("A damaged row of %s cannot be kept: %s", table, error->message);
  return NULL;
}

gboolean mon_store_good(MonStore *store, GError **error) {
  if (store->failure == NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&store->failure));
  return FALSE;
}

/* ---- jobs ---- */
typedef struct {
  WgJob job;
  MonStore *owner;
  MonStoreRun run;
  MonStoreDone done;
  gpointer data;
  gint64 seen;
} Job;

static WgJobResult job_run(WgJob *base, gpointer engine) {
  Job *job = (Job *)base;
  MonStore *store = engine;

  sqlite3_int64 before = sqlite3_total_changes64(store->db);

  g_clear_error(&base->error);
  if (!job->run(store, job->data, &base->error) || sqlite3_total_changes64(store->db) == before)
    return WG_JOB_DONE;
  sqlite3_stmt *seen = mon_store_statement(store, "INSERT OR REPLACE INTO meta VALUES('seen', ?1)");
  if (seen != NULL) {
    sqlite3_bind_int64(seen, 1, job->seen);
    mon_store_run(store, seen);
  }
  return WG_JOB_DONE;
}

static void job_done(WgJob *base) {
  Job *job = (Job *)base;

  if (job->done != NULL)
    job->done(base->error, job->data);
  tell_damage(job->owner);
  g_clear_error(&base->error);
  g_free(job);
}

void mon_store_do(MonStore *store, MonStoreRun run, MonStoreDone done, gpointer data,
                  gboolean new_work) {
  Job *job = g_new0(Job, 1);

  job->job.run = job_run;
  job->job.done = job_done;
  job->job.new_work = new_work;
  job->owner = store;
  job->run = run;
  job->done = done;
  job->data = data;
  job->seen = wg_clock_now(&store->clock);
  wg_writer_submit(store->writer, &job->job);
}

/* ---- life ---- */
static gboolean reopened(gpointer engine, const WgSalvage *salvage, GError **error) {
  MonStore *store = engine;

  store->db = wg_store_db(wg_writer_store(store->writer));
  return TRUE;
}

static const WgWriterEngine writer_funcs = {.reopened = reopened};

static gboolean open_clock(MonStore *store, GError **error) {
  g_autofree char *id = NULL;
  gint64 base = 0, seen = 0;
  gboolean is_new;
  g_autoptr(MonStatement) boot =
      mon_store_statement(store, "SELECT id, base FROM boot ORDER BY n DESC LIMIT 1");
  g_autoptr(MonStatement) meta =
      boot != NULL ? mon_store_statement(store, "SELECT value FROM meta WHERE key = 'seen'") : NULL;

  if (meta != NULL && mon_store_row(store, boot)) {
    id = g_strdup((const char *)sqlite3_column_text(boot, 0));
    base = sqlite3_column_int64(boot, 1);
  }
  if (meta != NULL && mon_store_row(store, meta))
    seen = sqlite3_column_int64(meta, 0);
  if (!mon_store_good(store, error) ||
      !wg_clock_init(&store->clock, id, base, seen, &is_new, error))
    return FALSE;
  if (!is_new || wg_store_is_read_only(store->store))
    return TRUE;
  sqlite3_stmt *insert = mon_store_statement(store, "INSERT INTO boot(id, base) VALUES(?1, ?2)");
  if (insert != NULL) {
    sqlite3_bind_text(insert, 1, store->clock.boot_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, store->clock.base);
    mon_store_run(store, insert);
  }
  /* a full disk: the next start stores it; deadlines are told by this base meanwhile */
  g_clear_error(&store->failure);
  return TRUE;
}

MonStore *mon_store_open(const char *dir, WgSalvage *ret_salvage, GError **error) {
  g_autofree char *path = g_build_filename(dir, STORE_FILE, NULL);
  g_autoptr(MonStore) store = g_new0(MonStore, 1);
  WgStoreOptions options = {
      .path = path,
      .migrations = mon_store_migrations(),
      .reserve_bytes = RESERVE_BYTES,
      .low_water_bytes = LOW_WATER_BYTES,
  };

  g_mutex_init(&store->lock);
  store->damaged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  store->untold = g_ptr_array_new();
  store->store = wg_store_open(&options, ret_salvage, error);
  if (store->store == NULL)
    return NULL;
  store->db = wg_store_db(store->store);
  store->salvaged = ret_salvage->happened;
  return open_clock(store, error) ? g_steal_pointer(&store) : NULL;
}

void mon_store_begin(MonStore *store, WgStoreStateFunc state_changed, gpointer user_data) {
  store->writer =
      wg_writer_new(g_steal_pointer(&store->store), &writer_funcs, store, state_changed, user_data);
}

void mon_store_free(MonStore *store) {
  if (store == NULL)
    return;
  g_clear_pointer(&store->writer, wg_writer_free);
  g_clear_pointer(&store->store, wg_store_close);
  g_clear_error(&store->failure);
  g_ptr_array_unref(store->untold);
  g_hash_table_unref(store->damaged);
  g_mutex_clear(&store->lock);
  g_free(store);
}

const WgClock *mon_store_clock(MonStore *store) {
  return &store->clock;
}

WgWriter *mon_store_writer(MonStore *store) {
  return store->writer;
}

gboolean mon_store_was_salvaged(MonStore *store) {
  return store->salvaged;
}

const char *mon_store_state_name(WgStoreState state) {
  static const char *const names[] = {
      [WG_STORE_OK] = "ok",         [WG_STORE_NEARLY_FULL] = "nearly-full",
      [WG_STORE_FULL] = "full",     [WG_STORE_READ_ONLY] = "read-only",
      [WG_STORE_BROKEN] = "broken",
  };

  return names[state];
}
