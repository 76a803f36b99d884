/* bus-list.c: List and ListDeployments.
 *
 * List asks three: the store for what it remembers of each target, a worker thread for the targets'
 * files and links, the engine for what is under way. */
#include "deployment/bus.h"

#include "deployment/bus-json.h"
#include "deployment/layout.h"
#include "deployment/query.h"
#include "deployment/switch.h"

#include "common/error.h"

#include <unistd.h>

/* ---- ListDeployments ---- */
static void listed(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL)
    dpl_call_fail(call, error);
  else
    dpl_call_answer(call, g_variant_new("(@aa{sv})", dpl_json_dicts(json_node_get_array(node),
                                                                    dpl_deployment_fields)));
}

void dpl_handle_list_deployments(DplCall *call) {
  DplListOptions options = {
      .target = dpl_call_text(call, "target"),
      .state = dpl_call_text(call, "state"),
      .since = (gint64)MIN(dpl_call_number(call, "since"), (guint64)G_MAXINT64),
      .job = dpl_call_number(call, "job"),
      .active = dpl_call_flag(call, "active"),
      .max = (guint)dpl_call_number(call, "max"),
  };
  DplState state;

  if (options.state != NULL && !dpl_state_parse(options.state, &state)) {
    g_autoptr(GError) error = g_error_new(
        WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
        "'%s' is no state of a deployment; waggle-deployd(8) lists them", options.state);
    dpl_call_fail(call, error);
    return;
  }
  dpl_query_list(call->daemon->store, &options, listed, call);
}

/* ---- List ---- */
typedef struct {
  char *name, *root, *good;
  guint64 good_txn, frozen;
  DplSite *site; /* NULL: no file describes it (any more) */
  char *current, *trouble;
} Row;

typedef struct {
  GPtrArray *rows; /* sorted by name */
  DplSites *sites;
  gboolean user_scope;
} Listing;

static void row_free(gpointer data) {
  Row *row = data;

  g_free(row->name);
  g_free(row->root);
  g_free(row->good);
  g_free(row->current);
  g_free(row->trouble);
  g_clear_pointer(&row->site, dpl_site_unref);
  g_free(row);
}

static void listing_free(gpointer data) {
  Listing *listing = data;

  g_ptr_array_unref(listing->rows);
  g_clear_pointer(&listing->sites, dpl_sites_free);
  g_free(listing);
}

static JsonNode *ask_targets(DplStore *store, gpointer question, GError **error) {
  Listing *listing = question;
  g_autoptr(DplStatement) stmt =
      dpl_store_statement(store, "SELECT name, root, good, good_txn, frozen FROM target");

  g_ptr_array_set_size(listing->rows, 0);
  while (stmt != NULL && dpl_store_row(store, stmt)) {
    Row *row = g_new0(Row, 1);
    row->name = g_strdup((const char *)sqlite3_column_text(stmt, 0));
    row->root = g_strdup((const char *)sqlite3_column_text(stmt, 1));
    row->good = g_strdup((const char *)sqlite3_column_text(stmt, 2));
    row->good_txn = (guint64)sqlite3_column_int64(stmt, 3);
    row->frozen = (guint64)sqlite3_column_int64(stmt, 4);
    g_ptr_array_add(listing->rows, row);
  }
  return NULL;
}

static Row *row_of(Listing *listing, const char *name) {
  for (guint i = 0; i < listing->rows->len; i++)
    if (g_str_equal(((Row *)listing->rows->pdata[i])->name, name))
      return listing->rows->pdata[i];
  Row *row = g_new0(Row, 1);
  row->name = g_strdup(name);
  g_ptr_array_add(listing->rows, row);
  return row;
}

static void read_current(Row *row) {
  g_autoptr(GError) error = NULL;

  if (!g_file_test(row->root, G_FILE_TEST_EXISTS))
    return;
  int root = dpl_layout_open(row->root, row->name, FALSE, &error);
  if (root >= 0) {
    dpl_current_read(root, &row->current, &error);
    close(root);
  }
  if (error != NULL && row->good != NULL)
    row->trouble = g_strdup(error->message);
}

static gint by_name(gconstpointer a, gconstpointer b) {
  return strcmp((*(Row *const *)a)->name, (*(Row *const *)b)->name);
}

static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Listing *listing = data;
  g_auto(GStrv) dirs = wg_config_dirs(listing->user_scope);

  listing->sites = dpl_sites_load((const char *const *)dirs, NULL);
  for (guint i = 0; i < dpl_sites_n(listing->sites); i++) {
    DplSite *site = dpl_sites_at(listing->sites, i);
    Row *row = row_of(listing, site->name);
    row->site = dpl_site_ref(site);
    g_free(row->root);
    row->root = g_strdup(site->root);
  }
  for (guint i = 0; i < listing->rows->len; i++)
    read_current(listing->rows->pdata[i]);
  g_ptr_array_sort(listing->rows, by_name);
  g_task_return_boolean(task, TRUE);
}

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

static GVariant *row_dict(DplDaemon *daemon, const Row *row) {
  const DplRecord *holder = dpl_engine_holder(daemon->engine, row->name);
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  add(&builder, "name", row->name);
  add(&builder, "root", row->root);
  if (row->site != NULL)
    add_site(&builder, row->site);
  add(&builder, "current", row->current);
  add(&builder, "good", row->good);
  add(&builder, "trouble", row->trouble);
  if (row->good_txn != 0)
    g_variant_builder_add(&builder, "{sv}", "good-deployment", g_variant_new_uint64(row->good_txn));
  if (row->frozen != 0)
    g_variant_builder_add(&builder, "{sv}", "frozen", g_variant_new_uint64(row->frozen));
  if (holder != NULL) {
    g_variant_builder_add(&builder, "{sv}", "deployment", g_variant_new_uint64(holder->id));
    add(&builder, "state", dpl_states[holder->state].name);
  }
  return g_variant_builder_end(&builder);
}

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  DplCall *call = data;
  Listing *listing = call->data;
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < listing->rows->len; i++)
    g_variant_builder_add_value(&builder, row_dict(call->daemon, listing->rows->pdata[i]));
  g_clear_pointer(&call->daemon->sites, dpl_sites_free);
  call->daemon->sites = g_steal_pointer(&listing->sites);
  dpl_call_answer(call, g_variant_new("(aa{sv})", &builder));
}

static void remembered(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (error != NULL) {
    dpl_call_fail(call, error);
    return;
  }
  g_autoptr(GTask) task = g_task_new(NULL, NULL, looked, call);
  g_task_set_task_data(task, call->data, NULL);
  g_task_run_in_thread(task, look);
}

void dpl_handle_list(DplCall *call) {
  Listing *listing = g_new0(Listing, 1);

  listing->rows = g_ptr_array_new_with_free_func(row_free);
  listing->user_scope = call->daemon->user_scope;
  call->data = listing;
  call->free_data = listing_free;
  dpl_ask(call->daemon->store, ask_targets, listing, NULL, FALSE, remembered, call);
}

/* ---- the service itself ---- */
void dpl_handle_ping(DplCall *call) {
  dpl_call_answer(call, NULL);
}

void dpl_handle_reload(DplCall *call) {
  g_autoptr(GError) error = NULL;

  if (wg_service_reload(call->daemon->service, &error))
    dpl_call_answer(call, NULL);
  else
    dpl_call_fail(call, error);
}
