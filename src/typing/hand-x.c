/* hand-x.c: the connection to the X server and what is read through it.
 *
 * An X error never ends the hand: windows vanish at any time, so errors are recorded and the
 * callers look at what they got. A lost connection ends it at once with a status of its own: Xlib
 * cannot go on, and the server that is gone has no keys to release. */
#include "typing/hand.h"
#include "typing/packet.h"

#include "common/error.h"

#include <X11/Xatom.h>
#include <X11/extensions/XInput2.h>
#include <X11/extensions/XTest.h>
#include <X11/extensions/scrnsaver.h>
#include <string.h>
#include <unistd.h>

#define DEEPEST 64 /* levels of windows */

/* Xlib's handlers take no context. */
static int last_error;
static int lost_link = -1;

static int on_error(Display *display, XErrorEvent *event) {
  last_error = event->error_code;
  return 0;
}

static int on_lost(Display *display) {
  GVariantDict args;

  g_variant_dict_init(&args, NULL);
  g_variant_dict_insert(&args, "code", "s", HAND_LEAVING_DISPLAY_LOST);
  g_variant_dict_insert(&args, "text", "s", "The connection to the display is lost");
  (void)typ_packet_send(lost_link, 0, HAND_EVENT_LEAVING, g_variant_dict_end(&args), NULL);
  _exit(HAND_EXIT_DISPLAY_LOST);
}

void hand_x_trap(Hand *hand) {
  last_error = 0;
}

int hand_x_untrap(Hand *hand) {
  XSync(hand->display, False);
  return last_error;
}

static void find_xtest(Hand *hand) {
  int n = 0;
  XIDeviceInfo *devices = XIQueryDevice(hand->display, XIAllDevices, &n);

  for (int i = 0; i < n && hand->n_xtest < HAND_XTEST_MAX; i++)
    if (devices[i].use == XISlaveKeyboard && strstr(devices[i].name, "XTEST"))
      hand->xtest_ids[hand->n_xtest++] = devices[i].deviceid;
  if (devices)
    XIFreeDeviceInfo(devices);
}

/* Raw key events of all keyboards. 2.2: they come while somebody has the keyboard grabbed, too. */
static void watch_keys(Hand *hand) {
  int opcode, event, error, major = 2, minor = 2;

  hand->xi_opcode = -1;
  if (!XQueryExtension(hand->display, "XInputExtension", &opcode, &event, &error) ||
      XIQueryVersion(hand->display, &major, &minor) != Success || major < 2)
    return;
  guint8 bits[XIMaskLen(XI_LASTEVENT)] = {0};
  XIEventMask mask = {XIAllMasterDevices, sizeof bits, bits};
  XISetMask(bits, XI_RawKeyPress);
  XISetMask(bits, XI_RawKeyRelease);
  if (XISelectEvents(hand->display, hand->root, &mask, 1) != Success)
    return;
  hand->xi_opcode = opcode;
  find_xtest(hand);
}

/* By its extension, and where it is older than that, by the names of its devices. */
static gboolean is_xwayland(Display *display) {
  int opcode, event, error, n = 0, major = 2, minor = 2;
  gboolean found = XQueryExtension(display, "XWAYLAND", &opcode, &event, &error);

  if (found || !XQueryExtension(display, "XInputExtension", &opcode, &event, &error) ||
      XIQueryVersion(display, &major, &minor) != Success)
    return found;
  XIDeviceInfo *devices = XIQueryDevice(display, XIAllDevices, &n);
  for (int i = 0; i < n; i++)
    found = found || g_str_has_prefix(devices[i].name, "xwayland-");
  if (devices)
    XIFreeDeviceInfo(devices);
  return found;
}

gboolean hand_x_open(Hand *hand, GError **error) {
  int a, b, major = XkbMajorVersion, minor = XkbMinorVersion;

  lost_link = hand->link;
  XSetErrorHandler(on_error);
  XSetIOErrorHandler(on_lost);
  hand->display = XkbOpenDisplay(NULL, &a, &b, &major, &minor, NULL);
  if (!hand->display) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "The display '%s' cannot be opened%s",
                XDisplayName(NULL), *XDisplayName(NULL) ? "" : ": DISPLAY is not set");
    return FALSE;
  }
  if (!XTestQueryExtension(hand->display, &a, &b, &major, &minor)) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "The display '%s' has no XTEST extension",
                XDisplayName(NULL));
    return FALSE;
  }
  /* A session that told its service nothing but $DISPLAY. */
  if (is_xwayland(hand->display)) {
    g_set_error(
        error, WG_ERROR, WG_ERROR_FAILED,
        "The display '%s' is XWayland's, where some compositors drop without a word what is "
        "typed",
        XDisplayName(NULL));
    return FALSE;
  }
  hand->xdo = xdo_new_with_opened_display(hand->display, NULL, 0);
  hand->xdo->quiet = 1;
  hand->root = DefaultRootWindow(hand->display);
  hand->own = XCreateSimpleWindow(hand->display, hand->root, -1, -1, 1, 1, 0, 0, 0);
  hand->has_saver = XScreenSaverQueryExtension(hand->display, &a, &b);
  watch_keys(hand);
  /* the active window, and the answers to pings, which clients send to the root window */
  XSelectInput(hand->display, hand->root, PropertyChangeMask | SubstructureNotifyMask);
  XTestGrabControl(hand->display, True); /* another client's XGrabServer does not stop our keys */
  XSync(hand->display, False);
  return TRUE;
}

Atom hand_x_atom(Hand *hand, const char *name) {
  return XInternAtom(hand->display, name, False);
}

gpointer hand_x_property(Hand *hand, Window window, const char *name, Atom type, int format,
                         gulong *ret_n) {
  Atom got_type = None;
  int got_format = 0;
  gulong n = 0, left = 0;
  guchar *data = NULL;
  gpointer copy = NULL;

  *ret_n = 0;
  if (XGetWindowProperty(hand->display, window, hand_x_atom(hand, name), 0, 16384, False, type,
                         &got_type, &got_format, &n, &left, &data) == Success &&
      data && got_format == format && n > 0) {
    gsize item = format == 32 ? sizeof(long) : 1;
    copy = g_malloc0((n + 1) * item);
    memcpy(copy, data, n * item);
    *ret_n = n;
  }
  if (data)
    XFree(data);
  return copy;
}

Window *hand_x_ancestors(Hand *hand, Window window) {
  GArray *found = g_array_new(TRUE, TRUE, sizeof(Window));

  while (window != None && window != hand->root && found->len < DEEPEST) {
    Window root, parent = None, *children = NULL;
    guint n;
    if (!XQueryTree(hand->display, window, &root, &parent, &children, &n))
      break;
    if (children)
      XFree(children);
    g_array_append_val(found, window);
    window = parent;
  }
  return (Window *)g_array_free(found, FALSE);
}

/* A manager that died leaves its property on the root; it is real when its window has it as well.
 */
char *hand_x_wm_name(Hand *hand) {
  gulong n;
  g_autofree Window *check =
      hand_x_property(hand, hand->root, "_NET_SUPPORTING_WM_CHECK", XA_WINDOW, 32, &n);
  if (!check)
    return g_strdup("");
  g_autofree Window *again =
      hand_x_property(hand, check[0], "_NET_SUPPORTING_WM_CHECK", XA_WINDOW, 32, &n);
  if (!again || again[0] != check[0])
    return g_strdup("");
  g_autofree char *name =
      hand_x_property(hand, check[0], "_NET_WM_NAME", hand_x_atom(hand, "UTF8_STRING"), 8, &n);
  return name ? g_utf8_make_valid(name, -1) : g_strdup("unnamed");
}

gboolean hand_x_supports(Hand *hand, Window window, const char *protocol) {
  gulong n;
  g_autofree Atom *protocols = hand_x_property(hand, window, "WM_PROTOCOLS", XA_ATOM, 32, &n);

  for (gulong i = 0; i < n; i++)
    if (protocols[i] == hand_x_atom(hand, protocol))
      return TRUE;
  return FALSE;
}
