/* agent-options.h: the settings of an agent as options, for register and update. */
#pragma once

#include "client/args.h"

/* The options of cli_agent_options[] as the a{sv} of RegisterAgent. (transfer full) */
GVariant *cli_agent_options_read(const CliArgs *args, GError **error);
