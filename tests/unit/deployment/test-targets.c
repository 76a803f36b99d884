/* test-targets.c: targets.d in several directories: what overrides and masks what, which targets
 * are refused and told, and how they are chosen. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/targets.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *top, *vendor, *etc;
  GPtrArray *problems;
} Fixture;

static void put(const char *dir, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(dir, "targets.d", name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(Fixture *f, gconstpointer data) {
  f->top = g_dir_make_tmp("targets-XXXXXX", NULL);
  f->vendor = g_build_filename(f->top, "vendor", NULL);
  f->etc = g_build_filename(f->top, "etc", NULL);
  f->problems = g_ptr_array_new_with_free_func(g_free);
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir =
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void tear_down(Fixture *f, gconstpointer data) {
  remove_tree(f->top);
  g_free(f->top);
  g_free(f->vendor);
  g_free(f->etc);
  g_ptr_array_unref(f->problems);
}

static DplSites *load(Fixture *f) {
  const char *const dirs[] = {f->vendor, f->etc, NULL};

  return dpl_sites_load(dirs, f->problems);
}

static char *told(Fixture *f) {
  g_ptr_array_add(f->problems, NULL);
  return g_strjoinv("\n", (char **)f->problems->pdata);
}

static char *names_of(const GPtrArray *list) {
  GString *names = g_string_new(NULL);

  for (guint i = 0; i < list->len; i++)
    g_string_append_printf(names, "%s%s", i ? " " : "", ((DplSite *)list->pdata[i])->name);
  return g_string_free(names, FALSE);
}

static void test_files(Fixture *f, gconstpointer data) {
  put(f->vendor, "shop.conf", "[Target]\nRoot=/srv/wrong\n");
  put(f->etc, "shop.conf",
      "[Target]\nRoot=/srv/shop\nDomain=web\nLabels=tier=web 'rack=r 1'\nInstance=1\n"
      "Vars=port=8080 greeting='hello you'\nOwner=shop team\n");
  put(f->vendor, "shop.conf.d/10-port.conf", "[Target]\nVars=port=9090\n");
  put(f->vendor, "gone.conf", "[Target]\nRoot=/srv/gone\n");
  put(f->etc, "gone.conf", "");
  put(f->vendor, "blog@1.conf", "[Target]\nRoot=/srv/blog\n");
  put(f->vendor, ".hidden.conf", "[Target]\nRoot=/srv/hidden\n");
  put(f->vendor, "notes.txt", "no target\n");
  g_autoptr(DplSites) sites = load(f);
  g_autofree char *wrong = told(f);

  g_assert_cmpstr(wrong, ==, "");
  g_assert_cmpuint(dpl_sites_n(sites), ==, 2);
  g_assert_cmpstr(dpl_sites_at(sites, 0)->name, ==, "blog@1");
  g_assert_cmpstr(dpl_sites_at(sites, 0)->domain, ==, "");
  const DplSite *shop = dpl_sites_find(sites, "shop");
  g_assert_cmpstr(shop->root, ==, "/srv/shop");
  g_assert_cmpstr(shop->domain, ==, "web");
  g_assert_cmpstr(shop->instance, ==, "1");
  g_assert_cmpstr(shop->owner, ==, "shop team");
  g_assert_cmpstr(g_hash_table_lookup(shop->labels, "rack"), ==, "r 1");
  g_assert_cmpstr(g_hash_table_lookup(shop->vars, "port"), ==, "9090");
  g_assert_cmpuint(g_hash_table_size(shop->vars), ==, 1);
  g_assert_null(dpl_sites_find(sites, "gone"));
}

static void test_wrong(Fixture *f, gconstpointer data) {
  g_autofree char *dir = g_build_filename(f->etc, "targets.d", NULL);

  put(f->etc, "a.conf", "[Target]\nRoot=srv/a\n");
  put(f->etc, "b.conf", "[Target]\nRoot=/srv/b\nLables=x=y\n");
  put(f->etc, "c.conf", "[Target]\nRoot=/srv/c\nLabels=x\n");
  put(f->etc, "d.conf", "[Target]\nRoot=/srv/d\nVars=x=1 x=2\n");
  put(f->etc, "e.conf", "[Target]\nDomain=web\n");
  put(f->etc, "f f.conf", "[Target]\nRoot=/srv/f\n");
  put(f->etc, "g.conf", "[Target]\nRoot=/srv/g/../h\n");
  put(f->etc, "h.conf", "[Target]\nRoot=/\n");
  put(f->etc, "z.conf", "[Target]\nRoot=/srv/z\n");
  g_autoptr(DplSites) sites = load(f);
  g_autofree char *all = told(f);
  g_autoptr(GString) wrong = g_string_new(all);
  g_string_replace(wrong, dir, "DIR", 0);

  g_assert_cmpstr(
      wrong->str, ==,
      "target 'a': 'srv/a' is no root: an absolute path without '..', '//' and a slash at the end, "
      "and not / itself\n"
      "target 'b': DIR/b.conf:3: unknown key 'Lables' in [Target]; did you mean Labels?\n"
      "target 'c': Labels=: 'x' is no KEY=VALUE; a key has letters, digits, '_' and '-'\n"
      "target 'd': Vars=: 'x' is here twice; which one counts?\n"
      "target 'e': '' is no root: an absolute path without '..', '//' and a slash at the end, and "
      "not / itself\n"
      "target 'f f': 'f f' is no name of a target: letters, digits, '.', '_', '-' and '@', at most "
      "64, not first '.' or '-'\n"
      "target 'g': '/srv/g/../h' is no root: an absolute path without '..', '//' and a slash at "
      "the end, and not / itself\n"
      "target 'h': '/' is no root: an absolute path without '..', '//' and a slash at the end, and "
      "not / itself");
  g_assert_cmpuint(dpl_sites_n(sites), ==, 1); /* the good one stays */
}

static void test_overlaps(Fixture *f, gconstpointer data) {
  g_autofree char *real = g_build_filename(f->top, "real", NULL);
  g_autofree char *alias = g_build_filename(f->top, "alias", NULL);
  g_autofree char *over = g_strdup_printf("[Target]\nRoot=%s/x\n", alias);
  g_autofree char *under = g_strdup_printf("[Target]\nRoot=%s/x/y\n", real);

  g_assert_cmpint(g_mkdir(real, 0700), ==, 0);
  g_assert_cmpint(symlink("real", alias), ==, 0);
  put(f->etc, "a.conf", "[Target]\nRoot=/srv/shop\n");
  put(f->etc, "b.conf", "[Target]\nRoot=/srv/shop\n");
  put(f->etc, "c.conf", "[Target]\nRoot=/srv/blog\n");
  put(f->etc, "d.conf", "[Target]\nRoot=/srv/blog/inner\n");
  put(f->etc, "e.conf", "[Target]\nRoot=/srv/blog-2\n"); /* only looks alike */
  put(f->etc, "f.conf", over);
  put(f->etc, "g.conf", under); /* through a link */
  g_autoptr(DplSites) sites = load(f);
  g_autofree char *all = told(f);
  g_auto(GStrv) lines = g_strsplit(all, "\n", -1);

  g_assert_cmpuint(g_strv_length(lines), ==, 6);
  g_assert_nonnull(strstr(all, "target 'a': its root /srv/shop and /srv/shop of target 'b' lie in "
                               "one another, so neither is used"));
  g_assert_nonnull(
      strstr(all, "target 'c': its root /srv/blog and /srv/blog/inner of target 'd' "));
  g_assert_nonnull(
      strstr(all, "target 'd': its root /srv/blog/inner and /srv/blog of target 'c' "));
  g_assert_nonnull(strstr(all, "target 'f': "));
  g_assert_nonnull(strstr(all, "target 'g': "));
  char *asked[] = {(char *)"d", NULL};
  const DplSelection selection = {.names = asked};
  g_autoptr(GError) error = NULL;
  g_assert_null(dpl_sites_select(sites, &selection, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  g_assert_true(
      g_str_has_prefix(error->message, "target 'd' is refused: its root /srv/blog/inner"));
  g_assert_cmpuint(dpl_sites_n(sites), ==, 1);
  g_assert_nonnull(dpl_sites_find(sites, "e"));
}

static void test_own(Fixture *f, gconstpointer data) {
  static const struct {
    const char *name, *root;
    gboolean good;
  } cases[] = {{"new", "/srv/new", TRUE},      {"shop", "/srv/shop", TRUE},
               {"shop", "/srv/other", FALSE},  {"new", "/srv/shop", FALSE},
               {"new", "/srv/shop/in", FALSE}, {"new", "/srv", FALSE}};

  put(f->etc, "shop.conf", "[Target]\nRoot=/srv/shop\n");
  g_autoptr(DplSites) sites = load(f);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(DplSite) site = dpl_site_new(cases[i].name, cases[i].root, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dpl_sites_may_add(sites, site, &error), ==, cases[i].good);
    if (!cases[i].good)
      g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
  }
}

/* names (space between), domain, labels -> names or the error */
static void expect(const DplSites *sites, const char *names, const char *domain, const char *labels,
                   const char *result) {
  DplSelection selection = {.names = names ? g_strsplit(names, " ", -1) : NULL,
                            .domain = g_strdup(domain),
                            .labels = labels ? dpl_pairs_parse(labels, NULL) : NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) list = dpl_sites_select(sites, &selection, &error);
  g_autofree char *got = list ? names_of(list) : g_strdup(error->message);

  g_assert_cmpstr(got, ==, result);
  dpl_selection_clear(&selection);
}

static void test_selection(Fixture *f, gconstpointer data) {
  put(f->etc, "web-1.conf", "[Target]\nRoot=/srv/w1\nDomain=web\nLabels=rack=1 tier=web\n");
  put(f->etc, "web-2.conf", "[Target]\nRoot=/srv/w2\nDomain=web\nLabels=rack=2 tier=web\n");
  put(f->etc, "db.conf", "[Target]\nRoot=/srv/db\nDomain=data\nLabels=rack=2\n");
  g_autoptr(DplSites) sites = load(f);

  expect(sites, "web-2 db web-2", NULL, NULL, "db web-2");
  expect(sites, NULL, "web", NULL, "web-1 web-2");
  expect(sites, NULL, NULL, "rack=2", "db web-2");
  expect(sites, NULL, "web", "rack=2", "web-2");
  expect(sites, NULL, NULL, NULL, "db web-1 web-2");
  expect(sites, "web-3", NULL, NULL, "no target 'web-3'; did you mean web-1 or web-2?");
  expect(sites, "zzz", NULL, NULL,
         "no target 'zzz'; targets.d has a file for each, see waggle-target(5)");
  expect(
      sites, NULL, "mail", "rack=9",
      "no target of the domain mail with these labels; there are 3 in all, see waggle-target(5)");
}

#define TEST(name) g_test_add("/targets/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  TEST(files);
  TEST(wrong);
  TEST(overlaps);
  TEST(own);
  TEST(selection);
  return g_test_run();
}
