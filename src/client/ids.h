/* ids.h: message numbers and lease tokens, as they are printed and typed. */
#pragma once

#include <glib.h>

/* "12", or "v3" for a volatile message (bit 62 set). (transfer full) */
char *cli_message_format(guint64 message);
/* Reads that back, also with a leading '#'. Sets an error of usage. */
gboolean cli_message_parse(const char *text, guint64 *ret, GError **error);

/* "t" and the number in Crockford's base 32, lower case: short, no letter that looks like another.
 * (transfer full) */
char *cli_token_format(guint64 token);
/* Reads that back (either case; i and l are 1, o is 0), and plain hexadecimal with or without 0x.
 */
gboolean cli_token_parse(const char *text, guint64 *ret, GError **error);
