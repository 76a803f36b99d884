/* rehearse.c: a rehearsal's order and its result; see rehearse.h.
 *
 * Files on a worker thread, the unit files by systemd-analyze, then the services. Its end is told
 * when nothing of it runs any more. */
#include "deployment/rehearse-private.h"

#include "deployment/layout.h"
#include "deployment/redact.h"
#include "deployment/rehearse-unit.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <string.h>

#define OBSERVE (3 * G_TIME_SPAN_SECOND)
#define LIMIT (2 * G_TIME_SPAN_MINUTE)

const char *dpl_rehearsed_name(DplRehearsed verdict) {
  static const char *const names[] = {"pass", "fail", "error"};

  return names[verdict];
}

static void player_free(gpointer data) {
  DplPlayer *player = data;

  g_free(player->unit);
  g_ptr_array_unref(player->names);
  g_ptr_array_unref(player->paths);
  g_free(player->why_not);
  g_ptr_array_unref(player->left);
  g_free(player);
}

static void remove_file(gpointer path) {
  g_unlink(path);
  g_free(path);
}

static void text_free(gpointer data) {
  dpl_unit_text_free(data);
}

static void rehearsal_free(DplRehearsal *r) {
  g_free((char *)r->o.directory);
  g_free((char *)r->o.own_unit);
  g_free((char *)r->o.target);
  g_free((char *)r->o.root);
  g_free((char *)r->o.release);
  g_free((char *)r->o.digest);
  dpl_manifest_unref(r->manifest);
  g_object_unref(r->cancel);
  json_object_unref(r->result);
  g_ptr_array_unref(r->secrets);
  g_string_free(r->wrong, TRUE);
  g_ptr_array_unref(r->texts);
  g_ptr_array_unref(r->players);
  g_clear_pointer(&r->watch, wg_unit_watch_free);
  g_clear_handle_id(&r->timer, g_source_remove);
  g_free(r->invocation);
  g_free(r->trouble);
  g_free(r);
}

/* ---- the result ---- */
JsonObject *dpl_rehearsal_note(DplRehearsal *r, const char *step, const char *verdict,
                               const char *text) {
  g_autofree char *masked = dpl_redact_text(text, r->secrets);
  JsonObject *one = json_object_new();
  gboolean failed = strcmp(verdict, "fail") == 0;

  json_object_set_string_member(one, "name", step);
  json_object_set_string_member(one, "verdict", verdict);
  json_object_set_string_member(one, "text", masked);
  json_array_add_object_element(r->steps, one);
  if (!failed && strcmp(verdict, "error") != 0)
    return one;
  if (failed)
    r->verdict = DPL_REHEARSED_FAIL;
  else if (r->verdict == DPL_REHEARSED_PASS)
    r->verdict = DPL_REHEARSED_ERROR;
  g_string_append_printf(r->wrong, "%s%s: %s", r->wrong->len ? "; " : "", step, masked);
  return one;
}

guint64 dpl_rehearsal_left(const DplRehearsal *r) {
  gint64 left = r->begin + (gint64)r->o.limit - g_get_monotonic_time();

  return (guint64)MAX(left, 1);
}

/* A pass says nothing of these. */
static JsonArray *not_started(const DplRehearsal *r) {
  JsonArray *units = json_array_new();

  for (guint i = 0; i < r->players->len; i++) {
    const DplPlayer *player = r->players->pdata[i];
    if (player->why_not != NULL)
      json_array_add_string_element(units, player->unit);
  }
  return units;
}

void dpl_rehearsal_end(DplRehearsal *r) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

  if (g_cancellable_is_cancelled(r->cancel) && r->verdict == DPL_REHEARSED_PASS)
    dpl_rehearsal_note(r, "rehearsal", "error", "it was ended");
  json_object_set_string_member(r->result, "target", r->o.target);
  json_object_set_string_member(r->result, "release", r->o.release);
  json_object_set_string_member(r->result, "version", r->manifest->version);
  json_object_set_boolean_member(r->result, "isolated", r->o.isolate);
  json_object_set_string_member(r->result, "verdict", dpl_rehearsed_name(r->verdict));
  json_object_set_int_member(r->result, "duration", g_get_monotonic_time() - r->begin);
  json_object_set_array_member(r->result, "steps", r->steps);
  json_object_set_array_member(r->result, "not-started", not_started(r));
  json_node_set_object(node, r->result);
  r->done(r->verdict, node, r->wrong->str, r->user_data);
  rehearsal_free(r);
}

/* ---- the unit files, by systemd ---- */
static void judged(const char *remark, const GError *error, gpointer data) {
  DplRehearsal *r = data;

  r->verify = NULL;
  if (remark)
    dpl_rehearsal_note(r, "systemd-analyze", "skip", remark);
  else
    dpl_rehearsal_note(r, "systemd-analyze", error ? "fail" : "pass",
                       error ? error->message : "systemd would take the unit files");
  dpl_rehearsal_play(r);
}

static void judge_units(DplRehearsal *r) {
  g_autofree char *current = g_build_filename(r->o.root, DPL_LINK_CURRENT, NULL);
  g_autofree char *release = g_build_filename(r->o.root, DPL_DIR_RELEASES, r->o.release, NULL);

  if (r->texts->len == 0)
    dpl_rehearsal_play(r);
  else
    r->verify = dpl_unit_verify_start(r->texts, current, release, r->o.user_scope,
                                      dpl_rehearsal_left(r), judged, r);
}

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  DplRehearsal *r = data;

  if (!g_task_propagate_boolean(G_TASK(result), NULL)) { /* it was cancelled */
    dpl_rehearsal_end(r);
    return;
  }
  if (!r->whole)
    g_ptr_array_set_size(r->players, 0);
  judge_units(r);
}

static void run(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  GError *error = NULL;

  if (dpl_rehearsal_look(data, &error))
    g_task_return_boolean(task, TRUE);
  else
    g_task_return_error(task, error);
}

/* ---- beginning and end ---- */
static void add_players(DplRehearsal *r) {
  for (guint i = 0; r->o.isolate && r->manifest->units.start[i]; i++) {
    DplPlayer *player = g_new0(DplPlayer, 1);
    player->unit = g_strdup(r->manifest->units.start[i]);
    player->names = g_ptr_array_new_with_free_func(g_free);
    player->paths = g_ptr_array_new_with_free_func(remove_file);
    player->left = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(r->players, player);
  }
}

DplRehearsal *dpl_rehearsal_start(const DplRehearsalOptions *o, DplRehearsalFunc done,
                                  gpointer user_data) {
  DplRehearsal *r = g_new0(DplRehearsal, 1);
  g_autofree char *text = dpl_manifest_text(o->manifest);

  *r = (DplRehearsal){
      .o = *o,
      .manifest = dpl_manifest_ref((DplManifest *)o->manifest),
      .done = done,
      .user_data = user_data,
      .begin = g_get_monotonic_time(),
      .cancel = g_cancellable_new(),
      .result = json_object_new(),
      .steps = json_array_new(),
      .secrets = dpl_redact_values(text),
      .wrong = g_string_new(NULL),
      .texts = g_ptr_array_new_with_free_func(text_free),
      .players = g_ptr_array_new_with_free_func(player_free),
  };
  r->o.directory = g_strdup(o->directory);
  r->o.own_unit = g_strdup(o->own_unit);
  r->o.target = g_strdup(o->target);
  r->o.root = g_strdup(o->root);
  r->o.release = g_strdup(o->release);
  r->o.digest = g_strdup(o->digest);
  r->o.manifest = r->manifest;
  r->o.observe = o->observe ? MIN(o->observe, LIMIT) : OBSERVE;
  r->o.limit = o->limit ? MIN(o->limit, LIMIT) : LIMIT;
  add_players(r);
  g_autoptr(GTask) task = g_task_new(NULL, NULL, looked, r);
  g_task_set_task_data(task, r, NULL);
  g_task_run_in_thread(task, run);
  return r;
}

void dpl_rehearsal_cancel(DplRehearsal *r) {
  if (g_cancellable_is_cancelled(r->cancel))
    return;
  g_cancellable_cancel(r->cancel); /* the thread and a start end by it */
  dpl_rehearsal_stop_watching(r);
}

void dpl_rehearsal_sweep(const char *directory) {
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir)))
    if (dpl_isolated_unit_is(name)) {
      g_autofree char *path = g_build_filename(directory, name, NULL);
      g_unlink(path);
    }
}
