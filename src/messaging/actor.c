/* actor.c: who caused a receipt.
 *
 * uid, pid and unit of a connection are stored once, in table actor, and each receipt refers to the
 * row: complete, and four bytes a receipt. An actor is shared with the loop thread, so its count is
 * atomic; `row` is the engine's alone. */
#include "messaging/engine-private.h"

MsgActor *msg_actor_new(guint64 caller, uid_t uid, pid_t pid, const char *unit) {
  MsgActor *actor = g_new0(MsgActor, 1);

  actor->refs = 1;
  actor->caller = caller;
  actor->uid = uid;
  actor->pid = pid;
  actor->unit = g_strdup(unit);
  return actor;
}

MsgActor *msg_actor_ref(MsgActor *actor) {
  g_atomic_int_inc(&actor->refs);
  return actor;
}

void msg_actor_unref(MsgActor *actor) {
  if (!actor || !g_atomic_int_dec_and_test(&actor->refs))
    return;
  g_free(actor->unit);
  g_free(actor);
}

guint32 msg_actor_row(MsgEngine *e, const MsgActor *actor) {
  MsgActor *a = (MsgActor *)actor;
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_ACTOR_INSERT];

  if (!a)
    return 0;
  if (a->row)
    return a->row;
  sqlite3_bind_int64(stmt, 1, a->uid);
  sqlite3_bind_int64(stmt, 2, a->pid);
  if (a->unit)
    sqlite3_bind_text(stmt, 3, a->unit, -1, SQLITE_STATIC);
  else
    sqlite3_bind_null(stmt, 3);
  if (!msg_sql_run(e, stmt))
    return 0;
  a->row = sqlite3_last_insert_rowid(e->db);
  g_ptr_array_add(e->new_actors, msg_actor_ref(a)); /* a roll-back takes the row away again */
  return a->row;
}

char *msg_actor_text(MsgEngine *e, guint32 row) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_ACTOR_GET];
  char *text = NULL;

  if (row == 0)
    return g_strdup("waggle-messaged");
  sqlite3_bind_int64(stmt, 1, row);
  if (sqlite3_step(stmt) == SQLITE_ROW) {
    const char *unit = (const char *)sqlite3_column_text(stmt, 2);
    text = g_strdup_printf("uid:%u pid:%d%s%s", (guint)sqlite3_column_int64(stmt, 0),
                           sqlite3_column_int(stmt, 1), unit ? " unit:" : "", unit ? unit : "");
  }
  sqlite3_reset(stmt);
  return text ? text : g_strdup("unknown");
}
