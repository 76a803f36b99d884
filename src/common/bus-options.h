/* bus-options.h: dictionaries a{sv} with names and types that are checked.
 *
 * Every dictionary that a client can send is a table of its service. A key that the table lacks is
 * UnknownOption and names the nearest one; a value of another type is InvalidArgument; a key given
 * twice is InvalidArgument. Nothing is ever ignored. What a value means is the service's. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  const char *key;
  const char *type; /* D-Bus signature of the value */
} WgOption;         /* a table ends with a NULL key; at most 64 rows */

/* Looks `key` up and compares the type; the index, or -1 with `error` set. */
int wg_option_find(const WgOption *table, const char *key, const char *type, GError **error);
/* Checks a whole dictionary that is a GVariant already. */
gboolean wg_options_verify(const WgOption *table, GVariant *dict, GError **error);

/* Steps through an a{sv} that `m` stands in (entered): 1 and the index when `m` now stands in
 * front of the value, inside its variant; 0 at the end; -1 with `error` set. `seen` has a bit for
 * each index. After reading the value call wg_options_leave(). */
int wg_options_next(sd_bus_message *m, const WgOption *table, guint64 *seen, guint *ret_index,
                    GError **error);
gboolean wg_options_leave(sd_bus_message *m, GError **error);
