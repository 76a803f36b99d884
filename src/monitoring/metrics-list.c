/* metrics-list.c: the one list of metrics, see board.h.
 *
 * The exposition, the manual, the dashboard and the rules of packaging/ are made from it or
 * compared with it. A name once released stays. */
#include "monitoring/board.h"

#include <stddef.h>

const MonMetric mon_metrics[] = {
    {"waggle_unit_state", NULL, "1 for the state a unit is in, 0 for the others", "unit type state",
     MON_GAUGE, "node_systemd_unit_state"},
    {"waggle_event_total", NULL, "What happened to units, services and the bus", "event unit",
     MON_COUNTER, NULL},
    {NULL},
};
