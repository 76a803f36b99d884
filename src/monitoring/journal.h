/* journal.h: what the journal tells of units, as events: crashes, OOM kills, start limits,
 * watchdogs.
 *
 * Read by MESSAGE_ID on a thread of its own (sd-journal blocks), from a cursor that is kept in the
 * store, so that what was logged while the service was away is told after its start; what is older
 * than 15 minutes by then is passed over. Told at least once: the cursor is written after the event
 * was; counted once, for both are one transaction (event-count.h). Only systemd itself is believed
 * what it says about units. */
#pragma once

#include "monitoring/daemon.h"

/* `directory`: of journal files; NULL: this machine's. Reads the cursor: before wg_records_begin().
 */
MonJournal *mon_journal_new(MonDaemon *daemon, const char *directory, GError **error);
/* Waits for the thread, which stops at once unless the disk hangs. */
void mon_journal_free(MonJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonJournal, mon_journal_free)

/* systemd's function that tells of a start limit (CODE_FUNC=). */
#define MON_JOURNAL_START_LIMIT "unit_test_start_limit"

/* An entry by its fields: what it means. Pure but for `get`, which returns a field's text
 * (borrowed) or NULL. FALSE: it means nothing to us, or says so without being systemd. `ret_text`
 * is to be freed. */
typedef const char *(*MonJournalGet)(const char *field, gpointer user_data);
gboolean mon_journal_means(MonJournalGet get, gpointer user_data, gboolean user_scope, uid_t uid,
                           MonEventKind *ret_kind, const char **ret_unit, char **ret_text);
