/* signature-verify.c: is this file signed by a key of ours? See signature.h. Only keys whose id the
 * signature names are tried; the trusted comment is signed together with the signature and counts
 * as much. A legacy signature is one of the whole file, which has to be in memory for it. */
#include "deployment/io.h"
#include "deployment/signature.h"
#include "deployment/within.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#define LEGACY_MAX (256 * 1024 * 1024)

typedef struct {
  const char *name;
  const DplSignature *signature;
  guint8 *message; /* what the first signature is of */
  gsize size;
  char *broken; /* a file among the keys that is none */
} Verify;

void dpl_signed_clear(DplSigned *is_signed) {
  g_clear_pointer(&is_signed->key, g_free);
  g_clear_pointer(&is_signed->trusted_comment, g_free);
}

static gboolean refuse(const Verify *v, GError **error, const char *text) {
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED, "the artifact %s is refused: %s%s%s",
              v->name, text, v->broken ? "; no public key of minisign: " : "",
              v->broken ? v->broken : "");
  return FALSE;
}

static gboolean ed25519(const guint8 *key, const guint8 *signature, const guint8 *bytes,
                        gsize size) {
  EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  gboolean good = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
                  EVP_DigestVerify(ctx, signature, 64, bytes, size) == 1;

  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(pkey);
  return good;
}

static gboolean check_comment(const Verify *v, const guint8 *key) {
  g_autoptr(GByteArray) both = g_byte_array_new();
  const char *comment = v->signature->trusted_comment;

  g_byte_array_append(both, v->signature->signature, 64);
  g_byte_array_append(both, (const guint8 *)comment, (guint)strlen(comment));
  return ed25519(key, v->signature->global, both->data, both->len);
}

typedef enum { OTHER_KEY, GOOD, FORGED } Verdict;

static Verdict try_key(Verify *v, const char *path) {
  g_autofree char *text = NULL;
  DplPublicKey key;
  gsize size;
  DPL_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;

  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DPL_SIGNATURE_MAX ||
      !g_file_get_contents(path, &text, &size, NULL) ||
      !dpl_public_key_parse(text, size, &key, NULL)) {
    if (!v->broken)
      v->broken = g_strdup(path);
    return OTHER_KEY;
  }
  if (memcmp(key.id, v->signature->key_id, sizeof key.id) != 0)
    return OTHER_KEY;
  return ed25519(key.key, v->signature->signature, v->message, v->size) && check_comment(v, key.key)
             ? GOOD
             : FORGED;
}

static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *key_files(const char *const *directories) {
  GPtrArray *files = g_ptr_array_new_with_free_func(g_free);

  for (guint i = 0; directories && directories[i]; i++) {
    g_autoptr(GDir) dir = g_dir_open(directories[i], 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
      if (g_str_has_suffix(name, ".pub"))
        g_ptr_array_add(files, g_build_filename(directories[i], name, NULL));
  }
  g_ptr_array_sort(files, by_name);
  return files;
}

static gboolean try_keys(Verify *v, const char *const *directories, DplSigned *ret,
                         GError **error) {
  g_autoptr(GPtrArray) files = key_files(directories);
  gboolean forged = FALSE;

  for (guint i = 0; i < files->len; i++) {
    Verdict verdict = try_key(v, files->pdata[i]);
    forged = forged || verdict == FORGED;
    if (verdict != GOOD)
      continue;
    ret->key = g_strdup(files->pdata[i]);
    ret->trusted_comment = g_utf8_make_valid(v->signature->trusted_comment, -1);
    return TRUE;
  }
  if (forged)
    return refuse(v, error,
                  "its signature does not fit: the file or the signature was changed after it was "
                  "signed");
  return refuse(v, error,
                files->len ? "none of the public keys here made its signature; put the right one "
                             "(*.pub) into a keys directory if you trust it"
                           : "there is no public key (*.pub) in any keys directory to check its "
                             "signature with");
}

/* The message, and the digest of the file. */
static gboolean load(Verify *v, int fd, const DplWork *work, guint8 *sha256, GError **error) {
  DplProgress progress = {.work = work};
  struct stat st;

  if (fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot look at the artifact %s", v->name);
  progress.total = (guint64)st.st_size;
  if (v->signature->prehashed) {
    v->message = g_malloc(DPL_BLAKE2B_SIZE);
    v->size = DPL_BLAKE2B_SIZE;
    return dpl_digest_fd(fd, v->name, sha256, v->message, NULL, &progress, error);
  }
  if (st.st_size > LEGACY_MAX)
    return refuse(v, error, "it is too large for a legacy signature; sign it with minisign -SH");
  v->message = g_malloc((gsize)st.st_size + 1);
  for (ssize_t n; v->size < (gsize)st.st_size; v->size += (gsize)n) {
    n = dpl_read_some(fd, v->message + v->size, (gsize)st.st_size - v->size, (gint64)v->size);
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read the artifact %s", v->name);
    if (n == 0)
      break;
  }
  g_autoptr(DplDigest) digest = dpl_digest_new(DPL_SHA256);
  dpl_digest_add(digest, v->message, v->size);
  dpl_digest_end(digest, sha256);
  return dpl_work_go_on(work, error);
}

gboolean dpl_signature_verify(int fd, const char *name, const DplSignature *signature,
                              const char *const *directories, const DplWork *work, DplSigned *ret,
                              GError **error) {
  Verify v = {.name = name, .signature = signature};
  gboolean good = load(&v, fd, work, ret->sha256, error) && try_keys(&v, directories, ret, error);

  g_free(v.message);
  g_free(v.broken);
  return good;
}
