/* bus-signals.c: see bus.h. A connection is remembered from its first call to its end; a private
 * one has nothing between it and us, so it is sent to by itself. */
#include "deployment/bus.h"

#include "common/bus-variant.h"
#include "common/names.h"

#include <stdarg.h>

/* About what a signal weighs beyond its body. */
#define WEIGHT 256

typedef struct {
  WgCaller *caller;
  gboolean authorized;
} Listener;

void dpl_signals_init(DplDaemon *daemon) {
  daemon->listeners = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

void dpl_signals_clear(DplDaemon *daemon) {
  g_clear_pointer(&daemon->listeners, g_hash_table_unref);
}

void dpl_signals_listen(DplDaemon *daemon, WgCaller *caller) {
  if (g_hash_table_contains(daemon->listeners, &caller->id))
    return;
  Listener *listener = g_new0(Listener, 1);
  listener->caller = caller;
  listener->authorized = dpl_access_is_admin(daemon, caller->uid);
  g_hash_table_insert(daemon->listeners, &caller->id, listener);
}

void dpl_signals_authorized(DplDaemon *daemon, guint64 caller) {
  Listener *listener = g_hash_table_lookup(daemon->listeners, &caller);

  if (listener != NULL)
    listener->authorized = TRUE;
}

void dpl_signals_gone(DplDaemon *daemon, WgCaller *caller) {
  g_hash_table_remove(daemon->listeners, &caller->id);
}

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

static void spread(DplDaemon *daemon, const Signal *s, gboolean everybody) {
  sd_bus *bus = wg_service_bus(daemon->service);
  GHashTableIter iter;
  gpointer value;

  everybody |= daemon->user_scope;
  if (everybody && bus != NULL)
    send(s, bus, NULL);
  g_hash_table_iter_init(&iter, daemon->listeners);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const Listener *listener = value;
    gboolean is_private = listener->caller->peer != NULL;
    if (is_private ? everybody || listener->authorized
                   : !everybody && listener->authorized && bus != NULL)
      send(s, is_private ? listener->caller->bus : bus, listener->caller);
  }
}

void dpl_signal(DplDaemon *daemon, const char *path, const char *interface, const char *member,
                GVariant *body) {
  g_autoptr(GVariant) owned = g_variant_ref_sink(body);

  spread(daemon, &(Signal){path, interface, member, owned}, FALSE);
}

void dpl_signal_public(DplDaemon *daemon, const char *path, const char *interface,
                       const char *member, GVariant *body) {
  g_autoptr(GVariant) owned = g_variant_ref_sink(body);

  spread(daemon, &(Signal){path, interface, member, owned}, TRUE);
}

/* ---- what sd-bus builds itself from the vtables ---- */
typedef void (*Emit)(sd_bus *bus, const char *path, gpointer data);

static void each_bus(DplDaemon *daemon, const char *path, Emit emit, gpointer data) {
  sd_bus *bus = wg_service_bus(daemon->service);
  GHashTableIter iter;
  gpointer value;

  if (bus != NULL)
    emit(bus, path, data);
  g_hash_table_iter_init(&iter, daemon->listeners);
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

void dpl_signal_properties(DplDaemon *daemon, const char *path, const char *interface,
                           const char *const *names) {
  each_bus(daemon, path, emit_changed, &(Changed){interface, (char **)names});
}

static void emit_added(sd_bus *bus, const char *path, gpointer data) {
  sd_bus_emit_object_added(bus, path);
}

static void emit_removed(sd_bus *bus, const char *path, gpointer data) {
  sd_bus_emit_object_removed(bus, path);
}

void dpl_signal_object(DplDaemon *daemon, const char *path, gboolean added) {
  each_bus(daemon, path, added ? emit_added : emit_removed, NULL);
}
