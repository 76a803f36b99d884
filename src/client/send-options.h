/* send-options.h: the options that send and reply share, and the sending itself. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

/* Fills `options` of Send from `args`; not from, to and body. */
gboolean cli_send_options_read(const CliArgs *args, GVariantDict *options, GError **error);

/* Sends the body that the words from `first` on stand for, waits if --wait asks for it, and prints:
 * the bare number into a pipe, a sentence on a terminal. Returns the exit status. */
int cli_send_message(Cli *cli, const CliArgs *args, const char *to, guint first,
                     GVariantDict *options, GError **error);
