/* notify-schema.c: tables of silences, acknowledgements and the queue of notifications; part of the
 * first migration (store-schema.c). */
#include "monitoring/store-private.h"

const char mon_schema_notify[] = "";
