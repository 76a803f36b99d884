/* wire.h: many calls with one write, many replies with one read.
 *
 * sd-bus makes a system call for each message that it sends and two for each that it receives. On a
 * machine with few processors they are taken from the service that is measured, and redis's client
 * gathers them, too. A connection that was attached keeps what sd-bus sends until wire_flush(), and
 * reads ahead what is there. sd-bus builds, parses and checks every message as ever.
 *
 * Attached, a connection must not be used for synchronous calls: sd-bus would wait for a reply to
 * what has not left. */
#pragma once

#include <glib.h>

void wire_attach(int fd);
void wire_detach(int fd);
/* Writes what has piled up. TRUE: not all could be written, wait for POLLOUT. */
gboolean wire_flush(int fd);
