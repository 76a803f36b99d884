/* send-options.c: see send-options.h. */
#include "client/send-options.h"

#include "client/body.h"
#include "client/dict.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/poll.h"
#include "client/terminal.h"
#include "client/verbs.h"
#include "common/names.h"

#include <errno.h>
#include <stdio.h>

#define SEND_ROWS                                                                                  \
  {"from", 0, CLI_VALUE_REQUIRED, "AGENT", "Send as this agent; default: $WAGGLE_AGENT"},          \
      {"file", 0, CLI_VALUE_REQUIRED, "PATH", "Send what is in a file; \"-\": stdin"},             \
      {"wait", 'w', CLI_VALUE_REQUIRED, "STATE", "Wait for a receipt, like acked"},                \
      {"timeout", 0, CLI_VALUE_REQUIRED, "SPAN", "How long to wait, like 30s; default: for ever"}, \
      {"id", 0, CLI_VALUE_REQUIRED, "ID", "Your own id: the same one is stored only once"},        \
      {"priority", 'p', CLI_VALUE_REQUIRED, "0-9", "Greater is earlier; default 4"},               \
      {"ttl", 0, CLI_VALUE_REQUIRED, "SPAN", "Worthless after this time"},                         \
      {"at", 0, CLI_VALUE_REQUIRED, "TIME", "Hand out not before this time"},                      \
      {"delay", 0, CLI_VALUE_REQUIRED, "SPAN", "Hand out not before this much later"},             \
      {"key", 0, CLI_VALUE_REQUIRED, "KEY", "Messages of one key are handled one after another"},  \
      {"reply-to", 0, CLI_VALUE_REQUIRED, "ADDRESS", "Where answers go instead of to the sender"}, \
      {"expects-reply", 0, CLI_VALUE_NONE, NULL, "An answer is expected"},                         \
      {"reply-by", 0, CLI_VALUE_REQUIRED, "SPAN", "An answer is expected within this time"},       \
      {"header", 0, CLI_VALUE_REQUIRED, "KEY=VALUE", "Anything else, handed over as it is"},       \
      {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "A word to find it by"},                               \
      {"type", 0, CLI_VALUE_REQUIRED, "TYPE", "Content type, like application/json"},              \
      {"subject", 's', CLI_VALUE_REQUIRED, "TEXT", "One line that says what it is about"},         \
      {"traceparent", 0, CLI_VALUE_REQUIRED, "TEXT", "W3C trace context; default: $TRACEPARENT"},  \
      {"volatile", 0, CLI_VALUE_NONE, NULL, "Keep it in memory only: lost when the service ends"}, \
  {                                                                                                \
    "hold", 0, CLI_VALUE_NONE, NULL, "Hand it out only after waggle release"                       \
  }

const CliOption cli_send_options[] = {
    SEND_ROWS,
    {"in-reply-to", 0, CLI_VALUE_REQUIRED, "MESSAGE", "The message that this one answers"},
    {NULL},
};

const CliOption cli_reply_options[] = {SEND_ROWS, {NULL}};

static void add_texts(const CliArgs *args, GVariantDict *o) {
  static const char *const same[] = {"id", "key", "reply-to", "subject", "traceparent"};
  static const char *const flags[] = {"expects-reply", "volatile", "hold"};

  cli_dict_add_trace(o);
  for (guint i = 0; i < G_N_ELEMENTS(same); i++)
    if (cli_args_has(args, same[i]))
      g_variant_dict_insert(o, same[i], "s", cli_args_get(args, same[i]));
  for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
    if (cli_args_has(args, flags[i]))
      g_variant_dict_insert(o, flags[i], "b", TRUE);
  if (cli_args_has(args, "type"))
    g_variant_dict_insert(o, "content-type", "s", cli_args_get(args, "type"));
  if (cli_args_has(args, "tag"))
    g_variant_dict_insert_value(o, "tags", cli_args_names(args, "tag"));
}

gboolean cli_send_options_read(const CliArgs *args, GVariantDict *o, GError **error) {
  static const char *const spans[] = {"ttl", "delay", "reply-by"};
  const char *from = cli_args_get(args, "from") ?: cli_default_agent();
  g_autoptr(GVariant) headers = NULL;
  g_autoptr(GError) local = NULL;
  guint64 n;

  /* used only after the message was sent: a slip has to be found before */
  if (cli_args_has(args, "wait") && !cli_wait_state_check(cli_args_get(args, "wait"), error))
    return FALSE;
  if (from)
    g_variant_dict_insert(o, "from", "s", from);
  add_texts(args, o);
  if (!cli_args_pairs(args, "header", &headers, error))
    return FALSE;
  if (headers)
    g_variant_dict_insert_value(o, "headers", headers);
  for (guint i = 0; i < G_N_ELEMENTS(spans) && !local; i++)
    if (cli_args_usec(args, spans[i], &n, &local))
      g_variant_dict_insert(o, spans[i], "t", n);
  if (!local && cli_args_time(args, "at", &n, &local))
    g_variant_dict_insert(o, "deliver-at", "t", n);
  if (!local && cli_args_u64(args, "priority", 0, 9, &n, &local))
    g_variant_dict_insert(o, "priority", "y", (guchar)n);
  if (!local) /* as with the state */
    cli_args_usec(args, "timeout", &n, &local);
  if (!local)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

static void print_json(Cli *cli, guint64 message, const char *to, GVariant *receipt,
                       const char *waited) {
  JsonObject *object = json_object_new();

  cli_json_add_message(object, "message", message);
  json_object_set_string_member(object, "to", to);
  cli_json_add_dict(object, receipt);
  if (waited)
    json_object_set_string_member(object, "state", waited);
  cli_json_print_object(cli, object);
}

static void print_human(guint64 message, const char *to, GVariant *receipt, const char *waited) {
  g_autofree char *number = cli_message_format(message);
  g_autofree char *who = cli_dict_join(receipt, "recipients", ", ");
  const char *state = waited ?: cli_dict_string(receipt, "state") ?: "queued";

  if (!cli_is_terminal()) {
    puts(number);
    return;
  }
  printf("Message %s%s%s to %s", cli_style(CLI_STYLE_BOLD), number, cli_style_end(CLI_STYLE_BOLD),
         to);
  if (*who)
    printf(" (%s)", who);
  printf(": %s%s%s", cli_style(cli_state_style(state)), state,
         cli_style_end(cli_state_style(state)));
  if (cli_dict_bool(receipt, "duplicate"))
    printf("; this id had been sent before, nothing new was stored");
  if (cli_dict_bool(receipt, "volatile"))
    printf("; in memory only");
  printf("\n");
}

/* Whoever sees only that it failed would send it again. */
static gboolean told(guint64 message, GError **error) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return TRUE;
  g_autofree char *number = cli_message_format(message);
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
              "message %s is stored, but the output could not be written: %s", number,
              g_strerror(errno));
  return FALSE;
}

static int wait_for(Cli *cli, const CliArgs *args, guint64 message, char **ret_state,
                    gboolean *ret_reached, GError **error) {
  const char *state = cli_args_get(args, "wait");
  guint64 timeout = G_MAXUINT64;

  cli_args_usec(args, "timeout", &timeout, NULL);
  if (!cli_wait_state(cli, message, state, NULL, 0, timeout, ret_reached, ret_state, error))
    return CLI_EXIT_FAILURE;
  return CLI_EXIT_OK;
}

int cli_send_message(Cli *cli, const CliArgs *args, const char *to, guint first,
                     GVariantDict *options, GError **error) {
  g_autoptr(GBytes) body = cli_body_read(args, first, error);
  GVariant *inline_body = body ? cli_body_attach(cli, body, options, error) : NULL;
  const char *wanted = cli_args_get(args, "wait");
  g_autofree char *state = NULL;
  guint64 message;
  gboolean reached = TRUE;

  if (!inline_body)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) reply =
      cli_call(cli, "Send",
               g_variant_new("(s@ay@a{sv})", to, inline_body, g_variant_dict_end(options)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) receipt = g_variant_get_child_value(reply, 1);
  g_variant_get_child(reply, 0, "t", &message);
  if (wanted && wait_for(cli, args, message, &state, &reached, error) != CLI_EXIT_OK) {
    g_autofree char *number = cli_message_format(message);
    g_prefix_error(error, "message %s is stored, but: ", number);
    return CLI_EXIT_FAILURE;
  }
  if (cli->json != CLI_JSON_OFF)
    print_json(cli, message, to, receipt, state);
  else
    print_human(message, to, receipt, state);
  if (!told(message, error))
    return CLI_EXIT_FAILURE;
  return wanted ? cli_wait_report(cli, message, wanted, reached, state, error) : CLI_EXIT_OK;
}
