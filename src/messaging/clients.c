/* clients.c: what one connection holds, so that all of it can end with the connection. */
#include "messaging/engine-private.h"

MsgClient *msg_client_get(MsgEngine *e, guint64 caller, gboolean make) {
  MsgClient *client = g_hash_table_lookup(e->clients, &caller);

  if (client || !make)
    return client;
  client = g_new0(MsgClient, 1);
  client->caller = caller;
  g_hash_table_insert(e->clients, &client->caller, client);
  return client;
}

void msg_client_check(MsgEngine *e, MsgClient *client) {
  if (client->leases.length || client->parked.length || client->subscriptions.length ||
      client->watches.length || client->couriers.length)
    return;
  g_hash_table_remove(e->clients, &client->caller);
}

static void release_leases(MsgEngine *e, MsgClient *client) {
  static const char cause[] = "the receiver's connection ended";

  while (client->leases.head && !e->failed) {
    MsgLease *lease = client->leases.head->data;
    MsgAgent *agent = lease->agent;
    MsgLive *live = lease->live;
    g_autoptr(MsgActor) actor = msg_actor_ref(lease->actor);
    msg_lease_drop(e, lease);
    /* at once the first time; a message whose receivers keep vanishing has to wait like any that
     * fails */
    msg_live_return(e, agent, live, MSG_NACK_FAIL, live->failed == 0 ? 0 : G_MAXUINT64, actor,
                    cause);
  }
}

WgJobResult msg_run_gone(WgJob *job, gpointer engine) {
  MsgJob *j = (MsgJob *)job;
  MsgEngine *e = engine;
  MsgClient *client;

  /* with the last thing it holds the client itself goes, so it is looked up each time */
  while ((client = msg_client_get(e, j->actor->caller, FALSE)) && client->parked.head) {
    MsgJob *parked = client->parked.head->data;
    if (parked->job.run == msg_run_receive)
      msg_receive_finish(e, (MsgReceiveJob *)parked);
    else
      msg_call_finish(e, (MsgCallJob *)parked);
  }
  if (!client)
    return WG_JOB_DONE;
  while (client->subscriptions.head)
    msg_subscription_free(e, client->subscriptions.head->data);
  msg_watch_gone(e, client);
  msg_courier_gone(e, client);
  release_leases(e, client);
  if (!e->failed)
    msg_client_check(e, client);
  return WG_JOB_DONE;
}
