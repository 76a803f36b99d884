/* variant-bus.h: between sd-bus messages and GVariant.
 *
 * The client builds and reads every call as a GVariant; these two functions are the only place that
 * walks an sd-bus message. A handle is the number of the descriptor itself, not an index. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Appends each member of the tuple `params` to `m`. Returns 0 or a negative errno. */
int cli_variant_append(sd_bus_message *m, GVariant *params);

/* The whole content of `m` as a tuple. Descriptors are duplicated into `fds` (element-type int).
 * Returns 0 or a negative errno. */
int cli_variant_read(sd_bus_message *m, GArray *fds, GVariant **ret);
