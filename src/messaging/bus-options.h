/* bus-options.h: the options of every method: each dictionary that a client can send is a table
 * here (common/bus-options.h checks them). What a value means is the engine's. */
#pragma once

#include "common/bus-options.h"

extern const WgOption msg_options_none[], msg_options_agent[], msg_options_unregister[],
    msg_options_agent_filter[], msg_options_pause[], msg_options_send[], msg_options_receive[],
    msg_options_nack[], msg_options_touch[], msg_options_subscribe[], msg_options_get_message[],
    msg_options_for_agent[], msg_options_watch[], msg_options_wait[], msg_options_list[],
    msg_options_requeue[], msg_options_purge[], msg_options_import[], msg_options_import_entry[],
    msg_options_check[], msg_options_courier[], msg_options_attempts[], msg_options_report[],
    msg_options_take[], msg_options_ack[];

/* The place of each option in msg_options_send, for the hot path's switch. */
typedef enum {
  MSG_SEND_FROM,
  MSG_SEND_ID,
  MSG_SEND_PRIORITY,
  MSG_SEND_TTL,
  MSG_SEND_DELIVER_AT,
  MSG_SEND_DELAY,
  MSG_SEND_KEY,
  MSG_SEND_IN_REPLY_TO,
  MSG_SEND_EXPECTS_REPLY,
  MSG_SEND_REPLY_BY,
  MSG_SEND_VOLATILE,
  MSG_SEND_HOLD,
  MSG_SEND_BODY_FD,
  MSG_SEND_HEAD, /* from here on: kept with the message as given */
  MSG_SEND_REPLY_TO = MSG_SEND_HEAD,
  MSG_SEND_HEADERS,
  MSG_SEND_TAGS,
  MSG_SEND_CONTENT_TYPE,
  MSG_SEND_TRACEPARENT,
  MSG_SEND_SUBJECT,
  _MSG_SEND_MAX,
} MsgSendOption;
