/* bus-targets.c: see bus-targets.h: what is known, and who is told when it changes. */
#include "deployment/bus-targets.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

static const char *const names_of_site[] = {"Root", "Domain", "Instance", "Owner", "Labels", NULL};
static const char *const names_of_link[] = {"Current",      "State",     "Drift",
                                            "DriftChecked", "DriftText", NULL};
static const char *const names_of_drift[] = {"Drift", "DriftChecked", "DriftText", NULL};
static const char *const names_of_state[] = {"State",     "Good",       "GoodDeployment",
                                             "Frozen",    "Deployment", "LastDeployment",
                                             "LastState", "Since",      NULL};

static void view_free(gpointer data) {
  DplTargetView *view = data;

  g_free(view->name);
  g_free(view->root);
  g_clear_pointer(&view->site, dpl_site_unref);
  g_free(view->current);
  g_free(view->trouble);
  g_free(view->drift_release);
  g_free(view->drift_text);
  g_free(view);
}

void dpl_targets_init(DplDaemon *daemon) {
  daemon->targets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, view_free);
}

void dpl_targets_clear(DplDaemon *daemon) {
  g_clear_pointer(&daemon->targets, g_hash_table_unref);
}

static gint by_name(gconstpointer a, gconstpointer b) {
  return strcmp((*(DplTargetView *const *)a)->name, (*(DplTargetView *const *)b)->name);
}

GPtrArray *dpl_targets_sorted(DplDaemon *daemon) {
  GPtrArray *views = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, daemon->targets);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    g_ptr_array_add(views, value);
  g_ptr_array_sort(views, by_name);
  return views;
}

/* ---- signals ---- */
static void tell_object(DplDaemon *daemon, const char *name, gboolean added) {
  char *path = NULL;

  if (sd_bus_path_encode(WG_PATH_DEPLOYMENT_TARGET, name, &path) >= 0)
    wg_calls_object(daemon->calls, path, added);
  free(path);
}

static void tell(DplDaemon *daemon, const char *name, const char *const *names) {
  char *path = NULL;

  if (sd_bus_path_encode(WG_PATH_DEPLOYMENT_TARGET, name, &path) >= 0)
    wg_calls_changed(daemon->calls, path, WG_IFACE_DEPLOYMENT_TARGET, names);
  free(path);
}

gboolean dpl_target_drift_known(const DplTargetView *view) {
  return view->drift_time != 0 && view->current != NULL &&
         g_strcmp0(view->drift_release, view->current) == 0;
}

void dpl_targets_drifted(DplDaemon *daemon, const char *name, const char *release,
                         DplDriftState state, const char *text, gint64 time) {
  DplTargetView *view = g_hash_table_lookup(daemon->targets, name);

  if (view == NULL || time < view->drift_time)
    return;
  dpl_record_set(&view->drift_release, release);
  dpl_record_set(&view->drift_text, text);
  view->drift = state;
  view->drift_time = time;
  tell(daemon, name, names_of_drift);
}

/* ---- what is known ---- */
static DplTargetView *view_add(DplDaemon *daemon, const char *name, const char *root) {
  DplTargetView *view = g_new0(DplTargetView, 1);

  view->name = g_strdup(name);
  view->root = g_strdup(root);
  g_hash_table_insert(daemon->targets, view->name, view);
  return view;
}

static gboolean same_table(GHashTable *a, GHashTable *b) {
  GHashTableIter iter;
  gpointer key, value;

  if (g_hash_table_size(a) != g_hash_table_size(b))
    return FALSE;
  g_hash_table_iter_init(&iter, a);
  while (g_hash_table_iter_next(&iter, &key, &value))
    if (g_strcmp0(g_hash_table_lookup(b, key), value) != 0)
      return FALSE;
  return TRUE;
}

static gboolean same_site(const DplSite *a, const DplSite *b) {
  if (a == NULL || b == NULL)
    return a == b;
  return g_str_equal(a->domain, b->domain) && g_str_equal(a->instance, b->instance) &&
         g_str_equal(a->owner, b->owner) && same_table(a->labels, b->labels);
}

/* TRUE: something of what a file says is different. */
static gboolean take_site(DplTargetView *view, DplSite *site) {
  const char *root = site != NULL ? site->root : view->root;
  gboolean same = same_site(view->site, site) && g_str_equal(view->root, root);

  if (site != NULL)
    dpl_site_ref(site);
  dpl_record_set(&view->root, root);
  g_clear_pointer(&view->site, dpl_site_unref);
  view->site = site;
  return !same;
}

static DplSite *site_of(const DplDaemon *daemon, const char *name) {
  DplSite *site = daemon->sites != NULL ? dpl_sites_find(daemon->sites, name) : NULL;

  return site != NULL ? site : g_hash_table_lookup(daemon->own_sites, name);
}

static void start_one(const DplTarget *target, gpointer data) {
  DplDaemon *daemon = data;

  if (!g_hash_table_contains(daemon->targets, target->name))
    view_add(daemon, target->name, target->root);
}

void dpl_targets_start(DplDaemon *daemon) {
  for (guint i = 0; i < dpl_sites_n(daemon->sites); i++) {
    DplSite *site = dpl_sites_at(daemon->sites, i);
    view_add(daemon, site->name, site->root)->site = dpl_site_ref(site);
  }
  dpl_engine_each_target(daemon->engine, start_one, daemon);
  dpl_targets_refresh(daemon, NULL, NULL);
}

/* ---- looking ---- */
typedef struct {
  DplDaemon *daemon;
  DplTargetsFunc done;
  gpointer data;
} Refresh;

static void take_link(DplDaemon *daemon, const DplLook *look, const DplSeen *seen) {
  DplTargetView *view = g_hash_table_lookup(daemon->targets, seen->name);

  if (view == NULL || view->look > look->number)
    return;
  gboolean same = g_strcmp0(view->current, seen->current) == 0;
  view->look = look->number;
  dpl_record_set(&view->current, seen->current);
  dpl_record_set(&view->trouble, seen->trouble);
  if (!same)
    tell(daemon, view->name, names_of_link);
}

/* What no file describes stays for as long as something is remembered of it. */
static gboolean is_gone(DplDaemon *daemon, const DplTargetView *view) {
  return site_of(daemon, view->name) == NULL &&
         dpl_engine_target(daemon->engine, view->name) == NULL;
}

static void drop_gone(DplDaemon *daemon) {
  g_autoptr(GPtrArray) views = dpl_targets_sorted(daemon);

  for (guint i = 0; i < views->len; i++) {
    DplTargetView *view = views->pdata[i];
    if (!is_gone(daemon, view))
      continue;
    tell_object(daemon, view->name, FALSE);
    g_hash_table_remove(daemon->targets, view->name);
  }
}

static void take_sites(DplDaemon *daemon, DplLook *look) {
  g_clear_pointer(&daemon->sites, dpl_sites_free);
  daemon->sites = g_steal_pointer(&look->sites);
  drop_gone(daemon);
  for (guint i = 0; i < look->seen->len; i++) {
    const DplSeen *seen = look->seen->pdata[i];
    DplTargetView *view = g_hash_table_lookup(daemon->targets, seen->name);
    DplSite *site = site_of(daemon, seen->name);
    gboolean is_new = view == NULL;
    if (is_new && site == NULL)
      continue;
    if (is_new)
      view = view_add(daemon, seen->name, seen->root);
    gboolean differs = take_site(view, site);
    if (is_new) {
      view->look = look->number;
      view->current = g_strdup(seen->current);
      view->trouble = g_strdup(seen->trouble);
      tell_object(daemon, view->name, TRUE);
    } else if (differs)
      tell(daemon, view->name, names_of_site);
  }
}

static void refreshed(DplLook *look, gpointer data) {
  g_autofree Refresh *refresh = data;
  DplDaemon *daemon = refresh->daemon;

  if (daemon->targets == NULL)
    return;
  if (look->sites != NULL && look->number > daemon->sites_look) {
    daemon->sites_look = look->number;
    dpl_log_targets(daemon, look->refused);
    take_sites(daemon, look);
  }
  for (guint i = 0; i < look->seen->len; i++)
    take_link(daemon, look, look->seen->pdata[i]);
  if (refresh->done != NULL)
    refresh->done(refresh->data);
}

static void run(DplDaemon *daemon, DplLook *look, char **dirs, DplTargetsFunc done, gpointer data) {
  Refresh *refresh = g_new0(Refresh, 1);

  *refresh = (Refresh){daemon, done, data};
  dpl_look_run(look, dirs, refreshed, refresh);
}

void dpl_targets_refresh(DplDaemon *daemon, DplTargetsFunc done, gpointer data) {
  g_auto(GStrv) dirs = wg_config_dirs(daemon->user_scope);
  g_autoptr(GPtrArray) views = dpl_targets_sorted(daemon);
  DplLook *look = dpl_look_new();

  for (guint i = 0; i < views->len; i++) {
    const DplTargetView *view = views->pdata[i];
    dpl_look_add(look, view->name, view->root);
  }
  run(daemon, look, dirs, done, data);
}

/* Before and after these the link is where it was. */
static gboolean may_have_moved(DplState state) {
  return state == DPL_STATE_STARTING || dpl_states[state].is_end;
}

void dpl_targets_state(DplDaemon *daemon, const DplRecord *record) {
  DplTargetView *view = g_hash_table_lookup(daemon->targets, record->target);
  gboolean is_new = view == NULL;

  if (is_new)
    view = view_add(daemon, record->target, record->root);
  gboolean differs = take_site(view, site_of(daemon, record->target));
  if (is_new)
    tell_object(daemon, view->name, TRUE);
  else if (differs)
    tell(daemon, view->name, names_of_site);
  if (!is_new)
    tell(daemon, view->name, names_of_state);
  if (!may_have_moved(record->state) && !is_new)
    return;
  DplLook *look = dpl_look_new();
  dpl_look_add(look, view->name, view->root);
  run(daemon, look, NULL, NULL, NULL);
}
