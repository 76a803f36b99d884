/* test-signature.c: what the real minisign signs is accepted, both kinds, and one changed bit of
 * the file, the signature, the comment or the key is not. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/signature.h"
#include "files.h"

#include <string.h>
#include <unistd.h>

typedef struct {
  Files f;
  char *keys, *file, *signature;
  const char *directories[2];
} Signed;

static gboolean minisign(const char *const *argv) {
  g_autoptr(GError) error = NULL;
  int status;

  g_spawn_sync(NULL, (char **)argv, NULL,
               G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
               NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  return g_spawn_check_wait_status(status, NULL);
}

static gboolean make_key(Signed *s, const char *name) {
  g_autofree char *pub = g_strdup_printf("%s/keys/%s.pub", s->f.path, name);
  g_autofree char *sec = g_strdup_printf("%s/%s.sec", s->f.path, name);
  const char *const argv[] = {"minisign", "-G", "-W", "-p", pub, "-s", sec, NULL};

  return minisign(argv);
}

static gboolean begin(Signed *s) {
  g_autofree char *program = g_find_program_in_path("minisign");

  if (!program) {
    g_test_skip("there is no minisign here");
    return FALSE;
  }
  files_begin(&s->f, NULL);
  s->keys = files_path(&s->f, "keys");
  s->file = files_path(&s->f, "shop.tar");
  s->signature = files_path(&s->f, "shop.tar.minisig");
  s->directories[0] = s->keys;
  s->directories[1] = NULL;
  files_write(&s->f, "keys/README", "no key");
  files_write(&s->f, "shop.tar", "the artifact");
  g_assert_true(make_key(s, "a"));
  g_assert_true(make_key(s, "b"));
  return TRUE;
}

static void end(Signed *s) {
  files_end(&s->f);
  g_free(s->keys);
  g_free(s->file);
  g_free(s->signature);
}

static void sign(Signed *s, const char *key, gboolean legacy) {
  g_autofree char *sec = g_strdup_printf("%s/%s.sec", s->f.path, key);
  const char *const argv[] = {"minisign", legacy ? "-Sl" : "-S", "-s", sec,     "-x", s->signature,
                              "-t",       "release of shop",     "-m", s->file, NULL};

  g_assert_true(minisign(argv));
}

static gboolean verify(Signed *s, const char *text, DplSigned *ret, GError **error) {
  g_autoptr(DplSignature) signature = dpl_signature_parse(text, strlen(text), error);

  return signature && dpl_signature_verify(files_open(&s->f, "shop.tar"), "shop.tar", signature,
                                           s->directories, NULL, ret, error);
}

static void test_kinds(void) {
  Signed s = {0};

  if (!begin(&s))
    return;
  for (guint legacy = 0; legacy < 2; legacy++) {
    g_autoptr(GError) error = NULL;
    g_auto(DplSigned) is_signed = {0};
    sign(&s, "b", legacy);
    g_autofree char *text = files_read(&s.f, "shop.tar.minisig");
    g_autofree char *key = files_path(&s.f, "keys/b.pub");
    verify(&s, text, &is_signed, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(is_signed.key, ==, key);
    g_assert_cmpstr(is_signed.trusted_comment, ==, "release of shop");
    g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "the artifact", -1);
    g_autofree char *hex = dpl_hex(is_signed.sha256, sizeof is_signed.sha256);
    g_assert_cmpstr(hex, ==, sha256);
  }
  end(&s);
}

/* A bit anywhere in the lines that are signed; the first comment may say what it likes. */
static void test_bits(void) {
  Signed s = {0};

  if (!begin(&s))
    return;
  for (guint legacy = 0; legacy < 2; legacy++) {
    sign(&s, "a", legacy);
    g_autofree char *text = files_read(&s.f, "shop.tar.minisig");
    const char *from = strchr(text, '\n') + 1;
    for (const char *p = from; *p; p++)
      for (guint bit = 0; bit < 8; bit += legacy ? 3 : 1) {
        g_autofree char *copy = g_strdup(text);
        g_auto(DplSigned) is_signed = {0};
        g_autoptr(GError) error = NULL;
        copy[p - text] ^= (char)(1 << bit);
        /* a newline at the very end, or one that became a blank there, says nothing */
        if (p[1] == '\0')
          continue;
        gboolean good = verify(&s, copy, &is_signed, &error);
        if (good)
          g_error("byte %d bit %u of %s", (int)(p - text), bit, text);
        g_assert_true(error->domain == WG_ERROR);
      }
  }
  end(&s);
}

static void test_refused(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplSigned) is_signed = {0};
  Signed s = {0};

  if (!begin(&s))
    return;
  sign(&s, "a", FALSE);
  g_autofree char *text = files_read(&s.f, "shop.tar.minisig");
  /* the file changed */
  files_write(&s.f, "shop.tar", "the artifacT");
  g_assert_false(verify(&s, text, &is_signed, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
  g_assert_nonnull(strstr(error->message, "does not fit"));
  g_clear_error(&error);
  files_write(&s.f, "shop.tar", "the artifact");
  /* the key is not one of ours; a broken one is told */
  files_write(&s.f, "keys/broken.pub", "nonsense");
  g_assert_cmpint(unlinkat(s.f.dir, "keys/a.pub", 0), ==, 0);
  g_assert_false(verify(&s, text, &is_signed, &error));
  g_assert_nonnull(strstr(error->message, "none of the public keys"));
  g_assert_nonnull(strstr(error->message, "broken.pub"));
  g_clear_error(&error);
  s.directories[0] = "nowhere";
  g_assert_false(verify(&s, text, &is_signed, &error));
  g_assert_nonnull(strstr(error->message, "no public key"));
  end(&s);
}

/* The trusted comment of one signature under another. */
static void test_comment_swapped(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplSigned) is_signed = {0};
  Signed s = {0};

  if (!begin(&s))
    return;
  sign(&s, "a", FALSE);
  g_autofree char *one = files_read(&s.f, "shop.tar.minisig");
  files_write(&s.f, "shop.tar", "another artifact");
  sign(&s, "a", FALSE);
  g_autofree char *two = files_read(&s.f, "shop.tar.minisig");
  g_auto(GStrv) a = g_strsplit(one, "\n", -1), b = g_strsplit(two, "\n", -1);
  g_autofree char *mixed = g_strdup_printf("%s\n%s\n%s\n%s\n", b[0], b[1], a[2], a[3]);
  g_assert_false(verify(&s, mixed, &is_signed, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
  end(&s);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/signature/kinds", test_kinds);
  g_test_add_func("/signature/bits", test_bits);
  g_test_add_func("/signature/refused", test_refused);
  g_test_add_func("/signature/comment-swapped", test_comment_swapped);
  return g_test_run();
}
