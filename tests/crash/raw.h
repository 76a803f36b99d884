/* raw.h: a client of the private socket that writes bytes itself, so that they may be wrong. */
#pragma once

#include "rig.h"

/* Connected, nothing said. */
int raw_connect(Rig *rig);
/* Connected and authenticated; what the daemon said to that is read. */
int raw_open(Rig *rig);
/* Writes as much as is taken without waiting; how much. The other side may be gone already. */
gsize raw_say(int fd, const void *bytes, gsize n);
/* Waits until the daemon has ended the connection, and closes it. Fails after `seconds`. */
void raw_wait_end(int fd, guint seconds);
/* A method call of the root object as bytes; g_free(). Takes a floating `body`. */
guint8 *raw_call(const char *member, GVariant *body, guint32 serial, gsize *ret_size);
