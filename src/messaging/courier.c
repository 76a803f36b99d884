/* courier.c: couriers register, and mail that nobody waits for is offered to them.
 *
 * A courier only ever sees mail of agents of its own uid. What happens where none is connected
 * stands in absence.c. */
#include "messaging/courier.h"

#define LOOKS_MAX 32768 /* deliveries that one batch looks at; the next goes on */
#define COURIERS_MAX 16 /* of one uid: every offer looks at all couriers */

void msg_courier_init(MsgEngine *e) {
  e->couriers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  e->attempts = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->attempts_by_place = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->attempts_ended = g_ptr_array_new_with_free_func(g_free);
  e->attempt_jobs = g_queue_new();
  e->looks_max = LOOKS_MAX;
  msg_absence_init(e);
}

static void courier_free(MsgEngine *e, MsgCourier *c) {
  MsgClient *client = msg_client_get(e, c->actor->caller, FALSE);

  if (client)
    g_queue_remove(&client->couriers, c);
  g_hash_table_remove(e->couriers, &c->id);
  msg_actor_unref(c->actor);
  g_free(c->name);
  g_free(c);
}

void msg_courier_free(MsgEngine *e) {
  if (!e->couriers)
    return;
  g_autoptr(GList) couriers = g_hash_table_get_values(e->couriers);
  g_autoptr(GList) attempts = g_hash_table_get_values(e->attempts_by_place);

  for (GList *l = couriers; l; l = l->next)
    courier_free(e, l->data);
  g_list_foreach(attempts, (GFunc)(void (*)(void))g_free, NULL);
  g_hash_table_unref(e->couriers);
  g_hash_table_unref(e->attempts);
  g_hash_table_unref(e->attempts_by_place);
  g_ptr_array_unref(e->attempts_ended);
  g_queue_free(e->attempt_jobs);
  g_hash_table_unref(e->absences);
}

static MsgCourier *courier_named(MsgEngine *e, uid_t uid, const char *name, guint *ret_n) {
  MsgCourier *found = NULL;
  GHashTableIter iter;
  gpointer value;

  *ret_n = 0; /* of the uid */
  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MsgCourier *c = value;
    if (c->actor->uid != uid)
      continue;
    ++*ret_n;
    if (g_str_equal(c->name, name))
      found = c;
  }
  return found;
}

/* What waits is offered to a courier that came, or somebody else is found for it. */
static void look_at_all_of(MsgEngine *e, uid_t uid) {
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (agent && !agent->removed && agent->uid == uid)
      msg_touch(e, agent);
  }
}

WgJobResult msg_call_register_courier(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  g_autoptr(GVariant) options = g_variant_get_child_value(job->args, 0);
  const char *name = "courier";
  guint n;
  MsgActor *actor = job->base.actor;

  g_variant_lookup(options, "name", "&s", &name);
  if (!msg_name_ok(name)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_NAME, "'%.80s' is no courier's name", name);
    return WG_JOB_DONE;
  }
  MsgCourier *c = courier_named(e, actor->uid, name, &n);
  if (c && c->actor->caller != actor->caller) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Uid %u has a courier '%s' already (pid %d); there is one of a name at a time",
                actor->uid, name, (int)c->actor->pid);
    return WG_JOB_DONE;
  }
  if (!c && n >= COURIERS_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "Uid %u has %u couriers, which is all it may have; one ends with its connection",
                actor->uid, n);
    return WG_JOB_DONE;
  }
  if (!c) {
    c = g_new0(MsgCourier, 1);
    c->id = ++e->last_id;
    c->actor = msg_actor_ref(actor);
    c->name = g_strdup(name);
    c->made = e->batch;
    msg_absence_over(e, actor->uid);
    g_hash_table_insert(e->couriers, g_memdup2(&c->id, sizeof c->id), c);
    g_queue_push_tail(&msg_client_get(e, actor->caller, TRUE)->couriers, c);
    look_at_all_of(e, actor->uid);
  }
  job->result = g_variant_ref_sink(g_variant_new("(t)", c->id));
  return WG_JOB_DONE;
}

/* ---- offering ---- */
static void tell_couriers(MsgEngine *e, MsgAgent *agent) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MsgCourier *c = value;
    if (c->actor->uid != agent->uid || c->told || (c->policy && !agent->policy) ||
        !msg_attempt_waits(e, agent))
      continue;
    c->told = TRUE;
    MsgNote *note = msg_note_add(e, MSG_NOTE_ATTEMPTS);
    note->caller = c->actor->caller;
    note->subscription = c->id;
    note->n = 1;
  }
}

static gboolean has_courier(MsgEngine *e, uid_t uid) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (((MsgCourier *)value)->actor->uid == uid)
      return TRUE;
  return FALSE;
}

void msg_courier_offer(MsgEngine *e, MsgAgent *agent) {
  if (g_hash_table_size(e->couriers) == 0 || !has_courier(e, agent->uid)) {
    msg_absence_look(e, agent);
    return;
  }
  for (MsgCallJob *job; (job = msg_attempts_parked(e, agent)) && msg_attempt_waits(e, agent);)
    msg_attempts_answer(e, job);
  tell_couriers(e, agent);
}

void msg_courier_gone(MsgEngine *e, MsgClient *client) {
  while (client->couriers.head) {
    MsgCourier *c = client->couriers.head->data;
    uid_t uid = c->actor->uid;
    msg_attempts_of_gone(e, c);
    courier_free(e, c);
    look_at_all_of(e, uid);
  }
}

void msg_attempts_unpark_batch(MsgEngine *e, guint64 batch) {
  g_autoptr(GList) jobs = g_list_copy(e->attempt_jobs->head);
  g_autoptr(GList) couriers = g_hash_table_get_values(e->couriers);

  for (GList *l = jobs; l; l = l->next)
    if (((MsgCallJob *)l->data)->base.job.batch == batch)
      msg_attempts_unpark(e, l->data);
  msg_attempts_undo(e);
  msg_absences_undo(e);
  for (GList *l = couriers; l; l = l->next) {
    MsgCourier *c = l->data;
    c->told = FALSE;
    if (c->made == e->batch)
      courier_free(e, c);
  }
}
