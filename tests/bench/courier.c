/* courier.c: the courier's own road, end to end: from Send, through messaged and the courier, to
 * the back-end, until messaged has told the receipt of the last message. Back-ends: inbox (a file
 * each, announced when it is on the disk) and exec (a command each, acked when it ended).
 *
 * Beside each stands what the machine allows: files made, synced and renamed one by one, and
 * commands started and waited for one by one. */
#include "bench.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "bench-courier"
#define SEND_AT_ONCE 256
#define LIMIT_FILES 500
#define LIMIT_COMMANDS 300
#define PATIENCE (120 * G_USEC_PER_SEC)

extern char **environ;

typedef struct {
  const char *name, *receipt, *command;
  guint n, n_quick;
  double target;
} Road;

static const Road roads[] = {
    {"inbox", "announced", NULL, 20000, 5000, 5000},
    {"exec", "acked", "true", 3000, 1000, 500},
};

typedef struct {
  const Road *road;
  guint n, n_done;
  int size;
  sd_bus *sender, *watcher;
  char *error;
} Trip;

static gboolean is_ok(Trip *trip, const char *what, int r, sd_bus_error *error) {
  if (r < 0 && trip->error == NULL)
    trip->error =
        g_strdup_printf("%s: %s", what, error && error->message ? error->message : g_strerror(-r));
  sd_bus_error_free(error);
  return r >= 0;
}

static int on_event(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *agent, *state;
  guint64 watch, message;
  Trip *trip = data;

  if (sd_bus_message_read(m, "ttss", &watch, &message, &agent, &state) < 0)
    return 0;
  if (g_str_equal(state, trip->road->receipt))
    trip->n_done++;
  else if (g_str_equal(state, "lost") || g_str_has_prefix(state, "attempt-"))
    is_ok(trip, state, -EIO, NULL);
  return 0;
}

static gboolean prepare(Trip *trip, const char *policy) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  int r =
      sd_bus_call_method(trip->sender, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "RegisterAgent",
                         &error, NULL, "sa{sv}", AGENT, 1, "policy", "s", policy);

  if (!is_ok(trip, "RegisterAgent", r, &error))
    return FALSE;
  r = sd_bus_match_signal(trip->watcher, NULL, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Event",
                          on_event, trip);
  if (r >= 0)
    r = sd_bus_call_method(trip->watcher, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Watch",
                           &error, NULL, "a{sv}", 1, "agent", "s", AGENT);
  return is_ok(trip, "Watch", r, &error);
}

static int append_messages(sd_bus_message *m, const Trip *trip, guint n) {
  g_autofree char *body = g_strnfill((gsize)trip->size, 'x');
  int r = sd_bus_message_open_container(m, 'a', "(saya{sv})");

  for (guint i = 0; i < n && r >= 0; i++) {
    r = sd_bus_message_open_container(m, 'r', "saya{sv}");
    if (r >= 0)
      r = sd_bus_message_append(m, "s", AGENT);
    if (r >= 0)
      r = sd_bus_message_append_array(m, 'y', body, (size_t)trip->size);
    if (r >= 0)
      r = sd_bus_message_append(m, "a{sv}", 0);
    if (r >= 0)
      r = sd_bus_message_close_container(m);
  }
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_append(m, "a{sv}", 0) : r;
}

static void send_some(Trip *trip, guint n) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(trip->sender, &m, NULL, WG_PATH_MESSAGING,
                                         WG_IFACE_MESSAGING, "SendMany");

  if (r >= 0)
    r = append_messages(m, trip, n);
  if (r >= 0)
    r = sd_bus_call(trip->sender, m, 0, &error, NULL);
  sd_bus_message_unref(m);
  is_ok(trip, "SendMany", r, &error);
}

static void take_events(Trip *trip, int timeout_ms) {
  struct pollfd fd = {.fd = sd_bus_get_fd(trip->watcher), .events = POLLIN};
  int r;

  poll(&fd, 1, timeout_ms);
  while ((r = sd_bus_process(trip->watcher, NULL)) > 0)
    continue;
  is_ok(trip, "the connection", r, NULL);
}

/* Messages a second. */
static double travel(Trip *trip) {
  gint64 begin = g_get_monotonic_time();

  for (guint sent = 0; sent < trip->n && !trip->error; sent += SEND_AT_ONCE) {
    send_some(trip, MIN(SEND_AT_ONCE, trip->n - sent));
    take_events(trip, 0);
  }
  while (trip->n_done < trip->n && !trip->error) {
    take_events(trip, 100);
    if (g_get_monotonic_time() - begin > PATIENCE)
      is_ok(trip, "not all came through", -ETIMEDOUT, NULL);
  }
  return trip->n / ((g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC);
}

static char *policy_of(const Road *road, const char *mail) {
  if (road->command)
    return g_strdup_printf(
        "{\"backends\": [{\"use\": \"exec\", \"command\": [\"%s\"], \"parallel\": 8}]}",
        road->command);
  return g_strdup_printf("{\"backends\": [{\"use\": \"inbox\", \"directory\": \"%s\", "
                         "\"max-messages\": 1000000, \"max-bytes\": \"64G\"}]}",
                         mail);
}

static double run_road(const BenchOptions *options, Report *report, const Road *road,
                       const char *mail) {
  Trip trip = {.road = road, .n = options->quick ? road->n_quick : road->n, .size = options->size};
  Rig rig, courier;

  rig_init(&rig, options->program, options->dir);
  rig_start_daemon(&rig);
  g_autofree char *address = g_strdup_printf("unix:path=%s", rig.socket);
  g_setenv(WG_ENV_ADDRESS, address, TRUE);
  rig_init(&courier, options->courier, options->dir);
  rig_start_daemon(&courier);
  g_autofree char *policy = policy_of(road, mail);
  trip.sender = rig_connect(&rig);
  trip.watcher = rig_connect(&rig);
  double rate = prepare(&trip, policy) ? travel(&trip) : 0;
  if (trip.error) {
    report_broken(report, road->name, trip.error);
    rate = 0;
  }
  sd_bus_close_unref(trip.watcher);
  sd_bus_close_unref(trip.sender);
  g_free(trip.error);
  rig_free(&courier);
  rig_free(&rig);
  return rate;
}

/* Files a second, made, synced and renamed one by one. */
static double limit_inbox(const BenchOptions *options, const char *dir) {
  g_autofree char *text = g_strnfill((gsize)options->size + 200, 'x');
  g_autofree char *half = g_build_filename(dir, "half", NULL);

  if (mkdir(dir, 0700) < 0)
    return 0;
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < LIMIT_FILES; i++) {
    g_autofree char *path = g_strdup_printf("%s/%u", dir, i);
    int fd = open(half, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (write(fd, text, strlen(text)) < 0 || fsync(fd) < 0 || close(fd) < 0 ||
        rename(half, path) < 0)
      return 0;
  }
  return LIMIT_FILES / ((g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC);
}

static double limit_exec(const Road *road) {
  char *argv[] = {(char *)road->command, NULL};
  gint64 begin = g_get_monotonic_time();

  for (guint i = 0; i < LIMIT_COMMANDS; i++) {
    pid_t pid;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
      return 0;
    waitpid(pid, NULL, 0);
  }
  return LIMIT_COMMANDS / ((g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC);
}

static void measure(const BenchOptions *options, Report *report, const Road *road) {
  double rates[BENCH_MAX_ROUNDS], limits[BENCH_MAX_ROUNDS];
  guint rounds = (guint)options->rounds;
  /* removed at the end: ext4 takes long to make files where thousands went a minute ago */
  g_autofree char *dir = g_build_filename(options->dir, "road-XXXXXX", NULL);

  if (g_mkdtemp(dir) == NULL) {
    report_broken(report, road->name, g_strerror(errno));
    return;
  }
  for (guint i = 0; i < rounds; i++) {
    g_autofree char *plain = g_strdup_printf("%s/plain-%u", dir, i);
    g_autofree char *mail = g_strdup_printf("%s/mail-%u", dir, i);
    limits[i] = road->command ? limit_exec(road) : limit_inbox(options, plain);
    rates[i] = run_road(options, report, road, mail);
  }
  rig_remove_tree(dir);
  double rate = median(rates, rounds), limit = median(limits, rounds);
  printf("%s, %d B: %.0f/s from Send to the last receipt \"%s\"; one by one without us %.0f/s\n",
         road->name, options->size, rate, road->receipt, limit);
  report_json(report, road->name, "rate", rate, "limit", limit, NULL);
  g_autofree char *what = g_strdup_printf("%s, messages end to end", road->name);
  report_goal(report, what, rate, TRUE, road->target, "/s");
}

gboolean bench_is_road(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(roads); i++)
    if (g_str_equal(roads[i].name, name))
      return TRUE;
  return FALSE;
}

void bench_courier(const BenchOptions *options, Report *report) {
  if (options->courier == NULL) {
    report_note(report, "inbox and exec were not measured: --courier is not given");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(roads); i++)
    if (options->only == NULL || g_str_equal(roads[i].name, options->only))
      measure(options, report, &roads[i]);
}
