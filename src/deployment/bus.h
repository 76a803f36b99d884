/* bus.h: the D-Bus layer: a call, its way in and its answer.
 *
 * A call goes: the vtable (bus-tables.c) -> who is it, may it enter (bus-call.c) -> the descriptor,
 * if it has one, and the other arguments as one GVariant tuple; options are checked against the
 * method's table -> polkit, for whoever is neither root nor the service's own uid -> its handler,
 * which answers now or later, exactly once. */
#pragma once

#include "deployment/daemon.h"
#include "deployment/manifest.h"
#include "deployment/prepare.h"

#include "common/bus-options.h"

#define DPL_ACTION_DEPLOY "org.waggle.deployment.deploy"
#define DPL_ACTION_ROLLBACK "org.waggle.deployment.rollback"
#define DPL_ACTION_CONFIRM "org.waggle.deployment.confirm"
#define DPL_ACTION_CANCEL "org.waggle.deployment.cancel"
#define DPL_ACTION_INSPECT "org.waggle.deployment.inspect"
#define DPL_ACTION_MANAGE "org.waggle.deployment.manage"

typedef struct DplCall DplCall;
typedef void (*DplHandler)(DplCall *call);

typedef struct {
  const char *interface, *member;
  DplHandler handler;
  const char *action;      /* NULL: everybody who may enter */
  const WgOption *options; /* of its a{sv}; NULL: it has none */
  gboolean is_audited;     /* it may change something */
} DplMethod;               /* a table ends with a NULL member */

extern const DplMethod dpl_methods[];
extern const WgOption dpl_options_none[], dpl_options_manifest[], dpl_options_deploy[],
    dpl_options_rollback[], dpl_options_rehearse[], dpl_options_list[], dpl_options_stats[],
    dpl_options_reason[];

/* One call that is owed an answer. */
struct DplCall {
  DplDaemon *daemon;
  const DplMethod *method;
  sd_bus_message *m;
  GVariant *args;    /* tuple, without the descriptor */
  GVariant *options; /* its last dictionary; NULL: none */
  int fd;            /* ours; -1: none */
  guint64 caller;    /* WgCaller.id */
  uid_t uid;
  pid_t pid;
  char *unit;          /* NULL */
  gboolean by_action;  /* polkit allowed it */
  gboolean is_audited; /* its refusal is an entry of the audit log */
  gpointer data;       /* the handler's, freed with `free_data` */
  gpointer work;       /* what runs for it; the handler's, never freed here */
  GDestroyNotify free_data;
};

/* Both end the call and free it. `result`: a tuple, its floating reference is taken; NULL: empty.
 */
void dpl_call_answer(DplCall *call, GVariant *result);
void dpl_call_fail(DplCall *call, const GError *error);
/* "uid:1000"; free with g_free(). */
char *dpl_call_who(const DplCall *call);
const char *dpl_call_text(DplCall *call, const char *option); /* NULL: not given. Borrowed */
guint64 dpl_call_number(DplCall *call, const char *option);   /* t or u; 0: not given */
gboolean dpl_call_flag(DplCall *call, const char *option);
guint64 dpl_call_id(DplCall *call); /* the first argument, t */

/* bus-call.c: the one handler of all methods in the vtable. */
int dpl_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* bus-access.c */
gboolean dpl_access_may_enter(const DplDaemon *daemon, uid_t uid);
gboolean dpl_access_is_admin(const DplDaemon *daemon, uid_t uid);
void dpl_access_refused(uid_t uid, const char *member);
WgPolkitDoor dpl_access_door(const DplDaemon *daemon, sd_bus *bus);
/* For getters, which know their reader only by the connection. */
gboolean dpl_access_may_look(const DplDaemon *daemon, sd_bus *bus);

/* bus-document.c: the bytes behind a descriptor that a caller gave: a sealed memfd or a regular
 * file, copied once, at most `max`. Worker thread: a file may be on a disk that hangs. */
GBytes *dpl_document_read(int fd, gsize max, GError **error);

/* bus-properties.c */
int dpl_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error);
void dpl_root_changed(DplDaemon *daemon, const char *property);

/* bus-signals.c: signals to whoever may hear them.
 *
 * What tells of what was observed goes, in the system's scope, to connections alone that were
 * authorized for a call before; a user's bus has nobody else on it. `body`: a tuple, its floating
 * reference is taken. */
void dpl_signals_init(DplDaemon *daemon);
void dpl_signals_clear(DplDaemon *daemon);
/* A connection that calls: remembered, and told everything at once if it needs no polkit. */
void dpl_signals_listen(DplDaemon *daemon, WgCaller *caller);
/* Polkit has allowed it a call. */
void dpl_signals_authorized(DplDaemon *daemon, guint64 caller);
void dpl_signals_gone(DplDaemon *daemon, WgCaller *caller);
void dpl_signal(DplDaemon *daemon, const char *path, const char *interface, const char *member,
                GVariant *body);
/* The same to everybody. */
void dpl_signal_public(DplDaemon *daemon, const char *path, const char *interface,
                       const char *member, GVariant *body);
/* PropertiesChanged to everybody; `names` end with NULL. */
void dpl_signal_properties(DplDaemon *daemon, const char *path, const char *interface,
                           const char *const *names);
void dpl_signal_object(DplDaemon *daemon, const char *path, gboolean added);

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
/* What a manifest means for a record within the bounds of the configuration, and the
 * answer to a call (`data`) that asked for a rollout. */
void dpl_record_fill(DplRecord *record, const DplDaemon *daemon, const DplManifest *manifest,
                     guint64 confirm);
void dpl_created(const DplJob *job, const GError *error, gpointer data);

/* bus-rehearse.c: the daemon leaves: what is rehearsed is ended, and its calls are answered. */
void dpl_rehearsals_cancel(DplDaemon *daemon);

/* The handlers of dpl_methods, each where its subject is. */
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
