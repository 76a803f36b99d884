/* message.c: a message as one line of JSON, for agents that read files or standard input.
 *
 * The keys are those of org.waggle.Messaging1(5), and so are their values: times are microseconds
 * since 1970, in-reply-to is a number. The body is "text" when it is readable text, UTF-8 without
 * NUL; anything else is "body-base64". Nothing is cut, and nothing of the core's own is told. */
#include "delivery/backend.h"

#include "common/json-write.h"

#include <string.h>

static void add_key(GString *line, const char *key) {
  g_string_append_c(line, ',');
  wg_json_append_string(line, key, strlen(key));
  g_string_append_c(line, ':');
}

static void add_text(GString *line, const char *key, const char *text, gsize size) {
  add_key(line, key);
  wg_json_append_string(line, text, size);
}

/* g_utf8_validate_len() takes a NUL for the end of the text, hence for an error. */
static void add_body(GString *line, GBytes *body) {
  gsize size;
  const char *data = g_bytes_get_data(body, &size);

  add_key(line, "bytes");
  wg_json_append_number(line, size);
  if (size == 0 || g_utf8_validate_len(data, size, NULL)) {
    add_text(line, "text", size > 0 ? data : "", size);
    return;
  }
  g_autofree char *encoded = g_base64_encode((const guchar *)data, size);
  add_text(line, "body-base64", encoded, strlen(encoded));
}

GBytes *dlv_message_json(const char *agent, const DlvMessage *message) {
  gsize room = message->body != NULL ? g_bytes_get_size(message->body) : 0;
  GString *line;

  if (message->fields != NULL)
    room += g_ref_string_length(message->fields);
  line = g_string_sized_new(room + 192);
  g_string_append(line, "{\"message\":");
  wg_json_append_number(line, message->number);
  add_text(line, "agent", agent, strlen(agent));
  add_text(line, "from", message->from, strlen(message->from));
  add_key(line, "priority");
  wg_json_append_number(line, message->priority);
  if (message->fields != NULL)
    g_string_append_len(line, message->fields, (gssize)g_ref_string_length(message->fields));
  if (message->body != NULL)
    add_body(line, message->body);
  g_string_append(line, "}\n");
  return g_string_free_to_bytes(line);
}
