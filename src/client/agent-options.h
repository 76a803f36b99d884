/* agent-options.h: the settings of an agent as options, for register and update. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

/* The options of cli_agent_options[] as the a{sv} of RegisterAgent. (transfer full) */
GVariant *cli_agent_options_read(const Cli *cli, const CliArgs *args, GError **error);
/* The uid that --owner names, by number or by name; FALSE without an error: it is not given. */
gboolean cli_owner_read(const Cli *cli, const CliArgs *args, guint32 *ret, GError **error);
