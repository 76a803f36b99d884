/* receive-http.c: webhook (Alertmanager's payload, version 4), Alertmanager itself (API v2) and
 * ntfy (receive-ntfy.c), by libsoup, asynchronously on the loop.
 *
 * Any 2xx is told. What may be another time otherwise (no connection, 408, 425, 429, 5xx, too late)
 * is tried again; any other answer is the server's word that it will not take this one. Redirects
 * are not followed: a secret goes to no other host. No proxy is taken from the environment. */
#include "monitoring/receive-private.h"

#include "common/error.h"
#include "common/names.h"

#include <string.h>

#define ANSWER_MAX 300 /* bytes of it that an error quotes */

/* One for all servers that the system's authorities vouch for, and one a file of others: what a
 * private one has signed is good for those alone who name it. NULL with the error. */
static SoupSession *session_of(MonReceivers *receivers, const char *ca_file, GError **error) {
  const char *key = ca_file ? ca_file : "";
  SoupSession *session = g_hash_table_lookup(receivers->sessions, key);
  g_autoptr(GTlsDatabase) anchors = NULL;

  if (session)
    return session;
  if (ca_file && !(anchors = g_tls_file_database_new(ca_file, error))) {
    g_prefix_error(error, "%s: ", ca_file);
    return NULL;
  }
  session = soup_session_new_with_options("user-agent", "waggle-monitord/" WG_VERSION, "timeout", 0,
                                          "idle-timeout", 60, NULL);
  soup_session_set_proxy_resolver(session, NULL);
  if (anchors)
    soup_session_set_tls_database(session, anchors);
  g_hash_table_insert(receivers->sessions, g_strdup(key), session);
  return session;
}

void mon_receivers_forget_files(MonReceivers *receivers) {
  g_hash_table_remove_all(receivers->sessions);
}

static gboolean is_later(guint status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void end_by_status(MonSending *sending, const char *answer) {
  guint status = soup_message_get_status(sending->message);
  g_autofree char *valid = g_utf8_make_valid(answer, -1);
  g_autofree char *text = g_strdup_printf("the server answered %u %s%s%s", status,
                                          soup_message_get_reason_phrase(sending->message),
                                          *valid ? ": " : "", g_strstrip(valid));

  if (status >= 200 && status < 300)
    mon_sending_end(sending, MON_TOLD, NULL);
  else
    mon_sending_end(sending, is_later(status) ? MON_TELL_AGAIN : MON_TELL_NEVER, text);
}

static void end_by_error(MonSending *sending, const GError *error) {
  g_autofree char *text =
      sending->is_late
          ? g_strdup_printf("no answer within %" G_GINT64_FORMAT " ms", sending->timeout / 1000)
          : g_strdup(error->message);

  mon_sending_end(sending, MON_TELL_AGAIN, text);
}

/* The status is what counts; a body that does not come is none. */
static void on_body(GObject *source, GAsyncResult *result, gpointer user_data) {
  MonSending *sending = user_data;
  g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, NULL);
  g_autofree char *answer =
      bytes ? g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)) : g_strdup("");

  end_by_status(sending, answer ? answer : "");
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user_data) {
  MonSending *sending = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GInputStream) stream = soup_session_send_finish(SOUP_SESSION(source), result, &error);

  if (stream == NULL)
    end_by_error(sending, error);
  else
    g_input_stream_read_bytes_async(stream, ANSWER_MAX, G_PRIORITY_DEFAULT, sending->cancellable,
                                    on_body, sending);
}

static void send_now(MonSending *sending, const char *secret) {
  SoupMessageHeaders *headers = soup_message_get_request_headers(sending->message);
  g_autofree char *value = NULL;
  g_autoptr(GError) error = NULL;

  if (secret && g_str_equal(sending->auth_type, "Basic")) {
    g_autofree char *pair = g_strdup_printf("%s:%s", sending->auth_user, secret);
    g_autofree char *encoded = g_base64_encode((const guchar *)pair, strlen(pair));
    value = g_strconcat("Basic ", encoded, NULL);
  } else if (secret) {
    value = g_strconcat(sending->auth_type, " ", secret, NULL);
  }
  if (value)
    soup_message_headers_replace(headers, "Authorization", value);
  SoupSession *session = session_of(sending->receivers, sending->ca_file, &error);
  if (session)
    soup_session_send_async(session, sending->message, G_PRIORITY_DEFAULT, sending->cancellable,
                            on_answer, sending);
  else
    end_by_error(sending, error);
}

static void on_secret(GObject *source, GAsyncResult *result, gpointer user_data) {
  MonSending *sending = user_data;
  g_autofree char *secret = NULL;
  g_autoptr(GError) error = NULL;

  if (!g_file_load_contents_finish(G_FILE(source), result, &secret, NULL, NULL, &error)) {
    end_by_error(sending, error);
    return;
  }
  if (sending->receivers == NULL) { /* forgotten meanwhile */
    mon_sending_end(sending, MON_TELL_AGAIN, NULL);
    return;
  }
  g_strstrip(secret);
  for (const char *p = secret; *p; p++)
    if ((guchar)*p < 0x20 || *p == 0x7f) {
      mon_sending_end(sending, MON_TELL_AGAIN, "the file of the secret has control characters");
      return;
    }
  send_now(sending, secret);
}

static SoupMessage *json_request(const MonIntegration *integration, const MonNotice *notice) {
  gboolean is_alertmanager = integration->kind == MON_RECEIVE_ALERTMANAGER;
  gboolean ends = g_str_has_suffix(integration->url, "/");
  g_autofree char *url =
      is_alertmanager
          ? g_strconcat(integration->url, ends ? "api/v2/alerts" : "/api/v2/alerts", NULL)
          : g_strdup(integration->url);
  char *json = is_alertmanager ? mon_payload_alertmanager(notice)
                               : mon_payload_webhook(notice, integration->max_alerts);
  g_autoptr(GBytes) body = g_bytes_new_take(json, strlen(json));
  SoupMessage *message = soup_message_new("POST", url);

  if (message)
    soup_message_set_request_body_from_bytes(message, "application/json", body);
  return message;
}

static SoupMessage *message_of(const MonIntegration *integration, const MonNotice *notice) {
  SoupMessage *message = integration->kind == MON_RECEIVE_NTFY
                             ? mon_ntfy_request(integration, notice)
                             : json_request(integration, notice);

  if (message == NULL)
    return NULL;
  soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace(soup_message_get_request_headers(message), "Idempotency-Key",
                               notice->dedup);
  if (mon_notice_trace(notice))
    soup_message_headers_replace(soup_message_get_request_headers(message), WG_TRACEPARENT,
                                 mon_notice_trace(notice));
  return message;
}

void mon_receive_http(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt) {
  g_autoptr(SoupMessage) message = message_of(integration, notice);
  MonSending *sending;

  if (message == NULL) {
    mon_attempt_end(attempt, MON_TELL_NEVER, "its address is none");
    return;
  }
  sending = mon_sending_new(receivers, integration, attempt);
  sending->message = g_steal_pointer(&message);
  sending->auth_type = g_strdup(integration->auth_type);
  sending->auth_user = g_strdup(integration->auth_user);
  sending->ca_file = g_strdup(integration->ca_file);
  if (integration->auth_file) {
    g_autoptr(GFile) file = g_file_new_for_path(integration->auth_file);
    g_file_load_contents_async(file, sending->cancellable, on_secret, sending);
    return;
  }
  send_now(sending, integration->auth_text);
}
