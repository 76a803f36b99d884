/* history-schema.c: tables of the history of values; part of the first migration (store-schema.c).
 *
 * A series is its name and labels (name NUL value NUL ...). A chunk is a run of its samples: tier 0
 * as they were taken; 1 and 2 rolled up, where `data` is the mean of a gauge or the last value of a
 * counter, `low` and `high` its bounds. Times are CLOCK_REALTIME us. `counter` keeps what earlier
 * groups of a unit had counted. */
#include "monitoring/store-private.h"

const char mon_schema_history[] =
    "CREATE TABLE history_series ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  is_counter INTEGER NOT NULL,"
    "  rolled1 INTEGER NOT NULL DEFAULT 0," /* everything before is in tier 1 */
    "  rolled2 INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (name, labels)"
    ");"
    "CREATE INDEX history_series_rolled1 ON history_series (rolled1);"
    "CREATE INDEX history_series_rolled2 ON history_series (rolled2);"
    "CREATE TABLE history_chunk ("
    "  series INTEGER NOT NULL,"
    "  tier INTEGER NOT NULL,"
    "  start INTEGER NOT NULL,"
    "  stop INTEGER NOT NULL," /* of the last sample */
    "  data BLOB NOT NULL,"
    "  low BLOB,"
    "  high BLOB,"
    "  crc INTEGER NOT NULL,"
    "  PRIMARY KEY (series, tier, start)"
    ") WITHOUT ROWID;"
    "CREATE INDEX history_chunk_age ON history_chunk (tier, stop);"
    "CREATE TABLE counter ("
    "  unit TEXT PRIMARY KEY,"
    "  seen INTEGER NOT NULL," /* CLOCK_REALTIME us */
    "  data BLOB NOT NULL,"
    "  crc INTEGER NOT NULL"
    ") WITHOUT ROWID;";
