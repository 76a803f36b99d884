/* suite.h: the figures of the other services of the suite, asked for over the bus.
 *
 * Never starts a service, and asks seldom enough for an idle one to leave ([Metrics]
 * SuiteIntervalSec=). One that does not run has no figures; one that runs and does not answer is
 * told as waggle_..._up 0. Loop's thread; every call is bounded. */
#pragma once

#include "monitoring/daemon.h"

typedef struct MonSuite MonSuite;

MonSuite *mon_suite_new(MonDaemon *daemon);
void mon_suite_free(MonSuite *suite);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonSuite, mon_suite_free)
/* The bus is another one; NULL: lost. */
void mon_suite_bus(MonSuite *suite, sd_bus *bus);
/* A collection takes place: asks, when it is time. */
void mon_suite_tick(MonSuite *suite);
