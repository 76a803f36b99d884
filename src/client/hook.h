/* hook.h: mail as the hooks of coding agents want it said.
 *
 * A hook's output steers the agent that runs it, so nothing but the format's own words may be
 * printed, and nothing at all when there is no mail. Sources: the published output schemas of both
 * programs; at the end of a turn both know only "decision" and "reason" and refuse the rest. */
#pragma once

#include "client/message.h"

typedef enum {
  CLI_HOOK_TEXT,   /* for people and scripts */
  CLI_HOOK_JSON,   /* one object a line, as `waggle receive --json` */
  CLI_HOOK_CLAUDE, /* the hooks of Claude Code */
  CLI_HOOK_CODEX,  /* the hooks of Codex */
} CliHookFormat;

gboolean cli_hook_format_parse(const char *text, CliHookFormat *ret, GError **error);

/* How a hook of that event hands text to its agent. */
typedef enum {
  CLI_HOOK_CONTEXT,  /* "additionalContext" */
  CLI_HOOK_CONTINUE, /* "decision": "block", with the text as the reason to go on */
  CLI_HOOK_SILENT,   /* it cannot: mail is left where it is */
} CliHookWay;
CliHookWay cli_hook_way(const char *event);

/* The event that the hook was called for, from the JSON object on its stdin. NULL: `input` is not
 * one, or says no event. (transfer full) */
char *cli_hook_event(const char *input, gssize size);

/* One message for the agent to read: who, what, and the command that ends its lease when
 * `ack_needed`. A body that is no text, or longer than `max_bytes`, is not cut: a command that
 * shows it stands in its place. (transfer full) */
char *cli_hook_message(const CliMessage *m, guint64 max_bytes, gboolean ack_needed);

/* The answer of a hook of `event` that says `text`: one line of JSON. (transfer full) */
char *cli_hook_answer(const char *event, const char *text);
