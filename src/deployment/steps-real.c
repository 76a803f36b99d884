/* steps-real.c: the chain of parts: begun, threaded, hooked, ended; see steps-private.h. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"
#include "deployment/redact.h"

#include <stdarg.h>

#define TELL_MSEC 500
#define EVIDENCE_MAX (16 * 1024) /* bytes */
#define TRIED_SHARE 4

static void next(DplChain *chain);

DplReal *dpl_real_new(const DplRealOptions *options) {
  DplReal *real = g_new0(DplReal, 1);

  real->o = *options;
  real->keys = g_strdupv((char **)options->key_directories);
  real->o.key_directories = (const char *const *)real->keys;
  real->credentials = g_strdupv((char **)options->credential_directories);
  real->o.credential_directories = (const char *const *)real->credentials;
  real->o.unit_directory = g_strdup(options->unit_directory);
  real->o.rehearsal_directory = g_strdup(options->rehearsal_directory);
  real->o.runtime_directory = g_strdup(options->runtime_directory);
  real->o.verify_program = g_strdup(options->verify_program);
  real->o.own_unit = g_strdup(options->own_unit);
  return real;
}

void dpl_real_free(DplReal *real) {
  if (real == NULL)
    return;
  g_strfreev(real->keys);
  g_free((char *)real->o.unit_directory);
  g_free((char *)real->o.rehearsal_directory);
  g_free((char *)real->o.runtime_directory);
  g_free((char *)real->o.verify_program);
  g_free((char *)real->o.own_unit);
  g_strfreev(real->credentials);
  g_free(real);
}

/* ---- small things for parts ---- */
int dpl_chain_root(DplChain *chain, gboolean make, GError **error) {
  return dpl_layout_open(chain->act->record->root, chain->act->record->target, make, error);
}

char *dpl_chain_release(DplChain *chain, const char *id) {
  return id != NULL ? g_build_filename(chain->act->record->root, DPL_DIR_RELEASES, id, NULL) : NULL;
}

guint64 dpl_chain_limit(DplChain *chain) {
  guint64 left = dpl_act_left(chain->act);

  return left == G_MAXUINT64 ? 0 : MAX(left, 1);
}

void dpl_chain_say(DplChain *chain, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *masked = dpl_chain_mask(chain, text);
  dpl_act_progress(chain->act, -1, masked);
}

char *dpl_chain_mask(DplChain *chain, const char *text) {
  return chain->secrets != NULL ? dpl_redact_text(text, chain->secrets) : g_strdup(text);
}

void dpl_chain_evidence(DplChain *chain, const char *who, const char *text) {
  g_autofree char *masked = dpl_chain_mask(chain, text);

  if (chain->evidence == NULL)
    chain->evidence = g_string_new(NULL);
  if (chain->evidence->len < EVIDENCE_MAX)
    g_string_append_printf(chain->evidence, "%s:\n%s\n", who, masked);
}

/* ---- the chain ---- */
static void keep_evidence(DplChain *chain) {
  DplAct *act = chain->act;

  if (chain->evidence == NULL || act->results != NULL || act->step == DPL_STEP_UNDO)
    return;
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, json_object_new());
  json_object_set_string_member(json_node_get_object(node), "journal", chain->evidence->str);
  act->results = json_to_string(node, FALSE);
}

static void mask_error(DplChain *chain, GError *error) {
  char *masked = dpl_chain_mask(chain, error->message);

  g_free(error->message);
  error->message = masked;
}

static void end(DplChain *chain, GError *error) {
  if (error != NULL) {
    mask_error(chain, error);
    keep_evidence(chain);
  }
  DplAct *act = g_steal_pointer(&chain->act);

  g_cancellable_disconnect(act->cancel, chain->canceled);
  chain->canceled = 0;
  dpl_act_done(act, error);
}

void dpl_part_done(DplChain *chain, GError *error) {
  if (error == NULL && g_cancellable_is_cancelled(chain->act->cancel))
    error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "it was ended");
  if (error != NULL) {
    end(chain, error);
    return;
  }
  chain->at++;
  next(chain);
}

static void next(DplChain *chain) {
  DplPart part = chain->parts[chain->at];

  if (part == NULL)
    end(chain, NULL);
  else
    part(chain);
}

static gboolean part_canceled(gpointer data) {
  dpl_part_done(data, NULL);
  return G_SOURCE_REMOVE;
}

static void on_canceled(GCancellable *cancel, gpointer data) {
  DplChain *chain = data;

  if (chain->hooks != NULL)
    dpl_hooks_cancel(chain->hooks);
  if (chain->verify != NULL)
    dpl_verify_cancel(chain->verify);
  if (chain->rehearsal != NULL)
    dpl_rehearsal_cancel(chain->rehearsal);
  if (chain->unit_verify != NULL) { /* it changes nothing: its end need not be waited for */
    g_clear_pointer(&chain->unit_verify, dpl_unit_verify_forget);
    g_idle_add(part_canceled, chain);
  }
}

/* The target as its file says now; when that is gone, as the record remembers it. */
static DplSite *site_of(DplReal *real, const DplRecord *record) {
  DplSite *site = real->o.site != NULL ? real->o.site(record->target, real->o.user_data) : NULL;

  if (site != NULL && g_str_equal(site->root, record->root))
    return site;
  g_clear_pointer(&site, dpl_site_unref);
  return dpl_site_new(record->target, record->root, NULL);
}

static gboolean load(DplChain *chain, GError **error) {
  const DplRecord *r = chain->act->record;

  if (chain->manifest != NULL)
    return TRUE;
  if (chain->secrets == NULL)
    chain->secrets = dpl_redact_values(r->manifest);
  if (r->manifest != NULL)
    chain->manifest = dpl_manifest_from_text(r->manifest, r->manifest_hash, error);
  else
    g_set_error_literal(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "its manifest is not known");
  if (chain->manifest != NULL && chain->manifest->own_target != NULL) { /* as it was then */
    dpl_site_unref(chain->site);
    chain->site = dpl_site_ref(chain->manifest->own_target);
  }
  return chain->manifest != NULL;
}

static DplChain *chain_of(DplReal *real, DplAct *act) {
  DplChain *chain = *act->work;

  if (chain == NULL) {
    *act->work = chain = g_new0(DplChain, 1);
    chain->real = real;
    chain->site = site_of(real, act->record);
  }
  chain->act = act;
  chain->at = 0;
  chain->parts = dpl_step_parts(act->step);
  dpl_intent_clear(&chain->intent);
  dpl_intent_from_text(act->record->intent, &chain->intent);
  return chain;
}

static void begin(gpointer self, DplAct *act) {
  DplChain *chain = chain_of(self, act);
  g_autoptr(GError) error = NULL;
  gboolean files_only = act->step == DPL_STEP_DISCARD || act->step == DPL_STEP_UNDO;

  chain->canceled = g_cancellable_connect(act->cancel, G_CALLBACK(on_canceled), chain, NULL);
  if (!load(chain, &error) && !files_only)
    end(chain, g_steal_pointer(&error));
  else
    next(chain);
}

static void drop(gpointer self, gpointer work) {
  DplChain *chain = work;

  g_clear_pointer(&chain->manifest, dpl_manifest_unref);
  g_clear_pointer(&chain->old_manifest, dpl_manifest_unref);
  g_clear_pointer(&chain->site, dpl_site_unref);
  g_clear_pointer(&chain->unit_texts, g_ptr_array_unref);
  g_clear_pointer(&chain->secrets, g_ptr_array_unref);
  if (chain->evidence != NULL)
    g_string_free(chain->evidence, TRUE);
  dpl_record_free(chain->old);
  dpl_intent_clear(&chain->intent);
  dpl_chain_clear_turn(chain);
  dpl_chain_clear_walk(chain);
  g_free(chain->baseline);
  g_clear_pointer(&chain->claims, json_node_unref);
  g_free(chain->problem);
  g_clear_pointer(&chain->watched, g_ptr_array_unref);
  g_clear_error(&chain->verdict);
  g_free(chain);
}

const DplSteps dpl_real_steps = {.begin = begin, .drop = drop};

/* ---- parts on a thread ---- */
static void on_bytes(guint64 done, guint64 total, gpointer data) {
  DplChain *chain = data;

  __atomic_store_n(&chain->bytes_done, done, __ATOMIC_RELAXED);
  __atomic_store_n(&chain->bytes_total, total, __ATOMIC_RELAXED);
}

static gboolean tell_bytes(gpointer data) {
  DplChain *chain = data;
  guint64 done = __atomic_load_n(&chain->bytes_done, __ATOMIC_RELAXED);
  guint64 total = __atomic_load_n(&chain->bytes_total, __ATOMIC_RELAXED);
  g_autofree char *size = g_format_size(done);

  if (done > 0)
    dpl_act_progress(chain->act, total > 0 ? (int)(done * 100 / total) : -1, size);
  return G_SOURCE_CONTINUE;
}

static void run_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  DplChain *chain = data;
  DplWork work = {.cancel = chain->act->cancel, .progress = on_bytes, .user_data = chain};
  g_autoptr(GError) error = NULL;

  if (chain->thread(chain, &work, &error))
    g_task_return_boolean(task, TRUE);
  else if (error != NULL)
    g_task_return_error(task, g_steal_pointer(&error));
  else
    g_task_return_new_error(task, WG_ERROR, WG_ERROR_FAILED, "it failed without a reason");
}

static void thread_done(GObject *source, GAsyncResult *result, gpointer data) {
  DplChain *chain = data;
  GError *error = NULL;

  g_clear_handle_id(&chain->timer, g_source_remove);
  g_task_propagate_boolean(G_TASK(result), &error);
  dpl_part_done(chain, error);
}

void dpl_part_thread(DplChain *chain, DplThreadFunc func) {
  g_autoptr(GTask) task = g_task_new(NULL, NULL, thread_done, chain);

  chain->thread = func;
  chain->bytes_done = chain->bytes_total = 0;
  chain->timer = g_timeout_add(TELL_MSEC, tell_bytes, chain);
  g_task_set_task_data(task, chain, NULL);
  g_task_run_in_thread(task, run_thread);
}

/* ---- hooks ---- */
static void hooks_done(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;

  chain->hooks = NULL;
  dpl_part_done(chain, error != NULL ? g_error_copy(error) : NULL);
}

static void hooks_tried(const GPtrArray *ends, const GError *error, gpointer data) {
  DplChain *chain = data;

  chain->hooks = NULL;
  if (error != NULL)
    dpl_chain_say(chain, "%s, ignoring it", error->message);
  dpl_part_done(chain, NULL);
}

static void start_hooks(DplChain *chain, DplHookPhase phase, const GPtrArray *hooks, guint64 limit,
                        DplHooksFunc done) {
  const DplRecord *r = chain->act->record;
  g_autofree char *release = dpl_chain_release(chain, r->to);
  g_autofree char *previous = dpl_chain_release(chain, r->from);
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, r->id);
  DplHookContext context = {
      .target = r->target,
      .root = r->root,
      .release = r->to,
      .release_path = release,
      .previous = r->from,
      .previous_path = previous,
      .version = r->version,
      .deployment = id,
      .instance = chain->site != NULL ? chain->site->instance : NULL,
      .traceparent = r->traceparent,
      .directory = phase < DPL_HOOK_POST_STAGE ? r->root : NULL,
      .bus = dpl_units_bus(chain->real->o.units),
      .how = chain->real->o.how,
      .bind_to = chain->real->o.own_unit,
  };

  chain->hooks = dpl_hooks_start(phase, hooks, &context, limit, done, chain);
}

void dpl_part_hooks(DplChain *chain, DplHookPhase phase, gboolean must) {
  const GPtrArray *hooks = chain->manifest != NULL ? chain->manifest->hooks[phase] : NULL;

  if (hooks == NULL || hooks->len == 0)
    dpl_part_done(chain, NULL);
  else
    /* what nothing depends on may not eat the time of what has to be done */
    start_hooks(chain, phase, hooks, dpl_chain_limit(chain) / (must ? 1 : TRIED_SHARE),
                must ? hooks_done : hooks_tried);
}

void dpl_part_hook(DplChain *chain, DplHookPhase phase, const DplHook *hook) {
  g_autoptr(GPtrArray) hooks = g_ptr_array_new();

  if (hook == NULL) {
    dpl_part_done(chain, NULL);
    return;
  }
  g_ptr_array_add(hooks, (gpointer)hook);
  start_hooks(chain, phase, hooks, dpl_chain_limit(chain), hooks_done);
}
