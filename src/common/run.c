/* run.c: a command's run: what it is asked for, the way it goes, and its one end.
 *
 * wg_run_start() only takes note; the loop starts it. So nothing can end inside the start, and a
 * run may be cancelled or forgotten at any time after it. */
#include "common/run-private.h"

#include "common/amounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KILL_AFTER (5 * G_TIME_SPAN_SECOND)

WgRun *wg_run_ref(WgRun *run) {
  run->references++;
  return run;
}

void wg_run_unref(WgRun *run) {
  if (--run->references > 0)
    return;
  g_clear_handle_id(&run->later, g_source_remove);
  g_clear_pointer(&run->plain, wg_run_plain_free);
  g_clear_pointer(&run->unit, wg_run_unit_free);
  g_clear_pointer(&run->out, wg_run_output_free);
  g_clear_pointer(&run->err, wg_run_output_free);
  if (run->input >= 0)
    close(run->input);
  sd_bus_unref(run->bus);
  g_strfreev(run->argv);
  g_strfreev(run->env);
  g_strfreev(run->plain_env);
  for (guint i = 0; i < G_N_ELEMENTS(run->texts); i++)
    g_free(run->texts[i]);
  g_free(run->program);
  g_free(run);
}

const char *wg_run_needs_unit(const WgRunOptions *o) {
  const struct {
    gboolean is_set;
    const char *what;
  } needs[] = {
      {o->how == WG_RUN_UNIT, "it has to run as a unit"},
      {o->user != NULL, "it runs as another user"},
      {o->private_network, "it has no network"},
      {(o->memory_max || o->tasks_max || o->cpu_quota) && !o->limits_optional, "it has limits"},
      {o->watchdog != 0, "it has a watchdog"},
      {o->slice != NULL, "it has a slice"}};

  for (guint i = 0; i < G_N_ELEMENTS(needs); i++)
    if (needs[i].is_set)
      return needs[i].what;
  return NULL;
}

gboolean wg_run_has_timeout(const WgRun *run) {
  return run->o.timeout != 0 && run->o.timeout != G_MAXUINT64;
}

guint64 wg_run_kill_after(const WgRun *run) {
  return run->o.kill_after ? run->o.kill_after : KILL_AFTER;
}

static char *signal_text(int number) {
  const char *name = sigabbrev_np(number);

  return name ? g_strdup_printf("killed by signal %d (%s)", number, name)
              : g_strdup_printf("killed by signal %d", number);
}

static char *with_amount(const char *text, char *amount) {
  g_autofree char *own = amount;

  return g_strdup_printf("%s %s", text, own);
}

static char *end_text(const WgRun *run, WgRunEndHow how, int code) {
  switch (how) {
  case WG_RUN_EXITED:
    return g_strdup_printf("exited with status %d", code);
  case WG_RUN_SIGNALED:
    return signal_text(code);
  case WG_RUN_TIMEOUT:
    return with_amount("ran longer than", wg_span_text(run->o.timeout));
  case WG_RUN_WATCHDOG:
    return with_amount("ended by its watchdog: no sign of life within",
                       wg_span_text(run->o.watchdog));
  case WG_RUN_OOM:
    return run->o.memory_max
               ? with_amount("killed for memory (OOM), limit", wg_size_text(run->o.memory_max))
               : g_strdup("killed for memory (OOM)");
  case WG_RUN_CANCELED:
    return g_strdup("canceled");
  case WG_RUN_NOT_STARTED:
    return g_strdup("not started");
  case WG_RUN_LOST:
  default:
    return g_strdup("nobody knows how it ended");
  }
}

void wg_run_end(WgRun *run, WgRunEndHow how, int code, const char *text) {
  gboolean told = run->canceled && how != WG_RUN_NOT_STARTED;
  WgRunEnd end = {.how = run->canceled ? WG_RUN_CANCELED : how,
                  .code = run->canceled ? 0 : code,
                  .no_manager = run->no_manager,
                  .duration = (guint64)(g_get_monotonic_time() - run->begin)};
  g_autofree char *words = text && !told ? g_strdup(text) : end_text(run, end.how, end.code);

  wg_run_ref(run);
  /* nothing is left to be stopped, whatever a line's reader does */
  g_clear_pointer(&run->plain, wg_run_plain_free);
  g_clear_pointer(&run->unit, wg_run_unit_free);
  WgRunOutput *outputs[] = {run->out, run->err};
  GBytes **taken[] = {&end.out, &end.err};
  for (guint i = 0; i < 2; i++)
    if (outputs[i]) {
      wg_run_output_drain(outputs[i]);
      *taken[i] = wg_run_output_take(outputs[i]);
      end.cut = end.cut || wg_run_output_was_cut(outputs[i]);
    }
  end.text = words;
  WgRunFunc done = g_steal_pointer(&run->done);
  if (done) {
    done(&end, run->user_data);
    wg_run_unref(run); /* the owner's */
  }
  g_clear_pointer(&end.out, g_bytes_unref);
  g_clear_pointer(&end.err, g_bytes_unref);
  wg_run_unref(run);
}

void wg_run_not_started(WgRun *run, const char *what, int err) {
  g_autofree char *text = g_strdup_printf("%s: %s", what, g_strerror(err));

  wg_run_end(run, WG_RUN_NOT_STARTED, 0, text);
}

/* Cheap, and said before anything is prepared. NULL with `*ret_why`. */
static char *find_program(const WgRun *run, char **ret_why) {
  const char *name = run->argv[0] ? run->argv[0] : "";
  g_autofree char *path = NULL;
  struct stat st;

  if (*name != '/' && strchr(name, '/'))
    path = g_canonicalize_filename(name, run->o.directory ? run->o.directory : g_get_home_dir());
  const char *sought = path ? path : name;
  g_autofree char *found = *name ? g_find_program_in_path(sought) : NULL;
  if (found)
    return g_steal_pointer(&found);
  if (*name == '\0')
    *ret_why = g_strdup("no command is given");
  else if (*sought == '/' && stat(sought, &st) < 0)
    *ret_why = g_strdup_printf("\"%s\" cannot be run: %s", sought, g_strerror(errno));
  else if (*sought == '/')
    *ret_why = g_strdup_printf("\"%s\" is no program that may be run", sought);
  else
    *ret_why = g_strdup_printf("no program \"%s\" is in $PATH, %s", name,
                               g_getenv("PATH") ? g_getenv("PATH") : "which is not set");
  return NULL;
}

static gboolean start(gpointer data) {
  WgRun *run = data;
  g_autofree char *why = NULL;

  run->later = 0;
  if (run->canceled)
    wg_run_end(run, WG_RUN_CANCELED, 0, NULL);
  else if (run->o.input > STDIN_FILENO && run->input < 0)
    wg_run_not_started(run, "its input cannot be handed over", EBADF);
  else if ((run->program = find_program(run, &why)) == NULL)
    wg_run_end(run, WG_RUN_NOT_STARTED, 0, why);
  else if (run->o.how != WG_RUN_PLAIN)
    wg_run_unit_start(run); /* without a manager it goes on as a plain one */
  else
    wg_run_plain_start(run);
  return G_SOURCE_REMOVE;
}

static void copy_texts(WgRun *run) {
  const char **texts[] = {&run->o.directory, &run->o.user,   &run->o.description, &run->o.bind_to,
                          &run->o.unit_name, &run->o.prefix, &run->o.slice};

  G_STATIC_ASSERT(G_N_ELEMENTS(texts) == G_N_ELEMENTS(run->texts));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    *texts[i] = run->texts[i] = g_strdup(*texts[i]);
}

WgRun *wg_run_start(const WgRunOptions *options, WgRunFunc done, gpointer user_data) {
  WgRun *run = g_new0(WgRun, 1);

  *run = (WgRun){.references = 1,
                 .o = *options,
                 .argv = g_strdupv((char **)options->argv),
                 .env = g_strdupv((char **)options->env),
                 .plain_env = g_strdupv((char **)options->plain_env),
                 .input = -1,
                 .bus = sd_bus_ref(options->bus),
                 .done = done,
                 .user_data = user_data,
                 .begin = g_get_monotonic_time()};
  copy_texts(run);
  if (run->o.prefix == NULL)
    run->o.prefix = run->texts[5] = g_strdup("waggle-run");
  if (options->input > STDIN_FILENO)
    run->input = fcntl(options->input, F_DUPFD_CLOEXEC, 0);
  run->later = g_idle_add_full(G_PRIORITY_DEFAULT, start, run, NULL);
  return run;
}

void wg_run_cancel(WgRun *run) {
  if (run->canceled)
    return;
  run->canceled = TRUE;
  if (run->plain)
    wg_run_plain_stop(run);
  else if (run->unit)
    wg_run_unit_stop(run);
  /* else start() sees to it, or it is over */
}

void wg_run_forget(WgRun *run) {
  if (run->done == NULL)
    return; /* inside done() */
  run->done = NULL;
  g_clear_handle_id(&run->later, g_source_remove);
  if (run->plain)
    wg_run_plain_kill(run);
  else if (run->unit)
    wg_run_unit_kill(run);
  g_clear_pointer(&run->plain, wg_run_plain_free);
  g_clear_pointer(&run->unit, wg_run_unit_free);
  wg_run_unref(run);
}
