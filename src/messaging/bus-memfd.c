/* bus-memfd.c: see bus-memfd.h. */
#include "messaging/bus-memfd.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS_NEEDED (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

gboolean msg_memfd_map(int fd, guint64 max, MsgMap *ret, GError **error) {
  int seals = fcntl(fd, F_GET_SEALS);
  struct stat st;

  if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "option 'body-fd' needs a memfd with the seals F_SEAL_WRITE, F_SEAL_SHRINK "
                        "and F_SEAL_GROW");
    return FALSE;
  }
  if (fstat(fd, &st) < 0)
    return wg_error_set_errno(error, errno, "option 'body-fd' cannot be examined");
  if ((guint64)st.st_size > max) {
    g_set_error(error, WG_ERROR, WG_ERROR_BODY_TOO_LARGE,
                "the body has %" G_GUINT64_FORMAT " bytes; the limit (MaxBody= in messaged.conf) "
                "is %" G_GUINT64_FORMAT,
                (guint64)st.st_size, max);
    return FALSE;
  }
  *ret = (MsgMap){NULL, (gsize)st.st_size};
  if (st.st_size == 0)
    return TRUE;
  void *data = mmap(NULL, ret->size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return wg_error_set_errno(error, errno, "option 'body-fd' cannot be mapped");
  ret->data = data;
  return TRUE;
}

void msg_map_clear(MsgMap *map) {
  if (map->data != NULL)
    munmap(map->data, map->size);
  map->data = NULL;
}
