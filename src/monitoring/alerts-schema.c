/* alerts-schema.c: tables of rules' alerts and every transition of theirs; part of the first
 * migration (store-schema.c). */
#include "monitoring/store-private.h"

const char mon_schema_alerts[] = "";
