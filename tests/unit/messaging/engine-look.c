/* engine-look.c: what tests look at: states, receipts, rows; see engine-fixture.h. */
#include "engine-fixture.h"

char *env_state(Env *env, MsgActor *actor, guint64 seq, const char *agent) {
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", seq, NULL));
  g_autoptr(GVariant) fields = g_variant_get_child_value(r, 0);
  g_autoptr(GVariant) list = g_variant_lookup_value(fields, "deliveries", G_VARIANT_TYPE("aa{sv}"));
  const char *name, *state;

  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    g_autoptr(GVariant) d = g_variant_get_child_value(list, i);
    g_assert_true(g_variant_lookup(d, "agent", "&s", &name));
    g_assert_true(g_variant_lookup(d, "state", "&s", &state));
    if (!agent || g_str_equal(agent, name))
      return g_strdup(state);
  }
  return g_strdup("none");
}

char *env_receipts(Env *env, MsgActor *actor, guint64 seq) {
  g_autoptr(GVariant) r =
      env_ok(env, actor, MSG_CALL_GET_RECEIPTS, g_variant_new("(ta{sv})", seq, NULL));
  g_autoptr(GVariant) list = g_variant_get_child_value(r, 0);
  GString *text = g_string_new(NULL);

  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    const char *agent, *state, *cause, *actor_text;
    guint64 time;
    g_variant_get_child(list, i, "(&s&st&s&s)", &agent, &state, &time, &cause, &actor_text);
    g_string_append_printf(text, "%s%s", text->len ? " " : "", state);
  }
  return g_string_free(text, FALSE);
}

static sqlite3 *look(Env *env) {
  sqlite3 *db;

  g_assert_cmpint(sqlite3_open_v2(env->path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  return db;
}

gint64 env_int(Env *env, const char *sql) {
  sqlite3 *db = look(env);
  sqlite3_stmt *stmt;

  g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
  gint64 v = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  return v;
}

void env_exec(Env *env, const char *sql) {
  sqlite3 *db = look(env);

  g_assert_null(env->writer);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close(db);
}

/* Runs as a job, on the writer's thread, where the engine may be looked at. */
static void check_agent(MsgEngine *e, MsgAgent *agent, MsgCounts *have) {
  MsgCounts c = agent->counts;

  g_assert_cmpuint(c.queued, ==, have->queued);
  g_assert_cmpuint(c.scheduled, ==, have->scheduled);
  g_assert_cmpuint(c.held, ==, have->held);
  g_assert_cmpuint(c.in_flight, ==, have->in_flight);
  g_assert_cmpuint(c.dead, ==, have->dead);
  g_assert_cmpuint(c.bytes, ==, have->bytes);
  g_assert_cmpuint(c.urgent, ==, have->urgent);
}

static void count_rows(MsgEngine *e, gboolean is_volatile, MsgCounts *have) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, is_volatile, "SELECT place, data FROM %s.live");

  while (msg_rare_row(e, stmt)) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    g_autoptr(MsgLive) live =
        msg_live_unpack(place, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1));
    g_assert_nonnull(live);
    g_assert_false(msg_state_is_final(live->state));
    MsgCounts *c = &have[msg_place_agent(place)];
    c->queued += live->state == MSG_STATE_QUEUED;
    c->urgent += live->state == MSG_STATE_QUEUED && msg_place_rank(place) <= 2; /* 9, 8, 7 */
    c->scheduled += live->state == MSG_STATE_SCHEDULED;
    c->held += live->state == MSG_STATE_HELD;
    c->in_flight += live->state == MSG_STATE_LEASED;
    c->bytes += live->size;
    MsgLease *lease = msg_lease_of(e, live);
    g_assert_true((live->state == MSG_STATE_LEASED) == (lease != NULL));
    g_assert_true(!lease || lease->agent->id == msg_place_agent(place));
    g_autoptr(MsgLive) done = msg_done_get(e, place);
    g_assert_null(done);
  }
  g_clear_pointer(&stmt, sqlite3_finalize);
  stmt = msg_rare_in(e, is_volatile, "SELECT place FROM %s.dead");
  while (msg_rare_row(e, stmt)) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    g_autoptr(MsgLive) done = msg_done_get(e, place);
    g_assert_nonnull(done);
    g_assert_cmpint(done->state, ==, MSG_STATE_DEAD);
    have[msg_place_agent(place)].dead++;
  }
}

static WgJobResult check_run(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;
  g_autofree MsgCounts *have = g_new0(MsgCounts, e->agents->len + 1);

  count_rows(e, FALSE, have);
  count_rows(e, TRUE, have);
  for (guint i = 0; i < e->agents->len; i++)
    if (e->agents->pdata[i])
      check_agent(e, e->agents->pdata[i], &have[i]);
  return WG_JOB_DONE;
}

static void check_done(WgJob *job) {
  ((MsgJob *)job)->appealed = TRUE;
}

void env_check(Env *env) {
  MsgJob job = {.job = {.run = check_run, .done = check_done}};

  wg_writer_submit(env->writer, &job.job);
  while (!job.appealed)
    g_main_context_iteration(NULL, TRUE);
  g_assert_no_error(job.job.error);
}
