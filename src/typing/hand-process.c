/* hand-process.c: processes as the kernel shows them: parents and units. Everything here is a
 * snapshot; a process that ends while it is looked at is simply not there. */
#include "typing/hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#define DEEPEST 128 /* generations */
#define PROC "/proc"

/* The fourth field of stat; the second is in parentheses and may have any character. */
static guint parent_of(guint pid) {
  g_autofree char *path = g_strdup_printf(PROC "/%u/stat", pid);
  g_autofree char *text = NULL;
  guint parent = 0;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *end = strrchr(text, ')');
  return end && sscanf(end, ") %*c %u", &parent) == 1 ? parent : 0;
}

gboolean hand_process_sleeps(guint pid) {
  g_autofree char *path = g_strdup_printf(PROC "/%u/stat", pid);
  g_autofree char *text = NULL;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return TRUE;
  const char *end = strrchr(text, ')');
  return !end || end[1] != ' ' || end[2] == 'S';
}

gboolean hand_process_descends(guint pid, guint from) {
  for (int i = 0; pid > 1 && i < DEEPEST; i++) {
    if (pid == from)
      return TRUE;
    pid = parent_of(pid);
  }
  return pid == from && pid != 0;
}

gboolean hand_process_related(guint a, guint b) {
  return a > 0 && b > 0 && (hand_process_descends(a, b) || hand_process_descends(b, a));
}

char *hand_process_unit(guint pid) {
  char *name = NULL;
  char *unit;

  if (pid == 0 ||
      (sd_pid_get_user_unit((pid_t)pid, &name) < 0 && sd_pid_get_unit((pid_t)pid, &name) < 0))
    return g_strdup("");
  unit = g_strdup(name);
  free(name);
  return unit;
}

GArray *hand_process_in_unit(const char *unit) {
  GArray *found = g_array_new(FALSE, FALSE, sizeof(guint));
  g_autoptr(GDir) dir = g_dir_open(PROC, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    guint64 pid;
    if (!g_ascii_string_to_unsigned(name, 10, 1, G_MAXINT32, &pid, NULL))
      continue;
    guint number = (guint)pid;
    g_autofree char *its = hand_process_unit(number);
    if (g_str_equal(its, unit))
      g_array_append_val(found, number);
  }
  return found;
}
