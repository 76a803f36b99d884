/* show.h: one stored message, whole. */
#pragma once

#include "client/cli.h"

/* Prints the message that `word` names: fields, deliveries, body; with `history` its receipts
 * too. All but the first are set off by an empty line. */
gboolean cli_show_message(Cli *cli, const char *word, gboolean history, gboolean first,
                          GError **error);
