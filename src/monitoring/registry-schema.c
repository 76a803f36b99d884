/* registry-schema.c: tables of what is registered, its probes and their states; part of the first
 * migration (store-schema.c). */
#include "monitoring/store-private.h"

const char mon_schema_registry[] = "";
