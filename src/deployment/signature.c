/* signature.c: the texts of minisign: signatures and public keys; see signature.h. They are bytes
 * from outside: four (two) lines of bounded length, base64 of exactly the right size, one kind of
 * algorithm each. Pure. */
#include "deployment/signature.h"

#include <string.h>

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "
#define COMMENT_MAX 8192

void dpl_signature_free(DplSignature *signature) {
  if (!signature)
    return;
  g_free(signature->trusted_comment);
  g_free(signature);
}

static gboolean bad(GError **error, const char *text) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "it is no minisign %s", text);
  return FALSE;
}

/* Base64 of exactly `size` bytes in its only spelling. */
static gboolean decode(const char *text, guint8 *ret, gsize size) {
  gsize n = 0;

  if (!text || strlen(text) != (size + 2) / 3 * 4)
    return FALSE;
  g_autofree guchar *bytes = g_base64_decode(text, &n);
  if (!bytes || n != size)
    return FALSE;
  g_autofree char *again = g_base64_encode(bytes, n);
  if (strcmp(again, text) != 0)
    return FALSE;
  memcpy(ret, bytes, size);
  return TRUE;
}

/* Lines without their ends, at most `max` of them that are not empty at the end; NULL: a NUL, too
 * long or too many. */
static char **split(const char *text, gsize size, guint max) {
  if (size == 0 || size > DPL_SIGNATURE_MAX || memchr(text, '\0', size))
    return NULL;
  g_autofree char *copy = g_strndup(text, size);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(copy), "\n", (gint)max + 1);
  for (guint i = 0; lines[i]; i++)
    if (g_str_has_suffix(lines[i], "\r"))
      lines[i][strlen(lines[i]) - 1] = '\0';
  return g_strv_length(lines) <= max ? g_steal_pointer(&lines) : NULL;
}

DplSignature *dpl_signature_parse(const char *text, gsize size, GError **error) {
  g_auto(GStrv) lines = split(text, size, 4);
  g_autoptr(DplSignature) signature = g_new0(DplSignature, 1);
  guint8 first[2 + 8 + 64];

  if (!lines || g_strv_length(lines) != 4 || !g_str_has_prefix(lines[0], UNTRUSTED) ||
      !g_str_has_prefix(lines[2], TRUSTED) || strlen(lines[2]) > COMMENT_MAX) {
    bad(error, "signature: it has not the four lines of one (minisign -S makes them)");
    return NULL;
  }
  if (!decode(lines[1], first, sizeof first) ||
      !decode(lines[3], signature->global, sizeof signature->global)) {
    bad(error, "signature: its base64 is damaged");
    return NULL;
  }
  signature->prehashed = first[1] == 'D';
  if (first[0] != 'E' || (first[1] != 'd' && first[1] != 'D')) {
    bad(error, "signature of a kind that is known here (Ed, ED)");
    return NULL;
  }
  memcpy(signature->key_id, first + 2, 8);
  memcpy(signature->signature, first + 10, 64);
  signature->trusted_comment = g_strdup(lines[2] + sizeof TRUSTED - 1);
  return g_steal_pointer(&signature);
}

gboolean dpl_public_key_parse(const char *text, gsize size, DplPublicKey *ret, GError **error) {
  g_auto(GStrv) lines = split(text, size, 2);
  guint8 bytes[2 + 8 + 32];
  guint n = lines ? g_strv_length(lines) : 0;

  if (n == 0 || (n == 2 && !g_str_has_prefix(lines[0], UNTRUSTED)) ||
      !decode(lines[n - 1], bytes, sizeof bytes) || bytes[0] != 'E' || bytes[1] != 'd')
    return bad(error, "public key (minisign -G makes a pair)");
  memcpy(ret->id, bytes + 2, 8);
  memcpy(ret->key, bytes + 10, 32);
  return TRUE;
}
