/* units-run.c: units are started, restarted or stopped, each when those before it are done.
 *
 * First all are looked at: what cannot be loaded fails before anything was touched. Then each unit
 * goes: call, job, its removal, a look at the unit (a job that is "done" is not a unit that is up),
 * and for a unit that is not good the journal. The order is systemd's own, from After=. */
#include "deployment/units-private.h"

#include "common/amounts.h"
#include "common/error.h"
#include "common/names.h"

#include <string.h>

#define LAST_LOOK (2 * G_TIME_SPAN_SECOND) /* at a unit whose time is over */

typedef struct Run Run;

/* Of one unit. */
typedef enum { LOOKING, WAITING, CALLED, JOB, CHECKING, READING, OVER } Phase;

typedef struct {
  Run *run;
  Phase phase;
  char *name;
  WgUnitState *state; /* before, then after */
  sd_bus_slot *call;
  char *job; /* path */
  gint64 begin;
  DplUnitEnd *end; /* from the call on; owned by run->ends once it is over */
} Item;

struct Run {
  DplUnitsOp op;
  DplUnitsVerb verb;
  GPtrArray *items; /* Item */
  GPtrArray *ends;  /* DplUnitEnd */
  GCancellable *cancel;
  gulong on_cancel;
  GError *first;   /* the first failure; nothing more is begun */
  guint n_reading; /* that the journal's thread calls back */
  gboolean gone;   /* it has ended; only the thread's calls are waited for */
  DplUnitsFunc done;
  gpointer user_data;
};

static const struct {
  const char *method, *past, *what;
} verbs[] = {
    [DPL_UNITS_START] = {"StartUnit", "did not start", "start"},
    [DPL_UNITS_RESTART] = {"RestartUnit", "did not start again", "restart"},
    [DPL_UNITS_RELOAD_OR_RESTART] = {"ReloadOrRestartUnit", "was not reloaded or restarted",
                                     "reload or restart"},
    [DPL_UNITS_STOP] = {"StopUnit", "did not stop", "stop"},
};

static void item_free(gpointer data) {
  Item *item = data;

  sd_bus_slot_unref(item->call);
  wg_unit_state_free(item->state);
  if (item->end)
    dpl_unit_end_free(item->end);
  g_free(item->job);
  g_free(item->name);
  g_free(item);
}

static void run_free(Run *run) {
  g_ptr_array_unref(run->items);
  g_ptr_array_unref(run->ends);
  g_clear_error(&run->first);
  g_free(run);
}

static void run_drop(DplUnitsOp *op) {
  Run *run = (Run *)op;

  dpl_units_op_over(op);
  if (run->cancel) {
    g_signal_handler_disconnect(run->cancel, run->on_cancel);
    g_clear_object(&run->cancel);
  }
  for (guint i = 0; i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    item->call = sd_bus_slot_unref(item->call);
    if (item->begin != 0)
      dpl_units_tell(op->units, "UnrefUnit", "s", item->name);
  }
  run->gone = TRUE;
  if (run->n_reading == 0)
    run_free(run);
}

/* Takes `error`, NULL: every unit is good. */
static void run_end(DplUnitsOp *op, GError *error) {
  Run *run = (Run *)op;
  g_autoptr(GPtrArray) ends = g_ptr_array_ref(run->ends);
  DplUnitsFunc done = run->done;
  gpointer user_data = run->user_data;
  g_autoptr(GError) own = error;

  run_drop(op);
  done(ends, own, user_data);
}

/* ---- the end of one unit ---- */

static void pump(Run *run);

static void item_over(Item *item) {
  Run *run = item->run;
  DplUnitEnd *end = g_steal_pointer(&item->end);

  item->phase = OVER;
  end->duration = (guint64)(g_get_monotonic_time() - item->begin);
  g_ptr_array_add(run->ends, end);
  if (!end->good && run->first == NULL) {
    const char *said = end->said;
    run->first =
        g_error_new(WG_ERROR, WG_ERROR_FAILED, "%s %s: %s%s%s", item->name, verbs[run->verb].past,
                    end->text, said ? "; it said: " : "", said ? said : "");
  }
  pump(run);
}

static void on_journal(char *lines, char *said, gpointer data) {
  Item *item = data;
  Run *run = item->run;

  run->n_reading--;
  if (!run->gone) {
    item->end->journal = lines;
    item->end->said = said;
    item_over(item);
    return;
  }
  g_free(lines);
  g_free(said);
  if (run->n_reading == 0)
    run_free(run);
}

/* The unit is looked at, or cannot be. */
static void judge(Item *item) {
  DplUnitEnd *end = item->end;

  dpl_unit_end_judge(end, item->run->verb);
  if (end->good || end->state == NULL || *end->state->invocation == '\0') {
    item_over(item);
    return;
  }
  item->phase = READING;
  item->run->n_reading++;
  dpl_units_journal(end->state->invocation, on_journal, item);
}

static int on_after(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Item *item = data;
  g_autoptr(WgUnitState) state = wg_unit_state_new(item->name);

  if (!sd_bus_message_is_method_error(m, NULL) && wg_unit_state_read(state, m) >= 0)
    item->end->state = g_steal_pointer(&state);
  judge(item);
  return 1;
}

static void check(Item *item, guint64 limit) {
  DplUnitsOp *op = &item->run->op;

  item->phase = CHECKING;
  int r = dpl_units_ask(op->units, &item->call, item->name, limit, on_after, item);
  if (r < 0)
    dpl_units_op_fail_later(op, dpl_units_error(NULL, r, "tell the state of", item->name));
}

static void on_removed(DplUnitsOp *op, const char *job, const char *result) {
  Run *run = (Run *)op;

  for (guint i = 0; i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    if (item->phase == JOB && strcmp(item->job, job) == 0) {
      item->end->job = g_strdup(result);
      check(item, 0);
    }
  }
}

/* ---- its begin ---- */

static int on_called(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Item *item = data;
  const char *job;
  int r = e ? 0 : sd_bus_message_read(m, "o", &job);

  if (e || r < 0) {
    g_autoptr(GError) error = dpl_units_error(e, r, verbs[item->run->verb].what, item->name);
    item->end->text = g_strdup(error->message);
    check(item, 0);
    return 1;
  }
  item->phase = JOB;
  item->job = g_strdup(job);
  return 1;
}

static void begin(Item *item) {
  Run *run = item->run;
  DplUnits *units = run->op.units;

  if (run->verb != DPL_UNITS_STOP) /* what failed before must not count against its start limit */
    dpl_units_tell(units, "ResetFailedUnit", "s", item->name);
  /* systemd forgets a unit that does not run at once, and with it how it ended */
  dpl_units_tell(units, "RefUnit", "s", item->name);
  item->phase = CALLED;
  item->begin = g_get_monotonic_time();
  item->end = g_new0(DplUnitEnd, 1);
  item->end->unit = g_strdup(item->name);
  item->call = sd_bus_slot_unref(item->call);
  int r = sd_bus_call_method_async(units->bus, &item->call, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                   WG_IFACE_SYSTEMD_MANAGER, verbs[run->verb].method, on_called,
                                   item, "ss", item->name, "replace");
  if (r < 0)
    dpl_units_op_fail_later(&run->op, dpl_units_error(NULL, r, verbs[run->verb].what, item->name));
}

static gboolean is_after(const Item *item, const Item *other) {
  const char *const *after = (const char *const *)item->state->after;

  return g_strv_contains(after, other->state->id) || g_strv_contains(after, other->name);
}

static gboolean has_to_wait(const Item *item) {
  const GPtrArray *items = item->run->items;

  for (guint i = 0; i < items->len; i++) {
    const Item *other = items->pdata[i];
    if (other != item && other->phase != OVER &&
        (item->run->verb == DPL_UNITS_STOP ? is_after(other, item) : is_after(item, other)))
      return TRUE;
  }
  return FALSE;
}

/* Begins what waits for nothing; ends the run when nothing is left. */
static void pump(Run *run) {
  Item *first_waiting = NULL;
  guint n_running = 0;

  for (guint i = 0; i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    if (item->phase == WAITING && run->first == NULL && !has_to_wait(item))
      begin(item);
    if (item->phase == WAITING && first_waiting == NULL)
      first_waiting = item;
    n_running += item->phase != WAITING && item->phase != OVER;
  }
  if (n_running > 0)
    return;
  if (first_waiting == NULL || run->first)
    run_end(&run->op, g_steal_pointer(&run->first));
  else
    begin(first_waiting); /* a circle, which systemd breaks somewhere, too */
}

/* ---- the first look ---- */

static void all_known(Run *run) {
  for (guint i = 0; i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    gboolean loaded = strcmp(item->state->load, "loaded") == 0;
    item->phase = WAITING;
    if (loaded)
      continue;
    if (run->verb == DPL_UNITS_STOP && strcmp(item->state->active, "inactive") == 0) {
      item->phase = OVER; /* nothing of it runs */
      item->end = g_new0(DplUnitEnd, 1);
      *item->end = (DplUnitEnd){.unit = g_strdup(item->name), .good = TRUE};
      item->end->state = g_steal_pointer(&item->state);
      item->state = wg_unit_state_new(item->name);
      g_ptr_array_add(run->ends, g_steal_pointer(&item->end));
    } else if (run->verb != DPL_UNITS_STOP && run->first == NULL) {
      g_autofree char *text = wg_unit_state_text(item->state);
      run->first = g_error_new(WG_ERROR, WG_ERROR_FAILED, "%s %s: systemd cannot load it: %s",
                               item->name, verbs[run->verb].past, text);
    }
  }
  pump(run);
}

static int on_before(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  Item *item = data;
  Run *run = item->run;
  int r = e ? 0 : wg_unit_state_read(item->state, m);

  if (e || r < 0) {
    run_end(&run->op, dpl_units_error(e, r, "tell the state of", item->name));
    return 1;
  }
  item->phase = WAITING;
  for (guint i = 0; i < run->items->len; i++)
    if (((Item *)run->items->pdata[i])->phase == LOOKING)
      return 1;
  all_known(run);
  return 1;
}

/* ---- the end before the end ---- */

/* What has no end yet gets one: the jobs are taken back, the units are looked at once more. */
static void give_up(DplUnitsOp *op, GError *error) {
  Run *run = (Run *)op;
  gboolean on_its_way = FALSE;

  for (guint i = 0; i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    if (item->phase == JOB)
      dpl_units_cancel_job(op->units, item->job);
    if (item->phase == JOB && error->domain == WG_ERROR && error->code == WG_ERROR_TIMEOUT) {
      item->end->text = g_strdup("its time was over");
      on_its_way = TRUE;
    }
  }
  if (run->first) { /* that is the news, not that others were slow */
    g_error_free(error);
    error = g_steal_pointer(&run->first);
    on_its_way = FALSE;
  }
  if (!on_its_way) {
    run_end(op, error);
    return;
  }
  run->first = error; /* what failed first; nothing more is begun */
  g_clear_handle_id(&op->timer, g_source_remove);
  for (guint i = 0; i < run->items->len; i++)
    if (((Item *)run->items->pdata[i])->phase == JOB)
      check(run->items->pdata[i], LAST_LOOK);
}

static void canceled(GCancellable *cancel, gpointer data) {
  Run *run = data;

  dpl_units_op_fail_later(&run->op,
                          g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "canceled"));
}

static gboolean nothing_to_do(gpointer data) {
  Run *run = data;

  run->op.later = 0;
  run_end(&run->op, NULL);
  return G_SOURCE_REMOVE;
}

void dpl_units_run(DplUnits *units, DplUnitsVerb verb, const char *const *names, guint64 limit,
                   GCancellable *cancel, DplUnitsFunc done, gpointer user_data) {
  Run *run = g_new0(Run, 1);
  int r = 0;

  *run = (Run){.op = {.fail = give_up, .drop = run_drop, .removed = on_removed},
               .verb = verb,
               .items = g_ptr_array_new_with_free_func(item_free),
               .ends = g_ptr_array_new_with_free_func(dpl_unit_end_free),
               .done = done,
               .user_data = user_data};
  g_autofree char *list = g_strjoinv(", ", (char **)names);
  g_autofree char *what = g_strdup_printf("the %s of %s", verbs[verb].what, list);
  gboolean can = dpl_units_op_begin(units, &run->op, limit, what);
  if (cancel) {
    run->cancel = g_object_ref(cancel);
    run->on_cancel = g_signal_connect(cancel, "cancelled", G_CALLBACK(canceled), run);
    if (g_cancellable_is_cancelled(cancel))
      canceled(cancel, run);
  }
  for (guint i = 0; names[i]; i++) {
    Item *item = g_new0(Item, 1);
    *item = (Item){.run = run, .name = g_strdup(names[i]), .state = wg_unit_state_new(names[i])};
    g_ptr_array_add(run->items, item);
  }
  for (guint i = 0; can && r >= 0 && i < run->items->len; i++) {
    Item *item = run->items->pdata[i];
    r = dpl_units_ask(units, &item->call, item->name, 0, on_before, item);
  }
  if (r < 0)
    dpl_units_op_fail_later(&run->op, dpl_units_error(NULL, r, "tell the state of its", "units"));
  else if (can && run->items->len == 0)
    run->op.later = g_idle_add_full(G_PRIORITY_DEFAULT, nothing_to_do, run, NULL);
}
