/* probe.c: see probe.h. */
#include "probe.h"

#include "common/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const sd_bus_error *error, int r) {
  printf("Bail out! %s: %s\n", what, error && error->message ? error->message : g_strerror(-r));
  fflush(stdout);
  abort();
}

static void must(int r, const char *what) {
  if (r < 0)
    die(what, NULL, r);
}

static sd_bus_message *call_new(sd_bus *bus, const char *member) {
  gboolean on_bus = sd_bus_is_bus_client(bus);
  sd_bus_message *m = NULL;

  must(sd_bus_message_new_method_call(bus, &m, on_bus ? WG_BUS_MESSAGING : NULL, WG_PATH_MESSAGING,
                                      WG_IFACE_MESSAGING, member),
       member);
  return m;
}

/* Takes `m`. */
static sd_bus_message *call(sd_bus *bus, sd_bus_message *m) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message *reply = NULL;

  int r = sd_bus_call(bus, m, 0, &error, &reply);
  if (r < 0)
    die(sd_bus_message_get_member(m), &error, r);
  sd_bus_message_unref(m);
  return reply;
}

void probe_register(sd_bus *bus, const char *agent, const char *topic) {
  sd_bus_message *m = call_new(bus, "RegisterAgent");

  must(topic ? sd_bus_message_append(m, "sa{sv}", agent, 1, "topics", "as", 1, topic)
             : sd_bus_message_append(m, "sa{sv}", agent, 0),
       "RegisterAgent");
  sd_bus_message_unref(call(bus, m));
}

typedef struct {
  ProbeSent *sent;
  gboolean done;
} Sending;

static int on_sent(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  Sending *sending = data;
  const sd_bus_error *error = sd_bus_message_get_error(m);

  sending->done = TRUE;
  if (error == NULL)
    return sd_bus_message_read(m, "t", &sending->sent->number);
  sending->sent->error = g_strdup(error->name);
  sending->sent->text = g_strdup(error->message);
  if (sd_bus_message_has_signature(m, "st"))
    sd_bus_message_read(m, "st", NULL, &sending->sent->retry_after);
  return 0;
}

/* Not by sd_bus_call(): that keeps what follows the text of an error to itself. */
void probe_send(sd_bus *bus, const char *to, const void *body, gsize size, ProbeSent *ret_sent) {
  sd_bus_message *m = call_new(bus, "Send");
  Sending sending = {ret_sent, FALSE};

  *ret_sent = (ProbeSent){0};
  must(sd_bus_message_append_basic(m, 's', to), "Send");
  must(sd_bus_message_append_array(m, 'y', body, size), "Send");
  must(sd_bus_message_append(m, "a{sv}", 0), "Send");
  must(sd_bus_call_async(bus, NULL, m, on_sent, &sending, 0), "Send");
  sd_bus_message_unref(m);
  while (!sending.done) {
    int r = sd_bus_process(bus, NULL);
    must(r, "Send");
    if (r == 0)
      must(sd_bus_wait(bus, G_MAXUINT64), "Send");
  }
}

void probe_sent_clear(ProbeSent *sent) {
  g_clear_pointer(&sent->error, g_free);
  g_clear_pointer(&sent->text, g_free);
}

guint64 probe_send_one(sd_bus *bus, const char *to) {
  ProbeSent sent;

  probe_send(bus, to, "x", 1, &sent);
  if (sent.error) {
    sd_bus_error error = {sent.error, sent.text};
    die("Send", &error, 0);
  }
  return sent.number;
}

gboolean probe_receive(sd_bus *bus, const char *agent, guint64 wait, guint64 *ret_number,
                       guint64 *ret_token) {
  sd_bus_message *m = call_new(bus, "Receive");

  must(sd_bus_message_append(m, "sa{sv}", agent, 1, "wait", "t", wait), "Receive");
  sd_bus_message *reply = call(bus, m);
  must(sd_bus_message_enter_container(reply, 'a', "(ttsaya{sv})"), "Receive");
  int r = sd_bus_message_enter_container(reply, 'r', "ttsaya{sv}");
  must(r, "Receive");
  if (r > 0)
    must(sd_bus_message_read(reply, "tt", ret_number, ret_token), "Receive");
  sd_bus_message_unref(reply);
  return r > 0;
}

void probe_ack(sd_bus *bus, guint64 token) {
  sd_bus_message *m = call_new(bus, "Ack");

  must(sd_bus_message_append(m, "ta{sv}", token, 0), "Ack");
  sd_bus_message_unref(call(bus, m));
}

/* Looks `key` up in the a{sv} that is next and reads it into `ret`; FALSE: it is not there. */
static gboolean dict_find(sd_bus_message *m, const char *key, const char *type, void *ret) {
  gboolean found = FALSE;
  const char *name;

  must(sd_bus_message_enter_container(m, 'a', "{sv}"), key);
  while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
    must(sd_bus_message_read(m, "s", &name), key);
    if (!found && g_str_equal(name, key)) {
      must(sd_bus_message_read(m, "v", type, ret), key);
      found = TRUE;
    } else {
      must(sd_bus_message_skip(m, "v"), key);
    }
    must(sd_bus_message_exit_container(m), key);
  }
  must(sd_bus_message_exit_container(m), key);
  return found;
}

guint64 probe_agent(sd_bus *bus, const char *agent, const char *key) {
  sd_bus_message *m = call_new(bus, "GetAgent");
  guint64 value = 0;

  must(sd_bus_message_append(m, "s", agent), "GetAgent");
  sd_bus_message *reply = call(bus, m);
  if (!dict_find(reply, key, "t", &value))
    die(key, NULL, 0);
  sd_bus_message_unref(reply);
  return value;
}

guint64 probe_listed(sd_bus *bus, const char *agent, const char *state) {
  guint64 n = 0, cursor = 0;

  for (int more = 1; more;) {
    sd_bus_message *m = call_new(bus, "ListMessages");
    must(sd_bus_message_append(m, "a{sv}", 4, "agent", "s", agent, "state", "s", state, "limit",
                               "u", (guint32)1000, "cursor", "t", cursor),
         "ListMessages");
    sd_bus_message *reply = call(bus, m);
    must(sd_bus_message_enter_container(reply, 'a', "a{sv}"), "ListMessages");
    for (; !sd_bus_message_at_end(reply, FALSE); n++)
      must(sd_bus_message_skip(reply, "a{sv}"), "ListMessages");
    must(sd_bus_message_exit_container(reply), "ListMessages");
    must(sd_bus_message_read(reply, "tb", &cursor, &more), "ListMessages");
    sd_bus_message_unref(reply);
  }
  return n;
}

/* The entry of `agent` among the deliveries. */
static char *find_delivery(sd_bus_message *m, const char *agent) {
  char *state = NULL;

  must(sd_bus_message_enter_container(m, 'v', "aa{sv}"), "GetMessage");
  must(sd_bus_message_enter_container(m, 'a', "a{sv}"), "GetMessage");
  while (!sd_bus_message_at_end(m, FALSE)) {
    const char *name = "", *text = "", *key;
    must(sd_bus_message_enter_container(m, 'a', "{sv}"), "GetMessage");
    while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
      must(sd_bus_message_read(m, "s", &key), "GetMessage");
      if (g_str_equal(key, "agent"))
        must(sd_bus_message_read(m, "v", "s", &name), key);
      else if (g_str_equal(key, "state"))
        must(sd_bus_message_read(m, "v", "s", &text), key);
      else
        must(sd_bus_message_skip(m, "v"), key);
      must(sd_bus_message_exit_container(m), key);
    }
    must(sd_bus_message_exit_container(m), "GetMessage");
    if (g_str_equal(name, agent) && state == NULL)
      state = g_strdup(text);
  }
  must(sd_bus_message_exit_container(m), "GetMessage");
  must(sd_bus_message_exit_container(m), "GetMessage");
  return state;
}

char *probe_state(sd_bus *bus, guint64 number, const char *agent) {
  sd_bus_message *m = call_new(bus, "GetMessage");
  const char *key;
  char *state = NULL;

  must(sd_bus_message_append(m, "ta{sv}", number, 1, "no-body", "b", 1), "GetMessage");
  sd_bus_message *reply = call(bus, m);
  must(sd_bus_message_enter_container(reply, 'a', "{sv}"), "GetMessage");
  while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
    must(sd_bus_message_read(reply, "s", &key), "GetMessage");
    if (g_str_equal(key, "deliveries"))
      state = find_delivery(reply, agent);
    else
      must(sd_bus_message_skip(reply, "v"), key);
    must(sd_bus_message_exit_container(reply), key);
  }
  sd_bus_message_unref(reply);
  return state ? state : g_strdup("none");
}

guint64 probe_statistic(sd_bus *bus, const char *key) {
  sd_bus_message *reply = call(bus, call_new(bus, "GetStatistics"));
  guint64 value = 0;

  if (!dict_find(reply, key, "t", &value))
    die(key, NULL, 0);
  sd_bus_message_unref(reply);
  return value;
}

char *probe_statistic_text(sd_bus *bus, const char *key) {
  sd_bus_message *reply = call(bus, call_new(bus, "GetStatistics"));
  const char *value = NULL;

  if (!dict_find(reply, key, "s", &value))
    die(key, NULL, 0);
  char *copy = g_strdup(value);
  sd_bus_message_unref(reply);
  return copy;
}

char *probe_check(sd_bus *bus) {
  sd_bus_message *m = call_new(bus, "Check");
  g_autoptr(GString) findings = g_string_new(NULL);
  const char *finding;

  must(sd_bus_message_append(m, "a{sv}", 1, "dry-run", "b", 1), "Check");
  sd_bus_message *reply = call(bus, m);
  must(sd_bus_message_enter_container(reply, 'a', "s"), "Check");
  while (sd_bus_message_read(reply, "s", &finding) > 0)
    g_string_append_printf(findings, "%s\n", finding);
  sd_bus_message_unref(reply);
  return g_string_free(g_steal_pointer(&findings), FALSE);
}
