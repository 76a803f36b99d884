/* registry-schema.c: tables of what is registered, its probes and their states; part of the first
 * migration (store-schema.c). Records are JSON (registry-record.c). */
#include "monitoring/store-private.h"

const char mon_schema_registry[] =
    /* what calls have registered, tombstones too */
    "CREATE TABLE registry_service(name TEXT PRIMARY KEY, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE registry_maintenance(name TEXT PRIMARY KEY, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE registry_change(revision INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " service TEXT NOT NULL, what TEXT NOT NULL, state TEXT NOT NULL, reason TEXT);"
    /* the place in the journal that was read to; the last push, in lasting time */
    "CREATE TABLE registry_probe(service TEXT NOT NULL, probe TEXT NOT NULL, cursor TEXT,"
    " pushed INTEGER NOT NULL, PRIMARY KEY(service, probe)) WITHOUT ROWID;";
