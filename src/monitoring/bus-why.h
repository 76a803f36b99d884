/* bus-why.h: the handlers of Why and Top; their rows are in bus-root.c. */
#pragma once

#include "monitoring/bus.h"

void mon_handle_why(MonCall *call);
void mon_handle_top(MonCall *call);
