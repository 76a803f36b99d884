/* watchdog.c: see watchdog.h. Looks are runs of one check as everywhere; none overlaps another, and
 * one that hangs is over at its time limit. */
#include "checks/watchdog.h"

#include "checks/looking.h"
#include "checks/runner.h"

#include "common/config.h"
#include "common/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

typedef struct {
  char *check, *interval_text, *timeout_text;
  gboolean user, trigger;
  int failures;
  char **command; /* of argv */
} Options;

static void options_clear(Options *o) {
  g_free(o->check);
  g_free(o->interval_text);
  g_free(o->timeout_text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

typedef struct {
  GMainLoop *loop;
  ChkWorld *world;
  ChkPlan *plan;
  guint64 interval; /* us */
  guint failures, in_row;
  gboolean trigger, is_ready;
  WgNotify *notify;
} Watch;

static gboolean refuse(const char *what, const char *why) {
  g_printerr("waggle-watchdog: %s: %s\n", what, why);
  return FALSE;
}

static gboolean parse(Options *o, int argc, char **argv) {
  const GOptionEntry entries[] = {
      {"check", 0, 0, G_OPTION_ARG_STRING, &o->check, "what to look at: a check, in YAML or JSON",
       "CHECK"},
      {"interval", 0, 0, G_OPTION_ARG_STRING, &o->interval_text,
       "between two looks; default: a third of WatchdogSec=, else 10s", "TIME"},
      {"timeout", 0, 0, G_OPTION_ARG_STRING, &o->timeout_text, "of one look; default: the interval",
       "TIME"},
      {"failures", 0, 0, G_OPTION_ARG_INT, &o->failures,
       "with --trigger: so many bad looks in a row (3)", "N"},
      {"trigger", 0, 0, G_OPTION_ARG_NONE, &o->trigger,
       "do not wait for WatchdogSec= to pass: end the service at once", NULL},
      {"user", 0, 0, G_OPTION_ARG_NONE, &o->user, "units and buses of the user", NULL},
      {NULL}};
  g_autoptr(GOptionContext) context = g_option_context_new("-- COMMAND [ARGUMENT...]");
  g_autoptr(GError) error = NULL;

  o->failures = 3;
  g_option_context_set_strict_posix(context, TRUE);
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return refuse("its options", error->message);
  guint first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
  o->command = argv + first;
  if (o->check == NULL || argc <= (int)first)
    return refuse("its arguments", "--check=CHECK and a command are needed");
  return o->failures > 0 || refuse("--failures", "at least 1 is needed");
}

static gboolean span(const char *name, const char *text, guint64 fallback, guint64 *ret) {
  g_autoptr(GError) error = NULL;

  *ret = fallback;
  if (text == NULL)
    return TRUE;
  if (wg_parse_usec(text, ret, &error) && *ret >= 1000 && *ret <= CHK_DEADLINE_MAX)
    return TRUE;
  return refuse(name, error ? error->message : "from 1ms to 1h");
}

static ChkPlan *load(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);
  ChkPlan *plan = doc ? chk_plan_load_one(wg_doc_root(doc), doc, "", problems) : NULL;

  if (plan == NULL) {
    g_autofree char *told = wg_problems_text(problems, "--check");
    g_printerr("%s\n", g_strchomp(told));
  }
  return plan;
}

/* ---- the child that looks ---- */
static void judge(Watch *w, const ChkResult *result) {
  gboolean good = result->verdict == CHK_PASS || result->verdict == CHK_WARN;
  g_autofree char *text = g_strdup_printf("%s: %s", result->check->name,
                                          result->text ? result->text
                                          : good       ? "good"
                                                       : "bad");

  w->in_row = good ? 0 : w->in_row + 1;
  if (good)
    sd_notify(0, w->is_ready ? "WATCHDOG=1" : "READY=1\nWATCHDOG=1");
  w->is_ready = w->is_ready || good;
  wg_notify_status(w->notify, text);
  if (w->is_ready && w->trigger && w->in_row >= w->failures)
    sd_notify(0, "WATCHDOG=trigger");
}

static gboolean look(gpointer data);

static void on_done(ChkReport *report, gpointer data) {
  Watch *w = data;
  guint64 wait = w->interval > report->duration ? w->interval - report->duration : 1000;

  judge(w, g_ptr_array_index(report->results, 0));
  chk_report_free(report);
  g_timeout_add((guint)(wait / 1000), look, w);
}

static gboolean look(gpointer data) {
  Watch *w = data;
  const ChkRunOptions options = {.bind = chk_bind_check, .done = on_done, .user_data = w};

  chk_run_start(w->world, w->plan, &options);
  return G_SOURCE_REMOVE;
}

static gboolean on_end(int fd, GIOCondition condition, gpointer data) {
  g_main_loop_quit(((Watch *)data)->loop);
  return G_SOURCE_REMOVE;
}

/* Never returns; the service's process is `service`. */
static void watch(Options *o, ChkPlan *plan, guint64 interval, pid_t service) {
  int fd = pidfd_open(service, 0);
  Watch w = {.loop = g_main_loop_new(NULL, FALSE),
             .world = chk_world_new(o->user, NULL),
             .notify = wg_notify_new(),
             .plan = plan,
             .interval = interval,
             .failures = (guint)o->failures,
             .trigger = o->trigger};

  prctl(PR_SET_NAME, "waggle-watchdog");
  if (fd < 0)
    _exit(1);
  g_unix_fd_add(fd, G_IO_IN, on_end, &w);
  g_idle_add(look, &w);
  g_main_loop_run(w.loop);
  _exit(0);
}

/* Two forks, so that the service is not the parent of a child that it knows nothing of. */
static gboolean leave_a_watch(Options *o, ChkPlan *plan, guint64 interval) {
  pid_t service = getpid(), child = fork();

  if (child < 0)
    return refuse("no process can be made", g_strerror(errno));
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild != 0)
      _exit(grandchild < 0);
    watch(o, plan, interval, service);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return status == 0 || refuse("no process can be made", "fork failed");
}

int chk_watchdog_main(int argc, char **argv) {
  g_auto(Options) o = {0};
  guint64 of_systemd = 0, interval, timeout;

  setlocale(LC_CTYPE, "");
  if (!parse(&o, argc, argv))
    return CHK_EXIT_USAGE;
  sd_watchdog_enabled(0, &of_systemd);
  if (!span("--interval", o.interval_text,
            of_systemd ? of_systemd / 3 : 10 * (guint64)G_USEC_PER_SEC, &interval) ||
      !span("--timeout", o.timeout_text, interval, &timeout))
    return CHK_EXIT_USAGE;
  g_autoptr(ChkPlan) plan = load(o.check);
  if (plan == NULL)
    return CHK_EXIT_FILE;
  ((ChkCheck *)g_ptr_array_index(plan->checks, 0))->timeout = timeout;
  plan->deadline = timeout + 2 * (guint64)G_USEC_PER_SEC;
  if (!leave_a_watch(&o, plan, interval))
    return CHK_EXIT_ERROR;
  execvp(o.command[0], o.command);
  int why = errno; /* what is said next may change it */
  refuse(o.command[0], g_strerror(why));
  return why == ENOENT ? 127 : 126;
}
