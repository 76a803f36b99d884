/* bus-plan.c: Plan: what a deployment would do to each of its targets, as JSON (plan.h): one
 * object, or an array of them for several targets. Nothing is changed.
 *
 * The store is asked for each target's last good manifest and for what its deployments took; then
 * a worker thread reads artifacts and releases, which takes as long as they are large. */
#include "deployment/bus.h"

#include "deployment/layout.h"
#include "deployment/plan.h"
#include "deployment/prepare.h"
#include "deployment/record-query.h"
#include "deployment/stats.h"
#include "deployment/switch.h"

#include "common/error.h"

#include <fcntl.h>
#include <unistd.h>

/* A manager that does not answer costs the plan one line. */
#define LOOK_LIMIT (5 * G_TIME_SPAN_SECOND)

typedef struct {
  DplManifest *previous; /* NULL: not known */
  JsonNode *claims;      /* unit files of other targets; NULL: not known */
  JsonNode *dependents;  /* units that depend on its own; NULL: not known */
  guint64 deploy, verify, downtime;
  guint n;
} Known;

typedef struct {
  DplPreparation *p;
  Known *known; /* one of each prepared */
  guint at;
  char *units;
  char **keys;
  gboolean need_signature;
  JsonArray *plans;
} Planning;

static void planning_forget(Known *known) {
  g_clear_pointer(&known->previous, dpl_manifest_unref);
  g_clear_pointer(&known->claims, json_node_unref);
  g_clear_pointer(&known->dependents, json_node_unref);
}

static void planning_free(gpointer data) {
  Planning *planning = data;

  for (guint i = 0; planning->known != NULL && i < planning->p->prepared->len; i++)
    planning_forget(&planning->known[i]);
  g_free(planning->known);
  dpl_preparation_free(planning->p);
  g_free(planning->units);
  g_strfreev(planning->keys);
  g_clear_pointer(&planning->plans, json_array_unref);
  g_free(planning);
}

/* ---- the thread ---- */
/* A root that the first deployment would refuse to take. */
static void add_root(const DplSite *site, JsonNode *plan) {
  JsonArray *list = json_object_get_array_member(json_node_get_object(plan), "reasons-against");
  g_autoptr(GError) error = NULL;

  if (!dpl_layout_usable(site->root, site->name, &error))
    json_array_add_string_element(list, error->message);
}

static JsonNode *plan_one(Planning *planning, guint i, GError **error) {
  const DplPrepared *one = planning->p->prepared->pdata[i];
  const Known *known = &planning->known[i];
  g_autofree char *current = NULL;
  /* a root that is not there yet is made by the first deployment */
  int root = dpl_layout_open(one->site->root, one->site->name, FALSE, NULL);
  int units = open(planning->units, O_PATH | O_DIRECTORY | O_CLOEXEC);
  JsonNode *plan = NULL;

  if (root < 0 || dpl_current_read(root, &current, error)) {
    DplPlanInput input = {
        .preflight = {.manifest = one->manifest,
                      .site = one->site,
                      .base = planning->p->base,
                      .root = root,
                      .current = current,
                      .previous = known->previous,
                      .claims = known->claims},
        .units = units,
        .key_directories = (const char *const *)planning->keys,
        .need_signature = planning->need_signature,
        .user_scope = planning->p->user_scope,
        .dependents = known->dependents,
        .most = planning->p->most,
        .expect_deploy = known->deploy,
        .expect_verify = known->verify,
        .expect_downtime = known->downtime,
        .n_history = known->n,
    };
    plan = dpl_plan(&input, NULL, error);
    if (plan != NULL && root < 0)
      add_root(one->site, plan);
  }
  if (root >= 0)
    close(root);
  if (units >= 0)
    close(units);
  return plan;
}

static void run(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Planning *planning = data;
  GError *error = NULL;

  planning->plans = json_array_new();
  for (guint i = 0; i < planning->p->prepared->len; i++) {
    JsonNode *plan = plan_one(planning, i, &error);
    if (plan == NULL) {
      g_task_return_error(task, error);
      return;
    }
    json_array_add_element(planning->plans, plan);
  }
  g_task_return_boolean(task, TRUE);
}

/* What the engine would say to it now. */
static void add_reasons(DplCall *call) {
  Planning *planning = call->data;

  for (guint i = 0; i < planning->p->prepared->len; i++) {
    const DplSite *site = ((DplPrepared *)planning->p->prepared->pdata[i])->site;
    JsonObject *plan = json_array_get_object_element(planning->plans, i);
    JsonObject *release = json_object_get_object_member(plan, "release");
    DplRecord wanted = {
        .target = site->name,
        .root = site->root,
        .digest = (char *)json_object_get_string_member(release, "digest"),
    };
    g_auto(GStrv) reasons = dpl_lock_reasons(dpl_daemon(call)->engine, &wanted);
    JsonArray *list = json_object_get_array_member(plan, "reasons-against");
    for (char **reason = reasons; *reason != NULL; reason++)
      json_array_add_string_element(list, *reason);
  }
}

static void planned(GObject *source, GAsyncResult *result, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) all = NULL;

  if (!g_task_propagate_boolean(G_TASK(result), &error)) {
    wg_call_fail(call, error);
    return;
  }
  add_reasons(call);
  if (json_array_get_length(planning->plans) == 1) {
    all = json_node_ref(json_array_get_element(planning->plans, 0));
  } else {
    all = json_node_new(JSON_NODE_ARRAY);
    json_node_set_array(all, planning->plans);
  }
  g_autofree char *text = json_to_string(all, FALSE);
  wg_call_answer(call, g_variant_new("(s)", text));
}

/* ---- what the store knows ---- */
static void next_target(DplCall *call);

static guint64 p50(JsonObject *stats, const char *key) {
  if (!json_object_has_member(stats, key))
    return 0;
  return (guint64)json_object_get_int_member(json_object_get_object_member(stats, key), "p50");
}

/* Of the phases before the verification. */
static guint64 deploy_time(JsonObject *phases) {
  guint64 sum = 0;

  for (DplState state = DPL_STATE_VALIDATED; state < DPL_STATE_VERIFYING; state++)
    sum += p50(phases, dpl_states[state].name);
  return sum;
}

static void looked(const GPtrArray *states, const GError *error, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;

  if (error == NULL)
    planning->known[planning->at].dependents = dpl_dependents(states);
  planning->at++;
  next_target(call);
}

static void claimed(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;

  if (error == NULL)
    planning->known[planning->at].claims = json_node_ref(node);
  const DplPrepared *one = planning->p->prepared->pdata[planning->at];
  dpl_units_look(dpl_daemon(call)->units, (const char *const *)one->manifest->units.start,
                 LOOK_LIMIT, looked, call);
}

static void counted(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;
  Known *known = &planning->known[planning->at];

  if (error == NULL) {
    JsonObject *stats = json_node_get_object(node);
    JsonObject *phases = json_object_get_object_member(stats, "phases");
    known->n = (guint)json_object_get_int_member(stats, "deployments");
    known->deploy = deploy_time(phases);
    known->verify = p50(phases, dpl_states[DPL_STATE_VERIFYING].name);
    known->downtime = p50(stats, "downtime");
  }
  dpl_ask(dpl_daemon(call)->store, dpl_claims_ask,
          g_strdup(((DplPrepared *)planning->p->prepared->pdata[planning->at])->site->name), g_free,
          FALSE, claimed, call);
}

static void found(const DplRecord *record, const GError *error, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;
  const DplPrepared *one = planning->p->prepared->pdata[planning->at];
  DplStatsQuestion *question = g_new0(DplStatsQuestion, 1);

  if (record != NULL && record->manifest != NULL)
    planning->known[planning->at].previous =
        dpl_manifest_from_text(record->manifest, record->manifest_hash, NULL);
  question->target = g_strdup(one->site->name);
  dpl_ask(dpl_daemon(call)->store, dpl_stats_ask, question, dpl_stats_free, FALSE, counted, call);
}

static void next_target(DplCall *call) {
  Planning *planning = call->data;
  DplDaemon *daemon = call->owner;

  if (planning->at < planning->p->prepared->len) {
    const DplPrepared *one = planning->p->prepared->pdata[planning->at];
    const char *good = dpl_engine_good(daemon->engine, one->site->name);
    if (good != NULL)
      dpl_query_release(daemon->store, one->site->name, good, NULL, NULL, found, call);
    else
      found(NULL, NULL, call);
    return;
  }
  g_autoptr(GTask) task = g_task_new(NULL, NULL, planned, call);
  g_task_set_task_data(task, planning, NULL);
  g_task_run_in_thread(task, run);
}

static void prepared(const GError *error, gpointer data) {
  DplCall *call = data;
  Planning *planning = call->data;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  g_autoptr(GError) refused = dpl_preparation_refusal(planning->p);
  if (refused != NULL) {
    wg_call_fail(call, refused);
    return;
  }
  planning->known = g_new0(Known, planning->p->prepared->len);
  planning->units = dpl_daemon_unit_directory(dpl_daemon(call));
  planning->keys = dpl_daemon_key_directories(dpl_daemon(call));
  planning->need_signature = dpl_daemon(call)->settings.need_signature;
  next_target(call);
}

void dpl_handle_plan(DplCall *call) {
  g_autoptr(GError) error = NULL;
  DplPreparation *p = dpl_call_preparation(call, &error);

  if (p == NULL) {
    wg_call_fail(call, error);
    return;
  }
  Planning *planning = g_new0(Planning, 1);
  planning->p = p;
  call->data = planning;
  call->free_data = planning_free;
  dpl_prepare(p, prepared, call);
}
