/* test-plan-package.c: a plan of a Debian package and of a compressed archive: what the package
 * depends on and what of it does not run is told, and unit files and templates that lie in archives
 * are seen as they would be, though nothing is unpacked. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/plan.h"
#include "files.h"

#include <string.h>

static const char control_text[] = "Package: shop\nVersion: 2.0-1\nArchitecture: all\n"
                                   "Depends: libc6 (>= 2.36), nginx\nDescription: a shop\n more\n";

static void make_package(Files *f) {
  Tar control, data;

  tar_begin(&control, "gnutar", "gzip");
  tar_file(&control, "./control", control_text, 0644);
  tar_file(&control, "./postinst", "#!/bin/false\n", 0755);
  tar_begin(&data, "gnutar", "xz");
  tar_file(&data, "./usr/bin/shop", "program\n", 0755);
  tar_file(&data, "./lib/systemd/system/shop.service", "[Service]\nExecStart=/bin/a\n", 0644);
  g_autoptr(GBytes) c = tar_end_bytes(&control), d = tar_end_bytes(&data);
  deb_make(f, "shop.deb", c, d);
}

static void make_archive(Files *f) {
  Tar tar;

  tar_begin(&tar, "pax", "zstd");
  tar_file(&tar, "shop-2/etc/shop.conf.in", "name=${target.name}\n", 0644);
  tar_end(&tar, f, "shop.tar.zst");
}

static DplManifest *manifest(Files *f, const char *template) {
  g_autofree char *text =
      g_strdup_printf("name: shop\nversion: '2'\ntarget: {name: shop, root: '%s/none'}\n"
                      "artifacts: [{source: shop.deb}, {source: shop.tar.zst, strip: 1}]\n"
                      "configuration: [{file: etc/shop.conf, template: %s}]\n"
                      "units: {link: [lib/systemd/system/shop.service], start: [shop.service]}\n",
                      f->path, template);
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) m = dpl_manifest_load(text, strlen(text), problems);

  g_assert_nonnull(m);
  return dpl_manifest_for(m, m->own_target, problems);
}

static JsonNode *plan_of(Files *f, const DplManifest *m, GError **error) {
  const DplPlanInput input = {
      .preflight = {.manifest = m, .site = m->own_target, .base = f->path, .root = -1},
      .units = -1,
  };

  return dpl_plan(&input, NULL, error);
}

static void expect(JsonNode *plan, const char *pointer, const char *value) {
  JsonNode *node = wg_json_pointer(plan, pointer);
  g_autofree char *got = node ? wg_json_canonical(node) : g_strdup("absent");

  g_assert_cmpstr(got, ==, value);
}

static void test_package(void) {
  Files f;

  files_begin(&f, NULL);
  make_package(&f);
  make_archive(&f);
  g_autoptr(DplManifest) m = manifest(&f, "etc/shop.conf.in");
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) plan = plan_of(&f, m, &error);
  g_assert_no_error(error);
  expect(plan, "/artifacts/0/kind", "\"deb\"");
  expect(plan, "/artifacts/0/deb/package", "\"shop\"");
  expect(plan, "/artifacts/0/deb/depends", "\"libc6 (>= 2.36), nginx\"");
  expect(plan, "/artifacts/0/deb/scripts-not-run", "[\"postinst\"]");
  expect(plan, "/artifacts/1/kind", "\"tar\"");
  expect(plan, "/units/0/how", "\"link\"");
  expect(plan, "/units/0/diff", "[\"@@ -0,0 +1,2 @@\",\"+[Service]\",\"+ExecStart=/bin/a\"]");
  expect(plan, "/files/added/1", "{\"path\":\"etc\"}");
  expect(plan, "/files/added/2", "{\"bytes\":10,\"path\":\"etc/shop.conf\"}"); /* name=shop\n */
  expect(plan, "/reasons-against", "[]");
  g_assert_false(files_exist(&f, "none"));
  files_end(&f);
}

/* A template that no artifact has: the release cannot be made, and so not be planned. */
static void test_no_template(void) {
  Files f;

  files_begin(&f, NULL);
  make_package(&f);
  make_archive(&f);
  g_autoptr(DplManifest) m = manifest(&f, "etc/none.in");
  g_autoptr(GError) error = NULL;
  g_assert_null(plan_of(&f, m, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "etc/none.in is in no artifact as a plain file"));
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plan-package/package", test_package);
  g_test_add_func("/plan-package/no-template", test_no_template);
  return g_test_run();
}
