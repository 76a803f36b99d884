/* bus-json.h: values of D-Bus as JSON.
 *
 * Numbers stay numbers (an unsigned one beyond the largest signed one becomes a text; the largest
 * of all is "infinity", as systemd means it), byte arrays become hexadecimal text, arrays and
 * structures arrays, dictionaries objects (keys as text), variants what is in them. Pure. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

JsonNode *chk_bus_json(GVariant *value); /* (transfer full) */
