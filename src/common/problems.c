/* problems.c: see problems.h. The list is bounded; what does not fit is counted, and refuses all
 * the same. What the document's writer wrote is shown, but never breaks a line. */
#include "common/problems.h"

struct WgProblems {
  GPtrArray *list; /* (element-type WgProblem) */
  guint more;      /* that did not fit */
  gboolean refuse, sorted;
};

static void problem_free(gpointer data) {
  WgProblem *problem = data;

  g_free(problem->pointer);
  g_free(problem->text);
  g_free(problem);
}

WgProblems *wg_problems_new(void) {
  WgProblems *problems = g_new0(WgProblems, 1);

  problems->list = g_ptr_array_new_with_free_func(problem_free);
  problems->sorted = TRUE;
  return problems;
}

void wg_problems_free(WgProblems *problems) {
  if (!problems)
    return;
  g_ptr_array_unref(problems->list);
  g_free(problems);
}

static char *one_line(const char *text) {
  char *line = g_utf8_make_valid(text, -1);

  for (char *p = line; *p; p++)
    if (g_ascii_iscntrl(*p))
      *p = ' ';
  return line;
}

void wg_problems_take(WgProblems *problems, const WgProblem *place, char *text) {
  problems->refuse |= !place->warning;
  if (problems->list->len >= WG_PROBLEMS_MAX)
    problems->more++;
  else {
    WgProblem *problem = g_new0(WgProblem, 1);
    *problem = *place;
    problem->pointer = one_line(place->pointer);
    problem->text = one_line(text);
    g_ptr_array_add(problems->list, problem);
    problems->sorted = FALSE;
  }
  g_free(text);
}

void wg_problems_add(WgProblems *problems, guint line, const char *pointer, const char *format,
                     ...) {
  const WgProblem place = {.line = line, .pointer = (char *)pointer};
  va_list args;

  va_start(args, format);
  wg_problems_take(problems, &place, g_strdup_vprintf(format, args));
  va_end(args);
}

void wg_problems_warn(WgProblems *problems, guint line, const char *pointer, const char *format,
                      ...) {
  const WgProblem place = {.line = line, .pointer = (char *)pointer, .warning = TRUE};
  va_list args;

  va_start(args, format);
  wg_problems_take(problems, &place, g_strdup_vprintf(format, args));
  va_end(args);
}

guint wg_problems_n(const WgProblems *problems) {
  return problems->list->len;
}

gboolean wg_problems_refuse(const WgProblems *problems) {
  return problems->refuse;
}

static int by_line(gconstpointer a, gconstpointer b) {
  const WgProblem *x = *(const WgProblem *const *)a, *y = *(const WgProblem *const *)b;

  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return x->column < y->column ? -1 : x->column > y->column;
}

const WgProblem *wg_problems_at(const WgProblems *problems, guint i) {
  if (!problems->sorted) { /* what can be seen of the list stays as it was */
    g_ptr_array_sort(problems->list, by_line);
    ((WgProblems *)problems)->sorted = TRUE;
  }
  return i < problems->list->len ? problems->list->pdata[i] : NULL;
}

char *wg_problems_text(const WgProblems *problems, const char *name) {
  GString *text = g_string_new(NULL);

  for (guint i = 0; i < problems->list->len; i++) {
    const WgProblem *problem = wg_problems_at(problems, i);
    g_string_append(text, name);
    if (problem->line)
      g_string_append_printf(text, ":%u", problem->line);
    if (problem->column)
      g_string_append_printf(text, ":%u", problem->column);
    g_string_append_printf(text, ": %s%s%s%s\n", problem->warning ? "warning: " : "",
                           problem->pointer, *problem->pointer ? ": " : "", problem->text);
  }
  if (problems->more)
    g_string_append_printf(text, "%s: and %u problems more\n", name, problems->more);
  return g_string_free(text, FALSE);
}
