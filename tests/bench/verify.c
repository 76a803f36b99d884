/* verify.c: how long 1,000 cheap checks take: files, listening ports, users and units in equal
 * parts, the units asked of a manager on a private bus. The limit is a second; the best of three
 * runs counts, since other programs run on the machine too. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "unit/checks/manager-fixture.h"

#include "checks/runner.h"

#include <stdio.h>

#define PART 250
#define LIMIT_USEC G_USEC_PER_SEC

typedef struct {
  GMainLoop *loop;
  ChkReport *report;
} Running;

static void on_done(ChkReport *report, gpointer user_data) {
  Running *r = user_data;

  r->report = report;
  g_main_loop_quit(r->loop);
}

static void make_files(const char *directory) {
  for (guint i = 0; i < PART; i++) {
    g_autofree char *file = g_strdup_printf("%s/file%u", directory, i);
    g_assert_true(g_file_set_contents(file, "content\n", -1, NULL));
  }
}

static ChkPlan *plan_of(const char *directory) {
  g_autoptr(GString) yaml = g_string_new("checks:\n");
  g_autoptr(WgProblems) problems = wg_problems_new();

  for (guint i = 0; i < PART; i++) {
    g_autofree char *file = g_strdup_printf("%s/file%u", directory, i);
    g_string_append_printf(yaml, "- {file: '%s', expect: {size: 8, mode: {at-most: '0666'}}}\n",
                           file);
    g_string_append_printf(yaml, "- {port: 'tcp:%u', expect: {listening: false}}\n", 20000 + i);
    g_string_append_printf(yaml, "- {user: root, name: u%u, expect: {uid: 0, home: {starts: /}}}\n",
                           i);
    g_string_append_printf(yaml, "- {unit: u%u.service, expect: {running: true, restarts: 0}}\n",
                           i);
  }
  g_autoptr(WgDoc) doc = wg_doc_parse(yaml->str, yaml->len, WG_DOC_YAML, problems);
  g_assert_nonnull(doc);
  ChkPlan *plan = chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems);
  g_assert_nonnull(plan);
  return plan;
}

static guint64 run(Manager *manager, ChkPlan *plan) {
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  Running r = {.loop = loop};
  ChkRunOptions options = {.done = on_done, .user_data = &r};

  chk_run_start(manager->world, plan, &options);
  g_main_loop_run(loop);
  g_autoptr(ChkReport) report = r.report;
  if (report->summary.pass != 4 * PART)
    g_error("only %u of %u passed", report->summary.pass, 4 * PART);
  return report->duration;
}

int main(int argc, char **argv) {
  g_autofree char *directory = g_dir_make_tmp("waggle-bench-XXXXXX", NULL);
  Manager manager;
  guint64 best = G_MAXUINT64;

  manager_up(&manager);
  for (guint i = 0; i < PART; i++) {
    g_autofree char *unit = g_strdup_printf("u%u.service", i);
    manager_set(&manager, unit,
                "{'LoadState': <'loaded'>, 'ActiveState': <'active'>, 'SubState': <'running'>, "
                "'UnitFileState': <'enabled'>, 'NRestarts': <uint32 0>}");
  }
  make_files(directory);
  gint64 began = g_get_monotonic_time();
  g_autoptr(ChkPlan) plan = plan_of(directory);
  guint64 load = (guint64)(g_get_monotonic_time() - began);
  for (guint i = 0; i < 3; i++)
    best = MIN(best, run(&manager, plan));
  printf("verify: 1000 cheap checks (files, ports, users, units) in %.1f ms, read in %.1f ms; the "
         "limit is 1000 ms\n",
         (double)best / 1000, (double)load / 1000);
  for (guint i = 0; i < PART; i++) {
    g_autofree char *file = g_strdup_printf("%s/file%u", directory, i);
    remove(file);
  }
  remove(directory);
  manager_down(&manager);
  return best > LIMIT_USEC;
}
