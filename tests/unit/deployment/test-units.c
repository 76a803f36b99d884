/* test-units.c: units started, restarted and stopped by a manager that really runs them: the order,
 * what an end means, limits, daemon-reload. */
#include "units-outcome.h"

#include <sys/wait.h>

static void test_start_stop(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("a.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  goes_well(&o, 1);
  g_assert_cmpstr(o.state->active, ==, "active");
  g_assert_cmpuint(o.state->pid, >, 0);
  g_assert_cmpuint(strlen(o.state->invocation), ==, 32);
  g_autofree char *first = g_strdup(o.state->invocation);
  run(units, DPL_UNITS_RESTART, NAMES("a.service"), 0, &o);
  goes_well(&o, 1);
  g_assert_cmpstr(o.state->invocation, !=, first);
  run(units, DPL_UNITS_STOP, NAMES("a.service", "not-there.service"), 0, &o);
  goes_well(&o, 2);
  g_assert_cmpstr(o.state->active, ==, "inactive");
  run(units, DPL_UNITS_STOP, NAMES("a.service"), 0, &o); /* once more does no harm */
  goes_well(&o, 1);
  run(units, DPL_UNITS_START, (const char *const[]){NULL}, 0, &o);
  goes_well(&o, 0);
}

/* By After=, whatever the order of the names; stopped the other way round. */
static void test_order(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("db.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
  mock_write("web.service", "[Unit]\nAfter=app.service\n[Service]\nExecStart=/bin/sleep 1000\n");
  mock_write("app.service",
             "[Unit]\nAfter=db.service\nRequires=db.service\n[Service]\nExecStart=/bin/sleep 99\n");
  run(units, DPL_UNITS_START, NAMES("web.service", "app.service", "db.service"), 0, &o);
  goes_well(&o, 3);
  g_assert_cmpstr(o.units->pdata[0], ==, "db.service");
  g_assert_cmpstr(o.units->pdata[1], ==, "app.service");
  g_assert_cmpstr(o.units->pdata[2], ==, "web.service");
  g_assert_cmpint(mock_index("StartUnit db"), <, mock_index("StartUnit app"));
  g_assert_cmpint(mock_index("StartUnit app"), <, mock_index("StartUnit web"));
  run(units, DPL_UNITS_STOP, NAMES("db.service", "app.service", "web.service"), 0, &o);
  goes_well(&o, 3);
  g_assert_cmpint(mock_index("StopUnit web"), <, mock_index("StopUnit app"));
  g_assert_cmpint(mock_index("StopUnit app"), <, mock_index("StopUnit db"));
}

static void test_circle(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("a.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  mock_write("b.target", "[Unit]\nAfter=c.target\n");
  mock_write("c.target", "[Unit]\nAfter=b.target\n");
  run(units, DPL_UNITS_START, NAMES("b.target", "c.target", "a.service"), 0, &o);
  goes_well(&o, 3);
}

/* Instances of a template, all at once. */
static void test_instances(void) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("web@.service", "[Service]\nEnvironment=I=%%i\nExecStart=/bin/sleep 10${I}\n");
  for (guint i = 0; i < 20; i++)
    g_ptr_array_add(names, g_strdup_printf("web@%u.service", i));
  g_ptr_array_add(names, NULL);
  run(units, DPL_UNITS_RESTART, (const char *const *)names->pdata, 0, &o);
  goes_well(&o, 20);
}

static void test_failures(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
  mock_write("later.service", "[Unit]\nAfter=bad.service\n[Service]\nExecStart=/bin/sleep 9\n");
  mock_write("needs.service", "[Unit]\nRequires=bad.service\nAfter=bad.service\n"
                              "[Service]\nExecStart=/bin/sleep 9\n");
  mock_write("none.service", "[Service]\nType=exec\nExecStart=/not/here\n");
  mock_write("odd.service", "[Service]\n");
  run(units, DPL_UNITS_START, NAMES("bad.service", "later.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED,
        "bad.service did not start: it is failed (exit-code: exited with status 1)");
  g_assert_cmpuint(o.units->len, ==, 1); /* the later one was not begun */
  g_assert_cmpstr(o.job, ==, "failed");
  g_assert_cmpuint(mock_count("StartUnit later"), ==, 0);
  run(units, DPL_UNITS_START, NAMES("needs.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "needs.service did not start: a unit that it needs did not start");
  run(units, DPL_UNITS_START, NAMES("none.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "exited with status 203");
  mock_test("Clear", "");
  run(units, DPL_UNITS_START, NAMES("later.service", "gone.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "gone.service did not start: systemd cannot load it: not-found");
  run(units, DPL_UNITS_START, NAMES("odd.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "odd.service did not start: systemd cannot load it: bad-setting");
  g_assert_cmpuint(mock_count("StartUnit"), ==, 0); /* nothing was touched */
  mock_test("Refuse", "ss", "StartUnit", "org.freedesktop.DBus.Error.AccessDenied");
  run(units, DPL_UNITS_START, NAMES("later.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "systemd does not start later.service: the mock refuses");
}

/* Its job is "done" all the same. */
static void test_condition(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("a.service", "[Unit]\nConditionPathExists=/not/here\n"
                          "[Service]\nType=oneshot\nExecStart=/bin/true\n");
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "a condition of its unit (Condition...=) does not hold");
}

/* What crashed too often before is started all the same: the count begins anew. */
static void test_start_limit(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
  for (guint i = 0; i < 8; i++) {
    run(units, DPL_UNITS_RESTART, NAMES("a.service"), 0, &o);
    goes_well(&o, 1);
  }
}

static void test_limit(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_auto(Outcome) o = {0};

  mock_write("slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n");
  run(units, DPL_UNITS_START, NAMES("slow.service"), 3 * G_USEC_PER_SEC, &o);
  fails(&o, WG_ERROR_TIMEOUT, "the start of slow.service was not over within 3s");
  g_assert_cmpstr(o.text, ==, "its time was over");
  g_assert_cmpstr(o.state->active, ==, "activating");
  g_assert_cmpuint(mock_count("CancelJob"), ==, 1);
  outcome_clear(&o);
  dpl_units_run(units, DPL_UNITS_STOP, NAMES("slow.service"), 0, NULL, on_done, &o);
  mock_until(is_done, &o);
  goes_well(&o, 1);
  outcome_clear(&o);
  dpl_units_run(units, DPL_UNITS_START, NAMES("slow.service"), 0, cancel, on_done, &o);
  g_cancellable_cancel(cancel);
  mock_until(is_done, &o);
  g_assert_error(o.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Two that want the same of one unit: systemd makes one job of it, and both are told. */
static void test_same_job(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) first = {0};
  g_auto(Outcome) second = {0};

  mock_write("a.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  mock_test("Hold", "b", 1);
  dpl_units_run(units, DPL_UNITS_RESTART, NAMES("a.service"), 0, NULL, on_done, &first);
  dpl_units_run(units, DPL_UNITS_RESTART, NAMES("a.service"), 0, NULL, on_done, &second);
  while (mock_count("RestartUnit") < 2)
    g_main_context_iteration(NULL, FALSE);
  mock_test("Hold", "b", 0);
  mock_until(is_done, &first);
  mock_until(is_done, &second);
  goes_well(&first, 1);
  goes_well(&second, 1);
}

/* A changed file is in force after the reload; those that are asked for meanwhile share one. */
static void test_reload(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};
  Outcome all[5] = {0};

  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  fails(&o, WG_ERROR_FAILED, "a.service");
  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    dpl_units_reload(units, 0, on_answer, &all[i]);
  for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
    mock_until(is_done, &all[i]);
    g_assert_no_error(all[i].error);
  }
  g_assert_cmpuint(mock_count("Reload"), ==, 2);
  run(units, DPL_UNITS_START, NAMES("a.service"), 0, &o);
  goes_well(&o, 1);
  mock_test("Mute", "s", "Reload");
  outcome_clear(&o);
  dpl_units_reload(units, 50000, on_answer, &o);
  mock_until(is_done, &o);
  fails(&o, WG_ERROR_TIMEOUT, "systemd's daemon-reload was not over within 50ms");
}

static void files(DplUnits *units, DplUnitFilesVerb verb, const char *name, Outcome *o) {
  outcome_clear(o);
  dpl_units_set_files(units, verb, NAMES(name), 0, on_answer, o);
  mock_until(is_done, o);
}

static void test_files(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};
  g_autofree char *link = g_build_filename(mock.directory, "x.target.wants", "a.service", NULL);

  mock_write("a.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=x.target\n");
  files(units, DPL_UNIT_FILES_ENABLE, "a.service", &o);
  g_assert_no_error(o.error);
  g_assert_true(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
  files(units, DPL_UNIT_FILES_DISABLE, "a.service", &o);
  g_assert_no_error(o.error);
  g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
  files(units, DPL_UNIT_FILES_LINK, "/not/here.service", &o);
  fails(&o, WG_ERROR_FAILED, "systemd does not link the unit files: ");
}

static void on_look(const GPtrArray *states, const GError *error, gpointer data) {
  on_answer(error, data);
  ((Outcome *)data)->n_good = states ? states->len : 0;
  if (states)
    ((Outcome *)data)->state = wg_unit_state_copy(states->pdata[0]);
}

static void test_look(void) {
  g_autoptr(DplUnits) units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};

  dpl_units_look(units, NAMES("gone.service", "b.service"), 0, on_look, &o);
  mock_until(is_done, &o);
  g_assert_no_error(o.error);
  g_assert_cmpuint(o.n_good, ==, 2);
  g_assert_cmpstr(o.state->load, ==, "not-found");
  g_assert_cmpstr(o.state->invocation, ==, "");
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"start-stop", test_start_stop},   {"order", test_order},       {"circle", test_circle},
      {"instances", test_instances},     {"failures", test_failures}, {"condition", test_condition},
      {"start-limit", test_start_limit}, {"limit", test_limit},       {"same-job", test_same_job},
      {"reload", test_reload},           {"files", test_files},       {"look", test_look},
  };

  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/deploy/units/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, mock_with);
  }
  int status = g_test_run();
  mock_end();
  return status;
}
