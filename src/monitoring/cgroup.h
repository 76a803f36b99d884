/* cgroup.h: the numbers of one control group (v2), read from files that are kept open.
 *
 * A group is opened once, and once a minute what it had not; a look is one pread() a file and no
 * D-Bus call. Processor time and pressure are those of the look. Where processor time was used
 * since the look before, so are all others but the limits; the rest is of the last minute
 * (MON_CGROUP_REST_USEC): a unit that rests costs four files instead of fourteen.
 *
 * What the kernel does not offer (a controller that is off, a limit that is "max", a kernel without
 * PSI) is absent: NAN, never 0. Reading is for a worker thread: one MonCgroup is used by one thread
 * at a time. The root of the tree is a descriptor, so that tests read trees of plain files; nothing
 * is followed out of it. */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef enum {
  MON_CG_CPU, /* seconds, like all times here */
  MON_CG_CPU_USER,
  MON_CG_CPU_SYSTEM,
  MON_CG_CPU_PERIODS,
  MON_CG_CPU_THROTTLED_PERIODS,
  MON_CG_CPU_THROTTLED,
  MON_CG_MEMORY,
  MON_CG_MEMORY_PEAK,
  MON_CG_MEMORY_ANON,
  MON_CG_MEMORY_FILE,
  MON_CG_MEMORY_SWAP,
  MON_CG_MEMORY_HIGH,
  MON_CG_MEMORY_MAX,
  MON_CG_MEMORY_HIGH_EVENTS,
  MON_CG_OOM_KILLS,
  MON_CG_IO_READ, /* bytes, over all devices */
  MON_CG_IO_WRITTEN,
  MON_CG_IO_READS,
  MON_CG_IO_WRITES,
  MON_CG_TASKS,
  MON_CG_TASKS_MAX,
  MON_CG_PRESSURE, /* cpu, memory, io: each waiting and stalled */
  MON_CG_N = MON_CG_PRESSURE + 6,
} MonCgroupValue;

/* What was read from and written to one device; a disk, a partition is none to the kernel here. */
#define MON_CG_DEVICE_N 4 /* as MON_CG_IO_READ and on */
#define MON_CG_DEVICES_MAX 64
typedef struct {
  guint32 major, minor;
  double value[MON_CG_DEVICE_N];
} MonCgroupDevice;

typedef struct {
  double value[MON_CG_N]; /* NAN: absent */
  GArray *devices;        /* of MonCgroupDevice, the group's own: as of its last look; NULL: none */
  guint files, values;    /* read, taken: by this look */
} MonCgroupSample;

/* So old a value may be that is not read at each look, at the time of the look. */
#define MON_CGROUP_REST_USEC (60 * (gint64)G_USEC_PER_SEC)

typedef struct MonCgroup MonCgroup;

/* `root`: borrowed, the directory of the tree; `path`: below it, "/system.slice/a.service" or "".
 * Opens nothing yet. */
MonCgroup *mon_cgroup_new(int root, const char *path);
void mon_cgroup_free(MonCgroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonCgroup, mon_cgroup_free)
/* FALSE: there is no such group (any more); `ret` is all absent. A group that was removed and made
 * again under the same name is opened anew. */
gboolean mon_cgroup_read(MonCgroup *group, MonCgroupSample *ret);
/* Which group of that name it is, as of the last read: another number means that counters began
 * again. 0: none. */
guint64 mon_cgroup_id(const MonCgroup *group);
const char *mon_cgroup_path(const MonCgroup *group);
