/* mem-pressure.c: see mem-pressure.h. The descriptor is told what counts as pressure once, at the
 * start; from then on the kernel (or whoever has the other end) wakes us. */
#include "common/mem-pressure.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Stalled for a tenth of two seconds: systemd's own default. A multiple of two seconds needs no
 * right of its own. */
#define TRIGGER "some 200000 2000000"
#define WINDOW_USEC 2000000
#define QUIET_WINDOWS 3 /* so many without a word, and it is over */
#define OWN_GROUP "/proc/self/cgroup"
#define GROUPS "/sys/fs/cgroup"
#define MACHINE "/proc/pressure/memory"

struct WgMemPressure {
  WgMemPressureFunc func;
  gpointer user_data;
  int fd;
  gboolean is_psi; /* else what comes is to be read */
  guint watch, quiet;
  guint quiet_msec;
};

static gboolean over(gpointer data) {
  WgMemPressure *p = data;

  p->quiet = 0;
  p->func(FALSE, p->user_data);
  return G_SOURCE_REMOVE;
}

/* FALSE: nothing will ever come again. */
static gboolean take(WgMemPressure *p) {
  char bytes[256];
  gssize n;

  if (p->is_psi)
    return TRUE;
  while ((n = read(p->fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
    ;
  return n < 0 && errno == EAGAIN;
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data) {
  WgMemPressure *p = data;
  gboolean goes_on = (condition & (G_IO_PRI | G_IO_IN)) && take(p), begins = p->quiet == 0;

  if (!goes_on) /* the control group is gone, or the other end; what lasts ends by its time */
    p->watch = 0;
  if (!(condition & (p->is_psi ? G_IO_PRI : G_IO_IN)) || !goes_on)
    return goes_on;
  g_clear_handle_id(&p->quiet, g_source_remove);
  p->quiet = g_timeout_add(p->quiet_msec, over, p);
  if (begins)
    p->func(TRUE, p->user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean fail(GError **error, const char *path) {
  wg_error_set_errno(error, errno, "%s", path);
  return FALSE;
}

static int open_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd;

  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int err = errno;
    close(fd);
    errno = err;
    return -1;
  }
  return fd;
}

/* Opens `path` and tells it what counts. */
static gboolean open_one(WgMemPressure *p, const char *path, gconstpointer trigger, gsize size,
                         GError **error) {
  struct stat st;

  if (stat(path, &st) < 0)
    return fail(error, path);
  p->is_psi = S_ISREG(st.st_mode);
  if (S_ISSOCK(st.st_mode)) {
    p->fd = open_socket(path);
  } else if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)) {
    /* a FIFO that we could write to ourselves never ends */
    p->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  } else {
    errno = EBADF;
    return fail(error, path);
  }
  if (p->fd < 0)
    return fail(error, path);
  if (S_ISFIFO(st.st_mode) || size == 0 || write(p->fd, trigger, size) == (gssize)size)
    return TRUE;
  fail(error, path);
  close(p->fd);
  p->fd = -1;
  return FALSE;
}

/* "0::/system.slice/x.service", of the unified hierarchy. */
static char *own_group(void) {
  g_autofree char *text = NULL;

  if (!g_file_get_contents(OWN_GROUP, &text, NULL, NULL))
    return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    if (g_str_has_prefix(lines[i], "0::/"))
      return g_strconcat(GROUPS, lines[i] + strlen("0::"), "/memory.pressure", NULL);
  return NULL;
}

static gboolean open_own(WgMemPressure *p, GError **error) {
  g_autofree char *group = own_group();

  if (group && open_one(p, group, TRIGGER, sizeof TRIGGER, NULL))
    return TRUE;
  return open_one(p, MACHINE, TRIGGER, sizeof TRIGGER, error);
}

static guint quiet_of(const char *trigger, gsize size) {
  g_autofree char *text = g_strndup(trigger, size);
  guint64 window = WINDOW_USEC;

  if (sscanf(text, "%*s %*u %" G_GUINT64_FORMAT, &window) != 1)
    window = WINDOW_USEC;
  return (guint)MIN(window * QUIET_WINDOWS / 1000, (guint64)G_MAXINT);
}

static gboolean open_given(WgMemPressure *p, const char *path, GError **error) {
  const char *coded = g_getenv(WG_ENV_MEMORY_PRESSURE_WRITE);
  gsize size = 0;
  g_autofree guchar *trigger = coded && *coded ? g_base64_decode(coded, &size) : NULL;

  if (*path != '/') {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no absolute path", path);
    return FALSE;
  }
  if (trigger)
    p->quiet_msec = quiet_of((const char *)trigger, size);
  return open_one(p, path, trigger, size, error);
}

WgMemPressure *wg_mem_pressure_new(WgMemPressureFunc func, gpointer user_data) {
  const char *path = g_getenv(WG_ENV_MEMORY_PRESSURE_WATCH);
  WgMemPressure *p = g_new(WgMemPressure, 1);
  g_autoptr(GError) error = NULL;

  *p = (WgMemPressure){.func = func,
                       .user_data = user_data,
                       .fd = -1,
                       .quiet_msec = WINDOW_USEC * QUIET_WINDOWS / 1000};
  gboolean found = path && *path ? open_given(p, path, &error) : open_own(p, &error);
  if (!found) {
    wg_log(LOG_DEBUG, NULL, NULL, "Memory pressure is not watched: %s", error->message);
    g_free(p);
    return NULL;
  }
  p->watch = g_unix_fd_add(p->fd, p->is_psi ? G_IO_PRI : G_IO_IN, on_event, p);
  return p;
}

void wg_mem_pressure_free(WgMemPressure *p) {
  if (!p)
    return;
  g_clear_handle_id(&p->watch, g_source_remove);
  g_clear_handle_id(&p->quiet, g_source_remove);
  close(p->fd);
  g_free(p);
}
