/* units-calls.c: what one call or a few of the same kind do: daemon-reload, unit files, a look. */
#include "deployment/units-private.h"

#include "common/error.h"
#include "common/names.h"

#define RELOAD_LIMIT                                                                               \
  (10 * G_TIME_SPAN_MINUTE) /* of a round; each who waits has a limit of his own */

/* ---- one answer for one call ---- */

typedef struct {
  DplUnitsOp op;
  sd_bus_slot *call; /* of unit files */
  guint round;       /* of a reload */
  const char *what;
  DplUnitsDoneFunc done;
  gpointer user_data;
} Call;

static void call_drop(DplUnitsOp *op) {
  Call *call = (Call *)op;

  dpl_units_op_over(op);
  sd_bus_slot_unref(call->call);
  g_free(call);
}

/* Takes `error`, NULL: it went well. */
static void call_end(DplUnitsOp *op, GError *error) {
  Call *call = (Call *)op;
  DplUnitsDoneFunc done = call->done;
  gpointer user_data = call->user_data;
  g_autoptr(GError) own = error;

  call_drop(op);
  done(own, user_data);
}

static Call *call_new(DplUnitsDoneFunc done, gpointer user_data) {
  Call *call = g_new0(Call, 1);

  *call = (Call){.op = {.fail = call_end, .drop = call_drop}, .done = done, .user_data = user_data};
  return call;
}

/* ---- daemon-reload ---- */

static Call *reload_of(DplUnitsOp *op, guint round) {
  Call *call = op->fail == call_end ? (Call *)op : NULL;

  return call && call->round == round ? call : NULL;
}

/* Begins a round if somebody waits for it. */
static void begin_round(DplUnits *units);

static int on_reloaded(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  DplUnits *units = data;
  guint round = units->round++;
  g_autoptr(GPtrArray) ops = g_ptr_array_copy(units->ops, NULL, NULL);

  units->reload = sd_bus_slot_unref(units->reload);
  dpl_units_ref(units);
  begin_round(units);
  for (guint i = 0; i < ops->len; i++)
    if (g_ptr_array_find(units->ops, ops->pdata[i], NULL) && reload_of(ops->pdata[i], round))
      call_end(ops->pdata[i], e ? dpl_units_error(e, 0, "load its unit files anew", NULL) : NULL);
  dpl_units_unref(units);
  return 1;
}

static void begin_round(DplUnits *units) {
  gboolean wanted = FALSE;
  sd_bus_message *m = NULL;

  for (guint i = 0; i < units->ops->len; i++)
    wanted = wanted || reload_of(units->ops->pdata[i], units->round);
  if (!wanted)
    return;
  int r = sd_bus_message_new_method_call(units->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, "Reload");
  if (r >= 0)
    r = sd_bus_call_async(units->bus, &units->reload, m, on_reloaded, units, RELOAD_LIMIT);
  sd_bus_message_unref(m);
  for (guint i = 0; r < 0 && i < units->ops->len; i++)
    if (reload_of(units->ops->pdata[i], units->round))
      dpl_units_op_fail_later(units->ops->pdata[i],
                              dpl_units_error(NULL, r, "load its unit files anew", NULL));
}

void dpl_units_reload(DplUnits *units, guint64 limit, DplUnitsDoneFunc done, gpointer user_data) {
  Call *call = call_new(done, user_data);

  if (!dpl_units_op_begin(units, &call->op, limit, "systemd's daemon-reload"))
    return;
  if (units->round == 0)
    units->round = 1; /* 0 is of what waits for no round */
  /* one that runs may have read the files already */
  call->round = units->reload ? units->round + 1 : units->round;
  if (units->reload == NULL)
    begin_round(units);
}

/* ---- unit files ---- */

static const struct {
  const char *method, *what;
  gboolean has_force, force;
} file_verbs[] = {
    [DPL_UNIT_FILES_ENABLE] = {"EnableUnitFiles", "enable", TRUE, FALSE},
    [DPL_UNIT_FILES_DISABLE] = {"DisableUnitFiles", "disable", FALSE, FALSE},
    [DPL_UNIT_FILES_LINK] = {"LinkUnitFiles", "link", TRUE, TRUE},
};

static int on_files(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Call *call = data;

  call_end(&call->op, e ? dpl_units_error(e, 0, call->what, "the unit files") : NULL);
  return 1;
}

void dpl_units_set_files(DplUnits *units, DplUnitFilesVerb verb, const char *const *names,
                         guint64 limit, DplUnitsDoneFunc done, gpointer user_data) {
  Call *call = call_new(done, user_data);
  sd_bus_message *m = NULL;

  call->what = file_verbs[verb].what;
  if (!dpl_units_op_begin(units, &call->op, limit, "enabling, disabling or linking unit files"))
    return;
  int r = sd_bus_message_new_method_call(units->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, file_verbs[verb].method);
  if (r >= 0)
    r = sd_bus_message_append_strv(m, (char **)names);
  if (r >= 0) /* for ever, not until the next boot */
    r = sd_bus_message_append(m, "b", 0);
  if (r >= 0 && file_verbs[verb].has_force)
    r = sd_bus_message_append(m, "b", file_verbs[verb].force);
  if (r >= 0)
    r = sd_bus_call_async(units->bus, &call->call, m, on_files, call, limit);
  sd_bus_message_unref(m);
  if (r < 0)
    dpl_units_op_fail_later(&call->op, dpl_units_error(NULL, r, call->what, "the unit files"));
}

/* ---- a look ---- */

typedef struct Look Look;

typedef struct {
  Look *look;
  sd_bus_slot *call;
} Asked;

struct Look {
  DplUnitsOp op;
  GPtrArray *states; /* WgUnitState */
  Asked *asked;      /* of the same length */
  guint n_waiting;
  DplUnitsLookFunc done;
  gpointer user_data;
};

static void look_drop(DplUnitsOp *op) {
  Look *look = (Look *)op;

  dpl_units_op_over(op);
  for (guint i = 0; i < look->states->len; i++)
    sd_bus_slot_unref(look->asked[i].call);
  g_free(look->asked);
  g_ptr_array_unref(look->states);
  g_free(look);
}

static void look_end(DplUnitsOp *op, GError *error) {
  Look *look = (Look *)op;
  g_autoptr(GPtrArray) states = g_ptr_array_ref(look->states);
  DplUnitsLookFunc done = look->done;
  gpointer user_data = look->user_data;
  g_autoptr(GError) own = error;

  look_drop(op);
  done(own ? NULL : states, own, user_data);
}

static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Asked *asked = data;
  Look *look = asked->look;
  WgUnitState *state = look->states->pdata[asked - look->asked];
  int r = e ? 0 : wg_unit_state_read(state, m);

  if (e || r < 0)
    look_end(&look->op, dpl_units_error(e, r, "tell the state of", state->name));
  else if (--look->n_waiting == 0)
    look_end(&look->op, NULL);
  return 1;
}

static gboolean look_nothing(gpointer data) {
  Look *look = data;

  look->op.later = 0;
  look_end(&look->op, NULL);
  return G_SOURCE_REMOVE;
}

void dpl_units_look(DplUnits *units, const char *const *names, guint64 limit, DplUnitsLookFunc done,
                    gpointer user_data) {
  Look *look = g_new0(Look, 1);

  *look = (Look){.op = {.fail = look_end, .drop = look_drop},
                 .states = g_ptr_array_new_with_free_func((GDestroyNotify)wg_unit_state_free),
                 .n_waiting = g_strv_length((char **)names),
                 .done = done,
                 .user_data = user_data};
  look->asked = g_new0(Asked, look->n_waiting + 1);
  for (guint i = 0; i < look->n_waiting; i++) {
    look->asked[i].look = look;
    g_ptr_array_add(look->states, wg_unit_state_new(names[i]));
  }
  if (!dpl_units_op_begin(units, &look->op, limit, "asking systemd for its units"))
    return;
  int r = 0;
  for (guint i = 0; r >= 0 && names[i]; i++)
    r = dpl_units_ask(units, &look->asked[i].call, names[i], limit, on_state, &look->asked[i]);
  if (r < 0)
    dpl_units_op_fail_later(&look->op, dpl_units_error(NULL, r, "tell the state of its", "units"));
  else if (look->n_waiting == 0)
    look->op.later = g_idle_add_full(G_PRIORITY_DEFAULT, look_nothing, look, NULL);
}
