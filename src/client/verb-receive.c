/* verb-receive.c: takes messages and prints them.
 *
 * Without --ack each message is leased on request of another process: the lease is detached and
 * its token printed, for `waggle ack`. With --ack the lease stays with this connection until the
 * message was really written out; when that fails the message goes back to the queue. */
#include "client/body.h"
#include "client/dict.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/message.h"
#include "client/poll.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <errno.h>
#include <stdio.h>

#define MAX_AT_ONCE 256

const CliOption cli_receive_options[] = {
    {"as", 0, CLI_VALUE_REQUIRED, "AGENT", "Whose mail; default: $WAGGLE_AGENT"},
    {"wait", 'w', CLI_VALUE_OPTIONAL, "SPAN", "Wait for mail; without SPAN: for ever"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most this many messages; default 1"},
    {"ack", 'a', CLI_VALUE_NONE, NULL, "Report them as handled once they are printed"},
    {"lease", 0, CLI_VALUE_REQUIRED, "SPAN", "How long handling may take"},
    {"no-body", 0, CLI_VALUE_NONE, NULL, "Leave out the bodies"},
    {NULL},
};

typedef struct {
  const char *agent;
  guint64 wait, max, lease;
  gboolean ack, no_body;
} Request;

static gboolean read_request(const CliArgs *args, Request *r, GError **error) {
  g_autoptr(GError) local = NULL;
  const char *wait = cli_args_get(args, "wait");

  *r = (Request){.agent = cli_args_get(args, "as") ?: cli_args_word(args, 0) ?: cli_default_agent(),
                 .max = 1,
                 .ack = cli_args_has(args, "ack"),
                 .no_body = cli_args_has(args, "no-body")};
  if (cli_args_has(args, "as") && cli_args_word(args, 0)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "the mail of one agent at a time: %s or %s?",
                cli_args_get(args, "as"), cli_args_word(args, 0));
    return FALSE;
  }
  if (!r->agent) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                "whose mail? Say --as=AGENT or set WAGGLE_AGENT in the environment");
    return FALSE;
  }
  if (wait && !*wait)
    r->wait = G_MAXUINT64;
  else if (wait)
    cli_args_usec(args, "wait", &r->wait, &local);
  if (!local)
    cli_args_u64(args, "max", 1, MAX_AT_ONCE, &r->max, &local);
  if (!local)
    cli_args_usec(args, "lease", &r->lease, &local);
  if (!local)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

static GVariant *receive_once(Cli *cli, const Request *r, guint32 max, guint64 wait,
                              GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&o, "max", "u", max);
  g_variant_dict_insert(&o, "wait", "t", wait);
  if (r->lease)
    g_variant_dict_insert(&o, "lease", "t", r->lease);
  if (!r->ack)
    g_variant_dict_insert(&o, "detach", "b", TRUE);
  if (r->no_body)
    g_variant_dict_insert(&o, "no-body", "b", TRUE);
  return cli_call_again(cli, "Receive",
                        g_variant_new("(s@a{sv})", r->agent, g_variant_dict_end(&o)), error);
}

static gboolean print_one(Cli *cli, const Request *r, GVariant *entry, guint64 *ret_token,
                          GError **error) {
  g_autoptr(GVariant) inline_body = NULL, fields = NULL;
  g_autoptr(GBytes) body = NULL;
  CliMessage m = {.has_token = TRUE};

  g_variant_get(entry, "(tt&s@ay@a{sv})", &m.number, &m.token, &m.from, &inline_body, &fields);
  if (!r->no_body) {
    body = cli_body_of(cli, fields, inline_body, error);
    if (!body)
      return FALSE;
  }
  m.body = body;
  m.fields = fields;
  *ret_token = m.token;
  if (cli->json != CLI_JSON_OFF)
    cli_json_print_object(cli, cli_message_json(&m));
  else {
    cli_message_print(&m);
    if (!r->ack && !cli->no_legend && cli_is_terminal()) {
      g_autofree char *token = cli_token_format(m.token);
      printf("%s(done with it? waggle ack %s)%s\n", cli_style(CLI_STYLE_DIM), token,
             cli_style_end(CLI_STYLE_DIM));
    }
  }
  return TRUE;
}

/* What was printed must have arrived before it may be acked. */
static gboolean ack_all(Cli *cli, GVariant *tokens, GError **error) {
  g_autoptr(GVariant) held = g_variant_ref_sink(tokens);

  if (fflush(stdout) != 0 || ferror(stdout)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
                "cannot write the output: %s; the messages go back to the queue",
                g_strerror(errno));
    return FALSE;
  }
  g_autoptr(GVariant) reply =
      cli_call(cli, "AckMany", g_variant_new("(@ata{sv})", held, NULL), error);
  if (!reply)
    return FALSE;
  g_autoptr(GVariant) refused = g_variant_get_child_value(reply, 0);
  if (g_variant_n_children(refused) == 0)
    return TRUE;
  const char *name, *text;
  guint64 token;
  g_variant_get_child(refused, 0, "(t&s&s)", &token, &name, &text);
  g_set_error(error, CLI_ERROR, cli_exit_from_bus_error(name),
              "printed, but not acked, so it will come again: %s", text);
  return FALSE;
}

static gboolean print_batch(Cli *cli, const Request *r, GVariant *messages, GError **error) {
  g_auto(GVariantBuilder) tokens;

  g_variant_builder_init(&tokens, G_VARIANT_TYPE("at"));
  for (gsize i = 0; i < g_variant_n_children(messages); i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(messages, i);
    guint64 token;
    if (i && cli->json == CLI_JSON_OFF)
      putchar('\n');
    if (!print_one(cli, r, entry, &token, error))
      return FALSE;
    g_variant_builder_add(&tokens, "t", token);
  }
  return !r->ack || ack_all(cli, g_variant_builder_end(&tokens), error);
}

/* Waits for the first message, takes what else is there up to the maximum. */
static gboolean receive_all(Cli *cli, const Request *r, guint64 *ret_n, GError **error) {
  guint64 start = (guint64)g_get_monotonic_time(), n = 0;

  for (;;) {
    guint64 gone = (guint64)g_get_monotonic_time() - start;
    guint64 left = n || r->wait <= gone ? 0 : r->wait == G_MAXUINT64 ? r->wait : r->wait - gone;
    gboolean more;
    g_autoptr(GVariant) reply =
        receive_once(cli, r, (guint32)(r->max - n), MIN(left, CLI_POLL_USEC), error);
    if (!reply)
      return FALSE;
    g_autoptr(GVariant) messages = g_variant_get_child_value(reply, 0);
    g_variant_get_child(reply, 1, "b", &more);
    gsize got = g_variant_n_children(messages);
    if (got && n && cli->json == CLI_JSON_OFF)
      putchar('\n');
    if (got && !print_batch(cli, r, messages, error))
      return FALSE;
    n += got;
    *ret_n = n;
    if (n >= r->max || (n && (!more || !got)) || (!n && left == 0))
      return TRUE;
  }
}

int cli_verb_receive(Cli *cli, CliArgs *args, GError **error) {
  guint64 n = 0;
  Request r;

  if (!read_request(args, &r, error))
    return CLI_EXIT_USAGE;
  if (!receive_all(cli, &r, &n, error))
    return CLI_EXIT_FAILURE;
  if (n)
    return CLI_EXIT_OK;
  if (!cli->no_legend && cli->json == CLI_JSON_OFF && cli_is_terminal())
    fprintf(stderr, "No mail for %s.\n", r.agent);
  return CLI_EXIT_TIMEOUT;
}
