/* presets.c: the table of presets, and the reading of what all of them share. */
#include "checks/presets-all.h"

#include "common/nearest.h"

#include <string.h>

const ChkPresetType chk_presets[] = {
    {"system-health", chk_preset_system_health,
     "the health endpoint answers 200 with a status (healthy, or degraded: a warning), a version "
     "and "
     "a timestamp",
     chk_preset_expand_system_health},
    {"service-availability", chk_preset_service_availability, "enough of the services answer",
     chk_preset_expand_service_availability},
    {"api-endpoints", chk_preset_api_endpoints, "enough of the endpoints answer as expected",
     chk_preset_expand_api_endpoints},
    {"database-connectivity", chk_preset_database, "each is connected to, written and read back",
     chk_preset_expand_database},
    {"configuration-integrity", chk_preset_configuration,
     "enough of the files are there, readable and have the keys that they need",
     chk_preset_expand_configuration},
    {"performance-baselines", chk_preset_performance,
     "each endpoint answers in time, and not much slower than the recorded baseline",
     chk_preset_expand_performance},
    {"security-posture", chk_preset_security,
     "exposure, listening sockets, set-uid files and headers are no worse than before, and what is "
     "protected stays so",
     chk_preset_expand_security},
    {"external-integrations", chk_preset_external, "each answers; a failure is only a warning",
     chk_preset_expand_external},
    {"monitoring-systems", chk_preset_monitoring, "each source of data answers with some",
     chk_preset_expand_monitoring},
    {"rollback-capability", chk_preset_rollback,
     "the previous release is proven byte by byte, has room and its units' files are right; needs "
     "a "
     "deployment",
     chk_preset_expand_rollback},
    {NULL},
};

/* Options that a preset hands on to each of its checks. */
static const char *const shared[] = {"level",    "attempts",      "pause", "back-off", "successes",
                                     "timeout",  "initial-delay", "tags",  "hint",     "secret",
                                     "priority", "requires",      NULL};

static const ChkPresetType *find(WgReader *reader) {
  const char *name = wg_reader_need(reader, "preset");
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (const ChkPresetType *type = chk_presets; type->name; type++) {
    if (g_strcmp0(type->name, name) == 0)
      return type;
    g_strv_builder_add(names, type->name);
  }
  if (!name)
    return NULL;
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known);
  g_autofree char *all = g_strjoinv(", ", known);
  wg_reader_problem(reader, "preset", "unknown preset \"%s\"; %s%s", name,
                    hint ? hint : "there are ", hint ? "" : all);
  return NULL;
}

void chk_load_preset(ChkLoad *load, JsonNode *node, const char *pointer) {
  WgReader *reader = wg_reader_new(load->doc, node, pointer, load->problems);
  const ChkPresetType *type = find(reader);

  if (!type) {
    wg_reader_drop(reader);
    return;
  }
  g_autoptr(JsonObject) common = json_object_new();
  g_autoptr(JsonArray) members = json_array_new();
  g_autofree char *title = g_strdup(wg_reader_text(reader, "name", type->name));
  ChkPreset preset = {load, reader, pointer, title, common, members};
  for (guint i = 0; shared[i]; i++) {
    JsonNode *option = wg_reader_node(reader, shared[i]);
    if (option)
      json_object_set_member(common, shared[i], json_node_ref(option));
  }
  for (const ChkKey *key = type->options; key && key->name; key++)
    wg_reader_know(reader, key->name);
  type->expand(&preset);
  wg_reader_end(reader);
}
