/* bus-variant.h: D-Bus messages to GVariants and back.
 *
 * The rare methods travel between loop and engine as GVariants, so that the engine needs no
 * sd-bus. File descriptors (`h`) never do: one in a message is refused here. The hot methods read
 * their messages themselves and come here only for what is kept as a dictionary. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* The next complete value of `m`, a full reference; NULL with InvalidArgument. */
GVariant *msg_variant_read(sd_bus_message *m, GError **error);
/* Everything that is left in the message, as a tuple; a full reference. */
GVariant *msg_variant_read_all(sd_bus_message *m, GError **error);
/* Appends one value; 0 or a negative errno. */
int msg_variant_append(sd_bus_message *m, GVariant *value);
/* Appends the children of a tuple, one after the other. */
int msg_variant_append_children(sd_bus_message *m, GVariant *tuple);
/* Appends `{sv}` with any value. */
int msg_variant_append_entry(sd_bus_message *m, const char *key, GVariant *value);
