/* lease-calls.c: Ack, Nack, Touch, Terminate and Detach.
 *
 * Whoever shows the token and may handle the agent's mail may act; a lease that ended is refused,
 * also when it ended a moment ago, since by then another may have the message. */
#include "messaging/engine-private.h"

static MsgLease *lease_find(MsgEngine *e, const MsgJob *job, guint64 token, GError **error) {
  MsgLease *lease = g_hash_table_lookup(e->leases, &token);

  if (!lease || lease->live->until <= e->now) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED,
                        "No such lease: its time ran out, it was given back, or it never was; "
                        "receive the message again");
    return NULL;
  }
  /* Whoever was let receive it, as an administrator say, may also say what became of it. */
  if (lease->actor->uid == job->actor->uid)
    return lease;
  return msg_agent_may(e, lease->agent, job->actor, job->admin, error) ? lease : NULL;
}

static void seen(MsgEngine *e, MsgAgent *agent) {
  agent->counts.last_seen = e->now_real;
  msg_agent_dirty(e, agent);
}

static void end_lease(MsgEngine *e, MsgLeaseJob *j, MsgLease *lease) {
  MsgAgent *agent = lease->agent;
  MsgLive *live = lease->live;
  const MsgActor *actor = j->base.actor;

  msg_lease_drop(e, lease);
  seen(e, agent);
  switch (j->verb) {
  case MSG_LEASE_ACK:
    e->stat.acked++;
    msg_live_move(e, agent, live, MSG_STATE_ACKED, actor, j->reason);
    j->state = MSG_STATE_ACKED;
    break;
  case MSG_LEASE_NACK:
    e->stat.nacked++;
    msg_live_note(e, agent, live, MSG_EVENT_NACKED, actor, j->reason);
    if (j->mode == MSG_NACK_SILENT && live->acquired > 0)
      live->acquired--;
    j->state = live->state;
    if (j->has_step)
      live->step = (guint8)j->step;
    guint64 place = live->place;
    msg_live_return(e, agent, live, j->mode, j->delay, actor, j->reason ? j->reason : "nacked");
    MsgLive *after = msg_live_get(e, place);
    j->state = after ? after->state : MSG_STATE_DEAD;
    break;
  case MSG_LEASE_TERMINATE: {
    g_autofree char *why =
        g_strdup_printf("terminated: %s", j->reason ? j->reason : "no reason given");
    msg_live_move(e, agent, live, MSG_STATE_DEAD, actor, why);
    j->state = MSG_STATE_DEAD;
    break;
  }
  default:
    g_assert_not_reached();
  }
}

static void touch_lease(MsgEngine *e, MsgLeaseJob *j, MsgLease *lease) {
  MsgAgent *agent = lease->agent;
  guint64 usec = j->lease ? j->lease : agent->lease ? agent->lease : e->settings.default_lease;

  usec = CLAMP(usec, 1000, e->settings.max_lease);
  msg_lease_changed(e, lease);
  msg_timer_remove(e, &lease->timer);
  lease->live->until = e->now + (gint64)usec;
  msg_timer_add(e, &lease->timer, lease->live->until);
  j->until = wg_clock_to_realtime(&e->clock, lease->live->until);
  msg_live_save(e, lease->live);
  seen(e, agent);
}

static void detach_lease(MsgEngine *e, MsgLease *lease) {
  if (lease->live->flags & MSG_LIVE_DETACHED)
    return;
  msg_lease_changed(e, lease);
  MsgClient *client = msg_client_get(e, lease->actor->caller, FALSE);
  if (client)
    g_queue_unlink(&client->leases, &lease->link);
  lease->live->flags |= MSG_LIVE_DETACHED;
  msg_live_save(e, lease->live);
  if (e->pressure && client)
    msg_pressure_touch(e, client);
}

static gboolean lease_verb(MsgEngine *e, MsgLeaseJob *j, guint64 token, GError **error) {
  MsgLease *lease = lease_find(e, &j->base, token, error);

  if (!lease)
    return FALSE;
  if (j->verb == MSG_LEASE_TOUCH)
    touch_lease(e, j, lease);
  else if (j->verb == MSG_LEASE_DETACH)
    detach_lease(e, lease);
  else
    end_lease(e, j, lease);
  return TRUE;
}

WgJobResult msg_run_lease(WgJob *job, gpointer engine) {
  MsgLeaseJob *j = (MsgLeaseJob *)job;
  MsgEngine *e = engine;

  g_clear_pointer(&j->refused, g_array_unref);
  if (!j->many) {
    lease_verb(e, j, j->tokens[0], &job->error);
    return WG_JOB_DONE;
  }
  for (guint i = 0; i < j->n && !e->failed; i++) {
    g_autoptr(GError) error = NULL;
    if (lease_verb(e, j, j->tokens[i], &error))
      continue;
    MsgRefusal refusal = {j->tokens[i], error ? (WgErrorCode)error->code : WG_ERROR_FAILED};
    if (!j->refused)
      j->refused = g_array_new(FALSE, FALSE, sizeof(MsgRefusal));
    g_array_append_val(j->refused, refusal);
  }
  return WG_JOB_DONE;
}
