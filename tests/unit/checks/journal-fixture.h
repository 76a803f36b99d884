/* journal-fixture.h: writes journal files that sd-journal reads, since no journald runs where unit
 * tests do. Only what reading needs: one file, written as a whole, after systemd's description of
 * the format (https://systemd.io/JOURNAL_FILE_FORMAT). */
#pragma once

#include <glib.h>

typedef struct {
  guint64 realtime;       /* us; later ones come later in the list */
  const char *fields[12]; /* "NAME=value"; NULL ends them */
} JournalEntry;

/* At most 500 entries. */
void journal_write(const char *path, const JournalEntry *entries, guint n);
