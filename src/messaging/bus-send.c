/* bus-send.c: Send and SendMany.
 *
 * The hottest way in: strings and bodies stay in the call's message, a call without options
 * touches no dictionary, and the answer is built by hand. What the sender only wants kept (subject,
 * headers, ...) becomes one GVariant, and only when it is there. A large body is a mapped memfd
 * that is unmapped with the job. SendMany reads its trailing defaults first, then each message
 * starts as a copy of them. */
#include "messaging/bus-access.h"
#include "messaging/bus-memfd.h"
#include "messaging/bus-options.h"
#include "messaging/bus-reply.h"
#include "messaging/bus-variant.h"
#include "messaging/bus.h"

#define MANY_MAX 4096
#define MANY_FDS_MAX 16
#define ID_MAX 128
#define KEY_MAX 128
#define HEAD_MAX 65536
#define PRIORITY_DEFAULT 4
#define PRIORITY_MAX 9

typedef struct {
  MsgSendJob job;
  GArray *maps; /* of MsgMap: the bodies by fd; NULL: none */
  gboolean many;
} SendCall;

/* One message while it is read. */
typedef struct {
  MsgSend send;
  GVariant *head[_MSG_SEND_MAX - MSG_SEND_HEAD];
  int body_fd; /* borrowed from the message; -1: none */
} Draft;

static void draft_clear(Draft *draft) {
  for (guint i = 0; i < G_N_ELEMENTS(draft->head); i++)
    g_clear_pointer(&draft->head[i], g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Draft, draft_clear)

static void draft_copy(Draft *to, const Draft *from) {
  *to = *from;
  for (guint i = 0; i < G_N_ELEMENTS(to->head); i++)
    if (to->head[i] != NULL)
      g_variant_ref(to->head[i]);
}

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

static gboolean refuse(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean refuse_unreadable(GError **error) {
  return refuse(error, "the message cannot be read: it is malformed");
}

static gboolean read_flag(sd_bus_message *m, gboolean *ret) {
  int value = 0;

  if (sd_bus_message_read_basic(m, SD_BUS_TYPE_BOOLEAN, &value) <= 0)
    return FALSE;
  *ret = value != 0;
  return TRUE;
}

/* The value of option `option`; `m` stands in front of it. */
static gboolean read_value(sd_bus_message *m, guint option, Draft *draft) {
  MsgSend *send = &draft->send;

  switch ((MsgSendOption)option) {
  case MSG_SEND_FROM:
    return sd_bus_message_read_basic(m, 's', &send->from) > 0;
  case MSG_SEND_ID:
    return sd_bus_message_read_basic(m, 's', &send->id) > 0;
  case MSG_SEND_KEY:
    return sd_bus_message_read_basic(m, 's', &send->key) > 0;
  case MSG_SEND_PRIORITY:
    return sd_bus_message_read_basic(m, 'y', &send->priority) > 0;
  case MSG_SEND_TTL:
    return sd_bus_message_read_basic(m, 't', &send->ttl) > 0;
  case MSG_SEND_DELAY:
    return sd_bus_message_read_basic(m, 't', &send->delay) > 0;
  case MSG_SEND_DELIVER_AT:
    return sd_bus_message_read_basic(m, 't', &send->deliver_at) > 0;
  case MSG_SEND_REPLY_BY:
    return sd_bus_message_read_basic(m, 't', &send->reply_by) > 0;
  case MSG_SEND_IN_REPLY_TO:
    return sd_bus_message_read_basic(m, 't', &send->in_reply_to) > 0;
  case MSG_SEND_EXPECTS_REPLY:
    return read_flag(m, &send->expects_reply);
  case MSG_SEND_VOLATILE:
    return read_flag(m, &send->is_volatile);
  case MSG_SEND_HOLD:
    return read_flag(m, &send->hold);
  case MSG_SEND_BODY_FD:
    return sd_bus_message_read_basic(m, 'h', &draft->body_fd) > 0;
  default:
    g_clear_pointer(&draft->head[option - MSG_SEND_HEAD], g_variant_unref);
    draft->head[option - MSG_SEND_HEAD] = msg_variant_read(m, NULL);
    return draft->head[option - MSG_SEND_HEAD] != NULL;
  }
}

static gboolean check_values(const MsgSend *send, GError **error) {
  if (send->priority > PRIORITY_MAX)
    return refuse(error, "option 'priority' is a number from 0 to 9");
  if (send->id != NULL && strlen(send->id) > ID_MAX)
    return refuse(error, "option 'id' is at most 128 bytes long");
  if (send->key != NULL && strlen(send->key) > KEY_MAX)
    return refuse(error, "option 'key' is at most 128 bytes long");
  if (send->deliver_at < 0)
    return refuse(error, "option 'deliver-at' is a time in microseconds since 1970");
  if (send->deliver_at != 0 && send->delay != 0)
    return refuse(error, "options 'deliver-at' and 'delay' exclude each other");
  return TRUE;
}

static gboolean read_options(sd_bus_message *m, Draft *draft, GError **error) {
  guint64 seen = 0;
  guint option;
  int r;

  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return refuse_unreadable(error);
  if (sd_bus_message_at_end(m, /* complete= */ FALSE) > 0)
    return sd_bus_message_exit_container(m) >= 0 || refuse_unreadable(error);
  while ((r = msg_options_next(m, msg_options_send, &seen, &option, error)) > 0) {
    if (!read_value(m, option, draft))
      return refuse_unreadable(error);
    if (!msg_options_leave(m, error))
      return FALSE;
  }
  if (r < 0)
    return FALSE;
  if (sd_bus_message_exit_container(m) < 0)
    return refuse_unreadable(error);
  return check_values(&draft->send, error);
}

static gboolean read_message(sd_bus_message *m, Draft *draft, GError **error) {
  if (sd_bus_message_read_basic(m, 's', &draft->send.to) <= 0 ||
      sd_bus_message_read_array(m, 'y', &draft->send.body, &draft->send.size) < 0)
    return refuse_unreadable(error);
  return read_options(m, draft, error);
}

/* The body: inline, within both limits, or mapped. */
static gboolean take_body(SendCall *call, Draft *draft, GError **error) {
  MsgSend *send = &draft->send;
  guint64 max = msg_job_daemon(call)->max_body;

  if (draft->body_fd >= 0) {
    MsgMap map;
    if (send->size > 0)
      return refuse(error, "a body is given inline or by 'body-fd', not both");
    if (call->maps != NULL && call->maps->len >= MANY_FDS_MAX)
      return refuse(error, "at most 16 bodies by 'body-fd' go into one call");
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
static gboolean finish_draft(SendCall *call, Draft *draft, MsgSend *ret, GError **error) {
  GVariantBuilder builder;
  gboolean any = FALSE;

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
    return refuse(error, "subject, headers and tags together are at most 65536 bytes long");
  return TRUE;
}

static gboolean read_send(sd_bus_message *m, SendCall *call, GError **error) {
  g_auto(Draft) draft = {.send.priority = PRIORITY_DEFAULT, .body_fd = -1};

  return read_message(m, &draft, error) && finish_draft(call, &draft, &call->job.one, error);
}

/* The defaults stand behind the messages: skip these, come back. */
static gboolean read_defaults(sd_bus_message *m, Draft *defaults, GError **error) {
  if (sd_bus_message_skip(m, "a(saya{sv})") < 0)
    return refuse_unreadable(error);
  if (!read_options(m, defaults, error))
    return FALSE;
  if (defaults->body_fd >= 0)
    return refuse(error, "option 'body-fd' belongs to one message, not to all");
  return sd_bus_message_rewind(m, /* complete= */ TRUE) >= 0 || refuse_unreadable(error);
}

static gboolean read_next(sd_bus_message *m, SendCall *call, const Draft *defaults, guint i,
                          GError **error) {
  g_auto(Draft) draft = {.body_fd = -1};
  g_autoptr(GError) local = NULL;

  draft_copy(&draft, defaults);
  if (read_message(m, &draft, &local) && finish_draft(call, &draft, &call->job.items[i], &local))
    return sd_bus_message_exit_container(m) >= 0 || refuse_unreadable(error);
  g_propagate_prefixed_error(error, g_steal_pointer(&local), "message %u of the call: ", i);
  return FALSE;
}

static gboolean read_send_many(sd_bus_message *m, SendCall *call, GError **error) {
  g_auto(Draft) defaults = {.send.priority = PRIORITY_DEFAULT, .body_fd = -1};
  guint allocated = 0;
  int r;

  if (!read_defaults(m, &defaults, error))
    return FALSE;
  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(saya{sv})") < 0)
    return refuse_unreadable(error);
  call->job.items = NULL;
  while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_STRUCT, "saya{sv}")) > 0) {
    if (call->job.n >= MANY_MAX)
      return refuse(error, "SendMany takes at most 4096 messages a call");
    if (call->job.n == allocated) {
      allocated = allocated == 0 ? 64 : allocated * 2;
      call->job.items = g_renew(MsgSend, call->job.items, allocated);
    }
    call->job.items[call->job.n] = (MsgSend){0};
    call->job.n++;
    if (!read_next(m, call, &defaults, call->job.n - 1, error))
      return FALSE;
  }
  return r >= 0 || refuse_unreadable(error);
}

static int append_receipt(sd_bus_message *reply, const MsgSend *send) {
  int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");

  if (r >= 0 && send->state != MSG_STATE_NONE)
    r = sd_bus_message_append(reply, "{sv}", "state", "s", msg_state_name(send->state));
  if (r >= 0 && send->duplicate)
    r = sd_bus_message_append(reply, "{sv}", "duplicate", "b", 1);
  if (r >= 0 && (send->seq & MSG_VOLATILE_BIT) != 0)
    r = sd_bus_message_append(reply, "{sv}", "volatile", "b", 1);
  if (r >= 0 && send->recipients != NULL) {
    g_autoptr(GVariant) names = g_variant_ref_sink(
        g_variant_new_strv((const char *const *)send->recipients, /* length= */ -1));
    r = msg_variant_append_entry(reply, "recipients", names);
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
    sd_bus_message *reply = msg_reply_new(base->call);
    int r = 0;
    if (reply != NULL && call->many) {
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
  MsgConnection *client = msg_connection_enter(daemon, m, caller, lookup, &error);

  if (client == NULL) {
    msg_reply_error(daemon, m, error, 0);
    return;
  }
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
