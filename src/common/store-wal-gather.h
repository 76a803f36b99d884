/* store-wal-gather.h: one write for all frames of a commit. */
#pragma once

#include <sqlite3.h>

/* From now on the WAL of `db` is written commit by commit. Without a WAL, or called a second time,
 * nothing happens. Ends with the connection. */
void wg_wal_gather(sqlite3 *db);

/* Puts what has been written of the WAL `file` on the disk. For any thread: what the connection is
 * writing meanwhile is left alone. NULL is no error. */
int wg_wal_sync(sqlite3_file *file);
