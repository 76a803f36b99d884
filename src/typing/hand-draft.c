/* hand-draft.c: is there something in the text field already?
 *
 * Asked of the accessibility bus, where one runs and the program takes part: the focused object of
 * that process, if it is an editable text and not a terminal. Never starts the bus, never takes
 * longer than its limit, reads the length of a text and never the text. What cannot be seen (xterm,
 * programs without accessibility) counts as no draft. */
#include "typing/hand.h"

#include "common/names.h"

#include <systemd/sd-bus.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_flush_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

#define ATSPI "org.a11y.atspi."
#define ROOT "/org/a11y/atspi/accessible/root"
#define STATE_EDITABLE 7
#define STATE_FOCUSED 12
#define STATE_SHOWING 25
#define ROLE_TERMINAL 60
#define NODES_MAX 400

typedef struct {
  sd_bus *bus;
  gint64 until;
  guint nodes;
} Search;

/* NULL: no answer, or no time left. */
static sd_bus_message *call(Search *search, const char *name, const char *path,
                            const char *interface, const char *method, const char *a,
                            const char *b) {
  g_autoptr(sd_bus_message) m = NULL;
  sd_bus_message *reply = NULL;
  gint64 left = search->until - g_get_monotonic_time();

  if (left <= 0 ||
      sd_bus_message_new_method_call(search->bus, &m, name, path, interface, method) < 0 ||
      (a && sd_bus_message_append(m, "s", a) < 0) || (b && sd_bus_message_append(m, "s", b) < 0) ||
      sd_bus_call(search->bus, m, (guint64)left, NULL, &reply) < 0)
    return NULL;
  return reply;
}

static guint64 states(Search *search, const char *name, const char *path) {
  g_autoptr(sd_bus_message) reply =
      call(search, name, path, ATSPI "Accessible", "GetState", NULL, NULL);
  guint32 low = 0, high = 0;

  if (!reply || sd_bus_message_enter_container(reply, 'a', "u") < 0 ||
      sd_bus_message_read(reply, "u", &low) < 0 || sd_bus_message_read(reply, "u", &high) < 0)
    return 0;
  return low | (guint64)high << 32;
}

static gboolean has(guint64 set, int state) {
  return (set >> state) & 1;
}

static gboolean is_terminal(Search *search, const char *name, const char *path) {
  g_autoptr(sd_bus_message) reply =
      call(search, name, path, ATSPI "Accessible", "GetRole", NULL, NULL);
  guint32 role = 0;

  return reply && sd_bus_message_read(reply, "u", &role) >= 0 && role == ROLE_TERMINAL;
}

static gboolean has_text(Search *search, const char *name, const char *path) {
  g_autoptr(sd_bus_message) reply =
      call(search, name, path, WG_IFACE_PROPERTIES, "Get", ATSPI "Text", "CharacterCount");
  gint32 n = 0;

  return reply && sd_bus_message_read(reply, "v", "i", &n) >= 0 && n > 0;
}

static gboolean below(Search *search, const char *name, const char *path, gboolean *ret_draft);

/* Depth first over what is on the screen. TRUE: the focused object was found. */
static gboolean look(Search *search, const char *name, const char *path, gboolean *ret_draft) {
  guint64 set = states(search, name, path);

  if (++search->nodes > NODES_MAX)
    return TRUE;
  if (has(set, STATE_FOCUSED) && has(set, STATE_EDITABLE)) {
    *ret_draft = !is_terminal(search, name, path) && has_text(search, name, path);
    return TRUE;
  }
  return has(set, STATE_SHOWING) && below(search, name, path, ret_draft);
}

static gboolean below(Search *search, const char *name, const char *path, gboolean *ret_draft) {
  g_autoptr(sd_bus_message) reply =
      call(search, name, path, ATSPI "Accessible", "GetChildren", NULL, NULL);
  const char *child_name, *child;

  if (!reply || sd_bus_message_enter_container(reply, 'a', "(so)") < 0)
    return FALSE;
  while (sd_bus_message_read(reply, "(so)", &child_name, &child) > 0)
    if (g_str_equal(child_name, name) && look(search, name, child, ret_draft))
      return TRUE;
  return FALSE;
}

static guint pid_of(Search *search, const char *name) {
  g_autoptr(sd_bus_message) reply = call(search, WG_BUS_BROKER, WG_PATH_BROKER, WG_IFACE_BROKER,
                                         "GetConnectionUnixProcessID", name, NULL);
  guint32 pid = 0;

  return reply && sd_bus_message_read(reply, "u", &pid) >= 0 ? pid : 0;
}

static gboolean search_process(Search *search, guint pid) {
  g_autoptr(sd_bus_message) reply =
      call(search, ATSPI "Registry", ROOT, ATSPI "Accessible", "GetChildren", NULL, NULL);
  const char *name, *path;
  gboolean draft = FALSE;

  if (!reply || sd_bus_message_enter_container(reply, 'a', "(so)") < 0)
    return FALSE;
  while (sd_bus_message_read(reply, "(so)", &name, &path) > 0)
    if (pid_of(search, name) == pid) {
      (void)below(search, name, path, &draft); /* an application has no states of its own */
      return draft;
    }
  return FALSE;
}

/* The address of the accessibility bus, from the session bus; NULL where none runs. */
static char *address(gint64 until) {
  g_autoptr(sd_bus) session = NULL;
  g_autoptr(sd_bus_message) m = NULL, reply = NULL;
  gint64 left = until - g_get_monotonic_time();
  const char *text;

  if (left <= 0 || sd_bus_open_user(&session) < 0 ||
      sd_bus_message_new_method_call(session, &m, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus",
                                     "GetAddress") < 0 ||
      sd_bus_message_set_auto_start(m, 0) < 0 ||
      sd_bus_call(session, m, (guint64)left, NULL, &reply) < 0 ||
      sd_bus_message_read(reply, "s", &text) < 0 || !*text)
    return NULL;
  return g_strdup(text);
}

gboolean hand_draft_there(guint pid, gint64 limit) {
  Search search = {.until = g_get_monotonic_time() + limit};
  g_autofree char *where = address(search.until);
  g_autoptr(sd_bus) bus = NULL;

  if (!where || pid == 0 || sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, where) < 0 ||
      sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_start(bus) < 0)
    return FALSE;
  search.bus = bus;
  return search_process(&search, pid);
}
