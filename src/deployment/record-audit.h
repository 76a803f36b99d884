/* record-audit.h: how an entry of the audit chain is hashed. */
#pragma once

#include <glib.h>

#define DPL_AUDIT_HASH_SIZE 32

/* `before` and `ret_hash` have DPL_AUDIT_HASH_SIZE bytes; before the first entry they are zeroes.
 */
void dpl_audit_hash(const guint8 *before, guint64 n, gint64 time, const char *what,
                    guint8 *ret_hash);
