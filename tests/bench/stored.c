/* stored.c: what a million stored messages cost: sending, starting, memory. */
#include "bench.h"
#include "cpu.h"
#include "ops.h"

#include "common/names.h"

#include <math.h>
#include <stdio.h>

#define STARTS 3
#define STORED 1000000
#define STORED_QUICK 100000

static gboolean run(Rig *rig, LoadSpec *spec, const char *what, Report *report,
                    LoadResult *ret_result) {
  load_run(rig, spec, ret_result);
  if (ret_result->error == NULL)
    return TRUE;
  report_broken(report, what, ret_result->error);
  load_result_clear(ret_result);
  return FALSE;
}

/* From fork() until the first Send is answered, on the state as it is, in ms; NAN: no answer. */
static double start_ms(Rig *rig, const char *agent) {
  gint64 begin = g_get_monotonic_time();

  rig_start_daemon(rig);
  sd_bus *bus = rig_connect(rig);
  int r = sd_bus_call_method(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Send", NULL, NULL,
                             "saya{sv}", agent, 1, 'x', 0);
  gint64 end = g_get_monotonic_time();
  sd_bus_close_unref(bus);
  return r < 0 ? NAN : (end - begin) / 1000.0;
}

static void measure_starts(Rig *rig, const char *name, gboolean is_goal, Report *report) {
  double worst = 0;

  for (guint i = 0; i < STARTS; i++) {
    rig_kill_daemon(rig);
    double ms = start_ms(rig, "first");
    worst = i == 0 || !(ms <= worst) ? ms : worst;
  }
  printf("%s: SIGKILL, start to the first Send's reply: %.0f ms (worst of %d)\n", name, worst,
         STARTS);
  report_json(report, name, "start_ms", worst, NULL);
  if (is_goal)
    report_goal(report, "full store: start to first reply", worst / 1000, FALSE, 1, " s");
}

static void measure_memory(Rig *rig, const char *when, gboolean is_goal, Report *report) {
  double rss = memory_kib(rig->daemon, "status", "VmRSS:") / 1024.0;
  double pss = memory_kib(rig->daemon, "smaps_rollup", "Pss:") / 1024.0;

  printf("memory, %s: RSS %.1f MiB, PSS %.1f MiB\n", when, rss, pss);
  g_autofree char *name = g_strdup_printf("memory, %s", when);
  report_json(report, name, "rss_mib", rss, "pss_mib", pss, NULL);
  if (is_goal)
    report_goal(report, "idle memory (RSS)", rss, FALSE, 10, " MiB");
}

static void measure_sends(const BenchOptions *options, Rig *empty, Rig *full, Report *report) {
  double rates[2][BENCH_MAX_ROUNDS], ratios[BENCH_MAX_ROUNDS];
  guint rounds = bench_goal_rounds(options);
  Rig *rigs[] = {empty, full};

  for (guint k = 0; k < rounds; k++) {
    for (guint i = 0; i < 2; i++) {
      g_autofree char *agent = g_strdup_printf("round-%u", k);
      LoadSpec spec = {.op = &op_send,
                       .size = 256,
                       .outstanding = 64,
                       .connections = 1,
                       .seconds = options->seconds,
                       .agent = agent};
      LoadResult result;
      if (!run(rigs[i], &spec, "Send", report, &result))
        return;
      rates[i][k] = result.rate;
    }
    ratios[k] = rates[1][k] / rates[0][k];
  }
  printf("Send: empty store %.0f/s, full store %.0f/s\n", median(rates[0], rounds),
         median(rates[1], rounds));
  report_goal(report, "Send into the full store / into the empty one", median(ratios, rounds), TRUE,
              0.8, "");
}

static gboolean fill(Rig *rig, guint64 n, Report *report) {
  LoadSpec spec = {.op = &op_send_many,
                   .size = 256,
                   .outstanding = 8,
                   .connections = 1,
                   .seconds = 300,
                   .limit = n,
                   .agent = "filled"};
  LoadResult result;

  gint64 begin = g_get_monotonic_time();
  if (!run(rig, &spec, "the store cannot be filled", report, &result))
    return FALSE;
  printf("\n%" G_GUINT64_FORMAT " messages stored by SendMany in %.1f s\n", result.total,
         (g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC);
  fflush(stdout);
  return TRUE;
}

static void first_agent(Rig *rig) {
  sd_bus *bus = rig_connect(rig);

  sd_bus_call_method(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "RegisterAgent", NULL, NULL,
                     "sa{sv}", "first", 0);
  sd_bus_close_unref(bus);
}

void bench_stored(const BenchOptions *options, Report *report) {
  Rig empty, full;

  rig_init(&empty, options->program, options->dir);
  rig_start_broker(&empty);
  rig_start_daemon(&empty);
  sd_bus_close_unref(rig_connect_bus(&empty)); /* waits until it has its name */
  first_agent(&empty);
  rig_init(&full, options->program, options->dir);
  rig_start_daemon(&full);
  first_agent(&full);
  if (fill(&full, options->quick ? STORED_QUICK : STORED, report)) {
    measure_memory(&empty, "fresh, with the bus, one agent", TRUE, report);
    measure_memory(&full, "right after the fill", FALSE, report);
    measure_starts(&empty, "empty store", FALSE, report);
    measure_starts(&full, "full store", TRUE, report);
    measure_memory(&full, "full store, just started", FALSE, report);
    measure_sends(options, &empty, &full, report);
  }
  rig_free(&full);
  rig_free(&empty);
}
