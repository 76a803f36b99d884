/* digest.h: digests of bytes, through libcrypto (which uses the processor's own instructions). */
#pragma once

#include "deployment/work.h"

#define DPL_SHA256_SIZE 32
#define DPL_SHA256_HEX 64
#define DPL_BLAKE2B_SIZE 64

typedef enum { DPL_SHA256, DPL_BLAKE2B_512 } DplDigestKind;

typedef struct DplDigest DplDigest;
DplDigest *dpl_digest_new(DplDigestKind kind); /* aborts when libcrypto has none */
void dpl_digest_free(DplDigest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplDigest, dpl_digest_free)
void dpl_digest_add(DplDigest *digest, gconstpointer bytes, gsize size);
void dpl_digest_add_zeros(DplDigest *digest, guint64 n); /* a hole */
/* The digest of all since the start or the last end; begins anew. */
void dpl_digest_end(DplDigest *digest, guint8 *ret);

/* 2*size lower-case digits. Free with g_free(). */
char *dpl_hex(const guint8 *bytes, gsize size);
/* Exactly 64 digits, lower or upper case. */
gboolean dpl_hex_parse_sha256(const char *text, guint8 ret[static DPL_SHA256_SIZE]);

/* The content of `fd` from its start to its end, wherever it stands; the offset is not moved.
 * Either result may be NULL; each byte is read once. `name` is for errors. */
gboolean dpl_digest_fd(int fd, const char *name, guint8 *ret_sha256, guint8 *ret_blake2b,
                       guint64 *ret_size, DplProgress *progress, GError **error);
