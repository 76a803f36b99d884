/* hand-scratch.c: the doctor's scratch window: a plain X client with an input method context, as
 * simple as a client can be. It prints the number of its window, then what it receives, line by
 * line as hexadecimal code points, and leaves at the end of file of its standard input. */
#include "typing/hand.h"

#include <X11/Xutil.h>
#include <X11/keysym.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define WIDTH 480
#define HEIGHT 60

typedef struct {
  Display *display;
  Window window;
  XIM method;
  XIC context;
} Scratch;

static void show(Scratch *scratch) {
  XClassHint class = {(char *)"waggle-doctor", (char *)"Waggle-doctor"};

  scratch->window = XCreateSimpleWindow(
      scratch->display, DefaultRootWindow(scratch->display), 0, 0, WIDTH, HEIGHT, 0, 0,
      WhitePixel(scratch->display, DefaultScreen(scratch->display)));
  XStoreName(scratch->display, scratch->window, "Waggle: what can be typed?");
  XSetClassHint(scratch->display, scratch->window, &class);
  XSelectInput(scratch->display, scratch->window, KeyPressMask | FocusChangeMask);
  scratch->method = XOpenIM(scratch->display, NULL, NULL, NULL);
  if (scratch->method)
    scratch->context =
        XCreateIC(scratch->method, XNInputStyle, XIMPreeditNothing | XIMStatusNothing,
                  XNClientWindow, scratch->window, XNFocusWindow, scratch->window, NULL);
  XMapRaised(scratch->display, scratch->window);
  printf("%lu\n", scratch->window);
  fflush(stdout);
}

static void key(Scratch *scratch, XKeyEvent *event) {
  char text[64];
  KeySym sym = NoSymbol;
  int n = scratch->context
              ? Xutf8LookupString(scratch->context, event, text, sizeof text - 1, &sym, NULL)
              : XLookupString(event, text, sizeof text - 1, &sym, NULL);

  text[MAX(n, 0)] = '\0';
  if (sym == XK_Return) {
    putchar('\n');
    fflush(stdout);
    return;
  }
  for (const char *p = text; *p && g_utf8_validate(text, -1, NULL); p = g_utf8_next_char(p))
    printf("%x ", g_utf8_get_char(p));
}

int hand_scratch_main(void) {
  Scratch scratch = {.display = XOpenDisplay(NULL)};

  if (!scratch.display)
    return HAND_EXIT_NO_DISPLAY;
  XSetLocaleModifiers("");
  show(&scratch);
  for (;;) {
    struct pollfd fds[] = {{ConnectionNumber(scratch.display), POLLIN, 0}, {0, POLLIN, 0}};
    while (XPending(scratch.display) > 0) {
      XEvent event;
      XNextEvent(scratch.display, &event);
      if (XFilterEvent(&event, None))
        continue;
      if (event.type == MappingNotify)
        XRefreshKeyboardMapping(&event.xmapping);
      else if (event.type == KeyPress)
        key(&scratch, &event.xkey);
      else if (event.type == FocusIn && scratch.context)
        XSetICFocus(scratch.context);
    }
    if (poll(fds, G_N_ELEMENTS(fds), -1) > 0 && fds[1].revents)
      return HAND_EXIT_OK;
  }
}
