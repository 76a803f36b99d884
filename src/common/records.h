/* records.h: the durable records of a service: one SQLite file, one writer thread, lasting time.
 *
 * A job runs in a transaction on the writer's thread and is done on the loop after the commit and
 * its sync (store-writer.h), so what done() tells is on the disk. Jobs keep their order. A record
 * that matters carries a checksum over itself and its key; one whose checksum does not hold is
 * quarantined and costs no other.
 *
 * The file needs meta(key, value) and boot(n, id, base): the largest lasting time that was seen
 * stands there, so that the clock of the next boot never goes back behind it. */
#pragma once

#include "common/clock.h"
#include "common/store-writer.h"

typedef struct WgRecords WgRecords;

/* Opens or makes the file. Damage is kept aside and salvaged (store.h). Blocks: for a start.
 * `migrations`: static, ends with version 0. */
WgRecords *wg_records_open(const char *path, const WgMigration *migrations, WgSalvage *ret_salvage,
                           GError **error);
/* From now on the writer's thread has the connection, and jobs are taken. Before it everything is
 * read and written on the loop's thread. */
void wg_records_begin(WgRecords *records, WgStoreStateFunc state_changed, gpointer user_data);
/* Runs what is queued (each done() is called), then ends. Blocks. */
void wg_records_free(WgRecords *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgRecords, wg_records_free)

const WgClock *wg_records_clock(WgRecords *records); /* lasting time, for stored deadlines */
WgWriter *wg_records_writer(WgRecords *records);     /* its `engine` is the WgRecords; NULL: none */
gboolean wg_records_was_salvaged(WgRecords *records); /* rows may be missing */

/* ---- inside a job's run(), or before wg_records_begin() ---- */
sqlite3 *wg_records_db(WgRecords *records);
typedef sqlite3_stmt WgStatement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgStatement, sqlite3_finalize)
/* A statement for this one use; NULL: the batch has failed. Finalize it. */
sqlite3_stmt *wg_records_statement(WgRecords *records, const char *sql);
/* TRUE: a row. A failure rolls the batch back. */
gboolean wg_records_row(WgRecords *records, sqlite3_stmt *stmt);
/* Runs a statement without rows to its end, finalizes it. */
gboolean wg_records_run(WgRecords *records, sqlite3_stmt *stmt);
/* Lasting time `now` was seen. */
gboolean wg_records_seen(WgRecords *records, gint64 now);
/* The text of a checked record; NULL: its checksum does not hold, and it was quarantined. */
const char *wg_records_checked(WgRecords *records, const char *table, gint64 key, const char *text,
                               guint32 crc);
/* A record that says nothing any more: loop's thread, or inside a job's run(). */
void wg_records_note_damage(WgRecords *records, const char *table, gint64 key);
guint32 wg_records_crc(gint64 key, const char *text);
/* Both before wg_records_begin(): whether nothing failed since the last wg_records_good(), which
 * tells what did and forgets it. */
gboolean wg_records_good(WgRecords *records, GError **error);
gboolean wg_records_is_good(const WgRecords *records);

/* ---- what was damaged ---- Loop's thread. `func` is called once for each damaged record that
 * anybody met: for those of before at once, for others at each wg_records_tell_damage(). */
typedef void (*WgDamageFunc)(const char *table, gint64 key, gpointer user_data);
void wg_records_on_damage(WgRecords *records, WgDamageFunc func, gpointer user_data);
void wg_records_tell_damage(WgRecords *records);
