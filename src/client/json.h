/* json.h: what the service answers, as JSON.
 *
 * Keys are the D-Bus ones with '_' for '-'. A point in time becomes two members: KEY, ISO 8601 with
 * zone, and KEY_usec, the number; a time that is not set (0) is null. A body is a string where it
 * is valid UTF-8 without NUL, else BODY_base64. A token is the string that the other verbs take. */
#pragma once

#include "client/cli.h"

#include <json-glib/json-glib.h>

/* (transfer full): any value. */
JsonNode *cli_json_from_variant(GVariant *value);

/* An a{sv} into an object that exists, with the rules above. */
void cli_json_add_dict(JsonObject *object, GVariant *dict);

/* Sets one member by the rules for its key. */
void cli_json_add(JsonObject *object, const char *key, GVariant *value);

/* Sets KEY and KEY_usec. */
void cli_json_add_time(JsonObject *object, const char *key, guint64 usec);

/* A message's number; of one in memory only the text "v3", which every verb takes: as a number it
 * is greater than what most readers of JSON can tell from its neighbours. */
void cli_json_add_message(JsonObject *object, const char *key, guint64 message);

/* Sets "body" or "body_base64". */
void cli_json_add_body(JsonObject *object, GBytes *body);

/* What a service answered as JSON (transfer full) by these rules: (transfer full). The names of
 * labels, annotations, metadata and values are somebody's own and stay as they are. */
JsonNode *cli_json_told(JsonNode *node);

/* Prints `node` (transfer full) and a newline to stdout in the mode of `cli`. */
void cli_json_print(const Cli *cli, JsonNode *node);

/* The same for an object (transfer full). */
void cli_json_print_object(const Cli *cli, JsonObject *object);

/* One line whatever the mode: for streams of objects. Takes `object`. (transfer full) */
char *cli_json_line(JsonObject *object);
