/* screen.c: see screen.h. The connection to the system bus is ours alone (the service frame has the
 * session's); it is opened when it is first needed, and without one logind is left out for a
 * while. Nothing waits: each answer takes the next step. */
#include "typing/screen.h"

#include "common/bus-source.h"
#include "common/names.h"

#define ASK_USEC G_USEC_PER_SEC
#define RETRY_USEC (30 * G_USEC_PER_SEC)
#define LOGIND "org.freedesktop.login1"
#define SAVER "org.freedesktop.ScreenSaver"

struct TypScreen {
  uid_t uid;
  sd_bus *system;
  GSource *source;
  gint64 retry_at; /* monotonic us: the system bus was not there */
  sd_bus *session; /* of the question, referenced */
  sd_bus_slot *slot;
  TypScreenFunc func;
  gpointer data;
};

TypScreen *typ_screen_new(uid_t uid) {
  TypScreen *screen = g_new0(TypScreen, 1);

  screen->uid = uid;
  return screen;
}

static void drop_system(TypScreen *screen) {
  if (screen->source != NULL)
    wg_bus_source_destroy(g_steal_pointer(&screen->source));
  g_clear_pointer(&screen->system, sd_bus_close_unref);
  screen->retry_at = g_get_monotonic_time() + RETRY_USEC;
}

void typ_screen_free(TypScreen *screen) {
  screen->slot = sd_bus_slot_unref(screen->slot);
  drop_system(screen);
  g_clear_pointer(&screen->session, sd_bus_unref);
  g_free(screen);
}

static void finish(TypScreen *screen, const char *locked_by) {
  g_clear_pointer(&screen->session, sd_bus_unref);
  screen->func(locked_by, screen->data);
}

/* Starts nobody: who does not run has locked nothing. */
static gboolean ask(TypScreen *screen, sd_bus *bus, sd_bus_message *m, int r,
                    sd_bus_message_handler_t answered) {
  screen->slot = sd_bus_slot_unref(screen->slot);
  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0)
    r = sd_bus_call_async(bus, &screen->slot, m, answered, screen, ASK_USEC);
  sd_bus_message_unref(m);
  return r >= 0;
}

static gboolean ask_property(TypScreen *screen, const char *path, const char *interface,
                             const char *property, sd_bus_message_handler_t answered) {
  sd_bus_message *m = NULL;
  int r =
      sd_bus_message_new_method_call(screen->system, &m, LOGIND, path, WG_IFACE_PROPERTIES, "Get");

  if (r >= 0)
    r = sd_bus_message_append(m, "ss", interface, property);
  return ask(screen, screen->system, m, r, answered);
}

static int on_saver(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  TypScreen *screen = data;
  int active = 0;
  gboolean locked = !sd_bus_message_is_method_error(m, NULL) &&
                    sd_bus_message_read(m, "b", &active) >= 0 && active != 0;

  screen->slot = sd_bus_slot_unref(screen->slot);
  finish(screen, locked ? "the screen saver" : NULL);
  return 1;
}

static void ask_saver(TypScreen *screen) {
  sd_bus_message *m = NULL;

  if (screen->session == NULL) {
    finish(screen, NULL);
    return;
  }
  int r = sd_bus_message_new_method_call(screen->session, &m, SAVER, "/org/freedesktop/ScreenSaver",
                                         SAVER, "GetActive");
  if (!ask(screen, screen->session, m, r, on_saver))
    finish(screen, NULL);
}

static int on_hint(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  TypScreen *screen = data;
  int locked = 0;

  screen->slot = sd_bus_slot_unref(screen->slot);
  if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "b", &locked) >= 0 &&
      locked != 0)
    finish(screen, "logind");
  else
    ask_saver(screen);
  return 1;
}

/* The user's graphical session, ("", "/") when there is none. */
static int on_session(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  TypScreen *screen = data;
  const char *id = "", *path = "/";

  if (sd_bus_message_is_method_error(m, NULL) ||
      sd_bus_message_read(m, "v", "(so)", &id, &path) < 0 || *id == '\0' ||
      !ask_property(screen, path, LOGIND ".Session", "LockedHint", on_hint))
    ask_saver(screen);
  return 1;
}

/* The slots of its calls are answered with an error before or drop with it. */
static void on_system_lost(sd_bus *bus, int r, gpointer data) {
  TypScreen *screen = data;
  gboolean asked = screen->slot != NULL && sd_bus_slot_get_bus(screen->slot) == screen->system;

  if (asked)
    screen->slot = sd_bus_slot_unref(screen->slot);
  drop_system(screen);
  if (asked)
    ask_saver(screen);
}

static gboolean connect_system(TypScreen *screen) {
  if (screen->system != NULL)
    return TRUE;
  if (g_get_monotonic_time() < screen->retry_at)
    return FALSE;
  if (sd_bus_open_system_with_description(&screen->system, "screen lock") < 0) {
    screen->retry_at = g_get_monotonic_time() + RETRY_USEC;
    return FALSE;
  }
  screen->source = wg_bus_source_attach(screen->system, NULL, on_system_lost, screen);
  return TRUE;
}

void typ_screen_check(TypScreen *screen, sd_bus *session, TypScreenFunc func, gpointer data) {
  g_autofree char *path = g_strdup_printf("/org/freedesktop/login1/user/_%u", (guint)screen->uid);

  screen->func = func;
  screen->data = data;
  g_clear_pointer(&screen->session, sd_bus_unref);
  screen->session = session != NULL ? sd_bus_ref(session) : NULL;
  if (!connect_system(screen) || !ask_property(screen, path, LOGIND ".User", "Display", on_session))
    ask_saver(screen);
}

void typ_screen_bus_lost(TypScreen *screen) {
  if (screen->slot == NULL || sd_bus_slot_get_bus(screen->slot) != screen->session)
    return;
  screen->slot = sd_bus_slot_unref(screen->slot);
  finish(screen, NULL);
}
