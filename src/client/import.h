/* import.h: what came out of importing one file. */
#pragma once

#include "client/cli.h"
#include "client/legacy.h"

typedef struct {
  char *file;
  gboolean readable; /* FALSE: could not even be opened */
  CliLegacyFile *content;
  guint imported, duplicates; /* duplicates: inside the file and of earlier imports */
  guint queued, history, dead;
  char *kept_as; /* copy of a damaged file; NULL */
} CliImport;

void cli_import_free(CliImport *import);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliImport, cli_import_free)

/* Sends everything that was read to the service and counts what it says. What the service refuses
 * goes into content->skipped. FALSE with an error when the service fails. */
gboolean cli_import_send(Cli *cli, CliImport *import, GError **error);

/* Copies a damaged file, so that it survives whatever happens to the original, which is never
 * touched: $XDG_STATE_HOME/waggle/damaged/NAME.DATE.SUM. The same bytes are kept once. Sets
 * import->kept_as: the copy; where none can be made the original, with a warning on stderr. */
void cli_import_keep(CliImport *import, GBytes *content);
