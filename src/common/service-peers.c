/* service-peers.c: the private socket of a service and the identity of who calls, on either road.
 *
 * Every message is activity. A call from the bus whose sender is still being asked about counts
 * as running work: leaving waits for it, because it was routed to us before the name was given up.
 */
#include "common/error.h"
#include "common/logcontrol.h"
#include "common/service-private.h"

static gboolean on_attach(WgPeer *peer, gpointer user_data, GError **error) {
  WgService *service = user_data;
  sd_bus *bus = wg_peer_bus(peer);

  wg_service_activity(service);
  int r = wg_logcontrol_attach(bus, service->identifier);
  if (r < 0)
    return wg_error_set_errno(error, r, "cannot serve the log control object");
  wg_callers_add_peer(service->callers, peer);
  if (!service->info->attach || service->info->attach(service, service->self, bus, peer, error))
    return TRUE;
  wg_callers_remove_peer(service->callers, peer);
  return FALSE;
}

static void on_detach(WgPeer *peer, gpointer user_data) {
  WgService *service = user_data;

  wg_service_activity(service);
  wg_callers_remove_peer(service->callers, peer);
  if (service->info->detach)
    service->info->detach(service, service->self, wg_peer_bus(peer), peer);
}

static void on_activity(WgPeer *peer, gpointer user_data) {
  wg_service_activity(user_data);
}

static int on_message(WgPeer *peer, sd_bus_message *m, gpointer user_data) {
  WgService *service = user_data;

  return service->info->message ? service->info->message(service, service->self, m) : 0;
}

static void on_caller_gone(WgCaller *caller, gpointer user_data) {
  WgService *service = user_data;

  wg_service_activity(service);
  if (service->info->caller_gone)
    service->info->caller_gone(service, service->self, caller);
}

gboolean wg_service_peers_start(WgService *service, GError **error) {
  const WgPeerServerFuncs funcs = {on_attach, on_detach, on_activity, .message = on_message};
  const WgPeerLimits until_configured = {.max_clients = 1};
  guint n;

  service->callers = wg_callers_new(on_caller_gone, service);
  service->polkit = wg_polkit_new(NULL);
  service->peers = wg_peer_server_new(&until_configured, &funcs, service);
  const int *fds = wg_activation_fds(service->activation, &n);
  for (guint i = 0; i < n; i++)
    if (!wg_peer_server_listen(service->peers, fds[i], error))
      return FALSE;
  return TRUE;
}

const int *wg_service_extra_fds(WgService *service, guint *ret_n) {
  return wg_activation_extra(service->activation, ret_n);
}

void wg_service_peers_stop(WgService *service) {
  g_clear_pointer(&service->polkit, wg_polkit_free);
  g_clear_pointer(&service->peers, wg_peer_server_free);
}

typedef struct {
  WgService *service;
  WgCallerFunc func;
  gpointer user_data;
} Identifying;

static void on_identified(sd_bus_message *m, WgCaller *caller, const GError *error,
                          gpointer user_data) {
  Identifying *i = user_data;

  i->func(m, caller, error, i->user_data);
  i->service->n_identifying--;
  g_free(i);
}

void wg_service_with_caller(WgService *service, sd_bus_message *m, WgCallerFunc func,
                            gpointer user_data) {
  wg_service_activity(service);
  if (wg_peer_from_bus(service->peers, sd_bus_message_get_bus(m))) {
    wg_callers_identify(service->callers, service->peers, m, func, user_data);
    return;
  }
  Identifying *i = g_new(Identifying, 1);
  *i = (Identifying){service, func, user_data};
  service->n_identifying++;
  wg_callers_identify(service->callers, service->peers, m, on_identified, i);
}
