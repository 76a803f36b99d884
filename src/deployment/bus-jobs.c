/* bus-jobs.c: the objects of rollouts, /org/waggle/Deployment1/job/N.
 *
 * An object is a view of what the engine told; it stays for a while after the end, so that whoever
 * was slow still reads how it ended. The store knows it for good (ListDeployments, option "job").
 * A rollout that a start finds has its object again from the first thing that is told of it. */
#include "deployment/bus.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far a deployment is when it enters a state, in percent. */
static const int percent_of[_DPL_STATE_MAX] = {
    [DPL_STATE_VALIDATED] = 0,     [DPL_STATE_BACKING_UP] = 5,
    [DPL_STATE_STAGING] = 10,      [DPL_STATE_STAGED] = 40,
    [DPL_STATE_MIGRATING] = 45,    [DPL_STATE_SWITCHING] = 55,
    [DPL_STATE_STARTING] = 60,     [DPL_STATE_VERIFYING] = 65,
    [DPL_STATE_VERIFIED] = 90,     [DPL_STATE_COMMITTED] = 95,
    [DPL_STATE_CLEANING] = 97,     [DPL_STATE_ROLLING_BACK] = 50,
    [DPL_STATE_DONE] = 100,        [DPL_STATE_ABORTED] = 100,
    [DPL_STATE_ROLLED_BACK] = 100, [DPL_STATE_ROLLBACK_FAILED] = 100,
};

typedef struct {
  guint64 id;
  char *target;
  int percent;
  gboolean ended;
} Part;

typedef struct {
  guint64 id;
  DplDaemon *daemon;
  DplKind kind;
  GArray *parts; /* Part */
  char *text;
  char *result; /* NULL: it runs */
  int exit;
  guint failed;
  gint64 drop_at; /* monotonic us; 0: it runs */
} View;

static void part_clear(gpointer data) {
  g_free(((Part *)data)->target);
}

static void view_free(gpointer data) {
  View *view = data;

  g_array_unref(view->parts);
  g_free(view->text);
  g_free(view->result);
  g_free(view);
}

char *dpl_job_path(guint64 id) {
  return g_strdup_printf("%s/%" G_GUINT64_FORMAT, WG_PATH_DEPLOYMENT_JOB, id);
}

void dpl_jobs_init(DplDaemon *daemon) {
  daemon->jobs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, view_free);
}

void dpl_jobs_clear(DplDaemon *daemon) {
  g_clear_handle_id(&daemon->jobs_timer, g_source_remove);
  g_clear_pointer(&daemon->jobs, g_hash_table_unref);
}

static void changed(View *view, const char *const *names) {
  g_autofree char *path = dpl_job_path(view->id);

  wg_calls_changed(view->daemon->calls, path, WG_IFACE_DEPLOYMENT_JOB, names);
}

/* ---- how far ---- */
static Part *part_at(View *view, guint i) {
  return &g_array_index(view->parts, Part, i);
}

static Part *part_of(View *view, guint64 id) {
  for (guint i = 0; i < view->parts->len; i++)
    if (part_at(view, i)->id == id)
      return part_at(view, i);
  return NULL;
}

static int percent(View *view) {
  gint64 sum = 0;

  for (guint i = 0; i < view->parts->len; i++)
    sum += part_at(view, i)->percent;
  return view->parts->len != 0 ? (int)(sum / view->parts->len) : 0;
}

static int n_ended(View *view) {
  int n = 0;

  for (guint i = 0; i < view->parts->len; i++)
    n += part_at(view, i)->ended;
  return n;
}

static Part *part_add(View *view, const DplRecord *record) {
  Part part = {.id = record->id, .target = g_strdup(record->target)};

  g_array_append_val(view->parts, part);
  return part_at(view, view->parts->len - 1);
}

static void add_live(const DplRecord *record, gpointer data) {
  View *view = data;

  if (record->job == view->id && part_of(view, record->id) == NULL)
    part_add(view, record);
}

static View *view_of(DplDaemon *daemon, guint64 id, DplKind kind) {
  View *view = g_hash_table_lookup(daemon->jobs, &id);

  if (view != NULL)
    return view;
  view = g_new0(View, 1);
  view->id = id;
  view->daemon = daemon;
  view->kind = kind;
  view->parts = g_array_new(FALSE, FALSE, sizeof(Part));
  g_array_set_clear_func(view->parts, part_clear);
  g_hash_table_insert(daemon->jobs, &view->id, view);
  dpl_engine_each(daemon->engine, add_live, view);
  g_autofree char *path = dpl_job_path(id);
  wg_calls_object(daemon->calls, path, TRUE);
  return view;
}

/* ---- what the engine tells ---- */
static gboolean drop_old(gpointer data) {
  DplDaemon *daemon = data;
  gint64 now = g_get_monotonic_time(), next = G_MAXINT64;
  GHashTableIter iter;
  gpointer value;

  daemon->jobs_timer = 0;
  g_hash_table_iter_init(&iter, daemon->jobs);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    View *view = value;
    if (view->drop_at == 0)
      continue;
    if (view->drop_at > now) {
      next = MIN(next, view->drop_at);
      continue;
    }
    g_autofree char *path = dpl_job_path(view->id);
    wg_calls_object(daemon->calls, path, FALSE);
    g_hash_table_iter_remove(&iter);
  }
  if (next != G_MAXINT64)
    daemon->jobs_timer =
        g_timeout_add((guint)MIN((next - now) / 1000 + 1, G_MAXINT), drop_old, daemon);
  return G_SOURCE_REMOVE;
}

static void completed(View *view, const DplJob *job) {
  static const char *const names[] = {"State", "Progress", "Failed", "Result", "Exit", NULL};
  DplDaemon *daemon = view->daemon;
  g_autofree char *path = dpl_job_path(view->id);

  view->result = g_strdup(job->result);
  view->exit = (int)job->exit;
  view->failed = (guint)job->failures;
  /* an hour of wall time is bounded so that the sum stays a time */
  view->drop_at =
      g_get_monotonic_time() + (gint64)MIN(daemon->settings.keep_jobs, (guint64)G_MAXINT64 / 4);
  changed(view, names);
  wg_calls_signal(daemon->calls, path, WG_IFACE_DEPLOYMENT_JOB, "Completed",
                  g_variant_new("(si)", view->result, view->exit));
  if (daemon->jobs_timer == 0)
    daemon->jobs_timer = g_timeout_add(
        (guint)MIN(daemon->settings.keep_jobs / 1000 + 1, (guint64)G_MAXINT), drop_old, daemon);
}

void dpl_jobs_note(DplDaemon *daemon, const DplJob *job) {
  View *view = view_of(daemon, job->id, job->kind);

  if (job->result != NULL && view->result == NULL)
    completed(view, job);
}

int dpl_jobs_state(DplDaemon *daemon, const DplRecord *record) {
  static const char *const names[] = {"Progress", "Failed", NULL};
  View *view = view_of(daemon, record->job, record->kind);
  Part *part = part_of(view, record->id);

  if (part == NULL)
    part = part_add(view, record);
  part->percent = MAX(percent_of[record->state], 0);
  part->ended = dpl_states[record->state].is_end;
  g_free(view->text);
  view->text = g_strdup_printf("%s: %s", record->target, dpl_states[record->state].name);
  if (part->ended && dpl_state_exit(record->state, FALSE) != DPL_EXIT_DONE)
    view->failed++;
  changed(view, names);
  return part->percent;
}

int dpl_jobs_progress(DplDaemon *daemon, const DplRecord *record, int step, const char *text) {
  static const char *const names[] = {"Progress", NULL};
  View *view = view_of(daemon, record->job, record->kind);
  Part *part = part_of(view, record->id);
  DplState state = record->state;
  int begin = percent_of[state], end = begin;

  if (state < DPL_STATE_CLEANING)
    end = percent_of[state + 1];
  if (part == NULL)
    part = part_add(view, record);
  if (step >= 0)
    part->percent = begin + (end - begin) * MIN(step, 100) / 100;
  g_free(view->text);
  view->text = g_strdup_printf("%s: %s", record->target, text != NULL ? text : "");
  changed(view, names);
  return part->percent;
}

/* ---- the objects ---- */
static View *find(DplDaemon *daemon, const char *path) {
  const char *number = path + strlen(WG_PATH_DEPLOYMENT_JOB);
  guint64 id = 0;

  if (!g_str_has_prefix(path, WG_PATH_DEPLOYMENT_JOB "/") ||
      !g_ascii_string_to_unsigned(number + 1, 10, 1, G_MAXUINT64, &id, NULL))
    return NULL;
  return g_hash_table_lookup(daemon->jobs, &id);
}

int dpl_job_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                 void **ret_found, sd_bus_error *error) {
  if (find(userdata, path) == NULL)
    return 0;
  *ret_found = userdata;
  return 1;
}

int dpl_job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                      sd_bus_error *error) {
  DplDaemon *daemon = userdata;
  guint n = g_hash_table_size(daemon->jobs), i = 0;
  char **nodes = calloc(n + 1, sizeof(char *)); /* sd-bus frees it */
  GHashTableIter iter;
  gpointer value;

  if (nodes == NULL)
    return -ENOMEM;
  g_hash_table_iter_init(&iter, daemon->jobs);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    g_autofree char *path = dpl_job_path(((View *)value)->id);
    nodes[i++] = strdup(path);
  }
  *ret_nodes = nodes;
  return 0;
}

static GVariant *deployments(View *view) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("at"));
  for (guint i = 0; i < view->parts->len; i++)
    g_variant_builder_add(&builder, "t", part_at(view, i)->id);
  return g_variant_builder_end(&builder);
}

static GVariant *targets(View *view) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("as"));
  for (guint i = 0; i < view->parts->len; i++)
    g_variant_builder_add(&builder, "s", part_at(view, i)->target);
  return g_variant_builder_end(&builder);
}

static GVariant *value_of(View *view, const char *property) {
  if (strcmp(property, "Id") == 0)
    return g_variant_new_uint64(view->id);
  if (strcmp(property, "Kind") == 0)
    return g_variant_new_string(dpl_kind_name(view->kind));
  if (strcmp(property, "State") == 0)
    return g_variant_new_string(view->result != NULL ? "ended" : "running");
  if (strcmp(property, "Progress") == 0)
    return g_variant_new("(isi)", percent(view), view->text != NULL ? view->text : "",
                         n_ended(view));
  if (strcmp(property, "Deployments") == 0)
    return deployments(view);
  if (strcmp(property, "Targets") == 0)
    return targets(view);
  if (strcmp(property, "Failed") == 0)
    return g_variant_new_uint32(view->failed);
  if (strcmp(property, "Result") == 0)
    return g_variant_new_string(view->result != NULL ? view->result : "");
  return g_variant_new_int32(view->exit);
}

int dpl_job_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  DplDaemon *daemon = userdata;
  View *view = find(daemon, path);

  if (view == NULL)
    return -ENOENT;
  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  g_autoptr(GVariant) value = g_variant_ref_sink(value_of(view, property));
  return wg_variant_append(reply, value);
}

void dpl_handle_cancel_job(DplCall *call) {
  View *view = find(dpl_daemon(call), sd_bus_message_get_path(call->m));
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;

  if (view == NULL)
    g_set_error_literal(&error, WG_ERROR, WG_ERROR_UNKNOWN_DEPLOYMENT, "the job is gone");
  else if (view->result != NULL)
    g_set_error(&error, WG_ERROR, WG_ERROR_INVALID_STATE, "the job has ended: %s", view->result);
  else
    dpl_engine_cancel_job(dpl_daemon(call)->engine, view->id, who, &error);
  if (error != NULL)
    wg_call_fail(call, error);
  else
    wg_call_answer(call, NULL);
}
