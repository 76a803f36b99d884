/* bus-release.c: the release that a roll-back of a target goes to: the one that is asked for, or
 * the last that was committed before the present one; of those that retention has left there. What
 * is on the disk is looked at on a worker thread; where it cannot be looked at the history alone
 * decides, and the transaction finds out. */
#include "deployment/bus-targets.h"

#include "deployment/io.h"
#include "deployment/layout.h"
#include "deployment/retention.h"

#include "common/error.h"
#include "common/nearest.h"

typedef struct {
  DplCall *call;
  char *target, *root, *good; /* good: the present release; NULL: none */
  char **here;                /* IDs; NULL: not known */
  DplFoundFunc found;
} Search;

static void search_free(Search *s) {
  g_free(s->target);
  g_free(s->root);
  g_free(s->good);
  g_strfreev(s->here);
  g_free(s);
}

/* The others that could be named. */
static char *others(const Search *s) {
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; s->here && s->here[i]; i++)
    if (g_strcmp0(s->here[i], s->good) != 0)
      g_string_append_printf(text, "%s%s", text->len ? ", " : "", s->here[i]);
  return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static GError *not_found(const Search *s, const char *to) {
  g_autofree char *there = others(s);
  g_autofree char *rest =
      there ? g_strdup_printf("; there are %s (the option 'to' takes one of them)", there)
            : g_strdup("; \"waggle deploy history\" tells what there was");
  gboolean is_here = to && s->here && g_strv_contains((const char *const *)s->here, to);

  if (to == NULL)
    return g_error_new(WG_ERROR, WG_ERROR_INVALID_STATE,
                       "at %s no release that was committed before the present one is left, so "
                       "there is nowhere to go back to%s",
                       s->target, rest);
  return g_error_new(WG_ERROR, WG_ERROR_INVALID_STATE, "the release %s %s %s%s", to,
                     is_here || !s->here ? "was never committed at" : "is not at", s->target, rest);
}

static void queried(const DplRecord *record, const GError *failure, gpointer data) {
  Search *s = data;
  const char *to = wg_call_text(s->call, "to");
  g_autoptr(GError) error = failure || record ? NULL : not_found(s, to);

  s->found(record, failure ? failure : error, s->call);
  search_free(s);
}

static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  Search *s = data;
  int root = dpl_layout_open(s->root, s->target, FALSE, NULL);

  if (root >= 0)
    s->here = dpl_release_ids(root, DPL_DIR_RELEASES, NULL);
  dpl_close(&root);
  g_task_return_boolean(task, TRUE);
}

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  Search *s = data;
  const char *to = wg_call_text(s->call, "to");

  dpl_query_release(dpl_daemon(s->call)->store, s->target, to, to == NULL ? s->good : NULL,
                    (const char *const *)s->here, queried, s);
}

static GError *unknown_target(DplDaemon *daemon, const char *target) {
  g_autoptr(GPtrArray) views = dpl_targets_sorted(daemon);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (guint i = 0; i < views->len; i++)
    g_strv_builder_add(names, ((DplTargetView *)views->pdata[i])->name);
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(target, (const char *const *)known);
  return g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_TARGET, "no target '%s'; %s", target,
                     hint ? hint : "\"waggle deploy list\" tells which there are");
}

static void begin(Search *s, const DplTargetView *view) {
  s->good = g_strdup(dpl_engine_good(dpl_daemon(s->call)->engine, s->target));
  s->root = g_strdup(view->root);
  g_autoptr(GTask) task = g_task_new(NULL, NULL, looked, s);
  g_task_set_task_data(task, s, NULL);
  g_task_run_in_thread(task, look);
}

/* The targets' files were read anew: one may have been written since. */
static void refreshed(gpointer data) {
  Search *s = data;
  DplDaemon *daemon = s->call->owner;
  const DplTargetView *view = g_hash_table_lookup(daemon->targets, s->target);

  if (view != NULL) {
    begin(s, view);
    return;
  }
  g_autoptr(GError) error = unknown_target(daemon, s->target);
  s->found(NULL, error, s->call);
  search_free(s);
}

void dpl_find_release(DplCall *call, const char *target, DplFoundFunc found) {
  DplDaemon *daemon = call->owner;
  const DplTargetView *view = g_hash_table_lookup(daemon->targets, target);
  Search *s = g_new0(Search, 1);

  *s = (Search){.call = call, .target = g_strdup(target), .found = found};
  if (view != NULL)
    begin(s, view);
  else
    dpl_targets_refresh(daemon, refreshed, s);
}
