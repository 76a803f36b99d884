/* bus-options.h: the options of every method, a{sv} with names and types that are checked.
 *
 * Every dictionary that a client can send stands here as a table. A key that the table lacks is
 * UnknownOption and names the nearest one; a value of another type is InvalidArgument; a key given
 * twice is InvalidArgument. Nothing is ever ignored. What a value means is the engine's. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  const char *key;
  const char *type; /* D-Bus signature of the value */
} MsgOption;        /* a table ends with a NULL key */

extern const MsgOption msg_options_none[], msg_options_agent[], msg_options_unregister[],
    msg_options_agent_filter[], msg_options_pause[], msg_options_send[], msg_options_receive[],
    msg_options_nack[], msg_options_touch[], msg_options_subscribe[], msg_options_get_message[],
    msg_options_for_agent[], msg_options_wait[], msg_options_list[], msg_options_requeue[],
    msg_options_purge[], msg_options_import[], msg_options_import_entry[], msg_options_check[],
    msg_options_courier[], msg_options_attempts[], msg_options_report[];

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

/* Looks `key` up and compares the type; the index, or -1 with `error` set. */
int msg_option_find(const MsgOption *table, const char *key, const char *type, GError **error);
/* Checks a whole dictionary that is a GVariant already. */
gboolean msg_options_verify(const MsgOption *table, GVariant *dict, GError **error);

/* Steps through an a{sv} that `m` stands in (entered): 1 and the index when `m` now stands in
 * front of the value, inside its variant; 0 at the end; -1 with `error` set. `seen` has a bit for
 * each index. After reading the value call msg_options_leave(). */
int msg_options_next(sd_bus_message *m, const MsgOption *table, guint64 *seen, guint *ret_index,
                     GError **error);
gboolean msg_options_leave(sd_bus_message *m, GError **error);
