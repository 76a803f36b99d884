/* listing.h: lists of messages, for list, dead list and export. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

/* Called for each entry (an a{sv} of ListMessages); FALSE with an error ends the listing. */
typedef gboolean (*CliEntryFunc)(Cli *cli, GVariant *entry, gpointer data, GError **error);

/* Calls `method` (ListMessages or ListDead) page by page with the filter that cli_filter_options
 * and the first word say. `limit`: 0 is all. *ret_more: there would have been more. */
gboolean cli_list_entries(Cli *cli, const char *method, const CliArgs *args, guint64 limit,
                          gboolean newest_first, CliEntryFunc func, gpointer data,
                          gboolean *ret_more, GError **error);

/* A whole listing verb: table or JSON array. */
int cli_list_print(Cli *cli, const char *method, const CliArgs *args, GError **error);
