/* deploy-screen.h: a deployment as it goes on, for people: a display that is drawn anew on a
 * terminal, a line an event elsewhere, a JSON object a line with --json. Draws only what it is
 * told. */
#pragma once

#include "client/cli.h"

#include <json-glib/json-glib.h>

typedef struct CliDeployScreen CliDeployScreen;

/* `job`: what can be named when the person goes away (Ctrl-C). */
CliDeployScreen *cli_deploy_screen_new(Cli *cli, const char *job);
void cli_deploy_screen_free(CliDeployScreen *screen);
void cli_deploy_screen_state(CliDeployScreen *screen, guint64 id, const char *target,
                             const char *state, const char *cause);
void cli_deploy_screen_progress(CliDeployScreen *screen, guint64 id, int percent, const char *text);
/* One final result of a check, as waggle-verify writes it. */
void cli_deploy_screen_result(CliDeployScreen *screen, guint64 id, const char *json);
/* The end of one deployment: what the service's Show says of it. */
void cli_deploy_screen_end(CliDeployScreen *screen, guint64 id, const char *target,
                           JsonNode *shown);
void cli_deploy_screen_finish(CliDeployScreen *screen, const char *result, guint64 failed);
