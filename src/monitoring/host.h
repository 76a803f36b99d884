/* host.h: the numbers of the machine, from files of the kernel.
 *
 * Worker thread: statvfs() may take its time. `proc`: a descriptor of /proc, or of a directory made
 * like it (tests). What is not there is left out. */
#pragma once

#include "monitoring/reading.h"

/* Load, CPU, memory, pressure, disks, network. */
void mon_host_read(int proc, MonReadings *readings);
/* {major << 32 | minor as gint64: name} of all disks as the kernel calls them; "" for those that
 * are none (made of files, of memory). (transfer full) */
GHashTable *mon_host_disks(int proc, MonReadings *readings);
/* host-disks.c: file systems on block devices, each once, by statvfs() of where they are mounted.
 */
void mon_host_read_filesystems(int proc, MonReadings *readings);
/* The whole of a small file below `proc`; NULL: not there. Counts it. */
char *mon_host_slurp(int proc, const char *name, MonReadings *readings);
