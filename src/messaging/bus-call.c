/* bus-call.c: the generic road of every method that is not hot.
 *
 * The arguments become one GVariant tuple, the trailing options are checked against the method's
 * table, the engine gets both, and its tuple becomes the answer (bus-answer.c). A new method is a
 * row here, a row in the vtable and a case in the engine. */
#include "messaging/bus-call.h"

#include "common/bus-variant.h"
#include "messaging/bus-access.h"
#include "messaging/bus-reply.h"
#include "messaging/daemon-wake.h"

#include <string.h>

const MsgMethod msg_methods[] = {
    {"RegisterAgent", MSG_CALL_REGISTER_AGENT, msg_options_agent, TRUE},
    {"UpdateAgent", MSG_CALL_UPDATE_AGENT, msg_options_agent, TRUE},
    {"UnregisterAgent", MSG_CALL_UNREGISTER_AGENT, msg_options_unregister, FALSE},
    {"ListAgents", MSG_CALL_LIST_AGENTS, msg_options_agent_filter, FALSE},
    {"GetAgent", MSG_CALL_GET_AGENT, NULL, FALSE},
    {"PauseAgent", MSG_CALL_PAUSE_AGENT, msg_options_pause, FALSE},
    {"ResumeAgent", MSG_CALL_RESUME_AGENT, msg_options_none, FALSE},
    {"Cancel", MSG_CALL_CANCEL, msg_options_for_agent, FALSE},
    {"Hold", MSG_CALL_HOLD, msg_options_for_agent, FALSE},
    {"Release", MSG_CALL_RELEASE, msg_options_for_agent, FALSE},
    {"GetMessage", MSG_CALL_GET_MESSAGE, msg_options_get_message, FALSE},
    {"GetReceipts", MSG_CALL_GET_RECEIPTS, msg_options_for_agent, FALSE},
    {"Wait", MSG_CALL_WAIT, msg_options_wait, FALSE},
    {"FindMessage", MSG_CALL_FIND_MESSAGE, msg_options_none, FALSE},
    {"ListMessages", MSG_CALL_LIST_MESSAGES, msg_options_list, FALSE},
    {"ListDead", MSG_CALL_LIST_DEAD, msg_options_list, FALSE},
    {"RequeueDead", MSG_CALL_REQUEUE_DEAD, msg_options_requeue, FALSE},
    {"PurgeDead", MSG_CALL_PURGE_DEAD, msg_options_purge, FALSE},
    {"GetStatistics", MSG_CALL_GET_STATISTICS, NULL, FALSE},
    {"Import", MSG_CALL_IMPORT, msg_options_import, TRUE},
    {"Check", MSG_CALL_CHECK, msg_options_check, FALSE},
    {"Subscribe", MSG_CALL_SUBSCRIBE, msg_options_subscribe, FALSE},
    {"AddCredits", MSG_CALL_ADD_CREDITS, NULL, FALSE},
    {"Unsubscribe", MSG_CALL_UNSUBSCRIBE, NULL, FALSE},
    {"Watch", MSG_CALL_WATCH, msg_options_watch, FALSE},
    {"Unwatch", MSG_CALL_UNWATCH, NULL, FALSE},
    {"RegisterCourier", MSG_CALL_REGISTER_COURIER, msg_options_courier, FALSE},
    {"LeaseAttempts", MSG_CALL_LEASE_ATTEMPTS, msg_options_attempts, FALSE},
    {"ReportAttempt", MSG_CALL_REPORT_ATTEMPT, msg_options_report, FALSE},
    {"ReportAttempts", MSG_CALL_REPORT_ATTEMPTS, NULL, FALSE},
    {"TakeAttempts", MSG_CALL_TAKE_ATTEMPTS, msg_options_take, FALSE},
    {NULL},
};

static const MsgMethod *find_method(const char *member) {
  for (const MsgMethod *method = msg_methods; method->member != NULL; method++)
    if (strcmp(method->member, member) == 0)
      return method;
  return NULL;
}

/* Each entry of an import is a dictionary of its own. */
static gboolean check_entries(GVariant *args, GError **error) {
  g_autoptr(GVariant) entries = g_variant_get_child_value(args, 0);
  gsize n = g_variant_n_children(entries);

  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
    if (!wg_options_verify(msg_options_import_entry, entry, error)) {
      g_prefix_error(error, "entry %" G_GSIZE_FORMAT ": ", i);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean check_args(const MsgMethod *method, GVariant *args, GError **error) {
  gsize n = g_variant_n_children(args);

  if (method->kind == MSG_CALL_IMPORT && !check_entries(args, error))
    return FALSE;
  if (method->options == NULL)
    return TRUE;
  g_autoptr(GVariant) options = g_variant_get_child_value(args, n - 1);
  return wg_options_verify(method->options, options, error);
}

static void job_free(MsgCallJob *job) {
  g_clear_pointer(&job->args, g_variant_unref);
  g_clear_pointer(&job->reports, g_array_unref);
  g_clear_pointer(&job->result, g_variant_unref);
  g_clear_pointer(&job->offers, msg_offers_free);
  msg_job_free(job, sizeof *job);
}

/* What a client holds keeps the service from leaving for idleness. */
static void count_held(MsgCallJob *job) {
  MsgDaemon *daemon = job->base.owner;
  MsgConnection *client = g_hash_table_lookup(daemon->clients, &job->base.actor->caller);

  if (job->kind == MSG_CALL_REGISTER_COURIER)
    msg_waker_registered(daemon, job->base.actor->uid);
  if (client == NULL)
    return;
  switch (job->kind) {
  case MSG_CALL_SUBSCRIBE:
  case MSG_CALL_WATCH:
  case MSG_CALL_REGISTER_COURIER:
    client->n_held++;
    break;
  case MSG_CALL_UNSUBSCRIBE:
  case MSG_CALL_UNWATCH:
    client->n_held -= client->n_held > 0 ? 1 : 0;
    break;
  default:
    break;
  }
}

static int append_answer(MsgCallJob *job, sd_bus_message *reply) {
  if (job->offers != NULL)
    return msg_reply_append_offers(reply, job->offers);
  return job->result != NULL ? msg_answer_append(job->base.owner, reply, job->kind, job->result)
                             : 0;
}

static gsize weight_of(const MsgCallJob *job) {
  return MSG_REPLY_WEIGHT + (job->result != NULL ? g_variant_get_size(job->result) : 0) +
         (job->offers != NULL ? job->offers->bytes : 0);
}

static void call_done(WgJob *data) {
  MsgCallJob *job = (MsgCallJob *)data;
  MsgDaemon *daemon = job->base.owner;

  if (msg_access_appeal(job))
    return;
  if (data->error != NULL) {
    msg_reply_job_error(job);
  } else {
    sd_bus_message *reply = msg_reply_new(job->base.call);
    count_held(job);
    msg_reply_send(daemon, job->base.call, reply, reply != NULL ? append_answer(job, reply) : 0,
                   weight_of(job));
  }
  job_free(job);
}

/* While leaving nobody waits: the long polls of this road have their wait taken out. */
static GVariant *without_wait(GVariant *args) {
  gsize n = g_variant_n_children(args);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) child = g_variant_get_child_value(args, i);
    if (i + 1 < n) {
      g_variant_builder_add_value(&builder, child);
      continue;
    }
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(child);
    g_variant_dict_insert(&dict, "wait", "t", G_GUINT64_CONSTANT(0));
    g_variant_dict_insert(&dict, "timeout", "t", G_GUINT64_CONSTANT(0));
    g_variant_builder_add_value(&builder, g_variant_dict_end(&dict));
  }
  g_variant_unref(args);
  return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static gboolean read_call(sd_bus_message *m, const MsgMethod *method, MsgCallJob *job,
                          GError **error) {
  job->kind = method->kind;
  job->base.job.new_work = method->new_work;
  if (method->kind == MSG_CALL_REPORT_ATTEMPT || method->kind == MSG_CALL_REPORT_ATTEMPTS)
    return msg_reports_read(m, job, error);
  job->args = wg_variant_read_all(m, error);
  if (job->args == NULL || !check_args(method, job->args, error))
    return FALSE;
  if (msg_job_daemon(job)->draining &&
      (method->kind == MSG_CALL_WAIT || method->kind == MSG_CALL_LEASE_ATTEMPTS))
    job->args = without_wait(job->args);
  return TRUE;
}

static void call_from(sd_bus_message *m, WgCaller *caller, const GError *lookup,
                      gpointer user_data) {
  MsgDaemon *daemon = user_data;
  g_autoptr(GError) error = NULL;
  MsgConnection *client = msg_connection_or_refuse(daemon, m, caller, lookup);

  if (client == NULL)
    return;
  MsgCallJob *job = msg_job_new(client, m, sizeof *job, msg_run_call, call_done);
  if (read_call(m, find_method(sd_bus_message_get_member(m)), job, &error)) {
    msg_job_submit(job);
    return;
  }
  msg_reply_error(daemon, m, error, 0);
  job_free(job);
}

int msg_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, call_from, daemon);
  return 1;
}
