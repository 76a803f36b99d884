/* deploy.h: what the verbs of "waggle deploy" share. */
#pragma once

#include "client/args.h"
#include "client/cli.h"
#include "client/terminal.h"

#include <json-glib/json-glib.h>

/* Exit statuses of verification and deployment: waggle(1) lists them. */
#define CLI_EXIT_UNDETERMINED 4
#define CLI_EXIT_ROLLED_BACK 5
#define CLI_EXIT_ROLLBACK_FAILED 6
#define CLI_EXIT_WRONG_USAGE 64
#define CLI_EXIT_BAD_FILE 78

/* The status for an error of CLI_ERROR: what says something else about a deployment (CliExit's 5 is
 * "not authorized") never leaves the program. */
int cli_deploy_status(int code);

/* A sealed memfd with these bytes, in cli->fds; -1 with the error. */
int cli_sealed(Cli *cli, const void *data, gsize size, GError **error);

/* A manifest that the command line names ("-": stdin), as the service takes it: `*ret_fd` is a
 * sealed memfd (closed with cli->fds), `*ret_base` the directory its relative paths stand in. */
gboolean cli_deploy_manifest(Cli *cli, const char *file, int *ret_fd, char **ret_base,
                             GError **error);

/* Whether the manifest itself is what the service refused: sets the code of `*error` to
 * CLI_EXIT_BAD_FILE. `error` is what a call with `fd` and `base` failed with. */
void cli_deploy_blame(Cli *cli, int fd, const char *base, GError *error);

/* The options that choose targets: --target, --label, --domain. */
extern const CliOption cli_deploy_target_options[];
gboolean cli_deploy_targets(const CliArgs *args, GVariantDict *options, GError **error);

/* Follows the job until it ends: lines on a pipe, a display that is drawn anew on a terminal, a
 * JSON object a line with --json. Ctrl-C leaves the job running and says so. Returns the job's exit
 * status, or -1 with an error. */
int cli_deploy_watch(Cli *cli, const char *job, GError **error);

/* The answer of a method that gives JSON, parsed. (transfer full) */
JsonNode *cli_deploy_json(Cli *cli, const char *method, GVariant *params, GError **error);

/* A number of a deployment, as people write it: "12" or "#12". */
gboolean cli_deploy_id(const char *word, guint64 *ret, GError **error);

/* The style that fits a deployment's state. */
CliStyle cli_deploy_style(const char *state);
