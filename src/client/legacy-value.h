/* legacy-value.h: reading loosely typed JSON members. */
#pragma once

#include <json-glib/json-glib.h>

/* The member as text: a non-empty string, or a number written out; NULL for anything else.
 * (transfer full) */
char *cli_value_text(JsonObject *object, const char *key);
/* The first of `keys` (NULL-terminated) that cli_value_text() can read in any of `objects`
 * (NULL-terminated), objects first. *ret_key may be NULL. (transfer full) */
char *cli_value_first(JsonObject *const *objects, const char *const *keys, const char **ret_key);
/* Any member as text: strings as they are, others as JSON; NULL for null and what is empty.
 * (transfer full) */
char *cli_value_any(JsonNode *node, gboolean pretty);
/* The object that is a member; NULL. */
JsonObject *cli_value_object(JsonObject *object, const char *key);
/* A point in time, us: ISO text, or seconds or milliseconds since 1970; 0: none. */
guint64 cli_value_time(JsonObject *object, const char *key);
/* A string that can be used as a tag: what is not allowed becomes '-'; NULL if nothing is left.
 * (transfer full) */
char *cli_value_tag(const char *text);
