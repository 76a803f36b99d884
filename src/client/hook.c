/* hook.c: see hook.h. */
#include "client/hook.h"

#include "client/dict.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/terminal.h"
#include "common/nearest.h"

#include <string.h>

static const char *const formats[] = {"text", "json", "claude", "codex", NULL};

gboolean cli_hook_format_parse(const char *text, CliHookFormat *ret, GError **error) {
  for (guint i = 0; formats[i]; i++)
    if (g_str_equal(text, formats[i])) {
      *ret = (CliHookFormat)i;
      return TRUE;
    }
  g_autofree char *hint = wg_nearest_hint(text, formats);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--format=%s: %s", text,
              hint ?: "text, json, claude or codex");
  return FALSE;
}

CliHookWay cli_hook_way(const char *event) {
  static const char *const with_context[] = {"SessionStart", "UserPromptSubmit", "PostToolUse",
                                             NULL},
                           *const with_reason[] = {"Stop", "SubagentStop", NULL};

  if (g_strv_contains(with_reason, event))
    return CLI_HOOK_CONTINUE;
  return g_strv_contains(with_context, event) ? CLI_HOOK_CONTEXT : CLI_HOOK_SILENT;
}

char *cli_hook_event(const char *input, gssize size) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();

  if (!json_parser_load_from_data(parser, input, size, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root))
    return NULL;
  JsonNode *event = json_object_get_member(json_node_get_object(root), "hook_event_name");
  if (!event || !JSON_NODE_HOLDS_VALUE(event) || json_node_get_value_type(event) != G_TYPE_STRING)
    return NULL;
  return json_node_dup_string(event);
}

static void add_body(GString *s, const CliMessage *m, guint64 max_bytes) {
  g_autofree char *number = cli_message_format(m->number);
  gsize size;
  const char *data = g_bytes_get_data(m->body, &size);

  if (size > max_bytes || !g_utf8_validate_len(data ?: "", size, NULL)) {
    g_string_append_printf(s, "(%" G_GSIZE_FORMAT " bytes%s; read them with: waggle show %s)\n",
                           size, size > max_bytes ? "" : " that are no text", number);
    return;
  }
  g_autofree char *safe = cli_text_block(data ?: "", (gssize)size);
  g_string_append(s, safe);
  if (size && data[size - 1] != '\n')
    g_string_append_c(s, '\n');
}

char *cli_hook_message(const CliMessage *m, guint64 max_bytes, gboolean ack_needed) {
  g_autofree char *number = cli_message_format(m->number);
  g_autofree char *from = cli_text_one_line(m->from);
  const char *subject = cli_dict_string(m->fields, "subject");
  GString *s = g_string_new(NULL);

  g_string_append_printf(s, "Message %s from %s", number, from);
  if (subject) {
    g_autofree char *line = cli_text_one_line(subject);
    g_string_append_printf(s, ": %s", line);
  }
  g_string_append_c(s, '\n');
  add_body(s, m, max_bytes);
  if (cli_dict_bool(m->fields, "expects-reply"))
    g_string_append_printf(s, "(a reply is expected: waggle reply %s TEXT)\n", number);
  if (ack_needed) {
    g_autofree char *token = cli_token_format(m->token);
    g_string_append_printf(s, "(done with it? waggle ack %s)\n", token);
  }
  return g_string_free(s, FALSE);
}

char *cli_hook_answer(const char *event, const char *text) {
  JsonObject *answer = json_object_new();

  if (cli_hook_way(event) == CLI_HOOK_CONTINUE) {
    json_object_set_string_member(answer, "decision", "block");
    json_object_set_string_member(answer, "reason", text);
  } else {
    JsonObject *output = json_object_new();
    json_object_set_string_member(output, "hookEventName", event);
    json_object_set_string_member(output, "additionalContext", text);
    json_object_set_object_member(answer, "hookSpecificOutput", output);
  }
  return cli_json_line(answer);
}
