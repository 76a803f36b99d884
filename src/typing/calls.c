/* calls.c: the methods other than Type: Hold, Release, ListWindows, Doctor, Ping, Reload. */
#include "typing/bus.h"
#include "typing/hand-protocol.h"
#include "typing/target.h"

#include "common/error.h"
#include "common/log.h"
#include "common/typable.h"

#include <string.h>

#define REASON_MAX 512
#define WINDOWS_USEC (5 * G_USEC_PER_SEC)
#define DOCTOR_USEC (100 * G_USEC_PER_SEC)

void typ_handle_ping(TypCall *call) {
  wg_call_answer(call, NULL);
}

void typ_handle_reload(TypCall *call) {
  g_autoptr(GError) error = NULL;

  if (wg_service_reload(typ_daemon(call)->service, &error))
    wg_call_answer(call, NULL);
  else
    wg_call_fail(call, error);
}

static void on_stored(const GError *error, gpointer data) {
  TypCall *call = data;

  wg_service_set_degraded(typ_daemon(call)->service, "hold", error != NULL ? error->message : NULL);
  if (error == NULL) {
    wg_call_answer(call, NULL);
    return;
  }
  g_autoptr(GError) told = g_error_new(
      WG_ERROR, WG_ERROR_FAILED,
      "in force, but only until the service ends, because it cannot be stored: %s", error->message);
  wg_call_fail(call, told);
}

void typ_handle_hold(TypCall *call) {
  const WgTypable one_line = {.terminal = TRUE};
  TypDaemon *daemon = call->owner;
  const char *given;
  guint64 usec;

  g_variant_get(call->args, "(&st)", &given, &usec);
  if (strlen(given) > REASON_MAX) {
    g_autoptr(GError) error = g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                                          "the reason has more than %d bytes", REASON_MAX);
    wg_call_fail(call, error);
    return;
  }
  g_autofree char *reason = wg_typable(given, strlen(given), &one_line, NULL);
  typ_hold_set(daemon->hold, reason, usec, on_stored, call);
  if (typ_hand_n_requests(daemon->hand) > 0)
    typ_hand_stop_typing(daemon->hand);
  wg_log(LOG_NOTICE, WG_MSG_TYPIST_HELD, NULL, "Nothing is typed from now on%s%s",
         *reason != '\0' ? ": " : "", reason);
  typ_daemon_hold_changed(daemon);
}

void typ_handle_release(TypCall *call) {
  TypDaemon *daemon = call->owner;
  gboolean was_held = typ_hold_reason(daemon->hold) != NULL;

  typ_hold_release(daemon->hold, on_stored, call);
  if (!was_held)
    return;
  wg_log(LOG_NOTICE, WG_MSG_TYPIST_RELEASED, NULL, "The hold is taken back");
  typ_daemon_hold_changed(daemon);
}

static GVariant *with_profile(TypDaemon *daemon, GVariant *window) {
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(window);
  const char *class = "", *instance = "", *title = "";

  (void)g_variant_lookup(window, "class", "&s", &class);
  (void)g_variant_lookup(window, "instance", "&s", &instance);
  (void)g_variant_lookup(window, "title", "&s", &title);
  g_variant_dict_insert(&dict, "profile", "s",
                        typ_profiles_match(daemon->profiles, class, instance, title)->name);
  return g_variant_dict_end(&dict);
}

static void on_windows(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  TypCall *call = data;
  GVariantBuilder builder;

  if (error != NULL) {
    wg_call_fail(call, error);
    return;
  }
  g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
  g_autoptr(GVariant) windows = g_variant_lookup_value(reply, "windows", G_VARIANT_TYPE("aa{sv}"));
  for (gsize i = 0; windows != NULL && i < g_variant_n_children(windows); i++) {
    g_autoptr(GVariant) window = g_variant_get_child_value(windows, i);
    g_variant_builder_add_value(&builder, with_profile(typ_daemon(call), window));
  }
  wg_call_answer(call, g_variant_new("(aa{sv})", &builder));
}

static void list_prepared(const GError *error, gpointer data) {
  TypCall *call = data;

  if (error != NULL)
    wg_call_fail(call, error);
  else
    typ_hand_request(typ_daemon(call)->hand, HAND_WINDOWS, g_variant_get_child_value(call->args, 0),
                     WINDOWS_USEC, on_windows, call);
}

/* Bounded like the texts that wait. */
static gboolean has_room(TypCall *call, GError **error) {
  if (typ_hand_n_requests(typ_daemon(call)->hand) < typ_daemon(call)->settings.max_waiting)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                      "too many requests wait for the typing process; try again later");
  return FALSE;
}

void typ_handle_list_windows(TypCall *call) {
  g_autoptr(GVariant) filter = g_variant_get_child_value(call->args, 0);
  g_autoptr(GError) error = NULL;

  if (typ_target_check(filter, TRUE, &error) && has_room(call, &error))
    typ_daemon_prepare_hand(typ_daemon(call), list_prepared, call);
  else
    wg_call_fail(call, error);
}

static void on_doctor(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  if (error != NULL)
    wg_call_fail(data, error);
  else
    wg_call_answer(data, g_variant_new("(@a{sv})", reply));
}

static void doctor_prepared(const GError *error, gpointer data) {
  TypCall *call = data;
  g_autoptr(GVariant) options = g_variant_get_child_value(call->args, 0);
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
  const char *name = "default";
  g_autoptr(GError) local = NULL;

  (void)g_variant_lookup(options, "profile", "&s", &name);
  const TypProfile *profile = typ_profiles_find(typ_daemon(call)->profiles, name, &local);
  if (error != NULL || profile == NULL) {
    wg_call_fail(call, error != NULL ? error : local);
    return;
  }
  g_variant_dict_insert(&dict, "settle", "t", profile->settle);
  g_variant_dict_insert(&dict, "key-delay", "t", profile->key_delay);
  typ_hand_request(typ_daemon(call)->hand, HAND_DOCTOR, g_variant_dict_end(&dict), DOCTOR_USEC,
                   on_doctor, call);
}

void typ_handle_doctor(TypCall *call) {
  const char *reason = typ_hold_reason(typ_daemon(call)->hold);
  g_autoptr(GError) error = NULL;

  if (reason != NULL)
    g_set_error(&error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "a hold is set%s%s; the doctor types, too: release it first",
                *reason != '\0' ? ": " : "", reason);
  if (error == NULL && has_room(call, &error))
    typ_daemon_prepare_hand(typ_daemon(call), doctor_prepared, call);
  else
    wg_call_fail(call, error);
}
