/* store-private.h: what the files of the store share: the tables, room by room. */
#pragma once

#include "monitoring/store.h"

extern const char mon_schema_registry[], mon_schema_history[], mon_schema_alerts[],
    mon_schema_notify[];

/* (array, ends with version 0); static storage. */
const WgMigration *mon_store_migrations(void);
