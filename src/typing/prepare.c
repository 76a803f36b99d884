/* prepare.c: see typing.h: what the hand needs before it can be started (a display, a place for the
 * restore file), and what is told of it: properties, degraded states, the journal. */
#include "typing/bus.h"
#include "typing/hand-protocol.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <glib/gstdio.h>
#include <string.h>

#define RESTORE_FILE "restore"
#define BLIND "the display lacks XInput 2: whether a person types in a window is not seen"

typedef struct {
  TypPreparedFunc func;
  gpointer data;
} Waiter;

/* systemd's, else one of our own below the user's, else where state is kept. */
static char *restore_path(TypDaemon *daemon) {
  const char *given = g_getenv("RUNTIME_DIRECTORY");
  const char *user = g_getenv("XDG_RUNTIME_DIR");

  if (given != NULL && *given != '\0') {
    g_auto(GStrv) parts = g_strsplit(given, ":", 2);
    return g_build_filename(parts[0], RESTORE_FILE, NULL);
  }
  if (user != NULL && g_path_is_absolute(user)) {
    g_autofree char *dir = g_build_filename(user, "waggle-typist", NULL);
    if (g_mkdir_with_parents(dir, 0700) == 0)
      return g_build_filename(dir, RESTORE_FILE, NULL);
  }
  return g_build_filename(wg_service_state_dir(daemon->service), RESTORE_FILE, NULL);
}

static const char *program_of(const TypDaemon *daemon) {
  const char *override = g_getenv(WG_ENV_TYPIST_HAND);

  if (override != NULL && *override != '\0')
    return override;
  return *daemon->settings.hand != '\0' ? daemon->settings.hand : TYP_HAND_PROGRAM;
}

static void take_string(TypDaemon *daemon, char **field, const char *value, const char *property) {
  const char *const names[] = {property, NULL};

  if (g_strcmp0(*field, value) == 0)
    return;
  g_free(*field);
  *field = g_strdup(value);
  typ_properties_changed(daemon, names);
}

static void on_put_back(GVariant *reply, const GError *error, gboolean began, gpointer data) {
  /* on_hand_state() has told what there was to tell */
}

/* What a hand left behind that was killed together with its typist is put back now: the next
 * request may be hours away, and until then the human has a key that types something else. */
static void put_back(TypDaemon *daemon, const char *restore_file) {
  if (!g_file_test(restore_file, G_FILE_TEST_EXISTS) || typ_hand_is_ready(daemon->hand) ||
      typ_hand_n_requests(daemon->hand) > 0)
    return;
  typ_hand_request(daemon->hand, HAND_QUERY, g_variant_new("a{sv}", NULL),
                   daemon->settings.answer_usec, on_put_back, NULL);
}

static void on_display(const TypDisplay *display, const GError *error, gpointer data) {
  TypDaemon *daemon = data;
  GQueue waiters = daemon->preparing;

  g_queue_init(&daemon->preparing);
  take_string(daemon, &daemon->display, display->display != NULL ? display->display : "",
              "Display");
  take_string(daemon, &daemon->session_type, display->session_type, "SessionType");
  wg_service_set_degraded(daemon->service, "display", error != NULL ? error->message : NULL);
  if (error == NULL) {
    g_auto(GStrv) own = g_get_environ();
    g_auto(GStrv) environment = typ_display_environment(display, (const char *const *)own);
    g_autofree char *restore = restore_path(daemon);
    typ_hand_configure(daemon->hand, program_of(daemon), restore, environment,
                       daemon->settings.answer_usec);
    put_back(daemon, restore);
  }
  typ_daemon_update_status(daemon);
  for (Waiter *waiter; (waiter = g_queue_pop_head(&waiters)) != NULL; g_free(waiter))
    waiter->func(error, waiter->data);
}

void typ_daemon_prepare_hand(TypDaemon *daemon, TypPreparedFunc func, gpointer data) {
  gboolean asked = !g_queue_is_empty(&daemon->preparing);
  Waiter *waiter = g_new(Waiter, 1);

  *waiter = (Waiter){func, data};
  g_queue_push_tail(&daemon->preparing, waiter);
  if (!asked)
    typ_display_find(daemon->finder, wg_service_bus(daemon->service), daemon->display_stale,
                     daemon->settings.display, daemon->settings.authority, on_display, daemon);
}

static gboolean sees_humans(GVariant *info) {
  gboolean xi2 = TRUE;

  (void)g_variant_lookup(info, "xi2", "b", &xi2);
  return xi2;
}

static void on_hand_state(GVariant *info, const char *why, gboolean unexpected, gpointer data) {
  TypDaemon *daemon = data;
  const char *layout = "unknown";

  if (info != NULL) {
    (void)g_variant_lookup(info, "layout", "&s", &layout);
    wg_log(LOG_INFO, WG_MSG_HAND_READY, NULL, "The typing process is ready on %s, layout %s",
           daemon->display, layout);
    wg_service_set_degraded(daemon->service, "hand", NULL);
    wg_service_set_degraded(daemon->service, "human", sees_humans(info) ? NULL : BLIND);
  } else if (unexpected) {
    wg_log(LOG_WARNING, WG_MSG_HAND_ENDED, WG_FIELDS(WG_FIELD_ERROR, why),
           "The typing process ended: %s", why);
    wg_service_set_degraded(daemon->service, "hand", why);
  } else {
    daemon->display_stale = !daemon->display_stale; /* the other one's turn */
    wg_log(LOG_NOTICE, WG_MSG_HAND_ENDED, WG_FIELDS(WG_FIELD_ERROR, why),
           "The typing process left: %s", why);
  }
  typ_daemon_update_status(daemon);
}

void typ_daemon_prepare_init(TypDaemon *daemon) {
  static const TypHandFuncs funcs = {on_hand_state};
  g_auto(GStrv) own = g_get_environ();
  g_auto(TypDisplay) display = {0};

  daemon->finder = typ_display_finder_new();
  daemon->hand = typ_hand_new(&funcs, daemon);
  g_queue_init(&daemon->preparing);
  (void)typ_display_judge(daemon->settings.display, daemon->settings.authority,
                          (const char *const *)own, NULL, &display, NULL);
  daemon->display = g_strdup(display.display != NULL ? display.display : "");
  daemon->session_type = g_strdup(display.session_type);
}

void typ_daemon_prepare_clear(TypDaemon *daemon) {
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN, "the service has left");

  g_clear_pointer(&daemon->finder, typ_display_finder_free);
  g_clear_pointer(&daemon->hand, typ_hand_free);
  for (Waiter *waiter; (waiter = g_queue_pop_head(&daemon->preparing)) != NULL; g_free(waiter))
    waiter->func(error, waiter->data);
  g_clear_pointer(&daemon->display, g_free);
  g_clear_pointer(&daemon->session_type, g_free);
  g_clear_pointer(&daemon->status, g_free);
}

static char *status_text(TypDaemon *daemon) {
  const char *reason = typ_hold_reason(daemon->hold);

  if (reason != NULL)
    return g_strdup_printf("Held%s%s", *reason != '\0' ? ": " : "", reason);
  if (*daemon->display == '\0')
    return g_strdup_printf("No display to type on (session: %s)", daemon->session_type);
  return g_strdup_printf("Ready to type on %s", daemon->display);
}

void typ_daemon_update_status(TypDaemon *daemon) {
  g_autofree char *text = status_text(daemon);

  if (g_strcmp0(text, daemon->status) == 0)
    return;
  g_free(daemon->status);
  daemon->status = g_steal_pointer(&text);
  wg_service_set_status(daemon->service, "%s", daemon->status);
}
