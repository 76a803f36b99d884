/* message.h: one message on the screen or as JSON. */
#pragma once

#include "client/cli.h"

#include <json-glib/json-glib.h>

typedef struct {
  guint64 number;
  guint64 token; /* meaningful if has_token */
  gboolean has_token;
  const char *from;
  GBytes *body;     /* NULL: was not asked for */
  GVariant *fields; /* a{sv} of org.waggle.Messaging1 */
} CliMessage;

/* "Name: value" lines, an empty line, the body. On a terminal the body is made safe to show; in a
 * pipe it comes byte by byte as it was sent, with a newline at its end if it had none. */
void cli_message_print(const CliMessage *m);

/* (transfer full) */
JsonObject *cli_message_json(const CliMessage *m);
