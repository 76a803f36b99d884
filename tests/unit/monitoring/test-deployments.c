/* test-deployments.c: releases of units and windows of deployments, from a deployment service that
 * the test plays: asked anew for each new owner of the name, told by signals alone. */
#include "../common/bus-broker.h"

#include "monitoring/deployments.h"

#include "common/clock.h"
#include "common/names.h"

#include <string.h>

/* ---- the service ---- */
static GTestDBus *broker;
static guint n_lists, n_shows;
static const char *good_release, *live_state, *drift;

static int on_list(sd_bus_message *m, void *data, sd_bus_error *ret) {
  sd_bus_message *reply = NULL;

  n_lists++;
  g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
  sd_bus_message_open_container(reply, 'a', "a{sv}");
  if (drift != NULL)
    sd_bus_message_append(reply, "a{sv}", 4, "name", "s", "shop", "good-deployment", "t",
                          (uint64_t)3, "current", "s", "1.0-old", "drift", "s", drift);
  else
    sd_bus_message_append(reply, "a{sv}", live_state != NULL ? 4 : 2, "name", "s", "shop",
                          "good-deployment", "t", (uint64_t)3, "deployment", "t", (uint64_t)4,
                          "state", "s", live_state);
  sd_bus_message_close_container(reply);
  g_assert_cmpint(sd_bus_send(NULL, reply, NULL), >=, 0);
  sd_bus_message_unref(reply);
  return 1;
}

static int on_show(sd_bus_message *m, void *data, sd_bus_error *ret) {
  uint64_t id;

  n_shows++;
  g_assert_cmpint(sd_bus_message_read(m, "t", &id), >=, 0);
  g_autofree char *text = g_strdup_printf("{\"to\":\"%s\",\"traceparent\":\"%s\",\"manifest\":{"
                                          "\"units\":{\"install\":[\"units/shop.service\"],"
                                          "\"start\":\"shop.socket\",\"stop-first\":true}}}",
                                          id == 3 ? good_release : "2.0-new",
                                          id == 3 ? "of the third" : "of the fifth");
  return sd_bus_reply_method_return(m, "s", text);
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("List", "a{sv}", "aa{sv}", on_list, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Show", "t", "s", on_show, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("StateChanged", "tssss", 0),
    SD_BUS_SIGNAL("DriftChecked", "sssts", 0),
    SD_BUS_VTABLE_END,
};

static void service_up(Connection *c) {
  connection_open(c, broker);
  g_assert_cmpint(
      sd_bus_add_object_vtable(c->bus, NULL, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, vtable, NULL),
      >=, 0);
  g_assert_cmpint(sd_bus_request_name_async(c->bus, NULL, WG_BUS_DEPLOYMENT, 0, NULL, NULL), >=, 0);
}

static void state(Connection *c, guint64 id, const char *from, const char *to) {
  g_assert_cmpint(sd_bus_emit_signal(c->bus, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT,
                                     "StateChanged", "tssss", id, "shop", from, to, "because"),
                  >=, 0);
}

/* ---- us ---- */
typedef struct {
  MonDaemon daemon;
  MonDeployments *all;
  Connection ours;
  GString *events;
  const char *unit, *wanted;
} World;

static void on_event(const MonEvent *event, gpointer data) {
  World *w = data;

  g_assert_cmpint(event->kind, ==, MON_EVENT_DEPLOYMENT);
  g_assert_cmpstr(event->subject, ==, "shop");
  g_assert_cmpstr(mon_labels_get(event->labels, "deployment"), ==, "5");
  g_string_append_printf(w->events, "%s ", event->to);
}

static void begin(World *w) {
  *w = (World){.events = g_string_new(NULL)};
  n_lists = n_shows = 0;
  w->daemon.events = mon_events_new();
  w->daemon.board = mon_board_new();
  mon_events_listen(w->daemon.events, on_event, w);
  connection_open(&w->ours, broker);
  w->all = mon_deployments_new(&w->daemon, NULL);
  mon_deployments_bus(w->all, w->ours.bus);
}

static void end(World *w) {
  mon_deployments_free(w->all);
  mon_board_free(w->daemon.board);
  mon_events_free(w->daemon.events);
  connection_close(&w->ours);
  g_string_free(w->events, TRUE);
}

static gboolean turn(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static void until(World *w, gboolean (*holds)(World *w)) {
  gint64 limit = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
  guint tick = g_timeout_add(20, turn, NULL);

  while (!holds(w) && g_get_monotonic_time() < limit)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(tick);
  g_assert_true(holds(w));
}

static gboolean release_is(World *w) {
  return g_strcmp0(mon_deployments_release(w->all, w->unit), w->wanted) == 0;
}

static void wait_release(World *w, const char *unit, const char *wanted) {
  w->unit = unit;
  w->wanted = wanted;
  until(w, release_is);
}

static gboolean has_window(World *w) {
  return mon_deployments_window(w->all, w->unit) != NULL;
}

static gboolean has_no_window(World *w) {
  return !has_window(w);
}

static void test_release(void) {
  Connection deployd;
  World w;

  good_release = "1.0-old";
  live_state = NULL;
  service_up(&deployd);
  begin(&w);
  wait_release(&w, "shop.service", "1.0-old");
  wait_release(&w, "shop.socket", "1.0-old");
  g_assert_null(mon_deployments_release(w.all, "other.service"));
  g_assert_null(mon_deployments_window(w.all, "shop.service"));
  guint before = mon_deployments_revision(w.all);
  state(&deployd, 5, "committed", "cleaning");
  state(&deployd, 5, "cleaning", "done");
  wait_release(&w, "shop.service", "2.0-new");
  g_assert_cmpuint(mon_deployments_revision(w.all), >, before);
  g_assert_cmpstr(w.events->str, ==, "cleaning done ");
  end(&w);
  connection_close(&deployd);
}

/* Open while units are touched; one that waits to be confirmed hides nothing. */
static void test_window(void) {
  WgClockFake fake = {.boot_id = "aa", .boottime = 1000, .realtime = 1000};
  Connection deployd;
  World w;

  good_release = "1.0-old";
  live_state = NULL;
  service_up(&deployd);
  begin(&w);
  w.unit = "shop.service";
  state(&deployd, 5, "staged", "switching");
  until(&w, has_window);
  g_assert_nonnull(strstr(mon_deployments_window(w.all, "shop.service"), "is switching"));
  g_assert_null(mon_deployments_window(w.all, "other.service"));
  state(&deployd, 5, "verifying", "verified");
  until(&w, has_no_window);
  wg_clock_set_fake(&fake);
  state(&deployd, 5, "verified", "rolling-back");
  until(&w, has_window);
  fake.boottime += G_GINT64_CONSTANT(31) * 60 * G_USEC_PER_SEC;
  g_assert_true(has_no_window(&w)); /* it takes longer than any may */
  wg_clock_set_fake(NULL);
  state(&deployd, 5, "rolling-back", "rolled-back");
  wait_release(&w, "shop.service", "1.0-old");
  end(&w);
  connection_close(&deployd);
}

static gboolean is_over(World *w) {
  return g_str_has_suffix(w->events->str, "rolled-back ");
}

static gboolean is_traced(World *w) {
  return g_strcmp0(mon_deployments_trace(w->all, w->unit), "of the fifth") == 0;
}

/* From the first touch of its units until half an hour after the last of its states, and what only
 * serves is in nobody's trace. */
static void test_trace(void) {
  WgClockFake fake = {.boot_id = "aa", .boottime = 1000, .realtime = 1000};
  const gint64 minute = 60 * G_USEC_PER_SEC;
  Connection deployd;
  World w;

  good_release = "1.0-old";
  live_state = NULL;
  wg_clock_set_fake(&fake);
  service_up(&deployd);
  begin(&w);
  wait_release(&w, "shop.service", "1.0-old");
  g_assert_null(mon_deployments_trace(w.all, "shop.service"));
  state(&deployd, 5, "validated", "staging");
  state(&deployd, 5, "staging", "switching");
  until(&w, is_traced);
  g_assert_null(mon_deployments_trace(w.all, "other.service"));
  fake.boottime += 29 * minute;
  g_assert_true(is_traced(&w));
  state(&deployd, 5, "verifying", "rolling-back");
  state(&deployd, 5, "rolling-back", "rolled-back");
  until(&w, is_over);
  fake.boottime += 29 * minute;
  g_assert_true(is_traced(&w));
  fake.boottime += 2 * minute;
  g_assert_null(mon_deployments_trace(w.all, "shop.service"));
  end(&w);
  connection_close(&deployd);
  wg_clock_set_fake(NULL);
}

static gboolean was_asked_again(World *w) {
  return n_lists >= 2;
}

static void test_comes_and_goes(void) {
  Connection deployd;
  World w;

  good_release = "1.0-old";
  live_state = "verifying";
  begin(&w); /* nobody is there yet */
  g_assert_null(mon_deployments_release(w.all, "shop.service"));
  service_up(&deployd);
  w.unit = "shop.service";
  until(&w, has_window);
  connection_close(&deployd);
  live_state = NULL;
  good_release = "1.1-next";
  service_up(&deployd);
  until(&w, was_asked_again);
  wait_release(&w, "shop.service", "1.1-next");
  end(&w);
  connection_close(&deployd);
}

static gboolean drift_is(World *w) {
  static const char *const releases[] = {"1.0-old", "2.0-new"};
  static const char *const states[] = {"intact", "edited", "unproven", "busy"};
  g_autoptr(GString) told = g_string_new(NULL);

  for (guint r = 0; r < G_N_ELEMENTS(releases); r++)
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
      g_autoptr(MonLabels) labels =
          mon_labels_new("target", "shop", "release", releases[r], "state", states[i], NULL);
      if (mon_board_find(w->daemon.board, "waggle_target_drift", labels) != NULL)
        g_string_append_printf(told, "%s %s", releases[r], states[i]);
    }
  return strcmp(told->str, w->wanted) == 0;
}

static void wait_drift(World *w, const char *wanted) {
  w->wanted = wanted;
  until(w, drift_is);
}

static void look(Connection *c, const char *release, const char *found) {
  g_assert_cmpint(sd_bus_emit_signal(c->bus, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT,
                                     "DriftChecked", "sssts", "shop", release, found, (uint64_t)1,
                                     "because"),
                  >=, 0);
}

/* One series, whatever was found; it stays when the service leaves, and goes with the release. */
static void test_drift(void) {
  Connection deployd;
  World w;

  good_release = "1.0-old";
  live_state = NULL;
  drift = "edited";
  service_up(&deployd);
  begin(&w);
  wait_drift(&w, "1.0-old edited");
  look(&deployd, "1.0-old", "unproven");
  wait_drift(&w, "1.0-old unproven");
  look(&deployd, "1.0-old", "intact");
  wait_drift(&w, "1.0-old intact");
  look(&deployd, "1.0-old", "busy"); /* no word that anybody knows */
  wait_drift(&w, "");
  look(&deployd, "1.0-old", "edited");
  wait_drift(&w, "1.0-old edited");
  connection_close(&deployd);
  drift = "intact"; /* it looked again while nobody saw */
  service_up(&deployd);
  wait_drift(&w, "1.0-old intact");
  state(&deployd, 5, "committed", "cleaning");
  state(&deployd, 5, "cleaning", "done");
  wait_drift(&w, "");
  look(&deployd, "2.0-new", "edited");
  wait_drift(&w, "2.0-new edited");
  end(&w);
  connection_close(&deployd);
  drift = NULL;
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  broker = broker_up();
  g_test_add_func("/deployments/release", test_release);
  g_test_add_func("/deployments/window", test_window);
  g_test_add_func("/deployments/trace", test_trace);
  g_test_add_func("/deployments/comes-and-goes", test_comes_and_goes);
  g_test_add_func("/deployments/drift", test_drift);
  int status = g_test_run();
  broker_down(broker);
  return status;
}
