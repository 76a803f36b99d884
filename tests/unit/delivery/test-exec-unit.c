/* test-exec-unit.c: a command as a unit, against a systemd that does as each test says: what is
 * asked of it, and what its answers mean. The real one is asked in tests/system. */
#include "job-fixture.h"

#include "../common/bus-broker.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const DlvBackendClass *const exec = &dlv_backend_exec;
static GTestDBus *broker;
static Connection ours, theirs;

#define NAME "waggle-exec-" TEST_AGENT "-41.service"

/* Stands in for the program's. */
sd_bus *dlv_courier_bus(DlvCourier *courier) {
  return ours.bus;
}

/* What the other side does, and what it saw. */
static struct {
  const char *error; /* instead of starting */
  const char *result;
  int code, status;
  gboolean stays;      /* until it is stopped */
  const char *removed; /* result of the start's job, when that is not "done" */
  guint n_started, n_stopped, n_asked, n_released;
  gboolean over;
  char *asked, *input; /* StartTransientUnit as text; what standard input had */
} other;

static char *unit_path(void) {
  char *path = NULL;

  g_assert_cmpint(sd_bus_path_encode(WG_PATH_SYSTEMD "/unit", NAME, &path), >=, 0);
  return path;
}

static void tell_state(const char *state) {
  g_autofree char *path = unit_path();

  g_assert_cmpint(sd_bus_emit_signal(theirs.bus, path, WG_IFACE_PROPERTIES, "PropertiesChanged",
                                     "sa{sv}as", WG_IFACE_SYSTEMD_UNIT, 2, "SubState", "s", "x",
                                     "ActiveState", "s", state, 0),
                  >=, 0);
}

static void end_unit(void) {
  other.over = TRUE;
  tell_state("failed");
}

/* The descriptor of StandardInputFileDescriptor, read to its end. */
static void keep_input(sd_bus_message *m) {
  const char *name, *type;
  int fd = -1;

  g_assert_cmpint(sd_bus_message_rewind(m, TRUE), >=, 0);
  g_assert_cmpint(sd_bus_message_skip(m, "ss"), >=, 0);
  g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "(sv)"), >, 0);
  while (fd < 0 && sd_bus_message_enter_container(m, 'r', "sv") > 0) {
    g_assert_cmpint(sd_bus_message_read(m, "s", &name), >, 0);
    g_assert_cmpint(sd_bus_message_peek_type(m, NULL, &type), >, 0);
    if (g_str_equal(name, "StandardInputFileDescriptor"))
      g_assert_cmpint(sd_bus_message_read(m, "v", "h", &fd), >, 0);
    else
      g_assert_cmpint(sd_bus_message_skip(m, "v"), >=, 0);
    g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
  }
  char text[4096];
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  g_assert_cmpint(n, >, 0);
  g_assert_cmpint(write(fd, "x", 1), <, 0); /* sealed */
  other.input = g_strndup(text, (gsize)n);
}

static void keep(sd_bus_message *m) {
  gsize size;
  FILE *file = open_memstream(&other.asked, &size);

  g_assert_cmpint(sd_bus_message_dump(m, file, 0), >=, 0);
  fclose(file);
  keep_input(m);
}

static int start(sd_bus_message *m) {
  other.n_started++;
  if (other.n_started == 1)
    keep(m);
  if (other.error)
    return sd_bus_reply_method_errorf(m, other.error, "because");
  int r = sd_bus_reply_method_return(m, "o", "/job/7");
  tell_state("inactive"); /* as it is before the start */
  if (other.removed) {
    r = sd_bus_emit_signal(theirs.bus, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "JobRemoved",
                           "uoss", 7, "/job/7", NAME, other.removed);
    other.over = TRUE;
  }
  return r;
}

static int manager(sd_bus_message *m, void *data, sd_bus_error *error) {
  const char *member = sd_bus_message_get_member(m);

  if (g_strcmp0(member, "StartTransientUnit") == 0)
    return start(m);
  if (g_strcmp0(member, "StopUnit") == 0) {
    other.n_stopped++;
    if (other.stays)
      end_unit();
    return 1;
  }
  return sd_bus_message_is_method_call(m, NULL, "Subscribe");
}

static int unit(sd_bus_message *m, void *data, sd_bus_error *error) {
  if (sd_bus_message_is_method_call(m, WG_IFACE_SYSTEMD_UNIT, "Unref")) {
    other.n_released++;
    return 1;
  }
  if (!sd_bus_message_is_method_call(m, WG_IFACE_PROPERTIES, "GetAll"))
    return 0;
  gboolean over = other.over;
  int r = sd_bus_reply_method_return(m, "a{sv}", 4, "Result", "s", over ? other.result : "success",
                                     "ExecMainCode", "i", over ? other.code : 0, "MainPID", "u", 0,
                                     "ExecMainStatus", "i", over ? other.status : 0);
  other.n_asked++;
  if (!over && !other.stays)
    end_unit();
  return r;
}

static void ends(const char *options, DlvResult result, const char *cause) {
  gpointer state =
      test_configure(exec, "{\"command\": [\"/bin/true\", \"$HOME\", \"%%n\"]%s}", options);
  g_autofree char *got = test_job_run(exec, state, 41, 1, result);

  if (cause == NULL ? got != NULL : strstr(got, cause) == NULL)
    g_error("'%s' is not in: %s", cause, got);
  exec->free(state);
}

static void asked_for(const char *name, const char *value) {
  g_autofree char *quoted = g_strdup_printf("\"%s\"", name); /* the name of a property */
  const char *begin = strstr(other.asked, quoted);

  if (begin == NULL)
    g_error("no %s in: %s", name, other.asked);
  const char *end = strstr(begin, "\n                };");
  const char *found = strstr(begin, value);
  if (found == NULL || (end != NULL && found > end))
    g_error("%s is not %s in: %s", name, value, other.asked);
}

static void test_asked(void) {
  other.result = "success";
  other.code = CLD_EXITED;
  ends(", \"timeout\": \"1min\", \"kill-after\": \"2s\", \"memory-max\": \"64M\", \"cpu-quota\": "
       "50, "
       "\"tasks-max\": 9, \"watchdog\": \"3s\", \"unit-slice\": \"agents.slice\", "
       "\"environment\": {\"A\": \"b\"}, \"directory\": \"/tmp\"",
       DLV_ACKED, NULL);
  asked_for(NAME, "\"fail\"");
  asked_for("ExecStart", "\"$$HOME\""); /* not a variable of systemd's */
  asked_for("Environment", "A=b");
  asked_for("Environment", "WAGGLE_TOKEN=2000");
  asked_for("WorkingDirectory", "\"/tmp\"");
  asked_for("RuntimeMaxUSec", "60000000");
  asked_for("TimeoutStopUSec", "2000000");
  asked_for("KillMode", "control-group");
  asked_for("MemoryMax", "67108864");
  asked_for("CPUQuotaPerSecUSec", "500000");
  asked_for("TasksMax", "9");
  asked_for("WatchdogUSec", "3000000");
  asked_for("Slice", "agents.slice");
  asked_for("NoNewPrivileges", "true");
  asked_for("CollectMode", "inactive-or-failed");
  g_assert_cmpstr(other.input, ==,
                  "{\"agent\":\"" TEST_AGENT "\",\"message\":41,\"text\":\"body of 41\"}\n");
  g_assert_cmpuint(other.n_asked, ==, 2); /* "inactive" before the start was no end */
}

static void test_no_sandbox(void) {
  other.result = "success";
  other.code = CLD_EXITED;
  ends(", \"sandbox\": false", DLV_ACKED, NULL);
  g_assert_null(strstr(other.asked, "NoNewPrivileges"));
  g_assert_null(strstr(other.asked, "MemoryMax"));
}

static gboolean all_released(gpointer data) {
  return other.n_released == *(guint *)data;
}

static void test_ends(void) {
  static const struct {
    const char *result;
    int code, status;
    DlvResult means;
    const char *cause;
  } ways[] = {
      {"success", CLD_EXITED, 0, DLV_ACKED, NULL},
      {"exit-code", CLD_EXITED, 3, DLV_REFUSED, "exit status 3"},
      {"exit-code", CLD_EXITED, 75, DLV_LATER, "exit status 75"},
      {"exit-code", CLD_EXITED, 203, DLV_FAILED, "status 203, the program cannot be run"},
      {"exit-code", CLD_EXITED, 226, DLV_FAILED, "\"sandbox\": false"},
      {"exit-code", CLD_EXITED, 204, DLV_REFUSED, "exit status 204"},
      {"signal", CLD_KILLED, 9, DLV_REFUSED, "killed by signal 9 (KILL)"},
      {"success", CLD_KILLED, 15, DLV_LATER, "killed by signal 15 (TERM)"}, /* clean to systemd */
      {"signal", CLD_KILLED, 11, DLV_CRASHED, "killed by signal 11 (SEGV)"},
      {"core-dump", CLD_DUMPED, 11, DLV_CRASHED, "killed by signal 11 (SEGV)"},
      {"oom-kill", CLD_KILLED, 9, DLV_CRASHED, "killed for memory (OOM), limit 64M"},
      {"timeout", CLD_KILLED, 15, DLV_REFUSED, "ran longer than 30s"},
      {"timeout", CLD_EXITED, 0, DLV_REFUSED, "ran longer than 30s"},
      {"watchdog", CLD_DUMPED, 6, DLV_REFUSED, "watchdog"},
      {"resources", 0, 0, DLV_FAILED, "systemd did not start it: resources"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
    other.over = FALSE;
    other.result = ways[i].result;
    other.code = ways[i].code;
    other.status = ways[i].status;
    ends(", \"memory-max\": \"64M\", \"watchdog\": \"3s\"", ways[i].means, ways[i].cause);
  }
  guint n = G_N_ELEMENTS(ways);
  test_until(all_released, &n); /* nothing of them stays with systemd */
}

static void test_taken_back(void) {
  other.removed = "canceled";
  other.result = "success";
  ends("", DLV_FAILED, "the start was taken back");
}

static gboolean was_stopped(gpointer data) {
  return other.n_stopped == 1;
}

/* Of a courier that died: never two at once. */
static void test_exists(void) {
  other.error = WG_ERROR_SYSTEMD_UNIT_EXISTS;
  ends("", DLV_LATER, "had not ended");
  test_until(was_stopped, NULL);
}

static void test_refused(void) {
  other.error = SD_BUS_ERROR_INVALID_ARGS;
  ends("", DLV_FAILED, "systemd refused it: because");
}

static gboolean was_started(gpointer data) {
  return other.n_asked > 0;
}

static void test_cancel(void) {
  gpointer state = test_configure(exec, "{\"command\": [\"/bin/true\"]}");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 41, 1);

  other.stays = TRUE;
  other.result = "success";
  other.code = CLD_EXITED; /* its answer to SIGTERM: no success */
  exec->run(state, &job->job);
  test_until(was_started, NULL);
  exec->cancel(state, &job->job);
  test_job_wait(job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_LATER);
  g_assert_cmpuint(other.n_stopped, ==, 1);
  exec->free(state);
}

/* The last one: it is remembered for a while that nobody answers. */
static void test_no_systemd(void) {
  g_assert_cmpint(sd_bus_release_name(theirs.bus, WG_BUS_SYSTEMD), >=, 0);
  ends(", \"memory-max\": \"64M\"", DLV_HELD, "memory-max");
  ends("", DLV_ACKED, NULL); /* a process of our own */
  g_assert_cmpuint(other.n_started, ==, 0);
}

static void set_up(gconstpointer data) {
  memset(&other, 0, sizeof other);
  if (broker == NULL)
    broker = broker_up();
  connection_open(&ours, broker);
  connection_open(&theirs, broker);
  g_autofree char *path = unit_path();
  g_assert_cmpint(sd_bus_request_name(theirs.bus, WG_BUS_SYSTEMD, 0), >=, 0);
  g_assert_cmpint(sd_bus_add_object(theirs.bus, NULL, WG_PATH_SYSTEMD, manager, NULL), >=, 0);
  g_assert_cmpint(sd_bus_add_object(theirs.bus, NULL, path, unit, NULL), >=, 0);
  ((void (*)(void))data)();
  connection_close(&ours);
  connection_close(&theirs);
  free(other.asked);
  g_free(other.input);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"asked", test_asked},           {"no-sandbox", test_no_sandbox}, {"ends", test_ends},
      {"taken-back", test_taken_back}, {"exists", test_exists},         {"refused", test_refused},
      {"cancel", test_cancel},         {"no-systemd", test_no_systemd},
  };

  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/exec/unit/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, set_up);
  }
  int status = g_test_run();
  broker_down(broker);
  return status;
}
