/* bus-list.c: List and ListDeployments.
 *
 * List reads the targets' files and links anew (bus-targets.h); what happened to them and what is
 * under way the engine knows. */
#include "deployment/bus-targets.h"

#include "deployment/bus-json.h"
#include "deployment/query.h"

#include "common/error.h"

/* ---- ListDeployments ---- */
static void listed(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL)
    wg_call_fail(call, error);
  else
    wg_call_answer(call, g_variant_new("(@aa{sv})", dpl_json_dicts(json_node_get_array(node),
                                                                   dpl_deployment_fields)));
}

void dpl_handle_list_deployments(DplCall *call) {
  DplListOptions options = {
      .target = wg_call_text(call, "target"),
      .state = wg_call_text(call, "state"),
      .since = (gint64)MIN(wg_call_number(call, "since"), (guint64)G_MAXINT64),
      .job = wg_call_number(call, "job"),
      .active = wg_call_flag(call, "active"),
      .max = (guint)wg_call_number(call, "max"),
  };
  DplState state;

  if (options.state != NULL && !dpl_state_parse(options.state, &state)) {
    g_autoptr(GError) error = g_error_new(
        WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
        "'%s' is no state of a deployment; waggle-deployd(8) lists them", options.state);
    wg_call_fail(call, error);
    return;
  }
  dpl_query_list(dpl_daemon(call)->store, &options, listed, call);
}

/* ---- List ---- */
static void add(GVariantBuilder *builder, const char *key, const char *text) {
  if (text != NULL && text[0] != '\0')
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_string(text));
}

static void add_site(GVariantBuilder *builder, const DplSite *site) {
  GVariantBuilder labels;
  GHashTableIter iter;
  gpointer key, value;

  add(builder, "domain", site->domain);
  add(builder, "instance", site->instance);
  add(builder, "owner", site->owner);
  g_variant_builder_init(&labels, G_VARIANT_TYPE("a{ss}"));
  g_hash_table_iter_init(&iter, site->labels);
  while (g_hash_table_iter_next(&iter, &key, &value))
    g_variant_builder_add(&labels, "{ss}", key, value);
  g_variant_builder_add(builder, "{sv}", "labels", g_variant_builder_end(&labels));
}

static GVariant *view_dict(DplDaemon *daemon, const DplTargetView *view) {
  const DplRecord *holder = dpl_engine_holder(daemon->engine, view->name);
  const DplTarget *known = dpl_engine_target(daemon->engine, view->name);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  add(&builder, "name", view->name);
  add(&builder, "root", view->root);
  if (view->site != NULL)
    add_site(&builder, view->site);
  add(&builder, "refused", dpl_sites_refusal(daemon->sites, view->name));
  add(&builder, "current", view->current);
  add(&builder, "good", known != NULL ? known->good : NULL);
  /* a directory where nothing was committed yet may be anything */
  if (known != NULL && known->good != NULL)
    add(&builder, "trouble", view->trouble);
  if (dpl_target_drift_known(view)) {
    add(&builder, "drift", dpl_drift_name(view->drift));
    add(&builder, "drift-text", view->drift_text);
    g_variant_builder_add(&builder, "{sv}", "drift-checked",
                          g_variant_new_uint64((guint64)view->drift_time));
  }
  if (known != NULL && known->good_txn != 0)
    g_variant_builder_add(&builder, "{sv}", "good-deployment",
                          g_variant_new_uint64(known->good_txn));
  if (known != NULL && known->frozen != 0)
    g_variant_builder_add(&builder, "{sv}", "frozen", g_variant_new_uint64(known->frozen));
  if (holder != NULL) {
    g_variant_builder_add(&builder, "{sv}", "deployment", g_variant_new_uint64(holder->id));
    add(&builder, "state", dpl_states[holder->state].name);
  }
  return g_variant_builder_end(&builder);
}

/* One of which nothing is known but that its file is refused; it has no object. */
static void add_refused(GVariantBuilder *all, const DplDaemon *daemon, const char *name) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  add(&builder, "name", name);
  add(&builder, "refused", dpl_sites_refusal(daemon->sites, name));
  g_variant_builder_add_value(all, g_variant_builder_end(&builder));
}

static void looked(gpointer data) {
  DplCall *call = data;
  DplDaemon *daemon = dpl_daemon(call);
  g_autoptr(GPtrArray) views = dpl_targets_sorted(daemon);
  g_autoptr(GPtrArray) refused = dpl_sites_refused(daemon->sites);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < views->len; i++)
    g_variant_builder_add_value(&builder, view_dict(daemon, views->pdata[i]));
  for (guint i = 0; i < refused->len; i++)
    if (!g_hash_table_contains(daemon->targets, refused->pdata[i]))
      add_refused(&builder, daemon, refused->pdata[i]);
  wg_call_answer(call, g_variant_new("(aa{sv})", &builder));
}

void dpl_handle_list(DplCall *call) {
  dpl_targets_refresh(dpl_daemon(call), looked, call);
}

/* ---- the service itself ---- */
void dpl_handle_ping(DplCall *call) {
  wg_call_answer(call, NULL);
}

void dpl_handle_reload(DplCall *call) {
  g_autoptr(GError) error = NULL;

  if (wg_service_reload(dpl_daemon(call)->service, &error))
    wg_call_answer(call, NULL);
  else
    wg_call_fail(call, error);
}
