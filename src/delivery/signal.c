/* signal.c: the back-end "signal": a unicast D-Bus signal to the agent's own connection.
 *
 * Only a connection of our own uid is told, and announced is what it has got: the signal is
 * followed by a Ping to the same connection, whose answer (an error is one, too) comes after the
 * signal was handed over. */
#include "delivery/backend.h"

#include "common/error.h"
#include "common/names.h"

#include <unistd.h>

static const DlvOption options[] = {
    {"bus-name", DLV_TEXT, TRUE, 0, 0, "the agent's name on the session's bus"},
    {NULL},
};

typedef struct {
  DlvCourier *courier;
  char *name;
  char *owner;       /* the unique name that has it, while a job runs */
  sd_bus_slot *slot; /* the call that is under way */
  DlvJob *job;
} Signal;

static gpointer configure(DlvCourier *courier, const char *agent, JsonObject *given,
                          GError **error) {
  const char *name = dlv_option_text(given, "bus-name", NULL);

  if (!sd_bus_service_name_is_valid(name)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "\"bus-name\": '%.80s' is no name of a bus, like org.example.Agent or :1.7", name);
    return NULL;
  }
  Signal *s = g_new0(Signal, 1);
  s->courier = courier;
  s->name = g_strdup(name);
  return s;
}

static void signal_free(gpointer state) {
  Signal *s = state;

  sd_bus_slot_unref(s->slot);
  g_free(s->owner);
  g_free(s->name);
  g_free(s);
}

static void settle(Signal *s, DlvResult result, const char *cause) {
  DlvJob *job = g_steal_pointer(&s->job);

  s->slot = sd_bus_slot_unref(s->slot);
  g_clear_pointer(&s->owner, g_free);
  dlv_job_report_all(job, result, 0, cause);
}

static void fail(Signal *s, const char *what, const sd_bus_error *e) {
  g_autofree char *cause = g_strdup_printf("%s: %s: %s", s->name, what,
                                           e && e->message ? e->message : "no answer from the bus");

  settle(s, DLV_FAILED, cause);
}

/* Its own answer, whatever it says; an error that the bus or our library made means that the signal
 * may have been dropped just the same. */
static int on_pong(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Signal *s = data;

  if (g_strcmp0(sd_bus_message_get_sender(m), s->owner) != 0) {
    fail(s, "it did not say that it got the signal", sd_bus_message_get_error(m));
    return 1;
  }
  g_autofree char *cause = g_strdup_printf("%s (%s) got the signal", s->name, s->owner);
  settle(s, DLV_ANNOUNCED, cause);
  return 1;
}

static int send_signal(Signal *s, sd_bus *bus) {
  sd_bus_message *m = NULL;

  int r = sd_bus_message_new_signal(bus, &m, WG_PATH_DELIVERY, WG_IFACE_DELIVERY, "MailWaiting");
  if (r >= 0)
    r = sd_bus_message_append(m, "suu", s->job->agent, s->job->waiting, s->job->urgent);
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'a', "t");
  for (guint i = 0; r >= 0 && i < s->job->n_messages; i++)
    r = sd_bus_message_append(m, "t", s->job->messages[i].number);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  if (r >= 0)
    r = sd_bus_send_to(bus, m, s->owner, NULL);
  sd_bus_message_unref(m);
  if (r >= 0) {
    s->slot = sd_bus_slot_unref(s->slot);
    r = sd_bus_call_method_async(bus, &s->slot, s->owner, "/", WG_IFACE_PEER, "Ping", on_pong, s,
                                 "");
  }
  return r;
}

static int on_uid(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Signal *s = data;
  guint32 uid;

  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &uid) < 0) {
    fail(s, "whose it is cannot be found out", sd_bus_message_get_error(m));
    return 1;
  }
  if (uid != getuid()) {
    g_autofree char *cause =
        g_strdup_printf("%s belongs to uid %u, not to the agent's", s->name, uid);
    settle(s, DLV_FAILED, cause);
    return 1;
  }
  int r = send_signal(s, sd_bus_message_get_bus(m));
  if (r < 0) {
    sd_bus_error e = SD_BUS_ERROR_NULL;
    sd_bus_error_set_errno(&e, r);
    fail(s, "the signal cannot be sent", &e);
    sd_bus_error_free(&e);
  }
  return 1;
}

static int ask_bus(Signal *s, sd_bus *bus, const char *method, const char *name,
                   sd_bus_message_handler_t answer) {
  s->slot = sd_bus_slot_unref(s->slot);
  return sd_bus_call_method_async(bus, &s->slot, WG_BUS_BROKER, WG_PATH_BROKER, WG_IFACE_BROKER,
                                  method, answer, s, "s", name);
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *owner;
  Signal *s = data;

  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "s", &owner) < 0) {
    fail(s, "the agent is not on the bus", sd_bus_message_get_error(m));
    return 1;
  }
  s->owner = g_strdup(owner);
  if (ask_bus(s, sd_bus_message_get_bus(m), "GetConnectionUnixUser", owner, on_uid) < 0)
    fail(s, "whose it is cannot be found out", NULL);
  return 1;
}

static void run(gpointer state, DlvJob *job) {
  Signal *s = state;
  sd_bus *bus = dlv_courier_bus(s->courier);

  s->job = job;
  if (!bus)
    settle(s, DLV_HELD, "there is no session bus here, so no signal can be sent");
  else if (ask_bus(s, bus, "GetNameOwner", s->name, on_owner) < 0)
    fail(s, "it cannot be looked for", NULL);
}

static void cancel(gpointer state, DlvJob *job) {
  Signal *s = state;

  if (s->job == job)
    fail(s, "it did not answer in time", NULL);
}

const DlvBackendClass dlv_backend_signal = {
    .name = "signal",
    .summary = "a D-Bus signal to the agent's own connection",
    .options = options,
    .configure = configure,
    .free = signal_free,
    .run = run,
    .cancel = cancel,
};
