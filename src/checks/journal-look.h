/* journal-look.h: the entries of the journal that a look's subject and options select. Blocks. */
#pragma once

#include "checks/journal-open.h"

typedef struct {
  guint64 count;
  GQueue lines;       /* of texts: the last ones */
  guint64 from, last; /* CLOCK_REALTIME us; from 0: since the boot, whose time is not known */
  char *cursor;
  char *read_to; /* the newest entry of the journal that was there, matching or not; NULL: none */
} ChkJournalLook;

/* FALSE with a sentence: no journal to read, time over. */
gboolean chk_journal_look(const ChkLook *look, ChkJournalLook *ret, GError **error);
void chk_journal_look_clear(ChkJournalLook *found);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkJournalLook, chk_journal_look_clear)

/* What a line is like when its numbers are not looked at: each run of digits, and each word of
 * hexadecimal digits with a digit in it, becomes "#". Pure; free with g_free(). */
char *chk_journal_likeness(const char *line);
