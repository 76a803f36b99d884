/* deployments.h: what waggle-deployd announces: which release a unit is of, and which units a
 * deployment is just touching.
 *
 * Asked for once and then told by deployd's own signals, over the service's own connection. Where
 * there is no deployd nothing is known, and nothing waits for it. A window is open only while units
 * are being switched, started or verified, and for 30 minutes at most: a deployment that waits to
 * be confirmed hides nothing. Each change of state is a MON_EVENT_DEPLOYMENT {target, deployment}.
 */
#pragma once

#include "monitoring/daemon.h"

MonDeployments *mon_deployments_new(MonDaemon *daemon, GError **error);
void mon_deployments_free(MonDeployments *deployments);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonDeployments, mon_deployments_free)
void mon_deployments_bus(MonDeployments *deployments, sd_bus *bus); /* NULL: lost */

/* The release that serves the unit; NULL: of no deployment, or not known. Borrowed until the loop
 * turns. */
const char *mon_deployments_release(MonDeployments *deployments, const char *unit);
/* "deployment 12 of shop is verifying"; NULL: no window is open for the unit. Borrowed, as above.
 */
const char *mon_deployments_window(MonDeployments *deployments, const char *unit);
/* The span of the deployment that touches the unit, or did within the last 30 minutes: what goes
 * wrong then may be its doing. NULL: there is none. Borrowed, as above. */
const char *mon_deployments_trace(MonDeployments *deployments, const char *unit);
/* Rises whenever an answer of those above may be another one. */
guint mon_deployments_revision(MonDeployments *deployments);
