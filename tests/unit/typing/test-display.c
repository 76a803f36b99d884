/* test-display.c: which display is typed on, and when none is. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/display.h"

#include "common/error.h"

#include <string.h>

typedef struct {
  const char *own[4], *manager[4];
  const char *display, *type, *word; /* display NULL: refused with `word` in the text */
} Case;

static const Case cases[] = {
    {{"DISPLAY=:0"}, {NULL}, ":0", "x11", NULL},
    {{NULL}, {"DISPLAY=:1"}, ":1", "x11", NULL},
    {{"DISPLAY=:0"}, {"DISPLAY=:1"}, ":0", "x11", NULL},
    {{"DISPLAY=:0", "XDG_SESSION_TYPE=tty"}, {NULL}, ":0", "x11", NULL}, /* Xvfb, ssh -X */
    {{"DISPLAY=:0", "XDG_SESSION_TYPE=x11", "WAYLAND_DISPLAY=w"}, {NULL}, ":0", "x11", NULL},
    {{"DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0"}, {NULL}, NULL, "wayland", "XWayland"},
    {{"DISPLAY=:0", "XDG_SESSION_TYPE=wayland"}, {NULL}, NULL, "wayland", "XWayland"},
    {{NULL}, {"DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0"}, NULL, "wayland", "XWayland"},
    {{"WAYLAND_DISPLAY=w"}, {"DISPLAY=:1"}, NULL, "wayland", "XWayland"},
    {{"XDG_SESSION_TYPE=wayland"}, {"DISPLAY=:1", "XDG_SESSION_TYPE=x11"}, ":1", "x11", NULL},
    {{NULL}, {NULL}, NULL, "none", "import-environment"},
    {{"DISPLAY="}, {NULL}, NULL, "none", "import-environment"},
};

static void test_judge(void) {
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(TypDisplay) display = {0};
    g_autoptr(GError) error = NULL;
    gboolean ok = typ_display_judge("", "", cases[i].own, cases[i].manager, &display, &error);

    g_test_message("case %u", i);
    g_assert_cmpstr(display.session_type, ==, cases[i].type);
    g_assert_cmpstr(display.display, ==, cases[i].display);
    g_assert_true(ok == (cases[i].display != NULL));
    if (ok)
      continue;
    g_assert_error(error, WG_ERROR, WG_ERROR_NO_DISPLAY);
    g_assert_nonnull(strstr(error->message, cases[i].word));
    g_assert_nonnull(strstr(error->message, "tmux, exec, inbox"));
  }
}

static void test_given(void) {
  const char *const wayland[] = {"WAYLAND_DISPLAY=w", "XAUTHORITY=/other", NULL};
  g_auto(TypDisplay) display = {0};
  g_autoptr(GError) error = NULL;

  g_assert_true(typ_display_judge(":7", "/mine", wayland, NULL, &display, &error));
  g_assert_no_error(error);
  g_assert_cmpstr(display.display, ==, ":7");
  g_assert_cmpstr(display.authority, ==, "/mine");
}

static void test_environment(void) {
  const char *const own[] = {"HOME=/home/bee", "NOTIFY_SOCKET=/n", "LISTEN_FDS=1",
                             "DISPLAY=:1",     "WATCHDOG_USEC=5",  NULL};
  TypDisplay display = {.display = (char *)":2", .authority = (char *)"/a"};
  g_auto(GStrv) environment = typ_display_environment(&display, own);

  g_assert_cmpstr(g_environ_getenv(environment, "DISPLAY"), ==, ":2");
  g_assert_cmpstr(g_environ_getenv(environment, "XAUTHORITY"), ==, "/a");
  g_assert_cmpstr(g_environ_getenv(environment, "HOME"), ==, "/home/bee");
  g_assert_cmpuint(g_strv_length(environment), ==, 3);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/display/judge", test_judge);
  g_test_add_func("/display/given", test_given);
  g_test_add_func("/display/environment", test_environment);
  return g_test_run();
}
