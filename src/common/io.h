/* io.h: small things that everybody does with descriptors. */
#pragma once

#include <glib.h>

/* All of it, repeated when interrupted. FALSE with errno. Blocks as long as the file does. */
gboolean wg_write_all(int fd, gconstpointer bytes, gsize size);
/* A memory file of these bytes that nobody can change any more, at its beginning; -1 with errno.
 * `name` is what debuggers see. */
int wg_memfd_sealed(const char *name, gconstpointer bytes, gsize size);
