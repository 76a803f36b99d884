/* fuzz-minisig.c: any bytes as a signature and as a public key of minisign. What is accepted is
 * complete. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/signature.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GError) error = NULL, key_error = NULL;
  g_autoptr(DplSignature) signature = dpl_signature_parse((const char *)data, size, &error);
  DplPublicKey key;

  g_assert_true((signature == NULL) == (error != NULL));
  if (signature)
    g_assert_null(strchr(signature->trusted_comment, '\n'));
  gboolean is_key = dpl_public_key_parse((const char *)data, size, &key, &key_error);
  g_assert_true(is_key == (key_error == NULL));
  /* no text is both */
  g_assert_false(is_key && signature);
  return 0;
}
