/* test-units.c: units started, restarted and stopped by a manager that really runs them: the order,
 * what an end means, limits, and a manager that goes away. */
#include "mock-fixture.h"

#include "deployment/units.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>
#include <sys/wait.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct {
  gboolean done;
  GError *error;
  GPtrArray *units; /* names, in the order they ended */
  char *job, *text; /* of the first that is not good */
  guint n_good;
  WgUnitState *state; /* of the last */
} Outcome;

static void outcome_clear(Outcome *o) {
  g_clear_error(&o->error);
  g_clear_pointer(&o->units, g_ptr_array_unref);
  g_clear_pointer(&o->job, g_free);
  g_clear_pointer(&o->text, g_free);
  g_clear_pointer(&o->state, wg_unit_state_free);
  *o = (Outcome){0};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static void on_done(const GPtrArray *ends, const GError *error, gpointer data) {
  Outcome *o = data;

  g_assert_false(o->done);
  o->done = TRUE;
  o->error = error ? g_error_copy(error) : NULL;
  o->units = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < ends->len; i++) {
    const DplUnitEnd *end = ends->pdata[i];
    g_ptr_array_add(o->units, g_strdup(end->unit));
    o->n_good += end->good;
    g_assert_true(end->good == (end->text == NULL));
    if (!end->good && o->text == NULL) {
      o->job = g_strdup(end->job);
      o->text = g_strdup(end->text);
    }
    g_clear_pointer(&o->state, wg_unit_state_free);
    o->state = end->state ? wg_unit_state_copy(end->state) : NULL;
  }
}

static gboolean is_done(gpointer data) {
  return ((Outcome *)data)->done;
}

static void run(DplUnits *units, DplUnitsVerb verb, const char *const *names, guint64 limit,
                Outcome *o) {
  outcome_clear(o);
  dpl_units_run(units, verb, names, limit, NULL, on_done, o);
  g_assert_false(o->done); /* never from inside */
  mock_until(is_done, o);
}

static void goes_well(const Outcome *o, guint n) {
  if (o->error)
    g_error("%s", o->error->message);
  g_assert_cmpuint(o->n_good, ==, n);
}

static void fails(const Outcome *o, int code, const char *text) {
  g_assert_error(o->error, WG_ERROR, code);
  if (strstr(o->error->message, text) == NULL)
    g_error("'%s' is not in: %s", text, o->error->message);
}

static void on_answer(const GError *error, gpointer data) {
  Outcome *o = data;

  g_assert_false(o->done);
  o->done = TRUE;
  o->error = error ? g_error_copy(error) : NULL;
}

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
  run(units, DPL_UNITS_START, NAMES("slow.service"), 50000, &o);
  fails(&o, WG_ERROR_TIMEOUT, "the start of slow.service was not over within 50ms");
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

/* No callback follows. */
static void test_freed(void) {
  DplUnits *units = dpl_units_new(mock.bus, FALSE);
  g_auto(Outcome) o = {0};
  g_auto(Outcome) reload = {0};

  mock_write("a.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n");
  dpl_units_run(units, DPL_UNITS_START, NAMES("a.service"), 1000000, NULL, on_done, &o);
  dpl_units_reload(units, 1000000, on_answer, &reload);
  dpl_units_look(units, NAMES("a.service"), 1000000, on_look, &reload);
  dpl_units_free(units);
  mock_call("GetUnitFileState", "s", "a.service");
  while (g_main_context_iteration(NULL, FALSE))
    continue;
  g_assert_false(o.done || reload.done);
}

static void with_mock(gconstpointer test) {
  mock_up();
  ((void (*)(void))test)();
  mock_down();
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"start-stop", test_start_stop},
      {"order", test_order},
      {"circle", test_circle},
      {"instances", test_instances},
      {"failures", test_failures},
      {"start-limit", test_start_limit},
      {"limit", test_limit},
      {"same-job", test_same_job},
      {"lost", test_lost},
      {"bus-lost", test_bus_lost},
      {"reload", test_reload},
      {"files", test_files},
      {"look", test_look},
      {"freed", test_freed},
  };

  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/deploy/units/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, with_mock);
  }
  int status = g_test_run();
  mock_end();
  return status;
}
