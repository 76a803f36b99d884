/* bus-source.h: an sd-bus connection as a GSource.
 *
 * The only way a connection is attached to a main loop in this suite. It follows
 * the rules of sd_bus_get_fd(3) exactly: fd, events and the absolute timeout are
 * asked for in every prepare(), nothing is modified unconditionally (no idle
 * spin), dispatch is bounded, the source is never removed behind the owner's back. */
#pragma once

#include "common/outbox.h"

#include <glib.h>
#include <systemd/sd-bus.h>

/* Called once, from the loop, when the connection is gone (the peer closed it, or
 * an error that cannot be repaired); `r` is a negative errno: -ECONNRESET for an orderly
 * end. The source is destroyed by then (it will not fire again), but the reference that
 * attach returned is still the owner's: wg_bus_source_destroy() drops it, here or later.
 * The callee also unrefs the bus. Never called twice. */
typedef void (*WgBusClosedFunc)(sd_bus *bus, int r, gpointer user_data);

/* Called at the end of each turn of the source, after what could be written and read was;
 * `n_readable` bytes lay in the socket before the turn. Not called after a turn in which the
 * connection ended or the source was destroyed. */
typedef void (*WgBusTurnFunc)(sd_bus *bus, guint n_readable, gpointer user_data);

/* Attaches `bus` (started: sd_bus_start() and its kin were called) to `context` (NULL: default).
 * The source holds a reference on `bus`; free with wg_bus_source_destroy(), before the bus is
 * closed. */
GSource *wg_bus_source_attach(sd_bus *bus, GMainContext *context, WgBusClosedFunc closed,
                              gpointer user_data);

/* The same for a connection made by sd_bus_set_fd(bus, read_fd, write_fd) of two descriptors
 * of one socket (write_fd = dup(read_fd) or the other way round): only there pausing is exact. */
GSource *wg_bus_source_attach_split(sd_bus *bus, int read_fd, int write_fd, GMainContext *context,
                                    WgBusClosedFunc closed, gpointer user_data);

/* Sets what is called at the end of each turn; NULL: nothing. */
void wg_bus_source_set_turn_func(GSource *source, WgBusTurnFunc turn, gpointer user_data);

/* Stops reading new messages while TRUE (writing and time-outs go on): back-pressure.
 *
 * sd_bus_process() writes first and reads only when it completed no write, so a message that
 * does not fit into the socket at once would let one call slip in for each wake-up. On a split
 * connection that cannot happen: while paused read_fd refers to a silent socket. On a shared
 * descriptor it is best effort. A peer that hangs up while paused is reported closed at once. */
void wg_bus_source_set_paused(GSource *source, gboolean paused);

/* Where messages for this connection are gathered (borrowed; begin and end one in the same breath).
 * They leave when the loop turns, together; call wg_bus_source_gathered() after each so that a
 * long row of them does not wait for its end. They keep their order among themselves; whoever wants
 * it towards what sd-bus sends calls wg_bus_source_flush() before sd_bus_send(). */
WgOutbox *wg_bus_source_outbox(GSource *source);
void wg_bus_source_gathered(GSource *source);
/* Writes what was gathered, as far as the socket takes it. */
void wg_bus_source_flush(GSource *source);
/* How many messages wait to be written, in sd-bus and gathered ones. */
guint64 wg_bus_source_n_queued(GSource *source);

/* Destroys and unrefs the source. Safe inside its own dispatch. */
void wg_bus_source_destroy(GSource *source);
