/* bus-service.c: org.waggle.Monitoring1.Service: one object for each service. */
#include "monitoring/bus-registry.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

static MonServiceEntry *entry_at(MonDaemon *daemon, const char *path) {
  char *name = NULL;
  MonServiceEntry *e = NULL;

  if (sd_bus_path_decode(path, WG_PATH_MONITORING_SERVICE, &name) > 0)
    e = mon_registry_find(daemon->registry, name);
  free(name);
  return e;
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
  MonDaemon *daemon = userdata;

  if (entry_at(daemon, path) == NULL)
    return 0;
  *ret_found = daemon;
  return 1;
}

static gboolean add_path(MonServiceEntry *e, gpointer data) {
  g_autofree char *path = mon_object_path(WG_PATH_MONITORING_SERVICE, e->spec->name);

  if (path)
    g_ptr_array_add(data, strdup(path)); /* sd-bus frees them with free() */
  return TRUE;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
  MonDaemon *daemon = userdata;
  g_autoptr(GPtrArray) paths = g_ptr_array_new();

  mon_registry_each(daemon->registry, add_path, paths);
  char **nodes = calloc(paths->len + 1, sizeof(char *));
  for (guint i = 0; i < paths->len; i++)
    nodes[i] = paths->pdata[i];
  *ret_nodes = nodes;
  return 0;
}

static int append_endpoints(sd_bus_message *m, const MonServiceSpec *spec) {
  int r = sd_bus_message_open_container(m, 'a', "(ss)");

  for (guint i = 0; r >= 0 && i < spec->endpoints->len; i++) {
    const MonEndpoint *endpoint = spec->endpoints->pdata[i];
    r = sd_bus_message_append(m, "(ss)", endpoint->name, endpoint->address);
  }
  return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_probes(sd_bus_message *m, const MonServiceEntry *e) {
  int r = sd_bus_message_open_container(m, 'a', "(sss)");

  for (guint i = 0; r >= 0 && i < e->probes->len; i++) {
    const MonProbe *probe = e->probes->pdata[i];
    r = sd_bus_message_append(m, "(sss)", probe->spec->name, probe->spec->type,
                              mon_probe_state_text(probe));
  }
  return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The reason of what was looked at may quote it. */
static const char *open_reason(const MonServiceEntry *e) {
  return e->state == MON_SERVICE_GONE || e->state == MON_SERVICE_MAINTENANCE ? e->reason : "";
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;
  MonServiceEntry *e = entry_at(daemon, path);

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  if (e == NULL)
    return -ENOENT;
  const struct {
    const char *name, *text;
  } texts[] = {{"Name", e->spec->name},
               {"State", mon_service_state_name(e->state)},
               {"Reason", open_reason(e)},
               {"Unit", e->spec->unit ? e->spec->unit : ""},
               {"Source", mon_source_name(e->source)}};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (strcmp(property, texts[i].name) == 0)
      return sd_bus_message_append_basic(reply, 's', texts[i].text);
  if (strcmp(property, "Tags") == 0)
    return sd_bus_message_append_strv(reply, e->spec->tags);
  if (strcmp(property, "Capabilities") == 0)
    return sd_bus_message_append_strv(reply, e->spec->capabilities);
  if (strcmp(property, "Endpoints") == 0)
    return append_endpoints(reply, e->spec);
  if (strcmp(property, "Probes") == 0)
    return append_probes(reply, e);
  return sd_bus_message_append_basic(reply, 't', &e->revision);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get, 0, flags)

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    PROPERTY("Name", "s", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY("State", "s", CHANGES),
    PROPERTY("Reason", "s", CHANGES),
    PROPERTY("Revision", "t", CHANGES),
    PROPERTY("Unit", "s", 0),
    PROPERTY("Source", "s", 0),
    PROPERTY("Tags", "as", 0),
    PROPERTY("Capabilities", "as", 0),
    PROPERTY("Endpoints", "a(ss)", 0),
    PROPERTY("Probes", "a(sss)", 0),
    SD_BUS_VTABLE_END,
};

static const MonMethod methods[] = {{NULL}};

const MonInterface mon_interface_service = {
    WG_PATH_MONITORING_SERVICE, WG_IFACE_MONITORING_SERVICE, vtable, methods, find, enumerate,
};
