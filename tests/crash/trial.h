/* trial.h: what the tests of this folder begin with. */
#pragma once

#include "rig.h"

/* Arguments: [--tap ...] PROGRAM DIRECTORY; the order in which the tests are added. */
void trial_init(int *argc, char ***argv);
/* A rig in DIRECTORY for PROGRAM; not started. `config` may be NULL. */
void trial_rig(Rig *rig, const char *config);
/* Fails unless the daemon has logged `text`. */
void trial_assert_logged(Rig *rig, const char *text);
/* A number that may come again with --seed. */
guint trial_dice(guint n);

/* A tmpfs of so many bytes on `path`, in a mount namespace of this process; FALSE: not allowed
 * here, and the running test is marked as skipped. It goes with the process. */
gboolean trial_tmpfs(const char *path, guint64 bytes);
gboolean trial_remount(const char *path, gboolean read_only);
