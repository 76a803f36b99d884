/* record-schema.c: the tables of deployments.db.
 *
 * A released version is never edited: a change is a new migration. `record` is JSON (record.h) and
 * carries a checksum over itself and its key; the columns beside it only serve searching. */
#include "deployment/record-private.h"

const WgMigration dpl_migrations[] = {
    {1,
     "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE boot(n INTEGER PRIMARY KEY, id TEXT NOT NULL, base INTEGER NOT NULL);"
     "CREATE TABLE txn(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, target TEXT NOT NULL,"
     " state TEXT NOT NULL, live INTEGER NOT NULL, created INTEGER NOT NULL,"
     " ended INTEGER NOT NULL, record TEXT NOT NULL, crc INTEGER NOT NULL);"
     "CREATE INDEX txn_live ON txn(id) WHERE live = 1;"
     "CREATE INDEX txn_target ON txn(target, id);"
     "CREATE INDEX txn_job ON txn(job);"
     "CREATE TABLE transition(n INTEGER PRIMARY KEY, txn INTEGER NOT NULL, time INTEGER NOT NULL,"
     " before TEXT, after TEXT NOT NULL, took INTEGER NOT NULL, cause TEXT, who TEXT);"
     "CREATE INDEX transition_txn ON transition(txn, n);"
     "CREATE TABLE result(txn INTEGER PRIMARY KEY, record TEXT NOT NULL, crc INTEGER NOT NULL);"
     "CREATE TABLE job(id INTEGER PRIMARY KEY, live INTEGER NOT NULL, record TEXT NOT NULL,"
     " crc INTEGER NOT NULL);"
     "CREATE INDEX job_live ON job(id) WHERE live = 1;"
     /* `good`: the release that was committed last; `frozen`: the transaction whose roll-back
      * failed, as long as nobody has looked after it */
     "CREATE TABLE target(name TEXT PRIMARY KEY, root TEXT NOT NULL, good TEXT,"
     " good_txn INTEGER NOT NULL, frozen INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE poison(digest TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL,"
     " txn INTEGER NOT NULL, target TEXT NOT NULL, text TEXT) WITHOUT ROWID;"
     /* each entry's hash is over the one before it, its own number, time and text */
     "CREATE TABLE audit(n INTEGER PRIMARY KEY, time INTEGER NOT NULL, what TEXT NOT NULL,"
     " hash BLOB NOT NULL);"},
    /* what a look for edited files has found: of the release that served then */
    {2, "CREATE TABLE drift(target TEXT PRIMARY KEY, release TEXT NOT NULL, state TEXT NOT NULL,"
        " time INTEGER NOT NULL, text TEXT) WITHOUT ROWID;"},
    {0, NULL},
};
