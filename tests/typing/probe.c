/* probe.c: the tests' own look at an X server, and their hand in it: what the keyboard map is,
 * which keys are down, a "human" who types through XTEST, a window that takes the focus away.
 *
 * Commands on standard input, one a line, each answered by one line: see the table at the end. */
#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Display *display;
static Window root, thief;

static void map(const char *arg) {
  int first, last, per;

  XDisplayKeycodes(display, &first, &last);
  KeySym *syms = XGetKeyboardMapping(display, (KeyCode)first, last - first + 1, &per);
  printf("%d", per);
  for (int i = 0; i < (last - first + 1) * per; i++)
    printf(" %lx", syms[i]);
  printf("\n");
  XFree(syms);
}

/* Leaves no spare key code: F13, which few keyboards have, stands on all of them. */
static void fill(const char *arg) {
  int first, last, per;

  XDisplayKeycodes(display, &first, &last);
  KeySym *syms = XGetKeyboardMapping(display, (KeyCode)first, last - first + 1, &per);
  for (int code = first; code <= last; code++) {
    KeySym sym = XK_F13;
    int empty = 1;
    for (int i = 0; i < per; i++)
      empty &= syms[(code - first) * per + i] == NoSymbol;
    if (empty)
      XChangeKeyboardMapping(display, code, 1, &sym, 1);
  }
  XFree(syms);
  XSync(display, False);
  printf("ok\n");
}

static void down(const char *arg) {
  char keys[32];

  XQueryKeymap(display, keys);
  for (int code = 8; code < 256; code++)
    if (keys[code / 8] & (1 << (code % 8)))
      printf("%d ", code);
  printf("\n");
}

static void state(const char *arg) {
  XkbStateRec now;

  XkbGetState(display, XkbUseCoreKbd, &now);
  printf("mods=%d locked=%d group=%d\n", now.mods, now.locked_mods, now.group);
}

static void fake(const char *name, Bool press) {
  XTestFakeKeyEvent(display, XKeysymToKeycode(display, XStringToKeysym(name)), press, 0);
  XSync(display, False);
}

static void press(const char *arg) {
  fake(arg, True);
  printf("ok\n");
}

static void release(const char *arg) {
  fake(arg, False);
  printf("ok\n");
}

static void tap(const char *arg) {
  fake(arg, True);
  fake(arg, False);
  printf("ok\n");
}

/* lock MODIFIERS, group N */
static void lock(const char *arg) {
  XkbLockModifiers(display, XkbUseCoreKbd, 0xff, (unsigned)atoi(arg));
  XSync(display, False);
  printf("ok\n");
}

/* controls MASK: slow, bounce, sticky keys on; without a mask: those that are on */
static void controls(const char *arg) {
  XkbDescPtr xkb = XkbAllocKeyboard();

  if (*arg)
    XkbChangeEnabledControls(display, XkbUseCoreKbd,
                             XkbSlowKeysMask | XkbBounceKeysMask | XkbStickyKeysMask,
                             (unsigned)atoi(arg));
  xkb->device_spec = XkbUseCoreKbd;
  XkbGetControls(display, XkbControlsEnabledMask, xkb);
  printf("%u\n", xkb->ctrls->enabled_ctrls);
  XkbFreeKeyboard(xkb, 0, True);
}

static void group(const char *arg) {
  XkbLockGroup(display, XkbUseCoreKbd, (unsigned)atoi(arg));
  XSync(display, False);
  printf("ok\n");
}

/* A window of ours appears and takes the focus, as a rude program does. */
static void steal(const char *arg) {
  XSetWindowAttributes attributes = {.override_redirect = True};
  XEvent event;

  if (!thief) {
    thief = XCreateWindow(display, root, 0, 0, 50, 50, 0, CopyFromParent, InputOutput, NULL,
                          CWOverrideRedirect, &attributes);
    XSelectInput(display, thief, StructureNotifyMask | KeyPressMask);
    XMapRaised(display, thief);
    do
      XNextEvent(display, &event);
    while (event.type != MapNotify);
  }
  XSetInputFocus(display, thief, RevertToPointerRoot, CurrentTime);
  XSync(display, False);
  printf("%lu\n", thief);
}

/* Keys that arrived in the stealing window. */
static void stolen(const char *arg) {
  XEvent event;
  int n = 0;

  XSync(display, False);
  while (XCheckTypedEvent(display, KeyPress, &event))
    n++;
  printf("%d\n", n);
}

static void grab(const char *arg) {
  printf("%d\n", XGrabKeyboard(display, root, False, GrabModeAsync, GrabModeAsync, CurrentTime));
  XSync(display, False);
}

static void ungrab(const char *arg) {
  XUngrabKeyboard(display, CurrentTime);
  XSync(display, False);
  printf("ok\n");
}

static void focused(const char *arg) {
  Window focus;
  int revert;

  XGetInputFocus(display, &focus, &revert);
  printf("%lu\n", focus);
}

static void pointer(const char *arg) {
  Window a, b;
  int x, y, c, d;
  unsigned e;

  XQueryPointer(display, root, &a, &b, &x, &y, &c, &d, &e);
  printf("%d %d\n", x, y);
}

static void saver(const char *arg) {
  XForceScreenSaver(display, atoi(arg) ? ScreenSaverActive : ScreenSaverReset);
  XSync(display, False);
  printf("ok\n");
}

static void place(const char *arg) {
  Window window = strtoul(arg, NULL, 10), child;
  XWindowAttributes attributes = {0};
  int x = 0, y = 0;

  XGetWindowAttributes(display, window, &attributes);
  XTranslateCoordinates(display, window, root, attributes.width / 2, attributes.height / 2, &x, &y,
                        &child);
  printf("%d %d\n", x, y);
}

/* Until the window manager has done all that it was asked before: it answers in order. */
static void sync_manager(const char *arg) {
  XEvent event = {0}, reply;
  Window own = XCreateSimpleWindow(display, root, 0, 0, 1, 1, 0, 0, 0);

  XSelectInput(display, own, PropertyChangeMask);
  event.xclient.type = ClientMessage;
  event.xclient.window = own;
  event.xclient.message_type = XInternAtom(display, "_NET_REQUEST_FRAME_EXTENTS", False);
  event.xclient.format = 32;
  /* a manager that is just starting does not hear yet */
  for (int i = 0; !XCheckTypedWindowEvent(display, own, PropertyNotify, &reply); i++) {
    if (i % 100 == 0)
      XSendEvent(display, root, False, SubstructureNotifyMask | SubstructureRedirectMask, &event);
    XSync(display, False);
    usleep(5000);
  }
  XDestroyWindow(display, own);
  printf("ok\n");
}

/* The window that belongs to a client: the focus may lie on one inside it. None: nobody's. */
static Window client_of(Window window) {
  Atom state = XInternAtom(display, "WM_STATE", False);

  while (window != None && window != PointerRoot && window != root) {
    Window above, top, *children = NULL;
    unsigned char *data = NULL;
    unsigned long n = 0, left;
    unsigned count;
    Atom type;
    int format;
    XGetWindowProperty(display, window, state, 0, 0, False, AnyPropertyType, &type, &format, &n,
                       &left, &data);
    if (data)
      XFree(data);
    if (type != None)
      return window;
    if (!XQueryTree(display, window, &top, &above, &children, &count))
      return None;
    if (children)
      XFree(children);
    window = above;
  }
  return None;
}

static int pongs(Window client) {
  Atom ping = XInternAtom(display, "_NET_WM_PING", False), *protocols = NULL;
  int n = 0, found = 0;

  if (!XGetWMProtocols(display, client, &protocols, &n))
    return 0;
  for (int i = 0; i < n; i++)
    found = found || protocols[i] == ping;
  XFree(protocols);
  return found;
}

static Bool is_pong(Display *d, XEvent *event, XPointer client) {
  return event->type == ClientMessage && event->xclient.window == root &&
         event->xclient.message_type == XInternAtom(d, "WM_PROTOCOLS", False) &&
         (Window)event->xclient.data.l[2] == *(Window *)client;
}

/* Until the client that has the focus has done all that the manager told it before, which may be
 * to move the focus to a part of it: it answers in order. One that answers no ping is told
 * nothing. Its window may go meanwhile. */
static void sync_client(const char *arg) {
  Window focus, client, still;
  XEvent event = {0};
  int revert;

  XGetInputFocus(display, &focus, &revert);
  client = client_of(focus);
  if (client == None || !pongs(client)) {
    printf("ok\n");
    return;
  }
  XSelectInput(display, root, SubstructureNotifyMask);
  event.xclient.type = ClientMessage;
  event.xclient.window = client;
  event.xclient.message_type = XInternAtom(display, "WM_PROTOCOLS", False);
  event.xclient.format = 32;
  event.xclient.data.l[0] = (long)XInternAtom(display, "_NET_WM_PING", False);
  event.xclient.data.l[1] = CurrentTime;
  event.xclient.data.l[2] = (long)client;
  XSendEvent(display, client, False, NoEventMask, &event);
  for (still = client; still == client; still = client_of(client)) {
    XSync(display, False);
    if (XCheckIfEvent(display, &event, is_pong, (XPointer)&client))
      break;
    usleep(2000);
  }
  XSelectInput(display, root, NoEventMask);
  XSync(display, False);
  while (XCheckMaskEvent(display, SubstructureNotifyMask, &event)) /* keys stay for "stolen" */
    ;
  printf("ok\n");
}

static const struct {
  const char *name;
  void (*run)(const char *arg);
} commands[] = {
    {"map", map},           {"down", down},
    {"state", state},       {"press", press},
    {"release", release},   {"tap", tap},
    {"lock", lock},         {"group", group},
    {"steal", steal},       {"stolen", stolen},
    {"grab", grab},         {"ungrab", ungrab},
    {"focused", focused},   {"pointer", pointer},
    {"saver", saver},       {"place", place},
    {"fill", fill},         {"sync", sync_manager},
    {"controls", controls}, {"sync-client", sync_client},
};

static int ignore(Display *d, XErrorEvent *event) {
  return 0;
}

int main(void) {
  char line[256];

  XSetErrorHandler(ignore);
  display = XOpenDisplay(NULL);
  if (!display)
    return 1;
  root = DefaultRootWindow(display);
  while (fgets(line, sizeof line, stdin)) {
    char *arg = strchr(line, ' ');
    line[strcspn(line, "\n")] = '\0';
    if (arg)
      *arg++ = '\0';
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
      if (strcmp(line, commands[i].name) == 0)
        commands[i].run(arg ? arg : "");
    fflush(stdout);
  }
  return 0;
}
