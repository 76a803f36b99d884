/* cgroup-parse.c: see cgroup-private.h. Digits only, by hand: a look at a thousand units reads ten
 * thousand files. */
#include "monitoring/cgroup-private.h"

#include <string.h>

static void take(MonCgroupSample *ret, guint at, double value) {
  ret->value[at] = value;
  ret->values++;
}

/* The number after `word` and a blank, where the line at `line` begins with that; FALSE: it does
 * not. Digits only: strtod() costs several times as much. */
static gboolean number_after(const char *line, const char *word, double *ret) {
  gsize n = strlen(word);

  if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '='))
    return FALSE;
  const char *p = line + n + 1;
  if (!g_ascii_isdigit(*p))
    return FALSE;
  guint64 number = 0;
  for (; g_ascii_isdigit(*p); p++)
    number = number * 10 + (guint64)(*p - '0');
  *ret = (double)number;
  return TRUE;
}

static char *next_line(char *line) {
  char *end = strchr(line, '\n');

  return end && end[1] ? end + 1 : NULL;
}

typedef struct {
  const char *word;
  guint at;
  double unit; /* so many of them are one */
} Row;

/* `rows` in the order in which the kernel writes them: one pass, most lines are looked at once. */
static void parse_rows(char *text, MonCgroupSample *ret, const Row *rows, guint n) {
  guint left = n;

  for (char *line = text; line && left > 0; line = next_line(line))
    for (guint i = 0; i < n; i++) {
      double number;
      if (line[0] != rows[i].word[0] || !number_after(line, rows[i].word, &number))
        continue;
      take(ret, rows[i].at, number / rows[i].unit); /* exact, as a product would not be */
      left--;
      break;
    }
}

void mon_cgroup_parse_cpu_stat(char *text, MonCgroupSample *ret, guint at) {
  static const Row rows[] = {
      {"usage_usec", MON_CG_CPU, 1e6},
      {"user_usec", MON_CG_CPU_USER, 1e6},
      {"system_usec", MON_CG_CPU_SYSTEM, 1e6},
      {"nr_periods", MON_CG_CPU_PERIODS, 1},
      {"nr_throttled", MON_CG_CPU_THROTTLED_PERIODS, 1},
      {"throttled_usec", MON_CG_CPU_THROTTLED, 1e6},
  };

  (void)at;
  parse_rows(text, ret, rows, G_N_ELEMENTS(rows));
}

void mon_cgroup_parse_memory_stat(char *text, MonCgroupSample *ret, guint at) {
  static const Row rows[] = {{"anon", MON_CG_MEMORY_ANON, 1}, {"file", MON_CG_MEMORY_FILE, 1}};

  (void)at;
  parse_rows(text, ret, rows, G_N_ELEMENTS(rows));
}

void mon_cgroup_parse_memory_events(char *text, MonCgroupSample *ret, guint at) {
  static const Row rows[] = {{"high", MON_CG_MEMORY_HIGH_EVENTS, 1},
                             {"oom_kill", MON_CG_OOM_KILLS, 1}};

  (void)at;
  parse_rows(text, ret, rows, G_N_ELEMENTS(rows));
}

/* "max" is no limit, which is none. */
void mon_cgroup_parse_number(char *text, MonCgroupSample *ret, guint at) {
  char *end;

  if (!g_ascii_isdigit(*text))
    return;
  guint64 number = g_ascii_strtoull(text, &end, 10);
  if (*end == '\n' || *end == '\0')
    take(ret, at, (double)number);
}

/* ---- io.stat ---- */
static const char *const io_words[MON_CG_DEVICE_N] = {"rbytes", "wbytes", "rios", "wios"};

/* "8:16" at the beginning of a line; FALSE: it is none. */
static gboolean number_of_device(const char *line, MonCgroupDevice *ret) {
  guint64 number[2] = {0};
  const char *p = line;

  for (guint i = 0; i < 2; i++) {
    if (!g_ascii_isdigit(*p))
      return FALSE;
    for (; g_ascii_isdigit(*p) && number[i] < G_MAXUINT32; p++)
      number[i] = number[i] * 10 + (guint64)(*p - '0');
    if (*p++ != (i == 0 ? ':' : ' '))
      return FALSE;
  }
  *ret = (MonCgroupDevice){.major = (guint32)number[0], .minor = (guint32)number[1]};
  return TRUE;
}

static void take_device(MonCgroupSample *ret, const MonCgroupDevice *device) {
  if (ret->devices == NULL)
    ret->devices = g_array_new(FALSE, FALSE, sizeof(MonCgroupDevice));
  if (ret->devices->len < MON_CG_DEVICES_MAX)
    g_array_append_val(ret->devices, *device);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a device. A file without a line is a group
 * that did no I/O: 0 is what the kernel means. */
void mon_cgroup_parse_io_stat(char *text, MonCgroupSample *ret, guint at) {
  double sums[MON_CG_DEVICE_N] = {0};

  for (char *line = *text ? text : NULL; line; line = next_line(line)) {
    MonCgroupDevice device;
    gboolean any = FALSE;
    if (!number_of_device(line, &device))
      continue;
    for (const char *p = line; (p = strpbrk(p, " \n")) && *p == ' ';) {
      double number;
      p++;
      for (guint i = 0; i < MON_CG_DEVICE_N; i++)
        if (number_after(p, io_words[i], &number)) {
          sums[i] += device.value[i] = number;
          any = TRUE;
        }
    }
    if (any)
      take_device(ret, &device);
  }
  for (guint i = 0; i < MON_CG_DEVICE_N; i++)
    take(ret, at + i, sums[i]);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", then "full ..." (not for the CPU before Linux
 * 5.13). */
void mon_cgroup_parse_pressure(char *text, MonCgroupSample *ret, guint at) {
  for (char *line = text; line; line = next_line(line)) {
    const char *total = strstr(line, " total=");
    const char *end = strchr(line, '\n');
    double number;
    if (!total || (end && total > end) || !number_after(total + 1, "total", &number))
      continue;
    if (g_str_has_prefix(line, "some "))
      take(ret, at, number / 1e6);
    else if (g_str_has_prefix(line, "full "))
      take(ret, at + 1, number / 1e6);
  }
}
