/* settle-watch.c: see settle-watch.h. */
#include "checks/settle-watch.h"

#include "checks/bus-json.h"
#include "checks/unit-ask.h"

#include "common/bus-variant.h"
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_USEC (10 * G_USEC_PER_SEC)

typedef struct {
  ChkSettleWatch *watch;
  guint index;
  char *name;
  gboolean primed; /* it has answered once; what changed before is in the answer */
  sd_bus_slot *match;
  ChkUnitAsk *ask;
} Watched;

struct ChkSettleWatch {
  ChkWorld *world;
  sd_bus *bus;
  GPtrArray *units; /* (element-type Watched) */
  sd_bus_slot *owner;
  guint n_waiting;
  const ChkSettleWatchFuncs *funcs;
  gpointer user_data;
};

static void watched_free(gpointer data) {
  Watched *w = data;

  sd_bus_slot_unref(w->match);
  g_clear_pointer(&w->ask, chk_unit_ask_drop);
  g_free(w->name);
  g_free(w);
}

void chk_settle_watch_free(ChkSettleWatch *watch) {
  sd_bus_slot_unref(watch->owner);
  g_ptr_array_unref(watch->units);
  sd_bus_unref(watch->bus);
  g_free(watch);
}

static void on_properties(JsonObject *properties, const GError *error, gpointer user_data) {
  Watched *w = user_data;
  ChkSettleWatch *watch = w->watch;

  w->ask = NULL;
  if (error) {
    g_autofree char *why = g_strdup_printf("%s: %s", w->name, error->message);
    watch->funcs->lost(why, watch->user_data);
    return;
  }
  w->primed = TRUE;
  watch->n_waiting--;
  if (watch->funcs->unit(w->index, properties, watch->user_data) && watch->n_waiting == 0)
    watch->funcs->all(watch->user_data);
}

/* FALSE: `lost` was not called, the error tells. */
static gboolean ask(ChkSettleWatch *watch, GError **error) {
  watch->n_waiting = watch->units->len;
  for (guint i = 0; i < watch->units->len; i++) {
    Watched *w = watch->units->pdata[i];
    g_clear_pointer(&w->ask, chk_unit_ask_drop);
    w->ask = chk_unit_ask(watch->world, w->name, ASK_USEC, on_properties, w, error);
    if (w->ask == NULL)
      return FALSE;
  }
  return TRUE;
}

void chk_settle_watch_ask(ChkSettleWatch *watch) {
  g_autoptr(GError) error = NULL;

  if (!ask(watch, &error))
    watch->funcs->lost(error->message, watch->user_data);
}

/* sa{sv}as */
static int on_changed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Watched *w = data;
  const char *interface;

  if (!w->primed || sd_bus_message_read(m, "s", &interface) < 0)
    return 0;
  g_autoptr(GVariant) dict = wg_variant_read(m, NULL);
  if (dict == NULL || !g_variant_is_of_type(dict, G_VARIANT_TYPE_VARDICT))
    return 0;
  g_autoptr(JsonNode) node = chk_bus_json(dict);
  w->watch->funcs->unit(w->index, json_node_get_object(node), w->watch->user_data);
  return 0;
}

/* One that is executed anew is back at once; what it did not tell meanwhile shows at the end. */
static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  ChkSettleWatch *watch = data;
  const char *name, *old, *new;

  if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
    return 0;
  if (*new == 0)
    watch->funcs->lost("systemd has left the bus", watch->user_data);
  return 0;
}

static int watch_unit(ChkSettleWatch *watch, Watched *w) {
  char *path = chk_unit_path(w->name);
  int r = path ? sd_bus_match_signal_async(watch->bus, &w->match, WG_BUS_SYSTEMD, path,
                                           WG_IFACE_PROPERTIES, "PropertiesChanged", on_changed,
                                           NULL, w)
               : -ENOMEM;

  free(path);
  return r;
}

/* Without it a manager tells only those who asked about a job of their own. */
static int subscribe(ChkSettleWatch *watch) {
  return sd_bus_call_method_async(watch->bus, NULL, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                  WG_IFACE_SYSTEMD_MANAGER, "Subscribe", NULL, NULL, "");
}

ChkSettleWatch *chk_settle_watch_new(ChkWorld *world, const char *const *units,
                                     const ChkSettleWatchFuncs *funcs, gpointer user_data,
                                     GError **error) {
  sd_bus *bus = chk_world_manager(world, error);

  if (bus == NULL)
    return NULL;
  ChkSettleWatch *watch = g_new0(ChkSettleWatch, 1);
  *watch = (ChkSettleWatch){.world = world,
                            .bus = sd_bus_ref(bus),
                            .units = g_ptr_array_new_with_free_func(watched_free),
                            .funcs = funcs,
                            .user_data = user_data};
  int r = sd_bus_add_match_async(bus, &watch->owner, WG_MATCH_SYSTEMD_OWNER, on_owner, NULL, watch);
  if (r >= 0)
    r = subscribe(watch);
  for (guint i = 0; units[i] && r >= 0; i++) {
    Watched *w = g_new0(Watched, 1);
    *w = (Watched){.watch = watch, .index = i, .name = g_strdup(units[i])};
    g_ptr_array_add(watch->units, w);
    r = watch_unit(watch, w);
  }
  if (r < 0)
    wg_error_set_errno(error, r, "the changes of units cannot be watched");
  if (r >= 0 && ask(watch, error))
    return watch;
  chk_settle_watch_free(watch);
  return NULL;
}
