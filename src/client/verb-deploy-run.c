/* verb-deploy-run.c: what changes something: run, rollback, confirm, cancel, forgive. Each waits
 * for what it began unless it is told not to, and ends with the job's own status: a roll-back is
 * never 0. */
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/verbs.h"

#include <errno.h>
#include <stdio.h>

const CliOption cli_deploy_run_options[] = {
    {"force", 0, CLI_VALUE_NONE, NULL, "Also a release that failed before"},
    {"confirm", 0, CLI_VALUE_REQUIRED, "SPAN", "Roll back unless it is confirmed within this time"},
    {"reason", 0, CLI_VALUE_REQUIRED, "TEXT", "Why; kept in the history"},
    {"manifest-hash", 0, CLI_VALUE_REQUIRED, "HASH", "Refuse any other manifest than this"},
    {"parallel", 0, CLI_VALUE_REQUIRED, "N", "How many targets at a time"},
    {"max-failures", 0, CLI_VALUE_REQUIRED, "N", "Begin no further target after so many failures"},
    {"hold", 0, CLI_VALUE_NONE, NULL, "Roll back when this command goes away before the end"},
    {"no-wait", 0, CLI_VALUE_NONE, NULL, "Print the job and leave it running"},
    {NULL},
};

const CliOption cli_deploy_rollback_options[] = {
    {"to", 0, CLI_VALUE_REQUIRED, "RELEASE",
     "This release (its name or version), not the last good one"},
    {"reason", 0, CLI_VALUE_REQUIRED, "TEXT", "Why; kept in the history"},
    {"no-wait", 0, CLI_VALUE_NONE, NULL, "Print the job and leave it running"},
    {NULL},
};

static void add_text(const CliArgs *args, const char *name, GVariantDict *options) {
  if (cli_args_has(args, name))
    g_variant_dict_insert(options, name, "s", cli_args_get(args, name));
}

static gboolean add_number(const CliArgs *args, const char *name, GVariantDict *options,
                           GError **error) {
  g_autoptr(GError) local = NULL;
  guint64 number;

  if (cli_args_u64(args, name, 0, G_MAXUINT32, &number, &local))
    g_variant_dict_insert(options, name, "u", (guint32)number);
  if (!local)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&local));
  return FALSE;
}

static gboolean run_options(const CliArgs *args, GVariantDict *options, GError **error) {
  g_autoptr(GError) local = NULL;
  guint64 usec;

  cli_dict_add_trace(options);
  if (cli_args_has(args, "force"))
    g_variant_dict_insert(options, "force", "b", TRUE);
  if (cli_args_has(args, "hold"))
    g_variant_dict_insert(options, "hold", "b", TRUE);
  if (cli_args_usec(args, "confirm", &usec, &local))
    g_variant_dict_insert(options, "confirm", "t", usec);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  add_text(args, "reason", options);
  add_text(args, "manifest-hash", options);
  return add_number(args, "parallel", options, error) &&
         add_number(args, "max-failures", options, error) &&
         cli_deploy_targets(args, options, error);
}

/* The job that `reply` names: followed, or only told. */
static int begun(Cli *cli, const CliArgs *args, GVariant *reply, GError **error) {
  const char *job;

  g_variant_get(reply, "(&o)", &job);
  if (!cli_args_has(args, "no-wait")) {
    int status = cli_deploy_watch(cli, job, error);
    cli->is_done = status >= 0;
    return status < 0 ? CLI_EXIT_FAILURE : status;
  }
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "job", job);
    cli_json_print_object(cli, object);
  } else {
    printf("%s\n", job);
  }
  if (fflush(stdout) == 0)
    return CLI_EXIT_OK;
  g_set_error(error, CLI_ERROR, CLI_EXIT_UNDETERMINED,
              "the job %s has begun, but the output cannot be written: %s", job, g_strerror(errno));
  return CLI_EXIT_UNDETERMINED;
}

int cli_verb_deploy_run(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  g_autofree char *base = NULL;
  int fd;

  if (cli_args_has(args, "hold") && cli_args_has(args, "no-wait")) {
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_USAGE,
                        "--hold and --no-wait exclude each other");
    return CLI_EXIT_USAGE;
  }
  if (!run_options(args, options, error) ||
      !cli_deploy_manifest(cli, cli_args_word(args, 0), &fd, &base, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply = cli_call(
      cli, "Deploy", g_variant_new("(hs@a{sv})", fd, base, g_variant_dict_end(options)), error);
  if (!reply) {
    cli_deploy_blame(cli, fd, base, *error);
    return CLI_EXIT_FAILURE;
  }
  return begun(cli, args, reply, error);
}

int cli_verb_deploy_rollback(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);

  cli_dict_add_trace(options);
  add_text(args, "to", options);
  add_text(args, "reason", options);
  g_autoptr(GVariant) reply = cli_call(
      cli, "Rollback",
      g_variant_new("(s@a{sv})", cli_args_word(args, 0), g_variant_dict_end(options)), error);
  return reply ? begun(cli, args, reply, error) : CLI_EXIT_FAILURE;
}

static int by_id(Cli *cli, CliArgs *args, const char *method, const char *done, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  guint64 id;

  cli_dict_add_trace(options);
  if (!cli_deploy_id(cli_args_word(args, 0), &id, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply =
      cli_call(cli, method, g_variant_new("(t@a{sv})", id, g_variant_dict_end(options)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  if (cli->json == CLI_JSON_OFF && !cli->no_legend)
    printf("Deployment %" G_GUINT64_FORMAT " %s.\n", id, done);
  return CLI_EXIT_OK;
}

int cli_verb_deploy_confirm(Cli *cli, CliArgs *args, GError **error) {
  return by_id(cli, args, "Confirm", "is confirmed", error);
}

int cli_verb_deploy_cancel(Cli *cli, CliArgs *args, GError **error) {
  return by_id(cli, args, "Cancel", "is being canceled", error);
}
