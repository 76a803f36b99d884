/* cgroup-private.h: what the files of cgroup.c share: how a file's text becomes values. */
#pragma once

#include "monitoring/cgroup.h"

/* Of the whole text, which it may change, to the values from `at` on. A line that is not understood
 * is left out. */
typedef void (*MonCgroupParser)(char *text, MonCgroupSample *ret, guint at);

/* cgroup-parse.c */
void mon_cgroup_parse_cpu_stat(char *text, MonCgroupSample *ret, guint at);
void mon_cgroup_parse_number(char *text, MonCgroupSample *ret, guint at);
void mon_cgroup_parse_memory_stat(char *text, MonCgroupSample *ret, guint at);
void mon_cgroup_parse_memory_events(char *text, MonCgroupSample *ret, guint at);
void mon_cgroup_parse_io_stat(char *text, MonCgroupSample *ret, guint at);
void mon_cgroup_parse_pressure(char *text, MonCgroupSample *ret, guint at);
