/* main.c: the benchmark. See bench.h for what it believes in and --help for what it takes.
 *
 * Exit status: 0 the run was complete; 1 with --strict when a target was missed or a case broke;
 * 2 for options that make no sense. */
#include "bench.h"
#include "cpu.h"
#include "ops.h"

#include "common/names.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SYNC_SAMPLES 200

static const char *file_system(const char *path) {
  struct statfs fs;

  if (statfs(path, &fs) < 0)
    return "unknown";
  switch ((guint32)fs.f_type) {
  case 0xEF53:
    return "ext4";
  case 0x58465342:
    return "xfs";
  case 0x9123683E:
    return "btrfs";
  case 0x794C7630:
    return "overlay";
  case 0x01021994:
    return "tmpfs (NOT A DISK: a commit costs nothing here)";
  default:
    return "another one";
  }
}

/* What every commit stands on: 4 KiB written and synced, median of many. */
static double sync_usec(const char *dir) {
  g_autofree char *path = g_build_filename(dir, "sync-XXXXXX", NULL);
  int fd = g_mkstemp(path);
  double samples[SYNC_SAMPLES];
  char block[4096] = {1};

  for (guint i = 0; i < SYNC_SAMPLES; i++) {
    gint64 begin = g_get_monotonic_time();
    if (pwrite(fd, block, sizeof block, i % 16 * sizeof block) < 0 || fdatasync(fd) < 0)
      break;
    samples[i] = g_get_monotonic_time() - begin;
  }
  close(fd);
  unlink(path);
  return median(samples, SYNC_SAMPLES);
}

void bench_machine(const BenchOptions *options, Report *report) {
  double sync = sync_usec(options->dir);

  printf("state on %s: %s, fdatasync of 4 KiB %.0f us; %ld processors; %d rounds of %.2g s\n",
         options->dir, file_system(options->dir), sync, sysconf(_SC_NPROCESSORS_ONLN),
         options->rounds, options->seconds);
  report_json(report, "machine", "fdatasync_us", sync, "processors",
              (double)sysconf(_SC_NPROCESSORS_ONLN), NULL);
}

static const struct {
  const char *name;
  void (*run)(const BenchOptions *options, Report *report);
} parts[] = {{"matrix", bench_matrix},
             {"redis", bench_compare},
             {"stored", bench_stored},
             {"courier", bench_courier}};

static gboolean part_exists(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (g_str_equal(parts[i].name, name))
      return TRUE;
  return FALSE;
}

static void parse(BenchOptions *o, int argc, char **argv) {
  GOptionEntry entries[] = {
      {"daemon", 0, 0, G_OPTION_ARG_FILENAME, &o->program, "waggle-messaged to measure", "FILE"},
      {"courier", 0, 0, G_OPTION_ARG_FILENAME, &o->courier, "waggle-courier to measure", "FILE"},
      {"dir", 0, 0, G_OPTION_ARG_FILENAME, &o->dir, "where the state goes (on a disk)", "DIR"},
      {"json", 0, 0, G_OPTION_ARG_FILENAME, &o->json, "write the figures as JSON lines", "FILE"},
      {"quick", 0, 0, G_OPTION_ARG_NONE, &o->quick, "less than 30 s", NULL},
      {"strict", 0, 0, G_OPTION_ARG_NONE, &o->strict, "fail when a target is missed", NULL},
      {"part", 0, 0, G_OPTION_ARG_STRING, &o->part, "only the matrix, redis, stored or courier",
       "PART"},
      {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->seconds, "of one measurement", "N"},
      {"rounds", 0, 0, G_OPTION_ARG_INT, &o->rounds, "of which the median counts", "N"},
      {"only", 0, 0, G_OPTION_ARG_STRING, &o->only,
       "one operation (ping, send, send-many, cycle, cycle-many, push, inbox, exec)", "OP"},
      {"address", 0, 0, G_OPTION_ARG_STRING, &o->address,
       "with --only: socket of a daemon that runs", "PATH"},
      {"size", 0, 0, G_OPTION_ARG_INT, &o->size, "with --only: bytes of a body", "N"},
      {"outstanding", 0, 0, G_OPTION_ARG_INT, &o->outstanding, "with --only: calls", "N"},
      {"connections", 0, 0, G_OPTION_ARG_INT, &o->connections, "with --only", "N"},
      {"bus", 0, 0, G_OPTION_ARG_NONE, &o->bus, "with --only: through dbus-daemon", NULL},
      {NULL}};
  g_autoptr(GOptionContext) context = g_option_context_new("- measures waggle-messaged");
  g_autoptr(GError) error = NULL;

  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    fprintf(stderr, "%s\n", error->message);
    exit(2);
  }
  if (o->seconds == 0)
    o->seconds = o->only ? 5 : o->quick ? 0.35 : 0.5;
  if (o->rounds == 0)
    o->rounds = o->quick ? 1 : 3;
  if ((o->only && op_by_name(o->only) == NULL && !bench_is_road(o->only)) ||
      (o->part && !part_exists(o->part)) || (o->program == NULL && o->address == NULL) ||
      o->connections < 1 || o->outstanding < o->connections || o->size < 0 || o->rounds < 1 ||
      o->rounds > BENCH_MAX_ROUNDS) {
    fprintf(stderr, "these options make no sense together; see --help\n");
    exit(2);
  }
}

/* Woken by the first of many replies the load would take the processor from the service that is
 * about to write the others: it waits for its turn. What it starts is scheduled as ever. */
static void yield_to_the_service(void) {
  struct sched_param none = {0};

  (void)sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
}

int main(int argc, char **argv) {
  BenchOptions options = {.size = 256, .outstanding = 64, .connections = 1};
  Report report;

  parse(&options, argc, argv);
  yield_to_the_service();
  options.dir = g_canonicalize_filename(options.dir ? options.dir : ".", NULL);
  report_init(&report, options.json);
  bench_machine(&options, &report);
  if (options.only && bench_is_road(options.only)) {
    bench_courier(&options, &report);
    report_goals(&report);
  } else if (options.only) {
    bench_only(&options, &report);
  } else {
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
      if (options.part == NULL || g_str_equal(options.part, parts[i].name))
        parts[i].run(&options, &report);
    report_goals(&report);
  }
  int status = options.strict && report.n_failed > 0;
  report_clear(&report);
  return status;
}
