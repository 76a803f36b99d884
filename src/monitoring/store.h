/* store.h: the durable side of monitoring, DIR/monitord.db: one SQLite file, one writer thread.
 *
 * Everything goes through mon_store_do(): `run` in a transaction on the writer's thread, `done` on
 * the loop after the commit and its sync. So what done() tells is on the disk. Jobs keep their
 * order. */
#pragma once

#include "common/records.h"

typedef WgRecords MonStore;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonStore, wg_records_free)

/* Writer's thread, in a transaction with others' jobs; must be able to run twice (its batch may be
 * rolled back). FALSE with `error` refuses, and then it must not have changed anything; a statement
 * that fails (wg_records_row(), wg_records_run()) rolls the batch back by itself. */
typedef gboolean (*MonStoreRun)(MonStore *store, gpointer data, GError **error);
/* Loop's thread; never from inside mon_store_do(). Owns `data` again. */
typedef void (*MonStoreDone)(const GError *error, gpointer data);

/* Opens or makes DIR/monitord.db (common/records.h). Blocks: for a start. Until wg_records_begin()
 * rooms read what they need at a start on the loop's thread. */
MonStore *mon_store_open(const char *dir, WgSalvage *ret_salvage, GError **error);

/* `new_work`: refused while the disk is full or nearly so. `done` may be NULL: what `data` is then
 * has to be static. */
void mon_store_do(MonStore *store, MonStoreRun run, MonStoreDone done, gpointer data,
                  gboolean new_work);
