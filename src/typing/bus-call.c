/* bus-call.c: see bus.h. A call that may not enter is answered here; one that may is owed an answer
 * from then on, which keeps the service from leaving. */
#include "typing/bus.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/log.h"

#include <string.h>

/* About what an answer weighs for the bound on unread bytes. */
#define REPLY_WEIGHT 256

/* NULL: on the bus, a client that is gone, or after the end of the loop. */
static WgPeer *peer_of(TypDaemon *daemon, sd_bus_message *m) {
  WgPeerServer *peers = wg_service_peers(daemon->service);

  return peers != NULL ? wg_peer_from_bus(peers, sd_bus_message_get_bus(m)) : NULL;
}

static void send_reply(TypDaemon *daemon, sd_bus_message *m, sd_bus_message *reply, gsize bytes) {
  WgPeer *peer = peer_of(daemon, m);

  sd_bus_send(NULL, reply, NULL);
  if (peer != NULL)
    wg_peer_charge(peer, bytes);
}

static void reply_error(TypDaemon *daemon, sd_bus_message *m, const GError *error) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(m) <= 0)
    return;
  wg_error_to_bus(error, &e);
  if (sd_bus_message_new_method_error(m, &reply, &e) >= 0)
    send_reply(daemon, m, reply, REPLY_WEIGHT);
  sd_bus_error_free(&e);
  sd_bus_message_unref(reply);
}

static void call_end(TypCall *call) {
  TypDaemon *daemon = call->daemon;
  WgPeer *peer = peer_of(daemon, call->m);

  if (peer != NULL)
    wg_peer_end(peer);
  g_clear_pointer(&call->args, g_variant_unref);
  sd_bus_message_unref(call->m);
  g_free(call);
  daemon->n_calls--;
  if (daemon->draining && daemon->n_calls == 0)
    wg_service_drained(daemon->service);
}

void typ_call_answer(TypCall *call, GVariant *result) {
  g_autoptr(GVariant) owned = result != NULL ? g_variant_ref_sink(result) : NULL;
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(call->m) > 0) {
    int r = sd_bus_message_new_method_return(call->m, &reply);
    if (r >= 0 && owned != NULL)
      r = wg_variant_append_children(reply, owned);
    if (r >= 0) {
      send_reply(call->daemon, call->m, reply,
                 REPLY_WEIGHT + (owned != NULL ? g_variant_get_size(owned) : 0));
    } else {
      g_autoptr(GError) error = NULL;
      wg_error_set_errno(&error, r, "the answer cannot be built");
      reply_error(call->daemon, call->m, error);
    }
    sd_bus_message_unref(reply);
  }
  call_end(call);
}

void typ_call_fail(TypCall *call, const GError *error) {
  reply_error(call->daemon, call->m, error);
  call_end(call);
}

static void log_refused(uid_t uid, const char *what) {
  static WgLogRate rate = {.interval_usec = 10 * G_USEC_PER_SEC, .burst = 5};
  g_autofree char *text = g_strdup_printf("%u", (guint)uid);
  guint suppressed = 0;

  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_WARNING, WG_MSG_NOT_AUTHORIZED, WG_FIELDS(WG_FIELD_UID, text),
           "Refused uid %u: it may not call %s (%u such lines were left out)", (guint)uid,
           what != NULL ? what : "this service", suppressed);
}

static gboolean may_enter(TypDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                          const GError *lookup, GError **error) {
  if (caller == NULL) {
    g_propagate_error(error, g_error_copy(lookup));
    return FALSE;
  }
  if (caller->uid != daemon->own_uid && caller->uid != 0) {
    log_refused(caller->uid, sd_bus_message_get_member(m));
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "this service types into the windows of uid %u; uid %u may not use it",
                (guint)daemon->own_uid, (guint)caller->uid);
    return FALSE;
  }
  if (daemon->draining) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
    return FALSE;
  }
  return TRUE;
}

static const TypMethod *find_method(const char *member) {
  for (const TypMethod *method = typ_methods; method->member != NULL; method++)
    if (strcmp(method->member, member) == 0)
      return method;
  g_return_val_if_reached(typ_methods);
}

/* Each dictionary among the arguments against its table. */
static gboolean check_options(const TypMethod *method, GVariant *args, GError **error) {
  gsize n = g_variant_n_children(args), table = 0;

  for (gsize i = 0; i < n && table < G_N_ELEMENTS(method->options); i++) {
    g_autoptr(GVariant) child = g_variant_get_child_value(args, i);
    if (g_variant_is_of_type(child, G_VARIANT_TYPE_VARDICT) &&
        !wg_options_verify(method->options[table++], child, error))
      return FALSE;
  }
  return TRUE;
}

static void call_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  TypDaemon *daemon = data;
  const TypMethod *method = find_method(sd_bus_message_get_member(m));
  g_autoptr(GVariant) args = NULL;
  g_autoptr(GError) error = NULL;

  if (may_enter(daemon, m, caller, lookup, &error))
    args = wg_variant_read_all(m, &error);
  if (args == NULL || !check_options(method, args, &error)) {
    reply_error(daemon, m, error);
    return;
  }
  TypCall *call = g_new0(TypCall, 1);
  call->daemon = daemon;
  call->m = sd_bus_message_ref(m);
  call->args = g_steal_pointer(&args);
  call->caller = caller->id;
  if (caller->peer != NULL)
    wg_peer_begin(caller->peer);
  daemon->n_calls++;
  method->handler(call);
}

int typ_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  TypDaemon *daemon = userdata;

  wg_service_with_caller(daemon->service, m, call_from, daemon);
  return 1;
}
