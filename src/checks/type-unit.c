/* type-unit.c: a systemd unit: every property that its manager tells, and what systemd-analyze(1)
 * says of it.
 *
 * One D-Bus call tells all properties; only exposure and problems run a program, and only when they
 * are asserted (exposure also for a baseline). Any property can be asserted by systemd's name,
 * "MemoryMax", or written as "memory-max". */
#include "checks/local.h"
#include "checks/pending.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/unit-analyze.h"
#include "checks/unit-ask.h"

#include "common/unit-state.h"

#include <string.h>
#include <time.h>

static const ChkKey options[] = {{NULL}};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "systemd finds a unit file or has such a unit"},
    {"load-state", CHK_TEXT, "loaded, not-found, masked, bad-setting, error"},
    {"active-state", CHK_TEXT,
     "active, inactive, failed, activating, deactivating, reloading, refreshing, maintenance"},
    {"sub-state", CHK_TEXT, "the state of its own kind: running, exited, listening, dead"},
    {"running", CHK_BOOL, "it is active (or reloading, or refreshing)"},
    {"enabled", CHK_BOOL, "its file is enabled; not so for static ones, which cannot be"},
    {"unit-file-state", CHK_TEXT, "enabled, disabled, static, masked, indirect, generated"},
    {"runlevels", CHK_TEXTS,
     "run levels whose targets want it: 2 to 5 for multi-user.target, 5 for graphical.target, 1 "
     "for "
     "rescue.target, S for sysinit.target, 0 and 6 for those of the end"},
    {"restarts", CHK_INT, "automatic restarts since it was started (NRestarts)"},
    {"result", CHK_TEXT, "success, or why it ended"},
    {"main-pid", CHK_INT, "its main process; absent when there is none"},
    {"exec-main-status", CHK_INT, "exit status or signal of its last main process"},
    {"invocation-id", CHK_TEXT,
     "which start of it this is, hexadecimal; absent when never started"},
    {"memory", CHK_BYTES, "memory in use; absent where systemd does not count it"},
    {"tasks", CHK_INT, "threads; absent where systemd does not count them"},
    {"age", CHK_USEC, "time since it became active; absent when it is not"},
    {"needs-reload", CHK_BOOL, "its file changed after systemd read it"},
    {"exposure", CHK_NUMBER, "exposure level of systemd-analyze security, 0 to 10"},
    {"problems", CHK_TEXTS, "what systemd-analyze verify says of its file"},
    {"*", CHK_JSON, "any property, by systemd's name or in small letters with hyphens"},
    {NULL},
};

typedef struct {
  ChkPending pending;
  char *unit, *fragment;
  ChkUnitAsk *ask;
  ChkAnalyze *analyze;
  JsonObject *seen;
  gboolean analyzed; /* its exposure was asked for */
} UnitLook;

static void finish(UnitLook *u, ChkSight *sight) {
  g_clear_pointer(&u->ask, chk_unit_ask_drop);
  g_clear_pointer(&u->analyze, chk_analyze_drop);
  chk_pending_end(&u->pending, sight);
  g_clear_pointer(&u->seen, json_object_unref);
  g_free(u->unit);
  g_free(u->fragment);
  g_free(u);
}

static void fail(UnitLook *u, const char *why) {
  ChkSight sight = {0};

  chk_unknown(&sight, "%s: %s", u->unit, why);
  finish(u, &sight);
}

static void stop(gpointer owner) {
  UnitLook *u = owner;

  fail(u, u->analyze ? "systemd-analyze did not end in time" : "systemd did not answer in time");
}

/* "ip-ingress-bytes" is "IPIngressBytes": without hyphens and case they are the same. */
static gboolean same_name(const char *key, const char *property) {
  while (*key && *property) {
    if (*key == '-') {
      key++;
      continue;
    }
    if (g_ascii_tolower(*key++) != g_ascii_tolower(*property++))
      return FALSE;
  }
  return *key == 0 && *property == 0;
}

static gboolean is_own(const char *key) {
  for (guint i = 0; values[i].name; i++)
    if (strcmp(values[i].name, key) == 0)
      return TRUE;
  return FALSE;
}

static void set_named(const char *key, JsonObject *properties, JsonObject *seen) {
  g_autoptr(GList) names = json_object_get_members(properties);

  for (GList *n = is_own(key) ? NULL : names; n; n = n->next)
    if (same_name(key, n->data)) {
      json_object_set_member(seen, key,
                             json_node_copy(json_object_get_member(properties, n->data)));
      return;
    }
}

/* Whoever wants nothing in particular writes checks (generate.c): the limits that somebody has set.
 * Not that of tasks, which has a value on each machine. */
static void set_any(JsonObject *wanted, JsonObject *properties, JsonObject *seen) {
  static const char *const limits[] = {"memory-max", "memory-high", "memory-swap-max",
                                       "cpu-quota-per-sec-usec"};
  g_autoptr(GList) keys = wanted ? json_object_get_members(wanted) : NULL;

  for (GList *k = keys; k; k = k->next)
    set_named(k->data, properties, seen);
  for (guint i = 0; !wanted && i < G_N_ELEMENTS(limits); i++)
    set_named(limits[i], properties, seen);
}

static void copy_text(JsonObject *properties, const char *from, JsonObject *seen, const char *to) {
  const char *text = chk_unit_text(properties, from, "");

  if (*text)
    chk_set_text(seen, to, text);
}

/* Absent where systemd has no number: its largest one is a text here (bus-json.h). */
static void copy_int(JsonObject *properties, const char *from, JsonObject *seen, const char *to,
                     gint64 least) {
  gint64 number = chk_unit_int(properties, from, -1);

  if (number >= least)
    json_object_set_int_member(seen, to, number);
}

static void set_enabled(JsonObject *properties, JsonObject *seen) {
  static const char *const yes[] = {"enabled", "enabled-runtime", "alias", NULL};
  const char *state = chk_unit_text(properties, "UnitFileState", "");

  if (*state == 0)
    return;
  chk_set_text(seen, "unit-file-state", state);
  json_object_set_boolean_member(seen, "enabled", g_strv_contains(yes, state));
}

/* As the targets that stand for the run levels of System V have it: runlevel(8). */
static void set_runlevels(JsonObject *properties, JsonObject *seen) {
  static const char *const levels[] = {"0", "1", "2", "3", "4", "5", "6", "S"};
  static const struct {
    const char *target, *levels;
  } targets[] = {{"poweroff.target", "0"},  {"rescue.target", "1"}, {"multi-user.target", "2345"},
                 {"graphical.target", "5"}, {"reboot.target", "6"}, {"sysinit.target", "S"}};
  static const char *const reverse[] = {"WantedBy", "RequiredBy", "UpheldBy", "BoundBy"};
  g_autoptr(GString) all = g_string_new(NULL);
  g_autoptr(GPtrArray) found = g_ptr_array_new();

  for (guint i = 0; i < G_N_ELEMENTS(reverse); i++) {
    JsonNode *node = json_object_get_member(properties, reverse[i]);
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint k = 0; array && k < json_array_get_length(array); k++)
      for (guint t = 0; t < G_N_ELEMENTS(targets); t++)
        if (g_strcmp0(json_array_get_string_element(array, k), targets[t].target) == 0)
          g_string_append(all, targets[t].levels);
  }
  for (guint i = 0; i < G_N_ELEMENTS(levels); i++)
    if (strchr(all->str, *levels[i]))
      g_ptr_array_add(found, (gpointer)levels[i]);
  g_ptr_array_add(found, NULL);
  chk_set_texts(seen, "runlevels", (const char *const *)found->pdata);
}

static void set_age(JsonObject *properties, JsonObject *seen, const char *state) {
  gint64 since = chk_unit_int(properties, "ActiveEnterTimestampMonotonic", 0);

  if (since > 0 && wg_unit_active_is_up(state))
    json_object_set_int_member(seen, "age", MAX(g_get_monotonic_time() - since, 0));
}

static void set_invocation(JsonObject *properties, JsonObject *seen) {
  const char *id = chk_unit_text(properties, "InvocationID", "");

  if (strspn(id, "0") < strlen(id))
    chk_set_text(seen, "invocation-id", id);
}

static void describe(JsonObject *properties, JsonObject *seen) {
  const char *load = chk_unit_text(properties, "LoadState", "not-found");
  const char *state = chk_unit_text(properties, "ActiveState", "inactive");
  JsonNode *reload = json_object_get_member(properties, "NeedDaemonReload");

  /* a unit of which there is no file can still run, until it is stopped */
  json_object_set_boolean_member(seen, "exists",
                                 strcmp(load, "not-found") != 0 || strcmp(state, "inactive") != 0);
  chk_set_text(seen, "load-state", load);
  chk_set_text(seen, "active-state", state);
  copy_text(properties, "SubState", seen, "sub-state");
  json_object_set_boolean_member(seen, "running", wg_unit_active_is_up(state));
  set_enabled(properties, seen);
  set_runlevels(properties, seen);
  copy_int(properties, "NRestarts", seen, "restarts", 0);
  copy_text(properties, "Result", seen, "result");
  copy_int(properties, "MainPID", seen, "main-pid", 1);
  copy_int(properties, "ExecMainStatus", seen, "exec-main-status", 0);
  set_invocation(properties, seen);
  copy_int(properties, "MemoryCurrent", seen, "memory", 0);
  copy_int(properties, "TasksCurrent", seen, "tasks", 0);
  set_age(properties, seen, state);
  if (reload)
    json_object_set_member(seen, "needs-reload", json_node_copy(reload));
}

static void next(UnitLook *u);

static void on_exposure(ChkAnalyzed *got, gpointer user_data) {
  UnitLook *u = user_data;

  u->analyze = NULL;
  u->analyzed = TRUE;
  if (got->error && chk_asks(u->pending.look, "exposure")) {
    fail(u, got->error->message);
    return;
  }
  if (!got->error)
    json_object_set_double_member(u->seen, "exposure", got->exposure);
  next(u);
}

static void on_problems(ChkAnalyzed *got, gpointer user_data) {
  UnitLook *u = user_data;

  u->analyze = NULL;
  if (got->error) {
    fail(u, got->error->message);
    return;
  }
  chk_set_texts(u->seen, "problems", (const char *const *)got->problems);
  next(u);
}

/* What is asserted and not known yet; then the end. */
static void next(UnitLook *u) {
  ChkLook *look = u->pending.look;
  guint64 left = chk_pending_left(&u->pending);
  gboolean exists = json_object_get_boolean_member(u->seen, "exists");
  gboolean service = g_str_has_suffix(u->unit, ".service");

  if (exists && service && chk_wants(look, "exposure") && !u->analyzed) {
    u->analyze = chk_analyze_exposure(look->world, u->unit, left, on_exposure, u);
  } else if (exists && *u->fragment && chk_asks(look, "problems") &&
             !json_object_has_member(u->seen, "problems")) {
    u->analyze = chk_analyze_problems(look->world, u->fragment, left, on_problems, u);
  } else {
    ChkSight sight = {0};
    chk_observed(&sight, g_steal_pointer(&u->seen));
    finish(u, &sight);
  }
}

static void on_properties(JsonObject *properties, const GError *error, gpointer user_data) {
  UnitLook *u = user_data;

  u->ask = NULL;
  if (error) {
    fail(u, error->message);
    return;
  }
  u->seen = json_object_new();
  u->fragment = g_strdup(chk_unit_text(properties, "FragmentPath", ""));
  describe(properties, u->seen);
  set_any(u->pending.look->wanted, properties, u->seen);
  next(u);
}

static void start(ChkLook *look, ChkSeenFunc seen, gpointer user_data) {
  UnitLook *u = g_new0(UnitLook, 1);
  g_autoptr(GError) error = NULL;
  ChkSight sight = {0};

  chk_pending_begin(&u->pending, look, seen, user_data, stop, u);
  u->unit = chk_unit_name(look->subject);
  if (*chk_world_root(look->world)) {
    chk_not_applicable(&sight, "no systemd runs in a root directory that is not running");
    finish(u, &sight);
    return;
  }
  u->ask =
      chk_unit_ask(look->world, u->unit, chk_pending_left(&u->pending), on_properties, u, &error);
  if (u->ask == NULL)
    fail(u, error->message);
}

const ChkType chk_type_unit = {
    .name = "unit",
    .subject_help = "name of a unit; without a suffix of a service",
    .options = options,
    .values = values,
    .default_value = "{\"running\": true}",
    .start = start,
    .validate = chk_subject_unit,
};
