/* test-engine-many.c: many targets, confirmations over restarts and reboots, leases, poison. */
#include "engine-world.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)

static void ok(const GError *error, gpointer data) {
  g_assert_no_error(error);
  ((World *)data)->n_answers++;
}

static void not_ok(const GError *error, gpointer data) {
  g_assert_nonnull(error);
  ((World *)data)->n_refused++;
}

static void fail_target(World *w, guint target) {
  for (;;) {
    DplAct *act = NULL;
    for (guint i = 0; i < w->acts->len; i++)
      if (world_target(((DplAct *)w->acts->pdata[i])->record) == target)
        act = w->acts->pdata[i];
    if (act != NULL && act->step == DPL_STEP_VERIFY) {
      world_end_act(w, act, FALSE);
      return;
    }
    if (act != NULL)
      world_end_act(w, act, TRUE);
    else
      world_write(w);
  }
}

/* ---- rollouts ---- */
static void test_parallel(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .parallel = 2};

  world_deploy(w, 0, 4, &request, 0);
  g_assert_cmpuint(w->puts->len, ==, 1); /* all of it in one write */
  world_write(w);
  world_turn(w);
  g_assert_cmpuint(w->acts->len, ==, 2);
  guint most = 0;
  while (dpl_engine_busy(w->engine)) {
    most = MAX(most, w->acts->len + w->puts->len);
    if (w->acts->len > 0)
      world_end_act(w, w->acts->pdata[w->acts->len - 1], TRUE);
    else
      world_write(w);
  }
  g_assert_cmpuint(most, <=, 3); /* two, and a line of the rollout itself */
  g_assert_cmpuint(w->ended->len, ==, 4);
  g_assert_cmpint(w->last_exit, ==, 0);
  world_free(w);
}

static void test_break_off(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .parallel = 2, .max_failures = 1};

  world_deploy(w, 0, 4, &request, 0);
  world_write(w);
  world_turn(w);
  fail_target(w, 0);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  g_assert_cmpint(world_state(w, 2), ==, DPL_STATE_DONE); /* it ran: it ends by itself */
  g_assert_cmpint(world_state(w, 3), ==, DPL_STATE_ABORTED);
  g_assert_cmpint(world_state(w, 4), ==, DPL_STATE_ABORTED);
  g_autoptr(DplRecord) third = world_record(w, 3);
  g_assert_nonnull(strstr(third->failure, "not started"));
  g_assert_cmpint(w->last_exit, ==, 5);
  g_assert_cmpuint(w->n_jobs_ended, ==, 1);
  world_free(w);
}

/* After a restart what had not begun is aborted, and the rollout still gets its end. */
static void test_rollout_killed(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .parallel = 1};

  world_deploy(w, 0, 3, &request, 0);
  world_run(w, DPL_STEP_CLEAN);
  world_kill(w, NULL);
  world_boot(w);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_DONE);
  g_assert_cmpint(world_state(w, 2), ==, DPL_STATE_ABORTED);
  g_assert_cmpuint(w->n_jobs_ended, ==, 1);
  g_assert_cmpint(w->last_exit, ==, 1);
  world_free(w);
}

static void test_cancel_job(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .parallel = 1};

  world_deploy(w, 0, 3, &request, 0);
  world_run(w, DPL_STEP_STAGE);
  g_assert_true(dpl_engine_cancel_job(w->engine, 1, "uid:0", NULL));
  world_run(w, -1);
  for (guint64 id = 1; id <= 3; id++)
    g_assert_cmpint(world_state(w, id), ==, DPL_STATE_ABORTED);
  g_assert_false(dpl_engine_cancel_job(w->engine, 1, "uid:0", NULL));
  world_free(w);
}

/* A good end of a roll-back that was asked for is not 0 either. */
static void test_asked_rollback(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .kind = DPL_KIND_ROLLBACK};

  world_deploy(w, 0, 1, &request, 0);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_DONE);
  g_assert_cmpint(w->last_exit, ==, 5);
  world_free(w);
}

/* ---- the lock ---- */
static void test_busy(void) {
  World *w = world_new();

  world_deploy(w, 1, 1, NULL, 0);
  world_deploy(w, 1, 1, NULL, 0); /* the first is not even on the disk yet */
  g_assert_error(w->last_error, WG_ERROR, WG_ERROR_TARGET_BUSY);
  g_assert_nonnull(strstr(w->last_error->message, "deployment 1 of uid:1000 since 20"));
  world_deploy(w, 0, 2, NULL, 0); /* one of two is busy: none begins */
  g_assert_cmpuint(w->n_refused, ==, 2);
  g_assert_null(dpl_engine_holder(w->engine, "t0"));
  world_run(w, -1);
  g_assert_null(dpl_engine_holder(w->engine, "t1"));
  world_deploy(w, 1, 1, NULL, 0);
  g_assert_cmpuint(w->n_refused, ==, 2);
  world_free(w);
}

static void test_refused_creation(void) {
  World *w = world_new();

  w->shut = TRUE;
  world_deploy(w, 0, 2, NULL, 0);
  world_write(w);
  world_turn(w);
  g_assert_error(w->last_error, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_false(dpl_engine_busy(w->engine));
  g_assert_null(dpl_engine_holder(w->engine, "t0"));
  world_free(w);
}

/* The first time it was stored and nobody knew; then the disk was full. What the caller was refused
 * gets an end on the disk as soon as there is room, and holds its target until then. */
static void test_refused_in_doubt(void) {
  World *w = world_new();

  w->doubts = 1;
  w->shut = TRUE;
  world_deploy(w, 0, 2, NULL, 0);
  world_write(w);
  world_turn(w);
  world_write(w);
  world_turn(w);
  g_assert_error(w->last_error, WG_ERROR, WG_ERROR_STORE_FULL);
  g_assert_cmpuint(w->n_refused, ==, 1);
  g_assert_nonnull(dpl_engine_holder(w->engine, "t0"));
  w->shut = FALSE;
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ABORTED);
  g_assert_cmpint(world_state(w, 2), ==, DPL_STATE_ABORTED);
  g_assert_false(dpl_engine_busy(w->engine));
  g_assert_cmpuint(w->n_refused, ==, 1);
  world_free(w);
}

/* ---- leases ---- */
static void hold(guint step, DplState expected) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .caller = 7, .hold = TRUE};

  w->current[0] = g_strdup("old");
  world_deploy(w, 0, 1, &request, 60 * SECOND);
  world_run(w, (int)step);
  dpl_engine_caller_gone(w->engine, 8); /* somebody else */
  g_assert_cmpuint(w->puts->len, ==, 0);
  dpl_engine_caller_gone(w->engine, 7);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, expected);
  g_assert_cmpstr(w->current[0], ==, "old");
  world_free(w);
}

static void test_hold(void) {
  hold(DPL_STEP_STAGE, DPL_STATE_ABORTED);
  hold(DPL_STEP_SWITCH, DPL_STATE_ROLLED_BACK);
  hold(DPL_STEP_VERIFY, DPL_STATE_ROLLED_BACK);
  hold(_DPL_STEP_MAX, DPL_STATE_ROLLED_BACK); /* verified: it waited */
}

/* The connection goes while the rollout is on its way to the disk. */
static void test_hold_early(void) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .caller = 7, .hold = TRUE};

  world_deploy(w, 0, 2, &request, 0);
  dpl_engine_caller_gone(w->engine, 7);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ABORTED);
  g_assert_cmpint(world_state(w, 2), ==, DPL_STATE_ABORTED);
  world_free(w);
}

/* ---- confirmation ---- */
static World *waiting(gint64 confirm, gboolean held) {
  World *w = world_new();
  DplRequest request = {.who = "uid:1", .caller = 7, .hold = held};

  w->current[0] = g_strdup("old");
  world_deploy(w, 0, 1, &request, confirm);
  g_assert_null(world_run(w, -1));
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_VERIFIED);
  return w;
}

static void test_confirm(void) {
  World *w = waiting(60 * SECOND, FALSE);

  world_pass(w, 59 * SECOND);
  dpl_engine_confirm(w->engine, 1, "uid:0", ok, w);
  g_assert_cmpuint(w->n_answers, ==, 0); /* not before it is on the disk */
  dpl_engine_confirm(w->engine, 1, "uid:0", not_ok, w);
  world_write(w);
  g_assert_cmpuint(w->n_answers, ==, 1);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_DONE);
  dpl_engine_confirm(w->engine, 1, "uid:0", not_ok, w);
  g_assert_cmpuint(w->n_refused, ==, 2);
  world_free(w);
}

static void test_confirm_never(void) {
  World *w = waiting(60 * SECOND, FALSE);

  world_pass(w, 60 * SECOND - 1);
  g_assert_cmpuint(w->puts->len, ==, 0);
  world_pass(w, 1);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  g_assert_cmpstr(w->current[0], ==, "old");
  world_free(w);
}

/* The deadline counts over restarts, setting the clock, and reboots. */
static void test_confirm_restart(void) {
  World *w = waiting(60 * SECOND, FALSE);

  world_kill(w, NULL);
  world_pass(w, 30 * SECOND);
  w->fake.realtime += 3600 * SECOND; /* somebody set the clock */
  world_boot(w);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_VERIFIED);
  world_pass(w, 30 * SECOND - 1);
  g_assert_cmpuint(w->puts->len, ==, 0);
  world_pass(w, 1);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  world_free(w);
}

static void reboot(World *w, gint64 off) {
  WgClock clock;
  gboolean is_new;

  world_kill(w, NULL);
  w->fake.boot_id = "00000000000000000000000000000002";
  w->fake.realtime += off;
  w->fake.boottime = 5 * SECOND;
  g_assert_true(wg_clock_init(&clock, w->clock.boot_id, w->clock.base, wg_clock_now(&w->clock),
                              &is_new, NULL));
  w->clock = clock;
  world_boot(w);
}

static void test_confirm_reboot(void) {
  World *w = waiting(60 * SECOND, FALSE);

  reboot(w, 20 * SECOND);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_VERIFIED);
  dpl_engine_confirm(w->engine, 1, "uid:0", ok, w);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_DONE);
  world_free(w);
}

static void test_confirm_reboot_late(void) {
  World *w = waiting(60 * SECOND, FALSE);

  reboot(w, 61 * SECOND);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  world_free(w);
}

static void test_hold_restart(void) {
  World *w = waiting(60 * SECOND, TRUE);

  world_kill(w, NULL);
  world_boot(w);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 1), ==, DPL_STATE_ROLLED_BACK);
  world_free(w);
}

/* ---- poison ---- */
static void deploy_digest(World *w, gboolean force) {
  DplRequest request = {.who = "uid:1", .unit = "bad-digest", .force = force};

  world_deploy(w, 0, 1, &request, 0);
}

static void test_poison(void) {
  World *w = world_new();

  deploy_digest(w, FALSE);
  world_end_act(w, world_run(w, DPL_STEP_VERIFY), FALSE);
  world_run(w, -1);
  g_assert_cmpint(dpl_engine_poisoned(w->engine, "bad-digest"), >, 0);
  deploy_digest(w, FALSE);
  world_run(w, -1);
  g_autoptr(DplRecord) second = world_record(w, 2);
  g_assert_cmpint(second->state, ==, DPL_STATE_ABORTED);
  g_assert_nonnull(strstr(second->failure, "force"));
  world_kill(w, NULL); /* it is remembered */
  world_boot(w);
  deploy_digest(w, FALSE);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 3), ==, DPL_STATE_ABORTED);
  deploy_digest(w, TRUE);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 4), ==, DPL_STATE_DONE);
  world_pass(w, 1001 * SECOND);
  deploy_digest(w, FALSE);
  world_run(w, -1);
  g_assert_cmpint(world_state(w, 5), ==, DPL_STATE_DONE);
  world_free(w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deployment/many/parallel", test_parallel);
  g_test_add_func("/deployment/many/break-off", test_break_off);
  g_test_add_func("/deployment/many/killed", test_rollout_killed);
  g_test_add_func("/deployment/many/cancel", test_cancel_job);
  g_test_add_func("/deployment/many/asked-rollback", test_asked_rollback);
  g_test_add_func("/deployment/lock/busy", test_busy);
  g_test_add_func("/deployment/lock/refused-creation", test_refused_creation);
  g_test_add_func("/deployment/lock/refused-in-doubt", test_refused_in_doubt);
  g_test_add_func("/deployment/hold/gone", test_hold);
  g_test_add_func("/deployment/hold/early", test_hold_early);
  g_test_add_func("/deployment/hold/restart", test_hold_restart);
  g_test_add_func("/deployment/confirm/in-time", test_confirm);
  g_test_add_func("/deployment/confirm/never", test_confirm_never);
  g_test_add_func("/deployment/confirm/restart", test_confirm_restart);
  g_test_add_func("/deployment/confirm/reboot", test_confirm_reboot);
  g_test_add_func("/deployment/confirm/reboot-late", test_confirm_reboot_late);
  g_test_add_func("/deployment/poison", test_poison);
  return g_test_run();
}
