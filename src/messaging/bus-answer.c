/* bus-answer.c: the rare methods' results, where the loop has something to add: object
 * paths, its own share of the statistics, and bodies that are too large for a message. */
#include "common/bus-variant.h"
#include "messaging/bus-agents.h"
#include "messaging/bus-call.h"
#include "messaging/bus-memfd.h"

#include "common/io.h"
#include "common/names.h"
#include "common/store-log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int append_path(sd_bus_message *reply, const char *name) {
  char *path = msg_agent_path(name);
  int r = path != NULL ? sd_bus_message_append_basic(reply, 'o', path) : -EINVAL;

  free(path);
  return r;
}

/* RegisterAgent: (sb) -> (ob). */
static int answer_registered(sd_bus_message *reply, GVariant *result) {
  const char *name;
  gboolean created;
  int r;

  g_variant_get(result, "(&sb)", &name, &created);
  r = append_path(reply, name);
  return r >= 0 ? sd_bus_message_append_basic(reply, 'b', &(int){created != FALSE}) : r;
}

/* One a{sv} of an agent, with its path. */
static int append_agent(sd_bus_message *reply, GVariant *info) {
  const char *name;
  int r = sd_bus_message_open_container(reply, 'a', "{sv}");

  if (r >= 0)
    r = wg_variant_append_children(reply, info);
  if (r >= 0 && g_variant_lookup(info, "name", "&s", &name)) {
    char *path = msg_agent_path(name);
    r = path != NULL ? sd_bus_message_append(reply, "{sv}", "path", "o", path) : -EINVAL;
    free(path);
  }
  return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static int answer_agents(sd_bus_message *reply, GVariant *result) {
  g_autoptr(GVariant) list = g_variant_get_child_value(result, 0);
  gsize n = g_variant_n_children(list);
  int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

  for (gsize i = 0; r >= 0 && i < n; i++) {
    g_autoptr(GVariant) info = g_variant_get_child_value(list, i);
    r = append_agent(reply, info);
  }
  return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static int append_body(sd_bus_message *reply, GVariant *body) {
  gsize size = 0;
  const void *data = g_variant_get_fixed_array(body, &size, 1);

  if (size <= MSG_INLINE_MAX)
    return wg_variant_append_entry(reply, "body", body);
  int fd = wg_memfd_sealed("waggle-body", data, size);
  if (fd < 0)
    return -errno;
  int r = sd_bus_message_append(reply, "{sv}", "body-fd", "h", fd);
  close(fd);
  return r;
}

static int answer_message(sd_bus_message *reply, GVariant *result) {
  g_autoptr(GVariant) fields = g_variant_get_child_value(result, 0);
  GVariantIter iter;
  const char *key;
  GVariant *value;
  int r = sd_bus_message_open_container(reply, 'a', "{sv}");

  g_variant_iter_init(&iter, fields);
  while (r >= 0 && g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    r = strcmp(key, "body") == 0 ? append_body(reply, value)
                                 : wg_variant_append_entry(reply, key, value);
  }
  return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static void insert_latency(GVariantDict *dict, const char *key, const WgHistogram *h) {
  guint64 values[] = {wg_histogram_quantile(h, 0.5), wg_histogram_quantile(h, 0.9),
                      wg_histogram_quantile(h, 0.99), h->max};

  g_variant_dict_insert_value(dict, key,
                              g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, values,
                                                        G_N_ELEMENTS(values), sizeof *values));
}

static void insert_histogram(GVariantDict *dict, const char *key, const WgHistogram *h) {
  g_variant_dict_insert_value(dict, key, wg_histogram_pack(h));
}

static int answer_statistics(MsgDaemon *daemon, sd_bus_message *reply, GVariant *result) {
  g_autoptr(GVariant) given = g_variant_get_child_value(result, 0);
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(given);
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  WgWriterStats writer = {0};

  wg_writer_stats(daemon->writer, &writer);
  insert_latency(&dict, "latency-send", &daemon->stats.send);
  insert_latency(&dict, "latency-receive", &daemon->stats.receive);
  insert_latency(&dict, "latency-ack", &daemon->stats.ack);
  insert_histogram(&dict, "histogram-send", &daemon->stats.send);
  insert_histogram(&dict, "histogram-receive", &daemon->stats.receive);
  insert_histogram(&dict, "histogram-ack", &daemon->stats.ack);
  g_variant_dict_insert(&dict, "batches", "t", writer.batches);
  g_variant_dict_insert(&dict, "largest-batch", "t", writer.largest_batch);
  g_variant_dict_insert(&dict, "clients", "u",
                        wg_peer_server_n_clients(wg_service_peers(daemon->service)) +
                            g_hash_table_size(daemon->by_name));
  g_variant_dict_insert(&dict, "started", "t", (guint64)daemon->stats.started);
  g_variant_dict_insert(&dict, "version", "s", WG_VERSION);
  g_variant_dict_insert(&dict, "scope", "s", daemon->user_scope ? "user" : "system");
  g_variant_dict_insert(&dict, "store-state", "s", wg_store_state_name(daemon->store_state));
  g_variant_dict_insert(&dict, "degraded", "^as", degraded);
  g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_dict_end(&dict));
  return wg_variant_append(reply, all);
}

int msg_answer_append(MsgDaemon *daemon, sd_bus_message *reply, MsgCallKind kind,
                      GVariant *result) {
  switch (kind) {
  case MSG_CALL_REGISTER_AGENT:
    return answer_registered(reply, result);
  case MSG_CALL_LIST_AGENTS:
    return answer_agents(reply, result);
  case MSG_CALL_GET_AGENT: {
    g_autoptr(GVariant) info = g_variant_get_child_value(result, 0);
    return append_agent(reply, info);
  }
  case MSG_CALL_GET_MESSAGE:
    return answer_message(reply, result);
  case MSG_CALL_GET_STATISTICS:
    return answer_statistics(daemon, reply, result);
  default:
    return wg_variant_append_children(reply, result);
  }
}
