/* cgroup.c: see cgroup.h. A descriptor of a file in a group that was removed answers ENODEV, and
 * that is how a new group under the same name is noticed: the directory is opened anew, once. A
 * tree of plain files has no ENODEV, so an unlinked directory counts as removed too.
 *
 * A file that is not there is asked for again once a minute: when a unit needs a controller,
 * systemd switches it on for all that lie beside it, which may run already.
 *
 * The processor time decides what else is read: who used none allocated nothing, began nothing and
 * ended nothing. What may change all the same (limits by an administrator, memory that the kernel
 * reclaims, what it writes back) is read once a minute. */
#include "monitoring/cgroup.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

typedef void (*Parser)(char *text, MonCgroupSample *ret, guint at);

static void parse_cpu_stat(char *text, MonCgroupSample *ret, guint at);
static void parse_number(char *text, MonCgroupSample *ret, guint at);
static void parse_memory_stat(char *text, MonCgroupSample *ret, guint at);
static void parse_memory_events(char *text, MonCgroupSample *ret, guint at);
static void parse_io_stat(char *text, MonCgroupSample *ret, guint at);
static void parse_pressure(char *text, MonCgroupSample *ret, guint at);

typedef enum {
  EACH, /* at each look; waiting costs no processor time */
  BUSY, /* where processor time was used, and once a minute */
  RARE, /* once a minute */
} When;

static const struct {
  const char *name;
  Parser parse;
  guint at, n; /* its values */
  When when;
} files[] = {
    {"cpu.stat", parse_cpu_stat, MON_CG_CPU, 6, EACH}, /* the first: it decides */
    {"memory.current", parse_number, MON_CG_MEMORY, 1, BUSY},
    {"memory.peak", parse_number, MON_CG_MEMORY_PEAK, 1, BUSY},
    {"memory.stat", parse_memory_stat, MON_CG_MEMORY_ANON, 2, BUSY},
    {"memory.swap.current", parse_number, MON_CG_MEMORY_SWAP, 1, BUSY},
    {"memory.high", parse_number, MON_CG_MEMORY_HIGH, 1, RARE},
    {"memory.max", parse_number, MON_CG_MEMORY_MAX, 1, RARE},
    {"memory.events", parse_memory_events, MON_CG_MEMORY_HIGH_EVENTS, 2, BUSY},
    {"io.stat", parse_io_stat, MON_CG_IO_READ, 4, BUSY},
    {"pids.current", parse_number, MON_CG_TASKS, 1, BUSY},
    {"pids.max", parse_number, MON_CG_TASKS_MAX, 1, RARE},
    {"cpu.pressure", parse_pressure, MON_CG_PRESSURE, 2, EACH},
    {"memory.pressure", parse_pressure, MON_CG_PRESSURE + 2, 2, EACH},
    {"io.pressure", parse_pressure, MON_CG_PRESSURE + 4, 2, EACH},
};

#define NO_FILE (-1)

struct MonCgroup {
  int root, dir;
  int fd[G_N_ELEMENTS(files)];
  guint64 id;
  gboolean is_real;     /* a control group, no directory of a test */
  gint64 whole;         /* BOOTTIME us of the last look that read all; 0: none yet */
  MonCgroupSample last; /* of the last look */
  char path[];
};

MonCgroup *mon_cgroup_new(int root, const char *path) {
  while (*path == '/')
    path++;
  gsize size = strlen(path) + 1;
  MonCgroup *group = g_malloc0(sizeof(MonCgroup) + size);
  group->root = root;
  group->dir = NO_FILE;
  for (guint i = 0; i < G_N_ELEMENTS(files); i++)
    group->fd[i] = NO_FILE;
  memcpy(group->path, path, size);
  return group;
}

static void close_all(MonCgroup *group) {
  for (guint i = 0; i < G_N_ELEMENTS(files); i++)
    if (group->fd[i] >= 0)
      close(group->fd[i]);
  if (group->dir >= 0)
    close(group->dir);
  for (guint i = 0; i < G_N_ELEMENTS(files); i++)
    group->fd[i] = NO_FILE;
  group->dir = NO_FILE;
  group->id = 0;
  group->whole = 0;
}

void mon_cgroup_free(MonCgroup *group) {
  if (!group)
    return;
  close_all(group);
  g_free(group);
}

static gboolean open_all(MonCgroup *group) {
  struct stat st;
  struct statfs fs;

  if (strstr(group->path, ".."))
    return FALSE; /* no unit's group is called so: never out of the tree */
  group->dir = openat(group->root, *group->path ? group->path : ".",
                      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (group->dir < 0)
    return FALSE;
  if (fstat(group->dir, &st) < 0) {
    close_all(group);
    return FALSE;
  }
  group->id = st.st_ino;
  group->is_real = fstatfs(group->dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
  return TRUE;
}

static void open_missing(MonCgroup *group) {
  for (guint i = 0; i < G_N_ELEMENTS(files); i++)
    if (group->fd[i] < 0)
      group->fd[i] =
          openat(group->dir, files[i].name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* ---- parsing; a line that is not understood is left out ---- */
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

static void parse_cpu_stat(char *text, MonCgroupSample *ret, guint at) {
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

static void parse_memory_stat(char *text, MonCgroupSample *ret, guint at) {
  static const Row rows[] = {{"anon", MON_CG_MEMORY_ANON, 1}, {"file", MON_CG_MEMORY_FILE, 1}};

  (void)at;
  parse_rows(text, ret, rows, G_N_ELEMENTS(rows));
}

static void parse_memory_events(char *text, MonCgroupSample *ret, guint at) {
  static const Row rows[] = {{"high", MON_CG_MEMORY_HIGH_EVENTS, 1},
                             {"oom_kill", MON_CG_OOM_KILLS, 1}};

  (void)at;
  parse_rows(text, ret, rows, G_N_ELEMENTS(rows));
}

/* "max" is no limit, which is none. */
static void parse_number(char *text, MonCgroupSample *ret, guint at) {
  char *end;

  if (!g_ascii_isdigit(*text))
    return;
  guint64 number = g_ascii_strtoull(text, &end, 10);
  if (*end == '\n' || *end == '\0')
    take(ret, at, (double)number);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a device. A file without a line is a group
 * that did no I/O: 0 is what the kernel means. */
static void parse_io_stat(char *text, MonCgroupSample *ret, guint at) {
  static const char *const words[] = {"rbytes", "wbytes", "rios", "wios"};
  double sums[G_N_ELEMENTS(words)] = {0};

  for (char *p = text; p && *p;) {
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
      double number;
      if (number_after(p, words[i], &number))
        sums[i] += number;
    }
    p = strpbrk(p, " \n");
    if (p)
      p++;
  }
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    take(ret, at + i, sums[i]);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", then "full ..." (not for the CPU before Linux
 * 5.13). */
static void parse_pressure(char *text, MonCgroupSample *ret, guint at) {
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

/* ---- reading ---- */
static void forget(MonCgroupSample *sample, guint at, guint n) {
  for (guint i = at; i < at + n; i++)
    sample->value[i] = NAN;
}

static void clear(MonCgroupSample *sample) {
  forget(sample, 0, MON_CG_N);
  sample->files = sample->values = 0;
}

/* FALSE: the group is gone. */
static gboolean read_file(MonCgroup *group, guint i) {
  char text[8192]; /* memory.stat is the longest, and what is wanted stands at its beginning */
  MonCgroupSample *ret = &group->last;

  if (group->fd[i] < 0)
    return TRUE;
  ssize_t n = pread(group->fd[i], text, sizeof text - 1, 0);
  if (n < 0 && errno == ENODEV)
    return FALSE;
  forget(ret, files[i].at, files[i].n);
  if (n < 0) { /* EOPNOTSUPP: pressure of a kernel with psi=0 */
    close(group->fd[i]);
    group->fd[i] = NO_FILE;
    return TRUE;
  }
  text[n] = '\0';
  ret->files++;
  files[i].parse(text, ret, files[i].at);
  return TRUE;
}

/* Groups have their turns at different looks: whose first one was counts as some time before. */
static void note_whole(MonCgroup *group, gint64 now) {
  gboolean is_first = group->whole == 0;

  group->whole = is_first ? now - (gint64)(group->id * 2654435761u % MON_CGROUP_REST_USEC) : now;
}

static gboolean read_files(MonCgroup *group) {
  gint64 now = wg_time_boottime();
  gboolean whole = group->whole == 0 || now - group->whole >= MON_CGROUP_REST_USEC;
  double before = group->last.value[MON_CG_CPU];

  group->last.files = group->last.values = 0;
  if (whole) {
    clear(&group->last);
    open_missing(group);
  }
  if (!read_file(group, 0))
    return FALSE;
  /* a processor time that is not known decides nothing */
  gboolean busy = whole || !(group->last.value[MON_CG_CPU] == before);
  for (guint i = 1; i < G_N_ELEMENTS(files); i++)
    if ((files[i].when == EACH || (files[i].when == BUSY && busy) || whole) && !read_file(group, i))
      return FALSE;
  if (whole)
    note_whole(group, now);
  return TRUE;
}

/* Control groups tell it by ENODEV. */
static gboolean is_unlinked(const MonCgroup *group) {
  struct stat st;

  return !group->is_real && (fstat(group->dir, &st) < 0 || st.st_nlink == 0);
}

gboolean mon_cgroup_read(MonCgroup *group, MonCgroupSample *ret) {
  for (guint attempt = 0; attempt < 2; attempt++) {
    if (group->dir < 0 && !open_all(group))
      break;
    if (read_files(group) && !is_unlinked(group)) {
      *ret = group->last;
      return TRUE;
    }
    close_all(group);
  }
  clear(ret);
  return FALSE;
}

guint64 mon_cgroup_id(const MonCgroup *group) {
  return group->id;
}

const char *mon_cgroup_path(const MonCgroup *group) {
  return group->path;
}
