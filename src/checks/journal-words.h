/* journal-words.h: the words of a check that looks at the journal. Pure. */
#pragma once

#include <glib.h>

/* "boot" is 0; a span is before `now`. Pure but for the clock of none. */
gboolean chk_journal_since(const char *text, guint64 now, guint64 *ret);
/* FIELD=value with a field as the journal has them. Pure. */
gboolean chk_journal_is_match(const char *text);
/* "err", "3" -> 3; -1: no priority. */
int chk_journal_priority(const char *text);
