/* bus-rollback.c: Rollback, Confirm and Cancel.
 *
 * A roll-back that a person asks for is a transaction like any other: to a release that is there
 * already, with the manifest that committed it, verified by that one's checks. */
#include "deployment/bus.h"

#include "deployment/manifest.h"
#include "deployment/record-query.h"

#include "common/error.h"

typedef struct {
  char *target;
  DplRecord *record;     /* what is asked for */
  DplManifest *manifest; /* of it */
} Back;

static void back_free(gpointer data) {
  Back *back = data;

  g_free(back->target);
  dpl_record_free(back->record);
  g_clear_pointer(&back->manifest, dpl_manifest_unref);
  g_free(back);
}

static void ask(DplCall *call) {
  Back *back = call->data;
  g_autoptr(GPtrArray) records = g_ptr_array_new();

  g_ptr_array_add(records, back->record);
  dpl_call_create(call, &(DplRequest){.kind = DPL_KIND_ROLLBACK, .records = records});
}

static DplRecord *record_of(const DplCall *call, const DplRecord *old, const DplManifest *m) {
  DplRecord *record = g_new0(DplRecord, 1);

  record->kind = DPL_KIND_ROLLBACK;
  dpl_record_set(&record->target, old->target);
  dpl_record_set(&record->root, old->root);
  dpl_record_set(&record->base, old->base);
  dpl_record_set(&record->manifest, old->manifest);
  dpl_record_set(&record->to, old->to);
  dpl_record_set(&record->digest, old->digest);
  dpl_record_fill(record, dpl_daemon(call), m, /* confirm= */ 0);
  /* a release that was good once is not refused for what may be another's fault */
  record->poison = 0;
  return record;
}

static void found(const DplRecord *old, const GError *failure, gpointer data) {
  DplCall *call = data;
  Back *back = call->data;
  g_autoptr(GError) error = NULL;

  if (failure == NULL)
    back->manifest = dpl_manifest_from_text(old->manifest, old->manifest_hash, &error);
  if (failure != NULL || error != NULL) {
    wg_call_fail(call, failure != NULL ? failure : error);
    return;
  }
  back->record = record_of(call, old, back->manifest);
  ask(call);
}

void dpl_handle_rollback(DplCall *call) {
  DplDaemon *daemon = call->owner;
  g_autoptr(GError) error = NULL;
  Back *back = g_new0(Back, 1);

  g_variant_get_child(call->args, 0, "s", &back->target);
  call->data = back;
  call->free_data = back_free;
  if (!dpl_name_valid(back->target))
    g_set_error(&error, WG_ERROR, WG_ERROR_UNKNOWN_TARGET, "'%s' is no name of a target",
                back->target);
  if (error != NULL || !dpl_daemon_may_begin(daemon, &error))
    wg_call_fail(call, error);
  else
    dpl_find_release(call, back->target, found);
}

/* ---- Confirm and Cancel ---- */
static void confirmed(const GError *error, gpointer data) {
  if (error != NULL)
    wg_call_fail(data, error);
  else
    wg_call_answer(data, NULL);
}

void dpl_handle_confirm(DplCall *call) {
  g_autofree char *who = wg_call_who(call);

  dpl_engine_confirm(dpl_daemon(call)->engine, dpl_call_id(call), who, confirmed, call);
}

void dpl_handle_cancel(DplCall *call) {
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;

  if (dpl_engine_cancel(dpl_daemon(call)->engine, dpl_call_id(call), who, &error))
    wg_call_answer(call, NULL);
  else
    wg_call_fail(call, error);
}
