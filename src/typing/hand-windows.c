/* hand-windows.c: the windows that can be addressed: those the window manager manages, or, without
 * one, the mapped windows below the root that have a class. What a client says of itself (title,
 * class) is its claim; the process is the server's knowledge where the server tells it. */
#include "typing/hand.h"

#include <X11/Xatom.h>
#include <X11/Xutil.h>
#include <X11/extensions/XRes.h>
#include <string.h>

#define LISTED_MAX 4096

void hand_window_free(HandWindow *window) {
  g_free(window->class);
  g_free(window->instance);
  g_free(window->title);
  g_free(window->unit);
  g_free(window);
}

/* At most HAND_TITLE_MAX bytes, cut between characters. */
static char *bounded(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
  gsize n = strlen(valid);

  if (n > HAND_TITLE_MAX)
    n = (gsize)(g_utf8_find_prev_char(valid, valid + HAND_TITLE_MAX + 1) - valid);
  return g_strndup(valid, n);
}

static char *title_of(Hand *hand, Window window) {
  gulong n;
  g_autofree char *utf8 =
      hand_x_property(hand, window, "_NET_WM_NAME", hand_x_atom(hand, "UTF8_STRING"), 8, &n);
  XTextProperty old = {0};
  char **list = NULL;
  int count = 0;

  if (utf8)
    return bounded(utf8);
  if (!XGetWMName(hand->display, window, &old))
    return g_strdup("");
  char *title = NULL;
  if (Xutf8TextPropertyToTextList(hand->display, &old, &list, &count) >= Success && count > 0)
    title = bounded(list[0]);
  if (list)
    XFreeStringList(list);
  if (old.value)
    XFree(old.value);
  return title ? title : g_strdup("");
}

/* The server knows who is connected; a client that comes from elsewhere has no process here. */
static guint pid_from_server(Hand *hand, Window window) {
  XResClientIdSpec spec = {window, XRES_CLIENT_ID_PID_MASK};
  XResClientIdValue *ids = NULL;
  long n = 0;
  pid_t pid = -1;

  if (XResQueryClientIds(hand->display, 1, &spec, &n, &ids) != Success)
    return 0;
  for (long i = 0; i < n; i++)
    if (XResGetClientIdType(&ids[i]) == XRES_CLIENT_ID_PID)
      pid = XResGetClientPid(&ids[i]);
  XResClientIdsDestroy(n, ids);
  return pid > 0 ? (guint)pid : 0;
}

guint hand_window_pid(Hand *hand, Window window) {
  guint pid = pid_from_server(hand, window);
  gulong n;

  if (pid > 0)
    return pid;
  g_autofree char *machine = hand_x_property(hand, window, "WM_CLIENT_MACHINE", XA_STRING, 8, &n);
  if (machine && !g_str_equal(machine, g_get_host_name()))
    return 0;
  int claimed = xdo_get_pid_window(hand->xdo, window);
  return claimed > 0 ? (guint)claimed : 0;
}

static int desktop_of(Hand *hand, Window window) {
  gulong n;
  g_autofree long *desktop = hand_x_property(hand, window, "_NET_WM_DESKTOP", XA_CARDINAL, 32, &n);

  if (!desktop)
    return -2;
  return (desktop[0] & 0xffffffff) == 0xffffffff ? -1 : (int)desktop[0];
}

/* NULL: it is gone, or no window to type into. */
static HandWindow *describe(Hand *hand, Window id, Window focus, gboolean managed) {
  XWindowAttributes attributes;
  XClassHint hint = {0};

  if (!XGetWindowAttributes(hand->display, id, &attributes))
    return NULL;
  gboolean visible = attributes.map_state == IsViewable;
  if (!managed && (!visible || attributes.override_redirect))
    return NULL;
  if (!XGetClassHint(hand->display, id, &hint) && !managed)
    return NULL;
  HandWindow *window = g_new0(HandWindow, 1);
  window->id = id;
  window->instance = bounded(hint.res_name);
  window->class = bounded(hint.res_class);
  window->title = title_of(hand, id);
  window->pid = hand_window_pid(hand, id);
  window->unit = hand_process_unit(window->pid);
  window->desktop = desktop_of(hand, id);
  window->visible = visible;
  window->focused = hand_focus_is_in(hand, focus, id);
  if (hint.res_name)
    XFree(hint.res_name);
  if (hint.res_class)
    XFree(hint.res_class);
  return window;
}

GPtrArray *hand_windows_list(Hand *hand) {
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)hand_window_free);
  g_autofree char *manager = hand_x_wm_name(hand);
  Window focus = hand_focus_get(hand), root, parent, *children = NULL;
  gulong n = 0;
  guint n_children = 0;

  hand_x_trap(hand);
  if (*manager) {
    g_autofree Window *managed =
        hand_x_property(hand, hand->root, "_NET_CLIENT_LIST", XA_WINDOW, 32, &n);
    for (gulong i = 0; i < n && i < LISTED_MAX; i++) {
      HandWindow *window = describe(hand, managed[i], focus, TRUE);
      if (window)
        g_ptr_array_add(list, window);
    }
  } else if (XQueryTree(hand->display, hand->root, &root, &parent, &children, &n_children)) {
    for (guint i = 0; i < n_children && i < LISTED_MAX; i++) {
      HandWindow *window = describe(hand, children[i], focus, FALSE);
      if (window)
        g_ptr_array_add(list, window);
    }
    if (children)
      XFree(children);
  }
  (void)hand_x_untrap(hand);
  return list;
}

/* Downwards from the root; the managed window may be above or (below its frame's title bar, say)
 * beside the deepest one that is hit. */
Window hand_window_at(Hand *hand, const GPtrArray *windows, int x, int y) {
  Window at = hand->root, child = None, frame = None;
  int child_x, child_y;

  while (XTranslateCoordinates(hand->display, hand->root, at, x, y, &child_x, &child_y, &child) &&
         child != None) {
    at = child;
    if (frame == None)
      frame = child;
    for (guint i = 0; i < windows->len; i++)
      if (((HandWindow *)windows->pdata[i])->id == at)
        return at;
  }
  for (guint i = 0; frame && i < windows->len; i++)
    if (hand_focus_is_in(hand, ((HandWindow *)windows->pdata[i])->id, frame))
      return ((HandWindow *)windows->pdata[i])->id;
  return None;
}
