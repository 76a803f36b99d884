/* bus-notify.c: org.waggle.Monitoring1.Notify: silences, and the tables of the interface. What is
 * listed is in bus-notify-list.c. A silence is answered when it is on the disk. */
#include "monitoring/bus.h"
#include "monitoring/notify.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

#define SILENCE_DEFAULT G_TIME_SPAN_HOUR

static const WgOption silence_options[] = {{"starts-at", "t"},   {"ends-at", "t"},
                                           {"duration", "t"},    {"comment", "s"},
                                           {"traceparent", "s"}, {NULL}};
static const WgOption list_options[] = {{"all", "b"}, {NULL}};
static const WgOption notification_options[] = {{"limit", "u"}, {"waiting", "b"}, {NULL}};

static void stored(gint64 id, const GError *error, gpointer user_data) {
  MonCall *call = user_data;

  if (error)
    wg_call_fail(call, error);
  else
    wg_call_answer(call, g_variant_new("(t)", (guint64)id));
}

static gint64 bounded(guint64 usec) {
  return (gint64)MIN(usec, (guint64)G_MAXINT64 / 4);
}

/* duration, or ends-at, or an hour. */
static gint64 end_of(MonCall *call, gint64 starts, GError **error) {
  if (wg_call_has(call, "duration") && wg_call_has(call, "ends-at")) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "a silence has a duration or an end, not both");
    return 0;
  }
  if (wg_call_has(call, "ends-at"))
    return bounded(wg_call_number(call, "ends-at"));
  return starts + (wg_call_has(call, "duration") ? bounded(wg_call_number(call, "duration"))
                                                 : SILENCE_DEFAULT);
}

void mon_handle_silence(MonCall *call) {
  MonNotifier *notifier = ((MonDaemon *)call->owner)->notifier;
  const char *comment = wg_call_text(call, "comment"), *matchers;
  gint64 now = wg_time_realtime();
  gint64 starts = wg_call_has(call, "starts-at") ? bounded(wg_call_number(call, "starts-at")) : now;
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;
  gint64 ends = end_of(call, starts, &error);
  g_autoptr(MonSilence) silence = NULL;
  g_autoptr(GPtrArray) all = mon_silences_all(mon_notifier_silences(notifier));

  g_variant_get_child(call->args, 0, "&s", &matchers);
  if (error == NULL && all->len >= MON_SILENCES_MAX)
    g_set_error(&error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "there are %d silences already; end some, they are forgotten five days later",
                MON_SILENCES_MAX);
  if (error == NULL)
    silence = mon_silence_new(mon_notifier_next_silence(notifier), matchers, starts, ends, now, who,
                              comment ? comment : "", &error);
  if (silence == NULL) {
    wg_call_fail(call, error);
    return;
  }
  WgTraceIds ids = wg_trace_ids(wg_call_text(call, WG_TRACEPARENT));
  wg_log(LOG_NOTICE, WG_MSG_SILENCED, WG_FIELDS(WG_FIELD_COUNT, "1", WG_TRACE_FIELDS(ids)),
         "%s silences alerts with %s: %s", who, matchers, comment ? comment : "no reason given");
  mon_notifier_silence(notifier, g_steal_pointer(&silence), stored, call);
}

/* It ends now; it can be seen for a while that it was. */
void mon_handle_unsilence(MonCall *call) {
  MonNotifier *notifier = ((MonDaemon *)call->owner)->notifier;
  gint64 now = wg_time_realtime();
  const MonSilence *old;
  g_autoptr(MonSilence) silence = NULL;
  g_autoptr(GError) error = NULL;
  guint64 id;

  g_variant_get_child(call->args, 0, "t", &id);
  old = mon_silences_get(mon_notifier_silences(notifier), (gint64)MIN(id, G_MAXINT64));
  if (old && now < old->ends) {
    g_autofree char *text = mon_silence_text(old);
    silence = mon_silence_from_text((gint64)id, text, &error);
  } else {
    g_set_error(&error, WG_ERROR, old ? WG_ERROR_INVALID_STATE : WG_ERROR_NOT_FOUND,
                old ? "silence %" G_GUINT64_FORMAT " has ended already"
                    : "there is no silence %" G_GUINT64_FORMAT
                      "; waggle alerts silences lists them",
                id);
  }
  if (silence == NULL) {
    wg_call_fail(call, error);
    return;
  }
  silence->ends = now;
  silence->starts = MIN(silence->starts, now);
  mon_notifier_silence(notifier, g_steal_pointer(&silence), stored, call);
}

void mon_handle_test_receiver(MonCall *call) {
  MonNotifier *notifier = ((MonDaemon *)call->owner)->notifier;
  g_autofree char *who = wg_call_who(call);
  g_autoptr(GError) error = NULL;
  const char *name;

  g_variant_get_child(call->args, 0, "&s", &name);
  if (!mon_notifier_test(notifier, name, who, wg_call_text(call, WG_TRACEPARENT), stored, call,
                         &error))
    wg_call_fail(call, error);
}

static const MonMethod methods[] = {
    {WG_IFACE_MONITORING_NOTIFY, "Silence", mon_handle_silence, MON_ACTION_SILENCE,
     silence_options},
    {WG_IFACE_MONITORING_NOTIFY, "Unsilence", mon_handle_unsilence, MON_ACTION_SILENCE,
     mon_options_trace},
    {WG_IFACE_MONITORING_NOTIFY, "ListSilences", mon_handle_list_silences, NULL, list_options},
    {WG_IFACE_MONITORING_NOTIFY, "TestReceiver", mon_handle_test_receiver, MON_ACTION_MANAGE,
     mon_options_trace},
    {WG_IFACE_MONITORING_NOTIFY, "ListReceivers", mon_handle_list_receivers, MON_ACTION_INSPECT,
     mon_options_none},
    {WG_IFACE_MONITORING_NOTIFY, "ListNotifications", mon_handle_list_notifications,
     MON_ACTION_INSPECT, notification_options},
    {NULL},
};

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    MON_METHOD("Silence", MON_ARGS("s", matchers, "a{sv}", options), MON_RESULT("t", silence),
               mon_method_call, MON_OPEN),
    MON_METHOD("Unsilence", MON_ARGS("t", silence, "a{sv}", options), MON_RESULT("t", silence),
               mon_method_call, MON_OPEN),
    MON_METHOD("ListSilences", MON_ARGS("a{sv}", options), MON_RESULT("aa{sv}", silences),
               mon_method_call, MON_OPEN),
    MON_METHOD("TestReceiver", MON_ARGS("s", receiver, "a{sv}", options),
               MON_RESULT("t", notification), mon_method_call, MON_OPEN),
    MON_METHOD("ListReceivers", MON_ARGS("a{sv}", options), MON_RESULT("aa{sv}", receivers),
               mon_method_call, MON_OPEN),
    MON_METHOD("ListNotifications", MON_ARGS("a{sv}", options), MON_RESULT("aa{sv}", notifications),
               mon_method_call, MON_OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Notified",
                            MON_ARGS("s", receiver, "s", status, "s", dedup_key, "s", alerts), 0),
    SD_BUS_VTABLE_END,
};

const MonInterface mon_interface_notify = {
    WG_PATH_MONITORING, WG_IFACE_MONITORING_NOTIFY, vtable, methods, NULL, NULL,
};
