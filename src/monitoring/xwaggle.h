/* xwaggle.h: the section [X-Waggle] of a unit's files, as a service.
 *
 *   [X-Waggle]
 *   Name=shop
 *   Tags=web front
 *   Capabilities=orders
 *   Metadata=team=red
 *   Endpoint=http http://127.0.0.1:8080
 *   Probe=http http://127.0.0.1:8080/health interval=5s kind=liveness
 *
 * As systemd reads its own keys: files in their order, of Name= the last counts, of the others all
 * do, an empty assignment forgets those before; a line that ends with a backslash goes on, and %n
 * %N %p %i %% stand for the unit. A unit with the section is a service, also without any key.
 * Pure. */
#pragma once

#include "monitoring/service-spec.h"

typedef struct MonXWaggle MonXWaggle;

MonXWaggle *mon_xwaggle_new(const char *unit);
void mon_xwaggle_free(MonXWaggle *x);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonXWaggle, mon_xwaggle_free)
/* The unit's file, then its drop-ins, in systemd's order. Mistakes are added with their line;
 * `file` names it. TRUE: it has the section. */
gboolean mon_xwaggle_add(MonXWaggle *x, const char *text, const char *file, WgProblems *problems);
/* NULL: no file has the section, or problems were added. */
MonServiceSpec *mon_xwaggle_service(MonXWaggle *x, WgProblems *problems);
