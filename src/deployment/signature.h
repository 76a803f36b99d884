/* signature.h: minisign signatures (https://jedisct1.github.io/minisign/), both kinds: of the file
 * itself ("Ed") and of its BLAKE2b-512 ("ED"). Verified with libcrypto against public keys that an
 * administrator has put into a directory; the trusted comment is checked with them. */
#pragma once

#include "deployment/digest.h"

#define DPL_SIGNATURE_MAX 16384

typedef struct {
  gboolean prehashed;
  guint8 key_id[8], signature[64], global[64];
  char *trusted_comment; /* to be believed only after dpl_signature_verify() */
} DplSignature;
void dpl_signature_free(DplSignature *signature);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplSignature, dpl_signature_free)
/* The text of a .minisig. INVALID_ARGUMENT. */
DplSignature *dpl_signature_parse(const char *text, gsize size, GError **error);

/* A public key from the text of a .pub (with or without its comment line). INVALID_ARGUMENT. */
typedef struct {
  guint8 id[8], key[32];
} DplPublicKey;
gboolean dpl_public_key_parse(const char *text, gsize size, DplPublicKey *ret, GError **error);

typedef struct {
  char *key;                      /* path of the key's file */
  char *trusted_comment;          /* valid UTF-8 */
  guint8 sha256[DPL_SHA256_SIZE]; /* of the bytes that are signed, so that they can be pinned */
} DplSigned;
void dpl_signed_clear(DplSigned *is_signed);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplSigned, dpl_signed_clear)
/* Is `fd` (a regular file; offset not moved) signed by one of the keys in `directories` (each
 * *.pub; directories that are absent have none; a file that is no key is told when no other fits)?
 * NOT_AUTHORIZED: no such key, or the signature does not fit. `name` is for errors. */
gboolean dpl_signature_verify(int fd, const char *name, const DplSignature *signature,
                              const char *const *directories, const DplWork *work, DplSigned *ret,
                              GError **error);
