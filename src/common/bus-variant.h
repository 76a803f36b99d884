/* bus-variant.h: D-Bus messages to GVariants and back.
 *
 * For methods that are not hot: arguments and results are GVariants, so that what works on them
 * needs no sd-bus. File descriptors (`h`) never travel so: one in a message is refused here. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* The next complete value of `m`, a full reference; NULL with InvalidArgument. */
GVariant *wg_variant_read(sd_bus_message *m, GError **error);
/* The value in the variant that is next in `m`; cheaper than to unpack what the above returns. */
GVariant *wg_variant_read_inner(sd_bus_message *m, GError **error);
/* Everything that is left in the message, as a tuple; a full reference. */
GVariant *wg_variant_read_all(sd_bus_message *m, GError **error);
/* Appends one value; 0 or a negative errno. */
int wg_variant_append(sd_bus_message *m, GVariant *value);
/* Appends the children of a tuple, one after the other. */
int wg_variant_append_children(sd_bus_message *m, GVariant *tuple);
/* Appends `{sv}` with any value. */
int wg_variant_append_entry(sd_bus_message *m, const char *key, GVariant *value);
