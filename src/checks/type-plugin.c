/* type-plugin.c: a monitoring plugin (check_disk, check_http and thousands more), run unchanged.
 *
 * Its exit status is the state: 0 ok, 1 warning, 2 critical, 3 unknown. A check without "expect"
 * and "warn" fails when it is critical and warns when it warns; what it cannot tell ("unknown", and
 * any other status) is an error, never a pass. */
#include "checks/command-run.h"
#include "checks/local.h"
#include "checks/perfdata.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <math.h>
#include <string.h>

static const ChkKey options[] = {CHK_COMMAND_OPTIONS, {NULL}};

static const ChkKey values[] = {
    {"state", CHK_TEXT, "ok, warning or critical; unknown is an error"},
    {"text", CHK_TEXT, "its first line, without performance data"},
    {"long-text", CHK_TEXT, "the lines after it"},
    {"perfdata", CHK_JSON,
     "{label: {value, unit, warn, critical, min, max, over-warn, over-critical}}; no value: U"},
    {"duration", CHK_USEC, "how long it ran"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  ChkCommand *command;
} PluginLook;

static void finish(PluginLook *p, ChkSight *sight) {
  g_clear_pointer(&p->command, chk_command_drop);
  chk_pending_end(&p->pending, sight);
  g_free(p);
}

static void stop(gpointer owner) {
  PluginLook *p = owner;
  ChkSight sight = {0};

  chk_unknown(&sight, "%s: it did not end in time", p->pending.look->subject);
  finish(p, &sight);
}

static void set_range(JsonObject *to, const char *key, const char *over, const char *text,
                      const ChkRange *range, const ChkPerf *perf) {
  if (!range->set)
    return;
  chk_set_text(to, key, text);
  if (!perf->unknown)
    json_object_set_boolean_member(to, over, chk_range_alerts(range, perf->value));
}

/* A whole number stays one, so that it is shown as the plugin wrote it. */
static void set_number(JsonObject *to, const char *key, double number) {
  if (floor(number) == number && fabs(number) < 9e15)
    json_object_set_int_member(to, key, (gint64)number);
  else
    json_object_set_double_member(to, key, number);
}

static JsonObject *perf_json(const ChkPerf *perf) {
  JsonObject *object = json_object_new();

  if (!perf->unknown)
    set_number(object, "value", perf->value);
  if (*perf->uom)
    chk_set_text(object, "unit", perf->uom);
  set_range(object, "warn", "over-warn", perf->warn_text, &perf->warn, perf);
  set_range(object, "critical", "over-critical", perf->critical_text, &perf->critical, perf);
  if (perf->has_min)
    set_number(object, "min", perf->min);
  if (perf->has_max)
    set_number(object, "max", perf->max);
  return object;
}

static JsonObject *tell(const ChkPlugin *plugin, const WgRunEnd *end) {
  static const char *const states[] = {"ok", "warning", "critical"};
  JsonObject *seen = json_object_new(), *perf = json_object_new();

  chk_set_text(seen, "state", states[end->code]);
  chk_set_text(seen, "text", plugin->text);
  chk_set_text(seen, "long-text", plugin->long_text);
  for (guint i = 0; i < plugin->perf->len; i++) {
    const ChkPerf *each = plugin->perf->pdata[i];
    json_object_set_object_member(perf, each->label, perf_json(each));
  }
  json_object_set_object_member(seen, "perfdata", perf);
  json_object_set_int_member(seen, "duration", (gint64)end->duration);
  return seen;
}

static void on_done(const WgRunEnd *end, gpointer user_data) {
  PluginLook *p = user_data;
  const char *subject = p->pending.look->subject;
  g_autofree char *out = chk_command_text(end->out), *err = chk_command_text(end->err);
  g_autoptr(ChkPlugin) plugin = chk_plugin_parse(out);
  const char *said = *plugin->text ? plugin->text : g_strchomp(err);
  ChkSight sight = {0};

  p->command = NULL;
  if (!chk_command_ran(end, subject, &sight)) {
    /* the reason stands in the sight */
  } else if (end->how != WG_RUN_EXITED || end->code > 2) {
    chk_unknown(&sight, "%s: %s%s%s", subject,
                end->how == WG_RUN_EXITED && end->code == 3 ? "it does not know" : end->text,
                *said ? ": " : "", said);
  } else {
    chk_observed(&sight, tell(plugin, end));
    sight.text = plugin->bad == 0 ? g_strdup(plugin->text)
                                  : g_strdup_printf("%s (performance data that cannot be read: %s)",
                                                    plugin->text, plugin->first_bad);
  }
  finish(p, &sight);
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  PluginLook *p = g_new0(PluginLook, 1);
  g_autoptr(GError) error = NULL;
  ChkSight sight = {0};

  chk_pending_begin(&p->pending, look, seen, user_data, stop, p);
  p->command = chk_command_start(look, NULL, chk_pending_left(&p->pending), on_done, p, &error);
  if (p->command)
    return;
  chk_unknown(&sight, "%s", error->message);
  finish(p, &sight);
}

const ChkType chk_type_plugin = {
    .name = "plugin",
    .subject_help = "a plugin and its arguments, or a name when \"argv\" is given",
    .options = options,
    .values = values,
    .default_value = "{\"state\": {\"in\": [\"ok\", \"warning\"]}}",
    .default_warn = "{\"state\": \"ok\"}",
    .start = start,
    .validate = chk_subject_plugin,
};
