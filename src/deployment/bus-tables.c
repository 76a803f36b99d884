/* bus-tables.c: the D-Bus interface, which is nothing but these tables.
 *
 * dbus/org.waggle.Deployment1*.xml are dumped from them by --introspect and compared by a test;
 * the manual page org.waggle.Deployment1(5) says what each entry means. Every method is open to
 * everybody here (UNPRIVILEGED): who may do what is decided by the table of methods, because sd-bus
 * knows only root and others. */
#include "deployment/bus-drift.h"

#include "common/names.h"

/* Aliases without arguments of their own: SD_BUS_ARGS() must not be expanded too early. */
#define METHOD SD_BUS_METHOD_WITH_ARGS
#define ARGS SD_BUS_ARGS
#define RESULT SD_BUS_RESULT
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

#define ROOT WG_IFACE_DEPLOYMENT
#define JOB WG_IFACE_DEPLOYMENT_JOB

static const DplMethod methods[] = {
    {ROOT, "Validate", dpl_handle_validate, NULL, dpl_options_manifest, FALSE},
    /* a plan shows what root may read */
    {ROOT, "Plan", dpl_handle_plan, DPL_ACTION_DEPLOY, dpl_options_manifest, FALSE},
    {ROOT, "Deploy", dpl_handle_deploy, DPL_ACTION_DEPLOY, dpl_options_deploy, TRUE},
    {ROOT, "Rollback", dpl_handle_rollback, DPL_ACTION_ROLLBACK, dpl_options_rollback, TRUE},
    /* it may start a program of a release */
    {ROOT, "Rehearse", dpl_handle_rehearse, DPL_ACTION_DEPLOY, dpl_options_rehearse, TRUE},
    {ROOT, "Confirm", dpl_handle_confirm, DPL_ACTION_CONFIRM, dpl_options_trace, TRUE},
    {ROOT, "Cancel", dpl_handle_cancel, DPL_ACTION_CANCEL, dpl_options_trace, TRUE},
    {ROOT, "List", dpl_handle_list, DPL_ACTION_INSPECT, dpl_options_none, FALSE},
    {ROOT, "ListDeployments", dpl_handle_list_deployments, DPL_ACTION_INSPECT, dpl_options_list,
     FALSE},
    {ROOT, "Show", dpl_handle_show, DPL_ACTION_INSPECT, NULL, FALSE},
    {ROOT, "Explain", dpl_handle_explain, DPL_ACTION_INSPECT, NULL, FALSE},
    {ROOT, "Stats", dpl_handle_stats, DPL_ACTION_INSPECT, dpl_options_stats, FALSE},
    {ROOT, "CheckDrift", dpl_handle_check_drift, DPL_ACTION_INSPECT, dpl_options_none, FALSE},
    {ROOT, "ListPoisoned", dpl_handle_list_poisoned, DPL_ACTION_INSPECT, NULL, FALSE},
    {ROOT, "Forgive", dpl_handle_forgive, DPL_ACTION_MANAGE, NULL, TRUE},
    {ROOT, "AuditRead", dpl_handle_audit_read, DPL_ACTION_INSPECT, NULL, FALSE},
    {ROOT, "AuditVerify", dpl_handle_audit_verify, DPL_ACTION_INSPECT, NULL, FALSE},
    {ROOT, "Reload", dpl_handle_reload, DPL_ACTION_MANAGE, NULL, TRUE},
    {ROOT, "Ping", dpl_handle_ping, NULL, NULL, FALSE},
    {JOB, "Cancel", dpl_handle_cancel_job, DPL_ACTION_CANCEL, NULL, TRUE},
    {NULL},
};

const DplMethod *const dpl_method_tables[] = {methods, NULL};

int dpl_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  return wg_calls_enter(((DplDaemon *)userdata)->calls, m);
}

static const sd_bus_vtable vtable_root[] = {
    SD_BUS_VTABLE_START(0),
    /* manifests */
    METHOD("Validate", ARGS("h", manifest, "s", base, "a{sv}", options),
           RESULT("a(usbs)", problems), dpl_method_call, OPEN),
    METHOD("Plan", ARGS("h", manifest, "s", base, "a{sv}", options), RESULT("s", json),
           dpl_method_call, OPEN),
    METHOD("Deploy", ARGS("h", manifest, "s", base, "a{sv}", options), RESULT("o", job),
           dpl_method_call, OPEN),
    /* deployments */
    METHOD("Rollback", ARGS("s", target, "a{sv}", options), RESULT("o", job), dpl_method_call,
           OPEN),
    METHOD("Rehearse", ARGS("s", target, "a{sv}", options), RESULT("s", json), dpl_method_call,
           OPEN),
    METHOD("Confirm", ARGS("t", deployment, "a{sv}", options), SD_BUS_NO_RESULT, dpl_method_call,
           OPEN),
    METHOD("Cancel", ARGS("t", deployment, "a{sv}", options), SD_BUS_NO_RESULT, dpl_method_call,
           OPEN),
    /* looking */
    METHOD("List", ARGS("a{sv}", options), RESULT("aa{sv}", targets), dpl_method_call, OPEN),
    METHOD("ListDeployments", ARGS("a{sv}", filter), RESULT("aa{sv}", deployments), dpl_method_call,
           OPEN),
    METHOD("Show", ARGS("t", deployment), RESULT("s", json), dpl_method_call, OPEN),
    METHOD("Explain", ARGS("t", deployment), RESULT("s", text), dpl_method_call, OPEN),
    METHOD("Stats", ARGS("a{sv}", options), RESULT("a{sv}", figures), dpl_method_call, OPEN),
    METHOD("CheckDrift", ARGS("as", targets, "a{sv}", options), RESULT("aa{sv}", releases),
           dpl_method_call, OPEN),
    /* releases that failed lately */
    METHOD("ListPoisoned", SD_BUS_NO_ARGS, RESULT("aa{sv}", releases), dpl_method_call, OPEN),
    METHOD("Forgive", ARGS("s", digest), SD_BUS_NO_RESULT, dpl_method_call, OPEN),
    /* the audit log */
    METHOD("AuditRead", ARGS("t", from, "u", max), RESULT("a(ttsay)", entries), dpl_method_call,
           OPEN),
    METHOD("AuditVerify", SD_BUS_NO_ARGS, RESULT("b", good, "t", entries, "s", problem),
           dpl_method_call, OPEN),
    /* the service */
    METHOD("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dpl_method_call, OPEN),
    METHOD("Ping", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dpl_method_call, OPEN),

    SD_BUS_SIGNAL_WITH_ARGS("StateChanged",
                            ARGS("t", deployment, "s", target, "s", from, "s", to, "s", cause), 0),
    SD_BUS_SIGNAL_WITH_ARGS("Progress", ARGS("t", deployment, "i", percent, "s", text), 0),
    SD_BUS_SIGNAL_WITH_ARGS(
        "DriftChecked", ARGS("s", target, "s", release, "s", state, "t", checked, "s", text), 0),
    SD_BUS_SIGNAL_WITH_ARGS("Result", ARGS("t", deployment, "s", json), 0),

    SD_BUS_PROPERTY("Version", "s", dpl_root_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Scope", "s", dpl_root_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Degraded", "as", dpl_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NActive", "u", dpl_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("StoreState", "s", dpl_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

#define INFO(name, type, flags) SD_BUS_PROPERTY(name, type, dpl_job_get, 0, flags)
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable_job[] = {
    SD_BUS_VTABLE_START(0),
    METHOD("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dpl_method_call, OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Completed", ARGS("s", result, "i", exit), 0),
    INFO("Id", "t", CONST),
    INFO("Kind", "s", CONST),
    INFO("State", "s", CHANGES),
    INFO("Progress", "(isi)", CHANGES),
    INFO("Deployments", "at", CONST),
    INFO("Targets", "as", CONST),
    INFO("Failed", "u", CHANGES),
    INFO("Result", "s", CHANGES),
    INFO("Exit", "i", CHANGES),
    SD_BUS_VTABLE_END,
};

#undef INFO
#define INFO(name, type, flags) SD_BUS_PROPERTY(name, type, dpl_target_get, 0, flags)

static const sd_bus_vtable vtable_target[] = {
    SD_BUS_VTABLE_START(0),
    INFO("Name", "s", CONST),
    /* what its file says */
    INFO("Root", "s", CHANGES),
    INFO("Domain", "s", CHANGES),
    INFO("Instance", "s", CHANGES),
    INFO("Owner", "s", CHANGES),
    INFO("Labels", "a{ss}", CHANGES),
    /* what is there */
    INFO("State", "s", CHANGES),
    INFO("Current", "s", CHANGES),
    INFO("Drift", "s", CHANGES),
    INFO("DriftChecked", "t", CHANGES),
    INFO("DriftText", "s", CHANGES),
    INFO("Good", "s", CHANGES),
    INFO("GoodDeployment", "t", CHANGES),
    /* what happened */
    INFO("Deployment", "t", CHANGES),
    INFO("Frozen", "t", CHANGES),
    INFO("LastDeployment", "t", CHANGES),
    INFO("LastState", "s", CHANGES),
    INFO("Since", "t", CHANGES),
    SD_BUS_VTABLE_END,
};

const WgServiceInterface dpl_interfaces[] = {
    {WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, vtable_root},
    {WG_PATH_DEPLOYMENT_JOB, WG_IFACE_DEPLOYMENT_JOB, vtable_job},
    {WG_PATH_DEPLOYMENT_TARGET, WG_IFACE_DEPLOYMENT_TARGET, vtable_target},
    {NULL},
};

int dpl_tables_attach(DplDaemon *daemon, sd_bus *bus) {
  int r = sd_bus_add_object_vtable(bus, NULL, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, vtable_root,
                                   daemon);

  /* methods of a job get the daemon, too: which job it is they read from the path */
  if (r >= 0)
    r = sd_bus_add_fallback_vtable(bus, NULL, WG_PATH_DEPLOYMENT_JOB, WG_IFACE_DEPLOYMENT_JOB,
                                   vtable_job, dpl_job_find, daemon);
  if (r >= 0)
    r = sd_bus_add_node_enumerator(bus, NULL, WG_PATH_DEPLOYMENT_JOB, dpl_job_enumerate, daemon);
  if (r >= 0)
    r = sd_bus_add_fallback_vtable(bus, NULL, WG_PATH_DEPLOYMENT_TARGET, WG_IFACE_DEPLOYMENT_TARGET,
                                   vtable_target, dpl_target_find, daemon);
  if (r >= 0)
    r = sd_bus_add_node_enumerator(bus, NULL, WG_PATH_DEPLOYMENT_TARGET, dpl_target_enumerate,
                                   daemon);
  if (r >= 0)
    r = sd_bus_add_object_manager(bus, NULL, WG_PATH_DEPLOYMENT);
  return r;
}
