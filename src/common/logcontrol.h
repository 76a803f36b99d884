/* logcontrol.h: org.freedesktop.LogControl1 at /org/freedesktop/LogControl1, so that
 * `systemctl service-log-level UNIT debug` works. Reading is open, writing is for
 * root and the service's own uid. */
#pragma once

#include <systemd/sd-bus.h>

/* Adds the object to `bus`; returns 0 or a negative errno. The slot floats. */
int wg_logcontrol_attach(sd_bus *bus, const char *syslog_identifier);
