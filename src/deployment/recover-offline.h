/* recover-offline.h: the recovery at boot, before the applications' units start.
 *
 * `waggle-deployd --recover` puts links, unit files and data of interrupted transactions back to
 * what the stored intent says was there, so that no unit starts with a release that nobody
 * verified. It needs neither a bus nor a loop. What it cannot do (units, verification) the daemon
 * does, which finds the transactions in `rolling-back`. */
#pragma once

#include "deployment/targets.h"

typedef struct {
  guint found, undone; /* transactions that had not ended; those that were put back */
} DplOffline;

/* Nothing is done where there is no store yet. A damaged one is salvaged, and its targets are made
 * anew (rebuild.h) with those of `sites` (NULL: none). FALSE: not everything that had to could be
 * put back; `error` tells the first, the journal each. */
gboolean dpl_recover_offline(const char *state_dir, const char *unit_directory,
                             const DplSites *sites, DplOffline *ret, GError **error);
/* After something was put back, in the system scope: systemd reads its unit files again and starts
 * the daemon. Waits for the former. */
gboolean dpl_recover_tell_manager(GError **error);
/* The program's form: [--system|--user] [--state-dir=DIR]; an exit status. */
int dpl_recover_main(int argc, char **argv);
