/* dict.h: reading an a{sv} that the service answered. A key that is absent, or of another type than
 * asked for, reads as 0, FALSE or NULL: an older service may not know it. */
#pragma once

#include <glib.h>

guint64 cli_dict_u64(GVariant *dict, const char *key); /* of y, u, t */
gboolean cli_dict_bool(GVariant *dict, const char *key);
double cli_dict_double(GVariant *dict, const char *key);
/* Owned by `dict`. */
const char *cli_dict_string(GVariant *dict, const char *key);
/* A string array joined with `separator`; "" if absent. (transfer full) */
char *cli_dict_join(GVariant *dict, const char *key, const char *separator);
/* (transfer full) (nullable) */
GVariant *cli_dict_value(GVariant *dict, const char *key, const char *type);

/* The option "traceparent" of a call, of $TRACEPARENT. What the environment has of it is no slip of
 * this user's: as W3C has it, a malformed one counts as none. */
void cli_dict_add_trace(GVariantDict *options);
void cli_options_add_trace(GVariantBuilder *options);

/* The agent of $WAGGLE_AGENT, or NULL. */
const char *cli_default_agent(void);
