/* notify-schema.c: tables of notifications and silences; part of the first migration
 * (store-schema.c). Records are JSON and carry a checksum; columns beside them serve searching. */
#include "monitoring/store-private.h"

const char mon_schema_notify[] =
    /* what each integration was told of each group (group.h) */
    "CREATE TABLE notify_sent(integration TEXT NOT NULL, grp TEXT NOT NULL, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL, PRIMARY KEY(integration, grp)) WITHOUT ROWID;"
    /* `ended` 0: it is to be sent; then CLOCK_REALTIME, and `error` when it was given up */
    "CREATE TABLE notification(id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " integration TEXT NOT NULL, ended INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT,"
    " record TEXT NOT NULL, crc INTEGER NOT NULL);"
    "CREATE INDEX notification_open ON notification(id) WHERE ended = 0;"
    "CREATE TABLE silence(id INTEGER PRIMARY KEY, ends INTEGER NOT NULL, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL);";
