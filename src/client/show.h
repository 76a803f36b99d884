/* show.h: one stored message, whole. */
#pragma once

#include "client/cli.h"

/* Prints the message that `word` names: fields, deliveries, body; with `history` its receipts
 * too. */
gboolean cli_show_message(Cli *cli, const char *word, gboolean history, GError **error);
