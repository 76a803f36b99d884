/* prepare.c: see prepare.h. The thread has the preparation to itself until `done`. */
#include "deployment/prepare.h"

#include "deployment/bus.h"

#include "common/amounts.h"
#include "common/error.h"

#include <gio/gio.h>
#include <string.h>

static void prepared_free(gpointer data) {
  DplPrepared *one = data;

  dpl_site_unref(one->site);
  dpl_manifest_unref(one->manifest);
  g_free(one);
}

void dpl_preparation_free(DplPreparation *p) {
  g_free(p->base);
  g_free(p->hash);
  dpl_selection_clear(&p->wanted);
  g_clear_pointer(&p->problems, wg_problems_free);
  g_clear_pointer(&p->sites, dpl_sites_free);
  g_clear_pointer(&p->prepared, g_ptr_array_unref);
  g_free(p);
}

void dpl_preparation_select(DplPreparation *p, GVariant *options) {
  g_autoptr(GVariantIter) labels = NULL;
  const char *key, *value;

  if (g_variant_lookup(options, "targets", "^as", &p->wanted.names) && p->wanted.names[0] == NULL)
    g_clear_pointer(&p->wanted.names, g_strfreev);
  g_variant_lookup(options, "domain", "s", &p->wanted.domain);
  if (!g_variant_lookup(options, "labels", "a{ss}", &labels))
    return;
  p->wanted.labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  while (g_variant_iter_next(labels, "{&s&s}", &key, &value))
    g_hash_table_replace(p->wanted.labels, g_strdup(key), g_strdup(value));
}

GError *dpl_preparation_refusal(const DplPreparation *p) {
  if (p->prepared != NULL && !wg_problems_refuse(p->problems))
    return NULL;
  g_autofree char *text = wg_problems_text(p->problems, "manifest");
  return g_error_new(WG_ERROR, p->is_other ? WG_ERROR_INVALID_STATE : WG_ERROR_INVALID_ARGUMENT,
                     "the manifest is refused:\n%s", g_strchomp(text));
}

static gboolean has_hash(DplPreparation *p, const DplManifest *manifest) {
  if (p->hash == NULL || g_ascii_strcasecmp(p->hash, manifest->hash) == 0)
    return TRUE;
  p->is_other = TRUE;
  wg_problems_add(p->problems, 0, "",
                  "the manifest is another one than was asked for: its hash is %s, not %s",
                  manifest->hash, p->hash);
  return FALSE;
}

static void judge_span(DplPreparation *p, const DplManifest *m, const char *pointer, guint64 span,
                       guint64 most) {
  JsonNode *said = wg_json_pointer(m->root, pointer);

  if (said == NULL || most == 0 || span <= most)
    return;
  g_autofree char *text = wg_span_text(most);
  if (strcmp(pointer, "/strategy/confirm") == 0)
    wg_problems_add(p->problems, wg_doc_line(m->doc, pointer), pointer,
                    "the time to confirm is at most %s here: ConfirmMaxSec= of deployd.conf(5)",
                    text);
  else
    wg_problems_warn(p->problems, wg_doc_line(m->doc, pointer), pointer,
                     "at most %s are given here, by deployd.conf(5)", text);
}

/* A budget that is cut is told; a time to confirm that is cut would undo a release that somebody
 * means to confirm later. */
static void judge_spans(DplPreparation *p, const DplManifest *m) {
  judge_span(p, m, "/budgets/deploy", m->budgets.deploy, p->most.deploy);
  judge_span(p, m, "/budgets/verify", m->budgets.verify, p->most.verify);
  judge_span(p, m, "/budgets/rollback", m->budgets.rollback, p->most.rollback);
  judge_span(p, m, "/strategy/confirm", m->strategy.confirm, p->most_confirm);
}

/* Whom it is for was refused already. */
static gboolean is_told(const DplPreparation *p, const DplManifest *manifest) {
  JsonNode *root = manifest->root;

  if (!wg_problems_refuse(p->problems))
    return FALSE;
  for (guint i = 0; i < wg_problems_n(p->problems); i++)
    if (g_str_has_prefix(wg_problems_at(p->problems, i)->pointer, "/target"))
      return TRUE;
  return !JSON_NODE_HOLDS_OBJECT(root) ||
         !json_object_has_member(json_node_get_object(root), "target");
}

static GPtrArray *find_sites(DplPreparation *p, const DplManifest *manifest) {
  g_autoptr(GError) error = NULL;
  GPtrArray *sites = dpl_manifest_targets(manifest, p->sites, &p->wanted, &error);

  if (sites == NULL && !is_told(p, manifest))
    wg_problems_add(p->problems, wg_doc_line(manifest->doc, "/target"), "/target", "%s",
                    error->message);
  return sites;
}

/* All problems at once: those of the checks and of the variables also where the form is wrong. Of
 * several targets, which mostly have the same, those of the first that has any. */
static void make(DplPreparation *p, const char *bytes, gsize size) {
  g_autoptr(DplManifest) manifest = dpl_manifest_parse(bytes, size, p->problems);

  if (manifest == NULL || !has_hash(p, manifest))
    return;
  g_autoptr(GPtrArray) sites = find_sites(p, manifest);
  judge_spans(p, manifest);
  if (wg_problems_refuse(p->problems)) {
    dpl_manifest_judge_rest(manifest, sites ? sites->pdata[0] : NULL, p->problems);
    return;
  }
  p->prepared = g_ptr_array_new_with_free_func(prepared_free);
  for (guint i = 0; i < sites->len; i++) {
    DplPrepared *one = g_new0(DplPrepared, 1);
    one->site = dpl_site_ref(sites->pdata[i]);
    g_ptr_array_add(p->prepared, one);
    one->manifest = dpl_manifest_for(manifest, one->site, p->problems);
    if (one->manifest == NULL) {
      g_clear_pointer(&p->prepared, g_ptr_array_unref);
      return;
    }
  }
}

static void run(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  DplPreparation *p = data;
  g_auto(GStrv) dirs = wg_config_dirs(p->user_scope);
  GError *error = NULL;
  g_autoptr(GBytes) bytes = dpl_document_read(p->fd, DPL_MANIFEST_BYTES_MAX, &error);

  p->problems = wg_problems_new();
  if (bytes == NULL) {
    g_task_return_error(task, error);
    return;
  }
  p->sites = dpl_sites_load((const char *const *)dirs, NULL);
  make(p, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  g_task_return_boolean(task, TRUE);
}

typedef struct {
  DplPreparedFunc done;
  gpointer user_data;
} Then;

static void finished(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Then *then = data;
  g_autoptr(GError) error = NULL;

  g_task_propagate_boolean(G_TASK(result), &error);
  then->done(error, then->user_data);
}

void dpl_prepare(DplPreparation *p, DplPreparedFunc done, gpointer user_data) {
  Then *then = g_new(Then, 1);

  *then = (Then){done, user_data};
  g_autoptr(GTask) task = g_task_new(NULL, NULL, finished, then);
  g_task_set_task_data(task, p, NULL);
  g_task_run_in_thread(task, run);
}
