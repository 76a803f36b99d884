/* bus-head.c: see bus-head.h. Only messages that say such things come here. */
#include "messaging/bus-head.h"

#include "common/trace-context.h"
#include "messaging/bus-draft.h"

/* It is shown in one line of a table and of a terminal. */
static gboolean is_one_line(const char *text) {
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if ((g_unichar_iscntrl(c) && c != '\t') || c == 0x2028 || c == 0x2029)
      return FALSE;
  }
  return TRUE;
}

gboolean msg_head_check(MsgSendOption option, GVariant *value, GError **error) {
  if (option == MSG_SEND_SUBJECT && !is_one_line(g_variant_get_string(value, NULL)))
    return msg_refuse(error, "option 'subject' is one line of text without control characters; "
                             "more of it belongs in the body");
  if (option == MSG_SEND_TRACEPARENT && !wg_traceparent_ok(g_variant_get_string(value, NULL)))
    return msg_refuse(error, "option 'traceparent' is no W3C trace context: it is "
                             "VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal, like 00-4bf92f3"
                             "577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  return TRUE;
}
