/* schema.c: the tables of waggle-messaged's store and the statements on them.
 *
 * A released version is never edited: a change is a new migration. `live` holds deliveries that
 * are not final, `done` final ones; both are keyed by place (record.h), so that finding an agent's
 * next mail is a scan of neighbouring rows and needs no index. `data` and `meta` are packed by
 * codec.c and carry a checksum. What only few deliveries have stands beside them: `due` when
 * something happens by itself (lasting time), `calendar` the same by CLOCK_REALTIME, `turn` the
 * order within an ordering key.
 */
#include "messaging/engine-private.h"

#include <string.h>

const WgMigration msg_migrations[] = {
    {1,
     "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
     "CREATE TABLE boot(n INTEGER PRIMARY KEY, id TEXT NOT NULL, base INTEGER NOT NULL);"
     "CREATE TABLE actor(id INTEGER PRIMARY KEY, uid INTEGER NOT NULL, pid INTEGER, unit TEXT);"
     "CREATE TABLE agent(id INTEGER PRIMARY KEY, name TEXT NOT NULL, uid INTEGER NOT NULL,"
     " created INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL "
     "DEFAULT 0,"
     " paused_until INTEGER NOT NULL DEFAULT 0, pause_reason TEXT, info BLOB NOT NULL, crc INTEGER "
     "NOT NULL);"
     "CREATE UNIQUE INDEX agent_name ON agent(name) WHERE removed = 0;"
     "CREATE TABLE count(agent INTEGER PRIMARY KEY, queued INTEGER, scheduled INTEGER, held "
     "INTEGER,"
     " in_flight INTEGER, dead INTEGER, bytes INTEGER, last_seen INTEGER, urgent INTEGER);"
     "CREATE TABLE sender(id INTEGER PRIMARY KEY, uid INTEGER NOT NULL, name TEXT NOT NULL,"
     " messages INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, UNIQUE(uid, name));"
     "CREATE TABLE message(seq INTEGER PRIMARY KEY, sender INTEGER NOT NULL, time INTEGER NOT NULL,"
     " meta BLOB NOT NULL, body BLOB);"
     "CREATE TABLE live(place INTEGER PRIMARY KEY, data BLOB NOT NULL);"
     "CREATE TABLE due(place INTEGER PRIMARY KEY, at INTEGER NOT NULL);"
     "CREATE INDEX due_at ON due(at);"
     "CREATE TABLE calendar(place INTEGER PRIMARY KEY, at INTEGER NOT NULL);"
     "CREATE INDEX calendar_at ON calendar(at);"
     "CREATE TABLE turn(okey INTEGER NOT NULL, oseq INTEGER NOT NULL, place INTEGER NOT NULL,"
     " PRIMARY KEY(okey, oseq)) WITHOUT ROWID;"
     "CREATE TABLE done(place INTEGER PRIMARY KEY, data BLOB NOT NULL);"
     "CREATE TABLE dead(place INTEGER PRIMARY KEY, time INTEGER NOT NULL);"
     "CREATE INDEX dead_seq ON dead(place & 274877906943);" /* MSG_SEQ_MASK: by message */
     "CREATE TABLE dedup(sender INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,"
     " expires INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(sender, id)) WITHOUT ROWID;"
     "CREATE INDEX dedup_expires ON dedup(expires);"
     "CREATE TABLE imported(id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE reply(seq INTEGER PRIMARY KEY, due INTEGER NOT NULL);"
     "CREATE INDEX reply_due ON reply(due);"},
    {2, /* key: sender << 21 | agent, of which `last` is the last number; 0: as of which message */
     "CREATE TABLE pair(key INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
     "INSERT INTO pair SELECT 0, coalesce(max(seq), 0) FROM message;"},
    {0, NULL},
};

/* The memory of volatile messages: the same tables, so the same code serves both. */
static const char volatile_schema[] =
    /* by URI, else it would be read-only where the store is */
    "ATTACH 'file:vol?mode=memory' AS vol;"
    "CREATE TABLE vol.message(seq INTEGER PRIMARY KEY, sender INTEGER NOT NULL, time INTEGER NOT "
    "NULL,"
    " meta BLOB NOT NULL, body BLOB);"
    "CREATE TABLE vol.live(place INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE vol.due(place INTEGER PRIMARY KEY, at INTEGER NOT NULL);"
    "CREATE INDEX vol.due_at ON due(at);"
    "CREATE TABLE vol.calendar(place INTEGER PRIMARY KEY, at INTEGER NOT NULL);"
    "CREATE INDEX vol.calendar_at ON calendar(at);"
    "CREATE TABLE vol.turn(okey INTEGER NOT NULL, oseq INTEGER NOT NULL, place INTEGER NOT NULL,"
    " PRIMARY KEY(okey, oseq)) WITHOUT ROWID;"
    "CREATE TABLE vol.done(place INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE vol.dead(place INTEGER PRIMARY KEY, time INTEGER NOT NULL);"
    "CREATE INDEX vol.dead_seq ON dead(place & 274877906943);"
    "CREATE TABLE vol.count(agent INTEGER PRIMARY KEY, queued INTEGER, scheduled INTEGER, held "
    "INTEGER, in_flight INTEGER, dead INTEGER, bytes INTEGER, last_seen INTEGER, urgent INTEGER);"
    "CREATE TABLE vol.pair(key INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
    "CREATE TABLE vol.outstanding(sender INTEGER PRIMARY KEY, messages INTEGER, bytes INTEGER);";

/* %s is the schema. */
static const char *const both_text[_MSG_SQL_BOTH_MAX] = {
    [MSG_SQL_MESSAGE_INSERT] = "INSERT INTO %s.message VALUES(?1, ?2, ?3, ?4, ?5)",
    [MSG_SQL_MESSAGE_GET] = "SELECT sender, time, meta, body FROM %s.message WHERE seq = ?1",
    [MSG_SQL_MESSAGE_DELETE] = "DELETE FROM %s.message WHERE seq = ?1",
    [MSG_SQL_LIVE_INSERT] = "INSERT INTO %s.live VALUES(?1, ?2)",
    [MSG_SQL_LIVE_UPDATE] = "UPDATE %s.live SET data = ?2 WHERE place = ?1",
    [MSG_SQL_LIVE_GET] = "SELECT data FROM %s.live WHERE place = ?1",
    [MSG_SQL_LIVE_DELETE] = "DELETE FROM %s.live WHERE place = ?1",
    [MSG_SQL_LIVE_SCAN] =
        "SELECT place, data FROM %s.live WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3",
    [MSG_SQL_DUE_PUT] = "INSERT OR REPLACE INTO %s.due VALUES(?1, ?2)",
    [MSG_SQL_DUE_DELETE] = "DELETE FROM %s.due WHERE place = ?1",
    [MSG_SQL_DUE_ROWS] = "SELECT place FROM %s.due WHERE at <= ?1 ORDER BY at LIMIT 512",
    [MSG_SQL_DUE_NEXT] = "SELECT at FROM %s.due ORDER BY at LIMIT 1",
    [MSG_SQL_CALENDAR_PUT] = "INSERT OR REPLACE INTO %s.calendar VALUES(?1, ?2)",
    [MSG_SQL_CALENDAR_DELETE] = "DELETE FROM %s.calendar WHERE place = ?1",
    [MSG_SQL_CALENDAR_ROWS] = "SELECT place FROM %s.calendar WHERE at <= ?1 ORDER BY at LIMIT 512",
    [MSG_SQL_CALENDAR_NEXT] = "SELECT at FROM %s.calendar ORDER BY at LIMIT 1",
    [MSG_SQL_TURN_PUT] = "INSERT OR REPLACE INTO %s.turn VALUES(?1, ?2, ?3)",
    [MSG_SQL_TURN_DELETE] = "DELETE FROM %s.turn WHERE okey = ?1 AND oseq = ?2",
    [MSG_SQL_TURN_FIRST] = "SELECT place FROM %s.turn WHERE okey = ?1 ORDER BY oseq LIMIT 1",
    [MSG_SQL_DONE_INSERT] = "INSERT OR REPLACE INTO %s.done VALUES(?1, ?2)",
    [MSG_SQL_DONE_GET] = "SELECT data FROM %s.done WHERE place = ?1",
    [MSG_SQL_DONE_UPDATE] = "UPDATE %s.done SET data = ?2 WHERE place = ?1",
    [MSG_SQL_DONE_DELETE] = "DELETE FROM %s.done WHERE place = ?1",
    [MSG_SQL_DEAD_INSERT] = "INSERT OR REPLACE INTO %s.dead VALUES(?1, ?2)",
    [MSG_SQL_DEAD_DELETE] = "DELETE FROM %s.dead WHERE place = ?1",
    [MSG_SQL_COUNT_PUT] =
        "INSERT OR REPLACE INTO %s.count VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [MSG_SQL_PAIR_GET] = "SELECT last FROM %s.pair WHERE key = ?1",
    [MSG_SQL_PAIR_PUT] = "INSERT OR REPLACE INTO %s.pair VALUES(?1, ?2)",
};

static const char *const main_text[_MSG_SQL_MAX] = {
    [MSG_SQL_SENDER_FIND] = "SELECT id, s.messages, s.bytes, v.messages, v.bytes FROM sender s LEFT"
                            " JOIN vol.outstanding v ON v.sender = id WHERE uid = ?1 AND name = ?2",
    [MSG_SQL_SENDER_GET] = "SELECT id, s.messages, s.bytes, v.messages, v.bytes, uid, name FROM "
                           "sender s LEFT JOIN vol.outstanding v ON v.sender = id WHERE id = ?1",
    [MSG_SQL_SENDER_INSERT] = "INSERT INTO sender(uid, name) VALUES(?1, ?2)",
    [MSG_SQL_SENDER_PUT] = "UPDATE sender SET messages = ?2, bytes = ?3 WHERE id = ?1",
    [MSG_SQL_SENDER_PUT_VOLATILE] = "INSERT OR REPLACE INTO vol.outstanding VALUES(?1, ?2, ?3)",
    [MSG_SQL_ACTOR_INSERT] = "INSERT INTO actor(uid, pid, unit) VALUES(?1, ?2, ?3)",
    [MSG_SQL_ACTOR_GET] = "SELECT uid, pid, unit FROM actor WHERE id = ?1",
    [MSG_SQL_DEDUP_GET] = "SELECT seq, expires, digest FROM dedup WHERE sender = ?1 AND id = ?2",
    [MSG_SQL_DEDUP_PUT] = "INSERT OR REPLACE INTO dedup VALUES(?1, ?2, ?3, ?4, ?5)",
    [MSG_SQL_REPLY_PUT] = "INSERT OR REPLACE INTO reply VALUES(?1, ?2)",
    [MSG_SQL_REPLY_DELETE] = "DELETE FROM reply WHERE seq = ?1",
    [MSG_SQL_REPLY_DUE] = "SELECT seq FROM reply WHERE due <= ?1 ORDER BY due LIMIT ?2",
    [MSG_SQL_REPLY_NEXT] = "SELECT due FROM reply ORDER BY due LIMIT 1",
};

gboolean msg_schema_prepare(MsgEngine *e, GError **error) {
  static const char *const schemas[2] = {"main", "vol"};

  e->db = wg_store_db(e->store);
  if (!wg_store_exec(e->db, volatile_schema, error))
    return FALSE;
  for (guint s = 0; s < 2; s++)
    for (guint i = 0; i < _MSG_SQL_BOTH_MAX; i++) {
      g_auto(GStrv) parts = g_strsplit(both_text[i], "%s", 2);
      g_autofree char *text = g_strjoin(schemas[s], parts[0], parts[1], NULL);
      if (!(e->sql[s][i] = wg_store_prepare(e->db, text, error)))
        return FALSE;
    }
  for (guint i = _MSG_SQL_BOTH_MAX; i < _MSG_SQL_MAX; i++)
    if (!(e->sql[0][i] = wg_store_prepare(e->db, main_text[i], error)))
      return FALSE;
  return TRUE;
}

/* A connection that was given up stays until its statements are finalized. */
void msg_schema_finalize(MsgEngine *e) {
  for (guint s = 0; s < 2; s++)
    for (guint i = 0; i < _MSG_SQL_MAX; i++)
      g_clear_pointer(&e->sql[s][i], sqlite3_finalize);
}

/* Closing the store finalizes its statements. */
void msg_schema_forget(MsgEngine *e) {
  memset(e->sql, 0, sizeof e->sql);
}

void msg_fail(MsgEngine *e, const char *doing) {
  GError *error = NULL;

  if (e->failed)
    return;
  wg_store_set_error(e->db, &error, doing);
  e->failed = TRUE;
  if (e->writer && e->in_batch)
    wg_writer_fail(e->writer, error);
  else if (e->start_error)
    g_error_free(error); /* the first one is the cause */
  else
    e->start_error = error;
}

gboolean msg_sql_run(MsgEngine *e, sqlite3_stmt *stmt) {
  /* after some errors the transaction is over, and what is written then stays */
  int r = e->failed ? SQLITE_ABORT : sqlite3_step(stmt);

  if (r != SQLITE_DONE)
    msg_fail(e, sqlite3_sql(stmt));
  sqlite3_reset(stmt);
  return r == SQLITE_DONE;
}
