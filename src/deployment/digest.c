/* digest.c: digests through libcrypto's EVP; see digest.h. The algorithms are fetched once, since
 * a fetch costs more than the digest of a small file. Losing memory or the algorithm ends the
 * process: a digest that is silently none must not exist. */
#include "deployment/digest.h"

#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256 * 1024)

struct DplDigest {
  EVP_MD_CTX *ctx;
  EVP_MD *md;
};

static gpointer fetch(gpointer name) {
  EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);

  if (!md)
    g_error("libcrypto has no %s; its configuration (openssl.cnf) has to allow it", (char *)name);
  return md;
}

static EVP_MD *algorithm(DplDigestKind kind) {
  static GOnce sha256 = G_ONCE_INIT, blake2b = G_ONCE_INIT;

  return kind == DPL_SHA256 ? g_once(&sha256, fetch, (gpointer) "SHA2-256")
                            : g_once(&blake2b, fetch, (gpointer) "BLAKE2B-512");
}

static void begin(DplDigest *digest) {
  if (EVP_DigestInit_ex2(digest->ctx, digest->md, NULL) != 1)
    g_error("libcrypto cannot begin a digest");
}

DplDigest *dpl_digest_new(DplDigestKind kind) {
  DplDigest *digest = g_new0(DplDigest, 1);

  digest->md = algorithm(kind);
  digest->ctx = EVP_MD_CTX_new();
  if (!digest->ctx)
    g_error("no memory for a digest");
  begin(digest);
  return digest;
}

void dpl_digest_free(DplDigest *digest) {
  if (!digest)
    return;
  EVP_MD_CTX_free(digest->ctx);
  g_free(digest);
}

void dpl_digest_add(DplDigest *digest, gconstpointer bytes, gsize size) {
  if (size > 0 && EVP_DigestUpdate(digest->ctx, bytes, size) != 1)
    g_error("libcrypto cannot go on with a digest");
}

void dpl_digest_add_zeros(DplDigest *digest, guint64 n) {
  static const char zeros[65536];

  for (; n > 0; n -= MIN(n, sizeof zeros))
    dpl_digest_add(digest, zeros, (gsize)MIN(n, sizeof zeros));
}

void dpl_digest_end(DplDigest *digest, guint8 *ret) {
  if (EVP_DigestFinal_ex(digest->ctx, ret, NULL) != 1)
    g_error("libcrypto cannot end a digest");
  begin(digest);
}

char *dpl_hex(const guint8 *bytes, gsize size) {
  static const char digits[] = "0123456789abcdef";
  char *text = g_malloc(2 * size + 1);

  for (gsize i = 0; i < size; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  text[2 * size] = '\0';
  return text;
}

gboolean dpl_hex_parse_sha256(const char *text, guint8 ret[static DPL_SHA256_SIZE]) {
  if (strlen(text) != DPL_SHA256_HEX)
    return FALSE;
  for (guint i = 0; i < DPL_SHA256_SIZE; i++) {
    int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return FALSE;
    ret[i] = (guint8)(high << 4 | low);
  }
  return TRUE;
}

gboolean dpl_digest_fd(int fd, const char *name, guint8 *ret_sha256, guint8 *ret_blake2b,
                       guint64 *ret_size, DplProgress *progress, GError **error) {
  g_autoptr(DplDigest) sha = ret_sha256 ? dpl_digest_new(DPL_SHA256) : NULL;
  g_autoptr(DplDigest) blake = ret_blake2b ? dpl_digest_new(DPL_BLAKE2B_512) : NULL;
  g_autofree guint8 *block = g_malloc(BLOCK);
  guint64 at = 0;

  for (ssize_t n; (n = dpl_read_some(fd, block, BLOCK, (gint64)at)) != 0; at += (guint64)n) {
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read %s", name);
    if (sha)
      dpl_digest_add(sha, block, (gsize)n);
    if (blake)
      dpl_digest_add(blake, block, (gsize)n);
    dpl_progress_add(progress, (guint64)n);
    if (progress && !dpl_work_go_on(progress->work, error))
      return FALSE;
  }
  if (sha)
    dpl_digest_end(sha, ret_sha256);
  if (blake)
    dpl_digest_end(blake, ret_blake2b);
  if (ret_size)
    *ret_size = at;
  return TRUE;
}
