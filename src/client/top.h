/* top.h: what `waggle why` and `waggle top` share: JSON that the monitoring service answers with.
 */
#pragma once

#include "client/cli.h"

#include <json-glib/json-glib.h>

/* The JSON of a method's only answer, a text. NULL with an error. */
JsonNode *cli_monitor_ask(Cli *cli, const char *method, GVariant *params, GError **error);

/* The lines of a view of `top` (what Top answered), at most `rows` of `columns` each; the first is
 * the heading. Each is (style, text). Pure. */
typedef struct {
  int style; /* CliStyle */
  char *text;
} CliTopLine;
/* (element-type CliTopLine) */
GArray *cli_top_lines(JsonObject *top, guint rows, guint columns);
