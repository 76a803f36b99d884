/* only.c: one operation for some seconds, for a profiler to look at, with what it costs. */
#include "bench.h"
#include "cpu.h"
#include "ops.h"

#include "common/names.h"

#include <stdio.h>
#include <sys/socket.h>

/* Who listens at the socket: the daemon that was started on it, if nobody else made it. */
static pid_t peer_pid(Rig *rig) {
  struct ucred who = {0};
  socklen_t size = sizeof who;
  sd_bus *bus = rig_connect(rig);

  getsockopt(sd_bus_get_fd(bus), SOL_SOCKET, SO_PEERCRED, &who, &size);
  sd_bus_close_unref(bus);
  return who.pid;
}

static void open_rig(const BenchOptions *options, Rig *rig) {
  if (options->address) {
    *rig = (Rig){.socket = options->address};
    return;
  }
  rig_init(rig, options->program, options->dir);
  if (options->bus)
    rig_start_broker(rig);
  rig_start_daemon(rig);
}

static void print_result(const LoadSpec *spec, const LoadResult *result) {
  printf("%s, %u B, %u outstanding over %u: %.0f/s, p50 %" G_GUINT64_FORMAT
         " us, p99 %" G_GUINT64_FORMAT " us\n",
         spec->op->name, spec->size, spec->outstanding, spec->connections, result->rate,
         result->p50, result->p99);
}

void bench_only(const BenchOptions *options, Report *report) {
  LoadSpec spec = {.op = op_by_name(options->only),
                   .destination = options->bus ? WG_BUS_MESSAGING : NULL,
                   .size = options->size,
                   .outstanding = options->outstanding,
                   .connections = options->connections,
                   .seconds = options->seconds,
                   .agent = "bench-only"};
  LoadResult result;
  Rig rig;

  open_rig(options, &rig);
  pid_t pid = options->address ? peer_pid(&rig) : rig.daemon;
  printf("daemon is process %d\n", (int)pid);
  fflush(stdout);
  g_autoptr(GHashTable) before = cpu_by_thread(pid);
  gint64 own = cpu_own();
  load_run(&rig, &spec, &result);
  g_autoptr(GHashTable) after = cpu_by_thread(pid);
  if (result.error) {
    report_broken(report, options->only, result.error);
  } else {
    guint64 n = result.total; /* warm-up and draining are in the CPU time as well */
    g_autofree char *cpu = cpu_describe(before, after, n);
    print_result(&spec, &result);
    printf("CPU for each: client %.2f us, %s\n", (cpu_own() - own) / 1000.0 / MAX(n, 1), cpu);
    report_json(report, options->only, "rate", result.rate, "p50_us", (double)result.p50, "p99_us",
                (double)result.p99, NULL);
  }
  load_result_clear(&result);
  if (options->address == NULL)
    rig_free(&rig);
}
