/* messenger.c: alerts as messages to agents: a client of messaged's private socket (or of another
 * address, $WAGGLE_ADDRESS).
 *
 * Connected with the first message, and again with the next one after the connection was lost; the
 * outbox decides when that is. The dedup key is the message's id, so messaged stores a repeated one
 * once. A call is not answered in time: the service hangs, and the connection is given up with all
 * that waits. Everything is asynchronous. */
#include "monitoring/receive-private.h"

#include "common/bus-source.h"
#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

#define CALL_TIMEOUT (20 * G_USEC_PER_SEC)

struct MonMessenger {
  char *address;
  sd_bus *bus; /* NULL: not connected */
  GSource *source;
  GQueue calls; /* of Call */
};

typedef struct {
  MonMessenger *messenger;
  MonAttempt *attempt;
  sd_bus_slot *slot;
} Call;

static void call_free(gpointer data) {
  Call *call = data;

  sd_bus_slot_unref(call->slot);
  g_free(call);
}

static void call_end(Call *call, MonToldHow how, const char *text) {
  MonAttempt *attempt = call->attempt;

  g_queue_remove(&call->messenger->calls, call);
  call_free(call);
  mon_attempt_end(attempt, how, text);
}

static void disconnect(MonMessenger *messenger) {
  if (messenger->source)
    wg_bus_source_destroy(g_steal_pointer(&messenger->source));
  if (messenger->bus)
    sd_bus_close_unref(g_steal_pointer(&messenger->bus)); /* never the flushing one */
}

static void lost(MonMessenger *messenger, const char *why) {
  g_autofree char *text = g_strdup_printf("the messaging service is not there (%s)", why);

  disconnect(messenger);
  while (messenger->calls.head)
    call_end(messenger->calls.head->data, MON_TELL_AGAIN, text);
}

static void on_closed(sd_bus *bus, int r, gpointer user_data) {
  lost(user_data, g_strerror(-r));
}

/* Where messaged listens in this scope. */
static char *address_of(const MonDaemon *daemon) {
  const char *given = g_getenv(WG_ENV_ADDRESS);
  const char *dir = daemon->user_scope ? g_getenv("XDG_RUNTIME_DIR") : MON_SYSTEM_RUNTIME_DIR;
  g_autofree char *path = NULL;
  GString *text;

  if (given && *given && *given != '/')
    return g_strdup(given);
  path = given && *given
             ? g_strdup(given)
             : g_build_filename(dir ? dir : "", WG_SOCKET_DIR, WG_SOCKET_MESSAGING, NULL);
  text = g_string_new("unix:path=");
  for (const guchar *p = (const guchar *)path; *p; p++)
    if (g_ascii_isalnum(*p) || strchr("-_/.", *p))
      g_string_append_c(text, (char)*p);
    else
      g_string_append_printf(text, "%%%02x", *p);
  return g_string_free(text, FALSE);
}

MonMessenger *mon_messenger_new(MonDaemon *daemon) {
  MonMessenger *messenger = g_new0(MonMessenger, 1);

  messenger->address = address_of(daemon);
  g_queue_init(&messenger->calls);
  return messenger;
}

void mon_messenger_free(MonMessenger *messenger) {
  if (messenger == NULL)
    return;
  g_queue_clear_full(&messenger->calls, call_free);
  disconnect(messenger);
  g_free(messenger->address);
  g_free(messenger);
}

static int connect_bus(MonMessenger *messenger) {
  int r;

  if (messenger->bus)
    return 0;
  r = sd_bus_new(&messenger->bus);
  if (r >= 0)
    r = sd_bus_set_address(messenger->bus, messenger->address);
  if (r >= 0)
    r = sd_bus_start(messenger->bus);
  if (r < 0) {
    disconnect(messenger);
    return r;
  }
  messenger->source = wg_bus_source_attach(messenger->bus, NULL, on_closed, messenger);
  return 0;
}

/* What cannot become better by waiting. */
static gboolean is_final(WgErrorCode code) {
  return code == WG_ERROR_INVALID_ARGUMENT || code == WG_ERROR_INVALID_NAME ||
         code == WG_ERROR_UNKNOWN_OPTION || code == WG_ERROR_BODY_TOO_LARGE;
}

static int on_reply(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  Call *call = user_data;
  const sd_bus_error *e = sd_bus_message_get_error(m);
  g_autoptr(GError) error = e ? wg_error_from_bus(e) : NULL;

  if (e == NULL) {
    call_end(call, MON_TOLD, NULL);
  } else if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                                    SD_BUS_ERROR_DISCONNECTED)) {
    lost(call->messenger, error->message);
  } else if (g_error_matches(error, WG_ERROR, WG_ERROR_DUPLICATE_MISMATCH)) {
    call_end(call, MON_TOLD, NULL); /* stored by an earlier attempt, told in other words */
  } else {
    call_end(call, is_final((WgErrorCode)error->code) ? MON_TELL_NEVER : MON_TELL_AGAIN,
             error->message);
  }
  return 1;
}

static guint8 priority_of(const MonIntegration *integration, const MonNotice *notice) {
  const MonTransition *first = g_ptr_array_index(notice->alerts, 0);

  if (integration->priority >= 0)
    return (guint8)integration->priority;
  if (notice->n_firing == 0)
    return 4;
  if (g_strcmp0(first->severity, "critical") == 0)
    return 8;
  return g_strcmp0(first->severity, "info") == 0 ? 3 : 6;
}

static int append_headers(sd_bus_message *m, const MonNotice *notice) {
  const MonTransition *first = g_ptr_array_index(notice->alerts, 0);
  const char *name = mon_labels_get(first->labels, "alertname");

  return sd_bus_message_append(m, "{sv}", "headers", "a{ss}", 5, "alert-status",
                               notice->n_firing > 0 ? "firing" : "resolved", "alert-name",
                               name ? name : "", "alert-fingerprint", first->fingerprint,
                               "alert-severity", first->severity ? first->severity : "",
                               "alert-receiver", notice->receiver);
}

static int fill(sd_bus_message *m, const MonIntegration *integration, const MonNotice *notice) {
  g_autofree char *text = mon_payload_text(notice);
  g_autofree char *subject = mon_payload_subject(notice);
  int r = sd_bus_message_append(m, "s", integration->agent);

  if (r >= 0)
    r = sd_bus_message_append_array(m, 'y', text, strlen(text));
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'a', "{sv}");
  if (r >= 0)
    r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "id", "s", notice->dedup, "subject", "s",
                              subject, "priority", "y", priority_of(integration, notice),
                              "content-type", "s", "text/plain", "tags", "as", 1, "alert");
  if (r >= 0 && mon_notice_trace(notice))
    r = sd_bus_message_append(m, "{sv}", WG_TRACEPARENT, "s", mon_notice_trace(notice));
  if (r >= 0)
    r = append_headers(m, notice);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int send_call(Call *call, const MonIntegration *integration, const MonNotice *notice) {
  sd_bus_message *m = NULL;
  int r = connect_bus(call->messenger);

  if (r >= 0)
    r = sd_bus_message_new_method_call(call->messenger->bus, &m, NULL, WG_PATH_MESSAGING,
                                       WG_IFACE_MESSAGING, "Send");
  if (r >= 0)
    r = fill(m, integration, notice);
  if (r >= 0)
    r = sd_bus_call_async(call->messenger->bus, &call->slot, m, on_reply, call, CALL_TIMEOUT);
  sd_bus_message_unref(m);
  return r;
}

void mon_receive_message(MonReceivers *receivers, const MonIntegration *integration,
                         const MonNotice *notice, MonAttempt *attempt) {
  Call *call = g_new0(Call, 1);
  int r;

  if (receivers->messenger == NULL)
    receivers->messenger = mon_messenger_new(receivers->daemon);
  *call = (Call){receivers->messenger, attempt, NULL};
  g_queue_push_tail(&receivers->messenger->calls, call);
  r = send_call(call, integration, notice);
  if (r < 0) {
    g_autofree char *text =
        g_strdup_printf("the messaging service is not there (%s)", g_strerror(-r));
    call_end(call, MON_TELL_AGAIN, text);
  }
}
