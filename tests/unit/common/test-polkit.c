/* test-polkit.c: every answer polkitd can give, and those it does not give.
 *
 * A mock authority answers by the action's last word; the caller's uid is made up, since root and
 * the own uid are never asked about. */
#include "bus-broker.h"

#include "common/error.h"
#include "common/log.h"
#include "common/polkit.h"

#define AUTHORITY "org.freedesktop.PolicyKit1"
#define ACTION "org.waggle.test."

typedef struct {
  GTestDBus *broker;
  Connection service, client, authority;
  WgPolkit *polkit;
  guint n_asked, n_cancelled, n_done, n_calls;
  char *subject, *cancelled, *detail;
  guint32 flags;
  sd_bus_message *held[2]; /* questions that "never" gets no answer to */
  char *held_id;
  GPtrArray *results; /* "ACTION:CODE" or "ACTION:yes" */
  const char *action;
  WgPolkitDoor door;
  gboolean interactive;
} Fixture;

static int answer(sd_bus_message *m, gboolean yes, gboolean challenge, gboolean dismissed) {
  return dismissed ? sd_bus_reply_method_return(m, "(bba{ss})", yes, challenge, 1,
                                                "polkit.dismissed", "true")
                   : sd_bus_reply_method_return(m, "(bba{ss})", yes, challenge, 0);
}

static int on_check(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  const char *kind = NULL, *name = NULL, *action = NULL, *id = NULL, *key = NULL, *value = NULL;
  g_assert_cmpint(sd_bus_message_read(m, "(sa{sv})s", &kind, 1, &key, "s", &name, &action), >=, 0);
  g_assert_cmpstr(kind, ==, "system-bus-name");
  g_assert_cmpstr(key, ==, "name");
  g_free(f->subject);
  f->subject = g_strdup(name);
  g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{ss}"), >=, 0);
  while (sd_bus_message_read(m, "{ss}", &key, &value) > 0) {
    g_free(f->detail);
    f->detail = g_strdup_printf("%s=%s", key, value);
  }
  g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
  g_assert_cmpint(sd_bus_message_read(m, "us", &f->flags, &id), >=, 0);
  f->n_asked++;
  if (g_str_equal(action, ACTION "allowed"))
    return answer(m, TRUE, FALSE, FALSE);
  if (g_str_equal(action, ACTION "dismissed"))
    return answer(m, FALSE, FALSE, TRUE);
  if (g_str_equal(action, ACTION "challenge"))
    return answer(m, f->flags & 1, TRUE, FALSE);
  if (g_str_equal(action, ACTION "garbled"))
    return sd_bus_reply_method_return(m, "s", "yes");
  if (g_str_equal(action, ACTION "error"))
    return sd_bus_reply_method_errorf(m, AUTHORITY ".Error.NotAuthorized", "not the owner");
  if (g_str_equal(action, ACTION "never")) {
    f->held[f->held[0] ? 1 : 0] = sd_bus_message_ref(m);
    g_free(f->held_id);
    f->held_id = g_strdup(id);
    return 1;
  }
  return answer(m, FALSE, FALSE, FALSE);
}

static int on_cancel(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  const char *id = NULL;
  g_assert_cmpint(sd_bus_message_read(m, "s", &id), >=, 0);
  g_free(f->cancelled);
  f->cancelled = g_strdup(id);
  f->n_cancelled++;
  return sd_bus_reply_method_return(m, NULL);
}

/* No vtable: sd-bus would refuse to send the garbled answer. */
static int on_authority(sd_bus_message *m, void *data, sd_bus_error *e) {
  if (sd_bus_message_is_method_call(m, AUTHORITY ".Authority", "CheckAuthorization"))
    return on_check(m, data, e);
  if (sd_bus_message_is_method_call(m, AUTHORITY ".Authority", "CancelCheckAuthorization"))
    return on_cancel(m, data, e);
  return 0;
}

static void on_done(sd_bus_message *call, const GError *error, gpointer data) {
  Fixture *f = data;
  const char *action = NULL;
  g_assert_cmpint(sd_bus_message_rewind(call, 1), >=, 0);
  g_assert_cmpint(sd_bus_message_read(call, "s", &action), >=, 0);
  g_assert_true(!error || error->domain == WG_ERROR);
  g_ptr_array_add(f->results, error ? g_strdup_printf("%s:%s", action, wg_error_name(error->code))
                                    : g_strdup_printf("%s:yes", action));
  f->n_done++;
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *e) {
  Fixture *f = data;
  const char *action = NULL;
  g_assert_cmpint(sd_bus_message_read(m, "s", &action), >=, 0);
  g_autofree char *full = g_strconcat(ACTION, action, NULL);
  const char *const details[] = {"agent", "bee", NULL};
  f->n_calls++;
  wg_polkit_check(f->polkit, f->door, m, getuid() + 1, full, details, on_done, f);
  return 1;
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Call", "s", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static void authority_up(Fixture *f) {
  connection_open(&f->authority, f->broker);
  g_assert_cmpint(sd_bus_add_object(f->authority.bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                    on_authority, f),
                  >=, 0);
  g_assert_cmpint(sd_bus_request_name(f->authority.bus, AUTHORITY, 0), >=, 0);
}

static void authority_down(Fixture *f) {
  for (guint i = 0; i < 2; i++)
    f->held[i] = sd_bus_message_unref(f->held[i]);
  connection_close(&f->authority);
}

static void setup(Fixture *f, gconstpointer data) {
  f->broker = broker_up();
  connection_open(&f->service, f->broker);
  connection_open(&f->client, f->broker);
  authority_up(f);
  f->polkit = wg_polkit_new(f->service.bus);
  f->results = g_ptr_array_new_with_free_func(g_free);
  sd_bus_add_object_vtable(f->service.bus, NULL, PAIR_PATH, PAIR_IFACE, vtable, f);
}

static void teardown(Fixture *f, gconstpointer data) {
  g_clear_pointer(&f->polkit, wg_polkit_free);
  authority_down(f);
  connection_close(&f->client);
  connection_close(&f->service);
  broker_down(f->broker);
  g_ptr_array_unref(f->results);
  g_free(f->subject);
  g_free(f->cancelled);
  g_free(f->detail);
  g_free(f->held_id);
}

static void call(Fixture *f, const char *action) {
  const char *name = NULL;
  sd_bus_message *m = NULL;
  g_assert_cmpint(sd_bus_get_unique_name(f->service.bus, &name), >=, 0);
  g_assert_cmpint(
      sd_bus_message_new_method_call(f->client.bus, &m, name, PAIR_PATH, PAIR_IFACE, "Call"), >=,
      0);
  g_assert_cmpint(sd_bus_message_set_expect_reply(m, 0), >=, 0);
  g_assert_cmpint(sd_bus_message_set_allow_interactive_authorization(m, f->interactive), >=, 0);
  g_assert_cmpint(sd_bus_message_append(m, "s", action), >=, 0);
  g_assert_cmpint(sd_bus_send(f->client.bus, m, NULL), >=, 0);
  sd_bus_message_unref(m);
}

static void assert_result(Fixture *f, guint i, const char *expected) {
  g_assert_cmpuint(i, <, f->results->len);
  g_assert_cmpstr(g_ptr_array_index(f->results, i), ==, expected);
}

typedef struct {
  const char *action, *expected;
  gboolean interactive;
} Case;

static const Case cases[] = {
    {"allowed", "allowed:yes", FALSE},
    {"denied", "denied:org.waggle.Error.NotAuthorized", FALSE},
    {"dismissed", "dismissed:org.waggle.Error.NotAuthorized", TRUE},
    {"challenge", "challenge:" SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, FALSE},
    {"challenge", "challenge:yes", TRUE},
    {"garbled", "garbled:org.waggle.Error.NotAuthorized", FALSE},
    {"error", "error:org.waggle.Error.NotAuthorized", FALSE},
};

static void test_answers(Fixture *f, gconstpointer data) {
  const char *name = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    f->interactive = cases[i].interactive;
    call(f, cases[i].action);
    pair_wait(&f->n_done, i + 1);
    assert_result(f, i, cases[i].expected);
    g_assert_cmpuint(f->flags, ==, cases[i].interactive ? 1 : 0);
  }
  g_assert_cmpint(sd_bus_get_unique_name(f->client.bus, &name), >=, 0);
  g_assert_cmpstr(f->subject, ==, name);
  g_assert_cmpstr(f->detail, ==, "agent=bee");
  g_assert_cmpuint(wg_polkit_n_pending(f->polkit), ==, 0);
}

static void test_two_pending(Fixture *f, gconstpointer data) {
  call(f, "never");
  call(f, "allowed");
  pair_wait(&f->n_done, 1);
  assert_result(f, 0, "allowed:yes");
  g_assert_cmpuint(wg_polkit_n_pending(f->polkit), ==, 1);
  answer(f->held[0], TRUE, FALSE, FALSE);
  pair_wait(&f->n_done, 2);
  assert_result(f, 1, "never:yes");
}

static void test_timeout(Fixture *f, gconstpointer data) {
  wg_polkit_set_timeout(f->polkit, 50000, G_USEC_PER_SEC * 60);
  call(f, "never");
  pair_wait(&f->n_done, 1);
  assert_result(f, 0, "never:org.waggle.Error.NotAuthorized");
  pair_wait(&f->n_cancelled, 1);
  g_assert_cmpstr(f->cancelled, ==, f->held_id);
}

static void test_vanished(Fixture *f, gconstpointer data) {
  call(f, "never");
  pair_wait(&f->n_asked, 1);
  authority_down(f);
  pair_wait(&f->n_done, 1);
  assert_result(f, 0, "never:org.waggle.Error.NotAuthorized");
  call(f, "allowed"); /* nobody there at all */
  pair_wait(&f->n_done, 2);
  assert_result(f, 1, "allowed:org.waggle.Error.NotAuthorized");
}

static void test_free_cancels(Fixture *f, gconstpointer data) {
  call(f, "never");
  call(f, "never");
  pair_wait(&f->n_asked, 2);
  g_clear_pointer(&f->polkit, wg_polkit_free);
  g_assert_cmpuint(f->n_done, ==, 2);
  assert_result(f, 0, "never:org.waggle.Error.ShuttingDown");
  pair_wait(&f->n_cancelled, 2);
}

/* Where polkit is never asked. */
static void test_doors(Fixture *f, gconstpointer data) {
  f->door = WG_POLKIT_SYSTEM_PRIVATE;
  call(f, "allowed");
  pair_wait(&f->n_done, 1);
  assert_result(f, 0, "allowed:" SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
  f->door = WG_POLKIT_USER;
  call(f, "allowed");
  pair_wait(&f->n_done, 2);
  assert_result(f, 1, "allowed:org.waggle.Error.NotAuthorized");
  wg_polkit_free(f->polkit);
  f->polkit = wg_polkit_new(NULL);
  f->door = WG_POLKIT_SYSTEM_BUS;
  call(f, "allowed");
  pair_wait(&f->n_done, 3);
  assert_result(f, 2, "allowed:org.waggle.Error.NotAuthorized");
  g_assert_cmpuint(f->n_asked, ==, 0);
}

static void test_not_asked_about(Fixture *f, gconstpointer data) {
  sd_bus_message *m = NULL;
  const uid_t uids[] = {0, getuid()};
  g_assert_cmpint(
      sd_bus_message_new_method_call(f->client.bus, &m, "x.y", PAIR_PATH, PAIR_IFACE, "Call"), >=,
      0);
  g_assert_cmpint(sd_bus_message_append(m, "s", "own"), >=, 0);
  g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
  for (guint i = 0; i < G_N_ELEMENTS(uids); i++) {
    wg_polkit_check(f->polkit, WG_POLKIT_USER, m, uids[i], ACTION "own", NULL, on_done, f);
    g_assert_cmpuint(f->n_done, ==, i + 1);
    assert_result(f, i, "own:yes");
  }
  sd_bus_message_unref(m);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/common/polkit/" name, Fixture, NULL, setup, func, teardown)
  ADD("answers", test_answers);
  ADD("two-pending", test_two_pending);
  ADD("timeout", test_timeout);
  ADD("vanished", test_vanished);
  ADD("free-cancels", test_free_cancels);
  ADD("doors", test_doors);
  ADD("not-asked-about", test_not_asked_about);
  return g_test_run();
}
