/* bus-draft.c: reads one message of Send or SendMany; see bus-draft.h.
 *
 * A message without options touches no dictionary. Nothing is copied but what the sender only wants
 * kept. */
#include "messaging/bus-draft.h"

#include "common/bus-variant.h"

#include <string.h>

#define ID_MAX 128
#define KEY_MAX 128
#define PRIORITY_MAX 9

void msg_draft_clear(MsgDraft *draft) {
  for (guint i = 0; i < G_N_ELEMENTS(draft->head); i++)
    g_clear_pointer(&draft->head[i], g_variant_unref);
}
void msg_draft_copy(MsgDraft *to, const MsgDraft *from) {
  *to = *from;
  for (guint i = 0; i < G_N_ELEMENTS(to->head); i++)
    if (to->head[i] != NULL)
      g_variant_ref(to->head[i]);
}

gboolean msg_refuse(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

gboolean msg_refuse_unreadable(GError **error) {
  return msg_refuse(error, "the message cannot be read: it is malformed");
}

static gboolean read_flag(sd_bus_message *m, gboolean *ret) {
  int value = 0;

  if (sd_bus_message_read_basic(m, SD_BUS_TYPE_BOOLEAN, &value) <= 0)
    return FALSE;
  *ret = value != 0;
  return TRUE;
}

/* The value of option `option`; `m` stands in front of it. */
static gboolean read_value(sd_bus_message *m, guint option, MsgDraft *draft) {
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
    draft->head[option - MSG_SEND_HEAD] = wg_variant_read(m, NULL);
    return draft->head[option - MSG_SEND_HEAD] != NULL;
  }
}

gboolean msg_draft_check(const MsgSend *send, GError **error) {
  if (send->priority > PRIORITY_MAX)
    return msg_refuse(error, "option 'priority' is a number from 0 to 9");
  if (send->id != NULL && strlen(send->id) > ID_MAX)
    return msg_refuse(error, "option 'id' is at most 128 bytes long");
  if (send->key != NULL && strlen(send->key) > KEY_MAX)
    return msg_refuse(error, "option 'key' is at most 128 bytes long");
  if (send->deliver_at < 0)
    return msg_refuse(error, "option 'deliver-at' is a time in microseconds since 1970");
  if (send->deliver_at != 0 && send->delay != 0)
    return msg_refuse(error, "options 'deliver-at' and 'delay' exclude each other");
  return TRUE;
}

gboolean msg_draft_read_options(sd_bus_message *m, MsgDraft *draft, GError **error) {
  guint option;
  int r;

  if (sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return msg_refuse_unreadable(error);
  if (sd_bus_message_at_end(m, /* complete= */ FALSE) > 0)
    return sd_bus_message_exit_container(m) >= 0 || msg_refuse_unreadable(error);
  while ((r = wg_options_next(m, msg_options_send, &draft->seen, &option, error)) > 0) {
    if (!read_value(m, option, draft))
      return msg_refuse_unreadable(error);
    if (!wg_options_leave(m, error))
      return FALSE;
  }
  if (r < 0)
    return FALSE;
  if (sd_bus_message_exit_container(m) < 0)
    return msg_refuse_unreadable(error);
  return msg_draft_check(&draft->send, error);
}

gboolean msg_draft_read(sd_bus_message *m, MsgDraft *draft, GError **error) {
  if (sd_bus_message_read_basic(m, 's', &draft->send.to) <= 0 ||
      sd_bus_message_read_array(m, 'y', &draft->send.body, &draft->send.size) < 0)
    return msg_refuse_unreadable(error);
  return msg_draft_read_options(m, draft, error);
}
