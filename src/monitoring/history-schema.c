/* history-schema.c: tables of the history of values; part of the first migration (store-schema.c).
 */
#include "monitoring/store-private.h"

const char mon_schema_history[] = "";
