/* io.c: see io.h. */
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

gboolean wg_write_all(int fd, gconstpointer bytes, gsize size) {
  for (const char *p = bytes; size > 0;) {
    ssize_t n = write(fd, p, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n == 0 ? EIO : errno;
      return FALSE;
    }
    p += n;
    size -= (gsize)n;
  }
  return TRUE;
}

int wg_memfd_sealed(const char *name, gconstpointer bytes, gsize size) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd < 0)
    return -1;
  if (wg_write_all(fd, bytes, size) && lseek(fd, 0, SEEK_SET) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
    return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}
