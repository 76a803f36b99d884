/* bus-source.h: an sd-bus connection as a GSource.
 *
 * The only way a connection is attached to a main loop in this suite. It follows
 * the rules of sd_bus_get_fd(3) exactly: fd, events and the absolute timeout are
 * asked for in every prepare(), nothing is modified unconditionally (no idle
 * spin), dispatch is bounded, the source is never removed behind the owner's back. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Called once, from the loop, when the connection is gone (the peer closed it, or
 * an error that cannot be repaired); `r` is a negative errno. The source is dead by
 * then; the callee unrefs the bus. Never called twice. */
typedef void (*WgBusClosedFunc)(sd_bus *bus, int r, gpointer user_data);

/* Attaches `bus` to `context` (NULL: default). The source holds a reference on
 * `bus`; free with wg_bus_source_destroy(), before the bus is closed. */
GSource *wg_bus_source_attach(sd_bus *bus, GMainContext *context, WgBusClosedFunc closed,
                              gpointer user_data);

/* Stops reading new messages while TRUE (writing goes on): back-pressure. */
void wg_bus_source_set_paused(GSource *source, gboolean paused);

/* Destroys and unrefs the source. Safe inside its own dispatch. */
void wg_bus_source_destroy(GSource *source);
