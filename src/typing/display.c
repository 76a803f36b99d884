/* display.c: see display.h. Opens no display: that is the hand's, and whether it can is its word.
 */
#include "typing/display.h"

#include "common/error.h"
#include "common/names.h"

#include <stdlib.h>

#define ASK_USEC (2 * G_USEC_PER_SEC)
#define INSTEAD TYP_DISPLAY_INSTEAD

struct TypDisplayFinder {
  sd_bus_slot *slot;
  gboolean stale;
  char *given, *authority;
  TypDisplayFunc func;
  gpointer data;
};

void typ_display_clear(TypDisplay *display) {
  g_clear_pointer(&display->display, g_free);
  g_clear_pointer(&display->authority, g_free);
  g_clear_pointer(&display->session_type, g_free);
}

/* NULL also for an empty one. */
static const char *lookup(const char *const *environment, const char *name) {
  const char *value = environment != NULL ? g_environ_getenv((char **)environment, name) : NULL;

  return value != NULL && *value != '\0' ? value : NULL;
}

static gboolean knows_a_session(const char *const *environment) {
  return lookup(environment, "DISPLAY") != NULL || lookup(environment, "WAYLAND_DISPLAY") != NULL;
}

static gboolean is_wayland(const char *const *environment) {
  const char *type = lookup(environment, "XDG_SESSION_TYPE");

  if (g_strcmp0(type, "x11") == 0)
    return FALSE; /* $WAYLAND_DISPLAY may be left over from an earlier session */
  return g_strcmp0(type, "wayland") == 0 || lookup(environment, "WAYLAND_DISPLAY") != NULL;
}

gboolean typ_display_judge(const char *given, const char *authority, const char *const *first,
                           const char *const *second, TypDisplay *ret, GError **error) {
  const char *const *source = knows_a_session(first) ? first : second;
  const char *display = *given != '\0' ? given : lookup(source, "DISPLAY");
  const char *file = *authority != '\0' ? authority : lookup(source, "XAUTHORITY");

  *ret = (TypDisplay){0};
  if (*given == '\0' && is_wayland(source)) {
    ret->session_type = g_strdup("wayland");
    g_set_error_literal(
        error, WG_ERROR, WG_ERROR_NO_DISPLAY,
        "this is a Wayland session: keys can be typed into X11 windows only, and "
        "some compositors drop without a word what is typed through XWayland. " INSTEAD);
    return FALSE;
  }
  if (display == NULL) {
    ret->session_type = g_strdup("none");
    g_set_error_literal(error, WG_ERROR, WG_ERROR_NO_DISPLAY,
                        "there is no X display: neither the service nor the user's manager has "
                        "$DISPLAY in its environment (systemctl --user import-environment DISPLAY "
                        "XAUTHORITY). " INSTEAD);
    return FALSE;
  }
  ret->session_type = g_strdup("x11");
  ret->display = g_strdup(display);
  ret->authority = g_strdup(file != NULL ? file : lookup(first, "XAUTHORITY"));
  return TRUE;
}

char **typ_display_environment(const TypDisplay *display, const char *const *own) {
  static const char *const ours[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
                                     "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
  char **environment = g_strdupv((char **)own);

  for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
    environment = g_environ_unsetenv(environment, ours[i]);
  environment = g_environ_setenv(environment, "DISPLAY", display->display, TRUE);
  if (display->authority != NULL)
    environment = g_environ_setenv(environment, "XAUTHORITY", display->authority, TRUE);
  return environment;
}

TypDisplayFinder *typ_display_finder_new(void) {
  return g_new0(TypDisplayFinder, 1);
}

void typ_display_finder_free(TypDisplayFinder *finder) {
  sd_bus_slot_unref(finder->slot);
  g_free(finder->given);
  g_free(finder->authority);
  g_free(finder);
}

static void found(TypDisplayFinder *finder, const char *const *manager) {
  g_auto(GStrv) own = g_get_environ();
  g_auto(TypDisplay) display = {0};
  g_autoptr(GError) error = NULL;

  const char *const *ours = (const char *const *)own;
  (void)typ_display_judge(finder->given, finder->authority, finder->stale ? manager : ours,
                          finder->stale ? ours : manager, &display, &error);
  finder->func(&display, error, finder->data);
}

static int on_environment(sd_bus_message *m, void *data, sd_bus_error *ret_error) {
  TypDisplayFinder *finder = data;
  char **manager = NULL;

  finder->slot = sd_bus_slot_unref(finder->slot);
  /* Where no systemd answers there is nothing to learn. */
  if (!sd_bus_message_is_method_error(m, NULL) &&
      sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, "as") > 0)
    (void)sd_bus_message_read_strv(m, &manager);
  found(finder, (const char *const *)manager);
  for (char **entry = manager; entry != NULL && *entry != NULL; entry++)
    free(*entry);
  free(manager);
  return 1;
}

static int ask_manager(TypDisplayFinder *finder, sd_bus *bus) {
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_PROPERTIES, "Get");

  if (r >= 0)
    r = sd_bus_message_append(m, "ss", WG_IFACE_SYSTEMD_MANAGER, "Environment");
  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0)
    r = sd_bus_call_async(bus, &finder->slot, m, on_environment, finder, ASK_USEC);
  sd_bus_message_unref(m);
  return r;
}

void typ_display_find(TypDisplayFinder *finder, sd_bus *bus, gboolean stale, const char *given,
                      const char *authority, TypDisplayFunc func, gpointer data) {
  g_auto(GStrv) own = g_get_environ();

  finder->slot = sd_bus_slot_unref(finder->slot);
  g_free(finder->given);
  g_free(finder->authority);
  finder->stale = stale;
  finder->given = g_strdup(given);
  finder->authority = g_strdup(authority);
  finder->func = func;
  finder->data = data;
  gboolean enough = *given != '\0' || (!stale && knows_a_session((const char *const *)own));
  if (enough || bus == NULL || ask_manager(finder, bus) < 0)
    found(finder, NULL);
}

void typ_display_bus_lost(TypDisplayFinder *finder) {
  if (finder->slot == NULL)
    return;
  finder->slot = sd_bus_slot_unref(finder->slot);
  found(finder, NULL);
}
