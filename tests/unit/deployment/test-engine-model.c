/* test-engine-model.c: the engine against random schedules: outcomes, kills, refused writes, time
 * that jumps, cancels, confirmations and connections that go, in any order. What must hold at each
 * instant is checked by the world (engine-world.c); here it is checked that every transaction gets
 * an end, and that the target then is what the end says. */
#include "engine-world.h"

#define SCHEDULES 400
#define MOVES 160

/* Its end says what has to be current. */
static void check_end(World *w, const DplRecord *r, GHashTable *checked) {
  const char *current = w->current[world_target(r)];
  const char *before = g_hash_table_lookup(w->before, &r->id);

  if (!dpl_states[r->state].is_end || g_hash_table_contains(checked, &r->id))
    return;
  g_hash_table_add(checked, g_memdup2(&r->id, sizeof r->id));
  if (r->state == DPL_STATE_DONE)
    g_assert_cmpstr(current, ==, r->to);
  else if (r->state == DPL_STATE_ABORTED)
    g_assert_cmpstr(current, ==, before);
  else if (r->state == DPL_STATE_ROLLED_BACK) {
    g_assert_cmpstr(current, ==, r->from);
    g_assert_cmpstr(current, ==, before);
  }
  if (r->state != DPL_STATE_ROLLBACK_FAILED)
    g_assert_false(w->half[world_target(r)]);
  w->half[world_target(r)] = FALSE; /* somebody has looked after it */
  g_assert_true(r->state == DPL_STATE_DONE || r->failure != NULL || r->cause != NULL);
}

static void check_ends(World *w, GHashTable *checked) {
  GHashTableIter iter;
  gpointer text;

  g_hash_table_iter_init(&iter, w->disk);
  while (g_hash_table_iter_next(&iter, NULL, &text)) {
    g_autoptr(DplRecord) r = dpl_record_from_text(text, NULL);
    check_end(w, r, checked);
  }
}

/* Lock: at most one that has not ended a target, on the disk as well. */
static void check_locks(World *w) {
  GHashTableIter iter;
  gpointer text;
  guint live[WORLD_TARGETS] = {0};

  g_hash_table_iter_init(&iter, w->disk);
  while (g_hash_table_iter_next(&iter, NULL, &text)) {
    g_autoptr(DplRecord) r = dpl_record_from_text(text, NULL);
    live[world_target(r)] += !dpl_states[r->state].is_end;
  }
  for (guint i = 0; i < WORLD_TARGETS; i++)
    g_assert_cmpuint(live[i], <=, 1);
}

static void note_before(World *w) {
  GHashTableIter iter;
  gpointer key, text;

  g_hash_table_iter_init(&iter, w->disk);
  while (g_hash_table_iter_next(&iter, &key, &text)) {
    g_autoptr(DplRecord) r = dpl_record_from_text(text, NULL);
    if (!g_hash_table_contains(w->before, key))
      g_hash_table_insert(w->before, g_memdup2(key, sizeof(guint64)),
                          g_strdup(w->current[world_target(r)]));
  }
}

static guint64 any_id(World *w, GRand *rand) {
  return (guint64)g_rand_int_range(rand, 1, (gint32)g_hash_table_size(w->disk) + 2);
}

static void answered(const GError *error, gpointer data) {
  ((World *)data)->n_answers++;
}

static void deploy(World *w, GRand *rand) {
  guint first = (guint)g_rand_int_range(rand, 0, WORLD_TARGETS);
  guint n = (guint)g_rand_int_range(rand, 1, (gint32)(WORLD_TARGETS - first) + 1);
  DplRequest request = {
      .who = "uid:1000",
      .caller = 7,
      .hold = g_rand_int_range(rand, 0, 4) == 0,
      .force = TRUE,
      .parallel = (guint)g_rand_int_range(rand, 0, 3),
      .max_failures = (guint)g_rand_int_range(rand, 0, 3),
      .pid = g_rand_int_range(rand, 0, 2), /* migrates */
  };

  world_deploy(w, first, n, &request, g_rand_boolean(rand) ? 60 * (gint64)G_USEC_PER_SEC : 0);
}

static void end_some_act(World *w, GRand *rand) {
  if (w->acts->len == 0)
    return;
  DplAct *act = w->acts->pdata[g_rand_int_range(rand, 0, (gint32)w->acts->len)];
  gboolean well = !g_cancellable_is_cancelled(act->cancel) && g_rand_int_range(rand, 0, 12) != 0;

  /* one that failed may have done its work all the same; an undo that did is no failure */
  if (!well && act->step != DPL_STEP_UNDO && act->step != DPL_STEP_SWITCH &&
      act->step < DPL_STEP_COMMIT && g_rand_boolean(rand))
    w->half[world_target(act->record)] = dpl_states[act->record->state].changed;
  world_end_act(w, act, well);
}

static void move(World *w, GRand *rand) {
  static const gint64 spans[] = {1000, G_USEC_PER_SEC, 20 * (gint64)G_USEC_PER_SEC,
                                 200 * (gint64)G_USEC_PER_SEC};
  guint what = (guint)g_rand_int_range(rand, 0, 100);

  if (what < 45)
    end_some_act(w, rand);
  else if (what < 75)
    world_write(w);
  else if (what < 80)
    deploy(w, rand);
  else if (what < 88)
    world_pass(w, spans[g_rand_int_range(rand, 0, G_N_ELEMENTS(spans))]);
  else if (what < 90)
    w->fake.realtime += g_rand_int_range(rand, -1000, 1000) * (gint64)G_USEC_PER_SEC;
  else if (what < 92)
    w->shut = !w->shut;
  else if (what < 94)
    dpl_engine_cancel(w->engine, any_id(w, rand), "uid:0", NULL);
  else if (what < 97)
    dpl_engine_confirm(w->engine, any_id(w, rand), "uid:0", answered, w);
  else if (what < 98)
    dpl_engine_caller_gone(w->engine, 7);
  else {
    world_kill(w, rand);
    world_boot(w);
  }
  world_turn(w);
}

static void calm_down(World *w) {
  w->shut = FALSE;
  for (guint i = 0; i < 50 && dpl_engine_busy(w->engine); i++) {
    world_run(w, -1);
    world_pass(w, 30 * (gint64)G_USEC_PER_SEC);
  }
  g_assert_false(dpl_engine_busy(w->engine));
  g_assert_cmpuint(w->acts->len, ==, 0);
}

static void test_schedule(guint32 seed, guint ends[_DPL_STATE_MAX]) {
  World *w = world_new();
  GRand *rand = g_rand_new_with_seed(seed);
  g_autoptr(GHashTable) checked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer id;

  for (guint i = 0; i < MOVES; i++) {
    move(w, rand);
    note_before(w);
    check_locks(w);
    check_ends(w, checked);
  }
  calm_down(w);
  check_ends(w, checked);
  g_assert_cmpuint(g_hash_table_size(checked), ==, g_hash_table_size(w->disk));
  g_hash_table_iter_init(&iter, checked);
  while (g_hash_table_iter_next(&iter, &id, NULL))
    ends[world_state(w, *(guint64 *)id)]++;
  g_rand_free(rand);
  world_free(w);
}

static void test_model(void) {
  guint ends[_DPL_STATE_MAX] = {0};
  const char *given = g_getenv("WAGGLE_TEST_SEED");
  guint32 first = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 10) : 1;
  guint n = given != NULL ? 1 : SCHEDULES;

  for (guint i = 0; i < n; i++) {
    g_test_message("seed %u", first + i);
    test_schedule(first + i, ends);
  }
  /* the schedules are worth something only if they get everywhere */
  for (guint i = 0; i < _DPL_STATE_MAX && n > 1; i++) {
    if (dpl_states[i].is_end)
      g_test_message("%s: %u", dpl_states[i].name, ends[i]);
    g_assert_true(!dpl_states[i].is_end || ends[i] > 10);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deployment/engine/model", test_model);
  return g_test_run();
}
