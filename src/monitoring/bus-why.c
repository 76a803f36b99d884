/* bus-why.c: Why and Top of org.waggle.Monitoring1. */
#include "monitoring/bus-why.h"

#include "monitoring/deployments.h"
#include "monitoring/inventory.h"
#include "monitoring/metrics.h"
#include "monitoring/why.h"

#include "common/error.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define LINES_MAX 10

typedef struct {
  MonCall *call;
  char *unit;
  JsonObject *answer;
  MonSymptoms symptoms;
  gboolean is_admin;
  JsonArray *lines; /* of the journal; NULL: not for this caller, or it cannot be read */
  char *unread;     /* why not */
} Question;

static void answer_json(MonCall *call, JsonObject *object) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

  json_node_take_object(node, object);
  g_autofree char *text = json_to_string(node, FALSE);
  wg_call_answer(call, g_variant_new("(s)", text));
}

void mon_handle_top(MonCall *call) {
  answer_json(call, mon_top(call->owner));
}

/* ---- why ---- */
static void add_state(Question *question) {
  MonDaemon *daemon = question->call->owner;
  const MonUnit *unit = mon_inventory_unit(daemon->inventory, question->unit);
  JsonObject *o = question->answer;

  if (!unit)
    return;
  const WgUnitState *state = unit->state;
  g_autofree char *text = wg_unit_state_text(state);
  mon_why_text(o, "description", state->description);
  json_object_set_string_member(o, "state", text);
  mon_why_text(o, "active", state->active);
  mon_why_text(o, "result", state->result);
  mon_why_text(o, "slice", state->slice);
  mon_why_text(o, "invocation", state->invocation);
  if (state->active_since)
    json_object_set_int_member(o, "active_since_usec", (gint64)state->active_since);
  json_object_set_int_member(o, "restarts", state->n_restarts);
  question->symptoms.active = json_object_get_string_member_with_default(o, "active", NULL);
  question->symptoms.state_text = json_object_get_string_member(o, "state");
}

static void add_values(Question *question) {
  MonDaemon *daemon = question->call->owner;
  MonSymptoms *s = &question->symptoms;
  double values[MON_CG_N], cpu;
  JsonObject *o = question->answer;

  s->memory = s->memory_max = s->memory_high = s->tasks = s->tasks_max = NAN;
  s->oom_kills = s->restarts = NAN;
  s->cpu_throttled = s->cpu_waiting = s->memory_waiting = s->io_waiting = NAN;
  if (!mon_unit_metrics_get(mon_metrics_units(daemon->metrics), question->unit, values, &cpu))
    return;
  s->memory = values[MON_CG_MEMORY];
  s->memory_max = values[MON_CG_MEMORY_MAX];
  s->memory_high = values[MON_CG_MEMORY_HIGH];
  s->tasks = values[MON_CG_TASKS];
  s->tasks_max = values[MON_CG_TASKS_MAX];
  mon_json_number(o, "cpu", cpu);
  mon_json_number(o, "memory", s->memory);
  mon_json_number(o, "memory_peak", values[MON_CG_MEMORY_PEAK]);
  mon_json_number(o, "memory_max", s->memory_max);
  mon_json_number(o, "memory_swap", values[MON_CG_MEMORY_SWAP]);
  mon_json_number(o, "tasks", s->tasks);
  mon_json_number(o, "oom_kills", values[MON_CG_OOM_KILLS]);
}

static void add_rest(Question *question) {
  MonDaemon *daemon = question->call->owner;
  JsonObject *o = question->answer;
  const char *window = mon_deployments_window(daemon->deployments, question->unit);

  mon_why_text(o, "release", mon_deployments_release(daemon->deployments, question->unit));
  mon_why_text(o, "deployment", window);
  question->symptoms.window = json_object_get_string_member_with_default(o, "deployment", NULL);
  json_object_set_array_member(o, "alerts",
                               mon_top_alerts(daemon, question->unit, &question->symptoms.alerts));
}

static void finish(Question *question) {
  const MonSymptoms *s = &question->symptoms;
  JsonObject *o = question->answer;
  JsonObject *shares = json_object_new();

  mon_json_number(shares, "cpu_throttled", s->cpu_throttled);
  mon_json_number(shares, "cpu_waiting", s->cpu_waiting);
  mon_json_number(shares, "memory_waiting", s->memory_waiting);
  mon_json_number(shares, "io_waiting", s->io_waiting);
  json_object_set_object_member(o, "last_10min", shares);
  if (question->lines)
    json_object_set_array_member(o, "journal", question->lines);
  mon_why_text(o, "journal_unread", question->unread);
  json_object_set_array_member(o, "findings", mon_why_findings(s));
  answer_json(question->call, o);
  g_free(question->unit);
  g_free(question->unread);
  g_free(question);
}

static void read_journal(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  Question *question = data; /* the loop waits for us */
  const MonDaemon *daemon = question->call->owner;

  if (!question->is_admin)
    question->unread = mon_why_forbidden(question->call->uid);
  if (question->unread == NULL)
    question->lines =
        mon_why_journal(daemon->user_scope, question->unit, LINES_MAX, &question->unread);
  g_task_return_boolean(task, TRUE);
}

static void journal_read(GObject *source, GAsyncResult *result, gpointer data) {
  Question *question = data;

  question->symptoms.errors = question->lines ? json_array_get_length(question->lines) : 0;
  finish(question);
}

/* Lines of the journal are for those who may read them; who that is takes a look at the user
 * database, which may block, too. */
static void look_at_journal(Question *question) {
  MonDaemon *daemon = question->call->owner;

  question->is_admin = wg_calls_is_admin(daemon->calls, question->call->uid);
  g_autoptr(GTask) task = g_task_new(NULL, NULL, journal_read, question);
  g_task_set_task_data(task, question, NULL);
  g_task_run_in_thread(task, read_journal);
}

static void loaded(MonSamples *past, const GError *error, gpointer user_data) {
  Question *question = user_data;

  if (past) /* without the history the rest is still worth telling */
    mon_why_look(past, g_get_real_time(), &question->symptoms);
  mon_samples_free(past);
  look_at_journal(question);
}

/* "shop" is shop.service. */
static char *whole_name(const char *name) {
  return strchr(name, '.') ? g_strdup(name) : g_strconcat(name, ".service", NULL);
}

static gboolean is_known(MonDaemon *daemon, const char *unit) {
  double values[MON_CG_N], cpu;

  return mon_inventory_unit(daemon->inventory, unit) ||
         mon_unit_metrics_get(mon_metrics_units(daemon->metrics), unit, values, &cpu);
}

void mon_handle_why(MonCall *call) {
  MonDaemon *daemon = call->owner;
  MonHistory *history = mon_metrics_history(daemon->metrics);
  gint64 now = g_get_real_time();
  g_autoptr(GError) error = NULL;
  const char *name;

  g_variant_get_child(call->args, 0, "&s", &name);
  g_autofree char *unit = whole_name(name);
  if (!is_known(daemon, unit)) {
    const char *trouble = mon_inventory_trouble(daemon->inventory);
    g_set_error(&error, WG_ERROR, WG_ERROR_NOT_FOUND,
                trouble ? "nothing is known of the unit %s: %s"
                        : "no unit %s is loaded%s; \"systemctl list-units --all\" lists them",
                unit, trouble ? trouble : "");
    wg_call_fail(call, error);
    return;
  }
  Question *question = g_new0(Question, 1);
  question->call = call;
  question->unit = g_steal_pointer(&unit);
  question->answer = json_object_new();
  json_object_set_string_member(question->answer, "unit", question->unit);
  add_state(question);
  add_values(question);
  add_rest(question);
  if (history)
    mon_history_load_unit(history, question->unit, mon_why_names, now - MON_WHY_WINDOW, now, loaded,
                          question);
  else
    loaded(NULL, NULL, question);
}
