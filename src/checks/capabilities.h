/* capabilities.h: what rights processes have beyond those of their user, and could come to have, as
 * /proc/PID/status tells: capabilities(7), and whether they may gain any by executing a program. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Of several processes together. */
typedef struct {
  guint64 has;      /* permitted, effective or ambient: bits by number */
  guint64 may_gain; /* in the bounding set of one that may gain privileges, and not in `has` */
  gboolean gains;   /* one of them may: NoNewPrivileges is not set */
} ChkCapabilities;

/* Adds what the text of a status says; FALSE: it is none. Pure. */
gboolean chk_capabilities_add(const char *status, ChkCapabilities *ret);
/* The same of a process; FALSE: it is gone, or this user may not see it. */
gboolean chk_capabilities_read(pid_t pid, ChkCapabilities *ret);
/* "cap_net_raw" and so on, by number; one without a name here is "cap_99". (transfer full) */
char **chk_capabilities_names(guint64 bits);
