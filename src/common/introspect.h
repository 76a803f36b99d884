/* introspect.h: the introspection XML of vtables, exactly as sd-bus answers it on a bus. */
#pragma once

#include "common/service.h"

/* `only`: one interface, or NULL for all of the table. Free with g_free(). */
char *wg_introspect(const WgServiceInterface *interfaces, const char *only, GError **error);
