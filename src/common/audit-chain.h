/* audit-chain.h: a log whose entries are chained by hashes, so that no entry can be changed, taken
 * out or put in without every later hash being another one.
 *
 *     hash(n) = SHA-256(hash(n-1) | n | time | what)
 *
 * n and time (CLOCK_REALTIME us) as 8 bytes each, big-endian; `what` is the text of the entry;
 * hash(0) is 32 zero bytes. An exported log has a line for each entry: "N TIME HASH WHAT", the hash
 * in hexadecimal. Pure: no I/O. */
#pragma once

#include <glib.h>

#define WG_AUDIT_HASH_SIZE 32

/* `before` and `ret_hash` have WG_AUDIT_HASH_SIZE bytes. */
void wg_audit_hash(const guint8 *before, guint64 n, gint64 time, const char *what,
                   guint8 *ret_hash);
/* 64 digits and a NUL. */
void wg_audit_hex(const guint8 *hash, char *ret_text);

/* Where a walk over a log is: zeroed before the first entry. */
typedef struct {
  guint64 n; /* of the last good entry */
  guint8 hash[WG_AUDIT_HASH_SIZE];
} WgAuditChain;

/* The next entry. FALSE: it does not follow from the one before; `ret_problem` (transfer full) is a
 * sentence, and the chain stays where it was. */
gboolean wg_audit_chain_take(WgAuditChain *chain, guint64 n, gint64 time, const char *what,
                             const guint8 *hash, gsize hash_size, char **ret_problem);
/* The same for a line of an exported log, without its newline. */
gboolean wg_audit_chain_take_line(WgAuditChain *chain, const char *line, char **ret_problem);
/* A line of an export, without a newline. Free with g_free(). */
char *wg_audit_line(guint64 n, gint64 time, const char *what, const guint8 *hash);
