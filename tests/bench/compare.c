/* compare.c: against redis, in turns, in two shapes: 8 clients with 8 calls outstanding each, and
 * 64 clients with one each. Both sides use the same pattern in what is compared. */
#include "bench.h"
#include "ops.h"
#include "redis.h"

#include <stdio.h>

typedef struct {
  const char *what, *brief;
  const Op *op;
  guint batch; /* redis's */
  double target;
} Contest;

static const Contest contests[] = {
    {"puts (Send; XADD)", "puts", &op_send, 0, 1.0},
    {"cycles, each message by itself (Send, Receive, Ack; XADD, XREADGROUP, XACK)",
     "cycles, each by itself", &op_cycle, 1, 1.5},
    {"cycles, 64 received and acked at once (max=64; COUNT 64)", "cycles, 64 at once",
     &op_cycle_many, 64, 1.5},
    {"cycles, pushed and acked at once (Subscribe; COUNT 64: redis does not push)",
     "cycles, pushed", &op_push, 64, 1.5},
};

typedef struct {
  guint connections, outstanding;
} Shape;

static const Shape shapes[] = {{8, 64}, {64, 64}};

static gboolean round_of(Rig *rig, RedisServer *server, LoadSpec *spec, const Contest *contest,
                         LoadResult *ours, LoadResult *theirs, Report *report) {
  static guint n;
  g_autofree char *agent = g_strdup_printf("compare-%u", n);

  spec->op = contest->op;
  spec->agent = agent;
  if (n % 2 == 0) /* who comes first changes, too */
    load_run(rig, spec, ours);
  redis_run(server, spec, contest->batch, theirs);
  if (n % 2 == 1)
    load_run(rig, spec, ours);
  n++;
  if (ours->error)
    report_broken(report, contest->what, ours->error);
  if (theirs->error)
    report_broken(report, contest->what, theirs->error);
  gboolean well = !ours->error && !theirs->error;
  load_result_clear(ours);
  load_result_clear(theirs);
  return well;
}

static void contest_in(const BenchOptions *options, Rig *rig, RedisServer *server,
                       const Contest *contest, const Shape *shape, Report *report) {
  double ours[BENCH_MAX_ROUNDS], theirs[BENCH_MAX_ROUNDS], ratios[BENCH_MAX_ROUNDS],
      p99[2][BENCH_MAX_ROUNDS];
  guint rounds = bench_goal_rounds(options), each = shape->outstanding / shape->connections;
  LoadSpec spec = {.size = 256,
                   .outstanding = shape->outstanding,
                   .connections = shape->connections,
                   .seconds = options->seconds};

  for (guint k = 0; k < rounds; k++) {
    LoadResult a, b;
    if (!round_of(rig, server, &spec, contest, &a, &b, report))
      return;
    ours[k] = a.rate;
    theirs[k] = b.rate;
    ratios[k] = a.rate / b.rate;
    p99[0][k] = a.p99;
    p99[1][k] = b.p99;
  }
  double ratio = median(ratios, rounds);
  printf("%2u x %u  %-76s %8.0f %7.0f %8.0f %7.0f %6.2f\n", shape->connections, each, contest->what,
         median(ours, rounds), median(p99[0], rounds), median(theirs, rounds),
         median(p99[1], rounds), ratio);
  fflush(stdout);
  g_autofree char *goal =
      g_strdup_printf("%ux%u against redis: %s", shape->connections, each, contest->brief);
  report_goal(report, goal, ratio, TRUE, contest->target, "");
  report_json(report, goal, "ours", ours[rounds / 2], "theirs", theirs[rounds / 2], "ratio", ratio,
              NULL);
}

void bench_compare(const BenchOptions *options, Report *report) {
  RedisServer server;
  Rig rig;

  if (redis_obstacle()) {
    printf("\nredis: skipped: %s\n", redis_obstacle());
    return;
  }
  printf("\nAgainst redis-server (appendonly yes, appendfsync always), 256 B, clients x calls "
         "outstanding each; a second, p99 in us.\n\n%85s %8s %7s %8s %7s %6s\n",
         "", "ours/s", "p99", "redis/s", "p99", "ratio");
  for (guint s = 0; s < G_N_ELEMENTS(shapes); s++) {
    redis_start(&server, options->dir);
    rig_init(&rig, options->program, options->dir);
    rig_start_daemon(&rig);
    for (guint i = 0; i < G_N_ELEMENTS(contests); i++)
      contest_in(options, &rig, &server, &contests[i], &shapes[s], report);
    rig_free(&rig);
    redis_stop(&server);
  }
}
