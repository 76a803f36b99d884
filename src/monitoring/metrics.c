/* metrics.c: see metrics.h. */
#include "monitoring/metrics.h"

#include "monitoring/alerts.h"
#include "monitoring/deployments.h"
#include "monitoring/host.h"
#include "monitoring/inventory.h"
#include "monitoring/metrics-own.h"
#include "monitoring/suite.h"
#include "monitoring/unit-ip.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/timer-source.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  guint id;
  MonFreshFunc func;
  gpointer user_data;
} Waiter;

struct MonMetrics {
  MonDaemon *daemon;
  int proc;
  MonUnitMetrics *units;
  MonSource *host;
  MonOwn *own;
  MonSuite *suite;
  MonUnitIp *ip;
  MonHistory *history; /* NULL: none is kept */
  GSource *timer;
  guint listener; /* of the inventory */
  guint revision; /* of the deployments: which releases the labels are of */
  gboolean running, for_history;
  gint64 began, last; /* BOOTTIME us: of this collection, of the last one's end */
  gint64 time;        /* REALTIME us: of this tick */
  GArray *waiters;    /* Waiter */
  guint last_waiter, soon;
};

/* ---- what rules record goes into the history, too ---- */
static void take_recorded(const char *name, const MonLabels *labels, double value,
                          gpointer user_data) {
  const MonMetrics *metrics = user_data;

  if (!mon_board_find(metrics->daemon->board, name, labels)) /* that one is there already */
    mon_history_take(metrics->history, name, labels, value);
}

static void give_recorded(MonHistory *history, gpointer user_data) {
  mon_alerts_each_recorded(((MonMetrics *)user_data)->daemon->alerts, take_recorded, user_data);
}

/* ---- units come and go ---- */
static void set_unit(MonMetrics *metrics, const MonUnit *unit) {
  const char *name = unit->state->name;
  const char *release = mon_deployments_release(metrics->daemon->deployments, name);
  g_autoptr(MonLabels) labels = mon_labels_with(unit->labels, "release", release);

  mon_unit_metrics_set(metrics->units, name, labels, unit->state->cgroup);
  gboolean runs = strcmp(unit->state->active, "inactive") != 0;
  mon_unit_metrics_info(metrics->units, name, runs ? unit->state->invocation : NULL,
                        runs ? unit->state->slice : NULL);
}

static void unit_changed(const MonUnit *unit, MonUnitChange change, gpointer user_data) {
  MonMetrics *metrics = user_data;

  if (change == MON_UNIT_RELOADED)
    return;
  if (change == MON_UNIT_REMOVED)
    mon_unit_metrics_remove(metrics->units, unit->state->name);
  else if (unit->known || unit->state->cgroup[0])
    set_unit(metrics, unit);
}

static gboolean add_unit(const MonUnit *unit, gpointer user_data) {
  unit_changed(unit, MON_UNIT_ADDED, user_data);
  return TRUE;
}

/* A deployment has put another release behind some units. */
static void relabel(MonMetrics *metrics) {
  guint revision = mon_deployments_revision(metrics->daemon->deployments);

  if (revision != metrics->revision)
    mon_inventory_each(metrics->daemon->inventory, add_unit, metrics);
  metrics->revision = revision;
}

/* ---- one collection ---- */
typedef struct {
  MonUnitLook *units;
  MonReadings *host, *own;
  int proc;
  gboolean walk, devices;
} Work;

static void read_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  Work *work = data;

  mon_host_read(work->proc, work->host);
  mon_host_read_filesystems(work->proc, work->host);
  mon_own_read(work->proc, work->own);
  GHashTable *disks = work->devices ? mon_host_disks(work->proc, work->host) : NULL;
  mon_unit_look_read(work->units, work->walk, disks);
  g_task_return_boolean(task, TRUE);
}

static void call_waiters(MonMetrics *metrics) {
  g_autoptr(GArray) waiters = g_steal_pointer(&metrics->waiters);

  metrics->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
  for (guint i = 0; i < waiters->len; i++) {
    const Waiter *waiter = &g_array_index(waiters, Waiter, i);
    if (waiter->func)
      waiter->func(waiter->user_data);
  }
}

static gboolean fresh_soon(gpointer user_data) {
  MonMetrics *metrics = user_data;

  metrics->soon = 0;
  call_waiters(metrics);
  return G_SOURCE_REMOVE;
}

static void collected(GObject *source, GAsyncResult *result, gpointer user_data) {
  MonMetrics *metrics = user_data;
  Work *work = g_task_get_task_data(G_TASK(result));
  guint files, values;

  metrics->running = FALSE;
  mon_source_apply(metrics->host, work->host, 0);
  mon_unit_look_apply(g_steal_pointer(&work->units), &files, &values);
  metrics->last = wg_time_boottime();
  mon_own_put(metrics->own, work->own, files + work->host->files, values + work->host->all->len,
              (guint64)(metrics->last - metrics->began), metrics->history);
  if (metrics->history && metrics->for_history)
    mon_history_tick(metrics->history, metrics->time);
  metrics->for_history = FALSE;
  call_waiters(metrics);
}

static void work_free(gpointer data) {
  Work *work = data;

  mon_readings_free(work->host);
  mon_readings_free(work->own);
  g_free(work);
}

static void collect(MonMetrics *metrics) {
  Work *work = g_new0(Work, 1);

  relabel(metrics);
  mon_unit_metrics_limit(metrics->units, metrics->daemon->settings.series_per_unit);
  metrics->running = TRUE;
  metrics->began = wg_time_boottime();
  work->units = mon_unit_look_new(metrics->units);
  work->host = mon_readings_new();
  work->own = mon_readings_new();
  work->proc = metrics->proc;
  work->walk = !metrics->daemon->settings.watch_units;
  work->devices = metrics->daemon->settings.devices;
  g_autoptr(GTask) task = g_task_new(NULL, NULL, collected, metrics);
  g_task_set_task_data(task, work, work_free);
  g_task_run_in_thread(task, read_all);
}

/* ---- when ---- */
static void arm(MonMetrics *metrics) {
  gint64 interval = (gint64)metrics->daemon->settings.interval, now = g_get_real_time();

  wg_timer_source_arm(metrics->timer, (now / interval + 1) * interval);
}

/* Whoever looks right after the start sees the machine, not a gap. Not for the history, whose
 * values are those of whole intervals. */
static gboolean first_look(gpointer user_data) {
  MonMetrics *metrics = user_data;

  metrics->soon = 0;
  if (!metrics->running)
    collect(metrics);
  return G_SOURCE_REMOVE;
}

static void tick(gboolean clock_was_set, gpointer user_data) {
  MonMetrics *metrics = user_data;
  gint64 interval = (gint64)metrics->daemon->settings.interval;

  arm(metrics);
  if (clock_was_set)
    return;
  metrics->time = g_get_real_time() / interval * interval;
  metrics->for_history = TRUE;
  mon_suite_tick(metrics->suite);
  if (!metrics->running)
    collect(metrics);
}

guint mon_metrics_fresh(MonMetrics *metrics, MonFreshFunc func, gpointer user_data) {
  Waiter waiter = {++metrics->last_waiter, func, user_data};
  gint64 fresh = (gint64)metrics->daemon->settings.fresh;

  g_array_append_val(metrics->waiters, waiter);
  if (metrics->running)
    return waiter.id;
  if (metrics->last == 0 || wg_time_boottime() - metrics->last > fresh)
    collect(metrics);
  else if (metrics->soon == 0)
    metrics->soon = g_idle_add(fresh_soon, metrics);
  return waiter.id;
}

void mon_metrics_forget(MonMetrics *metrics, guint id) {
  for (guint i = 0; i < metrics->waiters->len; i++)
    if (g_array_index(metrics->waiters, Waiter, i).id == id)
      g_array_index(metrics->waiters, Waiter, i).func = NULL;
}

void mon_metrics_count_http(MonMetrics *metrics, guint status) {
  mon_own_count_http(metrics->daemon, status);
}

MonUnitMetrics *mon_metrics_units(MonMetrics *metrics) {
  return metrics->units;
}

MonHistory *mon_metrics_history(MonMetrics *metrics) {
  return metrics->history;
}

/* ---- life ---- */
static MonHistoryLimits limits_of(const MonSettings *settings) {
  return (MonHistoryLimits){settings->history_raw, settings->history_month, settings->history_year,
                            settings->history_bytes};
}

static int open_dir(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    wg_error_set_errno(error, errno, "the directory %s of [Metrics] cannot be opened", path);
  return fd;
}

/* The unit of the file system of control groups may not be there (a container): then nothing is
 * read, and nothing told. */
static gboolean open_dirs(MonMetrics *metrics, int *ret_root, GError **error) {
  const MonSettings *settings = &metrics->daemon->settings;

  metrics->proc = open_dir(settings->proc, error);
  if (metrics->proc < 0)
    return FALSE;
  *ret_root = open_dir(settings->cgroup_root, error);
  return *ret_root >= 0;
}

MonMetrics *mon_metrics_new(MonDaemon *daemon, GError **error) {
  MonMetrics *metrics = g_new0(MonMetrics, 1);
  MonHistoryLimits limits = limits_of(&daemon->settings);
  int root;

  metrics->daemon = daemon;
  metrics->proc = -1;
  metrics->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
  if (!open_dirs(metrics, &root, error)) {
    mon_metrics_free(metrics);
    return NULL;
  }
  metrics->units = mon_unit_metrics_new(daemon->board, daemon->store, root);
  metrics->ip = mon_unit_ip_new(daemon, metrics->units);
  metrics->host = mon_source_new(daemon->board);
  metrics->own = mon_own_new(daemon);
  metrics->suite = mon_suite_new(daemon);
  if (daemon->settings.keep_history)
    metrics->history = mon_history_new(daemon->store, daemon->board, &limits);
  if (metrics->history)
    mon_history_more(metrics->history, give_recorded, metrics);
  metrics->timer = wg_timer_source_new(CLOCK_REALTIME, tick, metrics, error);
  if (!metrics->timer) {
    mon_metrics_free(metrics);
    return NULL;
  }
  metrics->listener = mon_inventory_listen(daemon->inventory, unit_changed, metrics);
  mon_inventory_each(daemon->inventory, add_unit, metrics);
  arm(metrics);
  metrics->soon = g_idle_add(first_look, metrics);
  return metrics;
}

void mon_metrics_reload(MonMetrics *metrics) {
  MonHistoryLimits limits = limits_of(&metrics->daemon->settings);

  if (metrics->history)
    mon_history_limits(metrics->history, &limits);
  mon_unit_ip_reload(metrics->ip);
  arm(metrics);
}

void mon_metrics_bus(MonMetrics *metrics, sd_bus *bus) {
  mon_suite_bus(metrics->suite, bus);
}

/* The worker has only what it was lent: it is waited for, since that is the kernel's memory. */
static void wait_for_worker(MonMetrics *metrics) {
  while (metrics->running)
    g_main_context_iteration(NULL, TRUE);
}

void mon_metrics_flush(MonMetrics *metrics) {
  wait_for_worker(metrics);
  mon_unit_metrics_flush(metrics->units);
  if (metrics->history)
    mon_history_flush(metrics->history);
}

void mon_metrics_free(MonMetrics *metrics) {
  if (!metrics)
    return;
  wait_for_worker(metrics);
  if (metrics->listener)
    mon_inventory_unlisten(metrics->daemon->inventory, metrics->listener);
  if (metrics->soon)
    g_source_remove(metrics->soon);
  g_clear_pointer(&metrics->timer, wg_timer_source_destroy);
  g_clear_pointer(&metrics->suite, mon_suite_free);
  g_clear_pointer(&metrics->ip, mon_unit_ip_free);
  g_clear_pointer(&metrics->history, mon_history_free);
  g_clear_pointer(&metrics->host, mon_source_free);
  g_clear_pointer(&metrics->own, mon_own_free);
  g_clear_pointer(&metrics->units, mon_unit_metrics_free);
  g_array_unref(metrics->waiters);
  if (metrics->proc >= 0)
    close(metrics->proc);
  g_free(metrics);
}
