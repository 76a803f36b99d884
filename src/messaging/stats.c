/* stats.c: GetStatistics, the engine's part; the loop adds its own (bus-answer.c). */
#include "messaging/engine-private.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

/* As many agents are told of one by one. */
#define DEEPEST_MAX 16

static guint64 file_size(const char *path, const char *suffix) {
  g_autofree char *name = g_strconcat(path, suffix, NULL);
  struct stat st;

  return stat(name, &st) == 0 ? (guint64)st.st_size : 0;
}

static void put(GVariantDict *d, const char *key, guint64 value) {
  g_variant_dict_insert(d, key, "t", value);
}

static void put_sums(MsgEngine *e, GVariantDict *d) {
  MsgCounts sum = {0};

  for (guint i = 0; i < e->agents->len; i++) {
    const MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    sum.queued += agent->counts.queued;
    sum.scheduled += agent->counts.scheduled;
    sum.held += agent->counts.held;
    sum.in_flight += agent->counts.in_flight;
    sum.dead += agent->counts.dead;
    sum.bytes += agent->counts.bytes;
  }
  g_variant_dict_insert(d, "agents", "u", g_hash_table_size(e->agents_by_name));
  g_variant_dict_insert(d, "edges", "u", msg_edges_count(e->settings.edges));
  /* deliveries that are not done with; to count rows would take as long as reading the store */
  put(d, "messages", sum.queued + sum.scheduled + sum.held + sum.in_flight);
  put(d, "queued", sum.queued);
  put(d, "scheduled", sum.scheduled);
  put(d, "held", sum.held);
  put(d, "in-flight", sum.in_flight);
  put(d, "dead", sum.dead);
  put(d, "bytes", sum.bytes);
}

static void put_files(MsgEngine *e, GVariantDict *d) {
  const char *path = sqlite3_db_filename(e->db, "main");
  struct statvfs fs;

  if (!path || !*path)
    return;
  put(d, "store-bytes", file_size(path, ""));
  put(d, "wal-bytes", file_size(path, "-wal"));
  if (statvfs(path, &fs) == 0)
    put(d, "free-bytes", (guint64)fs.f_bavail * fs.f_frsize);
}

static void put_deliveries(const MsgEngine *e, GVariantDict *dict) {
  GVariantBuilder rows;

  g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sst)"));
  for (guint i = 0; i < MSG_BACKENDS_MAX && *e->stat.deliveries[i].backend; i++) {
    const MsgDeliveries *d = &e->stat.deliveries[i];
    g_variant_builder_add(&rows, "(sst)", d->backend, "announced", d->announced);
    g_variant_builder_add(&rows, "(sst)", d->backend, "held", d->held);
    g_variant_builder_add(&rows, "(sst)", d->backend, "failed", d->failed);
    g_variant_builder_add(&rows, "(sst)", d->backend, "partial", d->partial);
  }
  g_variant_dict_insert_value(dict, "deliveries", g_variant_builder_end(&rows));
}

static guint64 depth(const MsgAgent *agent) {
  const MsgCounts *counts = &agent->counts;

  return counts->queued + counts->scheduled + counts->held + counts->in_flight;
}

/* The agents with the most mail, so many that an answer never grows with the number of agents. */
static void put_deepest(const MsgEngine *e, GVariantDict *dict) {
  const MsgAgent *deepest[DEEPEST_MAX + 1];
  guint n = 0;
  GVariantBuilder rows;

  for (guint i = 0; i < e->agents->len; i++) {
    const MsgAgent *agent = e->agents->pdata[i];
    if (!agent || agent->removed || (depth(agent) == 0 && agent->counts.dead == 0))
      continue;
    guint at = n;
    for (; at > 0 && depth(deepest[at - 1]) < depth(agent); at--)
      deepest[at] = deepest[at - 1];
    deepest[at] = agent;
    n = MIN(n + 1, DEEPEST_MAX);
  }
  g_variant_builder_init(&rows, G_VARIANT_TYPE("a(sttttt)"));
  for (guint i = 0; i < n; i++) {
    const MsgCounts *counts = &deepest[i]->counts;
    g_variant_builder_add(&rows, "(sttttt)", deepest[i]->name, (guint64)counts->queued,
                          (guint64)counts->scheduled, (guint64)counts->held,
                          (guint64)counts->in_flight, (guint64)counts->dead);
  }
  g_variant_dict_insert_value(dict, "deepest", g_variant_builder_end(&rows));
}

WgJobResult msg_call_get_statistics(MsgEngine *e, MsgCallJob *job) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);

  put_sums(e, &d);
  put(&d, "sent", e->stat.sent);
  put(&d, "received", e->stat.received);
  put(&d, "acked", e->stat.acked);
  put(&d, "nacked", e->stat.nacked);
  put(&d, "expired", e->stat.expired);
  put(&d, "died", e->stat.died);
  put(&d, "refused", e->stat.refused);
  put(&d, "duplicates", e->stat.duplicates);
  put(&d, "quarantined", e->stat.quarantined);
  put(&d, "canceled", e->stat.canceled);
  put_files(e, &d);
  put_deliveries(e, &d);
  put_deepest(e, &d);
  job->result = g_variant_ref_sink(g_variant_new("(@a{sv})", g_variant_dict_end(&d)));
  return WG_JOB_DONE;
}
