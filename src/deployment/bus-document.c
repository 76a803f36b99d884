/* bus-document.c: see bus.h. What can change meanwhile is read once and never looked at again; a
 * mapping of a file that its owner cuts would kill us. */
#include "deployment/bus.h"

#include "common/error.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean check(int fd, gsize max, gsize *ret_size, GError **error) {
  struct stat st;

  if (fstat(fd, &st) < 0)
    return wg_error_set_errno(error, errno, "the manifest's descriptor cannot be examined");
  if (!S_ISREG(st.st_mode)) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "the manifest's descriptor is no file and no memfd; write the manifest "
                        "into a memfd and seal it");
    return FALSE;
  }
  if ((guint64)st.st_size > max) {
    g_set_error(error, WG_ERROR, WG_ERROR_BODY_TOO_LARGE,
                "the manifest has %" G_GUINT64_FORMAT " bytes; the limit is %" G_GSIZE_FORMAT,
                (guint64)st.st_size, max);
    return FALSE;
  }
  *ret_size = (gsize)st.st_size;
  return TRUE;
}

GBytes *dpl_document_read(int fd, gsize max, GError **error) {
  gsize size = 0, got = 0;

  if (!check(fd, max, &size, error))
    return NULL;
  g_autofree char *bytes = g_malloc(size + 1);
  while (got < size) {
    gssize n = pread(fd, bytes + got, size - got, (off_t)got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      wg_error_set_errno(error, errno, "the manifest cannot be read");
      return NULL;
    }
    if (n == 0)
      break;
    got += (gsize)n;
  }
  return g_bytes_new_take(g_steal_pointer(&bytes), got);
}
