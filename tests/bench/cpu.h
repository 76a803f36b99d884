/* cpu.h: what a process costs, from /proc. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* CPU time of each thread by name, in ns; (element-type utf8 gint64). Threads of one name are
 * added up. */
GHashTable *cpu_by_thread(pid_t pid);
/* "waggle-messaged 4.1 us, writer 3.0 us": the difference to `before`, for each of `n` things. */
char *cpu_describe(GHashTable *before, GHashTable *after, guint64 n);
/* All threads together, in ns. */
gint64 cpu_total(GHashTable *threads);
/* This process, in ns. */
gint64 cpu_own(void);
/* A line of /proc/PID/FILE by its key ("VmRSS:", "Pss:"), in KiB; -1 if it is not there. */
gint64 memory_kib(pid_t pid, const char *file, const char *key);
