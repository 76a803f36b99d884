/* activation.c: see activation.h. It never accepts, never closes or unlinks what systemd
 * made, and makes a socket of its own only when told to. */
#include "common/activation.h"

#include "common/error.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct WgActivation {
  GArray *fds;   /* int: first those passed in, then our own */
  GArray *extra; /* int: for another protocol */
  guint n_passed;
  int take_error; /* negative errno */
  char **names;   /* of those passed in */
  char *own_path;
  int own_fd;
};

WgActivation *wg_activation_take(void) {
  WgActivation *a = g_new0(WgActivation, 1);

  a->fds = g_array_new(FALSE, FALSE, sizeof(int));
  a->extra = g_array_new(FALSE, FALSE, sizeof(int));
  a->own_fd = -1;
  int n = sd_listen_fds_with_names(1, &a->names);
  if (n < 0)
    a->take_error = n;
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++)
    g_array_append_val(a->fds, fd);
  a->n_passed = a->fds->len;
  return a;
}

/* What stays keeps its order; the names go with their descriptors. */
gboolean wg_activation_extract(WgActivation *a, const char *fd_name, GError **error) {
  guint kept = 0;

  for (guint i = 0; i < a->n_passed; i++) {
    int fd = g_array_index(a->fds, int, i);
    if (g_strcmp0(a->names[i], fd_name) != 0) {
      char *name = a->names[i];
      a->names[i] = a->names[kept];
      a->names[kept] = name;
      g_array_index(a->fds, int, kept++) = fd;
      continue;
    }
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
      g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                  "socket %u ('%s') is no listening stream socket: the unit needs a ListenStream=",
                  i, fd_name);
      return FALSE;
    }
    g_array_append_val(a->extra, fd);
  }
  g_array_set_size(a->fds, kept);
  a->n_passed = kept;
  return TRUE;
}

const int *wg_activation_extra(WgActivation *a, guint *ret_n) {
  *ret_n = a->extra->len;
  return (const int *)(gpointer)a->extra->data;
}

gboolean wg_activation_check(WgActivation *a, const char *fd_name, GError **error) {
  if (a->take_error < 0)
    return wg_error_set_errno(error, a->take_error, "cannot take the sockets passed in");
  for (guint i = 0; i < a->n_passed; i++) {
    int fd = g_array_index(a->fds, int, i);

    if (g_strcmp0(a->names[i], fd_name) != 0) {
      g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                  "socket %u was passed in as '%s'; only FileDescriptorName=%s is known here", i,
                  a->names[i], fd_name);
      return FALSE;
    }
    if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0) {
      g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                  "socket %u ('%s') is no listening AF_UNIX stream socket: the unit needs a "
                  "ListenStream= with a path",
                  i, fd_name);
      return FALSE;
    }
  }
  return TRUE;
}

/* A socket is stale exactly when nobody listens on it; a file that is no socket is not ours. */
static gboolean remove_stale(int fd, const struct sockaddr_un *address) {
  struct stat st;

  if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
    return FALSE;
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno != ECONNREFUSED)
    return FALSE;
  return unlink(address->sun_path) == 0;
}

static gboolean bind_path(int fd, const char *path, GError **error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    return wg_error_set_errno(error, ENAMETOOLONG, "cannot listen on %s", path);
  int r = bind(fd, (struct sockaddr *)&address, sizeof address);
  if (r < 0 && errno == EADDRINUSE) {
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && remove_stale(probe, &address))
      r = bind(fd, (struct sockaddr *)&address, sizeof address);
    else
      errno = EADDRINUSE;
    if (probe >= 0)
      close(probe);
  }
  if (r < 0 || listen(fd, SOMAXCONN) < 0)
    return wg_error_set_errno(error, errno, "cannot listen on %s", path);
  return TRUE;
}

gboolean wg_activation_listen(WgActivation *a, const char *path, GError **error) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    return wg_error_set_errno(error, errno, "cannot make a socket");
  if (!bind_path(fd, path, error)) {
    close(fd);
    return FALSE;
  }
  a->own_fd = fd;
  a->own_path = g_strdup(path);
  g_array_append_val(a->fds, fd);
  return TRUE;
}

guint wg_activation_n_passed(WgActivation *a) {
  return a->n_passed;
}

const int *wg_activation_fds(WgActivation *a, guint *ret_n) {
  *ret_n = a->fds->len;
  return (const int *)(gpointer)a->fds->data;
}

void wg_activation_free(WgActivation *a) {
  if (!a)
    return;
  if (a->own_path)
    unlink(a->own_path);
  if (a->own_fd >= 0)
    close(a->own_fd);
  for (char **name = a->names; name && *name; name++)
    free(*name); /* libsystemd's, so not g_strfreev() */
  free(a->names);
  g_free(a->own_path);
  g_array_unref(a->fds);
  g_array_unref(a->extra);
  g_free(a);
}
