/* hooks.c: see hooks.h. One hook at a time; the next begins in the end of the one before. */
#include "deployment/hooks.h"

#include "common/amounts.h"
#include "common/error.h"
#include "common/names.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define TIMEOUT (30 * G_TIME_SPAN_SECOND)
#define OUTPUT_MAX (16 * 1024)
#define LINE_MAX_BYTES 2048
#define SHOWN_LINES 3 /* of the output, in an error */
#define SHOWN_MAX 300

static const char *const phases[] = {
    [DPL_HOOK_PRE_FLIGHT] = "pre-flight",       [DPL_HOOK_PRE_STAGE] = "pre-stage",
    [DPL_HOOK_POST_STAGE] = "post-stage",       [DPL_HOOK_PRE_SWITCH] = "pre-switch",
    [DPL_HOOK_POST_SWITCH] = "post-switch",     [DPL_HOOK_POST_START] = "post-start",
    [DPL_HOOK_POST_VERIFY] = "post-verify",     [DPL_HOOK_PRE_ROLLBACK] = "pre-rollback",
    [DPL_HOOK_POST_ROLLBACK] = "post-rollback", [DPL_HOOK_POST_COMMIT] = "post-commit",
    [DPL_HOOK_MIGRATE_UP] = "migrate-up",       [DPL_HOOK_MIGRATE_DOWN] = "migrate-down",
};
G_STATIC_ASSERT(G_N_ELEMENTS(phases) == _DPL_HOOK_MAX);

const DplHookVariable dpl_hook_variables[] = {
    {WG_ENV_HOOK, "the phase, like \"post-start\""},
    {WG_ENV_TARGET, "the target's name"},
    {WG_ENV_ROOT, "its directory, absolute"},
    {WG_ENV_RELEASE, "the release that is deployed; not set before it has a name"},
    {WG_ENV_RELEASE_PATH, "its tree, absolute"},
    {WG_ENV_PREVIOUS, "the release before; not set where there was none"},
    {WG_ENV_PREVIOUS_PATH, "its tree, absolute"},
    {WG_ENV_VERSION, "the version that the manifest states"},
    {WG_ENV_DEPLOYMENT, "the number of the deployment"},
    {WG_ENV_INSTANCE, "the target's instance; not set where it has none"},
    {WG_ENV_TRACEPARENT, "the deployment's span, as W3C trace context has it"},
    {NULL, NULL},
};

struct DplHooks {
  DplHookPhase phase;
  GPtrArray *hooks;       /* DplHook */
  GPtrArray *ends;        /* DplHookEnd */
  DplHookContext context; /* its texts are not used after the start */
  char **env;             /* NAME=value of the context */
  char *directory, *bind_to, *description, *deployment;
  gint64 until; /* monotonic us; G_MAXINT64: no limit */
  WgRun *run;
  GString *output; /* of the one that runs */
  gboolean cut, canceled;
  guint later;
  DplHooksFunc done;
  gpointer user_data;
};

const char *dpl_hook_phase_name(DplHookPhase phase) {
  return phases[phase];
}

gboolean dpl_hook_phase_parse(const char *name, DplHookPhase *ret) {
  for (guint i = 0; i < _DPL_HOOK_MAX; i++)
    if (strcmp(phases[i], name) == 0) {
      *ret = (DplHookPhase)i;
      return TRUE;
    }
  return FALSE;
}

DplHook *dpl_hook_copy(const DplHook *hook) {
  DplHook *copy = g_new(DplHook, 1);

  *copy = *hook;
  copy->command = g_strdupv(hook->command);
  copy->environment = g_strdupv(hook->environment);
  copy->user = g_strdup(hook->user);
  return copy;
}

void dpl_hook_free(DplHook *hook) {
  if (hook == NULL)
    return;
  g_strfreev(hook->command);
  g_strfreev(hook->environment);
  g_free(hook->user);
  g_free(hook);
}

static void hook_end_free(gpointer data) {
  DplHookEnd *end = data;

  g_free(end->command);
  g_free(end->text);
  g_free(end->output);
  g_free(end);
}

static void hooks_free(DplHooks *hooks) {
  g_clear_handle_id(&hooks->later, g_source_remove);
  g_ptr_array_unref(hooks->hooks);
  g_ptr_array_unref(hooks->ends);
  g_strfreev(hooks->env);
  g_free(hooks->directory);
  g_free(hooks->bind_to);
  g_free(hooks->description);
  g_free(hooks->deployment);
  sd_bus_unref(hooks->context.bus);
  g_string_free(hooks->output, TRUE);
  g_free(hooks);
}

/* Takes `error`. */
static void finish(DplHooks *hooks, GError *error) {
  g_autoptr(GError) own = error;

  hooks->done(hooks->ends, own, hooks->user_data);
  hooks_free(hooks);
}

/* ---- what one writes ---- */

/* The end of it is what tells why. */
static void keep_line(WgRun *run, const char *line, gpointer data) {
  DplHooks *hooks = data;
  gsize length = strlen(line);
  g_autofree char *valid = g_utf8_make_valid(line, (gssize)MIN(length, LINE_MAX_BYTES));

  g_string_append_printf(hooks->output, "%s\n", valid);
  hooks->cut = hooks->cut || length > LINE_MAX_BYTES;
  if (hooks->output->len <= OUTPUT_MAX)
    return;
  const char *from = hooks->output->str + (hooks->output->len - OUTPUT_MAX);
  const char *newline = strchr(from, '\n');
  g_string_erase(hooks->output, 0, newline + 1 - hooks->output->str);
  hooks->cut = TRUE;
}

/* Its last lines as one. */
static char *shown(const char *output) {
  g_autofree char *text = g_strchomp(g_strdup(output));
  const char *from = text + strlen(text);

  for (guint n = 0; n < SHOWN_LINES && from > text;) {
    from--;
    n += *from == '\n';
  }
  if (strlen(from) > SHOWN_MAX) {
    from += strlen(from) - SHOWN_MAX;
    while ((*from & 0xc0) == 0x80) /* not within a character */
      from++;
  }
  g_autofree char *part = g_strstrip(g_strdup(from));
  g_auto(GStrv) lines = g_strsplit(part, "\n", -1);
  return g_strjoinv(" / ", lines);
}

static char *quoted(char **command) {
  GString *text = g_string_new(NULL);

  for (; *command; command++) {
    gboolean plain = **command && strspn(*command, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS
                                         "/._-+=:,@%") == strlen(*command);
    g_autofree char *word = plain ? g_strdup(*command) : g_shell_quote(*command);
    g_string_append_printf(text, "%s%s", text->len ? " " : "", word);
  }
  return g_string_free(text, FALSE);
}

/* ---- one after the other ---- */

static void next(DplHooks *hooks);

static GError *failure(const DplHooks *hooks, const DplHookEnd *end) {
  g_autofree char *output = shown(end->output);

  return g_error_new(WG_ERROR, end->how == WG_RUN_TIMEOUT ? WG_ERROR_TIMEOUT : WG_ERROR_FAILED,
                     "the %s hook %s: %s%s%s", phases[hooks->phase], end->command, end->text,
                     *output ? "; it said: " : "", output);
}

static void ended(const WgRunEnd *run_end, gpointer data) {
  DplHooks *hooks = data;
  DplHookEnd *end = g_new0(DplHookEnd, 1);
  guint index = hooks->ends->len;
  const DplHook *hook = hooks->hooks->pdata[index];

  hooks->run = NULL;
  *end = (DplHookEnd){.index = index,
                      .command = quoted(hook->command),
                      .how = run_end->how,
                      .code = run_end->code,
                      .text = g_strdup(run_end->text),
                      .output = g_strdup(hooks->output->str),
                      .cut = hooks->cut,
                      .duration = run_end->duration};
  g_ptr_array_add(hooks->ends, end);
  if (hooks->canceled)
    finish(hooks, g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "the %s hook %s was canceled",
                              phases[hooks->phase], end->command));
  else if (end->how != WG_RUN_EXITED || end->code != 0)
    finish(hooks, failure(hooks, end));
  else
    next(hooks);
}

static char **environment(const DplHooks *hooks, const DplHook *hook) {
  g_autoptr(GStrvBuilder) env = g_strv_builder_new();

  if (hook->environment)
    g_strv_builder_addv(env, (const char **)hook->environment);
  g_strv_builder_addv(env, (const char **)hooks->env); /* ours cannot be set by a manifest */
  return g_strv_builder_end(env);
}

static void start(DplHooks *hooks, const DplHook *hook, guint64 left) {
  g_auto(GStrv) env = environment(hooks, hook);
  g_autofree char *prefix =
      g_strdup_printf("waggle-hook-%s%s%s", phases[hooks->phase], hooks->deployment ? "-" : "",
                      hooks->deployment ? hooks->deployment : "");
  WgRunOptions options = {.argv = (const char *const *)hook->command,
                          .env = (const char *const *)env,
                          .directory = hooks->directory,
                          .user = hook->user,
                          .description = hooks->description,
                          .bind_to = hooks->bind_to,
                          .prefix = prefix,
                          .bus = hooks->context.bus,
                          .how = hooks->context.how,
                          .line = keep_line,
                          .error_line = keep_line,
                          .timeout = MIN(hook->timeout ? hook->timeout : TIMEOUT, left),
                          .memory_max = hook->memory_max,
                          .tasks_max = hook->tasks_max,
                          .cpu_quota = hook->cpu_quota,
                          .private_network = hook->no_network};

  g_string_truncate(hooks->output, 0);
  hooks->cut = FALSE;
  hooks->run = wg_run_start(&options, ended, hooks);
}

static void next(DplHooks *hooks) {
  gint64 left = hooks->until == G_MAXINT64 ? G_MAXINT64 : hooks->until - g_get_monotonic_time();

  if (hooks->canceled)
    finish(hooks, g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "the %s hooks were canceled",
                              phases[hooks->phase]));
  else if (hooks->ends->len == hooks->hooks->len)
    finish(hooks, NULL);
  else if (left <= 0)
    finish(hooks, g_error_new(WG_ERROR, WG_ERROR_TIMEOUT,
                              "the time of the phase was over before the %s hook number %u",
                              phases[hooks->phase], hooks->ends->len + 1));
  else
    start(hooks, hooks->hooks->pdata[hooks->ends->len], (guint64)left);
}

static gboolean begin(gpointer data) {
  DplHooks *hooks = data;

  hooks->later = 0;
  next(hooks);
  return G_SOURCE_REMOVE;
}

static char **variables(DplHookPhase phase, const DplHookContext *c) {
  const struct {
    const char *name, *value;
  } all[] = {{WG_ENV_HOOK, phases[phase]},
             {WG_ENV_TARGET, c->target},
             {WG_ENV_ROOT, c->root},
             {WG_ENV_RELEASE, c->release},
             {WG_ENV_RELEASE_PATH, c->release_path},
             {WG_ENV_PREVIOUS, c->previous},
             {WG_ENV_PREVIOUS_PATH, c->previous_path},
             {WG_ENV_VERSION, c->version},
             {WG_ENV_DEPLOYMENT, c->deployment},
             {WG_ENV_INSTANCE, c->instance},
             {WG_ENV_TRACEPARENT, c->traceparent}};
  g_autoptr(GStrvBuilder) env = g_strv_builder_new();

  G_STATIC_ASSERT(G_N_ELEMENTS(all) == G_N_ELEMENTS(dpl_hook_variables) - 1);
  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    if (all[i].value) {
      g_autofree char *text = g_strdup_printf("%s=%s", all[i].name, all[i].value);
      g_strv_builder_add(env, text);
    }
  return g_strv_builder_end(env);
}

DplHooks *dpl_hooks_start(DplHookPhase phase, const GPtrArray *list, const DplHookContext *context,
                          guint64 limit, DplHooksFunc done, gpointer user_data) {
  DplHooks *hooks = g_new0(DplHooks, 1);
  const char *directory = context->directory      ? context->directory
                          : context->release_path ? context->release_path
                                                  : context->root;

  *hooks = (DplHooks){.phase = phase,
                      .hooks = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_hook_free),
                      .ends = g_ptr_array_new_with_free_func(hook_end_free),
                      .context = {.bus = sd_bus_ref(context->bus), .how = context->how},
                      .env = variables(phase, context),
                      .directory = g_strdup(directory),
                      .bind_to = g_strdup(context->bind_to),
                      .description = g_strdup_printf("Hook %s of %s", phases[phase],
                                                     context->target ? context->target : "?"),
                      .deployment = g_strdup(context->deployment),
                      .until = G_MAXINT64,
                      .output = g_string_new(NULL),
                      .done = done,
                      .user_data = user_data};
  for (guint i = 0; list && i < list->len; i++)
    g_ptr_array_add(hooks->hooks, dpl_hook_copy(list->pdata[i]));
  if (limit != 0 && limit < G_MAXINT64 / 2)
    hooks->until = g_get_monotonic_time() + (gint64)limit;
  hooks->later = g_idle_add_full(G_PRIORITY_DEFAULT, begin, hooks, NULL);
  return hooks;
}

void dpl_hooks_cancel(DplHooks *hooks) {
  hooks->canceled = TRUE;
  if (hooks->run)
    wg_run_cancel(hooks->run);
}

void dpl_hooks_forget(DplHooks *hooks) {
  if (hooks->run)
    wg_run_forget(hooks->run);
  hooks_free(hooks);
}

char *dpl_hook_ends_json(DplHookPhase phase, const GPtrArray *ends) {
  g_autoptr(JsonBuilder) b = json_builder_new();

  json_builder_begin_array(b);
  for (guint i = 0; i < ends->len; i++) {
    const DplHookEnd *end = ends->pdata[i];
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "hook");
    json_builder_add_string_value(b, phases[phase]);
    json_builder_set_member_name(b, "command");
    json_builder_add_string_value(b, end->command);
    json_builder_set_member_name(b, "end");
    json_builder_add_string_value(b, end->text);
    json_builder_set_member_name(b, "good");
    json_builder_add_boolean_value(b, end->how == WG_RUN_EXITED && end->code == 0);
    json_builder_set_member_name(b, "duration");
    json_builder_add_int_value(b, (gint64)end->duration);
    json_builder_set_member_name(b, "output");
    json_builder_add_string_value(b, end->output);
    json_builder_set_member_name(b, "cut");
    json_builder_add_boolean_value(b, end->cut);
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  return json_to_string(root, FALSE);
}
