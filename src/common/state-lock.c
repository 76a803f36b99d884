/* state-lock.c: see state-lock.h. The lock is flock(), which belongs to the open directory and
 * so is seen by threads and forks of this process as held; it never waits for the lock. */
#include "common/state-lock.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct WgStateLock {
  int dir_fd;
};

/* Who holds it, as the holder wrote: "PID NAME". */
static char *read_holder(int dir_fd) {
  char text[128];
  int fd = openat(dir_fd, WG_LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

  if (fd >= 0)
    close(fd);
  if (n <= 0)
    return g_strdup("another process");
  text[n] = '\0';
  return g_strdup_printf("process %s", g_strstrip(text));
}

/* Best effort: a read-only directory is locked all the same. */
static void write_holder(int dir_fd) {
  int fd = openat(dir_fd, WG_LOCK_FILE,
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

  if (fd < 0)
    return;
  dprintf(fd, "%ld %s\n", (long)getpid(), g_get_prgname() ? g_get_prgname() : "");
  close(fd);
}

WgStateLock *wg_state_lock_new(const char *dir, GError **error) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0) {
    wg_error_set_errno(error, errno, "cannot open the state directory %s", dir);
    return NULL;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int errnum = errno;
    g_autofree char *holder = read_holder(fd);
    close(fd);
    if (errnum != EWOULDBLOCK)
      wg_error_set_errno(error, errnum, "cannot lock the state directory %s", dir);
    else
      g_set_error(error, WG_ERROR, WG_ERROR_LOCKED,
                  "the state directory %s is in use by %s; stop that one first, or give this one "
                  "a directory of its own with --state-dir",
                  dir, holder);
    return NULL;
  }
  write_holder(fd);
  WgStateLock *lock = g_new0(WgStateLock, 1);
  lock->dir_fd = fd;
  return lock;
}

void wg_state_lock_free(WgStateLock *lock) {
  if (!lock)
    return;
  /* First the note, then the lock, else the next holder's note could be removed. */
  unlinkat(lock->dir_fd, WG_LOCK_FILE, 0);
  close(lock->dir_fd);
  g_free(lock);
}

char *wg_state_dir(const char *given, const char *name, gboolean user, GError **error) {
  const char *from_systemd = g_getenv("STATE_DIRECTORY");
  g_autofree char *dir = NULL;

  if (given)
    dir = g_strdup(given);
  else if (from_systemd && *from_systemd)
    dir = g_strndup(from_systemd, strcspn(from_systemd, ":"));
  else if (user)
    dir = g_build_filename(g_get_user_state_dir(), WG_STATE_DIR, name, NULL);
  else {
    g_set_error(
        error, WG_ERROR, WG_ERROR_CONFIGURATION,
        "no state directory: run the unit (StateDirectory= in it), or give --state-dir=DIR");
    return NULL;
  }
  if (g_mkdir_with_parents(dir, 0700) < 0) {
    wg_error_set_errno(error, errno, "cannot make the state directory %s", dir);
    return NULL;
  }
  return g_steal_pointer(&dir);
}
