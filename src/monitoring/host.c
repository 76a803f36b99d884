/* host.c: see host.h. Units of measure are the kernel's: jiffies in stat, KiB in meminfo. */
#include "monitoring/host.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)

char *mon_host_slurp(int proc, const char *name, MonReadings *readings) {
  int fd = openat(proc, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0)
    return NULL;
  g_autoptr(GByteArray) all = g_byte_array_new();
  guint8 part[8192];
  ssize_t n;
  while ((n = read(fd, part, sizeof part)) > 0 && all->len < FILE_MAX)
    g_byte_array_append(all, part, (guint)n);
  close(fd);
  if (n < 0)
    return NULL;
  readings->files++;
  g_byte_array_append(all, (const guint8 *)"", 1);
  return (char *)g_byte_array_free(g_steal_pointer(&all), FALSE);
}

static void read_load(int proc, MonReadings *readings) {
  static const MonMetricId ids[] = {MON_M_HOST_LOAD1, MON_M_HOST_LOAD5, MON_M_HOST_LOAD15};
  g_autofree char *text = mon_host_slurp(proc, "loadavg", readings);
  char *p = text;

  for (guint i = 0; p && i < G_N_ELEMENTS(ids); i++) {
    char *end;
    double value = g_ascii_strtod(p, &end);
    if (end == p)
      return;
    mon_readings_add(readings, ids[i], value, NULL, NULL, NULL);
    p = end;
  }
}

static void add_modes(const char *line, MonReadings *readings) {
  static const char *const modes[] = {"user",   "nice", "system",  "idle",
                                      "iowait", "irq",  "softirq", "steal"};
  double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
  const char *p = line + strlen("cpu ");

  for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
    char *end;
    guint64 value = g_ascii_strtoull(p, &end, 10);
    if (end == p)
      return;
    mon_readings_add(readings, MON_M_HOST_CPU, (double)value * tick, modes[i], NULL, NULL);
    p = end;
  }
}

static void read_stat(int proc, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, "stat", readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
  guint cpus = 0;

  for (guint i = 0; lines && lines[i]; i++) {
    if (g_str_has_prefix(lines[i], "cpu "))
      add_modes(lines[i], readings);
    else if (g_str_has_prefix(lines[i], "cpu"))
      cpus++;
    else if (g_str_has_prefix(lines[i], "btime "))
      mon_readings_add(readings, MON_M_HOST_BOOT_TIME, g_ascii_strtod(lines[i] + 6, NULL), NULL,
                       NULL, NULL);
  }
  if (cpus > 0)
    mon_readings_add(readings, MON_M_HOST_CPUS, cpus, NULL, NULL, NULL);
}

typedef struct {
  const char *word;
  MonMetricId id;
  double scale;
} Row;

/* Lines of a word and a number. */
static void read_rows(int proc, const char *name, const Row *rows, guint n, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, name, readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

  for (guint i = 0; lines && lines[i]; i++)
    for (guint r = 0; r < n; r++) {
      char *end;
      if (!g_str_has_prefix(lines[i], rows[r].word))
        continue;
      const char *number = lines[i] + strlen(rows[r].word);
      guint64 value = g_ascii_strtoull(number, &end, 10);
      if (end != number)
        mon_readings_add(readings, rows[r].id, (double)value * rows[r].scale, NULL, NULL, NULL);
    }
}

static void read_memory(int proc, MonReadings *readings) {
  static const Row memory[] = {
      {"MemTotal:", MON_M_HOST_MEMORY_TOTAL, 1024},
      {"MemFree:", MON_M_HOST_MEMORY_FREE, 1024},
      {"MemAvailable:", MON_M_HOST_MEMORY_AVAILABLE, 1024},
      {"SwapTotal:", MON_M_HOST_SWAP_TOTAL, 1024},
      {"SwapFree:", MON_M_HOST_SWAP_FREE, 1024},
  };
  static const Row vmstat[] = {{"oom_kill ", MON_M_HOST_OOM_KILLS, 1}};

  read_rows(proc, "meminfo", memory, G_N_ELEMENTS(memory), readings);
  read_rows(proc, "vmstat", vmstat, G_N_ELEMENTS(vmstat), readings);
}

static void read_pressure(int proc, const char *name, MonMetricId waiting, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, name, readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

  for (guint i = 0; lines && lines[i]; i++) {
    const char *total = strstr(lines[i], " total=");
    gboolean some = g_str_has_prefix(lines[i], "some ");
    if (!total || (!some && !g_str_has_prefix(lines[i], "full ")))
      continue;
    double seconds = (double)g_ascii_strtoull(total + strlen(" total="), NULL, 10) * 1e-6;
    mon_readings_add(readings, some ? waiting : waiting + 1, seconds, NULL, NULL, NULL);
  }
}

/* What is made of files or memory. */
static gboolean is_no_disk(const char *name) {
  return g_str_has_prefix(name, "loop") || g_str_has_prefix(name, "ram");
}

GHashTable *mon_host_disks(int proc, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, "diskstats", readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
  GHashTable *disks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);

  for (guint i = 0; lines && lines[i]; i++) {
    char name[64];
    guint major, minor;
    if (sscanf(lines[i], " %u %u %63s ", &major, &minor, name) != 3)
      continue;
    gint64 number = (gint64)major << 32 | minor;
    g_hash_table_replace(disks, g_memdup2(&number, sizeof number),
                         g_strdup(is_no_disk(name) ? "" : name));
  }
  return disks;
}

/* Whole disks that did something; partitions and what is made of files or memory would count
 * the same bytes twice. */
static void read_disks(int proc, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, "diskstats", readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

  for (guint i = 0; lines && lines[i]; i++) {
    char name[64];
    guint64 reads, read_sectors, writes, write_sectors, busy;
    if (sscanf(lines[i],
               " %*u %*u %63s %" G_GUINT64_FORMAT " %*u %" G_GUINT64_FORMAT
               " %*u %" G_GUINT64_FORMAT " %*u %" G_GUINT64_FORMAT " %*u %*u %" G_GUINT64_FORMAT,
               name, &reads, &read_sectors, &writes, &write_sectors, &busy) != 6)
      continue;
    if (reads + writes == 0 || is_no_disk(name))
      continue;
    mon_readings_add(readings, MON_M_HOST_DISK_READ, (double)read_sectors * 512, name, NULL, NULL);
    mon_readings_add(readings, MON_M_HOST_DISK_WRITTEN, (double)write_sectors * 512, name, NULL,
                     NULL);
    mon_readings_add(readings, MON_M_HOST_DISK_BUSY, (double)busy * 1e-3, name, NULL, NULL);
  }
}

static void read_network(int proc, MonReadings *readings) {
  g_autofree char *text = mon_host_slurp(proc, "net/dev", readings);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

  for (guint i = 0; lines && lines[i]; i++) {
    char *colon = strchr(lines[i], ':');
    guint64 in[4], out[4]; /* bytes, packets, errors, dropped */
    if (!colon)
      continue;
    *colon = '\0';
    if (sscanf(colon + 1,
               " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
               " %" G_GUINT64_FORMAT " %*u %*u %*u %*u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
               " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
               &in[0], &in[1], &in[2], &in[3], &out[0], &out[1], &out[2], &out[3]) != 8)
      continue;
    const char *name = g_strstrip(lines[i]);
    mon_readings_add(readings, MON_M_HOST_NETWORK_RECEIVED, (double)in[0], name, NULL, NULL);
    mon_readings_add(readings, MON_M_HOST_NETWORK_SENT, (double)out[0], name, NULL, NULL);
    mon_readings_add(readings, MON_M_HOST_NETWORK_RECEIVE_ERRORS, (double)(in[2] + in[3]), name,
                     NULL, NULL);
    mon_readings_add(readings, MON_M_HOST_NETWORK_SEND_ERRORS, (double)(out[2] + out[3]), name,
                     NULL, NULL);
  }
}

void mon_host_read(int proc, MonReadings *readings) {
  read_load(proc, readings);
  read_stat(proc, readings);
  read_memory(proc, readings);
  read_pressure(proc, "pressure/cpu", MON_M_HOST_PRESSURE_CPU_WAITING, readings);
  read_pressure(proc, "pressure/memory", MON_M_HOST_PRESSURE_MEMORY_WAITING, readings);
  read_pressure(proc, "pressure/io", MON_M_HOST_PRESSURE_IO_WAITING, readings);
  read_disks(proc, readings);
  read_network(proc, readings);
}
