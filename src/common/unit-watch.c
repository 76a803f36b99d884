/* unit-watch.c: see unit-watch.h.
 *
 * The match is asked for before the state, so no change falls between the two. systemd tells a
 * change in two signals, of the kind of unit first and then of the unit: only the second one is
 * passed on, when both are known. */
#include "common/unit-watch.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>

typedef struct {
  WgUnitWatch *watch;
  WgUnitState *state;
  gboolean known;
  char *path;
  sd_bus_slot *match, *call;
} Watched;

struct WgUnitWatch {
  sd_bus *bus;
  GPtrArray *units; /* Watched */
  WgUnitChangedFunc changed;
  gpointer user_data;
  sd_bus_slot *lost, *owner, *subscribe;
  guint later; /* the end of a watch that could not begin */
  int error;
};

static void watched_free(gpointer data) {
  Watched *unit = data;

  sd_bus_slot_unref(unit->match);
  sd_bus_slot_unref(unit->call);
  wg_unit_state_free(unit->state);
  g_free(unit->path);
  g_free(unit);
}

void wg_unit_watch_free(WgUnitWatch *watch) {
  if (watch == NULL)
    return;
  g_clear_handle_id(&watch->later, g_source_remove);
  g_ptr_array_unref(watch->units);
  sd_bus_slot_unref(watch->lost);
  sd_bus_slot_unref(watch->owner);
  sd_bus_slot_unref(watch->subscribe);
  sd_bus_unref(watch->bus);
  g_free(watch);
}

/* The last thing that is done: the watch may be gone after it. */
static void lose(WgUnitWatch *watch, const char *why) {
  g_autoptr(GError) error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, why);
  WgUnitChangedFunc changed = g_steal_pointer(&watch->changed);

  watch->lost = sd_bus_slot_unref(watch->lost);
  watch->owner = sd_bus_slot_unref(watch->owner);
  for (guint i = 0; i < watch->units->len; i++) {
    Watched *unit = watch->units->pdata[i];
    unit->match = sd_bus_slot_unref(unit->match);
    unit->call = sd_bus_slot_unref(unit->call);
  }
  if (changed)
    changed(watch, NULL, error, watch->user_data);
}

static int on_lost(sd_bus_message *m, void *data, sd_bus_error *ret) {
  lose(data, "the connection to systemd was lost; what its units did since is not known");
  return 0;
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  lose(data, "systemd was executed anew or has ended; what its units did meanwhile is not known");
  return 0;
}

static int on_change(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Watched *unit = data;
  const char *interface;

  if (!unit->known) /* the answer that is to come is newer */
    return 0;
  if (sd_bus_message_read(m, "s", &interface) < 0 || wg_unit_state_read(unit->state, m) < 0)
    return 0;
  if (strcmp(interface, WG_IFACE_SYSTEMD_UNIT) == 0)
    unit->watch->changed(unit->watch, unit->state, NULL, unit->watch->user_data);
  return 0;
}

static int follow(Watched *unit, const char *name);

static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Watched *unit = data;
  WgUnitWatch *watch = unit->watch;

  if (e || wg_unit_state_read(unit->state, m) < 0) {
    g_autofree char *text =
        g_strdup_printf("systemd does not tell how %s is: %s", unit->state->name,
                        e && e->message ? e->message : "no answer");
    lose(watch, text);
    return 1;
  }
  g_autofree char *path = wg_unit_path(unit->state->id);
  if (strcmp(path, unit->path) != 0) { /* an alias: the changes are told of the real one */
    if (follow(unit, unit->state->id) < 0)
      lose(watch, "systemd cannot be asked");
    return 1;
  }
  unit->known = TRUE;
  watch->changed(watch, unit->state, NULL, watch->user_data);
  return 1;
}

static int follow(Watched *unit, const char *name) {
  sd_bus *bus = unit->watch->bus;

  g_free(unit->path);
  unit->path = wg_unit_path(name);
  unit->match = sd_bus_slot_unref(unit->match);
  unit->call = sd_bus_slot_unref(unit->call);
  int r =
      sd_bus_match_signal_async(bus, &unit->match, WG_BUS_SYSTEMD, unit->path, WG_IFACE_PROPERTIES,
                                "PropertiesChanged", on_change, NULL, unit);
  return r < 0 ? r
               : sd_bus_call_method_async(bus, &unit->call, WG_BUS_SYSTEMD, unit->path,
                                          WG_IFACE_PROPERTIES, "GetAll", on_state, unit, "s", "");
}

static int ignore(sd_bus_message *m, void *data, sd_bus_error *ret) {
  return 1;
}

static int begin(WgUnitWatch *watch, const char *const *names) {
  int r = sd_bus_match_signal_async(watch->bus, &watch->lost, WG_BUS_LOCAL, WG_PATH_LOCAL,
                                    WG_IFACE_LOCAL, "Disconnected", on_lost, NULL, watch);

  if (r >= 0)
    r = sd_bus_add_match_async(watch->bus, &watch->owner, WG_MATCH_SYSTEMD_OWNER, on_owner, NULL,
                               watch);
  if (r >= 0) /* systemd sends signals only to who asks for them; asking twice does no harm */
    r = sd_bus_call_method_async(watch->bus, &watch->subscribe, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                 WG_IFACE_SYSTEMD_MANAGER, "Subscribe", ignore, NULL, "");
  for (guint i = 0; r >= 0 && names[i]; i++) {
    Watched *unit = g_new0(Watched, 1);
    *unit = (Watched){.watch = watch, .state = wg_unit_state_new(names[i])};
    g_ptr_array_add(watch->units, unit);
    r = follow(unit, names[i]);
  }
  return r;
}

static gboolean could_not_begin(gpointer data) {
  WgUnitWatch *watch = data;
  g_autofree char *text = g_strdup_printf("systemd cannot be asked: %s", g_strerror(-watch->error));

  watch->later = 0;
  lose(watch, text);
  return G_SOURCE_REMOVE;
}

WgUnitWatch *wg_unit_watch_new(sd_bus *bus, const char *const *names, WgUnitChangedFunc changed,
                               gpointer user_data) {
  WgUnitWatch *watch = g_new0(WgUnitWatch, 1);

  *watch = (WgUnitWatch){.bus = sd_bus_ref(bus),
                         .units = g_ptr_array_new_with_free_func(watched_free),
                         .changed = changed,
                         .user_data = user_data};
  watch->error = begin(watch, names);
  if (watch->error < 0)
    watch->later = g_idle_add_full(G_PRIORITY_DEFAULT, could_not_begin, watch, NULL);
  return watch;
}

gboolean wg_unit_watch_ready(const WgUnitWatch *watch) {
  for (guint i = 0; i < watch->units->len; i++)
    if (!((Watched *)watch->units->pdata[i])->known)
      return FALSE;
  return watch->changed != NULL;
}

const WgUnitState *wg_unit_watch_state(const WgUnitWatch *watch, const char *name) {
  for (guint i = 0; i < watch->units->len; i++) {
    const Watched *unit = watch->units->pdata[i];
    if (strcmp(unit->state->name, name) == 0)
      return unit->known ? unit->state : NULL;
  }
  return NULL;
}
