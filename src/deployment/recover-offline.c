/* recover-offline.c: see recover-offline.h. The state is written before the files are touched, as
 * in the daemon; whatever cannot be put back here is tried again there. */
#include "deployment/recover-offline.h"

#include "deployment/budget.h"
#include "deployment/rebuild.h"
#include "deployment/record-store.h"
#include "deployment/undo-files.h"

#include "common/error.h"
#include "common/log.h"
#include "common/trace-context.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WgSalvage, wg_salvage_clear)

/* A verified release that waits stays, unless its time is over or nobody holds it any more. */
static gboolean has_to_go_back(const DplRecord *r, gint64 now) {
  switch (dpl_states[r->state].crash) {
  case DPL_CRASH_FINISH_OR_UNDO:
  case DPL_CRASH_ROLL_BACK:
    return TRUE;
  case DPL_CRASH_WAIT:
    return r->confirm_until != 0 && (r->hold || now >= r->confirm_until);
  case DPL_CRASH_REDO:
    return r->state == DPL_STATE_ROLLING_BACK && r->tries < DPL_ROLLBACK_TRIES;
  default:
    return FALSE;
  }
}

static gboolean write_down(DplStore *store, const DplRecord *r, GError **error) {
  g_autoptr(DplRecord) next = dpl_record_copy(r);
  DplWrite write = {.record = next, .from = r->state};

  next->state = DPL_STATE_ROLLING_BACK;
  next->writes++;
  next->rolled_offline = TRUE;
  next->rollback_until = 0;
  if (next->failure == NULL)
    next->failure =
        g_strdup_printf("the machine was restarted while this was %s", dpl_states[r->state].name);
  dpl_record_set(&next->cause, "put back before the units of this boot");
  return dpl_store_put_now(store, &write, 1, error);
}

static gboolean put_back(DplStore *store, const DplRecord *r, const char *unit_directory,
                         GError **error) {
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, r->id);
  WgTraceIds ids = wg_trace_ids(r->traceparent);
  const char *const fields[] = {WG_FIELD_DEPLOYMENT,  id,  WG_FIELD_TARGET, r->target,
                                WG_TRACE_FIELDS(ids), NULL};
  GError *problem = NULL;

  /* a full disk must not keep a release that nobody verified: the files go back all the same */
  if (r->writes < DPL_WRITES_MAX && !write_down(store, r, &problem)) {
    wg_log(LOG_WARNING, WG_MSG_RECOVERED_OFFLINE, fields,
           "Deployment %s at %s: its state cannot be written: %s", id, r->target, problem->message);
    g_clear_error(&problem);
  }
  g_autoptr(JsonNode) claims = dpl_claims_ask(store, r->target, NULL);
  if (dpl_undo_files(r, unit_directory, claims, NULL, &problem)) {
    wg_log(LOG_NOTICE, WG_MSG_RECOVERED_OFFLINE, fields,
           "Deployment %s at %s was interrupted while it was %s: its files are back as before", id,
           r->target, dpl_states[r->state].name);
    return TRUE;
  }
  wg_log(LOG_ERR, WG_MSG_RECOVERED_OFFLINE, fields,
         "Deployment %s at %s was interrupted and its files cannot be put back: %s", id, r->target,
         problem->message);
  if (error != NULL && *error == NULL)
    g_propagate_error(error, problem);
  else
    g_error_free(problem);
  return FALSE;
}

/* A damaged store is salvaged by whoever opens it first, which is here: what the targets were has
 * to be found out here as well, since the daemon then opens a whole one. */
static gboolean load(DplStore *store, const DplSites *sites, DplLoaded *loaded, GError **error) {
  return dpl_store_load(store, loaded, error) &&
         (!loaded->rebuilt || dpl_rebuild(store, loaded, sites, error));
}

gboolean dpl_recover_offline(const char *state_dir, const char *unit_directory,
                             const DplSites *sites, DplOffline *ret, GError **error) {
  g_auto(WgSalvage) salvage = {0};
  g_auto(DplLoaded) loaded = {0};
  gboolean ok = TRUE;

  *ret = (DplOffline){0};
  if (!dpl_store_exists(state_dir))
    return TRUE;
  g_autoptr(DplStore) store = dpl_store_open(state_dir, &salvage, error);
  if (store == NULL || !load(store, sites, &loaded, error))
    return FALSE;
  gint64 now = wg_clock_now(wg_records_clock(store));
  ret->found = loaded.records->len;
  for (guint i = 0; i < loaded.records->len; i++) {
    const DplRecord *r = loaded.records->pdata[i];
    if (!has_to_go_back(r, now))
      continue;
    if (put_back(store, r, unit_directory, error))
      ret->undone++;
    else
      ok = FALSE;
  }
  return ok;
}
