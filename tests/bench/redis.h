/* redis.h: Debian's redis-server as the peer: the fastest one that syncs before it answers.
 *
 * appendonly yes, appendfsync always, nothing else that costs: no snapshots, no rewriting. A
 * server of its own in a directory of its own. The client is as ours in load.c: one process, one
 * thread, poll(), several connections, so many calls outstanding on each; hiredis pipelines what
 * one turn issues. redis-fallback.c stands in where there is no hiredis. */
#pragma once

#include "load.h"

typedef struct {
  pid_t pid;
  char *dir, *sockets, *socket;
} RedisServer;

/* NULL, or why there can be no comparison here. */
const char *redis_obstacle(void);
void redis_start(RedisServer *server, const char *parent);
void redis_stop(RedisServer *server);

/* batch 0: XADD only. Else rounds of `batch` XADDs one after the other, XREADGROUP COUNT until so
 * many came, one XACK of them all: the pattern of op_cycle (1) and op_cycle_many (64). Of `spec`
 * count size, outstanding, connections and seconds. */
void redis_run(RedisServer *server, const LoadSpec *spec, guint batch, LoadResult *ret);
