/* test-inventory.c: units by signals alone: listed once, every change an event and a series, new
 * and removed ones, daemon-reload, a manager that is killed or hangs. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "../deployment/mock-fixture.h"

#include "monitoring/inventory.h"
#include "monitoring/metrics-list.h"

#include "common/names.h"

#include <string.h>

typedef struct {
  MonDaemon daemon;
  MonInventory *inventory;
  GString *events, *bus; /* "a.service:active>failed " */
  const char *unit, *wanted;
  guint n_reloaded;
} World;

static void on_event(const MonEvent *event, gpointer data) {
  World *w = data;
  const MonUnit *unit;

  if (event->kind == MON_EVENT_BUS) {
    g_string_append_printf(w->bus, "%s ", event->to);
    return;
  }
  g_assert_cmpint(event->kind, ==, MON_EVENT_UNIT);
  unit = mon_inventory_unit(w->inventory, event->subject);
  g_assert_cmpstr(unit->state->active, ==, event->to);
  g_assert_true(event->labels == unit->labels);
  g_assert_cmpint(event->time, >, 0);
  g_string_append_printf(w->events, "%s:%s>%s ", event->subject, event->from, event->to);
}

static void on_unit(const MonUnit *unit, MonUnitChange change, gpointer data) {
  ((World *)data)->n_reloaded += change == MON_UNIT_RELOADED;
}

static gboolean is_fresh(gpointer data) {
  return mon_inventory_fresh(((World *)data)->inventory);
}

static gboolean is_wanted(gpointer data) {
  World *w = data;
  const MonUnit *unit = mon_inventory_unit(w->inventory, w->unit);

  return w->wanted == NULL ? unit == NULL : unit && strcmp(unit->state->active, w->wanted) == 0;
}

static void wait_unit(World *w, const char *unit, const char *state) {
  w->unit = unit;
  w->wanted = state;
  mock_until(is_wanted, w);
}

static void begin(World *w) {
  *w = (World){.daemon = {.user_scope = FALSE}};
  w->daemon.settings = (MonSettings){.watch_units = TRUE, .call_timeout = 60 * G_USEC_PER_SEC};
  w->daemon.events = mon_events_new();
  w->daemon.board = mon_board_new();
  w->events = g_string_new(NULL);
  w->bus = g_string_new(NULL);
  mon_events_listen(w->daemon.events, on_event, w);
  w->inventory = mon_inventory_new(&w->daemon, NULL);
  mon_inventory_listen(w->inventory, on_unit, w);
  mock_until(is_fresh, w);
}

static void end(World *w) {
  mon_inventory_free(w->inventory);
  mon_board_free(w->daemon.board);
  mon_events_free(w->daemon.events);
  g_string_free(w->events, TRUE);
  g_string_free(w->bus, TRUE);
}

/* -1: no such series */
static double state_of(World *w, const char *unit, const char *state) {
  g_autoptr(MonLabels) labels =
      mon_labels_new("unit", unit, "type", "service", "state", state, NULL);
  MonSeries *series = mon_board_find(w->daemon.board, "waggle_unit_state", labels);

  return series != NULL ? mon_series_value(series) : -1;
}

static double count_of(World *w, const char *state) {
  g_autoptr(MonLabels) labels = mon_labels_new("state", state, NULL);
  MonSeries *series = mon_board_find(w->daemon.board, "waggle_units", labels);

  return series != NULL ? mon_series_value(series) : 0;
}

static void service(const char *name, const char *unit) {
  mock_write(name, "[Unit]\n%s\n[Service]\nExecStart=/bin/sleep 1000\n", unit);
}

static void test_life_of_a_unit(void) {
  World w;

  service("a.service",
          "Requires=x.target\nBindsTo=y.target\nPartOf=z.target\nAfter=x.target o.target");
  mock_call("StartUnit", "ss", "a.service", "replace");
  begin(&w);
  wait_unit(&w, "a.service", "active");
  g_assert_cmpfloat(state_of(&w, "a.service", "active"), ==, 1);
  g_assert_cmpfloat(state_of(&w, "a.service", "failed"), ==, 0);
  g_autofree const char **needs = mon_inventory_needs(w.inventory, "a.service");
  g_assert_cmpuint(g_strv_length((char **)needs), ==, 3);
  g_assert_true(g_strv_contains(needs, "z.target"));
  g_assert_false(g_strv_contains(needs, "o.target"));
  mock_call("KillUnit", "ssi", "a.service", "all", 9);
  wait_unit(&w, "a.service", "failed");
  g_assert_cmpstr(w.events->str, ==, "a.service:active>failed ");
  g_assert_cmpfloat(state_of(&w, "a.service", "active"), ==, 0);
  g_assert_cmpfloat(state_of(&w, "a.service", "failed"), ==, 1);
  g_assert_cmpfloat(count_of(&w, "failed"), ==, 1);
  g_assert_cmpstr(mon_inventory_unit(w.inventory, "a.service")->state->result, ==, "signal");
  mock_call("ResetFailedUnit", "s", "a.service");
  wait_unit(&w, "a.service", NULL);
  g_assert_cmpfloat(state_of(&w, "a.service", "failed"), ==, -1);
  g_assert_cmpfloat(count_of(&w, "failed"), ==, 0);
  end(&w);
}

static void test_new_ones_are_found_and_not_loaded(void) {
  World w;

  begin(&w);
  service("b.service", "");
  mock_call("StartUnit", "ss", "b.service", "replace");
  wait_unit(&w, "b.service", "active");
  g_assert_cmpfloat(state_of(&w, "b.service", "active"), ==, 1);
  g_assert_cmpuint(mock_count("ListUnits"), >=, 1);
  g_assert_null(mon_inventory_unit(w.inventory, "nobody.service"));
  g_assert_null(mon_inventory_needs(w.inventory, "nobody.service"));
  end(&w);
}

/* Its needs are asked for after the list is there. */
static gboolean needs_the_second(gpointer data) {
  g_autofree const char **needs = mon_inventory_needs(((World *)data)->inventory, "c.service");

  return needs != NULL && needs[0] != NULL && strcmp(needs[0], "two.target") == 0;
}

static void test_reload_lists_anew(void) {
  World w;

  service("c.service", "Requires=one.target");
  mock_call("StartUnit", "ss", "c.service", "replace");
  begin(&w);
  wait_unit(&w, "c.service", "active");
  service("c.service", "Requires=two.target");
  w.n_reloaded = 0; /* the first sight counts as one */
  mock_call("Reload", "");
  mock_until(needs_the_second, &w);
  g_assert_cmpuint(w.n_reloaded, >, 0);
  g_assert_cmpstr(w.events->str, ==, "");
  end(&w);
}

static gboolean is_lost(gpointer data) {
  return mon_inventory_trouble(((World *)data)->inventory) != NULL;
}

static double is_up(World *w) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  return mon_series_value(mon_board_find(w->daemon.board, "waggle_manager_up", none));
}

/* What was seen last stays for a while: an alert does not flap with the manager. */
static void test_killed_and_back(void) {
  World w;

  service("d.service", "");
  mock_call("StartUnit", "ss", "d.service", "replace");
  begin(&w);
  wait_unit(&w, "d.service", "active");
  g_assert_cmpfloat(is_up(&w), ==, 1);
  mock_kill();
  mock_until(is_lost, &w);
  g_assert_cmpfloat(is_up(&w), ==, 0);
  g_assert_cmpfloat(state_of(&w, "d.service", "active"), ==, 1);
  mock_spawn();
  mock_until(is_fresh, &w);
  g_assert_cmpfloat(is_up(&w), ==, 1);
  g_assert_cmpstr(w.bus->str, ==, "lost ok ");
  end(&w);
}

static void test_hung(void) {
  World w;

  service("e.service", "");
  begin(&w);
  w.daemon.settings.call_timeout = 3 * G_USEC_PER_SEC;
  mock_test("Mute", "s", "ListUnitsByPatterns");
  mock_call("StartUnit", "ss", "e.service", "replace");
  mock_until(is_lost, &w);
  g_assert_nonnull(strstr(mon_inventory_trouble(w.inventory), "does not answer"));
  mock_until(is_fresh, &w); /* another connection, and ListUnits answers */
  wait_unit(&w, "e.service", "active");
  g_assert_cmpstr(w.bus->str, ==, "lost ok ");
  end(&w);
}

int main(int argc, char **argv) {
  mock_init(&argc, argv);
  g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(mock.broker), TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/inventory/life", (gconstpointer)test_life_of_a_unit, mock_with);
  g_test_add_data_func("/inventory/new", (gconstpointer)test_new_ones_are_found_and_not_loaded,
                       mock_with);
  g_test_add_data_func("/inventory/reload", (gconstpointer)test_reload_lists_anew, mock_with);
  g_test_add_data_func("/inventory/killed", (gconstpointer)test_killed_and_back, mock_with);
  g_test_add_data_func("/inventory/hung", (gconstpointer)test_hung, mock_with);
  int status = g_test_run();
  mock_end();
  return status;
}
