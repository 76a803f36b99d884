/* receive.h: the ways to tell: one file each, all asynchronous, none ever blocks the loop.
 *
 * A way sends what the notice says (payload.c), with its dedup key, and ends the attempt exactly
 * once: told, again later, or never. What takes longer than the integration's timeout is cancelled
 * and tried again; whoever was told of it twice knows by the key. */
#pragma once

#include "monitoring/outbox.h"

#include <systemd/sd-bus.h>

typedef struct MonDaemon MonDaemon;
typedef struct MonNotifier MonNotifier;
typedef struct MonReceivers MonReceivers;

MonReceivers *mon_receivers_new(MonDaemon *daemon, MonNotifier *notifier);
/* Everything under way is given up without a word; nothing is sent from now on. */
void mon_receivers_stop(MonReceivers *receivers);
void mon_receivers_free(MonReceivers *receivers);
/* Files that were read and kept (authorities of TLS) are read anew when they are needed next. */
void mon_receivers_forget_files(MonReceivers *receivers);
void mon_receivers_bus(MonReceivers *receivers, sd_bus *bus);
void mon_receivers_send(MonReceivers *receivers, const MonIntegration *integration,
                        const MonNotice *notice, MonAttempt *attempt);
