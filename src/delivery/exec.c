/* exec.c: the back-end "exec": a command handles each message; its exit status decides.
 *
 * Options, and giving a job's messages out to at most `parallel` runs at a time. A message is
 * reported when its run is over, so "acked" means that the command said so by its status. */
#include "delivery/exec.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>
#include <unistd.h>

#define TIMEOUT (30 * G_TIME_SPAN_SECOND) /* as the core's */
#define KILL_AFTER (5 * G_TIME_SPAN_SECOND)
#define AHEAD 4 /* messages of a job for each that runs at once */

static const DlvOption options[] = {
    {"command", DLV_TEXTS, TRUE, 0, 0,
     "the program and its arguments; no shell reads them; the program is absolute or is looked for "
     "in $PATH"},
    {"parallel", DLV_NUMBER, FALSE, 1, 64, "messages that are handled at once; default 1"},
    {"kill-after", DLV_TIME, FALSE, 1000, 10 * G_TIME_SPAN_MINUTE,
     "from the request to end until the command is killed; default 5s"},
    {"directory", DLV_TEXT, FALSE, 0, 0, "where it runs, absolute or \"~/\"; default the home"},
    {"environment", DLV_OBJECT, FALSE, 0, 0, "variables for it: names and texts"},
    {"memory-max", DLV_SIZE, FALSE, 1024 * 1024, 0,
     "killed when it needs more; all its processes together; needs systemd"},
    {"cpu-quota", DLV_NUMBER, FALSE, 1, 100000,
     "percent of one processor that it gets at most; needs systemd"},
    {"tasks-max", DLV_NUMBER, FALSE, 1, 0, "processes and threads; needs systemd"},
    {"watchdog", DLV_TIME, FALSE, G_TIME_SPAN_MILLISECOND, 0,
     "killed when it says nothing for so long with sd_notify(3) \"WATCHDOG=1\"; needs systemd"},
    {"sandbox", DLV_BOOL, FALSE, 0, 0,
     "no new privileges, a /tmp of its own, a read-only system; default true; without systemd only "
     "the first"},
    {"plain", DLV_BOOL, FALSE, 0, 0, "never as a unit of systemd; default false"},
    {"unit-slice", DLV_TEXT, FALSE, 0, 0, "slice of the user's manager for the units"},
    {NULL}};

struct DlvExecJob {
  DlvExec *exec; /* a reference */
  DlvJob *job;
  guint n, next, n_running, n_reported;
  DlvExecRun **runs; /* by index; NULL: not begun, or over */
  gboolean canceled, pumping;
};

static void exec_clear(gpointer data) {
  DlvExec *exec = data;

  g_free(exec->agent);
  g_strfreev(exec->command);
  g_strfreev(exec->environment);
  g_free(exec->directory);
  g_free(exec->slice);
}

static void exec_free(gpointer state) {
  g_rc_box_release_full(state, exec_clear);
}

static gboolean invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean invalid(GError **error, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean set_command(DlvExec *exec, JsonObject *object, GError **error) {
  exec->command = dlv_option_texts(object, "command");
  if (exec->command == NULL || exec->command[0] == NULL || *exec->command[0] == '\0')
    return invalid(error, "command: empty; write [\"program\", \"argument\", ...]");
  if (*exec->command[0] != '/' && strchr(exec->command[0], '/'))
    return invalid(error, "command: \"%s\" is neither absolute nor a name to look for in $PATH",
                   exec->command[0]);
  return TRUE;
}

static gboolean is_name(const char *text) {
  if (!g_ascii_isalpha(*text) && *text != '_')
    return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum(*text) && *text != '_')
      return FALSE;
  return TRUE;
}

static gboolean set_environment(DlvExec *exec, JsonObject *object, GError **error) {
  g_autoptr(GStrvBuilder) list = g_strv_builder_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (json_object_has_member(object, "environment")) {
    json_object_iter_init(&iter, json_object_get_object_member(object, "environment"));
    while (json_object_iter_next(&iter, &name, &node)) {
      if (!is_name(name))
        return invalid(error, "environment: \"%s\" is no name of a variable", name);
      if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return invalid(error, "environment: the value of \"%s\" is no text", name);
      g_autofree char *text = g_strdup_printf("%s=%s", name, json_node_get_string(node));
      g_strv_builder_add(list, text);
    }
  }
  exec->environment = g_strv_builder_end(list);
  return TRUE;
}

static gboolean set_directory(DlvExec *exec, JsonObject *object, GError **error) {
  const char *text = dlv_option_text(object, "directory", NULL);

  if (text == NULL)
    return TRUE;
  if (g_str_has_prefix(text, "~/"))
    exec->directory = g_build_filename(g_get_home_dir(), text + 2, NULL);
  else if (*text == '/')
    exec->directory = g_strdup(text);
  else
    return invalid(error, "directory: \"%s\" is neither absolute nor below \"~/\"", text);
  return TRUE;
}

static gboolean set_limits(DlvExec *exec, JsonObject *object, GError **error) {
  const char *slice = dlv_option_text(object, "unit-slice", NULL);

  exec->memory_max = dlv_option_size(object, "memory-max", 0);
  exec->tasks_max = dlv_option_number(object, "tasks-max", 0);
  exec->cpu_quota = (guint)dlv_option_number(object, "cpu-quota", 0);
  exec->watchdog = dlv_option_time(object, "watchdog", 0);
  exec->slice = g_strdup(slice);
  if (slice && (!g_str_has_suffix(slice, ".slice") || strchr(slice, '/')))
    return invalid(error, "unit-slice: \"%s\" is no slice, like \"agents.slice\"", slice);
  if (exec->plain &&
      (exec->memory_max || exec->tasks_max || exec->cpu_quota || exec->watchdog || exec->slice))
    return invalid(error, "plain: memory-max, cpu-quota, tasks-max, watchdog and unit-slice need "
                          "systemd; leave them out, or \"plain\"");
  return TRUE;
}

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *object,
                          GError **error) {
  DlvExec *exec = g_rc_box_new0(DlvExec);

  exec->courier = courier;
  exec->agent = g_strdup(agent);
  exec->parallel = (guint)dlv_option_number(object, "parallel", 1);
  exec->timeout = dlv_option_time(object, "timeout", TIMEOUT);
  exec->kill_after = dlv_option_time(object, "kill-after", KILL_AFTER);
  exec->sandbox = dlv_option_bool(object, "sandbox", TRUE);
  exec->plain = dlv_option_bool(object, "plain", FALSE);
  if (set_command(exec, object, error) && set_environment(exec, object, error) &&
      set_directory(exec, object, error) && set_limits(exec, object, error))
    return exec;
  exec_free(exec);
  return NULL;
}

static guint room(gpointer state) {
  const DlvExec *exec = state;

  /* a job ends with its slowest command: some more keep the others busy */
  return exec->parallel == 1 ? 1 : exec->parallel * AHEAD;
}

static void run_free(DlvExecRun *run) {
  g_free(run->last_line);
  g_free(run);
}

static void job_free(DlvExecJob *job) {
  exec_free(job->exec);
  g_free(job->runs);
  g_free(job);
}

static void start(DlvExecRun *run, int fd, const GError *error);

/* Gives out what there is room for; frees the job after its last report. */
static void pump(DlvExecJob *job) {
  if (job->pumping)
    return; /* a run that ended at once: the loop below goes on */
  job->pumping = TRUE;
  while (!job->canceled && job->next < job->n && job->n_running < job->exec->parallel) {
    DlvExecRun *run = g_new0(DlvExecRun, 1);
    *run = (DlvExecRun){.exec = job->exec,
                        .job = job,
                        .index = job->next,
                        .message = &job->job->messages[job->next]};
    job->runs[job->next++] = run;
    job->n_running++;
    dlv_exec_input(run, start);
  }
  job->pumping = FALSE;
  if (job->n_reported == job->n)
    job_free(job);
}

static void report(DlvExecJob *job, guint index, DlvResult result, const char *cause) {
  job->n_reported++;
  dlv_job_report(job->job, index, result, 0, cause); /* the last one: job->job is gone */
}

static void run_over(DlvExecRun *run, const DlvExecEnd *end) {
  DlvExecJob *job = run->job;
  guint index = run->index;
  g_autofree char *cause = NULL;
  DlvResult result = dlv_exec_verdict(run->exec, end, &cause);

  if (run->canceled) { /* 0 may be its answer to the request to end */
    result = DLV_LATER;
    g_free(cause);
    cause = g_strdup("the courier ended the command");
  }
  job->runs[index] = NULL;
  job->n_running--;
  run_free(run);
  report(job, index, result, cause);
  pump(job);
}

static void on_end(const WgRunEnd *end, gpointer data) {
  static const DlvExecHow hows[] = {
      [WG_RUN_EXITED] = DLV_END_EXITED,
      [WG_RUN_SIGNALED] = DLV_END_SIGNALED,
      [WG_RUN_TIMEOUT] = DLV_END_TIMEOUT,
      [WG_RUN_WATCHDOG] = DLV_END_WATCHDOG,
      [WG_RUN_OOM] = DLV_END_OOM,
      [WG_RUN_CANCELED] = DLV_END_LOST,
      [WG_RUN_NOT_STARTED] = DLV_END_NOT_STARTED,
      [WG_RUN_LOST] = DLV_END_LOST,
  };
  DlvExecRun *run = data;
  DlvExecEnd mine = {
      .how = hows[end->how], .code = end->code, .text = end->text, .last_line = run->last_line};

  if (end->no_manager) {
    mine.how = DLV_END_HELD;
    mine.text =
        "memory-max, cpu-quota, tasks-max, watchdog and unit-slice need the user's systemd, "
        "and none answers";
  }
  run_over(run, &mine);
}

static void on_line(WgRun *run, const char *line, gpointer data) {
  dlv_exec_output(data, line, FALSE);
}

static void on_error_line(WgRun *run, const char *line, gpointer data) {
  dlv_exec_output(data, line, TRUE);
}

static void start_run(DlvExecRun *run, int input) {
  const DlvExec *exec = run->exec;
  const char *agent = exec->agent;
  guint64 number = run->message->number;
  g_auto(GStrv) env = dlv_exec_variables(exec, run->message);
  g_auto(GStrv) plain_env = dlv_exec_environment(exec, run->message);
  g_autofree char *text =
      g_strdup_printf("Message %" G_GUINT64_FORMAT " for agent %s", number, agent);
  /* what may stand in an agent's name may stand in a unit's; the same for each try: never two */
  g_autofree char *unit =
      g_strdup_printf("waggle-exec-%s-%" G_GUINT64_FORMAT ".service", agent, number);
  WgRunOptions o = {.argv = (const char *const *)exec->command,
                    .env = (const char *const *)env,
                    .plain_env = (const char *const *)plain_env,
                    .directory = exec->directory ? exec->directory : g_get_home_dir(),
                    .description = text,
                    .unit_name = unit,
                    .prefix = "waggle-exec",
                    .bus = exec->plain ? NULL : dlv_courier_bus(exec->courier),
                    .how = exec->plain ? WG_RUN_PLAIN : WG_RUN_AUTO,
                    .input = input,
                    .line = on_line,
                    .error_line = on_error_line,
                    .plain_lines = TRUE,
                    .timeout = exec->timeout,
                    .kill_after = exec->kill_after,
                    .watchdog = exec->watchdog,
                    .memory_max = exec->memory_max,
                    .tasks_max = (guint)MIN(exec->tasks_max, (guint64)G_MAXUINT),
                    .cpu_quota = exec->cpu_quota,
                    .slice = exec->slice,
                    .sandbox = exec->sandbox};

  run->run = wg_run_start(&o, on_end, run);
}

/* The message is prepared, or cannot be. */
static void start(DlvExecRun *run, int fd, const GError *error) {
  if (run->canceled)
    run_over(run, &(DlvExecEnd){.how = DLV_END_LOST, .text = "the courier stops"});
  else if (fd < 0)
    run_over(run, &(DlvExecEnd){.how = DLV_END_NOT_STARTED, .text = error->message});
  else
    start_run(run, fd);
  if (fd >= 0)
    close(fd); /* the run has its own */
}

static void run_job(gpointer state, DlvJob *job) {
  DlvExecJob *mine = g_new0(DlvExecJob, 1);

  mine->exec = g_rc_box_acquire(state);
  mine->job = job;
  mine->n = job->n_messages;
  mine->runs = g_new0(DlvExecRun *, mine->n);
  job->backend = mine;
  pump(mine);
}

static void stop(DlvExecRun *run) {
  run->canceled = TRUE;
  if (run->run)
    wg_run_cancel(run->run);
  /* else its message is being prepared: start() sees to it */
}

static void cancel(gpointer state, DlvJob *job) {
  DlvExecJob *mine = job->backend;

  if (mine->canceled)
    return;
  mine->canceled = TRUE;
  mine->pumping = TRUE; /* it lives until the end of this */
  for (guint i = 0; i < mine->next; i++)
    if (mine->runs[i])
      stop(mine->runs[i]);
  for (guint i = mine->next; i < mine->n; i++)
    report(mine, i, DLV_LATER, "the courier stops; the command did not run");
  mine->pumping = FALSE;
  pump(mine);
}

const DlvBackendClass dlv_backend_exec = {
    .name = "exec",
    .summary = "a command that handles each message, which comes on its standard input",
    .flags = DLV_BODIES | DLV_LEASES | DLV_EACH | DLV_TIMES,
    .options = options,
    .configure = configure,
    .free = exec_free,
    .room = room,
    .run = run_job,
    .cancel = cancel,
};
