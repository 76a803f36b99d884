/* test-engine.c: the engine, case by case: the way forward, the table of states after a kill in
 * each of them, cancels, budgets, refused writes. Rollouts, confirmations and poison are in
 * test-engine-many.c. */
#include "engine-world.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)

static void confirmed(const GError *error, gpointer data) {
  g_assert_no_error(error);
  ((World *)data)->n_answers++;
}

static void deploy(World *w, gint64 confirm, gboolean migrates) {
  DplRequest request = {.who = "uid:1000", .pid = migrates};

  world_deploy(w, 0, 1, &request, confirm);
  world_write(w);
  world_turn(w);
  g_assert_cmpuint(w->n_created, ==, 1);
}

static void test_good(void) {
  World *w = world_new();

  deploy(w, 0, TRUE);
  g_assert_null(world_run(w, -1));
  g_autoptr(DplRecord) r = world_record(w, 1);
  g_assert_cmpint(r->state, ==, DPL_STATE_DONE);
  g_assert_cmpstr(w->current[0], ==, "release-1");
  g_assert_cmpstr(dpl_engine_good(w->engine, "t0"), ==, "release-1");
  /* one write a state, and one for the creation that is the first */
  g_assert_cmpint(r->writes, ==, 12);
  g_assert_cmpuint(w->n_jobs_ended, ==, 1);
  g_assert_cmpint(w->last_exit, ==, 0);
  g_assert_false(dpl_engine_busy(w->engine));
  world_free(w);
}

/* Every action may fail; the end says where it was, and nothing is left half. */
static void test_failing(void) {
  for (guint step = 0; step < DPL_STEP_UNDO; step++) {
    World *w = world_new();
    w->current[0] = g_strdup("old");
    deploy(w, 0, TRUE);
    DplAct *act = world_run(w, (int)step);
    g_assert_nonnull(act);
    DplState state = act->record->state;
    world_end_act(w, act, FALSE);
    world_run(w, -1);
    g_autoptr(DplRecord) r = world_record(w, 1);
    if (state >= DPL_STATE_COMMITTED) { /* it stays; what failed is told */
      g_assert_cmpint(r->state, ==, DPL_STATE_DONE);
      g_assert_cmpint(w->last_exit, ==, 0);
    } else {
      g_assert_cmpint(r->state, ==,
                      dpl_states[state].changed ? DPL_STATE_ROLLED_BACK : DPL_STATE_ABORTED);
      g_assert_cmpint(w->last_exit, ==, dpl_states[state].changed ? 5 : 1);
      g_assert_cmpstr(w->current[0], ==, "old");
      g_assert_nonnull(strstr(r->failure, "it went wrong"));
      g_assert_false(w->half[0]);
    }
    world_free(w);
  }
}

/* The table of states, walked: a kill while each state's action runs. */
static DplState expected_after_kill(DplState state) {
  switch (dpl_states[state].crash) {
  case DPL_CRASH_DISCARD:
    return DPL_STATE_ABORTED;
  case DPL_CRASH_CONTINUE:
    return DPL_STATE_DONE;
  case DPL_CRASH_FINISH_OR_UNDO:
  case DPL_CRASH_ROLL_BACK:
  case DPL_CRASH_WAIT: /* nobody confirms */
    return DPL_STATE_ROLLED_BACK;
  case DPL_CRASH_REDO:
    return state == DPL_STATE_ROLLING_BACK ? DPL_STATE_ROLLED_BACK : DPL_STATE_DONE;
  case DPL_CRASH_NOTHING:
    break;
  }
  g_assert_not_reached();
}

static void reach(World *w, DplState state) {
  if (state == DPL_STATE_VERIFIED) {
    g_assert_null(world_run(w, -1));
    return;
  }
  if (state == DPL_STATE_ROLLING_BACK)
    world_end_act(w, world_run(w, DPL_STEP_VERIFY), FALSE);
  if (state > DPL_STATE_VERIFIED && state < DPL_STATE_ROLLING_BACK) {
    g_assert_null(world_run(w, -1));
    dpl_engine_confirm(w->engine, 1, "uid:0", confirmed, w);
  }
  g_assert_nonnull(world_run(w, (int)dpl_step_of(state)));
}

/* `effect`: whether the action had done its work already. */
static void kill_in(DplState state, gboolean effect) {
  World *w = world_new();

  w->current[0] = g_strdup("old");
  deploy(w, 60 * SECOND, TRUE);
  reach(w, state);
  g_assert_cmpint(world_state(w, 1), ==, state);
  if (!effect)
    g_ptr_array_set_size(w->acts, 0);
  world_kill(w, NULL);
  world_boot(w);
  world_run(w, -1);
  if (world_state(w, 1) == DPL_STATE_VERIFIED && state != DPL_STATE_VERIFIED)
    dpl_engine_confirm(w->engine, 1, "uid:0", confirmed, w);
  else
    world_pass(w, 61 * SECOND);
  world_run(w, -1);
  g_test_message("%s", dpl_states[state].name);
  g_assert_cmpint(world_state(w, 1), ==, expected_after_kill(state));
  g_assert_cmpstr(w->current[0], ==,
                  expected_after_kill(state) == DPL_STATE_DONE ? "release-1" : "old");
  world_free(w);
}

static void test_kill(void) {
  for (guint i = 0; i < _DPL_STATE_MAX; i++)
    if (!dpl_states[i].is_end) {
      kill_in((DplState)i, FALSE);
      kill_in((DplState)i, TRUE);
    }
}

/* A staged tree is not gone on with when its time is over. */
static void test_kill_late(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  reach(w, DPL_STATE_STAGED);
  world_kill(w, NULL);
  world_pass(w, DPL_DEPLOY_MAX);
  world_boot(w);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ABORTED);
  world_free(w);
}

/* A transaction that takes the daemon down with it cannot do so for ever. */
static void test_loop(void) {
  static const DplState states[] = {DPL_STATE_STAGING, DPL_STATE_STAGED, DPL_STATE_CLEANING,
                                    DPL_STATE_ROLLING_BACK};

  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    World *w = world_new();
    guint n = 0;
    deploy(w, states[i] == DPL_STATE_CLEANING ? 60 * SECOND : 0, FALSE);
    reach(w, states[i]);
    for (; n < 100 && dpl_engine_busy(w->engine); n++) {
      world_kill(w, NULL);
      world_boot(w);
      while (w->acts->len == 0 && w->puts->len > 0)
        world_write(w);
    }
    g_assert_cmpuint(n, <=, DPL_WRITES_MAX + 2);
    g_assert_cmpint(world_state(w, 1), ==,
                    states[i] == DPL_STATE_CLEANING       ? DPL_STATE_DONE
                    : states[i] == DPL_STATE_ROLLING_BACK ? DPL_STATE_ROLLBACK_FAILED
                                                          : DPL_STATE_ABORTED);
    if (states[i] == DPL_STATE_ROLLING_BACK)
      g_assert_cmpuint(n, ==, DPL_ROLLBACK_TRIES);
    world_free(w);
  }
}

/* ---- cancel ---- */
static void test_cancel(void) {
  for (guint i = 0; i < _DPL_STATE_MAX; i++) {
    DplState state = (DplState)i;
    if (dpl_states[state].is_end)
      continue;
    World *w = world_new();
    g_autoptr(GError) error = NULL;
    w->current[0] = g_strdup("old");
    deploy(w, 60 * SECOND, TRUE);
    reach(w, state);
    gboolean may = dpl_engine_cancel(w->engine, 1, "uid:0", &error);
    g_assert_true(may == (state < DPL_STATE_COMMITTED));
    if (!may)
      g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_STATE);
    if (may && state != DPL_STATE_VERIFIED)
      g_assert_true(g_cancellable_is_cancelled(world_act(w)->cancel));
    world_run(w, -1);
    g_assert_cmpint(world_state(w, 1), ==,
                    may ? dpl_states[state].changed ? DPL_STATE_ROLLED_BACK : DPL_STATE_ABORTED
                        : expected_after_kill(state));
    world_free(w);
  }
}

/* While a state is on its way to the disk there is no action to end. */
static void test_cancel_writing(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  world_end_act(w, world_act(w), TRUE);
  g_assert_cmpuint(w->puts->len, ==, 1);
  g_assert_true(dpl_engine_cancel(w->engine, 1, "uid:0", NULL));
  world_write(w);
  g_assert_cmpint(world_act(w)->step, ==, DPL_STEP_DISCARD);
  g_assert_false(dpl_engine_cancel(w->engine, 1, "uid:0", NULL));
  world_run(w, -1);
  g_autoptr(DplRecord) r = world_record(w, 1);
  g_assert_cmpint(r->state, ==, DPL_STATE_ABORTED);
  g_assert_cmpstr(r->failure, ==, "cancelled by uid:0");
  g_assert_false(dpl_engine_cancel(w->engine, 1, "uid:0", NULL));
  world_free(w);
}

/* ---- budgets ---- */
static void test_budget(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  DplAct *act = world_run(w, DPL_STEP_START);
  g_autoptr(DplRecord) r = world_record(w, 1);
  g_assert_cmpint(r->reserve, ==, DPL_ROLLBACK_MAX / 4);
  gint64 left = (gint64)dpl_act_left(act);
  g_assert_cmpint(left, ==, DPL_DEPLOY_MAX - r->reserve);
  world_pass(w, left - 1);
  g_assert_false(g_cancellable_is_cancelled(act->cancel));
  world_pass(w, 1);
  g_assert_true(g_cancellable_is_cancelled(act->cancel));
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  world_free(w);
}

static void test_verify_budget(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  g_assert_nonnull(world_run(w, DPL_STEP_START));
  world_pass(w, 100 * SECOND); /* deploying does not eat the time of verifying */
  DplAct *act = world_run(w, DPL_STEP_VERIFY);
  world_pass(w, DPL_VERIFY_MAX - DPL_ROLLBACK_MAX / 4);
  g_assert_true(g_cancellable_is_cancelled(act->cancel));
  world_run(w, -1);
  g_autoptr(DplRecord) r = world_record(w, 1);
  g_assert_cmpint(r->state, ==, DPL_STATE_ROLLED_BACK);
  g_assert_nonnull(strstr(r->failure, "verifying"));
  world_free(w);
}

/* An undo that hangs ends with the roll-back's budget, and nothing more is tried. */
static void test_rollback_budget(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  reach(w, DPL_STATE_ROLLING_BACK);
  world_pass(w, DPL_ROLLBACK_MAX);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLBACK_FAILED);
  g_assert_cmpint(w->last_exit, ==, 6);
  g_assert_cmpuint(dpl_engine_frozen(w->engine, "t0"), ==, 1);
  world_deploy(w, 0, 1, NULL, 0); /* no more changes until somebody has looked */
  g_assert_error(w->last_error, WG_ERROR, WG_ERROR_INVALID_STATE);
  world_free(w);
}

static void test_tries(void) {
  World *w = world_new();

  deploy(w, 0, FALSE);
  reach(w, DPL_STATE_ROLLING_BACK);
  for (guint i = 0; i < DPL_ROLLBACK_TRIES; i++)
    world_end_act(w, world_run(w, DPL_STEP_UNDO), FALSE);
  g_assert_null(world_run(w, -1));
  g_autoptr(DplRecord) r = world_record(w, 1);
  g_assert_cmpint(r->state, ==, DPL_STATE_ROLLBACK_FAILED);
  g_assert_cmpint(r->tries, ==, DPL_ROLLBACK_TRIES);
  world_free(w);
}

static void test_measured(void) {
  DplRecord r = {.budget_deploy = 60 * SECOND};
  gint64 some[] = {5 * SECOND, 1 * SECOND, 3 * SECOND};

  g_assert_cmpint(dpl_budget_p95(some, 3), ==, 5 * SECOND);
  g_assert_cmpint(dpl_budget_p95(NULL, 0), ==, 0);
  dpl_budget_begin(&r, 5 * SECOND);
  g_assert_cmpint(r.reserve, ==, 10 * SECOND);
  g_assert_cmpint(r.budget_verify, ==, DPL_VERIFY_MAX);
  dpl_budget_begin(&r, 100 * SECOND); /* never more than half of the least budget */
  g_assert_cmpint(r.reserve, ==, 30 * SECOND);
  r = (DplRecord){.budget_deploy = 3600 * SECOND, .budget_rollback = 3600 * SECOND};
  dpl_budget_begin(&r, 0); /* no manifest has more than the maxima */
  g_assert_cmpint(r.budget_deploy, ==, DPL_DEPLOY_MAX);
  g_assert_cmpint(r.budget_rollback, ==, DPL_ROLLBACK_MAX);
}

/* ---- a disk that refuses ---- */
static void test_refused(void) {
  for (guint i = 0; i < DPL_STATE_ROLLING_BACK + 1; i++) {
    World *w = world_new();
    w->current[0] = g_strdup("old");
    deploy(w, 60 * SECOND, TRUE);
    reach(w, (DplState)i);
    w->shut = TRUE;
    for (guint k = 0; k < 12; k++) {
      world_run(w, -1);
      world_pass(w, SECOND);
    }
    /* a bad release does not stay because the disk is full; a verified one may */
    if (i >= DPL_STATE_MIGRATING && i < DPL_STATE_VERIFIED)
      g_assert_cmpstr(w->current[0], ==, "old");
    g_assert_true(dpl_engine_busy(w->engine)); /* its end is not told before it is written */
    g_assert_cmpuint(w->ended->len, ==, 0);
    w->shut = FALSE;
    world_pass(w, 70 * SECOND);
    for (guint k = 0; k < 3; k++, world_pass(w, 70 * SECOND))
      world_run(w, -1);
    g_assert_false(dpl_engine_busy(w->engine));
    DplState end = world_state(w, 1);
    g_assert_cmpint(end, ==,
                    !dpl_states[i].changed                                ? DPL_STATE_ABORTED
                    : i == DPL_STATE_COMMITTED || i == DPL_STATE_CLEANING ? DPL_STATE_DONE
                                                                          : DPL_STATE_ROLLED_BACK);
    world_free(w);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deployment/engine/good", test_good);
  g_test_add_func("/deployment/engine/failing", test_failing);
  g_test_add_func("/deployment/engine/kill", test_kill);
  g_test_add_func("/deployment/engine/kill-late", test_kill_late);
  g_test_add_func("/deployment/engine/loop", test_loop);
  g_test_add_func("/deployment/engine/cancel", test_cancel);
  g_test_add_func("/deployment/engine/cancel-writing", test_cancel_writing);
  g_test_add_func("/deployment/engine/budget", test_budget);
  g_test_add_func("/deployment/engine/budget-verify", test_verify_budget);
  g_test_add_func("/deployment/engine/budget-rollback", test_rollback_budget);
  g_test_add_func("/deployment/engine/tries", test_tries);
  g_test_add_func("/deployment/engine/measured", test_measured);
  g_test_add_func("/deployment/engine/refused", test_refused);
  return g_test_run();
}
