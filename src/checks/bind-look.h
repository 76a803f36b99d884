/* bind-look.h: who holds the socket of an address, and whether it belongs to a unit, its current
 * start and its release. Reads /proc, so it blocks: worker threads only. */
#pragma once

#include "checks/proc.h"

typedef struct {
  char *unit, *peer;
  char *cgroup;     /* of the unit; "" when it does not run */
  char *invocation; /* of the unit now, hexadecimal; "" when it never ran */
  guint64 began;    /* CLOCK_MONOTONIC us: this start of the unit; 0: not known */
  char *release;    /* directory; NULL: any */
  gboolean fresh;  /* the invocation is known to be one that began after the release was switched */
  char **programs; /* paths that the unit starts with: the programs of its ExecStart, those of their
                      arguments that are absolute paths, its WorkingDirectory */
} ChkBound;

void chk_bound_free(ChkBound *bound);
/* As the function of bind.h. `look`: the world and what ends it. */
void chk_bind_look(const ChkBound *bound, const ChkLook *look, ChkSight *ret);

typedef enum {
  CHK_RELEASE_NEW,
  CHK_RELEASE_OTHER,   /* positively not: an older release, or a file that was replaced */
  CHK_RELEASE_UNKNOWN, /* nothing tells */
} ChkRelease;

/* What the process runs. `ret_what` (free it): the path that told. */
ChkRelease chk_bind_release(const ChkBound *bound, const ChkProcess *process, char **ret_what);
/* The pids (GINT) that hold the socket that answers at `peer`; NULL with `ret` ended (UNKNOWN). */
GPtrArray *chk_bind_holders(const char *peer, const ChkLook *look, ChkSight *ret);
