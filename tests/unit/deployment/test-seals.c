/* test-seals.c: releases whose files are sealed. The kernel's part is played here, by an ioctl() of
 * our own, for few kernels of test machines have fs-verity: which file is sealed with which digest
 * is kept by inode, as the kernel does. What a real kernel does is tried in tests/system. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/seals.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON (G_GUINT64_CONSTANT(1795435200) * G_USEC_PER_SEC)

static GHashTable *sealed; /* inode -> digest: what is in the file at that moment */
static GMutex lock;
static int refusal; /* errno of sealing; 0: it works */
static guint n_sealed;

int ioctl(int fd, unsigned long request, ...) {
  struct fsverity_digest *told;
  struct stat st;
  va_list args;

  va_start(args, request);
  told = va_arg(args, void *);
  va_end(args);
  g_assert_cmpint(fstat(fd, &st), ==, 0);
  gpointer key = GSIZE_TO_POINTER(st.st_ino);
  g_mutex_lock(&lock);
  guint8 *digest = g_hash_table_lookup(sealed, key);
  errno = 0;
  if (request == FS_IOC_ENABLE_VERITY) {
    errno = refusal ? refusal : digest ? EEXIST : 0;
    if (errno == 0) {
      digest = g_malloc0(DPL_SHA256_SIZE);
      g_assert_true(dpl_digest_fd(fd, "sealed", digest, NULL, NULL, NULL, NULL));
      digest[0] ^= 0xff; /* it is no plain SHA-256 */
      g_hash_table_insert(sealed, key, digest);
      n_sealed++;
      errno = 0;
    }
  } else if (request == FS_IOC_MEASURE_VERITY) {
    errno = digest ? 0 : ENODATA;
    if (digest) {
      g_assert_cmpuint(told->digest_size, >=, DPL_SHA256_SIZE);
      told->digest_algorithm = FS_VERITY_HASH_ALG_SHA256;
      told->digest_size = DPL_SHA256_SIZE;
      memcpy(told->digest, digest, DPL_SHA256_SIZE);
    }
  } else {
    errno = ENOTTY; /* nothing clones here */
  }
  g_mutex_unlock(&lock);
  return errno ? -1 : 0;
}

static void begin(Files *f) {
  sealed = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  refusal = 0;
  n_sealed = 0;
  files_begin(f, NULL);
  dpl_seals_init(f->path);
}

static void end(Files *f) {
  files_end(f);
  g_hash_table_unref(sealed);
}

static void stage(Files *f, gboolean seal, DplStaged *ret) {
  g_autoptr(GError) error = NULL;
  g_autofree char *t = g_strdup_printf("t%u", g_random_int());

  files_write(f, "tree/bin/shop", "#!/bin/true\n");
  files_write(f, "tree/with blank", "data");
  files_write(f, "tree/empty", "");
  DplArtifact artifact = {.fd = files_open(f, "tree"), .options = {.name = "tree"}};
  DplStageOptions options = {
      .transaction = t, .artifacts = &artifact, .n_artifacts = 1, .realtime = NOON, .seal = seal};
  dpl_stage(f->root, &options, NULL, ret, &error);
  g_assert_no_error(error);
}

static gboolean holds(Files *f, const DplStaged *s, DplProof how) {
  g_autoptr(GError) error = NULL;
  gboolean ok = dpl_release_prove(f->root, s->release, s->digest, how, NULL, &error);

  if (!ok)
    g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  return ok;
}

static char *in_release(const DplStaged *s, const char *name) {
  return g_strdup_printf("root/releases/%s/%s", s->release, name);
}

/* As no kernel lets it happen: what is proven by its seal is seen not to be read. */
static void write_below(Files *f, const DplStaged *s, const char *name, const char *text) {
  g_autofree char *path = in_release(s, name);
  int fd = openat(f->dir, path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint(pwrite(fd, text, strlen(text), 0), ==, (int)strlen(text));
  close(fd);
}

/* What an editor does: another file of the same name. */
static void replace(Files *f, const DplStaged *s, const char *name, const char *text) {
  g_autofree char *path = in_release(s, name);
  struct stat st;

  g_assert_cmpint(fstatat(f->dir, path, &st, 0), ==, 0);
  files_write_bytes(f, "new", text, strlen(text), st.st_mode & 07777);
  g_assert_cmpint(renameat(f->dir, "new", f->dir, path), ==, 0);
}

static void test_sealed(void) {
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  stage(&f, TRUE, &s);
  g_assert_cmpuint(n_sealed, ==, 3);
  g_autoptr(DplSeals) seals = dpl_seals_load(s.digest);
  g_assert_nonnull(seals);
  g_assert_true(dpl_seals_know(seals, "with blank"));
  g_assert_false(dpl_seals_know(seals, "bin"));
  g_assert_true(holds(&f, &s, DPL_PROOF_QUICK));
  g_assert_true(holds(&f, &s, DPL_PROOF_FULL));
  write_below(&f, &s, "with blank", "evil");
  g_assert_true(holds(&f, &s, DPL_PROOF_FULL)); /* the kernel answers for it */
  end(&f);
}

static void test_replaced(void) {
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  stage(&f, TRUE, &s);
  replace(&f, &s, "with blank", "evil");
  g_assert_false(holds(&f, &s, DPL_PROOF_QUICK)); /* of the same size: the seal tells */
  g_assert_false(holds(&f, &s, DPL_PROOF_FULL));
  replace(&f, &s, "with blank", "data"); /* what was released, without a seal */
  g_assert_true(holds(&f, &s, DPL_PROOF_QUICK));
  g_assert_true(holds(&f, &s, DPL_PROOF_FULL));
  end(&f);
}

/* A seal of somebody else's is none. */
static void test_sealed_by_another(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  stage(&f, TRUE, &s);
  replace(&f, &s, "with blank", "evil");
  g_autofree char *path = in_release(&s, "with blank");
  g_assert_cmpint(ioctl(files_open(&f, path), FS_IOC_ENABLE_VERITY, NULL), ==, 0);
  g_assert_false(holds(&f, &s, DPL_PROOF_QUICK));
  g_assert_false(holds(&f, &s, DPL_PROOF_FULL));
  end(&f);
}

static void test_absent(void) {
  static const int errnums[] = {ENOTTY, EOPNOTSUPP, EACCES};

  for (guint i = 0; i < G_N_ELEMENTS(errnums); i++) {
    g_auto(DplStaged) s = {0};
    Files f;
    begin(&f);
    refusal = errnums[i];
    stage(&f, TRUE, &s);
    g_assert_null(dpl_seals_load(s.digest));
    g_assert_true(holds(&f, &s, DPL_PROOF_FULL));
    write_below(&f, &s, "with blank", "evil");
    g_assert_true(holds(&f, &s, DPL_PROOF_QUICK));
    g_assert_false(holds(&f, &s, DPL_PROOF_FULL));
    end(&f);
  }
}

static void test_not_asked_for(void) {
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  stage(&f, FALSE, &s);
  g_assert_cmpuint(n_sealed, ==, 0);
  g_assert_null(dpl_seals_load(s.digest));
  end(&f);
}

/* Then nothing was staged: no seal is worth a release that could not be sealed as was asked. */
static void test_no_space(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  refusal = ENOSPC;
  files_write(&f, "tree/a", "a");
  DplArtifact artifact = {.fd = files_open(&f, "tree"), .options = {.name = "tree"}};
  DplStageOptions options = {
      .transaction = "t", .artifacts = &artifact, .n_artifacts = 1, .realtime = NOON, .seal = TRUE};
  g_assert_false(dpl_stage(f.root, &options, NULL, &s, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  end(&f);
}

/* Whatever became of the file with the digests, what is not known is read. */
static void test_damaged(void) {
  g_auto(DplStaged) s = {0};
  Files f;

  begin(&f);
  stage(&f, TRUE, &s);
  g_autofree char *name = g_strdup_printf("seals/%s", s.digest);
  g_autofree char *text = files_read(&f, name);
  gsize size = strlen(text);
  for (gsize i = 0; i < size; i++) {
    files_write_bytes(&f, name, text, i, 0600);
    g_autoptr(DplSeals) seals = dpl_seals_load(s.digest);
    g_assert_true(holds(&f, &s, DPL_PROOF_FULL));
  }
  files_write(&f, name, "waggle-seals 1\nno digest with blank\n");
  g_assert_null(dpl_seals_load(s.digest));
  write_below(&f, &s, "with blank", "evil");
  g_assert_false(holds(&f, &s, DPL_PROOF_FULL));
  end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/seals/sealed", test_sealed);
  g_test_add_func("/seals/replaced", test_replaced);
  g_test_add_func("/seals/by-another", test_sealed_by_another);
  g_test_add_func("/seals/absent", test_absent);
  g_test_add_func("/seals/not-asked-for", test_not_asked_for);
  g_test_add_func("/seals/no-space", test_no_space);
  g_test_add_func("/seals/damaged", test_damaged);
  return g_test_run();
}
