/* receipts.h: what happened to a message. */
#pragma once

#include "client/cli.h"

/* An array of (s agent, s state, t time, s cause, s actor), oldest first; `agent` may be NULL.
 * (transfer full) */
GVariant *cli_receipts_get(Cli *cli, guint64 message, const char *agent, GError **error);

/* Prints them as a table. */
void cli_receipts_print(const Cli *cli, GVariant *receipts);
