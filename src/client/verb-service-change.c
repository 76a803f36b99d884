/* verb-service-change.c: services are registered, taken into maintenance, pushed and looked at on
 * demand. A call is answered when what it did is on the disk. */
#include "client/dict.h"
#include "client/service.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_MAX (1024 * 1024)

const CliOption cli_service_register_options[] = {
    {"owner", 0, CLI_VALUE_REQUIRED, "WHO", "It lives as long as: unit, pid, none (the default)"},
    {"pid", 0, CLI_VALUE_REQUIRED, "PID", "It lives as long as this process"},
    {"dry-run", 'n', CLI_VALUE_NONE, NULL,
     "Only say what is wrong with it; a file's services, too"},
    {NULL},
};

const CliOption cli_service_maintenance_options[] = {
    {"reason", 'r', CLI_VALUE_REQUIRED, "TEXT", "Why"},
    {"until", 0, CLI_VALUE_REQUIRED, "TIME", "It ends by itself then"},
    {"end", 0, CLI_VALUE_NONE, NULL, "End it"},
    {NULL},
};

const CliOption cli_service_push_options[] = {
    {"fail", 0, CLI_VALUE_NONE, NULL, "It did not go well"},
    {"text", 't', CLI_VALUE_REQUIRED, "TEXT", "What to say of it"},
    {NULL},
};

static GVariant *no_options(void) {
  GVariantBuilder options;

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  cli_options_add_trace(&options);
  return g_variant_builder_end(&options);
}

/* What a call can carry: UTF-8 without NUL, so nothing of it is left out in silence. */
static gboolean is_document(const char *file, const char *bytes, gsize n, GError **error) {
  if (n <= DOCUMENT_MAX && g_utf8_validate_len(bytes, n, NULL))
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "%s: a service is UTF-8 of at most %d bytes, %s",
              strcmp(file, "-") == 0 ? "standard input" : file, DOCUMENT_MAX,
              n > DOCUMENT_MAX ? "and this is more" : "and this is something else");
  return FALSE;
}

static char *read_document(const char *file, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) wrong = NULL;
  g_autofree char *bytes = NULL;
  char buffer[4096];
  gsize n = 0;

  if (strcmp(file, "-") != 0) {
    if (g_file_get_contents(file, &bytes, &n, &wrong))
      return is_document(file, bytes, n, error) ? g_steal_pointer(&bytes) : NULL;
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_FAILURE, wrong->message);
    return NULL;
  }
  while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0 && text->len <= DOCUMENT_MAX)
    g_string_append_len(text, buffer, (gssize)n);
  return is_document(file, text->str, text->len, error)
             ? g_string_free(g_steal_pointer(&text), FALSE)
             : NULL;
}

static int tell_revision(const Cli *cli, GVariant *reply) {
  guint64 revision;

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get_child(reply, 0, "t", &revision);
  if (cli->json) {
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "revision", (gint64)revision);
    cli_json_print_object(cli, object);
  }
  return CLI_EXIT_OK;
}

int cli_verb_service_register(Cli *cli, CliArgs *args, GError **error) {
  g_autofree char *document = read_document(cli_args_word(args, 0), error);
  const char *owner = cli_args_get(args, "owner");
  g_autoptr(GError) wrong = NULL;
  GVariantBuilder options;
  guint64 pid = 0;

  if (!document)
    return CLI_EXIT_FAILURE;
  gboolean has_pid = cli_args_u64(args, "pid", 1, G_MAXINT32, &pid, &wrong);
  if (wrong) {
    g_propagate_error(error, g_steal_pointer(&wrong));
    return CLI_EXIT_USAGE;
  }
  if (!has_pid && g_strcmp0(owner, "pid") == 0) { /* it would be this program, which ends now */
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--owner=pid needs the process: --pid=PID");
    return CLI_EXIT_USAGE;
  }
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  cli_options_add_trace(&options);
  /* this program's own connection is over before anybody looks */
  g_variant_builder_add(&options, "{sv}", "owner",
                        g_variant_new_string(owner     ? owner
                                             : has_pid ? "pid"
                                                       : "none"));
  if (cli_args_has(args, "dry-run"))
    g_variant_builder_add(&options, "{sv}", "dry-run", g_variant_new_boolean(TRUE));
  if (has_pid)
    g_variant_builder_add(&options, "{sv}", "pid", g_variant_new_uint32((guint32)pid));
  g_autoptr(GVariant) reply =
      cli_service_call(cli, "Register", g_variant_new("(sa{sv})", document, &options), error);
  return tell_revision(cli, reply);
}

int cli_verb_service_unregister(Cli *cli, CliArgs *args, GError **error) {
  guint n;
  char **names = cli_args_words(args, &n);

  for (guint i = 0; i < n; i++) {
    g_autoptr(GVariant) reply = cli_service_call(
        cli, "Unregister", g_variant_new("(s@a{sv})", names[i], no_options()), error);
    if (tell_revision(cli, reply) != CLI_EXIT_OK)
      return CLI_EXIT_FAILURE;
  }
  return CLI_EXIT_OK;
}

int cli_verb_service_maintenance(Cli *cli, CliArgs *args, GError **error) {
  const char *name = cli_args_word(args, 0), *reason = cli_args_get(args, "reason");
  g_autoptr(GError) wrong = NULL;
  guint64 until = 0;

  cli_args_time(args, "until", &until, &wrong);
  if (wrong) {
    g_propagate_error(error, g_steal_pointer(&wrong));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) reply =
      cli_args_has(args, "end")
          ? cli_service_call(cli, "ClearMaintenance",
                             g_variant_new("(s@a{sv})", name, no_options()), error)
          : cli_service_call(
                cli, "SetMaintenance",
                g_variant_new("(sst@a{sv})", name, reason ? reason : "", until, no_options()),
                error);
  return tell_revision(cli, reply);
}

int cli_verb_service_push(Cli *cli, CliArgs *args, GError **error) {
  const char *text = cli_args_get(args, "text");
  GVariantBuilder options;

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  cli_options_add_trace(&options);
  if (cli_args_has(args, "fail"))
    g_variant_builder_add(&options, "{sv}", "state", g_variant_new_string("fail"));
  if (text)
    g_variant_builder_add(&options, "{sv}", "text", g_variant_new_string(text));
  g_autoptr(GVariant) reply = cli_service_call(
      cli, "Push",
      g_variant_new("(ssa{sv})", cli_args_word(args, 0), cli_args_word(args, 1), &options), error);
  return tell_revision(cli, reply);
}

/* Its end tells the verdict: a probe that does not hold is a failure. */
int cli_verb_service_probe(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_service_call(
      cli, "Probe", g_variant_new("(ss)", cli_args_word(args, 0), cli_args_word(args, 1)), error);
  g_autoptr(JsonNode) node = reply ? cli_service_json(reply, 0, error) : NULL;

  if (!node || !JSON_NODE_HOLDS_OBJECT(node))
    return CLI_EXIT_FAILURE;
  JsonObject *probe = json_node_get_object(node);
  g_autofree char *verdict =
      g_strdup(json_object_get_string_member_with_default(probe, "verdict", "error"));
  const char *said = json_object_get_string_member_with_default(probe, "text", "");
  g_autofree char *safe = cli_text_one_line(said); /* somebody else's words */
  g_autofree char *line = g_strdup_printf("%s%s%s", verdict, *safe ? ": " : "", safe);
  if (cli->json)
    cli_json_print(cli, cli_json_told(g_steal_pointer(&node)));
  else
    puts(line);
  return strcmp(verdict, "pass") == 0 || strcmp(verdict, "warn") == 0 ? CLI_EXIT_OK
                                                                      : CLI_EXIT_FAILURE;
}
