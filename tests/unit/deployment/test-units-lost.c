/* test-units-lost.c: the manager or the bus goes away while units are handled, or who asked does.
 */
#include "units-outcome.h"

#include <sys/socket.h>

static void on_states(const GPtrArray *states, const GError *error, gpointer data) {
  on_answer(error, data);
}

/* Nobody knows how it went: never a success. */
static void test_lost(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};
  g_auto(Outcome) reload = {0};

  mock_write("a.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  goes_well(&o, 1);
  mock_test("Hold", "b", 1);
  outcome_clear(&o);
  dpl_units_run(units, DPL_UNITS_RESTART, NAMES("a.service"), 0, NULL, on_done, &o);
  while (mock_count("RestartUnit") == 0)
    g_main_context_iteration(NULL, FALSE);
  mock_call("Reexecute", "");
  mock_until(is_done, &o);
  fails(&o, WG_ERROR_FAILED, "systemd was executed anew");
  mock_test("Mute", "s", "Reload");
  outcome_clear(&o);
  dpl_units_run(units, DPL_UNITS_STOP, NAMES("a.service"), 0, NULL, on_done, &o);
  dpl_units_reload(units, 0, on_answer, &reload);
  mock_kill();
  mock_until(is_done, &o);
  mock_until(is_done, &reload);
  fails(&o, WG_ERROR_FAILED, "is not known");
  fails(&reload, WG_ERROR_FAILED, "is not known");
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "none runs here");
  dpl_units_set_bus(units, NULL);
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "there is no connection to systemd");
}

/* The bus itself ends, or is taken away. */
static void test_bus_lost(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) taken = {0};
  g_auto(Outcome) o = {0};
  Connection other;

  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n");
  dpl_units_run(units, DPL_UNITS_START, NAMES("a.service"), 0, NULL, on_done, &o);
  while (mock_count("StartUnit") == 0)
    g_main_context_iteration(NULL, FALSE);
  g_assert_cmpint(shutdown(sd_bus_get_fd(mock.bus), SHUT_RDWR), ==, 0);
  mock_until(is_done, &o);
  fails(&o, WG_ERROR_FAILED, "the connection to systemd was lost");
  connection_open(&other, mock.broker);
  dpl_units_set_bus(units, other.bus);
  dpl_units_run(units, DPL_UNITS_STOP, NAMES("a.service"), 0, NULL, on_done, &taken);
  dpl_units_set_bus(units, NULL);
  g_assert_true(taken.done);
  fails(&taken, WG_ERROR_FAILED, "the connection to systemd was lost");
  connection_close(&other);
}

/* No callback follows. */
static void test_freed(void) {
  DplUnits *units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};
  g_auto(Outcome) reload = {0};

  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n");
  dpl_units_run(units, DPL_UNITS_START, NAMES("a.service"), 1000000, NULL, on_done, &o);
  dpl_units_reload(units, 1000000, on_answer, &reload);
  dpl_units_look(units, NAMES("a.service"), 1000000, on_states, &reload);
  dpl_units_free(units);
  mock_call("GetUnitFileState", "s", "a.service");
  while (g_main_context_iteration(NULL, FALSE))
    continue;
  g_assert_false(o.done || reload.done);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"manager", test_lost},
      {"bus", test_bus_lost},
      {"freed", test_freed},
  };

  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/deploy/units/lost/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, mock_with);
  }
  int status = g_test_run();
  mock_end();
  return status;
}
