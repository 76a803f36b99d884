/* call-signals.c: the signals of call.h. A connection is remembered from its first call to its end;
 * a private one has nothing between it and us, so it is sent to by itself. */
#include "common/bus-variant.h"
#include "common/call-private.h"

/* About what a signal weighs beyond its body. */
#define WEIGHT 256

typedef struct {
  WgCaller *caller;
  gboolean authorized;
} Listener;

GHashTable *wg_call_listeners_new(void) {
  return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

void wg_call_listen(WgCalls *calls, WgCaller *caller) {
  if (g_hash_table_contains(calls->listeners, &caller->id))
    return;
  Listener *listener = g_new0(Listener, 1);
  listener->caller = caller;
  listener->authorized = wg_calls_is_admin(calls, caller->uid);
  g_hash_table_insert(calls->listeners, &caller->id, listener);
}

void wg_call_listen_authorized(WgCalls *calls, guint64 caller) {
  Listener *listener = g_hash_table_lookup(calls->listeners, &caller);

  if (listener != NULL)
    listener->authorized = TRUE;
}

void wg_calls_gone(WgCalls *calls, WgCaller *caller) {
  g_hash_table_remove(calls->listeners, &caller->id);
}

/* ---- what we build ourselves ---- */
typedef struct {
  const char *path, *interface, *member;
  GVariant *body;
} Signal;

static void send(const Signal *s, sd_bus *bus, WgCaller *to) {
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_signal(bus, &m, s->path, s->interface, s->member);

  if (r >= 0)
    r = wg_variant_append_children(m, s->body);
  if (r >= 0 && to != NULL && to->name != NULL)
    sd_bus_send_to(bus, m, to->name, NULL);
  else if (r >= 0)
    sd_bus_send(bus, m, NULL);
  sd_bus_message_unref(m);
  if (to != NULL && to->peer != NULL)
    wg_peer_charge(to->peer, WEIGHT + g_variant_get_size(s->body));
}

static void spread(WgCalls *calls, const Signal *s, gboolean everybody) {
  sd_bus *bus = wg_service_bus(calls->service);
  GHashTableIter iter;
  gpointer value;

  everybody |= calls->user_scope;
  if (everybody && bus != NULL)
    send(s, bus, NULL);
  g_hash_table_iter_init(&iter, calls->listeners);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const Listener *listener = value;
    gboolean is_private = listener->caller->peer != NULL;
    if (is_private ? everybody || listener->authorized
                   : !everybody && listener->authorized && bus != NULL)
      send(s, is_private ? listener->caller->bus : bus, listener->caller);
  }
}

void wg_calls_signal(WgCalls *calls, const char *path, const char *interface, const char *member,
                     GVariant *body) {
  g_autoptr(GVariant) owned = g_variant_ref_sink(body);

  spread(calls, &(Signal){path, interface, member, owned}, TRUE);
}

void wg_calls_signal_authorized(WgCalls *calls, const char *path, const char *interface,
                                const char *member, GVariant *body) {
  g_autoptr(GVariant) owned = g_variant_ref_sink(body);

  spread(calls, &(Signal){path, interface, member, owned}, FALSE);
}

/* ---- what sd-bus builds from the vtables ---- */
typedef void (*Emit)(sd_bus *bus, const char *path, gpointer data);

static void each_bus(WgCalls *calls, const char *path, Emit emit, gpointer data) {
  sd_bus *bus = wg_service_bus(calls->service);
  GHashTableIter iter;
  gpointer value;

  if (bus != NULL)
    emit(bus, path, data);
  g_hash_table_iter_init(&iter, calls->listeners);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    WgCaller *caller = ((Listener *)value)->caller;
    if (caller->peer == NULL)
      continue;
    emit(caller->bus, path, data);
    wg_peer_charge(caller->peer, WEIGHT);
  }
}

typedef struct {
  const char *interface;
  char **names;
} Changed;

static void emit_changed(sd_bus *bus, const char *path, gpointer data) {
  const Changed *changed = data;

  sd_bus_emit_properties_changed_strv(bus, path, changed->interface, changed->names);
}

void wg_calls_changed(WgCalls *calls, const char *path, const char *interface,
                      const char *const *names) {
  each_bus(calls, path, emit_changed, &(Changed){interface, (char **)names});
}

static void emit_added(sd_bus *bus, const char *path, gpointer data) {
  sd_bus_emit_object_added(bus, path);
}

static void emit_removed(sd_bus *bus, const char *path, gpointer data) {
  sd_bus_emit_object_removed(bus, path);
}

void wg_calls_object(WgCalls *calls, const char *path, gboolean added) {
  each_bus(calls, path, added ? emit_added : emit_removed, NULL);
}
