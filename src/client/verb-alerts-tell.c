/* verb-alerts-tell.c: who is told of alerts: silences, receivers, notifications. */
#include "client/dict.h"
#include "client/json.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include "common/names.h"

#include <stdio.h>

const CliOption cli_alerts_silence_options[] = {
    {"for", 'f', CLI_VALUE_REQUIRED, "SPAN", "For so long; default one hour"},
    {"until", 0, CLI_VALUE_REQUIRED, "TIME", "Up to then"},
    {"from", 0, CLI_VALUE_REQUIRED, "TIME", "Not before then"},
    {"comment", 'm', CLI_VALUE_REQUIRED, "TEXT", "Why"},
    {NULL},
};
const CliOption cli_alerts_silences_options[] = {
    {"all", 'a', CLI_VALUE_NONE, NULL, "Those that have ended, too"},
    {NULL},
};
const CliOption cli_alerts_notifications_options[] = {
    {"waiting", 'w', CLI_VALUE_NONE, NULL, "Only those that are still to be told"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most so many; default 50"},
    {NULL},
};

static GVariant *ask(Cli *cli, const char *method, GVariant *params, GError **error) {
  return cli_call_interface(cli, WG_IFACE_MONITORING_NOTIFY, method, params, error);
}

/* A method that answers aa{sv}: as JSON or as a table. */
static int list(Cli *cli, const char *method, GVariant *params, const CliColumn *columns,
                CliRowFunc add, const char *what, GError **error) {
  guint n;

  g_autoptr(GVariant) reply = ask(cli, method, params, error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) rows = g_variant_get_child_value(reply, 0);
  if (cli_table_print_rows(cli, columns, rows, add, &n))
    printf("%s%u %s%s.\n", n ? "\n" : "", n, what, n == 1 ? "" : "s");
  return CLI_EXIT_OK;
}

static gboolean add_time(CliArgs *args, const char *option, const char *key, GVariantBuilder *b,
                         GError **error) {
  guint64 when;

  if (!cli_args_has(args, option))
    return TRUE;
  if (!cli_args_time(args, option, &when, error))
    return FALSE;
  g_variant_builder_add(b, "{sv}", key, g_variant_new_uint64(when));
  return TRUE;
}

static gboolean silence_options(CliArgs *args, GVariantBuilder *b, GError **error) {
  guint64 span;

  if (cli_args_has(args, "for")) {
    if (!cli_args_usec(args, "for", &span, error))
      return FALSE;
    g_variant_builder_add(b, "{sv}", "duration", g_variant_new_uint64(span));
  }
  if (cli_args_has(args, "comment"))
    g_variant_builder_add(b, "{sv}", "comment",
                          g_variant_new_string(cli_args_get(args, "comment")));
  return add_time(args, "until", "ends-at", b, error) &&
         add_time(args, "from", "starts-at", b, error);
}

int cli_verb_alerts_silence(Cli *cli, CliArgs *args, GError **error) {
  guint n;
  char **words = cli_args_words(args, &n);
  g_autofree char *matchers = g_strjoinv(",", words);
  GVariantBuilder b;

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  cli_options_add_trace(&b);
  if (!silence_options(args, &b, error)) {
    g_variant_builder_clear(&b);
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) reply = ask(cli, "Silence", g_variant_new("(sa{sv})", matchers, &b), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  guint64 id;
  g_variant_get(reply, "(t)", &id);
  if (cli->json != CLI_JSON_OFF)
    cli_json_print(cli, cli_json_from_variant(reply));
  else
    printf("%" G_GUINT64_FORMAT "\n", id);
  return CLI_EXIT_OK;
}

static GVariant *trace_alone(void) {
  GVariantBuilder b;

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  cli_options_add_trace(&b);
  return g_variant_builder_end(&b);
}

int cli_verb_alerts_unsilence(Cli *cli, CliArgs *args, GError **error) {
  guint n;
  char **words = cli_args_words(args, &n);

  for (guint i = 0; i < n; i++) {
    guint64 id;
    if (!g_ascii_string_to_unsigned(words[i], 10, 1, G_MAXINT64, &id, NULL)) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                  "'%s' is no number of a silence; waggle alerts silences lists them", words[i]);
      return CLI_EXIT_USAGE;
    }
    g_autoptr(GVariant) reply =
        ask(cli, "Unsilence", g_variant_new("(t@a{sv})", id, trace_alone()), error);
    if (!reply)
      return CLI_EXIT_FAILURE;
  }
  return CLI_EXIT_OK;
}

static void add_silence(CliTable *table, GVariant *s, guint64 now) {
  const char *state = cli_dict_string(s, "state");
  g_autofree char *ends = cli_time_relative(cli_dict_u64(s, "ends-at"), now);

  cli_table_add_printf(table, CLI_STYLE_BOLD, "%" G_GUINT64_FORMAT, cli_dict_u64(s, "id"));
  cli_table_add(table, state, g_strcmp0(state, "active") == 0 ? CLI_STYLE_WARNING : CLI_STYLE_DIM);
  cli_table_add(table, ends, CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(s, "who"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(s, "matchers"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(s, "comment"), CLI_STYLE_NONE);
}

int cli_verb_alerts_silences(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"ID", TRUE}, {"STATE"}, {"ENDS"}, {"WHO"}, {"MATCHERS"}, {"COMMENT", FALSE, 1}, {NULL}};
  GVariantBuilder b;

  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  if (cli_args_has(args, "all"))
    g_variant_builder_add(&b, "{sv}", "all", g_variant_new_boolean(TRUE));
  return list(cli, "ListSilences", g_variant_new("(a{sv})", &b), columns, add_silence, "silence",
              error);
}

static void add_receiver(CliTable *table, GVariant *r, guint64 now) {
  const char *wrong = cli_dict_string(r, "error");
  gboolean waits = cli_dict_bool(r, "rate-limited");

  cli_table_add(table, cli_dict_string(r, "receiver"), CLI_STYLE_BOLD);
  cli_table_add(table, cli_dict_string(r, "kind"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(r, "target"), CLI_STYLE_NONE);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, cli_dict_u64(r, "waiting"));
  cli_table_add(table,
                wrong   ? wrong
                : waits ? "rate limit"
                        : "ok",
                wrong   ? CLI_STYLE_BAD
                : waits ? CLI_STYLE_WARNING
                        : CLI_STYLE_GOOD);
}

int cli_verb_alerts_receivers(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"RECEIVER"}, {"KIND"}, {"TARGET", FALSE, 1}, {"WAITING", TRUE}, {"STATE", FALSE, 2}, {NULL}};

  return list(cli, "ListReceivers", g_variant_new("(a{sv})", NULL), columns, add_receiver, "way",
              error);
}

static void add_notification(CliTable *table, GVariant *n, guint64 now) {
  const char *state = cli_dict_string(n, "state"), *wrong = cli_dict_string(n, "error");
  g_autofree char *time = cli_time_full(cli_dict_u64(n, "time"));

  cli_table_add_printf(table, CLI_STYLE_BOLD, "%" G_GUINT64_FORMAT, cli_dict_u64(n, "id"));
  cli_table_add(table, time, CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(n, "way"), CLI_STYLE_NONE);
  cli_table_add(table, state,
                g_strcmp0(state, "told") == 0 ? CLI_STYLE_GOOD
                : wrong                       ? CLI_STYLE_BAD
                                              : CLI_STYLE_WARNING);
  cli_table_add(table, cli_dict_string(n, "subject"), CLI_STYLE_NONE);
  cli_table_add(table, wrong, CLI_STYLE_BAD);
}

int cli_verb_alerts_notifications(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"ID", TRUE},        {"TIME"}, {"WAY"}, {"STATE"}, {"ALERT"},
                                      {"ERROR", FALSE, 1}, {NULL}};
  GVariantBuilder b;
  guint64 max = 0;

  if (cli_args_has(args, "max") && !cli_args_u64(args, "max", 1, 1000, &max, error))
    return CLI_EXIT_USAGE;
  g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
  if (cli_args_has(args, "waiting"))
    g_variant_builder_add(&b, "{sv}", "waiting", g_variant_new_boolean(TRUE));
  if (max > 0)
    g_variant_builder_add(&b, "{sv}", "limit", g_variant_new_uint32((guint32)max));
  return list(cli, "ListNotifications", g_variant_new("(a{sv})", &b), columns, add_notification,
              "notification", error);
}

int cli_verb_alerts_try(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply =
      ask(cli, "TestReceiver", g_variant_new("(s@a{sv})", cli_args_word(args, 0), trace_alone()),
          error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF)
    cli_json_print(cli, cli_json_from_variant(reply));
  else if (!cli->no_legend)
    printf("A drill is on its way; waggle alerts notifications tells whether it arrived.\n");
  return CLI_EXIT_OK;
}
