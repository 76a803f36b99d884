/* tmux-pane.c: which pane is meant, and what stands on its screen. Reads text and /proc, changes
 * nothing. */
#include "delivery/tmux.h"

#include "common/error.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-login.h>

/* A tab cannot stand in any of them; titles come last but one because programs choose them. */
const char dlv_tmux_format[] = "#{pane_id}\t#{pane_pid}\t#{pane_dead}\t#{pane_input_off}\t"
                               "#{cursor_y}\t#{session_name}\t#{window_index}.#{pane_index}\t"
                               "#{pane_current_command}\t#{pane_title}";
enum { ID, PID, DEAD, INPUT_OFF, CURSOR, SESSION, WINDOW, COMMAND, TITLE, N_FIELDS };

#define DEPTH_MAX 64

void dlv_tmux_pane_free(TmuxPane *pane) {
  g_free(pane->id);
  g_free(pane->title);
  g_free(pane->command);
  g_free(pane->session);
  g_free(pane->window);
  g_free(pane);
}

static TmuxPane *parse(const char *line) {
  g_auto(GStrv) f = g_strsplit(line, "\t", N_FIELDS);

  if (g_strv_length(f) != N_FIELDS || f[ID][0] != '%')
    return NULL;
  TmuxPane *pane = g_new0(TmuxPane, 1);
  pane->id = g_strdup(f[ID]);
  pane->pid = (guint)g_ascii_strtoull(f[PID], NULL, 10);
  pane->dead = g_str_equal(f[DEAD], "1");
  pane->input_off = g_str_equal(f[INPUT_OFF], "1");
  pane->cursor = (guint)g_ascii_strtoull(f[CURSOR], NULL, 10);
  pane->session = g_strdup(f[SESSION]);
  pane->window = g_strdup(f[WINDOW]);
  pane->command = g_strdup(f[COMMAND]);
  pane->title = g_strdup(f[TITLE]);
  return pane;
}

static guint parent_of(guint pid) {
  g_autofree char *path = g_strdup_printf("/proc/%u/stat", pid), *text = NULL;
  guint parent;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *end = strrchr(text, ')'); /* a program's name may have anything in it */
  return end && sscanf(end + 1, " %*c %u", &parent) == 1 ? parent : 0;
}

/* Whether `pid` is the pane's first process or descends from it. */
static gboolean runs_in(const TmuxPane *pane, guint pid) {
  for (guint i = 0; pid > 1 && i < DEPTH_MAX; i++, pid = parent_of(pid))
    if (pid == pane->pid)
      return TRUE;
  return FALSE;
}

static gboolean of_unit(const TmuxPane *pane, const char *wanted) {
  char *unit = NULL;
  gboolean same = (sd_pid_get_user_unit((pid_t)pane->pid, &unit) >= 0 ||
                   sd_pid_get_unit((pid_t)pane->pid, &unit) >= 0) &&
                  g_str_equal(unit, wanted);

  free(unit);
  return same;
}

/* "%3", "session", "session:window.pane" */
static gboolean is_named(const TmuxPane *pane, const char *name) {
  g_autofree char *full = g_strdup_printf("%s:%s", pane->session, pane->window);

  return g_str_equal(name, pane->id) || g_str_equal(name, full) || g_str_equal(name, pane->session);
}

static gboolean fits(const TmuxPane *pane, const TmuxTarget *t) {
  return (!t->pane || is_named(pane, t->pane)) &&
         (!t->title || g_pattern_match_simple(t->title, pane->title)) &&
         (!t->command || g_pattern_match_simple(t->command, pane->command)) &&
         (!t->pid || runs_in(pane, t->pid)) && (!t->unit || of_unit(pane, t->unit));
}

TmuxPane *dlv_tmux_find(const char *list, const TmuxTarget *target, GError **error) {
  g_auto(GStrv) lines = g_strsplit(list, "\n", -1);
  g_autoptr(TmuxPane) found = NULL;
  g_autoptr(GString) others = g_string_new(NULL);
  guint n = 0;

  for (guint i = 0; lines[i]; i++) {
    g_autoptr(TmuxPane) pane = parse(lines[i]);
    if (!pane || !fits(pane, target))
      continue;
    g_string_append_printf(others, "%s%s (%s:%s)", n++ ? ", " : "", pane->id, pane->session,
                           pane->window);
    if (!found)
      found = g_steal_pointer(&pane);
  }
  if (n == 1 && !found->dead && !found->input_off)
    return g_steal_pointer(&found);
  if (n == 1)
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "pane %s %s", others->str,
                found->dead ? "is dead" : "takes no input");
  else if (n == 0)
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "there is no such pane in tmux");
  else
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%u panes fit: %s; say more of the one", n,
                others->str);
  return NULL;
}

/* ---- the screen ---- */
static gboolean is_frame(gunichar c) {
  return c >= 0x2500 && c <= 0x259f; /* box drawing and block elements */
}

static char *bare(const char *text) {
  GString *s = g_string_new(NULL);

  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (!g_unichar_isspace(c) && !is_frame(c))
      g_string_append_unichar(s, c);
  }
  return g_string_free(s, FALSE);
}

guint dlv_tmux_count(const char *screen, const char *text, gsize *ret_behind) {
  g_autofree char *where = bare(screen), *what = bare(text);
  gsize step = strlen(what);
  const char *behind = where;
  guint n = 0;

  for (const char *p = where; step > 0 && (p = strstr(p, what)); n++)
    behind = p += step;
  if (ret_behind)
    *ret_behind = strlen(behind);
  return n;
}

char *dlv_tmux_line(const char *screen, guint line) {
  g_auto(GStrv) lines = g_strsplit(screen, "\n", -1);

  return g_strdup(line < g_strv_length(lines) ? lines[line] : "");
}
