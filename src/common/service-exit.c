/* service-exit.c: leaving without losing a request.
 *
 * The order matters and is the same for idle exit, signals and failures:
 *  1. STOPPING=1, so that the manager queues a new start for whoever comes now;
 *  2. no client is accepted any more; the backlog stays with the manager's socket;
 *  3. the name is given up, and until the broker's answer is read everything that was routed
 *     to us is served as usual, because only then can no more of it come;
 *  4. the service answers what waits (drain); 5. clients and the bus get what is queued for
 *     them; 6. the loop ends.
 * All of it is bounded by DrainSec=. The steps are driven by a source that looks at their
 * conditions in every turn of the loop, where alone they can change. */
#include "common/error.h"
#include "common/log.h"
#include "common/service-private.h"

enum { STAGE_RELEASE, STAGE_DRAIN, STAGE_PEERS, STAGE_END };

/* What clients and the bus get to take their last answers when DrainSec= is over already. */
#define LAST_WORDS_USEC G_USEC_PER_SEC

typedef struct {
  GSource source;
  WgService *service;
} ExitSource;

static gboolean stage_is_over(WgService *service) {
  WgServiceExit *e = &service->exit;

  switch (e->stage) {
  case STAGE_RELEASE:
    /* Somebody who answers polkit's question may take long: only idle exit is that polite. */
    return !service->bus.releasing && service->n_identifying == 0 &&
           (e->reason != WG_LEAVE_IDLE || wg_polkit_n_pending(service->polkit) == 0);
  case STAGE_DRAIN:
    return e->drained;
  case STAGE_PEERS:
    return e->peers_gone && (wg_service_bus_flushed(service) ||
                             g_get_monotonic_time() >= e->deadline + LAST_WORDS_USEC);
  default:
    return FALSE;
  }
}

static gboolean exit_prepare(GSource *source, gint *timeout) {
  *timeout = -1;
  return stage_is_over(((ExitSource *)source)->service);
}

static gboolean exit_check(GSource *source) {
  return stage_is_over(((ExitSource *)source)->service);
}

static void on_peers_gone(gpointer user_data) {
  WgService *service = user_data;

  service->exit.peers_gone = TRUE;
}

static void begin_drain(WgService *service) {
  service->exit.stage = STAGE_DRAIN;
  if (service->info->drain)
    service->info->drain(service, service->self);
  else
    service->exit.drained = TRUE;
}

static void begin_peers(WgService *service) {
  WgServiceExit *e = &service->exit;
  gint64 left = e->deadline - g_get_monotonic_time();

  e->stage = STAGE_PEERS;
  wg_peer_server_drain(service->peers, MAX(left, LAST_WORDS_USEC), on_peers_gone, service);
}

static gboolean exit_dispatch(GSource *source, GSourceFunc callback, gpointer user_data) {
  WgService *service = ((ExitSource *)source)->service;

  if (!stage_is_over(service))
    return G_SOURCE_CONTINUE;
  if (service->exit.stage == STAGE_RELEASE) {
    begin_drain(service);
  } else if (service->exit.stage == STAGE_DRAIN) {
    begin_peers(service);
  } else {
    service->exit.stage = STAGE_END;
    wg_service_set_state(service, WG_SERVICE_EXITING);
    g_main_loop_quit(service->loop);
  }
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs exit_funcs = {
    .prepare = exit_prepare, .check = exit_check, .dispatch = exit_dispatch};

static gboolean on_limit(gpointer user_data) {
  WgService *service = user_data;
  WgServiceExit *e = &service->exit;

  if (e->stage < STAGE_PEERS) {
    wg_log(LOG_WARNING, WG_MSG_DRAIN_TIMEOUT, NULL,
           "Leaving although not everything that waited is answered: %s",
           e->stage == STAGE_DRAIN      ? "the service did not finish in DrainSec="
           : service->bus.releasing     ? "the bus did not answer in DrainSec="
           : service->n_identifying > 0 ? "the bus did not say who calls in DrainSec="
                                        : "polkit did not answer in DrainSec=");
    if (e->stage == STAGE_RELEASE)
      begin_drain(service); /* still its chance to refuse what waits */
    e->drained = TRUE;
    begin_peers(service);
  }
  e->limit = g_timeout_add(LAST_WORDS_USEC / 1000, on_limit, service); /* wakes the source */
  return G_SOURCE_REMOVE;
}

static void log_leaving(WgService *service, WgLeaveReason reason) {
  if (reason == WG_LEAVE_IDLE)
    wg_log(LOG_INFO, WG_MSG_IDLE_EXIT, NULL, "Leaving: idle; the next request starts it again");
  else
    wg_log(LOG_INFO, WG_MSG_STOPPING, NULL, "Leaving: %s",
           reason == WG_LEAVE_SIGNAL   ? "asked to"
           : service->exit_status == 0 ? "nothing is left to do here"
                                       : "after a failure");
}

void wg_service_leave(WgService *service, WgLeaveReason reason, int status) {
  WgServiceExit *e = &service->exit;

  if (status != 0 && service->exit_status == 0)
    service->exit_status = status;
  if (service->state >= WG_SERVICE_FLUSHING)
    return; /* systemd sends SIGTERM after STOPPING=1: no reason to hurry */
  if (!service->loop) {
    e->asked_before_loop = TRUE;
    return;
  }
  wg_service_set_state(service, WG_SERVICE_FLUSHING);
  log_leaving(service, reason);
  g_autofree char *text = wg_service_status_text(service);
  wg_notify_stopping(service->notify, text);
  wg_peer_server_stop_accepting(service->peers);
  wg_service_bus_release(service);

  guint64 limit = wg_config_u64(service->config, "Service", "DrainSec");
  e->reason = reason;
  e->stage = STAGE_RELEASE;
  e->deadline = g_get_monotonic_time() + (gint64)limit;
  e->limit = g_timeout_add(limit / 1000, on_limit, service);
  e->source = g_source_new(&exit_funcs, sizeof(ExitSource));
  ((ExitSource *)e->source)->service = service;
  g_source_set_static_name(e->source, "leaving");
  g_source_attach(e->source, NULL);
}

void wg_service_exit_stop(WgService *service) {
  WgServiceExit *e = &service->exit;

  if (e->limit)
    g_source_remove(e->limit);
  e->limit = 0;
  if (e->source) {
    g_source_destroy(e->source);
    g_clear_pointer(&e->source, g_source_unref);
  }
}

void wg_service_drained(WgService *service) {
  service->exit.drained = TRUE;
}

void wg_service_quit(WgService *service, int status) {
  wg_service_leave(service, WG_LEAVE_FAILURE, status);
}
