/* journal-open.h: the journal, for looks. sd-journal blocks and is not to be shared: each reader
 * has its own, on a worker thread. */
#pragma once

#include "checks/check.h"
#include "checks/journal-words.h"

#include <systemd/sd-journal.h>

/* The journal of this machine, of the files in `directory`, or of the world's root. NULL with an
 * error also when this user may not read what the scope's units log: an empty journal would look
 * like a quiet one. */
sd_journal *chk_journal_open(const ChkWorld *world, const char *directory, GError **error);
/* Lines of the unit and lines about it (of systemd, of systemd-coredump). What is matched before or
 * after has to hold as well. 0 or a negative errno. */
int chk_journal_match_unit(sd_journal *journal, gboolean user, const char *unit);
/* This severity and all worse ones; 0 to 7. */
int chk_journal_match_priority(sd_journal *journal, int priority);
/* The field of the current entry as UTF-8, without "NAME="; NULL: it has none. Free with g_free().
 */
char *chk_journal_field(sd_journal *journal, const char *name);

void chk_journal_close(sd_journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, chk_journal_close)
