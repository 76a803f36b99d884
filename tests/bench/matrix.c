/* matrix.c: every operation over both roads, in both sizes, with 1, 8 and 64 calls outstanding.
 *
 * Each row has a daemon and a store of its own. Within a row the operations take turns, and each
 * ratio is to the empty method of the same round. */
#include "bench.h"
#include "ops.h"

#include "common/names.h"

#include <math.h>
#include <stdio.h>

#define N_OPS 6

typedef struct {
  double rate, ratio, p50, p99;
} Cell;

static const guint sizes[] = {256, 4096};
static const guint depths[] = {1, 8, 64};

static gboolean run_round(Rig *rig, LoadSpec *spec, guint round, LoadResult *results,
                          Report *report) {
  for (guint i = 0; i < N_OPS; i++) {
    g_autofree char *agent = g_strdup_printf("%s-%u", all_ops[i]->name, round);
    spec->op = all_ops[i];
    spec->agent = agent;
    load_run(rig, spec, &results[i]);
    if (results[i].error) {
      report_broken(report, spec->op->name, results[i].error);
      load_result_clear(&results[i]);
      return FALSE;
    }
  }
  return TRUE;
}

static void summarize(LoadResult results[][N_OPS], guint rounds, Cell *ret_cells) {
  for (guint i = 0; i < N_OPS; i++) {
    double rate[BENCH_MAX_ROUNDS], ratio[BENCH_MAX_ROUNDS], p50[BENCH_MAX_ROUNDS],
        p99[BENCH_MAX_ROUNDS];
    for (guint k = 0; k < rounds; k++) {
      rate[k] = results[k][i].rate;
      ratio[k] = results[k][i].rate / results[k][0].rate;
      p50[k] = results[k][i].p50;
      p99[k] = results[k][i].p99;
    }
    ret_cells[i] = (Cell){median(rate, rounds), median(ratio, rounds), median(p50, rounds),
                          median(p99, rounds)};
  }
}

static void print_row(Report *report, const LoadSpec *spec, const Cell *c) {
  const char *road = spec->destination ? "bus" : "socket";

  printf("%-6s %4u %3u | %7.0f %6.0f | %7.0f %5.2f %6.0f %6.0f | %8.0f %5.2f | %7.0f %5.2f | "
         "%7.0f %5.2f | %7.0f %5.2f\n",
         road, spec->size, spec->outstanding, c[0].rate, c[0].p99, c[1].rate, c[1].ratio, c[1].p50,
         c[1].p99, c[2].rate, c[2].ratio, c[3].rate, c[3].ratio, c[4].rate, c[4].ratio, c[5].rate,
         c[5].ratio);
  fflush(stdout);
  for (guint i = 0; i < N_OPS; i++) {
    g_autofree char *name =
        g_strdup_printf("%s/%u/%u/%s", road, spec->size, spec->outstanding, all_ops[i]->name);
    report_json(report, name, "rate", c[i].rate, "ratio", c[i].ratio, "p50_us", c[i].p50, "p99_us",
                c[i].p99, NULL);
  }
}

/* What the project promised: 64 outstanding and 256 bytes. */
static void goals(Report *report, gboolean bus, const Cell *c) {
  if (bus) {
    report_goal(report, "bus: durable Send / empty method", c[1].ratio, TRUE, 0.6, "");
    return;
  }
  report_goal(report, "socket: durable Send / empty method", c[1].ratio, TRUE, 0.5, "");
  report_goal(report, "socket: durable Send, p99", c[1].p99 / 1000, FALSE, 10, " ms");
  report_goal(report, "socket: cycles / empty method, three calls a message", c[3].ratio, TRUE,
              0.25, "");
  report_goal(report, "socket: cycles / empty method, Receive max=64 + AckMany", c[4].ratio, TRUE,
              0.25, "");
  report_goal(report, "socket: cycles / empty method, Subscribe + AckMany", c[5].ratio, TRUE, 0.25,
              "");
  report_goal(report, "socket: messages by SendMany of 64 / empty method", c[2].ratio, TRUE, 1.5,
              "");
}

static void row(const BenchOptions *options, Report *report, gboolean bus, guint size,
                guint depth) {
  LoadSpec spec = {.destination = bus ? WG_BUS_MESSAGING : NULL,
                   .size = size,
                   .outstanding = depth,
                   .connections = 1,
                   .seconds = options->seconds};
  LoadResult results[BENCH_MAX_ROUNDS][N_OPS];
  gboolean has_goals = depth == 64 && size == 256;
  guint rounds = has_goals ? bench_goal_rounds(options) : (guint)options->rounds;
  gboolean well = TRUE;
  Cell cells[N_OPS];
  Rig rig;

  rig_init(&rig, options->program, options->dir);
  if (bus)
    rig_start_broker(&rig);
  rig_start_daemon(&rig);
  for (guint k = 0; k < rounds && well; k++)
    well = run_round(&rig, &spec, k, results[k], report);
  rig_free(&rig);
  if (!well)
    return;
  summarize(results, rounds, cells);
  print_row(report, &spec, cells);
  if (has_goals)
    goals(report, bus, cells);
}

void bench_matrix(const BenchOptions *options, Report *report) {
  puts(
      "\nMessages (ping: calls) a second, ratio to the empty method of the same row, times in us.\n"
      "cycle: Send, Receive, Ack for each message; batched: Receive max=64 and AckMany;\n"
      "pushed: Subscribe with credits and AckMany.\n");
  puts(
      "              |  empty method  |        durable Send         |  SendMany(64)  |     cycle   "
      "  |    batched    |    pushed");
  puts("road   size out |     /s    p99 |      /s ratio    p50    p99 |       /s ratio |      /s "
       "ratio |      /s ratio |      /s ratio");
  for (guint bus = 0; bus < 2; bus++)
    for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
      for (guint d = 0; d < G_N_ELEMENTS(depths); d++)
        if (!options->quick || (sizes[s] == 256 && depths[d] == 64))
          row(options, report, bus, sizes[s], depths[d]);
}
