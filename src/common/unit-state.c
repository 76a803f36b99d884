/* unit-state.c: see unit-state.h. Reading a{sv}; what is not looked at is skipped. */
#include "common/unit-state.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define FIELD(member) offsetof(WgUnitState, member)

/* Properties of one value. */
static const struct {
  const char *name, *type;
  gsize field;
} properties[] = {
    {"Id", "s", FIELD(id)},
    {"LoadState", "s", FIELD(load)},
    {"ActiveState", "s", FIELD(active)},
    {"SubState", "s", FIELD(sub)},
    {"Result", "s", FIELD(result)},
    {"Type", "s", FIELD(type)},
    {"FragmentPath", "s", FIELD(fragment)},
    {"Description", "s", FIELD(description)},
    {"Slice", "s", FIELD(slice)},
    {"BusName", "s", FIELD(bus_name)},
    {"ControlGroup", "s", FIELD(cgroup)},
    {"StateChangeTimestamp", "t", FIELD(changed)},
    {"ActiveEnterTimestamp", "t", FIELD(active_since)},
    {"InactiveEnterTimestamp", "t", FIELD(inactive_since)},
    {"MainPID", "u", FIELD(pid)},
    {"NRestarts", "u", FIELD(n_restarts)},
    {"ExecMainCode", "i", FIELD(code)},
    {"ExecMainStatus", "i", FIELD(status)},
    {"RemainAfterExit", "b", FIELD(remain)},
    {"IPAccounting", "b", FIELD(ip_accounting)},
    {"NeedDaemonReload", "b", FIELD(reload)},
};

static const char *const needs[] = {"Requires", "Requisite", "BindsTo", NULL};
static const char *const dependents[] = {"RequiredBy", "BoundBy", "ConsistsOf", NULL};

static char **texts_of(WgUnitState *state, guint i) {
  char **texts[] = {
      &state->name,     &state->id,     &state->load,        &state->active, &state->sub,
      &state->type,     &state->result, &state->load_error,  &state->slice,  &state->fragment,
      &state->bus_name, &state->cgroup, &state->description,
  };

  return i < G_N_ELEMENTS(texts) ? texts[i] : NULL;
}

WgUnitState *wg_unit_state_new(const char *name) {
  WgUnitState *state = g_new0(WgUnitState, 1);
  char **text;

  for (guint i = 0; (text = texts_of(state, i)); i++)
    *text = g_strdup(i < 2 ? name : "");
  state->after = g_new0(char *, 1);
  state->needs = g_new0(char *, 1);
  state->dependents = g_new0(char *, 1);
  state->part_of = g_new0(char *, 1);
  state->triggers = g_new0(char *, 1);
  state->drop_ins = g_new0(char *, 1);
  return state;
}

WgUnitState *wg_unit_state_copy(const WgUnitState *state) {
  WgUnitState *copy = g_new0(WgUnitState, 1);
  char **text;

  *copy = *state;
  for (guint i = 0; (text = texts_of(copy, i)); i++)
    *text = g_strdup(*text);
  copy->after = g_strdupv(state->after);
  copy->needs = g_strdupv(state->needs);
  copy->dependents = g_strdupv(state->dependents);
  copy->part_of = g_strdupv(state->part_of);
  copy->triggers = g_strdupv(state->triggers);
  copy->drop_ins = g_strdupv(state->drop_ins);
  return copy;
}

void wg_unit_state_free(WgUnitState *state) {
  char **text;

  if (state == NULL)
    return;
  for (guint i = 0; (text = texts_of(state, i)); i++)
    g_free(*text);
  g_strfreev(state->after);
  g_strfreev(state->needs);
  g_strfreev(state->dependents);
  g_strfreev(state->part_of);
  g_strfreev(state->triggers);
  g_strfreev(state->drop_ins);
  g_free(state);
}

static int read_value(WgUnitState *state, guint i, sd_bus_message *m) {
  void *field = (char *)state + properties[i].field;
  const char *text;

  if (*properties[i].type != 's')
    return sd_bus_message_read(m, "v", properties[i].type, field);
  int r = sd_bus_message_read(m, "v", "s", &text);
  if (r >= 0) {
    g_free(*(char **)field);
    *(char **)field = g_strdup(text);
  }
  return r;
}

/* An all-zero or empty one: it never ran. */
static int read_invocation(WgUnitState *state, sd_bus_message *m) {
  const guint8 *id = NULL;
  gboolean any = FALSE;
  size_t n = 0;
  int r = sd_bus_message_enter_container(m, 'v', "ay");

  if (r >= 0)
    r = sd_bus_message_read_array(m, 'y', (const void **)&id, &n);
  if (r < 0)
    return r;
  memset(state->invocation, 0, sizeof state->invocation);
  for (size_t i = 0; n == 16 && i < n; i++) {
    g_snprintf(state->invocation + 2 * i, 3, "%02x", id[i]);
    any = any || id[i] != 0;
  }
  if (!any)
    state->invocation[0] = '\0';
  return sd_bus_message_exit_container(m);
}

static int read_load_error(WgUnitState *state, sd_bus_message *m) {
  const char *name, *text;
  int r = sd_bus_message_read(m, "v", "(ss)", &name, &text);

  if (r >= 0) {
    g_free(state->load_error);
    state->load_error = g_strdup(*text ? text : name);
  }
  return r;
}

/* Adds to `names`. */
static int read_names(GStrvBuilder *names, sd_bus_message *m) {
  const char *name;
  int r = sd_bus_message_enter_container(m, 'v', "as");

  if (r >= 0)
    r = sd_bus_message_enter_container(m, 'a', "s");
  while (r >= 0 && (r = sd_bus_message_read(m, "s", &name)) > 0)
    g_strv_builder_add(names, name);
  if (r >= 0)
    r = sd_bus_message_exit_container(m);
  return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

static int read_list(char ***list, sd_bus_message *m) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  int r = read_names(names, m);

  if (r >= 0) {
    g_strfreev(*list);
    *list = g_strv_builder_end(names);
  }
  return r;
}

/* What comes in parts. */
typedef struct {
  GStrvBuilder *needs, *dependents;
  gboolean has_needs, has_dependents, condition;
  guint64 condition_time; /* 0: none was ever looked at */
} Parts;

static int read_one(WgUnitState *state, Parts *parts, const char *name, sd_bus_message *m) {
  for (guint i = 0; i < G_N_ELEMENTS(properties); i++)
    if (strcmp(properties[i].name, name) == 0)
      return read_value(state, i, m);
  if (g_strv_contains(needs, name)) {
    parts->has_needs = TRUE;
    return read_names(parts->needs, m);
  }
  if (g_strv_contains(dependents, name)) {
    parts->has_dependents = TRUE;
    return read_names(parts->dependents, m);
  }
  if (strcmp(name, "ConditionResult") == 0)
    return sd_bus_message_read(m, "v", "b", &parts->condition);
  if (strcmp(name, "ConditionTimestamp") == 0)
    return sd_bus_message_read(m, "v", "t", &parts->condition_time);
  if (strcmp(name, "InvocationID") == 0)
    return read_invocation(state, m);
  if (strcmp(name, "LoadError") == 0)
    return read_load_error(state, m);
  if (strcmp(name, "After") == 0)
    return read_list(&state->after, m);
  if (strcmp(name, "PartOf") == 0)
    return read_list(&state->part_of, m);
  if (strcmp(name, "Triggers") == 0)
    return read_list(&state->triggers, m);
  return strcmp(name, "DropInPaths") == 0 ? read_list(&state->drop_ins, m)
                                          : sd_bus_message_skip(m, "v");
}

int wg_unit_state_read(WgUnitState *state, sd_bus_message *m) {
  g_autoptr(GStrvBuilder) needed = g_strv_builder_new();
  g_autoptr(GStrvBuilder) depending = g_strv_builder_new();
  Parts parts = {.needs = needed, .dependents = depending};
  const char *name;
  int r = sd_bus_message_enter_container(m, 'a', "{sv}");

  while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
    r = sd_bus_message_read(m, "s", &name);
    if (r >= 0)
      r = read_one(state, &parts, name, m);
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  if (r >= 0)
    r = sd_bus_message_exit_container(m);
  if (r >= 0 && parts.condition_time != 0)
    state->unmet = !parts.condition;
  if (r >= 0 && parts.has_dependents) {
    g_strfreev(state->dependents);
    state->dependents = g_strv_builder_end(depending);
  }
  if (r >= 0 && parts.has_needs) {
    g_strfreev(state->needs);
    state->needs = g_strv_builder_end(needed);
  }
  return r;
}

static char *process_text(const WgUnitState *state) {
  const char *name = state->code == CLD_EXITED ? NULL : sigabbrev_np(state->status);

  if (state->code == CLD_EXITED)
    return g_strdup_printf("exited with status %d", state->status);
  return g_strdup_printf("killed by signal %d%s%s%s", state->status, name ? " (" : "",
                         name ? name : "", name ? ")" : "");
}

char *wg_unit_state_text(const WgUnitState *state) {
  if (strcmp(state->load, "loaded") != 0 && *state->load)
    return g_strdup_printf("%s%s%s", state->load, *state->load_error ? ": " : "",
                           state->load_error);
  if (state->unmet && strcmp(state->active, "inactive") == 0)
    return g_strdup("inactive: a condition of its unit (Condition...=) does not hold");
  if (*state->result && strcmp(state->result, "success") != 0) {
    g_autofree char *process = state->code ? process_text(state) : g_strdup("no process ended");
    return g_strdup_printf("%s (%s: %s)", state->active, state->result, process);
  }
  return g_strdup_printf("%s (%s)", state->active, state->sub);
}

gboolean wg_unit_active_is_up(const char *active) {
  static const char *const up[] = {"active", "reloading", "refreshing", NULL};

  return g_strv_contains(up, active);
}

gboolean wg_unit_state_is_up(const WgUnitState *state) {
  if (wg_unit_active_is_up(state->active))
    return TRUE;
  return strcmp(state->type, "oneshot") == 0 && !state->unmet &&
         strcmp(state->active, "inactive") == 0 && strcmp(state->result, "success") == 0 &&
         *state->invocation != '\0';
}

char *wg_unit_path(const char *name) {
  char *encoded = NULL;

  if (sd_bus_path_encode(WG_PATH_SYSTEMD "/unit", name, &encoded) < 0)
    g_error("no memory for the path of a unit"); /* the only reason that there is */
  char *path = g_strdup(encoded);
  free(encoded);
  return path;
}
