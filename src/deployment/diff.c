/* diff.c: see diff.h. The longest common subsequence by its table, after equal beginnings and ends
 * are left off; a unit file is short. */
#include "deployment/diff.h"

#include <string.h>

#define CONTEXT 3
#define TABLE_MAX (4 * 1024 * 1024) /* cells */

typedef struct {
  char sign;
  const char *line;
  guint old_at, new_at; /* lines before it */
} Change;

typedef struct {
  char **old, **new;
  guint n_old, n_new;
  GArray *changes; /* Change: the whole text */
} Diff;

static char **lines_of(const char *text) {
  char **lines = g_strsplit(text ?: "", "\n", -1);
  guint n = g_strv_length(lines);

  if (n > 0 && !*lines[n - 1]) /* what is behind the last newline is no line */
    g_clear_pointer(&lines[n - 1], g_free);
  return lines;
}

static void emit(Diff *d, char sign, guint *i, guint *k) {
  Change change = {sign, sign == '+' ? d->new[*k] : d->old[*i], *i, *k};

  g_array_append_val(d->changes, change);
  *i += sign != '+';
  *k += sign != '-';
}

/* `table` has the length of the longest common subsequence of what is left. */
static void walk(Diff *d, const guint16 *table, guint begin, guint old_end, guint new_end) {
  guint width = new_end - begin + 1, i = 0, k = 0;

  while (i < begin)
    emit(d, ' ', &i, &k);
  while (i < old_end || k < new_end) {
    guint at = (i - begin) * width + (k - begin);
    if (i < old_end && k < new_end && strcmp(d->old[i], d->new[k]) == 0)
      emit(d, ' ', &i, &k);
    else if (i < old_end && (k == new_end || table[at + width] >= table[at + 1]))
      emit(d, '-', &i, &k);
    else
      emit(d, '+', &i, &k);
  }
  while (i < d->n_old)
    emit(d, ' ', &i, &k);
}

static gboolean compare(Diff *d) {
  guint begin = 0, old_end = d->n_old, new_end = d->n_new;

  while (begin < old_end && begin < new_end && strcmp(d->old[begin], d->new[begin]) == 0)
    begin++;
  while (old_end > begin && new_end > begin &&
         strcmp(d->old[old_end - 1], d->new[new_end - 1]) == 0)
    old_end--, new_end--;
  guint height = old_end - begin + 1, width = new_end - begin + 1;
  if ((guint64)height * width > TABLE_MAX)
    return FALSE;
  g_autofree guint16 *table = g_new0(guint16, (gsize)height * width);
  for (guint i = height - 1; i-- > 0;)
    for (guint k = width - 1; k-- > 0;)
      table[i * width + k] = strcmp(d->old[begin + i], d->new[begin + k]) == 0
                                 ? table[(i + 1) * width + k + 1] + 1
                                 : MAX(table[(i + 1) * width + k], table[i * width + k + 1]);
  walk(d, table, begin, old_end, new_end);
  return TRUE;
}

static void add_hunk(const Diff *d, guint from, guint to, GStrvBuilder *out) {
  guint n_old = 0, n_new = 0;
  const Change *first = &g_array_index(d->changes, Change, from);

  for (guint i = from; i < to; i++) {
    n_old += g_array_index(d->changes, Change, i).sign != '+';
    n_new += g_array_index(d->changes, Change, i).sign != '-';
  }
  g_autofree char *head = g_strdup_printf("@@ -%u,%u +%u,%u @@", first->old_at + (n_old > 0), n_old,
                                          first->new_at + (n_new > 0), n_new);
  g_strv_builder_add(out, head);
  for (guint i = from; i < to; i++) {
    const Change *change = &g_array_index(d->changes, Change, i);
    g_autofree char *line = g_strdup_printf("%c%s", change->sign, change->line);
    g_strv_builder_add(out, line);
  }
}

static void add_hunks(const Diff *d, GStrvBuilder *out) {
  guint n = d->changes->len, i = 0;

  while (i < n) {
    while (i < n && g_array_index(d->changes, Change, i).sign == ' ')
      i++;
    if (i == n)
      return;
    guint from = i > CONTEXT ? i - CONTEXT : 0, last = i;
    for (; i < n && i <= last + 2 * CONTEXT + 1; i++)
      if (g_array_index(d->changes, Change, i).sign != ' ')
        last = i;
    i = MIN(n, last + 1 + CONTEXT);
    add_hunk(d, from, i, out);
  }
}

char **dpl_diff(const char *old, const char *new) {
  g_auto(GStrv) old_lines = lines_of(old), new_lines = lines_of(new);
  Diff d = {.old = old_lines, .new = new_lines};
  g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(Change));
  g_autoptr(GStrvBuilder) out = g_strv_builder_new();

  d.n_old = g_strv_length(old_lines);
  d.n_new = g_strv_length(new_lines);
  d.changes = changes;
  if (d.n_old > DPL_DIFF_LINES_MAX || d.n_new > DPL_DIFF_LINES_MAX || !compare(&d))
    g_strv_builder_add(out, "@@ the texts differ, and are too long to show how @@");
  else
    add_hunks(&d, out);
  return g_strv_builder_end(out);
}
