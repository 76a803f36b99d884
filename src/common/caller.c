/* caller.c: who calls, as the connection tells it.
 *
 * A unique name on the bus is asked about once: first a match on its NameOwnerChanged, then
 * GetConnectionCredentials. The broker handles both in this order, so a name that vanishes is
 * either answered with an error or announced by the match; none is kept for ever.
 *
 * Invariants: calls of one sender are handed on in the order in which they came, also those that
 * come while an earlier one is being handed on; a caller that was handed out is announced as gone
 * exactly once. An entry may go away inside any callback, so it is counted.
 *
 * It must never block: sd_bus_query_sender_creds() would, for a round trip to the broker. */
#include "common/caller.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-login.h>

#define DBUS WG_BUS_BROKER
#define DBUS_PATH WG_PATH_BROKER

typedef struct {
  sd_bus_message *m;
  WgCallerFunc func;
  gpointer user_data;
} Waiting;

/* A unique name on the bus. */
typedef struct {
  guint n_refs;
  WgCallers *callers; /* NULL: removed */
  WgCaller caller;
  gboolean known;
  sd_bus_slot *match, *query;
  GQueue waiting; /* of Waiting */
} Entry;

struct WgCallers {
  sd_bus *bus;
  GHashTable *names; /* unique name -> Entry */
  GHashTable *peers; /* WgPeer -> WgCaller */
  guint64 last_id;
  WgCallerGoneFunc gone;
  gpointer user_data;
};

static void waiting_free(Waiting *w) {
  sd_bus_message_unref(w->m);
  g_free(w);
}

static void entry_unref(Entry *e) {
  if (--e->n_refs > 0)
    return;
  g_free(e->caller.name);
  g_free(e->caller.unit);
  g_free(e);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_unref)

static Entry *entry_ref(Entry *e) {
  e->n_refs++;
  return e;
}

/* Takes the name out; who waits gets `error`, who was handed out is gone. */
static void entry_remove(Entry *entry, const GError *error) {
  g_autoptr(Entry) e = entry_ref(entry);
  WgCallers *callers = e->callers;
  Waiting *w = NULL;

  if (!callers)
    return;
  e->callers = NULL;
  e->match = sd_bus_slot_unref(e->match);
  e->query = sd_bus_slot_unref(e->query);
  g_hash_table_remove(callers->names, e->caller.name);
  while ((w = g_queue_pop_head(&e->waiting))) {
    if (w->func) /* else it is being handed on right now */
      w->func(w->m, NULL, error, w->user_data);
    waiting_free(w);
  }
  if (e->known && callers->gone)
    callers->gone(&e->caller, callers->user_data);
}

static void entry_vanished(Entry *e) {
  g_autoptr(GError) error =
      g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                  "The sender %s left the bus before it could be asked about", e->caller.name);
  entry_remove(e, error);
}

/* In order, and until nobody waits or the name is gone. */
static void entry_hand_on(Entry *entry) {
  g_autoptr(Entry) e = entry_ref(entry);
  while (e->callers && !g_queue_is_empty(&e->waiting)) {
    /* it stays at the head meanwhile, so that a new call is put behind it */
    Waiting *w = g_queue_peek_head(&e->waiting);
    WgCallerFunc func = g_steal_pointer(&w->func);
    if (!func)
      return; /* below our own callback: the outer turn goes on */
    sd_bus_message *m = sd_bus_message_ref(w->m);
    func(m, &e->caller, NULL, w->user_data);
    sd_bus_message_unref(m);
    if (e->callers)
      waiting_free(g_queue_pop_head(&e->waiting));
  }
}

static int read_credentials(sd_bus_message *m, uid_t *ret_uid, pid_t *ret_pid) {
  gboolean have_uid = FALSE;
  int r = sd_bus_message_enter_container(m, 'a', "{sv}");
  while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
    const char *key = NULL;
    uint32_t n = 0;
    r = sd_bus_message_read(m, "s", &key);
    if (r >= 0 && (g_str_equal(key, "UnixUserID") || g_str_equal(key, "ProcessID"))) {
      r = sd_bus_message_read(m, "v", "u", &n);
      if (r >= 0 && key[0] == 'U') {
        *ret_uid = (uid_t)n;
        have_uid = TRUE;
      } else if (r >= 0) {
        *ret_pid = (pid_t)n;
      }
    } else if (r >= 0) {
      r = sd_bus_message_skip(m, "v");
    }
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  return r < 0 ? r : have_uid ? 0 : -ENODATA;
}

static char *unit_of(pid_t pid) {
  char *unit = NULL;
  if (pid <= 0 || (sd_pid_get_user_unit(pid, &unit) < 0 && sd_pid_get_unit(pid, &unit) < 0))
    return NULL;
  char *copy = g_strdup(unit);
  free(unit);
  return copy;
}

static void entry_fail(Entry *e, const char *why) {
  g_autoptr(GError) error = g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                                        "Cannot find out who %s is: %s", e->caller.name, why);
  entry_remove(e, error);
}

static int on_credentials(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  Entry *e = user_data;
  const sd_bus_error *failure = sd_bus_message_get_error(m);

  if (failure && sd_bus_error_has_name(failure, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
    entry_vanished(e);
    return 0;
  }
  int r = failure ? 0 : read_credentials(m, &e->caller.uid, &e->caller.pid);
  if (failure || r < 0) {
    entry_fail(e, failure ? failure->message : g_strerror(-r));
    return 0;
  }
  e->query = sd_bus_slot_unref(e->query);
  e->caller.unit = unit_of(e->caller.pid);
  e->known = TRUE;
  entry_hand_on(e);
  return 0;
}

static int on_owner_changed(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  const char *name = NULL, *before = NULL, *after = NULL;
  if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && after[0] == '\0')
    entry_vanished(user_data);
  return 0;
}

/* Without the match nobody would tell when the name vanishes. */
static int on_match_added(sd_bus_message *m, void *user_data, sd_bus_error *reterr) {
  const sd_bus_error *failure = sd_bus_message_get_error(m);
  if (failure)
    entry_fail(user_data, failure->message);
  return 0;
}

static int entry_ask(Entry *e) {
  g_autofree char *rule = g_strdup_printf("type='signal',sender='" DBUS "',path='" DBUS_PATH
                                          "',interface='" DBUS "',member='NameOwnerChanged',"
                                          "arg0='%s'",
                                          e->caller.name);
  int r =
      sd_bus_add_match_async(e->caller.bus, &e->match, rule, on_owner_changed, on_match_added, e);
  if (r < 0)
    return r;
  return sd_bus_call_method_async(e->caller.bus, &e->query, DBUS, DBUS_PATH, DBUS,
                                  "GetConnectionCredentials", on_credentials, e, "s",
                                  e->caller.name);
}

static Entry *entry_new(WgCallers *callers, const char *name) {
  Entry *e = g_new0(Entry, 1);
  e->n_refs = 1;
  e->callers = callers;
  e->caller.id = ++callers->last_id;
  e->caller.uid = (uid_t)-1;
  e->caller.name = g_strdup(name);
  e->caller.bus = callers->bus;
  g_queue_init(&e->waiting);
  g_hash_table_insert(callers->names, e->caller.name, e);
  return e;
}

static void identify_name(WgCallers *callers, const char *name, sd_bus_message *m,
                          WgCallerFunc func, gpointer user_data) {
  Entry *e = g_hash_table_lookup(callers->names, name);
  if (e && e->known && g_queue_is_empty(&e->waiting)) {
    g_autoptr(Entry) held = entry_ref(e);
    func(m, &held->caller, NULL, user_data);
    return;
  }
  gboolean is_new = !e;
  if (is_new)
    e = entry_new(callers, name);
  Waiting *w = g_new0(Waiting, 1);
  w->m = sd_bus_message_ref(m);
  w->func = func;
  w->user_data = user_data;
  g_queue_push_tail(&e->waiting, w);
  int r = is_new ? entry_ask(e) : 0;
  if (r < 0)
    entry_fail(e, g_strerror(-r));
}

void wg_callers_identify(WgCallers *callers, WgPeerServer *peers, sd_bus_message *m,
                         WgCallerFunc func, gpointer user_data) {
  sd_bus *bus = sd_bus_message_get_bus(m);
  WgPeer *peer = wg_peer_from_bus(peers, bus);
  const char *sender = sd_bus_message_get_sender(m);

  if (peer) {
    func(m, wg_callers_add_peer(callers, peer), NULL, user_data);
  } else if (sender && bus && bus == callers->bus) {
    identify_name(callers, sender, m, func, user_data);
  } else {
    g_autoptr(GError) error = g_error_new_literal(
        WG_ERROR, WG_ERROR_NOT_AUTHORIZED, "The connection that this call came from is closed");
    func(m, NULL, error, user_data);
  }
}

WgCaller *wg_callers_add_peer(WgCallers *callers, WgPeer *peer) {
  WgCaller *c = g_hash_table_lookup(callers->peers, peer);
  if (c)
    return c;
  c = g_new0(WgCaller, 1);
  c->id = ++callers->last_id;
  c->uid = wg_peer_uid(peer);
  c->pid = wg_peer_pid(peer);
  c->unit = g_strdup(wg_peer_unit(peer));
  c->bus = wg_peer_bus(peer);
  c->peer = peer;
  g_hash_table_insert(callers->peers, peer, c);
  return c;
}

void wg_callers_remove_peer(WgCallers *callers, WgPeer *peer) {
  WgCaller *c = NULL;
  if (!g_hash_table_steal_extended(callers->peers, peer, NULL, (gpointer *)&c))
    return;
  if (callers->gone)
    callers->gone(c, callers->user_data);
  g_free(c->unit);
  g_free(c);
}

WgCallers *wg_callers_new(WgCallerGoneFunc gone, gpointer user_data) {
  WgCallers *callers = g_new0(WgCallers, 1);
  callers->names =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)entry_unref);
  callers->peers = g_hash_table_new(NULL, NULL);
  callers->gone = gone;
  callers->user_data = user_data;
  return callers;
}

void wg_callers_set_bus(WgCallers *callers, sd_bus *bus) {
  if (bus == callers->bus)
    return;
  g_autoptr(GList) names = g_hash_table_get_values(callers->names);
  sd_bus *before = callers->bus; /* the callers of it point to it until they are gone */
  callers->bus = sd_bus_ref(bus);
  for (GList *l = names; l; l = l->next)
    entry_ref(l->data);
  for (GList *l = names; l; l = l->next) {
    entry_vanished(l->data);
    entry_unref(l->data);
  }
  sd_bus_unref(before);
}

void wg_callers_free(WgCallers *callers) {
  if (!callers)
    return;
  g_autoptr(GList) peers = g_hash_table_get_keys(callers->peers);
  for (GList *l = peers; l; l = l->next)
    wg_callers_remove_peer(callers, l->data);
  wg_callers_set_bus(callers, NULL);
  g_hash_table_unref(callers->names);
  g_hash_table_unref(callers->peers);
  g_free(callers);
}

guint wg_callers_n(WgCallers *callers) {
  return g_hash_table_size(callers->names) + g_hash_table_size(callers->peers);
}
