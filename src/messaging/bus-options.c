/* bus-options.c: see bus-options.h. The tables are the D-Bus contract's; the manual page
 * org.waggle.Messaging1(5) describes each key, and a test compares the two. */
#include "messaging/bus-options.h"

const WgOption msg_options_none[] = {{NULL}};
const WgOption msg_options_agent[] = {{"description", "s"},
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
const WgOption msg_options_unregister[] = {{"force", "b"}, {NULL}};
const WgOption msg_options_agent_filter[] = {
    {"role", "s"}, {"topic", "s"}, {"tag", "s"}, {"capability", "s"},
    {"uid", "u"},  {"name", "s"},  {NULL}};
const WgOption msg_options_pause[] = {{"until", "t"}, {"reason", "s"}, {NULL}};
const WgOption msg_options_send[] = {
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
const WgOption msg_options_receive[] = {{"max", "u"},    {"wait", "t"},      {"lease", "t"},
                                        {"detach", "b"}, {"max-bytes", "t"}, {"no-body", "b"},
                                        {NULL}};
const WgOption msg_options_nack[] = {
    {"mode", "s"}, {"delay", "t"}, {"reason", "s"}, {"step", "u"}, {NULL}};
const WgOption msg_options_touch[] = {{"lease", "t"}, {NULL}};
const WgOption msg_options_subscribe[] = {{"lease", "t"}, {"no-body", "b"}, {NULL}};
const WgOption msg_options_get_message[] = {{"no-body", "b"}, {NULL}};
const WgOption msg_options_for_agent[] = {{"agent", "s"}, {NULL}};
const WgOption msg_options_watch[] = {{"agent", "s"}, {"final", "b"}, {NULL}};
const WgOption msg_options_wait[] = {{"timeout", "t"}, {"agent", "s"}, {"count", "u"}, {NULL}};
const WgOption msg_options_list[] = {{"agent", "s"},   {"state", "s"},    {"sender", "s"},
                                     {"tag", "s"},     {"since", "t"},    {"until", "t"},
                                     {"limit", "u"},   {"cursor", "t"},   {"reverse", "b"},
                                     {"subject", "s"}, {"sequence", "t"}, {NULL}};
const WgOption msg_options_requeue[] = {{"agent", "s"}, {"to", "s"}, {NULL}};
const WgOption msg_options_purge[] = {{"agent", "s"}, {"before", "t"}, {NULL}};
const WgOption msg_options_import[] = {{"file", "s"}, {"uid", "u"}, {NULL}};
const WgOption msg_options_import_entry[] = {
    {"id", "s"},       {"from", "s"},        {"to", "s"},
    {"body", "ay"},    {"time", "t"},        {"updated", "t"},
    {"state", "s"},    {"reason", "s"},      {"priority", "y"},
    {"tags", "as"},    {"headers", "a{ss}"}, {"content-type", "s"},
    {"subject", "s"},  {"uid", "u"},         {"key", "s"},
    {"expires", "t"},  {"deliver-at", "t"},  {"hold", "b"},
    {"reply-to", "s"}, {"traceparent", "s"}, {"expects-reply", "b"},
    {"reply-by", "t"}, {"answers", "s"},     {NULL}};
const WgOption msg_options_check[] = {{"dry-run", "b"}, {"from", "s"}, {NULL}};
const WgOption msg_options_courier[] = {{"name", "s"}, {"backends", "as"}, {NULL}};
const WgOption msg_options_attempts[] = {{"max", "u"},  {"wait", "t"},   {"lease", "t"},
                                         {"body", "b"}, {"policy", "b"}, {NULL}};
const WgOption msg_options_report[] = {{"cause", "s"}, {"backend", "s"},  {"retry-after", "t"},
                                       {"step", "u"},  {"continue", "b"}, {NULL}};
const WgOption msg_options_take[] = {{"lease", "t"}, {"step", "u"}, {NULL}};
const WgOption msg_options_ack[] = {{"cause", "s"}, {NULL}};
