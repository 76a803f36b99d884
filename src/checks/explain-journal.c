/* explain-journal.c: see explain-journal.h. */
#include "checks/explain-journal.h"

#include "checks/journal-open.h"
#include "checks/world.h"

#include <string.h>

#define LINES_MAX 10
#define LINE_MAX_BYTES 400

static const char *unit_of(const ChkCheck *check) {
  if (check->unit)
    return check->unit;
  return strcmp(check->type->name, "unit") == 0 ? check->subject : NULL;
}

/* Of the process that wrote it, or of what a manager says about the unit. */
static char *invocation_at(sd_journal *journal) {
  static const char *const fields[] = {"_SYSTEMD_INVOCATION_ID", "INVOCATION_ID",
                                       "USER_INVOCATION_ID"};
  static const char *const about[] = {"UNIT", "USER_UNIT"};

  for (guint i = 0; i < G_N_ELEMENTS(about); i++) {
    g_autofree char *unit = chk_journal_field(journal, about[i]);
    if (unit)
      return chk_journal_field(journal, fields[i + 1]);
  }
  return chk_journal_field(journal, fields[0]);
}

static void add_line(sd_journal *journal, GPtrArray *lines) {
  g_autofree char *line = chk_journal_field(journal, "MESSAGE");

  if (!line)
    return;
  if (strlen(line) > LINE_MAX_BYTES) { /* not within a character */
    char *end = g_utf8_find_prev_char(line, line + LINE_MAX_BYTES);
    *(end ? end : line) = '\0';
  }
  g_ptr_array_insert(lines, 0, g_steal_pointer(&line));
}

char **chk_explain_journal(const ChkWorld *world, const char *directory, const ChkCheck *check) {
  const char *unit = unit_of(check);
  g_autoptr(sd_journal) journal =
      unit && !check->secret ? chk_journal_open(world, directory, NULL) : NULL;
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *wanted = unit ? g_strdup(chk_world_invocation(world, unit)) : NULL;

  if (!journal || chk_journal_match_unit(journal, chk_world_is_user(world), unit) < 0 ||
      sd_journal_seek_tail(journal) < 0)
    return NULL;
  while (lines->len < LINES_MAX && sd_journal_previous(journal) > 0) {
    g_autofree char *invocation = invocation_at(journal);
    if (!wanted)
      wanted = g_strdup(invocation);
    if (g_strcmp0(invocation, wanted) == 0)
      add_line(journal, lines);
    else if (lines->len > 0)
      break; /* an earlier one */
  }
  if (lines->len == 0)
    return NULL;
  g_ptr_array_add(lines, NULL);
  return (char **)g_ptr_array_steal(lines, NULL);
}
