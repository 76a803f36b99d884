/* judge-manifest.c: for test-manifest-schema.py: judges the manifests on standard input, JSON, one
 * a line, by their form alone; prints "good" or the problems in one line for each. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/manifest.h"

#include <stdio.h>
#include <string.h>

int main(void) {
  g_autoptr(GIOChannel) in = g_io_channel_unix_new(0);
  g_autofree char *line = NULL;
  gsize size;

  while (g_io_channel_read_line(in, &line, &size, NULL, NULL) == G_IO_STATUS_NORMAL) {
    g_autoptr(WgProblems) problems = wg_problems_new();
    g_autoptr(DplManifest) m = dpl_manifest_load(line, size, problems);
    g_autofree char *text = wg_problems_text(problems, "f");
    puts(m ? "good" : g_strdelimit(text, "\n", ';'));
    g_clear_pointer(&line, g_free);
  }
  return 0;
}
