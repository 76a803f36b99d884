/* pressure.c: while memory is short.
 *
 * What was read from the store only to be quick is given back, and a connection that mail is pushed
 * to has one message at a time, whatever its credits are: what waits in the store costs nobody
 * memory, what is pushed costs it here and there. Who asks (Receive) is served as ever. */
#include "messaging/engine-private.h"

#include <malloc.h>

void msg_pressure_relieve(MsgEngine *e) {
  e->relieve = FALSE;
  msg_live_cache_trim(e, TRUE);
  msg_message_cache_clear(e);
  sqlite3_db_release_memory(e->db);
  malloc_trim(0);
}

gboolean msg_pressure_holds(const MsgEngine *e, const MsgClient *client) {
  return e->pressure && client->leases.length > 0;
}

void msg_pressure_touch(MsgEngine *e, const MsgClient *client) {
  for (GList *l = client->subscriptions.head; l; l = l->next)
    msg_touch(e, ((MsgSubscription *)l->data)->agent);
}

WgJobResult msg_run_pressure(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;
  GHashTableIter iter;
  gpointer client;

  e->pressure = ((MsgPressureJob *)job)->on;
  if (e->pressure) {
    e->relieve = TRUE; /* at the beginning of the next batch, when nobody holds what goes */
    msg_wake_now(e);
    return WG_JOB_DONE;
  }
  g_hash_table_iter_init(&iter, e->clients);
  while (g_hash_table_iter_next(&iter, NULL, &client))
    msg_pressure_touch(e, client);
  return WG_JOB_DONE;
}
