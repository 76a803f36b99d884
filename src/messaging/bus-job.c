/* bus-job.c: clients and jobs, see bus.h.
 *
 * A job's memory comes from the slice allocator, which keeps freed blocks of a size at hand, so
 * that a hot request costs no malloc() of its own. `n_jobs` counts what the loop still owes an
 * answer for; the service may only leave at 0. */
#include "messaging/bus-access.h"
#include "messaging/bus-push.h"
#include "messaging/bus-reply.h"
#include "messaging/bus.h"

#include "common/call.h"

static MsgConnection *client_new(MsgDaemon *daemon, WgCaller *caller) {
  MsgConnection *client = g_new0(MsgConnection, 1);

  client->daemon = daemon;
  client->caller = caller;
  client->actor = msg_actor_new(caller->id, caller->uid, caller->pid, caller->unit);
  g_queue_init(&client->backlog);
  g_hash_table_insert(daemon->clients, &caller->id, client);
  if (caller->name != NULL)
    g_hash_table_insert(daemon->by_name, caller->name, client);
  caller->data = client;
  return client;
}

MsgConnection *msg_connection_enter(MsgDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                                    const GError *lookup, GError **error) {
  if (caller == NULL) {
    g_propagate_error(error, g_error_copy(lookup));
    return NULL;
  }
  if (daemon->drained) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
    return NULL;
  }
  if (!msg_access_may_enter(daemon, caller->uid)) {
    wg_call_log_refused(caller->uid, sd_bus_message_get_member(m));
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "this is the messaging service of uid %u; uid %u may not use it",
                (guint)daemon->own_uid, (guint)caller->uid);
    return NULL;
  }
  return caller->data != NULL ? caller->data : client_new(daemon, caller);
}

MsgConnection *msg_connection_or_refuse(MsgDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                                        const GError *lookup) {
  g_autoptr(GError) error = NULL;
  MsgConnection *client = msg_connection_enter(daemon, m, caller, lookup, &error);

  if (client == NULL)
    msg_reply_error(daemon, m, error, 0);
  return client;
}

static void gone_done(WgJob *job) {
  msg_job_free(job, sizeof(MsgJob));
}

void msg_connection_gone(MsgDaemon *daemon, WgCaller *caller) {
  MsgConnection *client = caller->data;

  if (client == NULL)
    return;
  g_hash_table_remove(daemon->clients, &caller->id);
  if (caller->name != NULL)
    g_hash_table_remove(daemon->by_name, caller->name);
  msg_push_forget(client);
  if (daemon->writer != NULL)
    msg_job_submit(msg_job_new_own(daemon, client->actor, sizeof(MsgJob), msg_run_gone, gone_done));
  msg_actor_unref(client->actor);
  g_free(client);
  caller->data = NULL;
}

gpointer msg_job_new_own(MsgDaemon *daemon, MsgActor *actor, gsize size,
                         WgJobResult (*run)(WgJob *, gpointer), void (*done)(WgJob *)) {
  MsgJob *job = g_slice_alloc0(size);

  job->job.run = run;
  job->job.done = done;
  job->owner = daemon;
  job->actor = actor != NULL ? msg_actor_ref(actor) : NULL;
  return job;
}

gpointer msg_job_new(MsgConnection *client, sd_bus_message *m, gsize size,
                     WgJobResult (*run)(WgJob *, gpointer), void (*done)(WgJob *)) {
  MsgJob *job = msg_job_new_own(client->daemon, client->actor, size, run, done);

  job->admin = msg_access_is_admin(client->daemon, client->caller->uid);
  job->call = sd_bus_message_ref(m);
  if (client->caller->peer != NULL)
    wg_peer_begin(client->caller->peer);
  return job;
}

void msg_job_submit(gpointer data) {
  MsgJob *job = data;
  MsgDaemon *daemon = job->owner;

  job->submitted = g_get_monotonic_time();
  daemon->n_jobs++;
  wg_writer_submit(daemon->writer, &job->job);
}

guint64 msg_job_age(gpointer data) {
  MsgJob *job = data;

  return MAX(g_get_monotonic_time() - job->submitted, 0);
}

/* The client may be gone: its bus, which the call keeps alive, is no peer's any more then. */
static void end_call(MsgDaemon *daemon, sd_bus_message *call) {
  WgPeer *peer = call != NULL ? wg_peer_from_bus(wg_service_peers(daemon->service),
                                                 sd_bus_message_get_bus(call))
                              : NULL;

  if (peer != NULL)
    wg_peer_end(peer);
}

void msg_job_free(gpointer data, gsize size) {
  MsgJob *job = data;
  MsgDaemon *daemon = job->owner;
  gboolean submitted = job->submitted != 0;

  end_call(daemon, job->call);
  g_clear_pointer(&job->actor, msg_actor_unref);
  g_clear_pointer(&job->call, sd_bus_message_unref);
  g_clear_error(&job->job.error);
  g_slice_free1(size, job);
  if (!submitted)
    return;
  daemon->n_jobs--;
  if (daemon->draining && !daemon->drained && daemon->n_jobs == 0) {
    daemon->drained = TRUE;
    wg_service_drained(daemon->service);
  }
}
