/* bus-options.c: see bus-options.h. The tables are the D-Bus contract's; the manual page
 * org.waggle.Messaging1(5) describes each key, and a test compares the two. */
#include "messaging/bus-options.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

/* A key longer than this is not worth repeating in an error. */
#define KEY_SHOWN 64
#define TABLE_MAX 64

const MsgOption msg_options_none[] = {{NULL}};
const MsgOption msg_options_agent[] = {{"description", "s"},
                                       {"roles", "as"},
                                       {"topics", "as"},
                                       {"tags", "as"},
                                       {"capabilities", "as"},
                                       {"metadata", "a{ss}"},
                                       {"uid", "u"},
                                       {"max-messages", "t"},
                                       {"max-bytes", "t"},
                                       {"rate", "d"},
                                       {"burst", "u"},
                                       {"lease", "t"},
                                       {"max-deliveries", "u"},
                                       {"backoff", "at"},
                                       {"balance", "s"},
                                       {"policy", "s"},
                                       {"unset", "as"},
                                       {NULL}};
const MsgOption msg_options_unregister[] = {{"force", "b"}, {NULL}};
const MsgOption msg_options_agent_filter[] = {
    {"role", "s"}, {"topic", "s"}, {"tag", "s"}, {"capability", "s"},
    {"uid", "u"},  {"name", "s"},  {NULL}};
const MsgOption msg_options_pause[] = {{"until", "t"}, {"reason", "s"}, {NULL}};
const MsgOption msg_options_send[] = {
    [MSG_SEND_FROM] = {"from", "s"},
    [MSG_SEND_ID] = {"id", "s"},
    [MSG_SEND_PRIORITY] = {"priority", "y"},
    [MSG_SEND_TTL] = {"ttl", "t"},
    [MSG_SEND_DELIVER_AT] = {"deliver-at", "t"},
    [MSG_SEND_DELAY] = {"delay", "t"},
    [MSG_SEND_KEY] = {"key", "s"},
    [MSG_SEND_IN_REPLY_TO] = {"in-reply-to", "t"},
    [MSG_SEND_EXPECTS_REPLY] = {"expects-reply", "b"},
    [MSG_SEND_REPLY_BY] = {"reply-by", "t"},
    [MSG_SEND_VOLATILE] = {"volatile", "b"},
    [MSG_SEND_HOLD] = {"hold", "b"},
    [MSG_SEND_BODY_FD] = {"body-fd", "h"},
    [MSG_SEND_REPLY_TO] = {"reply-to", "s"},
    [MSG_SEND_HEADERS] = {"headers", "a{ss}"},
    [MSG_SEND_TAGS] = {"tags", "as"},
    [MSG_SEND_CONTENT_TYPE] = {"content-type", "s"},
    [MSG_SEND_TRACEPARENT] = {"traceparent", "s"},
    [MSG_SEND_SUBJECT] = {"subject", "s"},
    [_MSG_SEND_MAX] = {NULL},
};
const MsgOption msg_options_receive[] = {{"max", "u"},    {"wait", "t"},      {"lease", "t"},
                                         {"detach", "b"}, {"max-bytes", "t"}, {"no-body", "b"},
                                         {NULL}};
const MsgOption msg_options_nack[] = {{"mode", "s"}, {"delay", "t"}, {"reason", "s"}, {NULL}};
const MsgOption msg_options_touch[] = {{"lease", "t"}, {NULL}};
const MsgOption msg_options_subscribe[] = {{"lease", "t"}, {"no-body", "b"}, {NULL}};
const MsgOption msg_options_get_message[] = {{"no-body", "b"}, {NULL}};
const MsgOption msg_options_for_agent[] = {{"agent", "s"}, {NULL}};
const MsgOption msg_options_wait[] = {{"timeout", "t"}, {"agent", "s"}, {"count", "u"}, {NULL}};
const MsgOption msg_options_list[] = {{"agent", "s"},   {"state", "s"},  {"sender", "s"},
                                      {"tag", "s"},     {"since", "t"},  {"until", "t"},
                                      {"limit", "u"},   {"cursor", "t"}, {"reverse", "b"},
                                      {"subject", "s"}, {NULL}};
const MsgOption msg_options_requeue[] = {{"agent", "s"}, {"to", "s"}, {NULL}};
const MsgOption msg_options_purge[] = {{"agent", "s"}, {"before", "t"}, {NULL}};
const MsgOption msg_options_import[] = {{"file", "s"}, {"uid", "u"}, {NULL}};
const MsgOption msg_options_import_entry[] = {
    {"id", "s"},      {"from", "s"},        {"to", "s"},
    {"body", "ay"},   {"time", "t"},        {"updated", "t"},
    {"state", "s"},   {"reason", "s"},      {"priority", "y"},
    {"tags", "as"},   {"headers", "a{ss}"}, {"content-type", "s"},
    {"subject", "s"}, {"uid", "u"},         {NULL}};
const MsgOption msg_options_check[] = {{"dry-run", "b"}, {NULL}};
const MsgOption msg_options_courier[] = {{"name", "s"}, {"backends", "as"}, {NULL}};
const MsgOption msg_options_attempts[] = {
    {"max", "u"}, {"wait", "t"}, {"lease", "t"}, {"body", "b"}, {NULL}};
const MsgOption msg_options_report[] = {
    {"cause", "s"}, {"backend", "s"}, {"retry-after", "t"}, {NULL}};

static int refuse_key(const MsgOption *table, const char *key, GError **error) {
  const char *names[TABLE_MAX + 1] = {NULL};
  g_autofree char *shown = g_utf8_substring(key, 0, MIN(g_utf8_strlen(key, -1), KEY_SHOWN));

  for (guint i = 0; i < TABLE_MAX && table[i].key != NULL; i++)
    names[i] = table[i].key;
  g_autofree char *hint = wg_nearest_hint(shown, names);
  g_autofree char *all = g_strjoinv(", ", (char **)names);
  if (hint != NULL)
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION, "unknown option '%s'; %s", shown, hint);
  else if (names[0] != NULL)
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION,
                "unknown option '%s'; the options here are: %s", shown, all);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION,
                "unknown option '%s'; there are none here", shown);
  return -1;
}

int msg_option_find(const MsgOption *table, const char *key, const char *type, GError **error) {
  for (int i = 0; table[i].key != NULL; i++) {
    if (strcmp(table[i].key, key) != 0)
      continue;
    if (strcmp(table[i].type, type) == 0)
      return i;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "option '%s' has the D-Bus type '%s', not '%s'", key, table[i].type, type);
    return -1;
  }
  return refuse_key(table, key, error);
}

/* Marks option `i`; FALSE when it was marked before. */
static gboolean mark_seen(const MsgOption *table, guint i, guint64 *seen, GError **error) {
  guint64 bit = G_GUINT64_CONSTANT(1) << i;

  if ((*seen & bit) != 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "option '%s' is given twice",
                table[i].key);
    return FALSE;
  }
  *seen |= bit;
  return TRUE;
}

gboolean msg_options_verify(const MsgOption *table, GVariant *dict, GError **error) {
  GVariantIter iter;
  const char *key;
  GVariant *value;
  guint64 seen = 0;

  g_variant_iter_init(&iter, dict);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    int i = msg_option_find(table, key, g_variant_get_type_string(value), error);
    if (i < 0 || !mark_seen(table, i, &seen, error))
      return FALSE;
  }
  return TRUE;
}

static int refuse_message(int r, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the options cannot be read: %s",
              g_strerror(ABS(r)));
  return -1;
}

int msg_options_next(sd_bus_message *m, const MsgOption *table, guint64 *seen, guint *ret_index,
                     GError **error) {
  const char *key, *type;
  char variant;
  int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");

  if (r == 0)
    return 0;
  if (r > 0)
    r = sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &key);
  if (r > 0)
    r = sd_bus_message_peek_type(m, &variant, &type);
  if (r <= 0)
    return refuse_message(r, error);
  int i = msg_option_find(table, key, type, error);
  if (i < 0 || !mark_seen(table, i, seen, error))
    return -1;
  r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, table[i].type);
  if (r <= 0)
    return refuse_message(r, error);
  *ret_index = i;
  return 1;
}

gboolean msg_options_leave(sd_bus_message *m, GError **error) {
  int r = sd_bus_message_exit_container(m);

  if (r >= 0)
    r = sd_bus_message_exit_container(m);
  if (r < 0)
    refuse_message(r, error);
  return r >= 0;
}
