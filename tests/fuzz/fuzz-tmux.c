/* fuzz-tmux.c: any text as what tmux answers: the list of panes, and a pane's screen. A pane that
 * is found is one that the list has; a text is never seen more often than it can stand there. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/tmux.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const TmuxTarget targets[] = {
      {.pane = (char *)"%1"}, {.title = (char *)"*a*"}, {.command = (char *)"?*", .pid = 1}};
  g_autofree char *text = g_utf8_make_valid((const char *)data, (gssize)size); /* as tmux-run.c */

  for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(TmuxPane) pane = dlv_tmux_find(text, &targets[i], &error);
    g_assert_true((pane == NULL) == (error != NULL));
    if (pane)
      g_assert_nonnull(strstr(text, pane->id));
  }
  gsize behind;
  g_assert_cmpuint(dlv_tmux_count(text, "ab", &behind), <=, strlen(text) / 2);
  g_assert_cmpuint(behind, <=, strlen(text));
  g_autofree char *line = dlv_tmux_line(text, 2);
  g_assert_null(strchr(line, '\n'));
  return 0;
}
