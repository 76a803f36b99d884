/* bus-receive.c: Receive, the long poll.
 *
 * A wait is capped below the 25 s after which D-Bus clients give up, so an answer always comes in
 * time; an empty one means: ask again. While the service leaves, nobody waits any more. */
#include "messaging/bus-access.h"
#include "messaging/bus-frame.h"
#include "messaging/bus-options.h"
#include "messaging/bus-reply.h"
#include "messaging/bus.h"

#include <string.h>

#define MAX_DEFAULT 1
#define MAX_LIMIT 256
#define MAX_BYTES_DEFAULT (4 * 1024 * 1024)

static gboolean refuse_unreadable(GError **error) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                      "the message cannot be read: it is malformed");
  return FALSE;
}

/* The order of msg_options_receive. */
enum { OPTION_MAX, OPTION_WAIT, OPTION_LEASE, OPTION_DETACH, OPTION_MAX_BYTES, OPTION_NO_BODY };

static gboolean read_value(sd_bus_message *m, guint option, MsgReceiveJob *job) {
  int flag = 0;

  switch (option) {
  case OPTION_MAX:
    return sd_bus_message_read_basic(m, 'u', &job->max) > 0;
  case OPTION_WAIT:
    return sd_bus_message_read_basic(m, 't', &job->wait) > 0;
  case OPTION_LEASE:
    return sd_bus_message_read_basic(m, 't', &job->lease) > 0;
  case OPTION_MAX_BYTES:
    return sd_bus_message_read_basic(m, 't', &job->max_bytes) > 0;
  default:
    if (sd_bus_message_read_basic(m, 'b', &flag) <= 0)
      return FALSE;
    *(option == OPTION_DETACH ? &job->detach : &job->no_body) = flag != 0;
    return TRUE;
  }
}

static gboolean read_receive(sd_bus_message *m, MsgReceiveJob *job, GError **error) {
  guint64 seen = 0;
  guint option;
  int r;

  job->max = MAX_DEFAULT;
  job->max_bytes = MAX_BYTES_DEFAULT;
  if (sd_bus_message_read_basic(m, 's', &job->agent) <= 0 ||
      sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return refuse_unreadable(error);
  while ((r = wg_options_next(m, msg_options_receive, &seen, &option, error)) > 0) {
    if (!read_value(m, option, job))
      return refuse_unreadable(error);
    if (!wg_options_leave(m, error))
      return FALSE;
  }
  if (r < 0)
    return FALSE;
  if (job->max == 0 || job->max > MAX_LIMIT) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "option 'max' is a number from 1 to 256");
    return FALSE;
  }
  job->wait = msg_job_daemon(job)->draining ? 0 : MIN(job->wait, MSG_WAIT_MAX);
  return TRUE;
}

static gsize weight_of(const MsgReceiveJob *job) {
  gsize bytes = MSG_REPLY_WEIGHT;

  for (guint i = 0; job->deliveries != NULL && i < job->deliveries->len; i++) {
    const MsgDelivery *d = g_ptr_array_index(job->deliveries, i);
    bytes += MSG_REPLY_WEIGHT + (d->body_left_out ? 0 : d->size);
  }
  return bytes;
}

static int append_answer(sd_bus_message *reply, const MsgReceiveJob *job) {
  int more = job->more;
  int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(ttsaya{sv})");

  for (guint i = 0; r >= 0 && job->deliveries != NULL && i < job->deliveries->len; i++)
    r = msg_reply_append_delivery(reply, g_ptr_array_index(job->deliveries, i));
  if (r >= 0)
    r = sd_bus_message_close_container(reply);
  return r >= 0 ? sd_bus_message_append_basic(reply, SD_BUS_TYPE_BOOLEAN, &more) : r;
}

static gboolean is_short(const MsgReceiveJob *job) {
  gsize left = WG_OUTBOX_MESSAGE_MAX - MSG_REPLY_WEIGHT;

  for (guint i = 0; job->deliveries != NULL && i < job->deliveries->len; i++) {
    const MsgDelivery *d = g_ptr_array_index(job->deliveries, i);
    gsize size = msg_frame_size(d);
    if (size > left || !msg_frame_takes(d))
      return FALSE;
    left -= size;
  }
  return TRUE;
}

static void answer_shortly(MsgDaemon *daemon, const MsgReceiveJob *job) {
  sd_bus_message *m = job->base.call;
  WgOutbox *out = msg_frame_answer(daemon, m, "a(ttsaya{sv})b");

  if (out == NULL)
    return;
  WgOutboxArray deliveries = wg_outbox_open_array(out, 8);
  for (guint i = 0; job->deliveries != NULL && i < job->deliveries->len; i++)
    msg_frame_delivery(out, g_ptr_array_index(job->deliveries, i));
  wg_outbox_close_array(out, deliveries);
  wg_outbox_u32(out, job->more != FALSE);
  msg_frame_end(daemon, sd_bus_message_get_bus(m), out, weight_of(job));
}

static void job_free(MsgReceiveJob *job) {
  g_clear_pointer(&job->deliveries, g_ptr_array_unref);
  msg_job_free(job, sizeof *job);
}

static void receive_done(WgJob *data) {
  MsgReceiveJob *job = (MsgReceiveJob *)data;
  MsgDaemon *daemon = job->base.owner;

  if (msg_access_appeal(job))
    return;
  /* One that was parked tells how long there was no mail, not how fast we are. */
  if (!job->was_parked)
    wg_histogram_add(&daemon->stats.receive, msg_job_age(job));
  if (data->error != NULL) {
    msg_reply_job_error(job);
  } else if (is_short(job)) {
    answer_shortly(daemon, job);
  } else {
    sd_bus_message *reply = msg_reply_new(job->base.call);
    msg_reply_send(daemon, job->base.call, reply, reply != NULL ? append_answer(reply, job) : 0,
                   weight_of(job));
  }
  job_free(job);
}

static void receive_from(sd_bus_message *m, WgCaller *caller, const GError *lookup,
                         gpointer user_data) {
  MsgDaemon *daemon = user_data;
  g_autoptr(GError) error = NULL;
  MsgConnection *client = msg_connection_or_refuse(daemon, m, caller, lookup);

  if (client == NULL)
    return;
  MsgReceiveJob *job = msg_job_new(client, m, sizeof *job, msg_run_receive, receive_done);
  if (read_receive(m, job, &error)) {
    msg_job_submit(job);
    return;
  }
  msg_reply_error(daemon, m, error, 0);
  job_free(job);
}

int msg_method_receive(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, receive_from, daemon);
  return 1;
}
