/* verb-list.c: waggle list. */
#include "client/listing.h"
#include "client/verbs.h"

int cli_verb_list(Cli *cli, CliArgs *args, GError **error) {
  return cli_list_print(cli, "ListMessages", args, error);
}
