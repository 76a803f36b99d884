/* unit-ip.h: what units with IPAccounting=yes sent and received.
 *
 * The kernel's counters of it belong to the manager of units alone (maps of BPF programs that are
 * nowhere in a file system), and it tells them by properties only. So it is asked: not for a scrape
 * and not for a collection, but in rounds of its own, [Metrics] IPAccountingSec= apart, for units
 * that run and have it on, one property at a time with a pause after each (50 calls a second at
 * most, whatever the number of units is; a round that takes longer than that ends before the next
 * begins). Nothing is asked while the manager is out of sight or asked for units. Loop's thread. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/unit-metrics.h"

typedef struct MonUnitIp MonUnitIp;

MonUnitIp *mon_unit_ip_new(MonDaemon *daemon, MonUnitMetrics *units);
void mon_unit_ip_free(MonUnitIp *ip);
void mon_unit_ip_reload(MonUnitIp *ip); /* the interval may be another one */
