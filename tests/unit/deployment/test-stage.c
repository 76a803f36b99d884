/* test-stage.c: from artifacts to a release with a name and to the link that serves, with shared
 * paths and configuration; and what refuses. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/retention.h"
#include "deployment/space.h"
#include "deployment/switch.h"
#include "files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON G_GUINT64_CONSTANT(1795435200000000)

static int make_artifact(Files *f) {
  Tar tar;

  tar_begin(&tar, "pax", "zstd");
  tar_file(&tar, "bin/shop", "#!/bin/true\n", 0755);
  tar_file(&tar, "etc/shop.conf", "old\n", 0644);
  tar_file(&tar, "etc/local.conf", "default\n", 0644);
  tar_file(&tar, "log/README", "logs\n", 0644);
  return tar_end(&tar, f, "shop.tar.zst");
}

static GBytes *render(int dir, const DplConfigFile *file, gpointer user_data, GError **error) {
  if (user_data) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no such variable");
    return NULL;
  }
  return g_bytes_new("rendered\n", 9);
}

static gboolean stage(Files *f, const char *txn, guint64 when, gboolean dry, gpointer broken,
                      DplStaged *ret, GError **error) {
  static const char *const directories[] = {"log", NULL}, *const files[] = {"etc/local.conf", NULL};
  g_autoptr(GBytes) content = g_bytes_new_static("fixed", 5);
  const DplArtifact artifact = {.fd = make_artifact(f), .options = {.name = "shop.tar.zst"}};
  const DplConfigFile configuration[] = {{"etc/shop.conf", NULL, 0640},
                                         {"deep/new/file", content, 0}};
  const DplStageOptions options = {.transaction = txn,
                                   .artifacts = &artifact,
                                   .n_artifacts = 1,
                                   .files = configuration,
                                   .n_files = G_N_ELEMENTS(configuration),
                                   .render = render,
                                   .user_data = broken,
                                   .shared_directories = directories,
                                   .shared_files = files,
                                   .realtime = when,
                                   .dry = dry};
  return dpl_stage(f->root, &options, NULL, ret, error);
}

static void assert_text(Files *f, const char *path, const char *text) {
  g_autofree char *is = files_read(f, path);

  g_assert_cmpstr(is, ==, text);
}

static void test_whole(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) nothing = {0}, first = {0}, dry = {0}, again = {0}, third = {0};
  g_autofree char *current = NULL;
  Files f;

  files_begin(&f, g_get_tmp_dir());
  g_assert_true(stage(&f, "t1", NOON, TRUE, NULL, &dry, &error));
  g_assert_null(dry.release);
  Files nowhere = f;
  nowhere.root = -1;
  g_assert_true(stage(&nowhere, "t1", NOON, TRUE, NULL, &nothing, &error));
  g_assert_cmpstr(nothing.digest, ==, dry.digest);
  g_assert_true(stage(&f, "t1", NOON, FALSE, NULL, &first, &error));
  g_assert_no_error(error);
  g_assert_cmpstr(dry.digest, ==, first.digest);
  g_assert_true(dpl_release_valid(first.release));
  g_assert_true(g_str_has_suffix(first.release, "-20261123T120000Z"));
  g_assert_cmpuint(dpl_release_time(first.release), ==, NOON);
  g_assert_true(g_str_has_prefix(first.digest, strndupa(first.release, 16)));
  g_assert_false(first.reused);
  g_assert_true(
      dpl_release_prove(f.root, first.release, first.digest, DPL_PROOF_FULL, NULL, &error));

  /* shared paths are links, seeded once */
  g_assert_true(dpl_current_set(f.root, first.release, &error));
  g_assert_no_error(error);
  assert_text(&f, "root/current/etc/shop.conf", "rendered\n");
  assert_text(&f, "root/current/deep/new/file", "fixed");
  assert_text(&f, "root/current/etc/local.conf", "default\n");
  assert_text(&f, "root/shared/log/README", "logs\n");
  files_write(&f, "root/shared/etc/local.conf", "mine\n");
  struct stat st;
  g_assert_cmpint(fstatat(f.dir, "root/current/etc/shop.conf", &st, 0), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
  g_assert_cmpint(fstatat(f.dir, "root/shared/log", &st, 0), ==, 0);
  g_assert_cmpuint(st.st_mode & 07777, ==, 0755);

  /* the same again is the same release */
  g_assert_true(stage(&f, "t2", NOON + G_USEC_PER_SEC, FALSE, NULL, &again, &error));
  g_assert_true(again.reused);
  g_assert_cmpstr(again.release, ==, first.release);
  assert_text(&f, "root/current/etc/local.conf", "mine\n");
  g_assert_false(files_exist(&f, "root/staging/t2"));

  /* a damaged one is not used again */
  g_autofree char *file = g_strdup_printf("root/releases/%s/bin/shop", first.release);
  files_write_bytes(&f, file, "#!/bin/fals\n", 12, 0755);
  g_assert_false(dpl_release_prove(f.root, first.release, NULL, DPL_PROOF_FULL, NULL, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED);
  g_clear_error(&error);
  g_assert_true(stage(&f, "t3", NOON, FALSE, NULL, &third, &error));
  g_assert_no_error(error);
  g_assert_false(third.reused);
  g_assert_cmpstr(third.damaged, ==, first.release);
  g_assert_cmpstr(third.digest, ==, first.digest);
  g_assert_cmpstr(third.release, !=, first.release);
  g_assert_true(dpl_current_read(f.root, &current, NULL));
  g_assert_cmpstr(current, ==, first.release);
  files_end(&f);
}

static void test_refused(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) done = {0};
  static const char *const shared[] = {"etc", NULL};
  const DplConfigFile configuration[] = {{"etc/shop.conf", NULL, 0}};
  DplStageOptions options = {.transaction = "../x", .realtime = NOON, .render = render};
  Files f;

  files_begin(&f, g_get_tmp_dir());
  g_assert_false(dpl_stage(f.root, &options, NULL, &done, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_clear_error(&error);
  options.transaction = "t";
  options.files = configuration;
  options.n_files = 1;
  options.shared_directories = shared;
  g_assert_false(dpl_stage(f.root, &options, NULL, &done, &error));
  g_assert_nonnull(strstr(error->message, "never overwrites"));
  g_clear_error(&error);
  g_assert_false(stage(&f, "t1", NOON, FALSE, &f, &done, &error));
  g_assert_nonnull(strstr(error->message, "no such variable"));
  g_clear_error(&error);
  const DplArtifact artifact = {.fd = make_artifact(&f), .options = {.name = "shop"}};
  const DplStageOptions unsigned_ = {.transaction = "t",
                                     .artifacts = &artifact,
                                     .n_artifacts = 1,
                                     .need_signature = TRUE,
                                     .realtime = NOON};
  g_assert_false(dpl_stage(f.root, &unsigned_, NULL, &done, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
  /* nothing has a name; what is left goes */
  g_autoptr(GPtrArray) releases = dpl_releases(f.root, DPL_DIR_RELEASES, NULL);
  g_assert_cmpuint(releases->len, ==, 0);
  g_assert_true(dpl_stage_discard(f.root, "t", NULL, NULL));
  g_assert_true(dpl_stage_discard(f.root, "t1", NULL, NULL));
  g_assert_false(files_exist(&f, "root/staging/t"));
  files_end(&f);
}

/* A template that is replaced by what is made of it; a file that is configured twice. */
static GBytes *twice_as_much(int dir, const DplConfigFile *file, gpointer user_data,
                             GError **error) {
  g_autofree char *text = NULL;
  gsize size;

  if (!dpl_within_read(dir, file->path, 1000, &text, &size, error))
    return NULL;
  g_autofree char *both = g_strconcat(text, text, NULL);
  return g_bytes_new(both, 2 * size);
}

static void test_configuration(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) done = {0}, refused = {0};
  Files f;

  files_begin(&f, NULL);
  const DplArtifact artifact = {.fd = make_artifact(&f), .options = {.name = "shop"}};
  const DplConfigFile files[] = {{"etc/shop.conf", NULL, 0}, {"etc/shop.conf", NULL, 0}};
  DplStageOptions options = {.transaction = "t",
                             .artifacts = &artifact,
                             .n_artifacts = 1,
                             .files = files,
                             .n_files = 1,
                             .render = twice_as_much,
                             .realtime = NOON};
  g_assert_true(dpl_stage(f.root, &options, NULL, &done, &error));
  g_assert_no_error(error);
  g_autofree char *path = g_strdup_printf("root/releases/%s/etc/shop.conf", done.release);
  assert_text(&f, path, "old\nold\n");
  options.n_files = 2;
  g_assert_false(dpl_stage(f.root, &options, NULL, &refused, &error));
  g_assert_nonnull(strstr(error->message, "is there twice"));
  files_end(&f);
}

/* What is shared and what is released never have an inode in common. */
static void test_shared_hard_link(void) {
  static const char *const shared[] = {"etc/local.conf", NULL};
  g_autoptr(GError) error = NULL;
  g_auto(DplStaged) done = {0};
  Tar tar;
  Files f;

  files_begin(&f, NULL);
  tar_begin(&tar, "pax", "none");
  tar_file(&tar, "etc/local.conf", "x", 0644);
  tar_hard(&tar, "bin/also", "etc/local.conf");
  const DplArtifact artifact = {.fd = tar_end(&tar, &f, "a"), .options = {.name = "shop"}};
  const DplStageOptions options = {.transaction = "t",
                                   .artifacts = &artifact,
                                   .n_artifacts = 1,
                                   .shared_files = shared,
                                   .realtime = NOON};
  g_assert_false(dpl_stage(f.root, &options, NULL, &done, &error));
  g_assert_nonnull(strstr(error->message, "hard-linked"));
  g_assert_false(files_exist(&f, "root/shared/etc"));
  files_end(&f);
}

static void test_switch(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *current = NULL, *again = NULL;
  static const char a[] = "0123456789abcdef-20261121T164000Z",
                    b[] = "fedcba9876543210-20261121T164001Z";
  Files f;

  files_begin(&f, g_get_tmp_dir());
  g_assert_cmpint(mkdirat(f.root, "releases/0123456789abcdef-20261121T164000Z", 0755), ==, 0);
  g_assert_true(dpl_current_read(f.root, &current, &error));
  g_assert_null(current);
  g_assert_false(dpl_current_set(f.root, b, &error)); /* is not there */
  g_clear_error(&error);
  g_assert_false(dpl_current_set(f.root, "..", &error));
  g_clear_error(&error);
  files_link(&f, "root/.current.new", "left by a kill");
  g_assert_true(dpl_current_set(f.root, a, &error));
  g_assert_true(dpl_current_set(f.root, a, &error));
  g_assert_true(dpl_current_read(f.root, &current, &error));
  g_assert_cmpstr(current, ==, a);
  g_assert_true(dpl_current_unset(f.root, &error));
  g_assert_true(dpl_current_unset(f.root, &error));
  g_assert_true(dpl_current_read(f.root, &again, &error));
  g_assert_null(again);
  g_assert_no_error(error);

  static const char *const strange[] = {"releases/../..", "/etc", "releases/x", "staging/t",
                                        "releases/0123456789abcdef-20261121T164000Z/"};
  for (guint i = 0; i < G_N_ELEMENTS(strange); i++) {
    files_link(&f, "root/current", strange[i]);
    g_assert_false(dpl_current_read(f.root, &again, &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
    g_clear_error(&error);
    g_assert_false(dpl_current_set(f.root, a, NULL));
    g_assert_false(dpl_current_unset(f.root, NULL));
    g_assert_cmpint(unlinkat(f.root, "current", 0), ==, 0);
  }
  g_assert_cmpint(mkdirat(f.root, "current", 0755), ==, 0);
  g_assert_false(dpl_current_set(f.root, a, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  files_end(&f);
}

static void test_layout(void) {
  g_autoptr(GError) error = NULL;
  Files f;

  files_begin(&f, g_get_tmp_dir());
  g_assert_cmpint(dpl_layout_open(f.target, "other", TRUE, &error), <, 0);
  g_assert_nonnull(strstr(error->message, "target \"shop\""));
  g_clear_error(&error);
  files_write(&f, "full/file", "x");
  g_autofree char *full = files_path(&f, "full"), *open_to_all = files_path(&f, "open");
  g_assert_cmpint(dpl_layout_open(full, "x", TRUE, &error), <, 0);
  g_assert_nonnull(strstr(error->message, "not empty"));
  g_clear_error(&error);
  g_assert_cmpint(dpl_layout_open("relative", "x", TRUE, NULL), <, 0);
  g_assert_cmpint(mkdirat(f.dir, "open", 0755), ==, 0);
  g_assert_cmpint(fchmodat(f.dir, "open", 0777, 0), ==, 0);
  g_assert_cmpint(dpl_layout_open(open_to_all, "x", TRUE, &error), <, 0);
  g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
  static const char *const ids[] = {"", "0123456789abcdef", "0123456789abcdeF-20261121T164000Z",
                                    "0123456789abcdef-20261321T164000Z",
                                    "../../../../../../../../x/0Z"};
  for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
    g_assert_false(dpl_release_valid(ids[i]));
  files_end(&f);
}

static void test_space(void) {
  g_autoptr(GError) error = NULL;
  DplSpace space;
  Files f;

  files_begin(&f, g_get_tmp_dir());
  g_assert_true(dpl_space(f.root, &space, &error));
  g_assert_cmpuint(space.bytes, <=, space.bytes_total);
  g_assert_true(dpl_space_need(f.root, "shop", 1, 1, &error));
  g_assert_false(dpl_space_need(f.root, "shop", space.bytes_total + 1, 1, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/stage/whole", test_whole);
  g_test_add_func("/stage/refused", test_refused);
  g_test_add_func("/stage/configuration", test_configuration);
  g_test_add_func("/stage/shared-hard-link", test_shared_hard_link);
  g_test_add_func("/stage/switch", test_switch);
  g_test_add_func("/stage/layout", test_layout);
  g_test_add_func("/stage/space", test_space);
  return g_test_run();
}
