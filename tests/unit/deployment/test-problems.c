/* test-problems.c: everything that is wrong with a manifest is told at once: its form, its texts
 * with the variables in them, and its checks; each once, at its line. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/manifest.h"

#include <string.h>

static DplSite *site(void) {
  DplSite *s = dpl_site_new("a", "/srv/a", NULL);

  g_hash_table_replace(s->vars, g_strdup("port"), g_strdup("8080"));
  return s;
}

static char *told(const char *text, const DplSite *s) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) m = dpl_manifest_parse(text, strlen(text), problems);

  g_assert_nonnull(m);
  g_assert_true(wg_problems_refuse(problems));
  dpl_manifest_judge_rest(m, s, problems);
  return wg_problems_text(problems, "f");
}

/* The n-th line of `text`, as often as it has to be. */
static void has_lines(const char *text, const char *const *lines) {
  g_autofree char *rest = g_strdup(text);
  g_auto(GStrv) split = g_strsplit(g_strchomp(rest), "\n", -1);

  for (guint i = 0; lines[i]; i++)
    if (split[i] == NULL || !g_str_has_prefix(split[i], lines[i]))
      g_error("line %u is not '%s' in:\n%s", i, lines[i], text);
  g_assert_cmpuint(g_strv_length(split), ==, g_strv_length((char **)lines));
}

#define WRONG                                                                                      \
  "name: shop\n"                                                                                   \
  "version: '1'\n"                                                                                 \
  "target: a\n"                                                                                    \
  "artefacts: [{source: t}]\n"                                                                     \
  "artifacts: [{source: t, sha256: short}]\n"                                                      \
  "backup: ['${nothing}']\n"                                                                       \
  "units: {start: shop.service}\n"                                                                 \
  "checks:\n"                                                                                      \
  "- http: 'nowhere:${port}'\n"                                                                    \
  "  samples: 0\n"                                                                                 \
  "- {file: relative}\n"                                                                           \
  "- {fyle: /x}\n"

static void test_all(void) {
  g_autoptr(DplSite) a = site();
  g_autofree char *text = told(WRONG, a);

  has_lines(text,
            (const char *const[]){
                "f:4: /artefacts: unknown key",
                "f:5: /artifacts/0/sha256: ", "f:6: /backup/0: at target a: unknown variable",
                "f:9: /checks/0/http: at target a: 'nowhere:8080'",
                "f:10: /checks/0/samples: at target a: ", "f:11: /checks/1/file: at target a: ",
                "f:12: /checks/2: at target a: ", NULL});
}

/* What the variables make of it is told beside a form that is wrong. */
static void test_expanded(void) {
  g_autoptr(DplSite) a = site();
  g_autofree char *text = told("name: shop\nversion: '1'\ntarget: a\nartifacts: [{source: t}]\n"
                               "wrong: 1\n"
                               "backup: ['rel/${port}']\n"
                               "checks: [{unit: shop}]\n",
                               a);

  has_lines(text, (const char *const[]){"f:5: /wrong: unknown key",
                                        "f:6: /backup: at target a: 'rel/8080' is no absolute path",
                                        NULL});
}

/* Without a target what has no variables in it is judged, and what has says that it was not. */
static void test_no_target(void) {
  static const char plain[] = "name: shop\nversion: '1'\ntarget: {name: 'a b'}\n"
                              "artifacts: [{source: t}]\n"
                              "checks: [{file: relative}]\n";
  static const char open[] = "name: shop\nversion: '1'\ntarget: {name: 'a b'}\n"
                             "artifacts: [{source: t}]\n"
                             "checks: [{file: '${x}'}]\n";
  g_autofree char *text = told(plain, NULL), *unsure = told(open, NULL);

  has_lines(text,
            (const char *const[]){"f:3: /target/name: ", "f:5: /checks/0/file: 'relative'", NULL});
  has_lines(unsure,
            (const char *const[]){
                "f:3: /target/name: ", "f:5: warning: /checks: the checks are judged once", NULL});
}

/* Half-filled ones are no danger to those who read on. */
static void test_odd(void) {
  static const char *const texts[] = {
      "5",
      "[]",
      "name: 5\nchecks: 7\nvars: 3\nunits: 4\nsettle: {}\n",
      "units: {start: 5}\nsettle: {for: 1s}\nchecks: [{unit: a}]\nvars: [1]\n",
      "budgets: {verify: never}\nchecks: [3, null, {}]\ngroups: 1\nwaivers: x\ndefaults: 1\n",
      "settle: 5\ntarget: 9\n",
      "hooks: {pre-switch: [1]}\nstate: 4\nrequire: {ports-free: x}\nsettle: {units: []}\n",
  };
  g_autoptr(DplSite) a = site();

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *one = told(texts[i], a), *other = told(texts[i], NULL);
    g_assert_true(*one && *other);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/problems/all", test_all);
  g_test_add_func("/problems/expanded", test_expanded);
  g_test_add_func("/problems/no-target", test_no_target);
  g_test_add_func("/problems/odd", test_odd);
  return g_test_run();
}
