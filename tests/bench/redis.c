/* redis.c: see redis.h: the load. The same closed loop as load.c, in redis's own words. */
#include "redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#define WARM_UP_SECONDS 0.15
#define DRAIN_SECONDS 30

typedef struct Redis Redis;

typedef struct {
  redisContext *context;
  GQueue waiting; /* slots in the order of their calls */
  gboolean unsent;
} Connection;

typedef struct {
  Redis *redis;
  Connection *connection;
  guint index, round, to_send, to_receive;
  GPtrArray *ids;
  gint64 begun;
} RedisSlot;

struct Redis {
  LoadSpec spec;
  guint batch;
  Connection *connections;
  RedisSlot *slots;
  char *xadd; /* the command, formatted once: it never changes */
  int xadd_size;
  guint64 done;
  guint in_flight;
  gboolean stopping;
  WgHistogram latency;
  char *error;
};

static void fail(Redis *redis, const char *text) {
  if (redis->error == NULL)
    redis->error = g_strdup_printf("redis: %s", text);
  redis->stopping = TRUE;
}

static void round_begin(RedisSlot *slot) {
  guint n = slot->redis->batch;

  if (slot->round++ == 0)
    n = 1 + (n - 1) * slot->index / slot->redis->spec.outstanding;
  slot->to_send = slot->to_receive = n;
  g_ptr_array_set_size(slot->ids, 0);
}

static void append_xack(RedisSlot *slot) {
  g_autoptr(GPtrArray) words = g_ptr_array_new();

  g_ptr_array_add(words, (char *)"XACK");
  g_ptr_array_add(words, (char *)"bench");
  g_ptr_array_add(words, (char *)"group");
  for (guint i = 0; i < slot->ids->len; i++)
    g_ptr_array_add(words, slot->ids->pdata[i]);
  redisAppendCommandArgv(slot->connection->context, words->len, (const char **)words->pdata, NULL);
}

static void slot_next(RedisSlot *slot) {
  Redis *redis = slot->redis;
  redisContext *context = slot->connection->context;

  if (redis->stopping)
    return;
  if (redis->batch > 0 && slot->round == 0)
    round_begin(slot);
  if (redis->batch == 0 || slot->to_send > 0)
    redisAppendFormattedCommand(context, redis->xadd, redis->xadd_size);
  else if (slot->to_receive > 0)
    redisAppendCommand(context, "XREADGROUP GROUP group one COUNT %u STREAMS bench >",
                       slot->to_receive);
  else
    append_xack(slot);
  slot->begun = g_get_monotonic_time();
  slot->connection->unsent = TRUE;
  g_queue_push_tail(&slot->connection->waiting, slot);
  redis->in_flight++;
}

/* [[stream, [[id, [field, body]], ...]]] */
static gboolean read_entries(RedisSlot *slot, const redisReply *reply) {
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
    return FALSE;
  const redisReply *entries = reply->element[0]->element[1];
  for (size_t i = 0; i < entries->elements && slot->to_receive > 0; i++) {
    g_ptr_array_add(slot->ids, g_strdup(entries->element[i]->element[0]->str));
    slot->to_receive--;
  }
  return TRUE;
}

static void slot_reply(RedisSlot *slot, const redisReply *reply) {
  Redis *redis = slot->redis;

  redis->in_flight--;
  if (reply->type == REDIS_REPLY_ERROR) {
    fail(redis, reply->str);
    return;
  }
  wg_histogram_add(&redis->latency, g_get_monotonic_time() - slot->begun);
  if (redis->batch == 0) {
    redis->done++;
  } else if (slot->to_send > 0) {
    slot->to_send--;
  } else if (slot->to_receive > 0) {
    if (!read_entries(slot, reply))
      fail(redis, "XREADGROUP found nothing");
  } else {
    if (reply->integer != slot->ids->len)
      fail(redis, "XACK refused an id");
    redis->done += slot->ids->len;
    round_begin(slot);
  }
  slot_next(slot);
}

static void read_replies(Redis *redis, Connection *connection) {
  redisReply *reply = NULL;

  if (redisBufferRead(connection->context) != REDIS_OK) {
    fail(redis, connection->context->errstr);
    return;
  }
  while (redisGetReplyFromReader(connection->context, (void **)&reply) == REDIS_OK && reply) {
    slot_reply(g_queue_pop_head(&connection->waiting), reply);
    freeReplyObject(reply);
  }
}

static void turn(Redis *redis, struct pollfd *fds, int timeout_ms) {
  for (guint i = 0; i < redis->spec.connections; i++) {
    Connection *c = &redis->connections[i];
    int all = 1;
    if (c->unsent && redisBufferWrite(c->context, &all) != REDIS_OK)
      fail(redis, c->context->errstr);
    c->unsent = !all;
    fds[i] = (struct pollfd){c->context->fd, c->unsent ? POLLIN | POLLOUT : POLLIN, 0};
  }
  poll(fds, redis->spec.connections, timeout_ms);
  for (guint i = 0; i < redis->spec.connections; i++)
    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
      read_replies(redis, &redis->connections[i]);
}

static void turn_for(Redis *redis, struct pollfd *fds, double seconds) {
  gint64 end = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

  for (gint64 now; (now = g_get_monotonic_time()) < end && !redis->error;)
    turn(redis, fds, (int)((end - now) / 1000 + 1));
}

static void drain(Redis *redis, struct pollfd *fds) {
  gint64 end = g_get_monotonic_time() + DRAIN_SECONDS * G_USEC_PER_SEC;

  redis->stopping = TRUE;
  while (redis->in_flight > 0 && !redis->error && g_get_monotonic_time() < end)
    turn(redis, fds, 100);
}

static void command(Redis *redis, RedisServer *server, const char *text) {
  redisContext *c = redisConnectUnix(server->socket);
  redisReply *reply = c && !c->err ? redisCommand(c, text) : NULL;

  if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
    fail(redis, text);
  freeReplyObject(reply);
  if (c)
    redisFree(c);
}

static void open_all(Redis *redis, RedisServer *server) {
  const LoadSpec *spec = &redis->spec;
  g_autofree char *body = g_strnfill(spec->size, 'a');
  const char *words[] = {"XADD", "bench", "*", "f", body};

  command(redis, server, "DEL bench");
  command(redis, server, "XGROUP CREATE bench group 0 MKSTREAM");
  redis->xadd_size = redisFormatCommandArgv(&redis->xadd, G_N_ELEMENTS(words), words, NULL);
  redis->connections = g_new0(Connection, spec->connections);
  redis->slots = g_new0(RedisSlot, spec->outstanding);
  for (guint i = 0; i < spec->connections; i++) {
    redis->connections[i].context = redisConnectUnixNonBlock(server->socket);
    g_queue_init(&redis->connections[i].waiting);
  }
  for (guint i = 0; i < spec->outstanding; i++) {
    redis->slots[i] = (RedisSlot){.redis = redis,
                                  .connection = &redis->connections[i % spec->connections],
                                  .index = i,
                                  .ids = g_ptr_array_new_with_free_func(g_free)};
    slot_next(&redis->slots[i]);
  }
}

static void close_all(Redis *redis) {
  for (guint i = 0; i < redis->spec.connections; i++) {
    redisFree(redis->connections[i].context);
    g_queue_clear(&redis->connections[i].waiting);
  }
  for (guint i = 0; i < redis->spec.outstanding; i++)
    g_ptr_array_unref(redis->slots[i].ids);
  g_free(redis->connections);
  g_free(redis->slots);
  redisFreeCommand(redis->xadd);
}

void redis_run(RedisServer *server, const LoadSpec *spec, guint batch, LoadResult *ret) {
  Redis redis = {.spec = *spec, .batch = batch};
  g_autofree struct pollfd *fds = g_new0(struct pollfd, spec->connections);

  open_all(&redis, server);
  turn_for(&redis, fds, WARM_UP_SECONDS);
  redis.latency = (WgHistogram){0};
  guint64 done = redis.done;
  gint64 begin = g_get_monotonic_time();
  turn_for(&redis, fds, spec->seconds);
  *ret = (LoadResult){
      .seconds = (g_get_monotonic_time() - begin) / (double)G_USEC_PER_SEC,
      .done = redis.done - done,
      .p50 = wg_histogram_quantile(&redis.latency, 0.5),
      .p99 = wg_histogram_quantile(&redis.latency, 0.99),
  };
  ret->rate = ret->done / ret->seconds;
  drain(&redis, fds);
  ret->total = redis.done;
  ret->error = g_steal_pointer(&redis.error);
  close_all(&redis);
}
