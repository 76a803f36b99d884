/* store-schema.c: the tables of monitord.db, room by room.
 *
 * A released version is never edited: a change is a new migration. A record that matters carries a
 * checksum over itself and its key (wg_records_crc()). */
#include "monitoring/store-private.h"

static const char base[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE boot(n INTEGER PRIMARY KEY, id TEXT NOT NULL, base INTEGER NOT NULL);"
    /* where the journal was read to, and other places in what others write */
    "CREATE TABLE cursor(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/* how often something happened (event-count.c) */
static const char version_2[] = "CREATE TABLE event_count ("
                                "  event TEXT NOT NULL,"
                                "  unit TEXT NOT NULL,"
                                "  n INTEGER NOT NULL,"
                                "  created INTEGER NOT NULL," /* CLOCK_REALTIME us */
                                "  touched INTEGER NOT NULL,"
                                "  crc INTEGER NOT NULL,"
                                "  PRIMARY KEY (event, unit)"
                                ") WITHOUT ROWID;";

const WgMigration *mon_store_migrations(void) {
  static WgMigration migrations[3];
  static gsize made;

  if (g_once_init_enter(&made)) {
    migrations[0].version = 1;
    migrations[0].sql = g_strconcat(base, mon_schema_registry, mon_schema_history,
                                    mon_schema_alerts, mon_schema_notify, NULL);
    migrations[1] = (WgMigration){2, version_2};
    g_once_init_leave(&made, 1);
  }
  return migrations;
}
