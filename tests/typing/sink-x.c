/* sink-x.c: a plain X client as tests type into it: one window, an input method context, and what
 * it receives as UTF-8 on its standard output (Return as a newline, Tab as a tab).
 *
 * Arguments: its title. Prints "window NUMBER" first. A line on its standard input is a command:
 * "destroy" closes the window and leaves the process, "sleep MS" makes it deaf for a while (a
 * client under load), the end of file ends it. */
#undef G_DISABLE_ASSERT

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Display *display;
static Window window;
static XIC context;

static void open_window(const char *title) {
  XClassHint class = {(char *)"sink", (char *)"WaggleSink"};

  window = XCreateSimpleWindow(display, DefaultRootWindow(display), 10, 10, 300, 100, 0, 0, 0);
  Xutf8SetWMProperties(display, window, title, title, NULL, 0, NULL, NULL, &class);
  XSelectInput(display, window, KeyPressMask | FocusChangeMask);
  XIM method = XOpenIM(display, NULL, NULL, NULL);
  if (method)
    context = XCreateIC(method, XNInputStyle, XIMPreeditNothing | XIMStatusNothing, XNClientWindow,
                        window, XNFocusWindow, window, NULL);
  XMapWindow(display, window);
  printf("window %lu\n", window);
  fflush(stdout);
}

static void key(XKeyEvent *event) {
  char text[64] = "";
  KeySym sym = NoSymbol;
  int n = context ? Xutf8LookupString(context, event, text, sizeof text - 1, &sym, NULL)
                  : XLookupString(event, text, sizeof text - 1, &sym, NULL);

  if (sym == XK_Return)
    putchar('\n');
  else if (n > 0)
    fwrite(text, 1, (size_t)n, stdout);
  fflush(stdout);
}

static void take(XEvent *event) {
  if (XFilterEvent(event, None))
    return;
  if (event->type == MappingNotify)
    XRefreshKeyboardMapping(&event->xmapping);
  else if (event->type == KeyPress)
    key(&event->xkey);
  else if (event->type == FocusIn && context)
    XSetICFocus(context);
}

static int command(void) {
  char line[64];

  if (!fgets(line, sizeof line, stdin))
    return 0;
  if (strncmp(line, "destroy", 7) == 0)
    XDestroyWindow(display, window);
  else if (strncmp(line, "sleep ", 6) == 0)
    usleep((useconds_t)atoi(line + 6) * 1000);
  XFlush(display);
  return 1;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  XSetLocaleModifiers("");
  setvbuf(stdin, NULL, _IONBF, 0);
  display = XOpenDisplay(NULL);
  if (!display)
    return 1;
  open_window(argc > 1 ? argv[1] : "sink");
  for (;;) {
    struct pollfd fds[] = {{ConnectionNumber(display), POLLIN, 0}, {0, POLLIN, 0}};
    while (XPending(display) > 0) {
      XEvent event;
      XNextEvent(display, &event);
      take(&event);
    }
    if (poll(fds, 2, -1) > 0 && fds[1].revents && !command())
      return 0;
  }
}
