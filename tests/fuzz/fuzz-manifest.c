/* fuzz-manifest.c: any bytes as a manifest. It is refused with problems that have a pointer and one
 * line; or it is what its header promises, also for a target, and what is kept of it reads back as
 * the same. Variables in it never make more than they may. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/diff.h"
#include "deployment/manifest.h"
#include "deployment/state-contract.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const WgProblems *problems) {
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *problem = wg_problems_at(problems, i);
    g_assert_true(*problem->pointer == '\0' || *problem->pointer == '/');
    g_assert_true(*problem->text && g_utf8_validate(problem->text, -1, NULL));
    g_assert_null(strpbrk(problem->text, "\n\r\033"));
  }
}

/* Whatever is in it, a program that goes by it stays within its bounds. */
static void check_manifest(const DplManifest *m) {
  g_assert_true(dpl_name_valid(m->name) && *m->version);
  g_assert_cmpuint(strlen(m->hash), ==, 64);
  g_assert_cmpuint(m->artifacts->len, >=, 1);
  g_assert_cmpuint(m->budgets.deploy, <=, (guint64)5 * 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(m->budgets.verify, <=, (guint64)10 * 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(m->budgets.rollback, <=, (guint64)2 * 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(m->budgets.rollback, >=, G_USEC_PER_SEC);
  g_assert_cmpuint(m->strategy.parallel, >=, 1);
  g_assert_cmpuint(m->retention.count, >=, 1);
  g_assert_cmpuint(m->poison_days, <=, 365);
  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    for (guint k = 0; k < m->hooks[i]->len; k++)
      g_assert_nonnull(((DplHook *)m->hooks[i]->pdata[k])->command[0]);
  g_assert_true(m->own_target || m->target.names || m->target.domain || m->target.labels);
}

static void check_strict(const DplManifest *m) {
  for (guint i = 0; m->backup[i]; i++)
    g_assert_true(g_path_is_absolute(m->backup[i]) && !strstr(m->backup[i], "/../"));
  for (guint i = 0; i < m->configuration->len; i++)
    g_assert_false(g_path_is_absolute(((DplConfiguration *)m->configuration->pdata[i])->file));
  for (guint i = 0; m->require.ports[i]; i++) {
    guint64 port = g_ascii_strtoull(m->require.ports[i], NULL, 10);
    g_assert_true(port >= 1 && port <= 65535);
  }
}

static void check_for(const DplManifest *m) {
  g_autoptr(DplSite) site = dpl_site_new("fuzz", "/srv/fuzz", NULL);
  g_autoptr(WgProblems) problems = wg_problems_new();
  DplStatePlan plan;

  g_hash_table_insert(site->vars, g_strdup("port"), g_strdup("${port}"));
  g_autoptr(DplManifest) made = dpl_manifest_for(m, site, problems);
  check_problems(problems);
  g_assert_true((made == NULL) == wg_problems_refuse(problems));
  if (!made)
    return;
  check_manifest(made);
  check_strict(made);
  g_autofree char *text = dpl_manifest_text(made);
  g_autoptr(DplManifest) kept = dpl_manifest_from_text(text, made->hash, NULL);
  g_assert_nonnull(kept);
  g_autofree char *again = dpl_manifest_text(kept);
  g_assert_cmpstr(again, ==, text);
  g_autofree char *verify = dpl_manifest_verify_text(made, site, "R");
  g_autofree char *later = dpl_manifest_verify_text(kept, kept->own_target, "R");
  g_assert_cmpstr(verify, ==, later);
  if (made->state.directory) /* over itself there is always a way back, or a reason */
    dpl_state_contract(made, kept, &plan, NULL);
}

/* One that was refused is judged on, and stays refused. */
static void check_rest(const uint8_t *data, size_t size, gboolean is_good) {
  g_autoptr(DplSite) site = dpl_site_new("fuzz", "/srv/fuzz", NULL);

  for (guint i = 0; i < 2; i++) {
    g_autoptr(WgProblems) problems = wg_problems_new();
    g_autoptr(DplManifest) m = dpl_manifest_parse((const char *)data, size, problems);
    g_assert_true(wg_problems_refuse(problems) == !is_good);
    if (m)
      dpl_manifest_judge_rest(m, i ? site : NULL, problems);
    check_problems(problems);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplManifest) m = dpl_manifest_load((const char *)data, size, problems);
  g_autofree char *half = g_strndup((const char *)data, size / 2);
  g_autofree char *whole = g_strndup((const char *)data, size);
  g_auto(GStrv) diff = dpl_diff(half, whole);

  check_problems(problems);
  g_assert_true((m == NULL) == wg_problems_refuse(problems));
  check_rest(data, size, m != NULL);
  if (m) {
    check_manifest(m);
    check_for(m);
  }
  return 0;
}
