/* watchdog.h: waggle-watchdog: gives a service that knows nothing of it readiness and a watchdog,
 * from a check that repeats.
 *
 *   [Service]
 *   Type=notify
 *   NotifyAccess=all
 *   WatchdogSec=30s
 *   ExecStart=/usr/libexec/waggle/waggle-watchdog --check='http: http://127.0.0.1/' -- /usr/sbin/d
 *
 * It becomes the service itself, so that systemd's main process is the service's; before that it
 * leaves a child in the unit's control group which looks. That one says READY=1 when the check was
 * good for the first time, STATUS= at each change, and WATCHDOG=1 after each good look; when looks
 * stay bad it says nothing any more, and systemd does what the unit says. It ends with the unit. */
#pragma once

int chk_watchdog_main(int argc, char **argv);
