/* activation.c: the back-end "activation": mail for a stopped agent starts its unit.
 *
 * The user's own systemd is asked, over the session's bus. Announced is only what systemd reports
 * as started. A unit that runs already has to take its mail by itself: that is held, so that the
 * ladder goes on after a while. A guard keeps an agent that dies at once from being started for
 * ever; systemd's own StartLimit counts besides. */
#include "delivery/backend.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>

#define BURST_DEFAULT 5
#define INTERVAL_DEFAULT (10 * G_TIME_SPAN_MINUTE)

static const DlvOption options[] = {
    {"unit", DLV_TEXT, TRUE, 0, 0, "the unit to start, of the user's manager"},
    {"burst", DLV_NUMBER, FALSE, 1, 1000, "at most so many starts within interval; 5"},
    {"interval", DLV_TIME, FALSE, G_TIME_SPAN_SECOND, G_TIME_SPAN_DAY, "10min"},
    {NULL},
};

typedef struct {
  DlvCourier *courier;
  char *unit, *job_path; /* job_path: of systemd's job, while it runs */
  guint burst;
  gint64 interval;
  GArray *starts;             /* gint64, CLOCK_BOOTTIME us, the oldest first */
  sd_bus_slot *slot, *signal; /* the call that is under way; JobRemoved */
  DlvJob *job;
} Activation;

static gboolean unit_ok(const char *unit) {
  static const char *const types[] = {".service", ".target", ".scope", ".socket", NULL};
  gsize n = strlen(unit);

  if (n > 255 || strchr(unit, '/'))
    return FALSE;
  for (guint i = 0; types[i]; i++)
    if (g_str_has_suffix(unit, types[i]) && n > strlen(types[i]))
      return TRUE;
  return FALSE;
}

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *given,
                          GError **error) {
  const char *unit = dlv_option_text(given, "unit", NULL);

  if (!unit_ok(unit)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "\"unit\": '%.80s' is no unit that can be started, like agent.service", unit);
    return NULL;
  }
  Activation *a = g_new0(Activation, 1);
  a->courier = courier;
  a->unit = g_strdup(unit);
  a->burst = (guint)dlv_option_number(given, "burst", BURST_DEFAULT);
  a->interval = (gint64)dlv_option_time(given, "interval", INTERVAL_DEFAULT);
  a->starts = g_array_new(FALSE, FALSE, sizeof(gint64));
  return a;
}

static void drop_calls(Activation *a) {
  a->slot = sd_bus_slot_unref(a->slot);
  a->signal = sd_bus_slot_unref(a->signal);
  g_clear_pointer(&a->job_path, g_free);
}

static void activation_free(gpointer state) {
  Activation *a = state;

  drop_calls(a);
  g_array_unref(a->starts);
  g_free(a->unit);
  g_free(a);
}

static void settle(Activation *a, DlvResult result, gint64 retry, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
static void settle(Activation *a, DlvResult result, gint64 retry, const char *format, ...) {
  DlvJob *job = g_steal_pointer(&a->job);
  va_list list;

  va_start(list, format);
  g_autofree char *cause = g_strdup_vprintf(format, list);
  va_end(list);
  drop_calls(a);
  dlv_job_report_all(job, result, (guint64)retry, cause);
}

static const char *error_text(sd_bus_message *m) {
  const sd_bus_error *e = sd_bus_message_get_error(m);

  return e && e->message ? e->message : e && e->name ? e->name : "no answer";
}

static gint64 now(void) {
  struct timespec ts;

  clock_gettime(CLOCK_BOOTTIME, &ts);
  return ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* How long until another start is allowed; 0: now. */
static gint64 guard(Activation *a) {
  gint64 t = now();

  while (a->starts->len > 0 && g_array_index(a->starts, gint64, 0) + a->interval <= t)
    g_array_remove_index(a->starts, 0);
  return a->starts->len < a->burst ? 0 : g_array_index(a->starts, gint64, 0) + a->interval - t;
}

static int ask(Activation *a, const char *path, const char *interface, const char *method,
               sd_bus_message_handler_t answer, const char *types, const char *first,
               const char *second) {
  a->slot = sd_bus_slot_unref(a->slot);
  return sd_bus_call_method_async(dlv_courier_bus(a->courier), &a->slot, WG_BUS_SYSTEMD, path,
                                  interface, method, answer, a, types, first, second);
}

/* ---- the job ---- */
static int on_removed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *path, *unit, *result;
  Activation *a = data;
  guint32 id;

  if (!a->job || !a->job_path || sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 ||
      !g_str_equal(path, a->job_path))
    return 0;
  if (g_str_equal(result, "done"))
    settle(a, DLV_ANNOUNCED, 0, "%s was started", a->unit);
  else
    settle(a, DLV_FAILED, 0, "%s was not started: systemd reports \"%s\"", a->unit, result);
  return 0;
}

static int on_started(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *path;
  Activation *a = data;

  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "o", &path) < 0) {
    settle(a, DLV_FAILED, 0, "%s cannot be started: %s", a->unit, error_text(m));
    return 1;
  }
  gint64 t = now();
  g_array_append_val(a->starts, t);
  a->job_path = g_strdup(path); /* the signal that it is removed comes after this answer */
  return 1;
}

static void start(Activation *a) {
  gint64 wait = guard(a);

  if (wait > 0)
    settle(a, DLV_HELD, wait, "%s was started %u times within %" G_GINT64_FORMAT " s", a->unit,
           a->burst, (gint64)(a->interval / G_USEC_PER_SEC));
  else if (ask(a, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "StartUnit", on_started, "ss", a->unit,
               "replace") < 0)
    settle(a, DLV_FAILED, 0, "%s: systemd cannot be asked", a->unit);
}

/* ---- how the unit is ---- */
static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *state;
  Activation *a = data;

  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "s", &state) < 0)
    settle(a, DLV_FAILED, 0, "%s: its state cannot be read: %s", a->unit, error_text(m));
  else if (g_str_equal(state, "inactive") || g_str_equal(state, "failed"))
    start(a);
  else if (g_str_equal(state, "deactivating"))
    settle(a, DLV_HELD, G_USEC_PER_SEC, "%s is just stopping", a->unit);
  else
    settle(a, DLV_HELD, 0, "%s runs already; it has to take its mail by itself", a->unit);
  return 1;
}

static int on_loaded(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *path;
  Activation *a = data;

  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "o", &path) < 0)
    settle(a, DLV_FAILED, 0, "%s: %s", a->unit, error_text(m));
  else if (ask(a, path, WG_IFACE_PROPERTIES, "Get", on_state, "ss", WG_IFACE_SYSTEMD_UNIT,
               "ActiveState") < 0)
    settle(a, DLV_FAILED, 0, "%s: systemd cannot be asked", a->unit);
  return 1;
}

/* Without a subscriber the manager sends no JobRemoved; a second subscription is refused, which is
 * just as good. */
static int on_subscribed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Activation *a = data;

  if (ask(a, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "LoadUnit", on_loaded, "s", a->unit, NULL) <
      0)
    settle(a, DLV_FAILED, 0, "%s: systemd cannot be asked", a->unit);
  return 1;
}

static void run(gpointer state, DlvJob *job) {
  Activation *a = state;
  sd_bus *bus = dlv_courier_bus(a->courier);

  a->job = job;
  if (!bus) {
    settle(a, DLV_HELD, 0, "there is no user manager here that could start %s", a->unit);
    return;
  }
  int r = sd_bus_match_signal_async(bus, &a->signal, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                    WG_IFACE_SYSTEMD_MANAGER, "JobRemoved", on_removed, NULL, a);
  if (r >= 0)
    r = ask(a, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "Subscribe", on_subscribed, "", NULL,
            NULL);
  if (r < 0)
    settle(a, DLV_FAILED, 0, "%s: systemd cannot be asked: %s", a->unit, g_strerror(-r));
}

static void cancel(gpointer state, DlvJob *job) {
  Activation *a = state;

  if (a->job == job)
    settle(a, DLV_FAILED, 0, "%s did not start in time", a->unit);
}

const DlvBackendClass dlv_backend_activation = {
    .name = "activation",
    .summary = "starts the agent's unit",
    .options = options,
    .configure = configure,
    .free = activation_free,
    .run = run,
    .cancel = cancel,
};
