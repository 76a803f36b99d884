/* test-session.c: the back-ends that go over the session's bus: signal, activation, type. The other
 * side (an agent, systemd, the typist) is a second connection that answers as each test says. */
#include "job-fixture.h"

#include "../common/bus-broker.h"

#include "common/names.h"

#include <string.h>

static GTestDBus *broker;
static Connection ours, theirs;
static gboolean no_bus;

/* Stands in for the program's. */
sd_bus *dlv_courier_bus(DlvCourier *courier) {
  return no_bus ? NULL : ours.bus;
}

/* What the other side does, and what it saw. */
static struct {
  const char *state, *job_result; /* of the unit; NULL result: StartUnit fails */
  const char *typed, *cause;      /* answer of Type; NULL: none, or `error` */
  const char *error;
  guint64 retry;
  gboolean vanish; /* instead of answering */
  guint n_started, n_typed, n_signals;
  char *text, *unit, *options;
} other;

static void own(const char *name) {
  int r = sd_bus_request_name(theirs.bus, name, 0);

  g_assert_cmpint(r, >=, 0);
}

/* ---- systemd ---- */
static int send_removed(sd_bus_message *call) {
  return sd_bus_emit_signal(sd_bus_message_get_bus(call), WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER,
                            "JobRemoved", "uoss", 7, "/job/7", other.unit, other.job_result);
}

static int manager(sd_bus_message *m, void *data, sd_bus_error *error) {
  const char *member = sd_bus_message_get_member(m), *unit;

  if (g_strcmp0(member, "Subscribe") == 0)
    return sd_bus_reply_method_return(m, "");
  if (g_strcmp0(member, "LoadUnit") == 0)
    return sd_bus_reply_method_return(m, "o", "/unit/x");
  if (g_strcmp0(member, "Get") == 0)
    return sd_bus_reply_method_return(m, "v", "s", other.state);
  if (g_strcmp0(member, "StartUnit") != 0)
    return 0;
  g_assert_cmpint(sd_bus_message_read(m, "s", &unit), >=, 0);
  g_free(other.unit);
  other.unit = g_strdup(unit);
  other.n_started++;
  if (!other.job_result)
    return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit", "no such unit");
  g_assert_cmpint(sd_bus_reply_method_return(m, "o", "/job/7"), >=, 0);
  return send_removed(m);
}

/* ---- the typist ---- */
static int answer_type(sd_bus_message *m) {
  sd_bus_message *reply = NULL;

  int r = sd_bus_message_new_method_return(m, &reply);
  if (r >= 0)
    r = sd_bus_message_append(reply, "sa{sv}", other.typed, 3, "typed", "u", 4, "cause", "s",
                              other.cause ?: "", "retry-after", "t", other.retry);
  if (r >= 0)
    r = sd_bus_send(NULL, reply, NULL);
  sd_bus_message_unref(reply);
  return r < 0 ? r : 1;
}

/* "key=value" of all members of both dictionaries. */
static char *read_dicts(sd_bus_message *m) {
  GString *all = g_string_new(NULL);

  for (guint i = 0; i < 2; i++) {
    g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
    while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
      const char *key, *type;
      union {
        const char *s;
        guint32 u;
        gint32 i;
        guint64 t;
      } v;
      g_assert_cmpint(sd_bus_message_read(m, "s", &key), >, 0);
      g_assert_cmpint(sd_bus_message_peek_type(m, NULL, &type), >, 0);
      g_assert_cmpint(sd_bus_message_read(m, "v", type, &v), >, 0);
      if (*type == 's')
        g_string_append_printf(all, "%s=%s ", key, v.s);
      else
        g_string_append_printf(all, "%s=%s:%" G_GINT64_FORMAT " ", key, type,
                               *type == 't' ? (gint64)v.t : (gint64)v.i);
      g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
    }
    g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
  }
  return g_string_free(all, FALSE);
}

static int typist(sd_bus_message *m, void *data, sd_bus_error *error) {
  const char *text;

  if (!sd_bus_message_is_method_call(m, WG_IFACE_TYPING, "Type"))
    return 0;
  g_assert_cmpint(sd_bus_message_read(m, "s", &text), >, 0);
  g_free(other.text);
  g_free(other.options);
  other.text = g_strdup(text);
  other.options = read_dicts(m);
  other.n_typed++;
  if (other.vanish)
    return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_NO_REPLY, "it disconnected");
  if (other.error)
    return sd_bus_reply_method_errorf(m, other.error, "because");
  return other.typed ? answer_type(m) : 1;
}

static int on_mail(sd_bus_message *m, void *data, sd_bus_error *error) {
  guint32 waiting, urgent;
  const char *agent;
  guint64 first;

  if (!sd_bus_message_is_signal(m, WG_IFACE_DELIVERY, "MailWaiting"))
    return 0;
  g_assert_cmpint(sd_bus_message_read(m, "suu", &agent, &waiting, &urgent), >, 0);
  g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "t"), >, 0);
  g_assert_cmpint(sd_bus_message_read(m, "t", &first), >, 0);
  g_assert_cmpstr(agent, ==, TEST_AGENT);
  g_assert_cmpuint(waiting, ==, 3);
  g_assert_cmpuint(first, ==, 11);
  other.n_signals++;
  if (other.vanish)
    sd_bus_close(sd_bus_message_get_bus(m));
  return 0;
}

/* ---- one job ---- */
static TestJob *deliver(const DlvBackendClass *class, const char *options) {
  gpointer state = test_configure(class, "%s", options);
  TestJob *job = test_job_new(TEST_AGENT, 11, 3);

  class->run(state, &job->job);
  test_job_wait(job);
  class->free(state);
  return job;
}

static void assert_outcome(const DlvBackendClass *class, const char *options, DlvResult result,
                           const char *cause) {
  g_autoptr(TestJob) job = deliver(class, options);

  for (guint i = 0; i < 3; i++) {
    if (job->outcomes[i].result != result || !strstr(job->outcomes[i].cause, cause))
      g_error("%d: %s", job->outcomes[i].result, job->outcomes[i].cause);
  }
}

#define AGENT "{\"bus-name\": \"org.example.Agent\"}"
static void test_signal(void) {
  own("org.example.Agent");
  assert_outcome(&dlv_backend_signal, AGENT, DLV_ANNOUNCED, "got the signal");
  g_assert_cmpuint(other.n_signals, ==, 1);
}

/* The bus answers for it: nobody knows whether the signal was handed over. */
static void test_signal_to_one_that_goes(void) {
  own("org.example.Agent");
  other.vanish = TRUE;
  assert_outcome(&dlv_backend_signal, AGENT, DLV_FAILED, "did not say that it got the signal");
  g_assert_cmpuint(other.n_signals, ==, 1);
}

static void test_signal_to_nobody(void) {
  assert_outcome(&dlv_backend_signal, "{\"bus-name\": \"org.example.Gone\"}", DLV_FAILED,
                 "not on the bus");
  no_bus = TRUE;
  assert_outcome(&dlv_backend_signal, AGENT, DLV_HELD, "no session bus");
  test_configure_refused(&dlv_backend_signal, "{\"bus-name\": \"a b\"}", "a b");
}

#define UNIT "{\"unit\": \"agent.service\", \"burst\": 2, \"interval\": \"10min\"}"
static void test_activation(void) {
  other.state = "inactive";
  other.job_result = "done";
  assert_outcome(&dlv_backend_activation, UNIT, DLV_ANNOUNCED, "agent.service was started");
  g_assert_cmpstr(other.unit, ==, "agent.service");
  other.job_result = "failed";
  assert_outcome(&dlv_backend_activation, UNIT, DLV_FAILED, "\"failed\"");
  other.job_result = NULL;
  assert_outcome(&dlv_backend_activation, UNIT, DLV_FAILED, "no such unit");
}

static void test_activation_of_what_runs(void) {
  other.state = "active";
  assert_outcome(&dlv_backend_activation, UNIT, DLV_HELD, "runs already");
  g_assert_cmpuint(other.n_started, ==, 0);
}

/* A unit that dies at once is not started for ever. */
static void test_activation_guard(void) {
  gpointer state = test_configure(&dlv_backend_activation, "%s", UNIT);

  other.state = "failed";
  other.job_result = "done";
  for (guint i = 0; i < 3; i++) {
    g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 1, 1);
    dlv_backend_activation.run(state, &job->job);
    test_job_wait(job);
    g_assert_cmpint(job->outcomes[0].result, ==, i < 2 ? DLV_ANNOUNCED : DLV_HELD);
    if (i == 2) {
      g_assert_cmpuint(job->outcomes[0].retry, >, 9 * G_TIME_SPAN_MINUTE);
      g_assert_cmpuint(job->outcomes[0].retry, <=, 10 * G_TIME_SPAN_MINUTE);
    }
  }
  g_assert_cmpuint(other.n_started, ==, 2);
  dlv_backend_activation.free(state);
  test_configure_refused(&dlv_backend_activation, "{\"unit\": \"../x.service\"}", "../x");
}

#define WINDOW                                                                                     \
  "{\"target\": {\"class\": \"XTerm\", \"pid\": 7, \"x\": -5, \"y\": 6}, \"draft\": \"ignore\"}"
static void test_type(void) {
  other.typed = "typed";
  other.cause = "into it";
  assert_outcome(&dlv_backend_type, WINDOW, DLV_ANNOUNCED, "into it");
  g_assert_cmpstr(other.text, ==, "mail");
  g_assert_cmpstr(other.options, ==,
                  "class=XTerm pid=u:7 x=i:-5 y=i:6 draft=ignore timeout=t:27000000 ");
  g_assert_cmpuint(other.n_typed, ==, 1); /* one doorbell for three messages */
  other.typed = "held";
  other.retry = 5000000;
  other.cause = "a human types";
  g_autoptr(TestJob) job = deliver(&dlv_backend_type, WINDOW);
  g_assert_cmpint(job->outcomes[2].result, ==, DLV_HELD);
  g_assert_cmpuint(job->outcomes[2].retry, ==, 5000000);
  other.typed = "partial";
  assert_outcome(&dlv_backend_type, WINDOW, DLV_PARTIAL, "a human types");
  other.typed = "something new";
  assert_outcome(&dlv_backend_type, WINDOW, DLV_PARTIAL, "a human types");
}

static void test_type_of_a_body(void) {
  gpointer state =
      test_configure(&dlv_backend_type, "{\"target\": {\"title\": \"x\"}, \"body\": true}");
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 11, 1),
                     binary = test_job_new(TEST_AGENT, 12, 1);

  g_assert_cmpuint(dlv_backend_type.room(state), ==, 1);
  other.typed = "typed";
  dlv_backend_type.run(state, &job->job);
  test_job_wait(job);
  g_assert_cmpstr(other.text, ==, "body of 11");
  test_job_body(binary, 0, g_bytes_new_static("\xff", 1));
  dlv_backend_type.run(state, &binary->job);
  test_job_wait(binary);
  g_assert_cmpint(binary->outcomes[0].result, ==, DLV_FAILED);
  g_assert_cmpuint(other.n_typed, ==, 1);
  dlv_backend_type.free(state);
}

/* After the call went out nobody knows what was typed; before that nothing was. */
static void test_typist_that_goes(void) {
  other.vanish = TRUE;
  assert_outcome(&dlv_backend_type, WINDOW, DLV_PARTIAL, "disconnected");
  other.vanish = FALSE;
  other.error = "org.waggle.Error.NoDisplay";
  assert_outcome(&dlv_backend_type, WINDOW, DLV_FAILED, "because");
  no_bus = TRUE;
  assert_outcome(&dlv_backend_type, WINDOW, DLV_HELD, "no session");
}

static void test_type_cancelled(void) {
  gpointer state = test_configure(&dlv_backend_type, "%s", WINDOW);
  g_autoptr(TestJob) job = test_job_new(TEST_AGENT, 11, 1);

  dlv_backend_type.run(state, &job->job); /* no answer */
  while (other.n_typed == 0)
    g_main_context_iteration(NULL, TRUE);
  dlv_backend_type.cancel(state, &job->job);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_PARTIAL);
  dlv_backend_type.free(state);
}

static void test_no_typist(void) {
  g_assert_cmpint(sd_bus_release_name(theirs.bus, WG_BUS_TYPING), >=, 0);
  assert_outcome(&dlv_backend_type, WINDOW, DLV_FAILED, "waggle-typist is not there");
}

static void test_targets_refused(void) {
  static const char *const wrong[][2] = {
      {"{\"target\": {}}", "no window"},
      {"{\"target\": {\"clas\": \"x\"}}", "class"},
      {"{\"target\": {\"x\": 1}}", "together"},
      {"{\"target\": {\"x\": 1, \"y\": 99999}}", "no screen"},
      {"{\"target\": {\"pid\": 0}}", "between"},
      {"{\"target\": {\"title\": 5}}", "text"},
      {"{\"target\": {\"title\": \"x\"}, \"draft\": \"send\"}", "hold or ignore"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++)
    test_configure_refused(&dlv_backend_type, wrong[i][0], wrong[i][1]);
}

static void set_up(gconstpointer data) {

  memset(&other, 0, sizeof other);
  no_bus = FALSE;
  if (!broker)
    broker = broker_up();
  connection_open(&ours, broker);
  connection_open(&theirs, broker);
  own(WG_BUS_SYSTEMD);
  own(WG_BUS_TYPING);
  g_assert_cmpint(sd_bus_add_object(theirs.bus, NULL, WG_PATH_SYSTEMD, manager, NULL), >=, 0);
  g_assert_cmpint(sd_bus_add_object(theirs.bus, NULL, "/unit/x", manager, NULL), >=, 0);
  g_assert_cmpint(sd_bus_add_object(theirs.bus, NULL, WG_PATH_TYPING, typist, NULL), >=, 0);
  g_assert_cmpint(sd_bus_add_filter(theirs.bus, NULL, on_mail, NULL), >=, 0);
  ((void (*)(void))data)();
  connection_close(&ours);
  connection_close(&theirs);
  g_free(other.text);
  g_free(other.unit);
  g_free(other.options);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"signal", test_signal},
      {"signal-to-one-that-goes", test_signal_to_one_that_goes},
      {"signal-to-nobody", test_signal_to_nobody},
      {"activation", test_activation},
      {"activation-of-what-runs", test_activation_of_what_runs},
      {"activation-guard", test_activation_guard},
      {"type", test_type},
      {"type-of-a-body", test_type_of_a_body},
      {"typist-that-goes", test_typist_that_goes},
      {"type-cancelled", test_type_cancelled},
      {"no-typist", test_no_typist},
      {"targets-refused", test_targets_refused},
  };

  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/session/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, set_up);
  }
  int status = g_test_run();
  if (broker)
    broker_down(broker);
  return status;
}
