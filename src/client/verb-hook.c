/* verb-hook.c: `waggle hook drain`, for agents that run a command at certain moments.
 *
 * Prints mail that was not printed before, each message once, and leases it in the same call: what
 * was printed counts as read. The leases are detached, since the agent acks later from another
 * process; they go back when the output could not be written. Without mail it prints nothing. A
 * failure exits with 1 and never with 2, which those agents take for an order. */
#include "client/body.h"
#include "client/dict.h"
#include "client/hook.h"
#include "client/json.h"
#include "client/poll.h"
#include "client/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define INPUT_MAX (4 << 20)
#define INPUT_WAIT_MSEC 1000
#define LEASE_DEFAULT (12 * 3600 * (guint64)G_USEC_PER_SEC)
#define MAX_DEFAULT 20
#define MAX_BYTES_DEFAULT (64 << 10)

const CliOption cli_hook_drain_options[] = {
    {"format", 0, CLI_VALUE_REQUIRED, "FORMAT", "text, json, claude or codex; default text"},
    {"event", 0, CLI_VALUE_REQUIRED, "EVENT", "The hook's event; default: as stdin says"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most this many messages; default 20"},
    {"max-bytes", 0, CLI_VALUE_REQUIRED, "SIZE", "Longer bodies are only named; default 64K"},
    {"ack", 'a', CLI_VALUE_NONE, NULL, "Report them as handled once they are printed"},
    {"lease", 0, CLI_VALUE_REQUIRED, "SPAN", "How long handling may take; default 12h"},
    {NULL},
};

typedef struct {
  const char *agent;
  CliHookFormat format;
  char *event; /* NULL: the format knows none */
  guint64 max, max_bytes, lease;
  gboolean ack;
} Drain;

static void drain_clear(Drain *d) {
  g_free(d->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Drain, drain_clear)

/* What the agent's program says about the moment. It closes its end at once; one that does not is
 * given a second, not the agent's patience. */
static GString *read_input(void) {
  GString *input = g_string_new(NULL);
  GPollFD p = {.fd = STDIN_FILENO, .events = G_IO_IN};
  char buffer[4096];
  ssize_t n;

  if (isatty(STDIN_FILENO))
    return input;
  while (input->len < INPUT_MAX && g_poll(&p, 1, INPUT_WAIT_MSEC) > 0 &&
         (n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
    g_string_append_len(input, buffer, n);
  return input;
}

static gboolean find_event(const CliArgs *args, Drain *d, GError **error) {
  if (d->format != CLI_HOOK_CLAUDE && d->format != CLI_HOOK_CODEX)
    return TRUE;
  d->event = g_strdup(cli_args_get(args, "event"));
  if (!d->event) {
    g_autoptr(GString) input = read_input();
    d->event = cli_hook_event(input->str, (gssize)input->len);
  }
  if (d->event)
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
              "stdin has no JSON object with \"hook_event_name\", as the agent's program gives its "
              "hooks; say --event=Stop or the like");
  return FALSE;
}

static gboolean read_options(const CliArgs *args, Drain *d, GError **error) {
  g_autoptr(GError) local = NULL;

  *d = (Drain){.agent = cli_args_word(args, 0) ?: cli_default_agent(),
               .max = MAX_DEFAULT,
               .max_bytes = MAX_BYTES_DEFAULT,
               .lease = LEASE_DEFAULT,
               .ack = cli_args_has(args, "ack")};
  if (!d->agent) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
                "whose mail? Name the agent or set WAGGLE_AGENT in the environment");
    return FALSE;
  }
  if (cli_args_has(args, "format"))
    cli_hook_format_parse(cli_args_get(args, "format"), &d->format, &local);
  if (!local)
    cli_args_u64(args, "max", 1, 256, &d->max, &local);
  if (!local)
    cli_args_bytes(args, "max-bytes", &d->max_bytes, &local);
  if (!local)
    cli_args_usec(args, "lease", &d->lease, &local);
  if (!local)
    return find_event(args, d, error);
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

static GVariant *lease_mail(Cli *cli, const Drain *d, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&o, "max", "u", (guint32)d->max);
  g_variant_dict_insert(&o, "lease", "t", d->lease);
  g_variant_dict_insert(&o, "detach", "b", TRUE);
  return cli_call_again(cli, "Receive",
                        g_variant_new("(s@a{sv})", d->agent, g_variant_dict_end(&o)), error);
}

/* Of all, before anything can fail: what is not printed goes back. */
static GArray *tokens_of(GVariant *messages) {
  GArray *tokens = g_array_new(FALSE, FALSE, sizeof(guint64));

  for (gsize i = 0; i < g_variant_n_children(messages); i++) {
    guint64 token;
    g_variant_get_child(messages, i, "(tt&s@ay@a{sv})", NULL, &token, NULL, NULL, NULL);
    g_array_append_val(tokens, token);
  }
  return tokens;
}

/* The texts of all messages. */
static GString *compose(Cli *cli, const Drain *d, GVariant *messages, GError **error) {
  g_autoptr(GString) all = g_string_new(NULL);

  for (gsize i = 0; i < g_variant_n_children(messages); i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(messages, i);
    g_autoptr(GVariant) inline_body = NULL, fields = NULL;
    CliMessage m = {.has_token = TRUE};
    g_variant_get(entry, "(tt&s@ay@a{sv})", &m.number, &m.token, &m.from, &inline_body, &fields);
    g_autoptr(GBytes) body = cli_body_of(cli, fields, inline_body, error);
    if (!body)
      return NULL;
    m.body = body;
    m.fields = fields;
    g_autofree char *text = NULL;
    if (d->format == CLI_HOOK_JSON)
      text = cli_json_line(cli_message_json(&m));
    else
      text = cli_hook_message(&m, d->max_bytes, !d->ack);
    if (i && d->format != CLI_HOOK_JSON)
      g_string_append_c(all, '\n');
    g_string_append(all, text);
    if (d->format == CLI_HOOK_JSON)
      g_string_append_c(all, '\n');
  }
  return g_steal_pointer(&all);
}

static gboolean print(const Drain *d, const GString *text, GError **error) {
  g_autofree char *answer = d->event ? cli_hook_answer(d->event, text->str) : NULL;

  if (fputs(answer ?: text->str, stdout) >= 0 && (!answer || putchar('\n') != EOF) &&
      fflush(stdout) == 0)
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
              "cannot write the output: %s; the messages go back to the queue", g_strerror(errno));
  return FALSE;
}

/* What was not printed was not read. The first error is the one that counts. */
static void give_back(Cli *cli, const GArray *tokens) {
  for (guint i = 0; i < tokens->len; i++) {
    g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
    g_variant_dict_insert(&o, "mode", "s", "silent");
    g_autoptr(GVariant) reply = cli_call(
        cli, "Nack",
        g_variant_new("(t@a{sv})", g_array_index(tokens, guint64, i), g_variant_dict_end(&o)),
        NULL);
  }
}

static gboolean ack_all(Cli *cli, const GArray *tokens, GError **error) {
  GVariant *all =
      g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, tokens->data, tokens->len, sizeof(guint64));
  g_autoptr(GVariant) reply =
      cli_call(cli, "AckMany", g_variant_new("(@ata{sv})", all, NULL), error);

  return reply != NULL;
}

static gboolean drain(Cli *cli, const Drain *d, GError **error) {
  g_autoptr(GVariant) reply = lease_mail(cli, d, error);

  if (!reply)
    return FALSE;
  g_autoptr(GVariant) messages = g_variant_get_child_value(reply, 0);
  if (g_variant_n_children(messages) == 0)
    return TRUE;
  g_autoptr(GArray) tokens = tokens_of(messages);
  g_autoptr(GString) text = compose(cli, d, messages, error);
  if (!text || !print(d, text, error)) {
    give_back(cli, tokens);
    return FALSE;
  }
  return !d->ack || ack_all(cli, tokens, error);
}

int cli_verb_hook_drain(Cli *cli, CliArgs *args, GError **error) {
  g_auto(Drain) d = {0};

  if (read_options(args, &d, error)) {
    if (d.event && cli_hook_way(d.event) == CLI_HOOK_SILENT)
      return CLI_EXIT_OK;
    if (drain(cli, &d, error))
      return CLI_EXIT_OK;
  }
  if (error && *error)
    (*error)->code = CLI_EXIT_FAILURE;
  return CLI_EXIT_FAILURE;
}
