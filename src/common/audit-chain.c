/* audit-chain.c: see audit-chain.h. */
#include "common/audit-chain.h"

#include <string.h>

static void update_number(GChecksum *sum, gint64 value) {
  guint64 bytes = GUINT64_TO_BE((guint64)value);

  g_checksum_update(sum, (const guchar *)&bytes, sizeof bytes);
}

void wg_audit_hash(const guint8 *before, guint64 n, gint64 time, const char *what,
                   guint8 *ret_hash) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize size = WG_AUDIT_HASH_SIZE;

  g_checksum_update(sum, before, WG_AUDIT_HASH_SIZE);
  update_number(sum, (gint64)n);
  update_number(sum, time);
  g_checksum_update(sum, (const guchar *)what, (gssize)strlen(what));
  g_checksum_get_digest(sum, ret_hash, &size);
}

void wg_audit_hex(const guint8 *hash, char *ret_text) {
  for (guint i = 0; i < WG_AUDIT_HASH_SIZE; i++)
    g_snprintf(ret_text + 2 * i, 3, "%02x", hash[i]);
}

gboolean wg_audit_chain_take(WgAuditChain *chain, guint64 n, gint64 time, const char *what,
                             const guint8 *hash, gsize hash_size, char **ret_problem) {
  guint8 wanted[WG_AUDIT_HASH_SIZE];

  if (n != chain->n + 1) {
    *ret_problem =
        g_strdup_printf("entry %" G_GUINT64_FORMAT " is missing: after entry %" G_GUINT64_FORMAT
                        " comes entry %" G_GUINT64_FORMAT,
                        chain->n + 1, chain->n, n);
    return FALSE;
  }
  wg_audit_hash(chain->hash, n, time, what, wanted);
  if (hash_size != WG_AUDIT_HASH_SIZE || memcmp(wanted, hash, WG_AUDIT_HASH_SIZE) != 0) {
    *ret_problem = g_strdup_printf("entry %" G_GUINT64_FORMAT
                                   " was changed: its hash does not follow from its text and the "
                                   "entry before",
                                   n);
    return FALSE;
  }
  chain->n = n;
  memcpy(chain->hash, wanted, sizeof wanted);
  return TRUE;
}

/* ---- lines ---- */
char *wg_audit_line(guint64 n, gint64 time, const char *what, const guint8 *hash) {
  char hex[2 * WG_AUDIT_HASH_SIZE + 1];

  wg_audit_hex(hash, hex);
  return g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s %s", n, time, hex, what);
}

static gboolean unhex(const char *text, guint8 *ret) {
  if (strlen(text) != 2 * WG_AUDIT_HASH_SIZE)
    return FALSE;
  for (guint i = 0; i < WG_AUDIT_HASH_SIZE; i++) {
    int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return FALSE;
    ret[i] = (guint8)(high << 4 | low);
  }
  return TRUE;
}

gboolean wg_audit_chain_take_line(WgAuditChain *chain, const char *line, char **ret_problem) {
  g_auto(GStrv) words = g_strsplit(line, " ", 4);
  guint8 hash[WG_AUDIT_HASH_SIZE];
  guint64 n;
  gint64 time;

  if (g_strv_length(words) != 4 ||
      !g_ascii_string_to_unsigned(words[0], 10, 1, G_MAXUINT64, &n, NULL) ||
      !g_ascii_string_to_signed(words[1], 10, G_MININT64, G_MAXINT64, &time, NULL) ||
      !unhex(words[2], hash)) {
    *ret_problem = g_strdup_printf("after entry %" G_GUINT64_FORMAT
                                   " comes a line that is no entry (N TIME HASH WHAT)",
                                   chain->n);
    return FALSE;
  }
  return wg_audit_chain_take(chain, n, time, words[3], hash, sizeof hash, ret_problem);
}
