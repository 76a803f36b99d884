/* suite.c: see suite.h. Whom it asks, and when; what becomes of an answer is suite-figures.c's. */
#include "monitoring/suite-private.h"

#include "common/bus-variant.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/names.h"

typedef struct {
  const char *name, *path, *interface, *method;
  gboolean has_options;
  const MonSuitePeer *figures;
} Peer;

static const Peer peers[] = {
    {WG_BUS_MESSAGING, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "GetStatistics", FALSE,
     &mon_suite_messaging},
    {WG_BUS_DEPLOYMENT, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "Stats", TRUE,
     &mon_suite_deployment},
};

typedef struct {
  MonSuite *suite;
  const Peer *peer;
  MonSource *source;
  sd_bus_slot *slot; /* of the call that is under way; NULL: none */
} Asked;

struct MonSuite {
  MonDaemon *daemon;
  sd_bus *bus; /* NULL: lost */
  gint64 asked;
  Asked peers[G_N_ELEMENTS(peers)];
};

MonSuite *mon_suite_new(MonDaemon *daemon) {
  MonSuite *suite = g_new0(MonSuite, 1);

  suite->daemon = daemon;
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    suite->peers[i] = (Asked){suite, &peers[i], mon_source_new(daemon->board), NULL};
  return suite;
}

static void forget_calls(MonSuite *suite) {
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    suite->peers[i].slot = sd_bus_slot_unref(suite->peers[i].slot);
}

void mon_suite_free(MonSuite *suite) {
  if (!suite)
    return;
  forget_calls(suite);
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    mon_source_free(suite->peers[i].source);
  g_free(suite);
}

void mon_suite_bus(MonSuite *suite, sd_bus *bus) {
  forget_calls(suite);
  suite->bus = bus;
  suite->asked = 0;
}

/* Not running, or not for us to ask: no figures, and no reason for an alarm. */
static gboolean is_absent(const sd_bus_error *e) {
  static const char *const names[] = {
      SD_BUS_ERROR_SERVICE_UNKNOWN,
      SD_BUS_ERROR_NAME_HAS_NO_OWNER,
      SD_BUS_ERROR_ACCESS_DENIED,
      SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
      NULL,
  };

  return g_strv_contains(names, e->name) ||
         g_strcmp0(e->name, wg_error_name(WG_ERROR_NOT_AUTHORIZED)) == 0;
}

static GVariant *figures_of(sd_bus_message *m) {
  g_autoptr(GVariant) reply = wg_variant_read_all(m, NULL);
  g_autoptr(GVariant) figures =
      reply && g_variant_n_children(reply) == 1 ? g_variant_get_child_value(reply, 0) : NULL;

  return figures && g_variant_is_of_type(figures, G_VARIANT_TYPE_VARDICT)
             ? g_steal_pointer(&figures)
             : NULL;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  Asked *asked = userdata;
  const MonSuitePeer *peer = asked->peer->figures;
  g_autoptr(MonReadings) readings = mon_readings_new();
  const sd_bus_error *e = sd_bus_message_get_error(m);
  g_autoptr(GVariant) figures = e ? NULL : figures_of(m);

  asked->slot = sd_bus_slot_unref(asked->slot);
  if (figures)
    mon_suite_take(asked->suite->daemon, peer, figures, readings);
  else
    mon_suite_forget(asked->suite->daemon, peer);
  if (figures || (e && !is_absent(e)))
    mon_readings_add(readings, peer->up, figures != NULL, NULL, NULL, NULL);
  mon_source_apply(asked->source, readings, 0);
  return 0;
}

static void ask(Asked *asked) {
  const Peer *peer = asked->peer;
  sd_bus_message *m = NULL;

  if (asked->slot)
    return;
  int r = sd_bus_message_new_method_call(asked->suite->bus, &m, peer->name, peer->path,
                                         peer->interface, peer->method);
  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0 && peer->has_options)
    r = sd_bus_message_append(m, "a{sv}", 0);
  if (r >= 0)
    sd_bus_call_async(asked->suite->bus, &asked->slot, m, on_answer, asked,
                      asked->suite->daemon->settings.call_timeout);
  sd_bus_message_unref(m);
}

void mon_suite_tick(MonSuite *suite) {
  gint64 now = wg_time_boottime();

  if (!suite->bus ||
      (suite->asked != 0 && now < suite->asked + (gint64)suite->daemon->settings.suite_interval))
    return;
  suite->asked = now;
  for (guint i = 0; i < G_N_ELEMENTS(peers); i++)
    ask(&suite->peers[i]);
}
