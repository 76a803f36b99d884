/* record.c: see record.h. One table a struct says which fields there are, so that copying,
 * freeing, writing and reading cannot disagree. */
#include "deployment/record.h"

#include "common/error.h"

typedef struct {
  const char *name;
  gsize at;
  enum { FIELD_TEXT, FIELD_INT } kind;
} Field;

#define TEXT(struct_, name_)                                                                       \
  { #name_, G_STRUCT_OFFSET(struct_, name_), FIELD_TEXT }
#define INT(struct_, name_)                                                                        \
  { #name_, G_STRUCT_OFFSET(struct_, name_), FIELD_INT }

G_STATIC_ASSERT(sizeof(guint64) == sizeof(gint64));

static const Field record_fields[] = {
    INT(DplRecord, id),
    INT(DplRecord, job),
    INT(DplRecord, before),
    TEXT(DplRecord, target),
    TEXT(DplRecord, root),
    TEXT(DplRecord, name),
    TEXT(DplRecord, version),
    TEXT(DplRecord, manifest),
    TEXT(DplRecord, manifest_hash),
    TEXT(DplRecord, base),
    TEXT(DplRecord, from),
    TEXT(DplRecord, to),
    TEXT(DplRecord, digest),
    TEXT(DplRecord, who),
    TEXT(DplRecord, unit),
    TEXT(DplRecord, reason),
    TEXT(DplRecord, cause),
    TEXT(DplRecord, failure),
    TEXT(DplRecord, verdict),
    TEXT(DplRecord, intent),
    TEXT(DplRecord, traceparent),
    TEXT(DplRecord, parent_span),
    INT(DplRecord, uid),
    INT(DplRecord, pid),
    INT(DplRecord, created),
    INT(DplRecord, ended),
    INT(DplRecord, started),
    INT(DplRecord, deploy_until),
    INT(DplRecord, verify_until),
    INT(DplRecord, rollback_until),
    INT(DplRecord, confirm_until),
    INT(DplRecord, budget_deploy),
    INT(DplRecord, budget_verify),
    INT(DplRecord, budget_rollback),
    INT(DplRecord, budget_confirm),
    INT(DplRecord, reserve),
    INT(DplRecord, poison),
    INT(DplRecord, tries),
    INT(DplRecord, writes),
    INT(DplRecord, force),
    INT(DplRecord, hold),
    INT(DplRecord, migrates),
    INT(DplRecord, confirmed),
    INT(DplRecord, rolled_offline),
    {NULL},
};

static const Field job_fields[] = {
    INT(DplJob, id),      TEXT(DplJob, who),  TEXT(DplJob, reason),  INT(DplJob, uid),
    INT(DplJob, created), INT(DplJob, ended), INT(DplJob, parallel), INT(DplJob, max_failures),
    TEXT(DplJob, result), INT(DplJob, exit),  INT(DplJob, failures), {NULL},
};

static const char *const kind_names[] = {
    [DPL_KIND_DEPLOY] = "deploy",
    [DPL_KIND_ROLLBACK] = "rollback",
};

const char *dpl_kind_name(DplKind kind) {
  return kind_names[kind];
}

static gboolean kind_parse(const char *name, DplKind *ret) {
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS(kind_names); i++)
    if (g_str_equal(kind_names[i], name)) {
      *ret = (DplKind)i;
      return TRUE;
    }
  return FALSE;
}

static char **text_at(const Field *field, gconstpointer data) {
  return (char **)((guint8 *)data + field->at);
}

static gint64 *int_at(const Field *field, gconstpointer data) {
  return (gint64 *)((guint8 *)data + field->at);
}

static void own_texts(const Field *fields, gpointer copy) {
  for (; fields->name != NULL; fields++)
    if (fields->kind == FIELD_TEXT)
      *text_at(fields, copy) = g_strdup(*text_at(fields, copy));
}

static void free_texts(const Field *fields, gpointer data) {
  for (; fields->name != NULL; fields++)
    if (fields->kind == FIELD_TEXT)
      g_free(*text_at(fields, data));
}

static JsonObject *write_fields(const Field *fields, gconstpointer data) {
  JsonObject *object = json_object_new();

  for (; fields->name != NULL; fields++)
    if (fields->kind == FIELD_INT && *int_at(fields, data) != 0)
      json_object_set_int_member(object, fields->name, *int_at(fields, data));
    else if (fields->kind == FIELD_TEXT && *text_at(fields, data) != NULL)
      json_object_set_string_member(object, fields->name, *text_at(fields, data));
  return object;
}

static gboolean read_fields(const Field *fields, JsonObject *object, gpointer data) {
  for (; fields->name != NULL; fields++) {
    JsonNode *node = json_object_get_member(object, fields->name);
    if (node == NULL)
      continue;
    GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
    if (type != (fields->kind == FIELD_TEXT ? G_TYPE_STRING : G_TYPE_INT64))
      return FALSE;
    if (fields->kind == FIELD_TEXT)
      *text_at(fields, data) = json_node_dup_string(node);
    else
      *int_at(fields, data) = json_node_get_int(node);
  }
  return TRUE;
}

static char *object_text(JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

  json_node_take_object(node, object);
  return json_to_string(node, FALSE);
}

static JsonNode *parse_object(const char *text) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? g_steal_pointer(&node) : NULL;
}

static void set_damaged(GError **error, const char *what) {
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "the record of a %s cannot be read", what);
}

void dpl_record_set(char **field, const char *value) {
  char *copy = g_strdup(value);

  g_free(*field);
  *field = copy;
}

DplRecord *dpl_record_copy(const DplRecord *record) {
  DplRecord *copy = g_memdup2(record, sizeof *record);

  own_texts(record_fields, copy);
  return copy;
}

void dpl_record_free(DplRecord *record) {
  if (record == NULL)
    return;
  free_texts(record_fields, record);
  g_free(record);
}

JsonObject *dpl_record_to_json(const DplRecord *record) {
  JsonObject *object = write_fields(record_fields, record);

  json_object_set_string_member(object, "kind", dpl_kind_name(record->kind));
  json_object_set_string_member(object, "state", dpl_states[record->state].name);
  return object;
}

char *dpl_record_to_text(const DplRecord *record) {
  return object_text(dpl_record_to_json(record));
}

DplRecord *dpl_record_from_text(const char *text, GError **error) {
  g_autoptr(DplRecord) record = g_new0(DplRecord, 1);
  g_autoptr(JsonNode) node = parse_object(text);
  JsonObject *object = node != NULL ? json_node_get_object(node) : NULL;

  if (object == NULL || !read_fields(record_fields, object, record) ||
      !kind_parse(json_object_get_string_member_with_default(object, "kind", NULL),
                  &record->kind) ||
      !dpl_state_parse(json_object_get_string_member_with_default(object, "state", ""),
                       &record->state) ||
      record->id == 0 || record->target == NULL || record->root == NULL) {
    set_damaged(error, "transaction");
    return NULL;
  }
  return g_steal_pointer(&record);
}

DplJob *dpl_job_copy(const DplJob *job) {
  DplJob *copy = g_memdup2(job, sizeof *job);

  own_texts(job_fields, copy);
  return copy;
}

void dpl_job_free(DplJob *job) {
  if (job == NULL)
    return;
  free_texts(job_fields, job);
  g_free(job);
}

void dpl_job_count(DplJob *job, DplState end) {
  job->exit = MAX(job->exit, dpl_state_exit(end, job->kind == DPL_KIND_ROLLBACK));
  job->failures += end != DPL_STATE_DONE;
}

char *dpl_job_to_text(const DplJob *job) {
  JsonObject *object = write_fields(job_fields, job);

  json_object_set_string_member(object, "kind", dpl_kind_name(job->kind));
  return object_text(object);
}

DplJob *dpl_job_from_text(const char *text, GError **error) {
  g_autoptr(DplJob) job = g_new0(DplJob, 1);
  g_autoptr(JsonNode) node = parse_object(text);
  JsonObject *object = node != NULL ? json_node_get_object(node) : NULL;

  if (object == NULL || !read_fields(job_fields, object, job) || job->id == 0 ||
      !kind_parse(json_object_get_string_member_with_default(object, "kind", NULL), &job->kind)) {
    set_damaged(error, "rollout");
    return NULL;
  }
  return g_steal_pointer(&job);
}
