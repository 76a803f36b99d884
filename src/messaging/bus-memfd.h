/* bus-memfd.h: bodies that are too large for a message, as sealed memfds.
 *
 * A memfd from a client is only mapped when it can neither shrink nor change any more: else
 * a read of ours could fault (SIGBUS) or see two contents. */
#pragma once

#include <glib.h>

typedef struct {
  void *data; /* NULL: empty */
  gsize size;
} MsgMap;

/* Maps `fd` read-only; the fd stays the caller's. InvalidArgument when it lacks seals,
 * BodyTooLarge over `max` bytes. */
gboolean msg_memfd_map(int fd, guint64 max, MsgMap *ret, GError **error);
void msg_map_clear(MsgMap *map);
