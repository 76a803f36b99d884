/* store.h: the durable side of monitoring, DIR/monitord.db: one SQLite file, one writer thread.
 *
 * Everything goes through mon_store_do(): `run` in a transaction on the writer's thread, `done` on
 * the loop after the commit and its sync. So what done() tells is on the disk. Jobs keep their
 * order. */
#pragma once

#include "common/clock.h"
#include "common/store-writer.h"

typedef struct MonStore MonStore;

/* Writer's thread, in a transaction with others' jobs; must be able to run twice (its batch may be
 * rolled back). FALSE with `error` refuses, and then it must not have changed anything; a statement
 * that fails (mon_store_row(), mon_store_run()) rolls the batch back by itself. */
typedef gboolean (*MonStoreRun)(MonStore *store, gpointer data, GError **error);
/* Loop's thread; never from inside mon_store_do(). Owns `data` again. */
typedef void (*MonStoreDone)(const GError *error, gpointer data);

/* Opens or makes the file. Damage is kept aside and salvaged (common/store.h). Blocks: for a start.
 */
MonStore *mon_store_open(const char *dir, WgSalvage *ret_salvage, GError **error);
/* From now on the writer's thread has the connection, and mon_store_do() works. Before it rooms
 * read what they need at a start through mon_store_db() on the loop's thread. */
void mon_store_begin(MonStore *store, WgStoreStateFunc state_changed, gpointer user_data);
/* Runs what is queued (each done() is called), then ends. Blocks. */
void mon_store_free(MonStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonStore, mon_store_free)

/* `new_work`: refused while the disk is full or nearly so. `done` may be NULL: what `data` is then
 * has to be static. */
void mon_store_do(MonStore *store, MonStoreRun run, MonStoreDone done, gpointer data,
                  gboolean new_work);

const WgClock *mon_store_clock(MonStore *store); /* lasting time, for stored deadlines */
WgWriter *mon_store_writer(MonStore *store);
gboolean mon_store_was_salvaged(MonStore *store); /* rows may be missing */

/* Inside `run`, or before mon_store_begin(). */
sqlite3 *mon_store_db(MonStore *store);
typedef sqlite3_stmt MonStatement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonStatement, sqlite3_finalize)
/* A statement for this one use; NULL: the batch has failed. Finalize it. */
sqlite3_stmt *mon_store_statement(MonStore *store, const char *sql);
/* TRUE: a row. A failure rolls the batch back. */
gboolean mon_store_row(MonStore *store, sqlite3_stmt *stmt);
/* Runs a statement without rows to its end, finalizes it. */
gboolean mon_store_run(MonStore *store, sqlite3_stmt *stmt);
/* The text of a checked record; NULL: its checksum does not hold, and it was quarantined. */
const char *mon_store_checked(MonStore *store, const char *table, gint64 key, const char *text,
                              guint32 crc);
/* A record that says nothing: loop's thread, or inside `run`. */
void mon_store_note_damage(MonStore *store, const char *table, gint64 key);
/* `func` on the loop, once for each damaged record that anybody met; those of before at once. */
typedef void (*MonDamageFunc)(const char *table, gint64 key, gpointer user_data);
void mon_store_on_damage(MonStore *store, MonDamageFunc func, gpointer user_data);
guint32 mon_store_crc(gint64 key, const char *text);
/* Before mon_store_begin(): what failed since the last look; TRUE: nothing. */
gboolean mon_store_good(MonStore *store, GError **error);

/* "ok", "nearly-full", "full", "read-only", "broken" */
const char *mon_store_state_name(WgStoreState state);
