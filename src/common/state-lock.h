/* state-lock.h: one process a state directory.
 *
 * The lock is on the directory itself, so it works on a read-only file system too and
 * there is no lock file that somebody could remove under us; it ends with the process, however
 * that ends. The file "lock" in it only says who holds it, for people and for our error. */
#pragma once

#include <glib.h>

typedef struct WgStateLock WgStateLock;

/* The directory has to exist. WG_ERROR_LOCKED names the holder. */
WgStateLock *wg_state_lock_new(const char *dir, GError **error);
void wg_state_lock_free(WgStateLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgStateLock, wg_state_lock_free)

/* Where state is kept: `given`, else $STATE_DIRECTORY, else for a user
 * $XDG_STATE_HOME/waggle/NAME. Made if it is not there. In the system scope nothing is guessed. */
char *wg_state_dir(const char *given, const char *name, gboolean user, GError **error);
