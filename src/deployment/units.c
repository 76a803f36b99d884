/* units.c: the manager's connection, and the list of what was asked of it.
 *
 * The one place that knows whether the manager is there. When it is lost, whatever runs ends with
 * an error that says so; nothing here is ever repeated by itself. */
#include "deployment/units-private.h"

#include "common/amounts.h"
#include "common/error.h"
#include "common/names.h"

#include <string.h>

DplUnits *dpl_units_ref(DplUnits *units) {
  units->references++;
  return units;
}

void dpl_units_unref(DplUnits *units) {
  if (--units->references > 0)
    return;
  g_ptr_array_unref(units->ops);
  g_free(units);
}

/* All that are there now; what is begun meanwhile belongs to another manager. */
static void end_all(DplUnits *units, const GError *error) {
  guint64 last = units->serial;

  dpl_units_ref(units);
  for (guint i = 0; i < units->ops->len;) {
    DplUnitsOp *op = units->ops->pdata[i];
    if (op->serial > last) {
      i++;
      continue;
    }
    if (error)
      op->fail(op, g_error_copy(error));
    else
      op->drop(op);
    i = 0; /* one end may have brought others */
  }
  dpl_units_unref(units);
}

static void lose(DplUnits *units, const char *why) {
  g_autoptr(GError) error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, why);

  units->reload = sd_bus_slot_unref(units->reload);
  end_all(units, error);
}

static int on_lost(sd_bus_message *m, void *data, sd_bus_error *ret) {
  lose(data, "the connection to systemd was lost; how its units are is not known");
  return 0;
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  lose(data, "systemd was executed anew or has ended meanwhile; how its units are is not known");
  return 0;
}

/* The first that was begun after the one of `serial`: others come and go meanwhile. */
static DplUnitsOp *next_op(const DplUnits *units, guint64 serial) {
  for (guint i = 0; i < units->ops->len; i++)
    if (((DplUnitsOp *)units->ops->pdata[i])->serial > serial)
      return units->ops->pdata[i];
  return NULL;
}

static int on_removed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *path, *name, *result;
  DplUnits *units = data;
  guint32 id;

  if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) < 0)
    return 0;
  guint64 last = 0;
  DplUnitsOp *op;
  dpl_units_ref(units);
  /* systemd makes one job of two that want the same: every operation is told */
  while ((op = next_op(units, last)) != NULL) {
    last = op->serial;
    if (op->removed)
      op->removed(op, path, result);
  }
  dpl_units_unref(units);
  return 0;
}

static int ignore(sd_bus_message *m, void *data, sd_bus_error *ret) {
  return 1;
}

static int listen_to(DplUnits *units) {
  int r = sd_bus_match_signal_async(units->bus, &units->lost, WG_BUS_LOCAL, WG_PATH_LOCAL,
                                    WG_IFACE_LOCAL, "Disconnected", on_lost, NULL, units);

  if (r >= 0)
    r = sd_bus_add_match_async(units->bus, &units->owner, WG_MATCH_SYSTEMD_OWNER, on_owner, NULL,
                               units);
  if (r >= 0)
    r = sd_bus_match_signal_async(units->bus, &units->removed, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                  WG_IFACE_SYSTEMD_MANAGER, "JobRemoved", on_removed, NULL, units);
  return r;
}

static void forget_bus(DplUnits *units) {
  units->lost = sd_bus_slot_unref(units->lost);
  units->owner = sd_bus_slot_unref(units->owner);
  units->removed = sd_bus_slot_unref(units->removed);
  units->subscribe = sd_bus_slot_unref(units->subscribe);
  units->reload = sd_bus_slot_unref(units->reload);
  units->bus = sd_bus_unref(units->bus);
}

void dpl_units_set_bus(DplUnits *units, sd_bus *bus) {
  if (bus == units->bus)
    return;
  dpl_units_ref(units);
  if (units->bus)
    lose(units, "the connection to systemd was lost; how its units are is not known");
  forget_bus(units);
  units->bus = sd_bus_ref(bus);
  if (bus && listen_to(units) < 0)
    forget_bus(units); /* every operation will say that none is there */
  dpl_units_unref(units);
}

DplUnits *dpl_units_new(sd_bus *bus, gboolean user_scope) {
  DplUnits *units = g_new0(DplUnits, 1);

  units->references = 1;
  units->user_scope = user_scope;
  units->ops = g_ptr_array_new();
  dpl_units_set_bus(units, bus);
  return units;
}

void dpl_units_free(DplUnits *units) {
  if (units == NULL)
    return;
  end_all(units, NULL);
  forget_bus(units);
  dpl_units_unref(units);
}

sd_bus *dpl_units_bus(DplUnits *units) {
  return units->bus;
}

/* ---- for the operations ---- */

void dpl_units_op_over(DplUnitsOp *op) {
  g_ptr_array_remove(op->units->ops, op);
  g_clear_handle_id(&op->timer, g_source_remove);
  g_clear_handle_id(&op->later, g_source_remove);
  g_clear_error(&op->error);
}

static gboolean end_now(gpointer data) {
  DplUnitsOp *op = data;

  op->later = 0;
  op->fail(op, g_steal_pointer(&op->error));
  return G_SOURCE_REMOVE;
}

void dpl_units_op_fail_later(DplUnitsOp *op, GError *error) {
  if (op->error) { /* it is on its way */
    g_error_free(error);
    return;
  }
  op->error = error;
  op->later = g_idle_add_full(G_PRIORITY_DEFAULT, end_now, op, NULL);
}

typedef struct {
  DplUnitsOp *op;
  guint64 limit;
  char *what;
} Limit;

static void limit_free(gpointer data) {
  Limit *limit = data;

  g_free(limit->what);
  g_free(limit);
}

static gboolean out_of_time(gpointer data) {
  Limit *limit = data;
  DplUnitsOp *op = limit->op;
  g_autofree char *span = wg_span_text(limit->limit);
  GError *error =
      g_error_new(WG_ERROR, WG_ERROR_TIMEOUT, "%s was not over within %s", limit->what, span);

  op->fail(op, error); /* takes the timer away, and this with it */
  return G_SOURCE_REMOVE;
}

static Limit *limit_new(DplUnitsOp *op, guint64 limit, const char *what) {
  Limit *data = g_new(Limit, 1);

  *data = (Limit){op, limit, g_strdup(what)};
  return data;
}

gboolean dpl_units_op_begin(DplUnits *units, DplUnitsOp *op, guint64 limit, const char *what) {
  op->units = units;
  op->serial = ++units->serial;
  g_ptr_array_add(units->ops, op);
  if (limit != 0 && limit != G_MAXUINT64) {
    op->timer =
        g_timeout_add_full(G_PRIORITY_DEFAULT, (guint)MIN((limit + 999) / 1000, (guint64)G_MAXUINT),
                           out_of_time, limit_new(op, limit, what), limit_free);
  }
  if (units->bus == NULL || !sd_bus_is_open(units->bus)) {
    dpl_units_op_fail_later(
        op, g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, "there is no connection to systemd"));
    return FALSE;
  }
  if (units->subscribe == NULL) /* signals are sent only to who asks for them */
    sd_bus_call_method_async(units->bus, &units->subscribe, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                             WG_IFACE_SYSTEMD_MANAGER, "Subscribe", ignore, NULL, "");
  return TRUE;
}

GError *dpl_units_error(const sd_bus_error *e, int r, const char *what, const char *name) {
  const char *text = e ? (e->message ? e->message : e->name) : g_strerror(-r);
  WgErrorCode code = WG_ERROR_FAILED;

  if (e && sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT)) {
    code = WG_ERROR_TIMEOUT;
    text = "it does not answer";
  } else if (e && sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                         SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
    text = "none runs here";
  } else if (e && sd_bus_error_has_names(e, SD_BUS_ERROR_ACCESS_DENIED,
                                         SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)) {
    code = WG_ERROR_NOT_AUTHORIZED;
  }
  return g_error_new(WG_ERROR, code, "systemd does not %s%s%s: %s", what, name ? " " : "",
                     name ? name : "", text);
}

int dpl_units_ask(DplUnits *units, sd_bus_slot **slot, const char *name, guint64 limit,
                  sd_bus_message_handler_t answer, gpointer data) {
  g_autofree char *path = wg_unit_path(name);
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(units->bus, &m, WG_BUS_SYSTEMD, path, WG_IFACE_PROPERTIES,
                                         "GetAll");

  *slot = sd_bus_slot_unref(*slot);
  if (r >= 0)
    r = sd_bus_message_append(m, "s", "");
  if (r >= 0)
    r = sd_bus_call_async(units->bus, slot, m, answer, data, limit);
  sd_bus_message_unref(m);
  return r;
}

void dpl_units_tell(DplUnits *units, const char *method, const char *types, ...) {
  sd_bus_message *m = NULL;
  va_list args;

  if (units->bus == NULL ||
      sd_bus_message_new_method_call(units->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                     WG_IFACE_SYSTEMD_MANAGER, method) < 0)
    return;
  va_start(args, types);
  int r = sd_bus_message_appendv(m, types, args);
  va_end(args);
  if (r >= 0 && sd_bus_message_set_expect_reply(m, 0) >= 0)
    sd_bus_send(units->bus, m, NULL);
  sd_bus_message_unref(m);
}

void dpl_units_cancel_job(DplUnits *units, const char *job) {
  const char *number = strrchr(job, '/');

  if (number)
    dpl_units_tell(units, "CancelJob", "u", (guint32)g_ascii_strtoull(number + 1, NULL, 10));
}

void dpl_units_forgive(DplUnits *units, const char *const *names) {
  for (guint i = 0; names[i]; i++)
    dpl_units_tell(units, "ResetFailedUnit", "s", names[i]);
}
