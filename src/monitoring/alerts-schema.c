/* alerts-schema.c: tables of rules' alerts and every transition of theirs; part of the first
 * migration (store-schema.c). */
#include "monitoring/store-private.h"

const char mon_schema_alerts[] =
    /* alerts that are pending, fire, or ended so lately that it counts for flapping; times are
       lasting time; the crc's key is active_since */
    "CREATE TABLE alert(fingerprint TEXT PRIMARY KEY, rule TEXT NOT NULL,"
    " active_since INTEGER NOT NULL, kept_since INTEGER NOT NULL, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL);"
    /* seq is given out by the loop and never again: whoever tells of transitions keeps the last */
    "CREATE TABLE alert_transition(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " fingerprint TEXT NOT NULL, time INTEGER NOT NULL, record TEXT NOT NULL,"
    " crc INTEGER NOT NULL);"
    "CREATE INDEX alert_transition_fingerprint ON alert_transition(fingerprint, seq);"
    "CREATE INDEX alert_transition_time ON alert_transition(time);";
