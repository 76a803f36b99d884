/* registry-call.c: what calls do to the registry. A change is in force and answered after its
 * commit, so a call that was not answered may or may not have happened and can be repeated. */
#include "monitoring/registry-private.h"

#include "common/error.h"

#include <string.h>

#define REGISTERED_MAX 10000 /* by calls */

/* One service of a call. */
typedef struct {
  MonRegistry *registry;
  MonServiceSpec *spec;
  MonRegistration registration;
  char *document;
  GError *error;
  MonRegistryDone done;
  gpointer user_data;
  guint later;
} Register;

static void register_free(Register *job) {
  g_clear_pointer(&job->spec, mon_service_spec_unref);
  g_clear_error(&job->error);
  g_free(job->document);
  g_free(job);
}

/* What is refused is told from the loop, too. */
static gboolean refused(gpointer data) {
  Register *job = data;

  job->done(0, job->error, job->user_data);
  register_free(job);
  return G_SOURCE_REMOVE;
}

static void refuse(Register *job) {
  g_idle_add_full(G_PRIORITY_DEFAULT, refused, job, NULL);
}

static gboolean may_replace(const MonServiceEntry *e, uid_t uid, gboolean is_admin,
                            GError **error) {
  if (e->source != MON_FROM_CALL) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "the service \"%s\" stands in %s: change it there", e->spec->name, e->spec->from);
    return FALSE;
  }
  if (is_admin || e->uid == uid)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
              "the service \"%s\" was registered by uid %u: only it or an administrator may "
              "change it",
              e->spec->name, (guint)e->uid);
  return FALSE;
}

static gboolean count_calls(MonServiceEntry *e, gpointer data) {
  *(guint *)data += e->source == MON_FROM_CALL;
  return TRUE;
}

static gboolean judge(Register *job) {
  MonServiceEntry *old = mon_registry_find(job->registry, job->spec->name);
  guint n = 0;

  if (old)
    return may_replace(old, job->registration.uid, job->registration.is_admin, &job->error);
  mon_registry_each(job->registry, count_calls, &n);
  if (n < REGISTERED_MAX)
    return TRUE;
  g_set_error(&job->error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
              "%u services are registered by calls already: unregister some", n);
  return FALSE;
}

static gboolean watch_owner(Register *job, MonServiceEntry *e) {
  e->owner = job->registration.owner;
  e->caller = job->registration.caller;
  mon_owner_forget(e);
  e->pid = job->registration.pid;
  e->pid_start = 0;
  return e->owner != MON_OWNER_PID || mon_owner_watch_pid(e, &job->error);
}

static gboolean owner_is_there(Register *job) {
  const MonRegistration *r = &job->registration;

  if (r->owner == MON_OWNER_UNIT && job->spec->unit == NULL) {
    g_set_error(&job->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "the service \"%s\" is to live as long as its unit, and has none: name it",
                job->spec->name);
    return FALSE;
  }
  return TRUE;
}

static void registered(guint64 revision, const GError *error, gpointer data) {
  Register *job = data;
  MonServiceEntry *e = mon_registry_find(job->registry, job->spec->name);

  if (error == NULL && e)
    mon_entry_update(e);
  else if (error && e && e->source == MON_FROM_CALL) /* nothing was promised, nothing is kept */
    mon_entry_remove(e, "it could not be stored");
  job->done(revision, error, job->user_data);
  register_free(job);
}

static void start(Register *job) {
  MonServiceEntry *e = mon_registry_find(job->registry, job->spec->name);
  gboolean is_new = e == NULL;

  if (is_new)
    e = mon_entry_put(job->registry, job->spec, MON_FROM_CALL);
  if (!watch_owner(job, e)) {
    if (is_new)
      mon_entry_remove(e, "its process is not there");
    refuse(job);
    return;
  }
  gboolean is_same = !is_new && e->gone == 0 && mon_service_spec_equal(e->spec, job->spec);
  e->gone = 0;
  if (!is_new && !is_same)
    mon_entry_take_spec(e, job->spec);
  e->uid = job->registration.uid;
  g_free(e->document);
  e->document = g_strdup(job->document);
  GArray *writes = mon_writes_new();
  mon_write_service(writes, e);
  mon_change_write(e, job->spec->name, is_new ? "registered" : "changed", writes, TRUE, registered,
                   job);
}

/* The services of a call, one after the other; what was answered is on the disk, all of it. */
typedef struct {
  GPtrArray *jobs; /* a job that was started frees itself */
  guint at;
  MonRegistryDone done;
  gpointer user_data;
} Batch;

static void batch_done(guint64 revision, const GError *error, gpointer data) {
  Batch *batch = data;

  batch->at++;
  /* judged again: what came between may have the name */
  if (error == NULL && batch->at < batch->jobs->len) {
    Register *next = batch->jobs->pdata[batch->at];
    if (judge(next))
      start(next);
    else
      refuse(next);
    return;
  }
  batch->done(revision, error, batch->user_data);
  for (guint i = batch->at; i < batch->jobs->len; i++)
    register_free(batch->jobs->pdata[i]);
  g_ptr_array_unref(batch->jobs);
  g_free(batch);
}

/* All are judged before one is in force, so that a mistake leaves nothing half done. */
static void start_all(Batch *batch) {
  for (guint i = 0; i < batch->jobs->len; i++) {
    Register *job = batch->jobs->pdata[i];
    if (owner_is_there(job) && judge(job))
      continue;
    batch->jobs->pdata[i] = batch->jobs->pdata[0]; /* the one that is told of comes first */
    batch->jobs->pdata[0] = job;
    refuse(job);
    return;
  }
  start(batch->jobs->pdata[0]);
}

void mon_registry_register(MonRegistry *registry, const MonRegistration *registration,
                           MonRegistryDone done, gpointer user_data) {
  g_auto(GStrv) documents = NULL;
  GError *error = NULL;
  g_autoptr(GPtrArray) specs = mon_services_from_text(registration->document, &documents, &error);
  guint n = specs ? specs->len : 1; /* one that tells what is wrong */
  Batch *batch = g_new(Batch, 1);

  *batch = (Batch){g_ptr_array_new(), 0, done, user_data};
  if (specs && n == 0) {
    error = g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the list \"services\" is empty");
    n = 1;
  }
  for (guint i = 0; i < n; i++) {
    Register *job = g_new0(Register, 1);
    *job = (Register){.registry = registry,
                      .registration = *registration,
                      .done = batch_done,
                      .user_data = batch};
    if (!error) {
      job->spec = mon_service_spec_ref(specs->pdata[i]);
      job->document = g_strdup(documents[i]);
    }
    g_ptr_array_add(batch->jobs, job);
  }
  if (!error) {
    start_all(batch);
    return;
  }
  ((Register *)batch->jobs->pdata[0])->error = error;
  refuse(batch->jobs->pdata[0]);
}

void mon_registry_unregister(MonRegistry *registry, const char *name, uid_t uid, gboolean is_admin,
                             MonRegistryDone done, gpointer user_data) {
  MonServiceEntry *e = mon_registry_find(registry, name);
  Register *job = g_new0(Register, 1);
  GArray *writes = NULL;

  job->done = done;
  job->user_data = user_data;
  if (!may_replace(e, uid, is_admin, &job->error)) {
    refuse(job);
    return;
  }
  register_free(job);
  writes = mon_writes_new();
  mon_write_no_service(writes, e);
  g_free(e->reason);
  e->reason = g_strdup("it was unregistered");
  mon_change_write(e, name, "unregistered", writes, FALSE, done, user_data);
  mon_entry_remove(e, "it was unregistered");
}

void mon_registry_maintain(MonRegistry *registry, const char *name, const char *reason,
                           const char *who, gint64 until, MonRegistryDone done,
                           gpointer user_data) {
  MonServiceEntry *e = mon_registry_find(registry, name);
  GArray *writes = mon_writes_new();

  e->maintenance = reason != NULL;
  g_free(e->maintenance_reason);
  g_free(e->maintenance_who);
  e->maintenance_reason = g_strdup(reason);
  e->maintenance_who = g_strdup(who);
  e->maintenance_since = g_get_real_time();
  e->maintenance_until = until;
  mon_write_maintenance(writes, e);
  mon_change_write(e, name, "maintenance", writes, FALSE, done, user_data);
  mon_entry_update(e);
  if (until)
    mon_registry_sweep_later(registry);
}

void mon_registry_push(MonRegistry *registry, MonProbe *probe, MonVerdict verdict, const char *text,
                       MonRegistryDone done, gpointer user_data) {
  MonServiceEntry *e = mon_registry_find(registry, probe->service);
  g_autofree char *name = g_strdup(probe->service);
  GArray *writes = mon_writes_new();

  mon_probe_tell(probe, verdict, text);
  mon_write_memory(writes, registry, probe);
  mon_change_write(e, name, "pushed", writes, FALSE, done, user_data);
}
