/* redis-fallback.c: see redis.h. Built where there is no hiredis. */
#include "redis.h"

const char *redis_obstacle(void) {
  return "built without hiredis";
}

void redis_start(RedisServer *server, const char *parent) {
}

void redis_stop(RedisServer *server) {
}

void redis_run(RedisServer *server, const LoadSpec *spec, guint batch, LoadResult *ret) {
}
