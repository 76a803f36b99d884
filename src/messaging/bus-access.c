/* bus-access.c: see bus-access.h. An appeal keeps the job, and with it the call, alive;
 * if its sender vanishes, polkit refuses or the second run finds nobody to answer to, both
 * harmless. A job is appealed once at most. */
#include "messaging/bus-access.h"

#include "common/call.h"

/* ListMessages, ListDead and Watch are not here: they show what one may see, and refuse nobody. Nor
 * is Ack with its family: who was let receive may say what became of it. */
const MsgAction msg_actions[] = {
    {"RegisterAgent", MSG_ACTION_MANAGE_AGENTS},
    {"UpdateAgent", MSG_ACTION_MANAGE_AGENTS},
    {"UnregisterAgent", MSG_ACTION_MANAGE_AGENTS},
    {"PauseAgent", MSG_ACTION_MANAGE_AGENTS},
    {"ResumeAgent", MSG_ACTION_MANAGE_AGENTS},
    {"Receive", MSG_ACTION_READ_MAIL},
    {"Subscribe", MSG_ACTION_READ_MAIL},
    {"GetMessage", MSG_ACTION_READ_MAIL},
    {"GetReceipts", MSG_ACTION_READ_MAIL},
    {"Wait", MSG_ACTION_READ_MAIL},
    {"FindMessage", MSG_ACTION_READ_MAIL},
    {"Cancel", MSG_ACTION_MANAGE_MESSAGES},
    {"Hold", MSG_ACTION_MANAGE_MESSAGES},
    {"Release", MSG_ACTION_MANAGE_MESSAGES},
    {"RequeueDead", MSG_ACTION_MANAGE_MESSAGES},
    {"PurgeDead", MSG_ACTION_MANAGE_MESSAGES},
    {"Check", MSG_ACTION_MANAGE_SERVICE},
    {"Reload", MSG_ACTION_MANAGE_SERVICE},
    {"Import", MSG_ACTION_IMPORT},
    {NULL},
};

const char *msg_access_action(const char *member) {
  for (const MsgAction *a = msg_actions; a->member != NULL; a++)
    if (g_strcmp0(a->member, member) == 0)
      return a->action;
  return NULL;
}

gboolean msg_access_is_admin(const MsgDaemon *daemon, uid_t uid) {
  return uid == 0 || (daemon->user_scope && uid == daemon->own_uid);
}

gboolean msg_access_may_enter(const MsgDaemon *daemon, uid_t uid) {
  return !daemon->user_scope || uid == 0 || uid == daemon->own_uid;
}

static WgPolkitDoor door_of(const MsgDaemon *daemon, sd_bus *bus) {
  if (daemon->user_scope)
    return WG_POLKIT_USER;
  return wg_peer_from_bus(wg_service_peers(daemon->service), bus) != NULL ? WG_POLKIT_SYSTEM_PRIVATE
                                                                          : WG_POLKIT_SYSTEM_BUS;
}

static void appeal_answered(sd_bus_message *call, const GError *error, gpointer data) {
  MsgJob *job = data;
  MsgDaemon *daemon = job->owner;

  if (error == NULL) {
    g_clear_error(&job->job.error);
    job->admin = TRUE;
    daemon->n_jobs--; /* msg_job_submit() counts it again */
    msg_job_submit(job);
    return;
  }
  /* The engine's text says what was refused; polkit's, why asking did not help. */
  g_autoptr(GError) engine = g_steal_pointer(&job->job.error);
  job->job.error =
      g_error_new(error->domain, error->code, "%s (%s)", engine->message, error->message);
  wg_call_log_refused(job->actor->uid, sd_bus_message_get_member(call));
  job->job.done(&job->job);
}

gboolean msg_access_appeal(gpointer data) {
  MsgJob *job = data;
  MsgDaemon *daemon = job->owner;

  if (G_LIKELY(job->job.error == NULL) || job->appealed || job->admin || daemon->user_scope ||
      !g_error_matches(job->job.error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED))
    return FALSE;
  const char *action = msg_access_action(sd_bus_message_get_member(job->call));
  if (action == NULL) {
    wg_call_log_refused(job->actor->uid, sd_bus_message_get_member(job->call));
    return FALSE;
  }
  job->appealed = TRUE;
  wg_polkit_check(wg_service_polkit(daemon->service),
                  door_of(daemon, sd_bus_message_get_bus(job->call)), job->call, job->actor->uid,
                  action, /* details= */ NULL, appeal_answered, job);
  return TRUE;
}

void msg_access_check(MsgConnection *client, sd_bus_message *m,
                      void (*then)(sd_bus_message *m, const GError *error, gpointer data),
                      gpointer data) {
  MsgDaemon *daemon = client->daemon;

  if (msg_access_is_admin(daemon, client->caller->uid)) {
    then(m, NULL, data);
    return;
  }
  wg_polkit_check(wg_service_polkit(daemon->service), door_of(daemon, sd_bus_message_get_bus(m)), m,
                  client->caller->uid, msg_access_action(sd_bus_message_get_member(m)),
                  /* details= */ NULL, then, data);
}

gboolean msg_access_may_see(MsgDaemon *daemon, sd_bus *bus, uid_t owner) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), bus);
  sd_bus_message *m = sd_bus_get_current_message(bus);
  const char *sender = m != NULL ? sd_bus_message_get_sender(m) : NULL;

  if (peer != NULL)
    return wg_peer_uid(peer) == owner || msg_access_is_admin(daemon, wg_peer_uid(peer));
  /* Nobody else can connect to a user's bus. */
  if (daemon->user_scope)
    return TRUE;
  /* Signals are made without a reader: only what everybody may see goes into them. */
  if (sender == NULL)
    return FALSE;
  MsgConnection *client = g_hash_table_lookup(daemon->by_name, sender);
  return client != NULL &&
         (client->caller->uid == owner || msg_access_is_admin(daemon, client->caller->uid));
}

gboolean msg_access_may_look(MsgDaemon *daemon, sd_bus *bus) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), bus);

  return peer == NULL || msg_access_may_enter(daemon, wg_peer_uid(peer));
}
