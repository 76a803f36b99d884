/* run-fixture.c: see run-fixture.h. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "run-fixture.h"

#include "fake-types.h"

typedef struct {
  GMainLoop *loop;
  GHashTable *told;
  ChkReport *report;
  ChkRun *run;
} Running;

static void on_result(const ChkResult *result, gpointer user_data) {
  Running *r = user_data;

  g_assert_true(g_hash_table_add(r->told, (gpointer)result->check));
}

static void on_done(ChkReport *report, gpointer user_data) {
  Running *r = user_data;

  g_assert_null(r->report);
  r->report = report;
  g_main_loop_quit(r->loop);
}

static gboolean on_cancel(gpointer user_data) {
  chk_run_cancel(((Running *)user_data)->run, "cancelled");
  return G_SOURCE_REMOVE;
}

ChkReport *run_plan(ChkPlan *plan, const RunOptions *options) {
  g_autoptr(ChkWorld) world = chk_world_new(TRUE, NULL);
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL);
  Running r = {.loop = loop, .told = told};
  ChkRunOptions o = options ? options->options : (ChkRunOptions){0};

  o.result = on_result;
  o.done = on_done;
  o.user_data = &r;
  r.run = chk_run_start(world, plan, &o);
  if (options && options->cancel_after)
    g_timeout_add((guint)(options->cancel_after / 1000), on_cancel, &r);
  g_main_loop_run(loop);
  g_assert_cmpuint(g_hash_table_size(told), ==, plan->checks->len);
  g_assert_cmpuint(r.report->results->len, ==, plan->checks->len);
  return r.report;
}

ChkReport *run_json(const char *json) {
  g_autoptr(ChkPlan) plan = fake_plan(json);

  return run_plan(plan, NULL);
}

const ChkResult *run_result(const ChkReport *report, const char *name) {
  int i = chk_plan_find(report->plan, name);

  g_assert_cmpint(i, >=, 0);
  return g_ptr_array_index(report->results, (guint)i);
}
