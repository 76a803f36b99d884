/* store-wal-gather.h: one write for all frames of a commit. */
#pragma once

#include <sqlite3.h>

/* From now on the WAL of `db` is written commit by commit. Without a WAL, or called a second time,
 * nothing happens. Ends with the connection. */
void wg_wal_gather(sqlite3 *db);
