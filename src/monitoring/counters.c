/* counters.c: see counters.h. The bytes are those of this machine: a store does not travel. */
#include "monitoring/counters.h"

#include <math.h>
#include <string.h>

void mon_counters_init(MonCounters *counters, guint n) {
  *counters = (MonCounters){.n = n, .base = g_new0(double, n), .last = g_new(double, n)};
  for (guint i = 0; i < n; i++)
    counters->last[i] = NAN;
}

void mon_counters_clear(MonCounters *counters) {
  g_clear_pointer(&counters->base, g_free);
  g_clear_pointer(&counters->last, g_free);
  counters->n = 0;
}

void mon_counters_feed(MonCounters *counters, guint64 id, const double *raw, gint64 now) {
  gboolean same = counters->id == id;

  if (counters->created == 0)
    counters->created = now;
  for (guint i = 0; i < counters->n; i++) {
    double last = counters->last[i];
    if (!isnan(last) && (!same || raw[i] < last)) {
      counters->base[i] += last;
      counters->last[i] = 0;
    }
    if (!isnan(raw[i]))
      counters->last[i] = raw[i];
  }
  counters->id = id;
}

double mon_counters_value(const MonCounters *counters, guint i) {
  double sum = counters->base[i] + counters->last[i];

  /* what is counted are whole numbers and microseconds: an error of adding is none of them */
  return counters->base[i] != 0 && sum < 1e9 ? round(sum * 1e6) / 1e6 : sum;
}

typedef struct {
  guint64 boot, id;
  gint64 created;
  guint64 n;
} Head;

GBytes *mon_counters_pack(const MonCounters *counters, guint64 boot) {
  Head head = {boot, counters->id, counters->created, counters->n};
  gsize part = counters->n * sizeof(double);
  guint8 *bytes = g_malloc(sizeof head + 2 * part);

  memcpy(bytes, &head, sizeof head);
  memcpy(bytes + sizeof head, counters->base, part);
  memcpy(bytes + sizeof head + part, counters->last, part);
  return g_bytes_new_take(bytes, sizeof head + 2 * part);
}

gsize mon_counters_packed(gconstpointer data, gsize size) {
  Head head;

  if (size < sizeof head)
    return size;
  memcpy(&head, data, sizeof head);
  gsize numbers = (size - sizeof head) / (2 * sizeof(double));
  return head.n <= numbers ? sizeof head + 2 * head.n * sizeof(double) : size;
}

/* A counter that was added to the program since is unknown: fewer may be stored, never more. */
gboolean mon_counters_unpack(MonCounters *counters, gconstpointer data, gsize size, guint64 boot) {
  const guint8 *bytes = data;
  Head head;

  if (size < sizeof head)
    return FALSE;
  memcpy(&head, bytes, sizeof head);
  if (head.n > counters->n || size != sizeof head + 2 * head.n * sizeof(double))
    return FALSE;
  memcpy(counters->base, bytes + sizeof head, head.n * sizeof(double));
  memcpy(counters->last, bytes + sizeof head + head.n * sizeof(double), head.n * sizeof(double));
  counters->created = head.created;
  counters->id = head.boot == boot ? head.id : 0;
  return TRUE;
}
