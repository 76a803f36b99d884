/* faults.h: the Nth call that changes a file system kills the process or fails.
 *
 * The calls are those of libc, which this program's own definitions stand before, so the code under
 * test is the real one. Only calls after faults_arm() count. */
#pragma once

#include <glib.h>

/* `errnum` 0: SIGKILL before the call is made. */
void faults_arm(guint n, int errnum);
/* Was the Nth call reached? */
gboolean faults_hit(void);
/* From now on the kernel has no openat2(). */
void faults_no_openat2(void);
