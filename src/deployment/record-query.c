/* record-query.c: see record-query.h. Each question is a job of the writer's thread that reads into
 * memory of its own and answers from done(). */
#include "deployment/record-query.h"

#include "common/error.h"

#define LIST_MAX 100

typedef struct {
  WgJob job;
  DplStore *store;
  guint64 id;
  char *target, *release, *not_release, *state;
  char **here; /* NULL: any */
  gint64 since;
  guint64 of_job;
  gboolean active;
  guint max;
  DplRecord *record;
  JsonNode *node;
  DplFoundFunc found;
  DplJsonFunc json;
  gpointer user_data;
} Query;

static void query_done(WgJob *job) {
  Query *q = (Query *)job;

  if (q->found != NULL)
    q->found(q->job.error == NULL ? q->record : NULL, q->job.error, q->user_data);
  else
    q->json(q->job.error == NULL ? q->node : NULL, q->job.error, q->user_data);
  g_free(q->target);
  g_free(q->release);
  g_free(q->not_release);
  g_strfreev(q->here);
  g_free(q->state);
  dpl_record_free(q->record);
  g_clear_pointer(&q->node, json_node_unref);
  g_clear_error(&q->job.error);
  g_free(q);
}

static Query *query_new(DplStore *store, WgJobResult (*run)(WgJob *, gpointer), gpointer data) {
  Query *q = g_new0(Query, 1);

  q->job.run = run;
  q->job.done = query_done;
  q->store = store;
  q->user_data = data;
  return q;
}

static DplRecord *record_at(DplStore *store, sqlite3_stmt *stmt) {
  const char *text = wg_records_checked(store, "txn", sqlite3_column_int64(stmt, 0),
                                        (const char *)sqlite3_column_text(stmt, 1),
                                        (guint32)sqlite3_column_int64(stmt, 2));

  return text != NULL ? dpl_record_from_text(text, NULL) : NULL;
}

/* ---- one ---- */
static WgJobResult run_record(WgJob *job, gpointer engine) {
  Query *q = (Query *)job;
  g_autoptr(WgStatement) stmt =
      wg_records_statement(q->store, "SELECT id, record, crc FROM txn WHERE id = ?1");

  g_clear_pointer(&q->record, dpl_record_free);
  if (stmt == NULL)
    return WG_JOB_DONE;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)q->id);
  if (wg_records_row(q->store, stmt))
    q->record = record_at(q->store, stmt);
  return WG_JOB_DONE;
}

void dpl_query_record(DplStore *store, guint64 id, DplFoundFunc found, gpointer user_data) {
  Query *q = query_new(store, run_record, user_data);

  q->id = id;
  q->found = found;
  wg_writer_submit(wg_records_writer(store), &q->job);
}

static gboolean is_wanted(const Query *q, const DplRecord *r) {
  return r->to != NULL &&
         (q->release == NULL || g_str_equal(q->release, r->to) ||
          g_strcmp0(q->release, r->version) == 0) &&
         g_strcmp0(q->not_release, r->to) != 0 &&
         (q->here == NULL || g_strv_contains((const char *const *)q->here, r->to));
}

/* What served before `not_release` was deployed, newest first. A release that was left by a
 * roll-back lies after that: a second roll-back goes further back and not to it again. Where the
 * deployment of `not_release` is not known any more, the newest other one. */
static void find_release(Query *q, WgStatement *stmt) {
  g_autoptr(DplRecord) any = NULL;
  gboolean before = q->not_release == NULL;

  while (q->record == NULL && wg_records_row(q->store, stmt)) {
    g_autoptr(DplRecord) r = record_at(q->store, stmt);
    if (r == NULL)
      continue;
    if (is_wanted(q, r) && before)
      q->record = g_steal_pointer(&r);
    else if (is_wanted(q, r) && any == NULL)
      any = g_steal_pointer(&r);
    else if (r->kind == DPL_KIND_DEPLOY && g_strcmp0(q->not_release, r->to) == 0)
      before = TRUE;
  }
  if (!before)
    q->record = g_steal_pointer(&any);
}

static WgJobResult run_release(WgJob *job, gpointer engine) {
  Query *q = (Query *)job;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      q->store, "SELECT id, record, crc FROM txn WHERE target = ?1 AND state IN"
                " ('done', 'committed', 'cleaning') ORDER BY id DESC");

  g_clear_pointer(&q->record, dpl_record_free);
  if (stmt == NULL)
    return WG_JOB_DONE;
  sqlite3_bind_text(stmt, 1, q->target, -1, SQLITE_STATIC);
  find_release(q, stmt);
  return WG_JOB_DONE;
}

void dpl_query_release(DplStore *store, const char *target, const char *release,
                       const char *not_release, const char *const *here, DplFoundFunc found,
                       gpointer user_data) {
  Query *q = query_new(store, run_release, user_data);

  q->target = g_strdup(target);
  q->release = g_strdup(release);
  q->not_release = g_strdup(not_release);
  q->here = g_strdupv((char **)here);
  q->found = found;
  wg_writer_submit(wg_records_writer(store), &q->job);
}

/* ---- many ---- */
static JsonNode *take_array(JsonArray *array) {
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  json_node_take_array(node, array);
  return node;
}

static WgJobResult run_list(WgJob *job, gpointer engine) {
  Query *q = (Query *)job;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      q->store, "SELECT id, record, crc FROM txn WHERE (?1 IS NULL OR target = ?1)"
                " AND (?2 IS NULL OR state = ?2) AND created >= ?3 AND (?4 = 0 OR live = 1)"
                " AND (?5 = 0 OR job = ?5) ORDER BY id DESC LIMIT ?6");
  JsonArray *array = json_array_new();

  g_clear_pointer(&q->node, json_node_unref);
  q->node = take_array(array);
  if (stmt == NULL)
    return WG_JOB_DONE;
  sqlite3_bind_text(stmt, 1, q->target, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, q->state, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, q->since);
  sqlite3_bind_int(stmt, 4, q->active);
  sqlite3_bind_int64(stmt, 5, (sqlite3_int64)q->of_job);
  sqlite3_bind_int(stmt, 6, (int)q->max);
  while (wg_records_row(q->store, stmt)) {
    g_autoptr(DplRecord) r = record_at(q->store, stmt);
    if (r == NULL)
      continue;
    JsonObject *object = dpl_record_to_json(r);
    json_object_remove_member(object, "manifest");
    json_object_remove_member(object, "intent");
    json_array_add_object_element(array, object);
  }
  return WG_JOB_DONE;
}

void dpl_query_list(DplStore *store, const DplListOptions *options, DplJsonFunc done,
                    gpointer user_data) {
  Query *q = query_new(store, run_list, user_data);

  q->target = g_strdup(options->target);
  q->state = g_strdup(options->state);
  q->since = options->since;
  q->of_job = options->job;
  q->active = options->active;
  q->max = options->max != 0 ? options->max : LIST_MAX;
  q->json = done;
  wg_writer_submit(wg_records_writer(store), &q->job);
}

/* ---- everything of one ---- */
static void set_text(JsonObject *object, const char *key, sqlite3_stmt *stmt, int column) {
  const char *text = (const char *)sqlite3_column_text(stmt, column);

  if (text != NULL)
    json_object_set_string_member(object, key, text);
}

static JsonArray *transitions_of(Query *q) {
  JsonArray *array = json_array_new();
  g_autoptr(WgStatement) stmt = wg_records_statement(
      q->store,
      "SELECT time, before, after, took, cause, who FROM transition WHERE txn = ?1 ORDER BY n");

  if (stmt == NULL)
    return array;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)q->id);
  while (wg_records_row(q->store, stmt)) {
    JsonObject *one = json_object_new();
    json_object_set_int_member(one, "time", sqlite3_column_int64(stmt, 0));
    set_text(one, "from", stmt, 1);
    set_text(one, "to", stmt, 2);
    json_object_set_int_member(one, "took", sqlite3_column_int64(stmt, 3));
    set_text(one, "cause", stmt, 4);
    set_text(one, "who", stmt, 5);
    json_array_add_object_element(array, one);
  }
  return array;
}

static void add_results(Query *q, JsonObject *object) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(q->store, "SELECT txn, record, crc FROM result WHERE txn = ?1");

  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)q->id);
  if (!wg_records_row(q->store, stmt))
    return;
  const char *text = wg_records_checked(q->store, "result", sqlite3_column_int64(stmt, 0),
                                        (const char *)sqlite3_column_text(stmt, 1),
                                        (guint32)sqlite3_column_int64(stmt, 2));
  JsonNode *results = text != NULL ? json_from_string(text, NULL) : NULL;
  if (results != NULL)
    json_object_set_member(object, "results", results);
}

/* A text that is JSON becomes it. */
static void unfold(JsonObject *object, const char *key) {
  const char *text = json_object_get_string_member_with_default(object, key, NULL);
  JsonNode *node = text != NULL ? json_from_string(text, NULL) : NULL;

  if (node != NULL)
    json_object_set_member(object, key, node);
}

static WgJobResult run_show(WgJob *job, gpointer engine) {
  Query *q = (Query *)job;

  g_clear_pointer(&q->node, json_node_unref);
  run_record(job, engine);
  if (q->record == NULL)
    return WG_JOB_DONE;
  JsonObject *object = dpl_record_to_json(q->record);
  unfold(object, "manifest");
  unfold(object, "intent");
  json_object_set_array_member(object, "transitions", transitions_of(q));
  add_results(q, object);
  q->node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(q->node, object);
  return WG_JOB_DONE;
}

void dpl_query_show(DplStore *store, guint64 id, DplJsonFunc done, gpointer user_data) {
  Query *q = query_new(store, run_show, user_data);

  q->id = id;
  q->json = done;
  wg_writer_submit(wg_records_writer(store), &q->job);
}
