/* io.h: small things that every file of this room does with descriptors. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Keeps errno; sets it to -1. */
void dpl_close(int *fd);
#define DPL_AUTO_FD __attribute__((cleanup(dpl_close))) int

/* read() or, with an offset of 0 and more, pread(); repeated when interrupted. */
ssize_t dpl_read_some(int fd, gpointer buffer, gsize size, gint64 offset);
