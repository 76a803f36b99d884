/* bus-access.c: who may do what.
 *
 * The uid of the connection decides, nothing else. In the user scope only the service's own uid and
 * root may enter at all. In the system scope everybody may enter; what a method needs beyond that
 * is its polkit action (bus-tables.c), which root and the service's own uid are not asked for. On
 * the private socket nobody is asked: there anybody else is told to repeat the call on the bus. */
#include "deployment/bus.h"

#include "common/log.h"
#include "common/names.h"

gboolean dpl_access_is_admin(const DplDaemon *daemon, uid_t uid) {
  return uid == 0 || uid == daemon->own_uid;
}

gboolean dpl_access_may_enter(const DplDaemon *daemon, uid_t uid) {
  return !daemon->user_scope || dpl_access_is_admin(daemon, uid);
}

void dpl_access_refused(uid_t uid, const char *member) {
  static WgLogRate rate = {.interval_usec = 10 * G_USEC_PER_SEC, .burst = 5};
  g_autofree char *text = g_strdup_printf("%u", (guint)uid);
  guint suppressed = 0;

  if (!wg_log_rate_ok(&rate, &suppressed))
    return;
  wg_log(LOG_WARNING, WG_MSG_NOT_AUTHORIZED, WG_FIELDS(WG_FIELD_UID, text),
         "Refused uid %u: it may not call %s (%u such lines were left out)", (guint)uid,
         member != NULL ? member : "this service", suppressed);
}

WgPolkitDoor dpl_access_door(const DplDaemon *daemon, sd_bus *bus) {
  if (daemon->user_scope)
    return WG_POLKIT_USER;
  return wg_peer_from_bus(wg_service_peers(daemon->service), bus) != NULL ? WG_POLKIT_SYSTEM_PRIVATE
                                                                          : WG_POLKIT_SYSTEM_BUS;
}

/* Nobody but its user can be on a user's bus. What everybody may see of a system's is no secret. */
gboolean dpl_access_may_look(const DplDaemon *daemon, sd_bus *bus) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), bus);

  return peer == NULL || dpl_access_may_enter(daemon, wg_peer_uid(peer));
}
