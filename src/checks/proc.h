/* proc.h: processes, as /proc tells of them. Any thread; blocks for no longer than the kernel.
 *
 * A process can end between two reads: what is gone by then is left out, never half told. */
#pragma once

#include "checks/check.h"

#include <sys/types.h>

typedef struct {
  pid_t pid;
  char *comm;       /* at most 15 bytes */
  char **argv;      /* empty for kernel threads */
  char *exe;        /* NULL: this user may not see it, or a kernel thread */
  gboolean deleted; /* the file of exe was removed or replaced since */
  char *unit;       /* of systemd, from the cgroup; NULL: none */
  guint uid;
  guint threads;
  guint64 rss;   /* bytes */
  guint64 start; /* CLOCK_BOOTTIME us */
} ChkProcess;

void chk_process_clear(ChkProcess *process);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkProcess, chk_process_clear)
void chk_process_free(ChkProcess *process);

/* FALSE: gone (or not a process). */
gboolean chk_process_read(pid_t pid, ChkProcess *ret);
/* All of them: of ChkProcess. NULL with an error when /proc cannot be listed. */
GPtrArray *chk_process_list(GError **error);
/* The unit of the system's or of a user's manager in whose cgroup the process is; free it. */
char *chk_process_unit(pid_t pid);
/* The unit's name in a path of a cgroup, or NULL: the last ".service", ".scope", ... */
char *chk_cgroup_unit(const char *path);
/* The base name of what was started: of exe, else of argv[0], else comm. Borrowed. */
const char *chk_process_name(const ChkProcess *process);

/* The processes that have one of the sockets `inodes` (a set of GUINT) open, of those that this
 * user may look into: pids as GINT, each once, in no order. Never NULL. */
GPtrArray *chk_socket_holders(const ChkLook *look, GHashTable *inodes);
