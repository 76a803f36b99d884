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
#include "monitoring/cgroup-private.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

typedef enum {
  EACH, /* at each look; waiting costs no processor time */
  BUSY, /* where processor time was used, and once a minute */
  RARE, /* once a minute */
} When;

static const struct {
  const char *name;
  MonCgroupParser parse;
  guint at, n; /* its values */
  When when;
} files[] = {
    {"cpu.stat", mon_cgroup_parse_cpu_stat, MON_CG_CPU, 6, EACH}, /* the first: it decides */
    {"memory.current", mon_cgroup_parse_number, MON_CG_MEMORY, 1, BUSY},
    {"memory.peak", mon_cgroup_parse_number, MON_CG_MEMORY_PEAK, 1, BUSY},
    {"memory.stat", mon_cgroup_parse_memory_stat, MON_CG_MEMORY_ANON, 2, BUSY},
    {"memory.swap.current", mon_cgroup_parse_number, MON_CG_MEMORY_SWAP, 1, BUSY},
    {"memory.high", mon_cgroup_parse_number, MON_CG_MEMORY_HIGH, 1, RARE},
    {"memory.max", mon_cgroup_parse_number, MON_CG_MEMORY_MAX, 1, RARE},
    {"memory.events", mon_cgroup_parse_memory_events, MON_CG_MEMORY_HIGH_EVENTS, 2, BUSY},
    {"io.stat", mon_cgroup_parse_io_stat, MON_CG_IO_READ, 4, BUSY},
    {"pids.current", mon_cgroup_parse_number, MON_CG_TASKS, 1, BUSY},
    {"pids.max", mon_cgroup_parse_number, MON_CG_TASKS_MAX, 1, RARE},
    {"cpu.pressure", mon_cgroup_parse_pressure, MON_CG_PRESSURE, 2, EACH},
    {"memory.pressure", mon_cgroup_parse_pressure, MON_CG_PRESSURE + 2, 2, EACH},
    {"io.pressure", mon_cgroup_parse_pressure, MON_CG_PRESSURE + 4, 2, EACH},
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
  g_clear_pointer(&group->last.devices, g_array_unref);
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

/* ---- reading ---- */
static void forget(MonCgroupSample *sample, guint at, guint n) {
  for (guint i = at; i < at + n; i++)
    sample->value[i] = NAN;
  if (sample->devices && at <= MON_CG_IO_READ && MON_CG_IO_READ < at + n)
    g_array_set_size(sample->devices, 0);
}

static void clear(MonCgroupSample *sample) {
  forget(sample, 0, MON_CG_N);
  sample->files = sample->values = 0;
}

static void drop_last_line(char *text) {
  char *end = strrchr(text, '\n');

  if (end)
    end[1] = '\0';
}

/* FALSE: the group is gone. */
static gboolean read_file(MonCgroup *group, guint i) {
  char text[8192]; /* of memory.stat what is wanted stands at its beginning */
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
  if ((gsize)n == sizeof text - 1) /* half a number is another one */
    drop_last_line(text);
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
  clear(&group->last);
  *ret = group->last;
  return FALSE;
}

guint64 mon_cgroup_id(const MonCgroup *group) {
  return group->id;
}

const char *mon_cgroup_path(const MonCgroup *group) {
  return group->path;
}
