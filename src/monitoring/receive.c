/* receive.c: see receive.h. */
#include "monitoring/receive-private.h"

typedef void (*SendFunc)(MonReceivers *, const MonIntegration *, const MonNotice *, MonAttempt *);

static const SendFunc ways[_MON_RECEIVE_MAX] = {
    [MON_RECEIVE_JOURNAL] = mon_receive_journal, [MON_RECEIVE_DBUS] = mon_receive_dbus,
    [MON_RECEIVE_MESSAGE] = mon_receive_message, [MON_RECEIVE_EXEC] = mon_receive_exec,
    [MON_RECEIVE_WEBHOOK] = mon_receive_http,    [MON_RECEIVE_ALERTMANAGER] = mon_receive_http,
    [MON_RECEIVE_EMAIL] = mon_receive_email,     [MON_RECEIVE_NTFY] = mon_receive_http,
    [MON_RECEIVE_WALL] = mon_receive_wall,
};

MonReceivers *mon_receivers_new(MonDaemon *daemon, MonNotifier *notifier) {
  MonReceivers *receivers = g_new0(MonReceivers, 1);

  receivers->daemon = daemon;
  receivers->notifier = notifier;
  receivers->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
  receivers->sendings = g_hash_table_new(NULL, NULL);
  return receivers;
}

/* Frees what nobody else answers for. Of HTTP the cancelled call still comes back. */
static void forget(MonSending *sending) {
  sending->attempt = NULL;
  sending->receivers = NULL;
  g_clear_handle_id(&sending->timer, g_source_remove);
  if (sending->run) {
    wg_run_forget(g_steal_pointer(&sending->run));
    mon_sending_end(sending, MON_TELL_AGAIN, NULL);
  } else {
    g_cancellable_cancel(sending->cancellable);
  }
}

void mon_receivers_stop(MonReceivers *receivers) {
  g_autoptr(GList) under_way = g_hash_table_get_keys(receivers->sendings);

  receivers->stopped = TRUE;
  g_hash_table_remove_all(receivers->sendings);
  for (GList *l = under_way; l; l = l->next)
    forget(l->data);
  g_clear_pointer(&receivers->messenger, mon_messenger_free);
}

void mon_receivers_free(MonReceivers *receivers) {
  if (receivers == NULL)
    return;
  mon_receivers_stop(receivers);
  g_hash_table_unref(receivers->sendings);
  g_hash_table_unref(receivers->sessions);
  g_free(receivers);
}

void mon_receivers_bus(MonReceivers *receivers, sd_bus *bus) {
  /* what is sent there goes through the calls' own signals, which know the bus */
}

void mon_receivers_send(MonReceivers *receivers, const MonIntegration *integration,
                        const MonNotice *notice, MonAttempt *attempt) {
  if (receivers->stopped)
    mon_attempt_end(attempt, MON_TELL_AGAIN, "the service is leaving");
  else
    ways[integration->kind](receivers, integration, notice, attempt);
}

static gboolean on_late(gpointer user_data) {
  MonSending *sending = user_data;

  sending->timer = 0;
  sending->is_late = TRUE;
  g_cancellable_cancel(sending->cancellable);
  return G_SOURCE_REMOVE;
}

MonSending *mon_sending_new(MonReceivers *receivers, const MonIntegration *integration,
                            MonAttempt *attempt) {
  MonSending *sending = g_new0(MonSending, 1);

  sending->receivers = receivers;
  sending->attempt = attempt;
  sending->cancellable = g_cancellable_new();
  sending->timeout = (gint64)integration->timeout;
  sending->timer = g_timeout_add((guint)(integration->timeout / 1000), on_late, sending);
  g_hash_table_add(receivers->sendings, sending);
  return sending;
}

void mon_sending_end(MonSending *sending, MonToldHow how, const char *text) {
  MonAttempt *attempt = g_steal_pointer(&sending->attempt);

  if (sending->receivers)
    g_hash_table_remove(sending->receivers->sendings, sending);
  g_clear_handle_id(&sending->timer, g_source_remove);
  g_clear_object(&sending->cancellable);
  g_clear_object(&sending->message);
  g_free(sending->auth_type);
  g_free(sending->auth_user);
  g_free(sending->ca_file);
  g_free(sending);
  if (attempt)
    mon_attempt_end(attempt, how, text);
}
