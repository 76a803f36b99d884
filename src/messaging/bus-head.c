/* bus-head.c: see bus-head.h. Only messages that say such things come here. */
#include "messaging/bus-head.h"

#include "common/trace-context.h"
#include "messaging/bus-draft.h"

#include <string.h>

/* It is shown in one line of a table and of a terminal. */
static gboolean is_one_line(const char *text) {
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if ((g_unichar_iscntrl(c) && c != '\t') || c == 0x2028 || c == 0x2029)
      return FALSE;
  }
  return TRUE;
}

/* An agent's name, role:NAME, topic:NAME or @all: what Send takes as a recipient. */
static gboolean is_address(const char *text) {
  if (g_str_has_prefix(text, "role:") || g_str_has_prefix(text, "topic:"))
    text = strchr(text, ':') + 1;
  return g_str_equal(text, "@all") || msg_name_ok(text);
}

gboolean msg_head_check(MsgSendOption option, GVariant *value, GError **error) {
  if (option == MSG_SEND_SUBJECT && !is_one_line(g_variant_get_string(value, NULL)))
    return msg_refuse(error, "option 'subject' is one line of text without control characters; "
                             "more of it belongs in the body");
  if (option == MSG_SEND_CONTENT_TYPE && !is_one_line(g_variant_get_string(value, NULL)))
    return msg_refuse(error, "option 'content-type' is one line, like application/json");
  if (option == MSG_SEND_REPLY_TO && !is_address(g_variant_get_string(value, NULL)))
    return msg_refuse(error, "option 'reply-to' is no address: it is an agent's name, role:NAME, "
                             "topic:NAME or @all");
  return option != MSG_SEND_TRACEPARENT ||
         wg_traceparent_check(g_variant_get_string(value, NULL), error);
}
