/* event.c: see event.h. A listener that goes during a round is only marked, and dropped after it.
 */
#include "monitoring/event.h"

typedef struct {
  guint id;
  MonEventFunc func; /* NULL: gone */
  gpointer user_data;
} Listener;

struct MonEvents {
  GArray *listeners;
  guint last_id, depth;
};

const char *mon_event_name(MonEventKind kind) {
  static const char *const names[_MON_EVENT_MAX] = {
      [MON_EVENT_UNIT] = "unit",         [MON_EVENT_OOM] = "oom",
      [MON_EVENT_COREDUMP] = "coredump", [MON_EVENT_START_LIMIT] = "start-limit",
      [MON_EVENT_WATCHDOG] = "watchdog", [MON_EVENT_SERVICE] = "service",
      [MON_EVENT_PROBE] = "probe",       [MON_EVENT_DEPLOYMENT] = "deployment",
      [MON_EVENT_BUS] = "bus",
  };

  return names[kind];
}

MonEvents *mon_events_new(void) {
  MonEvents *events = g_new0(MonEvents, 1);

  events->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
  return events;
}

void mon_events_free(MonEvents *events) {
  if (events == NULL)
    return;
  g_array_unref(events->listeners);
  g_free(events);
}

guint mon_events_listen(MonEvents *events, MonEventFunc func, gpointer user_data) {
  Listener listener = {++events->last_id, func, user_data};

  g_array_append_val(events->listeners, listener);
  return listener.id;
}

static void sweep(MonEvents *events) {
  for (guint i = events->listeners->len; i > 0; i--)
    if (g_array_index(events->listeners, Listener, i - 1).func == NULL)
      g_array_remove_index(events->listeners, i - 1);
}

void mon_events_unlisten(MonEvents *events, guint id) {
  for (guint i = 0; i < events->listeners->len; i++)
    if (g_array_index(events->listeners, Listener, i).id == id)
      g_array_index(events->listeners, Listener, i).func = NULL;
  if (events->depth == 0)
    sweep(events);
}

void mon_events_emit(MonEvents *events, const MonEvent *event) {
  guint n = events->listeners->len; /* who comes meanwhile hears the next one */

  events->depth++;
  for (guint i = 0; i < n; i++) {
    Listener listener = g_array_index(events->listeners, Listener, i);
    if (listener.func != NULL)
      listener.func(event, listener.user_data);
  }
  if (--events->depth == 0)
    sweep(events);
}
