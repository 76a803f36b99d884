/* probes-queue.c: how much mail waits for an agent, asked of the messaging service over the bus:
 * one bounded call, on the loop. */
#include "monitoring/probes-private.h"

#include "common/names.h"

#include <string.h>

static int on_answer(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonProbe *probe = data;
  const sd_bus_error *e = sd_bus_message_get_error(m);
  MonProbeLook look = {.verdict = MON_ERROR, .text = "the messaging service gave no number"};
  g_autofree char *text = NULL;
  guint64 queued = 0;

  probe->call = sd_bus_slot_unref(probe->call);
  look.duration = (guint64)(wg_time_boottime() - probe->began);
  if (e != NULL) {
    text = g_strdup_printf("%s: %s", e->name, e->message ? e->message : "");
    look.text = text;
  } else if (sd_bus_message_read(m, "v", "t", &queued) >= 0) {
    g_autoptr(JsonObject) values = json_object_new();
    json_object_set_int_member(values, "queued", (gint64)queued);
    look.verdict = queued <= probe->spec->at_most ? MON_PASS : MON_FAIL;
    text =
        g_strdup_printf("%" G_GUINT64_FORMAT " wait for %s, at most %" G_GUINT64_FORMAT " should",
                        queued, probe->spec->subject, probe->spec->at_most);
    look.text = look.verdict == MON_PASS ? "" : text;
    look.values = values;
    mon_probe_result(probe, &look);
    return 1;
  }
  mon_probe_result(probe, &look);
  return 1;
}

void mon_probe_ask_queue(MonProbe *probe, sd_bus *bus) {
  MonProbeLook look = {.verdict = MON_ERROR,
                       .text = "there is no bus to ask the messaging service on"};
  sd_bus_message *m = NULL;
  char *path = NULL;
  int r = bus ? sd_bus_path_encode(WG_PATH_MESSAGING_AGENT, probe->spec->subject, &path) : -1;

  if (r >= 0)
    r = sd_bus_message_new_method_call(bus, &m, WG_BUS_MESSAGING, path, WG_IFACE_PROPERTIES, "Get");
  if (r >= 0)
    r = sd_bus_message_append(m, "ss", WG_IFACE_AGENT, "Queued");
  if (r >= 0)
    r = sd_bus_call_async(bus, &probe->call, m, on_answer, probe, probe->spec->timeout);
  free(path);
  sd_bus_message_unref(m);
  if (r < 0)
    mon_probe_result(probe, &look);
}
