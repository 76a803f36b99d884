/* manager-fixture.h: a systemd manager on a private bus that answers GetAll with what each test
 * says. The real one is asked in tests/system. */
#pragma once

#include "../common/bus-broker.h"

#include "checks/world.h"

#include "common/names.h"

typedef struct {
  GTestDBus *broker;
  Connection ours, theirs;
  ChkWorld *world;   /* system scope; its manager is `theirs` */
  GHashTable *units; /* name -> a{sv} as text of a GVariant */
  gboolean silent;   /* never answers */
  guint n_asked;
} Manager;

/* One at a time. */
void manager_up(Manager *manager);
void manager_down(Manager *manager);
/* `properties`: "{'LoadState': <'loaded'>, ...}" as g_variant_parse() reads it; replaces. A unit
 * that was never set answers as one that does not exist. */
void manager_set(Manager *manager, const char *unit, const char *properties);
/* Tells what changed of a unit by PropertiesChanged of `interface`, and keeps it. */
void manager_change(Manager *manager, const char *unit, const char *interface,
                    const char *properties);
