/* activation.h: the listening sockets of a service, handed in by systemd or made for debugging.
 *
 * Descriptors are taken out of the environment once, first thing in main, before any thread
 * exists. One that is not a listening AF_UNIX stream socket of the expected name is an error
 * and not ignored: whoever wrote the unit meant something with it. */
#pragma once

#include <glib.h>

typedef struct WgActivation WgActivation;

/* Reads $LISTEN_FDS and forgets it; never fails, what is wrong is told by _check(). */
WgActivation *wg_activation_take(void);
/* Takes those named `fd_name` out, for another protocol than the service's own: listening stream
 * sockets of any family. Before _check(). */
gboolean wg_activation_extract(WgActivation *activation, const char *fd_name, GError **error);
const int *wg_activation_extra(WgActivation *activation, guint *ret_n); /* owned by `activation` */
/* Every descriptor that is left is named `fd_name` and is what it should be. */
gboolean wg_activation_check(WgActivation *activation, const char *fd_name, GError **error);
/* Binds and listens on `path` besides; a socket nobody listens on any more is replaced. */
gboolean wg_activation_listen(WgActivation *activation, const char *path, GError **error);

guint wg_activation_n_passed(WgActivation *activation); /* by systemd */
/* The sockets, owned by `activation`. */
const int *wg_activation_fds(WgActivation *activation, guint *ret_n);
/* Removes a socket file of our own; what systemd passed is left open for it. */
void wg_activation_free(WgActivation *activation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgActivation, wg_activation_free)
