/* dns-name.h: what a name server can be asked for. Pure. */
#pragma once

#include <glib.h>

/* The number of a record type by its name, or -1. */
int chk_dns_type(const char *name);
/* Refuses what no name server could know: an empty label or one of more than 63 bytes, more than
 * 253 bytes in all, white space and other characters that stand in no name. An address in digits is
 * good: the system's own way resolves it. */
gboolean chk_dns_name_is_good(const char *name, GError **error);
