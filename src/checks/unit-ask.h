/* unit-ask.h: all that a systemd manager knows of one unit, in one call.
 *
 * A unit that is not loaded is loaded for the answer, one that does not exist answers with
 * LoadState "not-found". The loop's thread; never blocks. */
#pragma once

#include "checks/check.h"
#include "checks/unit-name.h"

typedef struct ChkUnitAsk ChkUnitAsk;

/* `properties`: by their names on D-Bus, of all interfaces (bus-json.h), borrowed; NULL with an
 * error. Called once, never from inside chk_unit_ask(); the ask is freed after it. */
typedef void (*ChkUnitFunc)(JsonObject *properties, const GError *error, gpointer user_data);

/* NULL with an error: no bus. `timeout`: us. */
ChkUnitAsk *chk_unit_ask(ChkWorld *world, const char *unit, guint64 timeout, ChkUnitFunc done,
                         gpointer user_data, GError **error);
/* Drops it without done(). */
void chk_unit_ask_drop(ChkUnitAsk *ask);

/* The object of a unit; free with free(). NULL: no memory, no name. */
char *chk_unit_path(const char *unit);
/* A property, or the fallback where it is absent or of another type. Borrowed. */
const char *chk_unit_text(JsonObject *properties, const char *name, const char *fallback);
gint64 chk_unit_int(JsonObject *properties, const char *name, gint64 fallback);
