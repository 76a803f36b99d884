/* bus-deploy.c: Validate and Deploy.
 *
 * Deploy: the manifest is read and made for each target on a worker thread (prepare.h); then the
 * engine is asked. The answer is the job, durable and begun. */
#include "deployment/bus.h"

#include "deployment/prepare.h"

#include "common/amounts.h"
#include "common/error.h"
#include "common/names.h"

#include <string.h>

typedef struct {
  DplPreparation *p;
  GPtrArray *records; /* of DplRecord; one of each prepared, in order */
} Deploy;

static void deploy_free(gpointer data) {
  Deploy *deploy = data;

  dpl_preparation_free(deploy->p);
  if (deploy->records != NULL)
    g_ptr_array_unref(deploy->records);
  g_free(deploy);
}

/* "manifest-hash", as Plan and "deploy show" tell it. */
static gboolean is_hash(const char *text) {
  return text == NULL || (strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64);
}

/* The manifest of a call: its base has to say what relative paths stand against. */
DplPreparation *dpl_call_preparation(DplCall *call, GError **error) {
  const char *base = NULL;

  g_variant_get_child(call->args, 0, "&s", &base);
  if (!g_path_is_absolute(base)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%s' is no absolute path; base has to be the directory that the manifest's "
                "relative paths stand against",
                base);
    return NULL;
  }
  if (!is_hash(wg_call_text(call, "manifest-hash"))) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.80s' is no hash of a manifest: 64 hexadecimal digits, as Plan tells it",
                wg_call_text(call, "manifest-hash"));
    return NULL;
  }
  const DplSettings *s = &dpl_daemon(call)->settings;
  DplPreparation *p = g_new0(DplPreparation, 1);
  p->most = (DplBudgets){s->deploy_max, s->verify_max, s->rollback_max};
  p->most_confirm = s->confirm_max;
  p->fd = call->fd;
  p->base = g_strdup(base);
  p->user_scope = dpl_daemon(call)->user_scope;
  p->hash = g_strdup(wg_call_text(call, "manifest-hash"));
  dpl_preparation_select(p, call->options);
  return p;
}

static Deploy *begin(DplCall *call, GError **error) {
  DplPreparation *p = dpl_call_preparation(call, error);

  if (p == NULL)
    return NULL;
  Deploy *deploy = g_new0(Deploy, 1);
  deploy->p = p;
  call->data = deploy;
  call->free_data = deploy_free;
  return deploy;
}

/* The targets as they were read just now are the ones that are known from now on. */
static void keep_sites(DplCall *call) {
  Deploy *deploy = call->data;

  if (deploy->p->sites == NULL)
    return;
  g_clear_pointer(&dpl_daemon(call)->sites, dpl_sites_free);
  dpl_daemon(call)->sites = g_steal_pointer(&deploy->p->sites);
}

/* ---- Validate ---- */
static void validated(const GError *error, gpointer data) {
  DplCall *call = data;
  Deploy *deploy = call->data;
  GVariantBuilder builder;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(usbs)"));
  for (guint i = 0; i < wg_problems_n(deploy->p->problems); i++) {
    const WgProblem *one = wg_problems_at(deploy->p->problems, i);
    g_variant_builder_add(&builder, "(usbs)", one->line, one->pointer != NULL ? one->pointer : "",
                          one->warning, one->text);
  }
  wg_call_answer(call, g_variant_new("(a(usbs))", &builder));
}

void dpl_handle_validate(DplCall *call) {
  g_autoptr(GError) error = NULL;
  Deploy *deploy = begin(call, &error);

  if (deploy == NULL)
    wg_call_fail(call, error);
  else
    dpl_prepare(deploy->p, validated, call);
}

/* ---- Deploy ---- */
static void free_record(gpointer data) {
  dpl_record_free(data);
}

/* What the manifest says about the time that a failed release is refused, else what the
 * configuration does. */
static gint64 poison_of(const DplDaemon *daemon, const DplManifest *m) {
  JsonObject *root = json_node_get_object(m->root);

  if (json_object_has_member(root, "poison"))
    return (gint64)m->poison_days * 24 * 3600 * G_USEC_PER_SEC;
  return (gint64)MIN(daemon->settings.poison, (guint64)G_MAXINT64 / 4);
}

static gint64 at_most(guint64 wanted, guint64 max) {
  return (gint64)(wanted != 0 ? MIN(wanted, max) : max);
}

void dpl_record_fill(DplRecord *record, const DplDaemon *daemon, const DplManifest *m,
                     guint64 confirm) {
  const DplSettings *s = &daemon->settings;

  dpl_record_set(&record->name, m->name);
  dpl_record_set(&record->version, m->version);
  dpl_record_set(&record->manifest_hash, m->hash);
  record->budget_deploy = at_most(m->budgets.deploy, s->deploy_max);
  record->budget_verify = at_most(m->budgets.verify, s->verify_max);
  record->budget_rollback = at_most(m->budgets.rollback, s->rollback_max);
  record->budget_confirm = confirm != 0 ? (gint64)MIN(confirm, s->confirm_max) : 0;
  record->poison = poison_of(daemon, m);
}

static DplRecord *record_of(DplCall *call, const DplPrepared *one) {
  Deploy *deploy = call->data;
  DplRecord *record = g_new0(DplRecord, 1);
  guint64 confirm = wg_call_number(call, "confirm");

  record->kind = DPL_KIND_DEPLOY;
  dpl_record_set(&record->target, one->site->name);
  dpl_record_set(&record->root, one->site->root);
  dpl_record_set(&record->base, deploy->p->base);
  record->manifest = dpl_manifest_text(one->manifest);
  dpl_record_fill(record, dpl_daemon(call), one->manifest,
                  confirm != 0 ? confirm : one->manifest->strategy.confirm);
  return record;
}

static void created(const DplJob *job, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  g_autofree char *path = dpl_job_path(job->id);
  dpl_jobs_note(dpl_daemon(call), job);
  wg_call_answer(call, g_variant_new("(o)", path));
}

void dpl_call_create(DplCall *call, const DplRequest *what) {
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;
  DplRequest request = *what;

  request.who = who;
  request.uid = call->uid;
  request.pid = (int)call->pid;
  request.unit = call->unit;
  request.caller = call->caller;
  request.reason = wg_call_text(call, "reason");
  request.traceparent = wg_call_text(call, WG_TRACEPARENT);
  request.force = wg_call_flag(call, "force");
  if (dpl_daemon_may_begin(dpl_daemon(call), &error))
    dpl_engine_create(dpl_daemon(call)->engine, &request, created, call);
  else
    wg_call_fail(call, error);
}

static guint parallel_of(DplCall *call, const DplManifest *m) {
  guint64 wanted = wg_call_number(call, "parallel");

  if (wanted == 0)
    wanted = m->strategy.parallel;
  return (guint)CLAMP(wanted, 1, dpl_daemon(call)->settings.parallel_max);
}

static guint max_failures_of(DplCall *call, const DplManifest *m) {
  guint64 wanted = wg_call_number(call, "max-failures");

  return (guint)MIN(wanted != 0 ? wanted : m->strategy.max_failures, G_MAXUINT);
}

static void ask(DplCall *call) {
  Deploy *deploy = call->data;
  const DplManifest *m = ((DplPrepared *)deploy->p->prepared->pdata[0])->manifest;

  dpl_call_create(call, &(DplRequest){
                            .kind = DPL_KIND_DEPLOY,
                            .hold = wg_call_flag(call, "hold"),
                            .parallel = parallel_of(call, m),
                            .max_failures = max_failures_of(call, m),
                            .records = deploy->records,
                        });
}

static void prepared(const GError *error, gpointer data) {
  DplCall *call = data;
  Deploy *deploy = call->data;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  g_autoptr(GError) refused = dpl_preparation_refusal(deploy->p);
  if (refused != NULL) {
    wg_call_fail(call, refused);
    return;
  }
  keep_sites(call);
  deploy->records = g_ptr_array_new_with_free_func(free_record);
  for (guint i = 0; i < deploy->p->prepared->len; i++) {
    DplPrepared *one = deploy->p->prepared->pdata[i];
    g_ptr_array_add(deploy->records, record_of(call, one));
    if (dpl_sites_find(dpl_daemon(call)->sites, one->site->name) == NULL)
      g_hash_table_replace(dpl_daemon(call)->own_sites, one->site->name, dpl_site_ref(one->site));
  }
  ask(call);
}

/* Not cut to what is allowed: who counts on a week would find the release gone after a day. */
static gboolean may_wait(DplCall *call, GError **error) {
  guint64 most = dpl_daemon(call)->settings.confirm_max;
  g_autofree char *text = wg_span_text(most);

  if (wg_call_number(call, "confirm") <= most)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "the time to confirm is at most %s here: ConfirmMaxSec= of deployd.conf(5)", text);
  return FALSE;
}

void dpl_handle_deploy(DplCall *call) {
  g_autoptr(GError) error = NULL;
  gboolean may = may_wait(call, &error) && dpl_daemon_may_begin(dpl_daemon(call), &error);
  Deploy *deploy = may ? begin(call, &error) : NULL;

  if (deploy == NULL)
    wg_call_fail(call, error);
  else
    dpl_prepare(deploy->p, prepared, call);
}
