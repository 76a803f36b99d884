/* bus-lease.c: what a receiver says about a message it has leased: Ack, AckMany, Nack, Touch,
 * Terminate, Detach. One family, one table; the method's name picks the row. */
#include "messaging/bus-access.h"
#include "messaging/bus-frame.h"
#include "messaging/bus-options.h"
#include "messaging/bus-reply.h"
#include "messaging/bus.h"

#include <string.h>

#define MANY_MAX 4096

typedef struct {
  const char *member;
  MsgLeaseVerb verb;
  gboolean many;
  gboolean has_reason; /* Terminate: the reason is an argument */
  const WgOption *options;
} Verb;

static const Verb verbs[] = {
    {"Ack", MSG_LEASE_ACK, FALSE, FALSE, msg_options_ack},
    {"AckMany", MSG_LEASE_ACK, TRUE, FALSE, msg_options_ack},
    {"Nack", MSG_LEASE_NACK, FALSE, FALSE, msg_options_nack},
    {"Touch", MSG_LEASE_TOUCH, FALSE, FALSE, msg_options_touch},
    {"Terminate", MSG_LEASE_TERMINATE, FALSE, TRUE, msg_options_none},
    {"Detach", MSG_LEASE_DETACH, FALSE, FALSE, msg_options_none},
};

static const Verb *find_verb(const char *member) {
  for (guint i = 0; i < G_N_ELEMENTS(verbs); i++)
    if (strcmp(verbs[i].member, member) == 0)
      return &verbs[i];
  return NULL;
}

static gboolean refuse(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean refuse_unreadable(GError **error) {
  return refuse(error, "the message cannot be read: it is malformed");
}

static gboolean take_mode(const char *mode, MsgLeaseJob *job, GError **error) {
  static const char *const names[] = {[MSG_NACK_SILENT] = "silent",
                                      [MSG_NACK_FAIL] = "fail",
                                      [MSG_NACK_FATAL] = "fatal",
                                      [MSG_NACK_CRASH] = "crash"};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(mode, names[i]) == 0) {
      job->mode = i;
      return TRUE;
    }
  }
  return refuse(error, "option 'mode' is one of silent, fail, crash, fatal");
}

static gboolean read_step(sd_bus_message *m, MsgLeaseJob *job, GError **error) {
  job->has_step = TRUE;
  if (sd_bus_message_read_basic(m, 'u', &job->step) <= 0)
    return refuse_unreadable(error);
  return job->step <= G_MAXUINT8 || refuse(error, "option 'step' is a number from 0 to 255");
}

static gboolean read_value(sd_bus_message *m, const char *key, MsgLeaseJob *job, GError **error) {
  const char *mode = NULL;

  if (strcmp(key, "mode") == 0)
    return sd_bus_message_read_basic(m, 's', &mode) > 0 ? take_mode(mode, job, error)
                                                        : refuse_unreadable(error);
  if (strcmp(key, "step") == 0)
    return read_step(m, job, error);
  if (strcmp(key, "reason") == 0 || strcmp(key, "cause") == 0)
    return sd_bus_message_read_basic(m, 's', &job->reason) > 0 || refuse_unreadable(error);
  return sd_bus_message_read_basic(m, 't', strcmp(key, "delay") == 0 ? &job->delay : &job->lease) >
             0 ||
         refuse_unreadable(error);
}

static gboolean read_options(sd_bus_message *m, const WgOption *table, MsgLeaseJob *job,
                             GError **error) {
  guint64 seen = 0;
  guint option;
  int r;

  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return refuse_unreadable(error);
  while ((r = wg_options_next(m, table, &seen, &option, error)) > 0)
    if (!read_value(m, table[option].key, job, error) || !wg_options_leave(m, error))
      return FALSE;
  return r == 0;
}

static gboolean read_tokens(sd_bus_message *m, MsgLeaseJob *job, GError **error) {
  const void *tokens = NULL;
  gsize size = 0;

  if (sd_bus_message_read_array(m, 't', &tokens, &size) < 0)
    return refuse_unreadable(error);
  job->tokens = tokens;
  job->n = size / sizeof *job->tokens;
  return job->n <= MANY_MAX || refuse(error, "AckMany takes at most 4096 tokens a call");
}

static gboolean read_call(sd_bus_message *m, const Verb *verb, MsgLeaseJob *job, GError **error) {
  job->verb = verb->verb;
  job->many = verb->many;
  job->mode = MSG_NACK_FAIL;
  job->delay = G_MAXUINT64;
  job->tokens = &job->one;
  job->n = 1;
  if (verb->many && !read_tokens(m, job, error))
    return FALSE;
  if (!verb->many && sd_bus_message_read_basic(m, 't', &job->one) <= 0)
    return refuse_unreadable(error);
  if (verb->has_reason && sd_bus_message_read_basic(m, 's', &job->reason) <= 0)
    return refuse_unreadable(error);
  return read_options(m, verb->options, job, error);
}

static const char *refusal_text(WgErrorCode code) {
  return code == WG_ERROR_LEASE_EXPIRED ? "the lease ended, was given up, or never was"
                                        : "this lease is not yours to end";
}

static int append_refused(sd_bus_message *reply, const GArray *refused) {
  int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(tss)");

  for (guint i = 0; r >= 0 && refused != NULL && i < refused->len; i++) {
    const MsgRefusal *refusal = &g_array_index(refused, MsgRefusal, i);
    r = sd_bus_message_append(reply, "(tss)", refusal->token, wg_error_name(refusal->code),
                              refusal_text(refusal->code));
  }
  return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

/* The answer of a verb about one message. */
static void answer_shortly(MsgDaemon *daemon, const MsgLeaseJob *job) {
  sd_bus_message *m = job->base.call;
  WgOutbox *out = msg_frame_answer(daemon, m,
                                   job->verb == MSG_LEASE_NACK    ? "s"
                                   : job->verb == MSG_LEASE_TOUCH ? "t"
                                                                  : "");

  if (out == NULL)
    return;
  if (job->verb == MSG_LEASE_NACK)
    wg_outbox_string(out, msg_state_name(job->state));
  else if (job->verb == MSG_LEASE_TOUCH)
    wg_outbox_u64(out, job->until);
  msg_frame_end(daemon, sd_bus_message_get_bus(m), out, MSG_REPLY_WEIGHT);
}

static void job_free(MsgLeaseJob *job) {
  g_clear_pointer(&job->refused, g_array_unref);
  msg_job_free(job, sizeof *job);
}

static void lease_done(WgJob *data) {
  MsgLeaseJob *job = (MsgLeaseJob *)data;
  MsgDaemon *daemon = job->base.owner;

  if (msg_access_appeal(job))
    return;
  if (job->verb == MSG_LEASE_ACK)
    wg_histogram_add(&daemon->stats.ack, msg_job_age(job));
  if (data->error != NULL) {
    msg_reply_job_error(job);
  } else if (!job->many) {
    answer_shortly(daemon, job);
  } else {
    sd_bus_message *reply = msg_reply_new(job->base.call);
    msg_reply_send(daemon, job->base.call, reply,
                   reply != NULL ? append_refused(reply, job->refused) : 0, MSG_REPLY_WEIGHT);
  }
  job_free(job);
}

static void lease_from(sd_bus_message *m, WgCaller *caller, const GError *lookup,
                       gpointer user_data) {
  MsgDaemon *daemon = user_data;
  g_autoptr(GError) error = NULL;
  MsgConnection *client = msg_connection_or_refuse(daemon, m, caller, lookup);

  if (client == NULL)
    return;
  MsgLeaseJob *job = msg_job_new(client, m, sizeof *job, msg_run_lease, lease_done);
  if (read_call(m, find_verb(sd_bus_message_get_member(m)), job, &error)) {
    msg_job_submit(job);
    return;
  }
  msg_reply_error(daemon, m, error, 0);
  job_free(job);
}

int msg_method_lease(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, lease_from, daemon);
  return 1;
}
