/* settle-journal.h: follows the journal for the first line that breaks a settle window: a core dump
 * of one of the units, or a line of one of their invocations that is severe enough.
 *
 * A thread of its own has the journal; it sleeps until the journal changes or it is stopped. */
#pragma once

#include "checks/check.h"

typedef struct ChkSettleJournal ChkSettleJournal;

typedef struct {
  const char *unit, *invocation; /* hexadecimal; "": none, so only core dumps are looked for */
} ChkSettleUnit;

/* `text`: what was found, or with `failed` why the journal cannot be followed. On the loop, at most
 * once, never after chk_settle_journal_stop(). */
typedef void (*ChkSettleFunc)(const char *text, gboolean failed, gpointer user_data);

/* `since`: core dumps before that (CLOCK_REALTIME us) are not looked at; lines of an invocation are
 * its own whenever they were written. `directory`: its files instead of the machine's, or NULL.
 * `priority`: this severity and worse. */
ChkSettleJournal *chk_settle_journal_start(ChkWorld *world, const ChkSettleUnit *units, guint n,
                                           guint64 since, int priority, const char *directory,
                                           ChkSettleFunc func, gpointer user_data);
/* Waits for nobody: the thread ends by itself, soon. */
void chk_settle_journal_stop(ChkSettleJournal *journal);
