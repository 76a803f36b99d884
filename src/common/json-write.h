/* json-write.h: JSON as text, written straight from what is at hand: strings, and values of D-Bus
 * messages. For what is written once for each message; json-glib's nodes are for the rest, and
 * what both write reads the same (a test compares them). */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Appends `text` (valid UTF-8, `size` bytes, no NUL among them) as a string with its quotes.
 * Control characters are escaped; everything else stays as it is. */
void wg_json_append_string(GString *out, const char *text, gsize size);
void wg_json_append_number(GString *out, guint64 value);
/* Appends the next complete value of `m`. Variants are their values, dictionaries objects, other
 * containers lists; numbers stay numbers, also those that JSON programs cannot hold exactly. 0 or a
 * negative errno: the message cannot be read, or has a file descriptor there; then part of the
 * value may have been written. */
int wg_json_append_value(GString *out, sd_bus_message *m);
