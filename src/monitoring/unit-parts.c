/* unit-parts.c: what is counted of a unit beside the fixed list of its control group: input and
 * output by device, and what systemd's IP accounting says. A part is four counters under one name;
 * like all counters they go on over restarts of the unit and of the monitor, and are stored with
 * the unit's others. */
#include "monitoring/unit-metrics-private.h"

#include <math.h>
#include <string.h>

G_STATIC_ASSERT(MON_M_UNIT_DEVICE_READ + MON_CG_DEVICE_N - 1 == MON_M_UNIT_DEVICE_WRITES);
G_STATIC_ASSERT(MON_M_UNIT_IP_RECEIVED + MON_UNIT_PART_N - 1 == MON_M_UNIT_IP_SENT_PACKETS);
G_STATIC_ASSERT(MON_UNIT_PART_N == MON_CG_DEVICE_N);

#define NAME_MAX_BYTES 64
#define PARTS_MAX (2 * MON_CG_DEVICES_MAX)

static void part_free(gpointer data) {
  MonUnitPart *part = data;

  mon_labels_unref(part->labels);
  mon_counters_clear(&part->counters);
  g_free(part->device);
  g_free(part);
}

static MonUnitPart *find(const MonUnitEntry *entry, const char *device) {
  for (guint i = 0; entry->parts && i < entry->parts->len; i++) {
    MonUnitPart *part = entry->parts->pdata[i];
    if (strcmp(part->device, device) == 0)
      return part;
  }
  return NULL;
}

/* Makes it where there is none. */
static MonUnitPart *part_of(MonUnitEntry *entry, const char *device) {
  MonUnitPart *part = find(entry, device);

  if (part)
    return part;
  part = g_new0(MonUnitPart, 1);
  part->device = g_strdup(device);
  mon_counters_init(&part->counters, MON_UNIT_PART_N);
  if (!entry->parts)
    entry->parts = g_ptr_array_new_with_free_func(part_free);
  g_ptr_array_add(entry->parts, part);
  return part;
}

static gboolean is_ip(const MonUnitPart *part) {
  return *part->device == '\0';
}

/* ---- on the board ---- */
static void drop(MonUnitMetrics *units, MonUnitPart *part) {
  for (guint i = 0; i < MON_UNIT_PART_N; i++)
    mon_board_drop(units->board, g_steal_pointer(&part->series[i]));
}

void mon_unit_parts_drop(MonUnitMetrics *units, MonUnitEntry *entry) {
  for (guint i = 0; entry->parts && i < entry->parts->len; i++) {
    MonUnitPart *part = entry->parts->pdata[i];
    drop(units, part);
    mon_labels_unref(part->labels); /* the unit's may be others from now on */
    part->labels = NULL;
  }
}

static void show(MonUnitMetrics *units, MonUnitEntry *entry, MonUnitPart *part, MonUnitRoom *room) {
  const MonMetric *first =
      is_ip(part) ? MON_METRIC(UNIT_IP_RECEIVED) : MON_METRIC(UNIT_DEVICE_READ);

  if (!part->there) {
    drop(units, part);
    return;
  }
  if (!part->labels)
    part->labels = is_ip(part) ? mon_labels_ref(entry->labels)
                               : mon_labels_with(entry->labels, "device", part->device);
  for (guint i = 0; i < MON_UNIT_PART_N; i++)
    mon_unit_put(units, &part->series[i], first + i, part->labels,
                 mon_counters_value(&part->counters, i), part->counters.created, room);
}

static void show_all(MonUnitMetrics *units, MonUnitEntry *entry, MonUnitRoom *room, gboolean ip) {
  for (guint i = 0; entry->parts && i < entry->parts->len; i++)
    if (is_ip(entry->parts->pdata[i]) == ip)
      show(units, entry, entry->parts->pdata[i], room);
}

/* Devices come and go, and a unit may run for years: those that it does not touch any more, and
 * touched first. */
static void forget_old(MonUnitEntry *entry) {
  for (guint i = 0; entry->parts && entry->parts->len > PARTS_MAX && i < entry->parts->len;) {
    const MonUnitPart *part = entry->parts->pdata[i];
    if (part->there || is_ip(part))
      i++;
    else
      g_ptr_array_remove_index(entry->parts, i);
  }
}

/* Those of which there are as many as there are devices last. */
void mon_unit_parts_show(MonUnitMetrics *units, MonUnitEntry *entry, MonUnitRoom *room) {
  show_all(units, entry, room, TRUE);
  show_all(units, entry, room, FALSE);
  forget_old(entry);
}

/* ---- what they stand at ---- */
void mon_unit_parts_devices(MonUnitEntry *entry, GHashTable *disks, gint64 now) {
  const GArray *devices = entry->cell->sample.devices;
  guint64 id = mon_cgroup_id(entry->cell->group);

  for (guint i = 0; entry->parts && i < entry->parts->len; i++) {
    MonUnitPart *part = entry->parts->pdata[i];
    part->there = part->there && is_ip(part);
  }
  for (guint i = 0; disks && devices && i < devices->len; i++) {
    const MonCgroupDevice *device = &g_array_index(devices, MonCgroupDevice, i);
    gint64 number = (gint64)device->major << 32 | device->minor;
    const char *known = g_hash_table_lookup(disks, &number);
    char text[32];
    if (!known)
      g_snprintf(text, sizeof text, "%u:%u", device->major, device->minor);
    else if (*known == '\0')
      continue;
    MonUnitPart *part = part_of(entry, known ? known : text);
    mon_counters_feed(&part->counters, id, device->value, now);
    part->there = TRUE;
  }
}

void mon_unit_metrics_ip(MonUnitMetrics *units, const char *unit, guint64 run, const double *raw) {
  MonUnitEntry *entry = g_hash_table_lookup(units->entries, unit);

  MonUnitPart *part = !entry ? NULL : raw ? part_of(entry, "") : find(entry, "");
  if (!part)
    return;
  part->there = raw != NULL;
  if (raw)
    mon_counters_feed(&part->counters, run, raw, g_get_real_time());
}

/* ---- as bytes: for each its name, NUL, the length of its counters, its counters ---- */
void mon_unit_parts_pack(const MonUnitEntry *entry, guint64 boot, GByteArray *to) {
  for (guint i = 0; entry->parts && i < entry->parts->len; i++) {
    const MonUnitPart *part = entry->parts->pdata[i];
    g_autoptr(GBytes) bytes = mon_counters_pack(&part->counters, boot);
    gsize n;
    gconstpointer data = g_bytes_get_data(bytes, &n);
    guint32 size = (guint32)n;
    if (part->counters.created == 0)
      continue;
    g_byte_array_append(to, (const guint8 *)part->device, (guint)strlen(part->device) + 1);
    g_byte_array_append(to, (const guint8 *)&size, sizeof size);
    g_byte_array_append(to, data, size);
  }
}

void mon_unit_parts_unpack(MonUnitEntry *entry, const guint8 *data, gsize size, guint64 boot) {
  while (size > 0) {
    gsize name = strnlen((const char *)data, MIN(size, NAME_MAX_BYTES));
    guint32 n;
    if (name + 1 + sizeof n > size || data[name] != '\0')
      return;
    memcpy(&n, data + name + 1, sizeof n);
    gsize head = name + 1 + sizeof n;
    if (n > size - head)
      return;
    MonUnitPart *part = part_of(entry, (const char *)data);
    mon_counters_unpack(&part->counters, data + head, n, boot);
    data += head + n;
    size -= head + n;
  }
}

double mon_unit_parts_sum(const MonUnitEntry *entry) {
  double sum = 0;

  for (guint i = 0; entry->parts && i < entry->parts->len; i++) {
    const MonUnitPart *part = entry->parts->pdata[i];
    for (guint c = 0; c < MON_UNIT_PART_N; c++) {
      double value = mon_counters_value(&part->counters, c);
      sum += isnan(value) ? 0 : value;
    }
  }
  return sum;
}
