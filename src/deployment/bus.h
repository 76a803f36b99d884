/* bus.h: the D-Bus layer: a call, its way in and its answer.
 *
 * How a call comes in and is answered is common/call.h: a handler gets a DplCall, whose `owner` is
 * the DplDaemon, and ends it with wg_call_answer() or wg_call_fail(), now or later. What may change
 * something is an entry of the audit log before its handler runs (audit.h).
 *
 * What tells of what was observed is signalled, in the system's scope, to connections alone that
 * were authorized for a call before; a user's bus has nobody else on it. */
#pragma once

#include "deployment/daemon.h"
#include "deployment/manifest.h"
#include "deployment/prepare.h"
#include "deployment/record-query.h"

#include "common/call.h"

#define DPL_ACTION_DEPLOY "org.waggle.deployment.deploy"
#define DPL_ACTION_ROLLBACK "org.waggle.deployment.rollback"
#define DPL_ACTION_CONFIRM "org.waggle.deployment.confirm"
#define DPL_ACTION_CANCEL "org.waggle.deployment.cancel"
#define DPL_ACTION_INSPECT "org.waggle.deployment.inspect"
#define DPL_ACTION_MANAGE "org.waggle.deployment.manage"

typedef WgCall DplCall;
typedef WgMethod DplMethod;

extern const DplMethod *const dpl_method_tables[];
extern const WgOption dpl_options_none[], dpl_options_trace[], dpl_options_manifest[],
    dpl_options_deploy[], dpl_options_rollback[], dpl_options_rehearse[], dpl_options_list[],
    dpl_options_stats[], dpl_options_reason[];

static inline DplDaemon *dpl_daemon(const DplCall *call) {
  return call->owner;
}
guint64 dpl_call_id(DplCall *call); /* bus-show.c: the first argument, t */

/* bus-tables.c: the one handler of all methods in the vtable. */
int dpl_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* bus-document.c: the bytes behind a descriptor that a caller gave: a sealed memfd or a regular
 * file, copied once, at most `max`. Worker thread: a file may be on a disk that hangs. */
GBytes *dpl_document_read(int fd, gsize max, GError **error);

/* bus-properties.c */
int dpl_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error);
void dpl_root_changed(DplDaemon *daemon, const char *property);

/* bus-events.c: what the engine tells. */
extern const DplEvents dpl_daemon_events;

/* bus-jobs.c: the objects of rollouts. */
void dpl_jobs_init(DplDaemon *daemon);
void dpl_jobs_clear(DplDaemon *daemon);
void dpl_jobs_note(DplDaemon *daemon, const DplJob *job);
/* Both return how far the deployment is as a whole, in percent. */
int dpl_jobs_state(DplDaemon *daemon, const DplRecord *record);
int dpl_jobs_progress(DplDaemon *daemon, const DplRecord *record, int percent, const char *text);
char *dpl_job_path(guint64 id);
int dpl_job_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error);
int dpl_job_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                 void **ret_found, sd_bus_error *error);
int dpl_job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                      sd_bus_error *error);

/* bus-deploy.c: the manifest of a call, to be prepared; INVALID_ARGUMENT. */
DplPreparation *dpl_call_preparation(DplCall *call, GError **error);
/* What a manifest means for a record within the bounds of the configuration. */
void dpl_record_fill(DplRecord *record, const DplDaemon *daemon, const DplManifest *manifest,
                     guint64 confirm);
/* Asks the engine for `what`, in the name and with the options of the call, which is answered. */
void dpl_call_create(DplCall *call, const DplRequest *what);

/* bus-release.c: the release that a roll-back of `target` goes to, by the call's option "to".
 * `found`, on the loop, has the call as its data, and a record or an error that says why not. */
void dpl_find_release(DplCall *call, const char *target, DplFoundFunc found);

/* bus-rehearse.c: the daemon leaves: what is rehearsed is ended, and its calls are answered. */
void dpl_rehearsals_cancel(DplDaemon *daemon);

/* The handlers of the methods, each where its subject is. */
void dpl_handle_ping(DplCall *call);
void dpl_handle_reload(DplCall *call);
void dpl_handle_validate(DplCall *call);
void dpl_handle_deploy(DplCall *call);
void dpl_handle_rollback(DplCall *call);
void dpl_handle_rehearse(DplCall *call);
void dpl_handle_confirm(DplCall *call);
void dpl_handle_cancel(DplCall *call);
void dpl_handle_cancel_job(DplCall *call);
void dpl_handle_list(DplCall *call);
void dpl_handle_list_deployments(DplCall *call);
void dpl_handle_show(DplCall *call);
void dpl_handle_plan(DplCall *call);
void dpl_handle_explain(DplCall *call);
void dpl_handle_stats(DplCall *call);
void dpl_handle_list_poisoned(DplCall *call);
void dpl_handle_forgive(DplCall *call);
void dpl_handle_audit_read(DplCall *call);
void dpl_handle_audit_verify(DplCall *call);

extern const WgServiceInterface dpl_interfaces[];
int dpl_tables_attach(DplDaemon *daemon, sd_bus *bus);
