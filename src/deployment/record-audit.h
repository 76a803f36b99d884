/* record-audit.h: how an entry of the audit chain is hashed (common/audit-chain.h). */
#pragma once

#include "common/audit-chain.h"

#define DPL_AUDIT_HASH_SIZE WG_AUDIT_HASH_SIZE

static inline void dpl_audit_hash(const guint8 *before, guint64 n, gint64 time, const char *what,
                                  guint8 *ret_hash) {
  wg_audit_hash(before, n, time, what, ret_hash);
}
