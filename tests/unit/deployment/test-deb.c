/* test-deb.c: control files as dpkg writes them and as it never would; packages whose scripts are
 * told and not run. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "files.h"

#include <string.h>

static void test_control(void) {
  static const char text[] = "Package: shop\nVersion: 1:2.4-1~x\nArchitecture: amd64\n"
                             "Maintainer: A <a@example.org>\nPre-Depends: dpkg\n"
                             "Depends: libc6 (>= 2.36),\n python3 | python3-minimal\n"
                             "Description: a shop\n with a long\n .\n description\n";
  g_autoptr(GError) error = NULL;
  g_autoptr(DplDeb) deb = dpl_deb_parse(text, strlen(text), &error);

  g_assert_no_error(error);
  g_assert_cmpstr(deb->package, ==, "shop");
  g_assert_cmpstr(deb->version, ==, "1:2.4-1~x");
  g_assert_cmpstr(deb->architecture, ==, "amd64");
  g_assert_cmpstr(deb->depends, ==, "libc6 (>= 2.36), python3 | python3-minimal");
  g_assert_cmpstr(deb->pre_depends, ==, "dpkg");
  g_assert_cmpstr(deb->description, ==, "a shop");
}

static void test_refused(void) {
  static const char *const texts[] = {
      "",
      "\n",
      "Package: a\n",
      "Package: a\nVersion: 1\n",
      "Package: A\nVersion: 1\nArchitecture: all\n",
      "Package: ../a\nVersion: 1\nArchitecture: all\n",
      "Package: a\nVersion: 1 2\nArchitecture: all\n",
      "Package: a\nVersion: 1\nArchitecture: all\nPackage: b\n",
      " Package: a\nVersion: 1\nArchitecture: all\n",
      "Package: a\nVersion: 1\nArchitecture: all\n\nPackage: b\n",
      "Package a\nVersion: 1\nArchitecture: all\n",
      "Package: a\nVersion: 1\nArchitecture: all\n: x\n",
      "Package: a\xff\nVersion: 1\nArchitecture: all\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(DplDeb) deb = dpl_deb_parse(texts[i], strlen(texts[i]), &error);
    if (deb)
      g_error("accepted: %s", texts[i]);
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
}

static GBytes *control(const char *text, const char *script) {
  Tar tar;

  tar_begin(&tar, "gnutar", "xz");
  if (text)
    tar_file(&tar, "./control", text, 0644);
  tar_file(&tar, "./conffiles", "/etc/shop.conf\nremove-on-upgrade /etc/old\n", 0644);
  tar_file(&tar, "./md5sums", "x", 0644);
  if (script)
    tar_file(&tar, "./postinst", script, 0755);
  return tar_end_bytes(&tar);
}

static GBytes *data(void) {
  Tar tar;

  tar_begin(&tar, "gnutar", "zstd");
  tar_entry(&tar, AE_IFDIR, "./", NULL, 0755);
  tar_file(&tar, "./usr/bin/shop", "#!/bin/true\n", 0755);
  tar_file(&tar, "./etc/shop.conf", "x", 0644);
  return tar_end_bytes(&tar);
}

static void test_package(void) {
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {0};
  Files f;

  files_begin(&f, NULL);
  g_autofree char *script = g_strdup_printf("#!/bin/sh\ntouch %s/ran\n", f.path);
  g_autoptr(GBytes) c = control("Package: shop\nVersion: 1\nArchitecture: all\n", script);
  g_autoptr(GBytes) d = data();
  int fd = deb_make(&f, "shop.deb", c, d);
  g_autoptr(DplDeb) only = dpl_deb_read(fd, "shop.deb", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(only->package, ==, "shop");
  g_autoptr(DplTree) tree = unpack_here(&f, fd, &options, &done, &error);
  g_assert_no_error(error);
  g_assert_cmpint(done.kind, ==, DPL_SOURCE_DEB);
  g_assert_cmpstr(done.deb->version, ==, "1");
  g_assert_true(g_strv_contains((const char *const *)done.deb->scripts, "postinst"));
  g_assert_true(g_strv_contains((const char *const *)done.deb->conffiles, "etc/shop.conf"));
  g_assert_cmpuint(g_strv_length(done.deb->conffiles), ==, 2);
  g_assert_nonnull(dpl_tree_find(tree, "usr/bin/shop"));
  g_assert_null(dpl_tree_find(tree, "control"));
  g_assert_false(files_exist(&f, "ran"));
  files_end(&f);
}

static void test_broken_packages(void) {
  Files f;

  files_begin(&f, NULL);
  g_autoptr(GBytes) good = control("Package: a\nVersion: 1\nArchitecture: all\n", NULL);
  g_autoptr(GBytes) none = control(NULL, NULL), wrong = control("Package: a\n", NULL);
  g_autoptr(GBytes) d = data();
  struct {
    GBytes *control, *data;
    const char *words;
  } cases[] = {{NULL, d, "not control.tar"},
               {good, NULL, "ends before its data"},
               {none, d, "no file \"control\""},
               {wrong, d, "has no \"Version\""},
               {d, good, "no file \"control\""}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(DplUnpacked) done = {0};
    DplUnpackOptions options = {0};
    int fd = deb_make(&f, "shop.deb", cases[i].control, cases[i].data);
    g_autoptr(DplTree) tree = unpack_here(&f, fd, &options, &done, &error);
    g_assert_null(tree);
    if (!strstr(error->message, cases[i].words))
      g_error("%s: %s", cases[i].words, error->message);
  }
  files_end(&f);
}

/* One that Debian's own tool made. */
static void test_real(void) {
  g_autofree char *program = g_find_program_in_path("dpkg-deb");
  g_autoptr(GError) error = NULL;
  g_auto(DplUnpacked) done = {0};
  DplUnpackOptions options = {0};
  Files f;

  if (!program) {
    g_test_skip("there is no dpkg-deb here");
    return;
  }
  files_begin(&f, NULL);
  files_write(&f, "pkg/DEBIAN/control",
              "Package: shop\nVersion: 2\nArchitecture: all\nMaintainer: a <a@b.c>\n"
              "Description: x\n");
  files_write(&f, "pkg/usr/share/shop/a", "content");
  g_autofree char *pkg = files_path(&f, "pkg"), *deb = files_path(&f, "shop.deb");
  const char *argv[] = {program, "--root-owner-group", "-b", pkg, deb, NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                             NULL, NULL, NULL, &error));
  g_autoptr(DplTree) tree = unpack_here(&f, files_open(&f, "shop.deb"), &options, &done, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(done.deb->version, ==, "2");
  g_assert_cmpuint(dpl_tree_find(tree, "usr/share/shop/a")->size, ==, 7);
  files_end(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deb/control", test_control);
  g_test_add_func("/deb/refused", test_refused);
  g_test_add_func("/deb/package", test_package);
  g_test_add_func("/deb/broken-packages", test_broken_packages);
  g_test_add_func("/deb/real", test_real);
  return g_test_run();
}
