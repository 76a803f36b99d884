/* bus-log.c: see bus-log.h. */
#include "messaging/bus-log.h"

#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

#define INTERVAL_USEC (10 * G_USEC_PER_SEC)

static const char *id_of(const GError *error) {
  if (error->domain != WG_ERROR)
    return WG_MSG_REQUEST_REFUSED;
  switch ((WgErrorCode)error->code) {
  case WG_ERROR_QUOTA_EXCEEDED:
    return WG_MSG_QUOTA_EXCEEDED;
  case WG_ERROR_FAILED:
  case WG_ERROR_INVALID_ARGUMENT:
  case WG_ERROR_UNKNOWN_OPTION:
  case WG_ERROR_INVALID_NAME:
  case WG_ERROR_UNKNOWN_AGENT:
  case WG_ERROR_NO_RECIPIENTS:
  case WG_ERROR_DUPLICATE_MISMATCH:
  case WG_ERROR_BODY_TOO_LARGE:
  case WG_ERROR_LIMITS_EXCEEDED:
  case WG_ERROR_STORE_DAMAGED:
    return WG_MSG_REQUEST_REFUSED;
  default:
    return NULL;
  }
}

/* Whoever sent `m`, if it is known: "uid 1000, pid 42". */
static char *sender_of(MsgDaemon *daemon, sd_bus_message *m) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), sd_bus_message_get_bus(m));
  const char *name = sd_bus_message_get_sender(m);
  MsgConnection *client = name != NULL ? g_hash_table_lookup(daemon->by_name, name) : NULL;

  if (peer != NULL)
    return g_strdup_printf("uid %u, pid %d", (guint)wg_peer_uid(peer), (int)wg_peer_pid(peer));
  if (client != NULL)
    return g_strdup_printf("uid %u, pid %d", (guint)client->caller->uid, (int)client->caller->pid);
  return g_strdup("a client that is gone");
}

void msg_log_refused(MsgDaemon *daemon, sd_bus_message *m, const GError *error) {
  static WgLogRate requests = {.interval_usec = INTERVAL_USEC, .burst = 10};
  static WgLogRate quotas = {.interval_usec = INTERVAL_USEC, .burst = 2};
  const char *id = id_of(error);
  guint suppressed = 0;

  if (id == NULL ||
      !wg_log_rate_ok(g_str_equal(id, WG_MSG_QUOTA_EXCEEDED) ? &quotas : &requests, &suppressed))
    return;
  g_autofree char *sender = sender_of(daemon, m);
  /* What a client wrote may be in the text: one line, and not a long one. */
  g_autofree char *text = g_strndup(error->message, 512);
  g_autofree char *shown = g_utf8_make_valid(g_strdelimit(text, "\n\r", ' '), -1);
  g_autofree char *left_out =
      suppressed > 0 ? g_strdup_printf(" (%u such lines were left out)", suppressed) : NULL;
  wg_log(LOG_NOTICE, id, WG_FIELDS(WG_FIELD_ERROR, shown), "Refused %s of %s: %s%s",
         sd_bus_message_get_member(m), sender, shown, left_out != NULL ? left_out : "");
}

void msg_log_dead(const MsgNote *note) {
  static WgLogRate rate = {.interval_usec = INTERVAL_USEC, .burst = 5};
  g_autofree char *seq = g_strdup_printf("%" G_GUINT64_FORMAT, note->seq);
  WgTraceIds ids = wg_trace_ids(note->traceparent);
  guint suppressed = 0;

  if (!wg_log_rate_ok(&rate, &suppressed))
    return;
  g_autofree char *left_out =
      suppressed > 0 ? g_strdup_printf(" (%u such lines were left out)", suppressed) : NULL;
  wg_log(LOG_NOTICE, WG_MSG_MESSAGE_DEAD,
         WG_FIELDS(WG_FIELD_AGENT, note->name != NULL ? note->name : "", WG_FIELD_MESSAGE, seq,
                   WG_TRACE_FIELDS(ids)),
         "Message %s to '%s' became a dead letter: %s%s", seq, note->name != NULL ? note->name : "",
         note->cause != NULL ? note->cause : "no reason", left_out != NULL ? left_out : "");
}

void msg_log_slow_store(void) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 1};
  guint suppressed = 0;

  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_WARNING, WG_MSG_STORE_SLOW, NULL,
           "The store has been writing for more than 2 s; calls wait for the disk");
}
