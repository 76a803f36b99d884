/* test-retention.c: what goes and what never does. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/retention.h"
#include "deployment/settings.h"
#include "deployment/switch.h"
#include "files.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (G_GUINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define NOW (G_GUINT64_CONSTANT(20000) * DAY)

/* Ids "r0" (newest) to "r9", a day apart, ten bytes each. */
static GPtrArray *releases(guint n) {
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_release_free);

  for (guint i = 0; i < n; i++) {
    DplRelease *r = g_new0(DplRelease, 1);
    r->id = g_strdup_printf("r%u", i);
    r->bytes = 10;
    r->time = NOW - i * DAY;
    g_ptr_array_add(list, r);
  }
  return list;
}

static void expect(guint n, guint count, guint64 bytes, guint64 age, const char *keep,
                   const char *gone) {
  g_autoptr(GPtrArray) list = releases(n);
  g_auto(GStrv) kept = g_strsplit(keep, " ", -1);
  g_autoptr(GPtrArray) go =
      dpl_retention_choose(list, count, bytes, age, NOW, (const char *const *)kept);
  g_ptr_array_add(go, NULL);
  g_autofree char *is = g_strjoinv(" ", (char **)go->pdata);

  g_assert_cmpstr(is, ==, gone);
}

static void test_choose(void) {
  expect(0, 3, 0, 0, "", "");
  expect(5, 0, 0, 0, "", "");
  expect(5, 3, 0, 0, "", "r4 r3");
  expect(5, 3, 0, 0, "r4", "r3 r2"); /* what is kept counts */
  expect(5, 1, 0, 0, "r4 r2", "r3 r1 r0");
  expect(5, 0, 30, 0, "", "r4 r3");
  expect(5, 0, 30, 0, "r3 r4", "r2 r1");
  expect(5, 0, 5, 0, "r1", "r4 r3 r2 r0");
  expect(5, 0, 0, 2 * DAY, "", "r4 r3");
  expect(5, 0, 0, 2 * DAY, "r4", "r3");
  expect(5, 2, 0, 3 * DAY, "r0 r1 r2 r3 r4", "");
}

/* Kept ones never go, limits hold for the rest whenever they can, and what goes is the oldest. */
static void test_choose_any(void) {
  for (guint i = 0; i < 500; i++) {
    guint n = (guint)g_test_rand_int_range(0, 12), count = (guint)g_test_rand_int_range(0, 6);
    guint64 bytes = (guint64)g_test_rand_int_range(0, 80), age = g_test_rand_int_range(0, 8) * DAY;
    g_autoptr(GPtrArray) list = releases(n);
    g_autofree char *a = g_strdup_printf("r%d", g_test_rand_int_range(0, 12));
    const char *const keep[] = {a, NULL};
    g_autoptr(GPtrArray) go = dpl_retention_choose(list, count, bytes, age, NOW, keep);
    g_assert_false(g_ptr_array_find_with_equal_func(go, a, g_str_equal, NULL));
    guint left = n - go->len;
    guint kept = 0;
    for (guint j = 0; j < n; j++)
      kept += strcmp(((DplRelease *)list->pdata[j])->id, a) == 0;
    if (count)
      g_assert_cmpuint(left, <=, MAX(count, kept));
    if (bytes)
      g_assert_cmpuint(left * 10, <=, MAX(bytes, kept * 10));
  }
}

static void make(Files *f, const char *directory, const char *id, guint64 bytes) {
  g_autofree char *file = g_strdup_printf("root/%s/%s/file", directory, id);
  g_autofree char *tree = g_strdup_printf("root/%s/%s.tree", directory, id);
  g_autofree char *text =
      g_strdup_printf("waggle-tree 1\nd 0755 - - .\nf 0644 - - %" G_GUINT64_FORMAT
                      " e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 file\n",
                      bytes);

  files_write(f, file, "");
  files_write(f, tree, text);
}

static void test_apply(void) {
  static const char *const ids[] = {
      "0000000000000001-20261101T000000Z", "0000000000000002-20261102T000000Z",
      "0000000000000003-20261103T000000Z", "0000000000000004-20261104T000000Z",
      "0000000000000005-20261105T000000Z"};
  const DplRetention policy = {.count = 2, .failed_count = 1};
  const char *const keep[] = {ids[1], NULL};
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) removed = NULL;
  Files f;

  files_begin(&f, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
    make(&f, "releases", ids[i], 100 + i);
  make(&f, "releases", "no-release", 1);
  files_write(&f, "root/staging/trash-x/y", "left by a kill");
  g_assert_true(dpl_current_set(f.root, ids[0], &error));
  g_autoptr(GPtrArray) list = dpl_releases(f.root, DPL_DIR_RELEASES, &error);
  g_assert_cmpuint(list->len, ==, 5);
  g_assert_cmpstr(((DplRelease *)list->pdata[0])->id, ==, ids[4]);
  g_assert_cmpuint(((DplRelease *)list->pdata[0])->bytes, ==, 104);

  /* the current one is the oldest, and another is kept: nothing else has room */
  g_assert_true(dpl_retention_apply(f.root, &policy, keep, NOW, NULL, &removed, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(g_strv_length(removed), ==, 3);
  g_assert_cmpstr(removed[0], ==, ids[2]);
  g_assert_true(files_exist(&f, "root/current/file"));
  g_assert_true(files_exist(&f, "root/releases/0000000000000002-20261102T000000Z.tree"));
  g_assert_false(files_exist(&f, "root/releases/0000000000000005-20261105T000000Z"));
  g_assert_false(files_exist(&f, "root/releases/0000000000000005-20261105T000000Z.tree"));
  g_assert_true(files_exist(&f, "root/releases/no-release/file")); /* not ours */
  g_assert_false(files_exist(&f, "root/staging/trash-x"));

  g_assert_false(dpl_release_remove(f.root, DPL_DIR_RELEASES, ids[0], NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  g_clear_error(&error);
  g_assert_false(dpl_release_fail(f.root, ids[0], &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  g_clear_error(&error);
  g_assert_true(dpl_release_fail(f.root, ids[1], &error));
  g_assert_true(dpl_release_fail(f.root, ids[1], &error));
  g_assert_true(files_exist(&f, "root/failed/0000000000000002-20261102T000000Z/file"));
  g_assert_true(files_exist(&f, "root/failed/0000000000000002-20261102T000000Z.tree"));
  files_end(&f);
}

static void count_failed(const Files *f, guint wanted) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) list = dpl_releases(f->root, DPL_DIR_FAILED, &error);

  g_assert_no_error(error);
  g_assert_cmpuint(list->len, ==, wanted);
}

static void test_failed(void) {
  g_autoptr(GError) error = NULL;
  Files f;

  files_begin(&f, NULL);
  for (guint i = 1; i <= 4; i++) {
    g_autofree char *id = g_strdup_printf("000000000000000%u-20261101T000000Z", i);
    make(&f, "failed", id, 10);
    make(&f, "releases", id, 10);
  }
  /* no limit, then some, then none at all; what is good is never touched */
  g_assert_true(dpl_retention_failed(f.root, &(DplRetention){.count = 1}, NOW, NULL, &error));
  count_failed(&f, 4);
  DplRetention three = {.count = 1, .failed_count = 3};
  g_assert_true(dpl_retention_failed(f.root, &three, NOW, NULL, &error));
  count_failed(&f, 3);
  DplRetention none = {.failed_count = 3, .no_failed = TRUE};
  g_assert_true(dpl_retention_failed(f.root, &none, NOW, NULL, &error));
  count_failed(&f, 0);
  g_autoptr(GPtrArray) good = dpl_releases(f.root, DPL_DIR_RELEASES, &error);
  g_assert_cmpuint(good->len, ==, 4);
  files_end(&f);
}

static DplManifest *manifest_of(const char *retention) {
  g_autofree char *text =
      g_strdup_printf("{\"name\": \"a\", \"version\": \"1\", \"target\": \"a\", \"artifacts\":"
                      " [{\"source\": \"tree\"}], \"checks\": [{\"file\": \"/x\"}]%s}",
                      retention);
  WgProblems *problems = wg_problems_new();
  DplManifest *m = dpl_manifest_load(text, strlen(text), problems);

  g_assert_nonnull(m);
  wg_problems_free(problems);
  return m;
}

/* Each key by itself: the manifest's when it is there, else the configuration's. */
static void test_defaults(void) {
  static const char *const nowhere[] = {NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(WgConfig) config = wg_config_load_from(nowhere, "deployd", dpl_config_keys, &error);
  g_autoptr(DplManifest) silent = manifest_of("");
  g_autoptr(DplManifest) says =
      manifest_of(", \"retention\": {\"count\": 9, \"failed\": 0, \"age\": \"0s\"}");
  DplRetentionSpec own = {
      .count = 3, .size = 4, .age = 5, .failed = 6, .failed_size = 7, .failed_age = 8};
  DplSettings settings;

  g_assert_no_error(error);
  g_assert_true(dpl_settings_load(config, &settings, &error));
  g_assert_cmpmem(&settings.retention, sizeof settings.retention, &silent->retention,
                  sizeof silent->retention);
  DplRetentionSpec spec = dpl_manifest_retention(silent, &own);
  g_assert_cmpmem(&spec, sizeof spec, &own, sizeof own);
  spec = dpl_manifest_retention(says, &own);
  g_assert_cmpuint(spec.count, ==, 9);
  g_assert_cmpuint(spec.age, ==, 0);
  g_assert_cmpuint(spec.failed, ==, 0);
  g_assert_cmpuint(spec.size + spec.failed_size + spec.failed_age, ==, 4 + 7 + 8);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/retention/choose", test_choose);
  g_test_add_func("/retention/choose-any", test_choose_any);
  g_test_add_func("/retention/apply", test_apply);
  g_test_add_func("/retention/failed", test_failed);
  g_test_add_func("/retention/defaults", test_defaults);
  return g_test_run();
}
