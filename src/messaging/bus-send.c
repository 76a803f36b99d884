/* bus-send.c: Send and SendMany.
 *
 * The hottest way in: strings and bodies stay in the call's message, a call without options
 * touches no dictionary, and the answer is built by hand. What the sender only wants kept (subject,
 * headers, ...) becomes one GVariant, and only when it is there. A large body is a mapped memfd
 * that is unmapped with the job. SendMany's defaults stand behind its messages: what a message did
 * not give is taken from them afterwards, since skipping the messages first would cost more than
 * reading them. */
#include "common/bus-variant.h"
#include "messaging/bus-access.h"
#include "messaging/bus-draft.h"
#include "messaging/bus-frame.h"
#include "messaging/bus-head.h"
#include "messaging/bus-memfd.h"
#include "messaging/bus-reply.h"
#include "messaging/bus.h"

#define MANY_MAX 4096
#define MANY_FDS_MAX 16
#define HEAD_MAX 65536
#define PRIORITY_DEFAULT 4

typedef struct {
  MsgSendJob job;
  GArray *maps; /* of MsgMap: the bodies by fd; NULL: none */
  gboolean many;
} SendCall;

static void send_call_free(SendCall *call) {
  for (guint i = 0; i < call->job.n; i++) {
    g_clear_pointer(&call->job.items[i].head, g_variant_unref);
    g_strfreev(call->job.items[i].recipients);
  }
  if (call->job.items != &call->job.one)
    g_free(call->job.items);
  for (guint i = 0; call->maps != NULL && i < call->maps->len; i++)
    msg_map_clear(&g_array_index(call->maps, MsgMap, i));
  g_clear_pointer(&call->maps, g_array_unref);
  msg_job_free(call, sizeof *call);
}

/* The body: inline, within both limits, or mapped. */
static gboolean take_body(SendCall *call, MsgDraft *draft, GError **error) {
  MsgSend *send = &draft->send;
  guint64 max = msg_job_daemon(call)->max_body;

  if (draft->body_fd >= 0) {
    MsgMap map;
    if (send->size > 0)
      return msg_refuse(error, "a body is given inline or by 'body-fd', not both");
    if (call->maps != NULL && call->maps->len >= MANY_FDS_MAX)
      return msg_refuse(error, "at most 16 bodies by 'body-fd' go into one call");
    if (!msg_memfd_map(draft->body_fd, max, &map, error))
      return FALSE;
    if (call->maps == NULL)
      call->maps = g_array_new(FALSE, FALSE, sizeof(MsgMap));
    g_array_append_val(call->maps, map);
    send->body = map.data;
    send->size = map.size;
    return TRUE;
  }
  if (send->size <= MIN(max, MSG_INLINE_MAX))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_BODY_TOO_LARGE,
              "the body has %" G_GSIZE_FORMAT " bytes; %s", send->size,
              send->size > max
                  ? "that is over the limit MaxBody= of messaged.conf"
                  : "more than 262144 travel as a sealed memfd in the option 'body-fd'");
  return FALSE;
}

/* Turns what was read into the engine's request. */
static gboolean finish_draft(SendCall *call, MsgDraft *draft, MsgSend *ret, GError **error) {
  GVariantBuilder builder;
  gboolean any = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS(draft->head); i++)
    if (draft->head[i] != NULL && !msg_head_check(MSG_SEND_HEAD + i, draft->head[i], error))
      return FALSE;
  if (!take_body(call, draft, error))
    return FALSE;
  *ret = draft->send;
  for (guint i = 0; i < G_N_ELEMENTS(draft->head); i++) {
    if (draft->head[i] == NULL)
      continue;
    if (!any)
      g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    any = TRUE;
    g_variant_builder_add(&builder, "{sv}", msg_options_send[MSG_SEND_HEAD + i].key,
                          draft->head[i]);
  }
  if (!any)
    return TRUE;
  ret->head = g_variant_ref_sink(g_variant_builder_end(&builder));
  if (g_variant_get_size(ret->head) > HEAD_MAX)
    return msg_refuse(error, "subject, headers and tags together are at most 65536 bytes long");
  return TRUE;
}

static gboolean read_send(sd_bus_message *m, SendCall *call, GError **error) {
  g_auto(MsgDraft) draft = {.send.priority = PRIORITY_DEFAULT, .body_fd = -1};

  return msg_draft_read(m, &draft, error) && finish_draft(call, &draft, &call->job.one, error);
}

static gboolean read_next(sd_bus_message *m, SendCall *call, const MsgDraft *defaults, guint i,
                          guint64 *ret_seen, GError **error) {
  g_auto(MsgDraft) draft = {.body_fd = -1};
  g_autoptr(GError) local = NULL;

  msg_draft_copy(&draft, defaults);
  draft.seen = 0;
  if (msg_draft_read(m, &draft, &local) &&
      finish_draft(call, &draft, &call->job.items[i], &local)) {
    *ret_seen = draft.seen;
    return sd_bus_message_exit_container(m) >= 0 || msg_refuse_unreadable(error);
  }
  g_propagate_prefixed_error(error, g_steal_pointer(&local), "message %u of the call: ", i);
  return FALSE;
}

/* Reads all messages of the array, each starting as `base`. */
static gboolean read_items(sd_bus_message *m, SendCall *call, const MsgDraft *base, GArray *seen,
                           GError **error) {
  guint allocated = 0;
  int r;

  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(saya{sv})") < 0)
    return msg_refuse_unreadable(error);
  call->job.items = NULL;
  while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_STRUCT, "saya{sv}")) > 0) {
    guint64 given = 0;
    if (call->job.n >= MANY_MAX)
      return msg_refuse(error, "SendMany takes at most 4096 messages a call");
    if (call->job.n == allocated) {
      allocated = allocated == 0 ? 64 : allocated * 2;
      call->job.items = g_renew(MsgSend, call->job.items, allocated);
    }
    call->job.items[call->job.n] = (MsgSend){0};
    call->job.n++;
    if (!read_next(m, call, base, call->job.n - 1, &given, error))
      return FALSE;
    g_array_append_val(seen, given);
  }
  return (r >= 0 && sd_bus_message_exit_container(m) >= 0) || msg_refuse_unreadable(error);
}

#define TAKE(option, field)                                                                        \
  if (!(seen & (G_GUINT64_CONSTANT(1) << (option))))                                               \
    send->field = from->field;

/* What the message did not give itself is as the call says for all. */
static gboolean take_defaults(MsgSend *send, guint64 seen, const MsgSend *from, GError **error) {
  TAKE(MSG_SEND_FROM, from)
  TAKE(MSG_SEND_ID, id)
  TAKE(MSG_SEND_KEY, key)
  TAKE(MSG_SEND_PRIORITY, priority)
  TAKE(MSG_SEND_TTL, ttl)
  TAKE(MSG_SEND_DELAY, delay)
  TAKE(MSG_SEND_DELIVER_AT, deliver_at)
  TAKE(MSG_SEND_REPLY_BY, reply_by)
  TAKE(MSG_SEND_IN_REPLY_TO, in_reply_to)
  TAKE(MSG_SEND_EXPECTS_REPLY, expects_reply)
  TAKE(MSG_SEND_VOLATILE, is_volatile)
  TAKE(MSG_SEND_HOLD, hold)
  return msg_draft_check(send, error);
}
#undef TAKE

static void forget_items(SendCall *call) {
  for (guint i = 0; i < call->job.n; i++)
    g_clear_pointer(&call->job.items[i].head, g_variant_unref);
  g_clear_pointer(&call->job.items, g_free);
  call->job.n = 0;
  for (guint i = 0; call->maps != NULL && i < call->maps->len; i++)
    msg_map_clear(&g_array_index(call->maps, MsgMap, i));
  g_clear_pointer(&call->maps, g_array_unref);
}

static gboolean read_send_many(sd_bus_message *m, SendCall *call, GError **error) {
  const MsgDraft none = {.send.priority = PRIORITY_DEFAULT, .body_fd = -1};
  g_auto(MsgDraft) defaults = none;
  g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(guint64));

  if (!read_items(m, call, &none, seen, error) || !msg_draft_read_options(m, &defaults, error))
    return FALSE;
  if (defaults.seen == 0)
    return TRUE;
  if (defaults.body_fd >= 0)
    return msg_refuse(error, "option 'body-fd' belongs to one message, not to all");
  if (defaults.seen >> MSG_SEND_HEAD != 0) { /* dictionaries to merge: rare enough to read again */
    forget_items(call);
    g_array_set_size(seen, 0);
    return (sd_bus_message_rewind(m, /* complete= */ TRUE) >= 0 || msg_refuse_unreadable(error)) &&
           read_items(m, call, &defaults, seen, error);
  }
  for (guint i = 0; i < call->job.n; i++)
    if (!take_defaults(&call->job.items[i], g_array_index(seen, guint64, i), &defaults.send, error))
      return FALSE;
  return TRUE;
}

static int append_receipt(sd_bus_message *reply, const MsgSend *send) {
  int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");

  if (r >= 0 && send->state != MSG_STATE_NONE && send->state != MSG_STATE_QUEUED)
    r = sd_bus_message_append(reply, "{sv}", "state", "s", msg_state_name(send->state));
  if (r >= 0 && send->sequence != 0)
    r = sd_bus_message_append(reply, "{sv}", "sequence", "t", send->sequence);
  if (r >= 0 && send->duplicate)
    r = sd_bus_message_append(reply, "{sv}", "duplicate", "b", 1);
  if (r >= 0 && (send->seq & MSG_VOLATILE_BIT) != 0)
    r = sd_bus_message_append(reply, "{sv}", "volatile", "b", 1);
  if (r >= 0 && send->recipients != NULL) {
    g_autoptr(GVariant) names = g_variant_ref_sink(
        g_variant_new_strv((const char *const *)send->recipients, /* length= */ -1));
    r = wg_variant_append_entry(reply, "recipients", names);
  }
  return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static int append_many(sd_bus_message *reply, const MsgSendJob *job) {
  g_autofree guint64 *numbers = g_new(guint64, MAX(job->n, 1));
  guint32 duplicates = 0;

  for (guint i = 0; i < job->n; i++) {
    numbers[i] = job->items[i].seq;
    duplicates += job->items[i].duplicate ? 1 : 0;
  }
  int r = sd_bus_message_append_array(reply, 't', numbers, job->n * sizeof *numbers);
  return r >= 0 ? sd_bus_message_append(reply, "a{sv}", 1, "duplicates", "u", duplicates) : r;
}

/* No group of receivers to name: all is numbers and names of states. */
static gboolean is_short(const SendCall *call) {
  return !call->many && call->job.one.recipients == NULL;
}

static void answer_shortly(MsgDaemon *daemon, const SendCall *call) {
  const MsgSend *send = &call->job.one;
  sd_bus_message *m = call->job.base.call;
  WgOutbox *out = msg_frame_answer(daemon, m, "ta{sv}");

  if (out == NULL)
    return;
  wg_outbox_u64(out, send->seq);
  WgOutboxArray receipt = wg_outbox_open_array(out, 8);
  if (send->state != MSG_STATE_NONE && send->state != MSG_STATE_QUEUED)
    msg_frame_field(out, "state", SD_BUS_TYPE_STRING, msg_state_name(send->state));
  if (send->sequence != 0)
    msg_frame_field(out, "sequence", SD_BUS_TYPE_UINT64, &send->sequence);
  if (send->duplicate)
    msg_frame_field(out, "duplicate", SD_BUS_TYPE_BOOLEAN, &(int){1});
  if ((send->seq & MSG_VOLATILE_BIT) != 0)
    msg_frame_field(out, "volatile", SD_BUS_TYPE_BOOLEAN, &(int){1});
  wg_outbox_close_array(out, receipt);
  msg_frame_end(daemon, sd_bus_message_get_bus(m), out, MSG_REPLY_WEIGHT);
}

static void send_done(WgJob *data) {
  SendCall *call = (SendCall *)data;
  MsgJob *base = &call->job.base;
  MsgDaemon *daemon = base->owner;

  if (msg_access_appeal(call))
    return;
  wg_histogram_add(&daemon->stats.send, msg_job_age(call));
  if (base->job.error != NULL) {
    msg_reply_job_error(call);
  } else {
    sd_bus_message *reply = is_short(call) ? NULL : msg_reply_new(base->call);
    int r = 0;
    if (is_short(call)) {
      answer_shortly(daemon, call);
    } else if (reply != NULL && call->many) {
      r = append_many(reply, &call->job);
    } else if (reply != NULL) {
      r = sd_bus_message_append_basic(reply, 't', &call->job.one.seq);
      if (r >= 0)
        r = append_receipt(reply, &call->job.one);
    }
    msg_reply_send(daemon, base->call, reply, r, MSG_REPLY_WEIGHT);
  }
  send_call_free(call);
}

static void submit(MsgDaemon *daemon, sd_bus_message *m, WgCaller *caller, const GError *lookup,
                   gboolean many) {
  g_autoptr(GError) error = NULL;
  MsgConnection *client = msg_connection_or_refuse(daemon, m, caller, lookup);

  if (client == NULL)
    return;
  SendCall *call = msg_job_new(client, m, sizeof *call, msg_run_send, send_done);
  call->many = many;
  call->job.base.job.new_work = TRUE;
  call->job.items = &call->job.one;
  call->job.n = many ? 0 : 1;
  if (many ? read_send_many(m, call, &error) : read_send(m, call, &error)) {
    msg_job_submit(call);
    return;
  }
  msg_reply_error(daemon, m, error, 0);
  send_call_free(call);
}

static void send_from(sd_bus_message *m, WgCaller *caller, const GError *error, gpointer data) {
  submit(data, m, caller, error, /* many= */ FALSE);
}

static void send_many_from(sd_bus_message *m, WgCaller *caller, const GError *error,
                           gpointer data) {
  submit(data, m, caller, error, /* many= */ TRUE);
}

int msg_method_send(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, send_from, daemon);
  return 1;
}

int msg_method_send_many(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, send_many_from, daemon);
  return 1;
}
