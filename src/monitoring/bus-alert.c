/* bus-alert.c: org.waggle.Monitoring1.Alert: each alert that is pending or fires is an object, and
 * Transition tells of each of its arrows. */
#include "monitoring/bus-alerts.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

static const MonTransition *of_path(MonDaemon *daemon, const char *path) {
  g_autofree char *fingerprint = NULL;
  char *decoded = NULL;

  if (daemon->alerts == NULL || sd_bus_path_decode(path, WG_PATH_MONITORING_ALERT, &decoded) <= 0)
    return NULL;
  fingerprint = g_strdup(decoded);
  free(decoded);
  return mon_alerts_find(daemon->alerts, fingerprint);
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
  if (of_path(userdata, path) == NULL)
    return 0;
  *ret_found = userdata;
  return 1;
}

static void add_path(const MonTransition *transition, gpointer user_data) {
  g_autofree char *path = mon_object_path(WG_PATH_MONITORING_ALERT, transition->fingerprint);
  GPtrArray *paths = user_data;

  if (path != NULL)
    g_ptr_array_add(paths, strdup(path)); /* sd-bus frees them */
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
  MonDaemon *daemon = userdata;
  g_autoptr(GPtrArray) paths = g_ptr_array_new();

  if (daemon->alerts != NULL)
    mon_alerts_each(daemon->alerts, add_path, paths);
  char **nodes = calloc(paths->len + 1, sizeof *nodes);
  if (nodes == NULL)
    return -ENOMEM;
  for (guint i = 0; i < paths->len; i++)
    nodes[i] = paths->pdata[i];
  *ret_nodes = nodes;
  return 0;
}

static int append_labels(sd_bus_message *reply, const MonLabels *labels) {
  int r = sd_bus_message_open_container(reply, 'a', "{ss}");

  for (guint i = 0; r >= 0 && labels != NULL && i < mon_labels_n(labels); i++) {
    const char *name, *value;
    mon_labels_nth(labels, i, &name, &value);
    r = sd_bus_message_append(reply, "{ss}", name, value);
  }
  return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_text(sd_bus_message *reply, const char *text) {
  return sd_bus_message_append_basic(reply, 's', text != NULL ? text : "");
}

static int append_time(sd_bus_message *reply, gint64 usec) {
  guint64 time = (guint64)MAX(usec, 0);

  return sd_bus_message_append_basic(reply, 't', &time);
}

static int append_flag(sd_bus_message *reply, gboolean flag) {
  int value = flag != FALSE;

  return sd_bus_message_append_basic(reply, 'b', &value);
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;
  const MonTransition *is = of_path(daemon, path);

  if (is == NULL || !wg_calls_may_look(daemon->calls, bus))
    return is == NULL ? -ENOENT : -EACCES;
  switch (property[0]) {
  case 'L':
    return append_labels(reply, is->labels);
  case 'S':
    return append_text(reply, property[1] != 't'    ? is->severity
                              : is->unknown_at != 0 ? mon_alert_shown_state(is)
                                                    : mon_alert_state_name(is->state));
  case 'R':
    return append_text(reply, is->rule);
  case 'C':
    return append_text(reply, is->cause);
  case 'V':
    return sd_bus_message_append_basic(reply, 'd', &is->value);
  case 'D':
    return append_flag(reply, is->is_drill);
  case 'F':
    return property[1] == 'i' ? append_time(reply, is->fired_at) : append_flag(reply, is->flapping);
  default:
    break;
  }
  if (strcmp(property, "Annotations") == 0)
    return append_labels(reply, is->annotations);
  if (strcmp(property, "ActiveAt") == 0)
    return append_time(reply, is->active_at);
  return append_flag(reply, is->acknowledged);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Labels", "a{ss}", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Severity", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Rule", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Drill", "b", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Annotations", "a{ss}", get, 0, CHANGES),
    SD_BUS_PROPERTY("State", "s", get, 0, CHANGES),
    SD_BUS_PROPERTY("Value", "d", get, 0, 0),
    SD_BUS_PROPERTY("ActiveAt", "t", get, 0, CHANGES),
    SD_BUS_PROPERTY("FiredAt", "t", get, 0, CHANGES),
    SD_BUS_PROPERTY("Acknowledged", "b", get, 0, CHANGES),
    SD_BUS_PROPERTY("Flapping", "b", get, 0, CHANGES),
    SD_BUS_PROPERTY("Cause", "s", get, 0, CHANGES),
    SD_BUS_VTABLE_END,
};

static const MonMethod methods[] = {{NULL}};

const MonInterface mon_interface_alert = {
    WG_PATH_MONITORING_ALERT, WG_IFACE_MONITORING_ALERT, vtable, methods, find, enumerate,
};

void mon_alert_object_changed(MonDaemon *daemon, const MonTransition *t) {
  static const char *const names[] = {"State",        "Annotations", "ActiveAt", "FiredAt",
                                      "Acknowledged", "Flapping",    "Cause",    NULL};
  g_autofree char *path = mon_object_path(WG_PATH_MONITORING_ALERT, t->fingerprint);
  g_autofree char *text = mon_transition_text(t);
  gboolean is_new = t->kind == MON_TRANSITION_PENDING ||
                    (t->kind == MON_TRANSITION_UNKNOWN && t->active_at == t->unknown_at) ||
                    (t->kind == MON_TRANSITION_FIRING && t->active_at == t->fired_at);
  gboolean is_there = mon_alerts_find(daemon->alerts, t->fingerprint) != NULL;

  if (daemon->calls == NULL || path == NULL)
    return;
  wg_calls_signal(daemon->calls, WG_PATH_MONITORING, WG_IFACE_MONITORING_ALERTS, "Transition",
                  g_variant_new("(tsss)", (guint64)t->seq, mon_transition_kind_name(t->kind),
                                t->fingerprint, text));
  if (!is_there || is_new)
    wg_calls_object(daemon->calls, path, is_there);
  else
    wg_calls_changed(daemon->calls, path, WG_IFACE_MONITORING_ALERT, names);
}
