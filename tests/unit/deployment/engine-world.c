/* engine-world.c: see engine-world.h. */
#include "engine-world.h"

#include <string.h>

typedef struct {
  GPtrArray *records; /* of DplRecord */
  DplJob *job;
  DplState from;
  gboolean is_new;
  gint64 poison_until;
  gboolean good;
  DplPutFunc done;
  gpointer data;
} WorldPut;

static void put_free(gpointer data) {
  WorldPut *put = data;

  g_ptr_array_unref(put->records);
  dpl_job_free(put->job);
  g_free(put);
}

static void record_free(gpointer data) {
  dpl_record_free(data);
}

static guint64 *key_of(guint64 id) {
  return g_memdup2(&id, sizeof id);
}

guint world_target(const DplRecord *record) {
  return (guint)(record->target[1] - '0');
}

DplRecord *world_record(World *w, guint64 id) {
  const char *text = g_hash_table_lookup(w->disk, &id);

  g_assert_nonnull(text);
  return dpl_record_from_text(text, NULL);
}

DplState world_state(World *w, guint64 id) {
  g_autoptr(DplRecord) record = world_record(w, id);

  return record->state;
}

/* ---- the disk ---- */
static void put(gpointer self, const DplWrite *writes, guint n, DplPutFunc done, gpointer data) {
  World *w = self;
  WorldPut *one = g_new0(WorldPut, 1);

  one->records = g_ptr_array_new_with_free_func(record_free);
  one->from = writes[0].from;
  one->is_new = writes[0].is_new;
  one->poison_until = writes[0].poison_until;
  one->good = writes[0].good;
  one->job = writes[0].job != NULL ? dpl_job_copy(writes[0].job) : NULL;
  one->done = done;
  one->data = data;
  for (guint i = 0; i < n; i++)
    if (writes[i].record != NULL)
      g_ptr_array_add(one->records, dpl_record_copy(writes[i].record));
  g_ptr_array_add(w->puts, one);
}

static const DplLedger ledger = {.put = put};

static void keep_target(World *w, const WorldPut *one, const DplRecord *r) {
  DplTarget *target = g_hash_table_lookup(w->remembered.targets, r->target);

  if (target == NULL) {
    target = dpl_target_new(r->target, r->root);
    g_hash_table_insert(w->remembered.targets, target->name, target);
  }
  if (one->good)
    dpl_record_set(&target->good, r->to);
  if (one->poison_until > 0)
    g_hash_table_replace(w->remembered.poison, g_strdup(r->digest),
                         g_memdup2(&one->poison_until, sizeof(gint64)));
}

static void keep(World *w, const WorldPut *one, const DplRecord *r) {
  const char *old = g_hash_table_lookup(w->disk, &r->id);

  g_assert_true((old == NULL) == one->is_new);
  if (old != NULL) {
    g_autoptr(DplRecord) before = dpl_record_from_text(old, NULL);
    /* a roll-back that went on while the disk refused it is written with its end only */
    gboolean skipped = one->from == DPL_STATE_ROLLING_BACK && before->state != one->from;
    g_assert_true(skipped || before->state == one->from);
    g_assert_true(dpl_state_may_follow(one->from, r->state));
    g_assert_cmpint(r->writes, >, before->writes);
  }
  g_assert_cmpint(r->writes, <=, DPL_WRITES_MAX + 3);
  g_assert_cmpint(r->tries, <=, DPL_ROLLBACK_TRIES);
  g_hash_table_replace(w->disk, key_of(r->id), dpl_record_to_text(r));
  keep_target(w, one, r);
}

static void apply(World *w, const WorldPut *one) {
  for (guint i = 0; i < one->records->len; i++)
    keep(w, one, one->records->pdata[i]);
  if (one->job != NULL)
    g_hash_table_replace(w->jobs, key_of(one->job->id), dpl_job_to_text(one->job));
}

void world_write(World *w) {
  g_autoptr(GPtrArray) puts = w->puts;
  g_autoptr(GError) full = g_error_new_literal(WG_ERROR, WG_ERROR_STORE_FULL, "the disk is full");
  g_autoptr(GError) doubt = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, "the sync failed");

  w->puts = g_ptr_array_new_with_free_func(put_free);
  for (guint i = 0; i < puts->len; i++) {
    WorldPut *one = puts->pdata[i];
    gboolean is_doubtful = w->doubts > 0;
    if (!w->shut || is_doubtful)
      apply(w, one);
    w->doubts -= is_doubtful;
    one->done(is_doubtful ? doubt : w->shut ? full : NULL, one->data);
  }
}

/* ---- the steps ---- */
static void check_durable(World *w, const DplAct *act) {
  g_autoptr(DplRecord) r = world_record(w, act->record->id);
  DplCrash crash = dpl_states[r->state].crash;

  if (act->step == DPL_STEP_DISCARD)
    g_assert_false(dpl_states[r->state].changed);
  else if (dpl_step_of(act->record->state) == DPL_STEP_UNDO && r->state != DPL_STATE_ROLLING_BACK)
    g_assert_true(crash == DPL_CRASH_ROLL_BACK || crash == DPL_CRASH_FINISH_OR_UNDO);
  else
    g_assert_cmpint(r->state, ==, act->record->state);
}

static void begin(gpointer self, DplAct *act) {
  World *w = self;
  guint64 id = act->record->id;

  check_durable(w, act);
  g_assert_cmpint(act->deadline, >, wg_clock_now(&w->clock));
  for (guint i = 0; i < w->acts->len; i++)
    g_assert_cmpstr(((DplAct *)w->acts->pdata[i])->record->target, !=, act->record->target);
  if (act->step == DPL_STEP_UNDO) {
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(w->undos, &id)) + 1;
    g_assert_cmpuint(n, <=, DPL_ROLLBACK_TRIES);
    g_hash_table_replace(w->undos, key_of(id), GUINT_TO_POINTER(n));
  }
  g_ptr_array_add(w->acts, act);
}

static void drop(gpointer self, gpointer work) {
  g_free(work);
}

static const DplSteps steps = {.begin = begin, .drop = drop};

/* What the action does to the world; also when it is killed half-way. */
static void effect(World *w, const DplAct *act) {
  const DplRecord *r = act->record;
  guint t = world_target(r);

  if (act->step == DPL_STEP_MIGRATE || act->step == DPL_STEP_START)
    w->half[t] = TRUE;
  if (act->step == DPL_STEP_SWITCH) {
    g_assert_nonnull(r->intent); /* how to undo it is on the disk */
    dpl_record_set(&w->current[t], r->to);
  }
  if (act->step == DPL_STEP_UNDO) {
    dpl_record_set(&w->current[t], r->from);
    w->half[t] = FALSE;
  }
}

static void find_out(World *w, DplAct *act) {
  DplRecord *r = act->record;

  if (*act->work == NULL)
    *act->work = g_strdup("memory of the steps");
  if (act->step == DPL_STEP_STAGE) {
    g_autofree char *release = g_strdup_printf("release-%" G_GUINT64_FORMAT, r->id);
    if (r->to == NULL)
      dpl_record_set(&r->to, release);
    dpl_record_set(&r->digest, r->version != NULL ? r->version : release);
  }
  if (act->step == DPL_STEP_PREPARE) {
    dpl_record_set(&r->from, w->current[world_target(r)]);
    dpl_record_set(&r->intent, "{}");
  }
  if (act->step == DPL_STEP_VERIFY)
    w->half[world_target(r)] = FALSE;
}

void world_end_act(World *w, DplAct *act, gboolean well) {
  GError *error = NULL;

  g_assert_true(g_ptr_array_remove(w->acts, act));
  if (well) {
    effect(w, act);
    find_out(w, act);
  } else
    error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, "it went wrong");
  act->poison = !well && act->step == DPL_STEP_VERIFY;
  dpl_act_done(act, error);
  world_turn(w);
}

DplAct *world_act(World *w) {
  return w->acts->len > 0 ? w->acts->pdata[0] : NULL;
}

DplAct *world_run(World *w, int until) {
  for (guint i = 0; i < 1000; i++) {
    DplAct *act = world_act(w);
    if (act != NULL && (int)act->step == until)
      return act;
    if (act != NULL)
      world_end_act(w, act, !g_cancellable_is_cancelled(act->cancel));
    else if (w->puts->len > 0)
      world_write(w);
    else
      return NULL;
  }
  g_assert_not_reached();
}

/* ---- events ---- */
static void on_state(const DplRecord *record, DplState from, gpointer data) {
  World *w = data;

  if (dpl_states[record->state].is_end)
    g_ptr_array_add(w->ended, dpl_record_copy(record));
}

static void on_job(const DplJob *job, gpointer data) {
  World *w = data;

  if (job->result == NULL)
    return;
  w->n_jobs_ended++;
  w->last_exit = (int)job->exit;
}

static void on_wake(gint64 lasting, gpointer data) {
  ((World *)data)->wake = lasting;
}

void world_pass(World *w, gint64 usec) {
  w->fake.boottime += usec;
  w->fake.realtime += usec;
  if (w->engine == NULL)
    return;
  if (w->wake <= wg_clock_now(&w->clock))
    dpl_engine_tick(w->engine);
  for (guint i = 0; i < w->acts->len; i++) {
    const DplAct *act = w->acts->pdata[i];
    if (wg_clock_now(&w->clock) >= act->deadline)
      g_assert_true(g_cancellable_is_cancelled(act->cancel));
  }
  world_turn(w);
}

void world_turn(World *w) {
  while (g_main_context_iteration(NULL, FALSE))
    ;
}

/* ---- its life ---- */
World *world_new(void) {
  World *w = g_new0(World, 1);
  gboolean is_new;

  w->fake = (WgClockFake){.boot_id = "00000000000000000000000000000001",
                          .boottime = G_USEC_PER_SEC,
                          .realtime = 1700000000 * (gint64)G_USEC_PER_SEC};
  wg_clock_set_fake(&w->fake);
  g_assert_true(wg_clock_init(&w->clock, NULL, 0, 0, &is_new, NULL));
  w->disk = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  w->jobs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  w->undos = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  w->before = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  w->puts = g_ptr_array_new_with_free_func(put_free);
  w->acts = g_ptr_array_new();
  w->ended = g_ptr_array_new_with_free_func(record_free);
  w->wake = G_MAXINT64;
  dpl_loaded_init(&w->remembered);
  world_boot(w);
  return w;
}

void world_boot(World *w) {
  g_auto(DplLoaded) loaded = {0};
  DplEngineOptions options = {
      .clock = &w->clock,
      .ledger = &ledger,
      .ledger_self = w,
      .steps = &steps,
      .steps_self = w,
      .events = {.state = on_state, .job = on_job, .wake = on_wake},
      .events_data = w,
  };

  g_assert_null(w->engine);
  world_load(w, &loaded);
  w->engine = dpl_engine_new(&options, &loaded);
  dpl_engine_recover(w->engine);
  world_turn(w);
}

void world_kill(World *w, GRand *rand) {
  for (guint i = 0; i < w->acts->len; i++)
    if (rand == NULL || g_rand_boolean(rand))
      effect(w, w->acts->pdata[i]);
  for (guint i = 0; i < w->puts->len; i++)
    if (rand != NULL && g_rand_boolean(rand))
      apply(w, w->puts->pdata[i]);
  g_ptr_array_set_size(w->acts, 0);
  g_ptr_array_set_size(w->puts, 0);
  g_clear_pointer(&w->engine, dpl_engine_free);
  world_turn(w);
}

void world_free(World *w) {
  world_kill(w, NULL);
  for (guint i = 0; i < WORLD_TARGETS; i++)
    g_free(w->current[i]);
  g_hash_table_unref(w->disk);
  g_hash_table_unref(w->jobs);
  g_hash_table_unref(w->undos);
  g_hash_table_unref(w->before);
  g_ptr_array_unref(w->puts);
  g_ptr_array_unref(w->acts);
  g_ptr_array_unref(w->ended);
  dpl_loaded_clear(&w->remembered);
  g_clear_error(&w->last_error);
  wg_clock_set_fake(NULL);
  g_free(w);
}

static void on_created(const DplJob *job, const GError *error, gpointer data) {
  World *w = data;

  g_assert_true((job == NULL) != (error == NULL));
  w->n_created += job != NULL;
  w->n_refused += job == NULL;
  g_clear_error(&w->last_error);
  if (error != NULL)
    w->last_error = g_error_copy(error);
  else
    w->next_job = job->id;
}

void world_deploy(World *w, guint first, guint n, const DplRequest *options, gint64 confirm) {
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(record_free);
  DplRequest request = options != NULL ? *options : (DplRequest){.who = "uid:1000"};

  for (guint i = first; i < first + n; i++) {
    DplRecord *r = g_new0(DplRecord, 1);
    r->target = g_strdup_printf("t%u", i);
    r->root = g_strdup_printf("/srv/t%u", i);
    r->budget_confirm = confirm;
    r->poison = 1000 * (gint64)G_USEC_PER_SEC;
    r->version = g_strdup(request.unit); /* tests name the digest by it */
    r->migrates = request.pid == 1;
    g_ptr_array_add(records, r);
  }
  request.records = records;
  dpl_engine_create(w->engine, &request, on_created, w);
}
