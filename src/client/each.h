/* each.h: the same for every word of the command line, without stopping at the first failure. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

typedef gboolean (*CliEachFunc)(Cli *cli, const char *word, gpointer data, GError **error);

/* Calls `func` for each word from `first` on. When some fail the error has a line for each, and
 * the exit status of the first. */
int cli_each(Cli *cli, const CliArgs *args, guint first, CliEachFunc func, gpointer data,
             GError **error);

/* For verbs that name a message and take --agent: calls `method` (t, a{sv}) -> (u) and says
 * "Message N VERBED." where more than one delivery was touched it says how many. */
int cli_each_message(Cli *cli, const CliArgs *args, const char *method, const char *done,
                     GVariant *options, GError **error);

/* {"agent": the value of --agent}, or an empty a{sv}. (transfer floating) */
GVariant *cli_agent_option(const CliArgs *args);
