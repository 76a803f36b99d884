/* bus-rehearse.c: Rehearse: whether a roll-back of a target would work, proven without touching
 * what serves (rehearse.h). The answer is the result, as JSON; it comes when nothing of the
 * rehearsal runs any more. */
#include "deployment/bus.h"

#include "deployment/manifest.h"
#include "deployment/record-query.h"
#include "deployment/rehearse.h"
#include "deployment/unit-directory.h"

#include "common/error.h"

typedef struct {
  char *target;
  DplManifest *manifest;
  DplRehearsal *running; /* until it says so itself */
} Rehearse;

static void rehearse_free(gpointer data) {
  Rehearse *rehearse = data;

  g_free(rehearse->target);
  g_clear_pointer(&rehearse->manifest, dpl_manifest_unref);
  g_free(rehearse);
}

static void rehearsed(DplRehearsed verdict, JsonNode *result, const char *text, gpointer data) {
  DplCall *call = data;
  DplDaemon *daemon = call->owner;
  Rehearse *rehearse = call->data;
  g_autofree char *json = json_to_string(result, FALSE);

  daemon->rehearsals = g_slist_remove(daemon->rehearsals, rehearse->running);
  wg_call_answer(call, g_variant_new("(s)", json));
}

static void begin(DplCall *call, const DplRecord *old) {
  DplDaemon *daemon = call->owner;
  Rehearse *rehearse = call->data;
  g_autofree char *directory =
      dpl_unit_directory_runtime(daemon->user_scope, daemon->settings.unit_directory);
  DplRehearsalOptions options = {
      .units = daemon->units,
      .user_scope = daemon->user_scope,
      .directory = directory,
      .own_unit = daemon->own_unit,
      .target = old->target,
      .root = old->root,
      .release = old->to,
      .digest = old->digest,
      .manifest = rehearse->manifest,
      .isolate = wg_call_flag(call, "isolate"),
      .observe = wg_call_number(call, "observe"),
      .limit = (guint64)MAX(old->budget_rollback, 0),
  };

  rehearse->running = dpl_rehearsal_start(&options, rehearsed, call);
  daemon->rehearsals = g_slist_prepend(daemon->rehearsals, rehearse->running);
}

static void found(const DplRecord *old, const GError *failure, gpointer data) {
  DplCall *call = data;
  Rehearse *rehearse = call->data;
  g_autoptr(GError) error = NULL;

  if (failure == NULL)
    rehearse->manifest = dpl_manifest_from_text(old->manifest, old->manifest_hash, &error);
  if (failure == NULL && error == NULL)
    dpl_daemon_may_begin(dpl_daemon(call), &error);
  if (failure != NULL || error != NULL)
    wg_call_fail(call, failure != NULL ? failure : error);
  else
    begin(call, old);
}

void dpl_handle_rehearse(DplCall *call) {
  DplDaemon *daemon = call->owner;
  g_autoptr(GError) error = NULL;
  Rehearse *rehearse = g_new0(Rehearse, 1);

  g_variant_get_child(call->args, 0, "s", &rehearse->target);
  call->data = rehearse;
  call->free_data = rehearse_free;
  if (!dpl_name_valid(rehearse->target))
    g_set_error(&error, WG_ERROR, WG_ERROR_UNKNOWN_TARGET, "'%s' is no name of a target",
                rehearse->target);
  if (error != NULL || !dpl_daemon_may_begin(daemon, &error))
    wg_call_fail(call, error);
  else
    dpl_find_release(call, rehearse->target, found);
}

void dpl_rehearsals_cancel(DplDaemon *daemon) {
  g_autoptr(GSList) all = g_slist_copy(daemon->rehearsals);

  for (GSList *l = all; l != NULL; l = l->next)
    dpl_rehearsal_cancel(l->data);
}
