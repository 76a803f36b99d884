/* engine-fixture.c: see engine-fixture.h. */
#include "engine-fixture.h"

#include "engine-couriers.h"

#include <glib/gstdio.h>
#include <string.h>

/* ---- life ---- */
void env_init(Env *env) {
  *env = (Env){
      .settings = {.max_body = 1024 * 1024,
                   .dedup_usec = G_TIME_SPAN_DAY,
                   .retention_usec = 7 * G_TIME_SPAN_DAY,
                   .default_lease = 5 * G_TIME_SPAN_MINUTE,
                   .max_lease = 12 * G_TIME_SPAN_HOUR,
                   .backoff_first = G_USEC_PER_SEC,
                   .backoff_max = 10 * G_TIME_SPAN_MINUTE,
                   .max_deliveries = 10,
                   .max_agents = 1000,
                   .max_agents_per_uid = 100,
                   .ageing_usec = G_TIME_SPAN_MINUTE,
                   .attempt_backoff_first = 5 * G_USEC_PER_SEC,
                   .attempt_backoff_max = 2 * G_TIME_SPAN_MINUTE,
                   .no_session_usec = 5 * G_USEC_PER_SEC,
                   .wake_couriers = TRUE},
      .clock = {.boot_id = "00000000000000000000000000000001",
                .boottime = 1000 * G_USEC_PER_SEC,
                .realtime = G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC},
  };
  env->dir = g_dir_make_tmp("waggle-engine-XXXXXX", NULL);
  g_assert_nonnull(env->dir);
  env->path = g_build_filename(env->dir, "messages.db", NULL);
  env->notes = g_ptr_array_new_with_free_func((GDestroyNotify)msg_note_free);
  wg_clock_set_fake(&env->clock);
  env_start(env);
}

static void take_notes(GPtrArray *notes, gpointer data) {
  Env *env = data;

  for (guint i = 0; i < notes->len; i++) {
    MsgNote *note = notes->pdata[i];
    if (note->kind == MSG_NOTE_WAKE)
      env->wake = note->time;
  }
  g_ptr_array_set_free_func(notes, NULL);
  g_ptr_array_extend_and_steal(env->notes, g_ptr_array_ref(notes));
}

static void state_changed(WgStoreState state, const char *text, const WgSalvage *salvage,
                          gpointer data) {
}

void env_start(Env *env) {
  g_autoptr(GError) error = NULL;
  WgStoreOptions options = {.path = env->path, .migrations = msg_migrations};

  env->wake = G_MAXINT64;
  env->store = wg_store_open(&options, NULL, &error);
  g_assert_no_error(error);
  env->engine = msg_engine_new(env->store, &env->settings, env->user_scope, &error);
  g_assert_no_error(error);
  g_autoptr(GPtrArray) initial = msg_engine_initial_notes(env->engine);
  take_notes(initial, env);
  env->writer = wg_writer_new(env->store, &msg_engine_funcs, env->engine, state_changed, env);
  msg_engine_set_writer(env->engine, env->writer, take_notes, env);
}

void env_flag_done(WgJob *job) {
  ((EnvFlag *)((MsgJob *)job)->owner)->done = TRUE;
}

/* FALSE: it failed. */
static gboolean run_plain(Env *env, WgJobResult (*run)(WgJob *, gpointer), MsgActor *actor) {
  EnvFlag flag = {FALSE};
  MsgJob job = {.job = {.run = run, .done = env_flag_done}, .actor = actor, .owner = &flag};

  wg_writer_submit(env->writer, &job.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
  gboolean ok = job.job.error == NULL;
  g_clear_error(&job.job.error);
  return ok;
}

void env_stop(Env *env) {
  run_plain(env, msg_run_drain, NULL);
  while (wg_writer_n_queued(env->writer) > 0)
    g_main_context_iteration(NULL, TRUE);
  g_clear_pointer(&env->writer, wg_writer_free);
  g_clear_pointer(&env->engine, msg_engine_free);
}

void env_restart(Env *env) {
  env_stop(env);
  env->clock.boottime += 1000; /* numbers of volatile messages come from the clock */
  env->clock.realtime += 1000;
  env_start(env);
}

void env_notes_clear(Env *env) {
  g_ptr_array_set_size(env->notes, 0);
}

guint env_count_notes(Env *env, MsgNoteKind kind) {
  guint n = 0;

  for (guint i = 0; i < env->notes->len; i++)
    n += ((MsgNote *)env->notes->pdata[i])->kind == kind;
  return n;
}

void env_clear(Env *env) {
  if (env->writer)
    env_stop(env);
  GDir *dir = g_dir_open(env->dir, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(env->dir, name, NULL);
    g_unlink(path);
  }
  if (dir)
    g_dir_close(dir);
  g_assert_cmpint(g_rmdir(env->dir), ==, 0);
  g_ptr_array_unref(env->notes);
  g_free(env->dir);
  g_free(env->path);
  wg_clock_set_fake(NULL);
}

/* ---- connections and time ---- */
MsgActor *env_actor(Env *env, uid_t uid) {
  return msg_actor_new(++env->last_caller, uid, 4711, "test.service");
}

void env_gone(Env *env, MsgActor *actor) {
  run_plain(env, msg_run_gone, actor);
}

void env_settle(Env *env) {
  for (guint i = 0; env->wake <= wg_clock_now(&env->engine->clock); i++) {
    g_assert_cmpuint(i, <, 10000);
    env->wake = G_MAXINT64;
    if (!run_plain(env, msg_run_tick, NULL))
      env->wake = 0; /* as the daemon does, but at once */
  }
}

void env_advance(Env *env, gint64 usec) {
  env->clock.boottime += usec;
  env->clock.realtime += usec;
  env->wake = 0;
  env_settle(env);
}

/* ---- calls ---- */
typedef struct {
  MsgCallJob job;
  Waiter *waiter;
} Call;

static void call_done(WgJob *job) {
  Call *call = (Call *)job;

  call->waiter->done = TRUE;
  call->waiter->error = g_steal_pointer(&job->error);
  call->waiter->result =
      call->job.offers ? env_offers_variant(call->job.offers) : g_steal_pointer(&call->job.result);
  g_clear_pointer(&call->job.offers, msg_offers_free);
  g_variant_unref(call->job.args);
  g_clear_pointer(&call->job.reports, g_array_unref);
  msg_actor_unref(call->job.base.actor);
  g_free(call);
}

static WgJobResult nothing(WgJob *job, gpointer engine) {
  return WG_JOB_DONE;
}

/* What was submitted has run: it is parked, when it waits. */
void env_barrier(Env *env) {
  run_plain(env, nothing, NULL);
}

Waiter *env_call_submit(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args) {
  Call *call = g_new0(Call, 1);

  call->waiter = g_new0(Waiter, 1);
  call->job.base.job.run = msg_run_call;
  call->job.base.job.done = call_done;
  call->job.base.actor = msg_actor_ref(actor);
  call->job.base.admin = actor->uid == 0;
  call->job.kind = kind;
  call->job.args = g_variant_ref_sink(args);
  if (kind == MSG_CALL_REPORT_ATTEMPT || kind == MSG_CALL_REPORT_ATTEMPTS) {
    g_variant_get_data(call->job.args); /* in one piece: its texts stay where they are */
    call->job.reports = env_reports(kind, call->job.args);
  }
  Waiter *waiter = call->waiter;
  wg_writer_submit(env->writer, &call->job.base.job);
  return waiter;
}

Waiter *env_call_start(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args) {
  Waiter *waiter = env_call_submit(env, actor, kind, args);

  env_barrier(env);
  return waiter;
}

void env_wait(Env *env, Waiter *waiter) {
  while (!waiter->done) {
    if (!g_main_context_iteration(NULL, FALSE)) {
      if (env->wake <= wg_clock_now(&env->engine->clock))
        env_settle(env);
      else
        g_main_context_iteration(NULL, TRUE);
    }
  }
}

void waiter_free(Waiter *w) {
  if (!w)
    return;
  g_clear_error(&w->error);
  g_clear_pointer(&w->deliveries, g_ptr_array_unref);
  g_clear_pointer(&w->result, g_variant_unref);
  g_free(w);
}

GVariant *env_call(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args, GError **error) {
  g_autoptr(Waiter) w = env_call_submit(env, actor, kind, args);

  env_wait(env, w);
  g_assert_true(w->error || w->result);
  if (w->error) { /* it may have had a result before its commit failed */
    g_propagate_error(error, g_steal_pointer(&w->error));
    return NULL;
  }
  return g_steal_pointer(&w->result);
}

GVariant *env_ok(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args) {
  g_autoptr(GError) error = NULL;
  GVariant *result = env_call(env, actor, kind, args, &error);

  g_assert_no_error(error);
  return result;
}

void env_refused(Env *env, MsgActor *actor, MsgCallKind kind, GVariant *args, WgErrorCode code) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) result = env_call(env, actor, kind, args, &error);

  g_assert_null(result);
  g_assert_error(error, WG_ERROR, (int)code);
}

void env_agent(Env *env, MsgActor *actor, const char *name, const char *options) {
  GVariant *o = g_variant_new_parsed(options ? options : "@a{sv} {}");
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_REGISTER_AGENT, g_variant_new("(s@a{sv})", name, o));
}
