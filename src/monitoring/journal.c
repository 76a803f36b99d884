/* journal.c: the thread that reads; see journal.h. The thread has the sd_journal and nothing of the
 * daemon's: what it finds goes through a queue to the loop. */
#include "monitoring/journal.h"

#include "monitoring/event-count.h"
#include "monitoring/inventory.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-messages.h>
#include <unistd.h>

#define CURSOR "journal"
#define SINCE "t=" /* in place of a cursor (which begins otherwise): CLOCK_REALTIME us */
#define TOO_OLD_USEC (15 * 60 * G_USEC_PER_SEC)
#define RETRY_MSEC 60000
#define FIELD_MAX 65536 /* bytes of a field that are looked at */

typedef struct {
  MonEventKind kind;
  char *unit, *invocation, *text, *cursor;
  gint64 time;
} Found;

struct MonJournal {
  MonDaemon *daemon;
  char *directory, *cursor;
  gboolean user_scope;
  uid_t uid;
  GThread *thread;
  GAsyncQueue *found;
  int stop; /* eventfd */
};

static void found_free(gpointer data) {
  Found *found = data;

  g_free(found->unit);
  g_free(found->invocation);
  g_free(found->text);
  g_free(found->cursor);
  g_free(found);
}

/* ---- the loop's side ---- */
static gboolean write_cursor(MonStore *store, gpointer data, GError **error) {
  sqlite3_stmt *stmt = wg_records_statement(store, "INSERT OR REPLACE INTO cursor VALUES(?1, ?2)");

  if (stmt == NULL)
    return TRUE;
  sqlite3_bind_text(stmt, 1, CURSOR, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, data, -1, SQLITE_STATIC);
  wg_records_run(store, stmt);
  return TRUE;
}

static void tell(MonJournal *journal, const Found *found) {
  MonDaemon *daemon = journal->daemon;
  const MonUnit *unit =
      daemon->inventory != NULL ? mon_inventory_unit(daemon->inventory, found->unit) : NULL;
  const char *dot = strrchr(found->unit, '.');
  g_autoptr(MonLabels) labels = unit != NULL ? mon_labels_ref(unit->labels)
                                             : mon_labels_new("unit", found->unit, "type",
                                                              dot != NULL ? dot + 1 : NULL, NULL);
  MonEvent event = {.kind = found->kind,
                    .subject = found->unit,
                    .text = found->text,
                    .invocation = found->invocation,
                    .time = found->time,
                    .labels = labels};

  wg_log(LOG_NOTICE, WG_MSG_UNIT_EVENT, WG_FIELDS(WG_FIELD_UNIT, found->unit), "%s: %s",
         found->unit, found->text);
  mon_events_emit(daemon->events, &event);
}

static gboolean drain(gpointer data) {
  MonJournal *journal = data;
  g_autofree char *cursor = NULL;
  Found *found;

  while ((found = g_async_queue_try_pop(journal->found)) != NULL) {
    if (found->time > wg_time_realtime() - TOO_OLD_USEC)
      tell(journal, found);
    g_free(cursor);
    cursor = g_steal_pointer(&found->cursor);
    found_free(found);
  }
  if (cursor != NULL)
    mon_event_count_store(journal->daemon->event_count, write_cursor, g_steal_pointer(&cursor),
                          g_free);
  return G_SOURCE_REMOVE;
}

/* ---- the thread's side ---- */
typedef struct {
  sd_journal *j;
  GHashTable *fields; /* of this entry, as they were asked for */
} Entry;

static const char *get(const char *field, gpointer data) {
  Entry *entry = data;
  const void *bytes;
  gsize size, skip = strlen(field) + 1;
  char *text = g_hash_table_lookup(entry->fields, field);

  if (text != NULL || sd_journal_get_data(entry->j, field, &bytes, &size) < 0 || size < skip)
    return text;
  text = g_utf8_make_valid((const char *)bytes + skip, (gssize)(size - skip));
  g_hash_table_insert(entry->fields, g_strdup(field), text);
  return text;
}

static Found *read_entry(MonJournal *journal, sd_journal *j) {
  g_autoptr(GHashTable) fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  Entry entry = {j, fields};
  const char *unit;
  guint64 time;
  Found found = {0};
  char *cursor;

  if (!mon_journal_means(get, &entry, journal->user_scope, journal->uid, &found.kind, &unit,
                         &found.text))
    return NULL;
  found.unit = g_strdup(unit);
  found.invocation =
      g_strdup(get(journal->user_scope ? "USER_INVOCATION_ID" : "INVOCATION_ID", &entry));
  if (sd_journal_get_realtime_usec(j, &time) >= 0)
    found.time = (gint64)time;
  if (sd_journal_get_cursor(j, &cursor) >= 0) {
    found.cursor = g_strdup(cursor);
    free(cursor);
  }
  return g_memdup2(&found, sizeof found);
}

static void read_all(MonJournal *journal, sd_journal *j) {
  gboolean any = FALSE;

  while (sd_journal_next(j) > 0) {
    Found *found = read_entry(journal, j);
    if (found == NULL)
      continue;
    g_free(journal->cursor);
    journal->cursor = g_strdup(found->cursor);
    g_async_queue_push(journal->found, found);
    any = TRUE;
  }
  if (any)
    g_idle_add_full(G_PRIORITY_DEFAULT, drain, journal, NULL);
}

/* After the entry of the cursor; before a first entry was seen, from the first start on. */
static void seek(MonJournal *journal, sd_journal *j) {
  if (g_str_has_prefix(journal->cursor, SINCE)) {
    guint64 since = g_ascii_strtoull(journal->cursor + strlen(SINCE), NULL, 10);
    sd_journal_seek_realtime_usec(j, since);
  } else if (sd_journal_seek_cursor(j, journal->cursor) < 0 || sd_journal_next(j) <= 0 ||
             sd_journal_test_cursor(j, journal->cursor) <= 0) {
    sd_journal_seek_cursor(j, journal->cursor); /* that one is gone: those after it */
  }
}

static sd_journal *open_journal(MonJournal *journal) {
  static const char *const ids[] = {SD_MESSAGE_COREDUMP_STR, SD_MESSAGE_UNIT_OUT_OF_MEMORY_STR,
                                    SD_MESSAGE_UNIT_FAILURE_RESULT_STR};
  sd_journal *j = NULL;
  int r = journal->directory != NULL ? sd_journal_open_directory(&j, journal->directory, 0)
                                     : sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);

  for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(ids); i++) {
    g_autofree char *match = g_strconcat("MESSAGE_ID=", ids[i], NULL);
    r = sd_journal_add_match(j, match, 0); /* of one field any may hold */
  }
  if (r >= 0)
    r = sd_journal_add_disjunction(j);
  if (r >= 0)
    r = sd_journal_add_match(j, "CODE_FUNC=" MON_JOURNAL_START_LIMIT, 0);
  if (r >= 0)
    return j;
  sd_journal_close(j);
  return NULL;
}

/* FALSE: it is over. */
static gboolean wait_for_more(MonJournal *journal, sd_journal *j) {
  struct pollfd fds[] = {{journal->stop, POLLIN, 0},
                         {j != NULL ? sd_journal_get_fd(j) : -1, POLLIN, 0}};
  guint64 until = G_MAXUINT64;
  int msec = j != NULL ? -1 : RETRY_MSEC;

  if (j != NULL && sd_journal_get_timeout(j, &until) >= 0 && until != G_MAXUINT64)
    msec = (int)CLAMP((gint64)until - g_get_monotonic_time(), 0, RETRY_MSEC * 1000) / 1000 + 1;
  poll(fds, G_N_ELEMENTS(fds), msec);
  return (fds[0].revents & POLLIN) == 0;
}

static gpointer run(gpointer data) {
  MonJournal *journal = data;
  sd_journal *j = NULL;

  do {
    if (j == NULL && (j = open_journal(journal)) != NULL) {
      sd_journal_set_data_threshold(j, FIELD_MAX);
      sd_journal_get_fd(j); /* from here on nothing is missed */
      seek(journal, j);
    }
    if (j != NULL && sd_journal_process(j) < 0)
      g_clear_pointer(&j, sd_journal_close);
    if (j != NULL)
      read_all(journal, j);
  } while (wait_for_more(journal, j));
  g_clear_pointer(&j, sd_journal_close);
  return NULL;
}

/* ---- life ---- */
/* The very first start: what was logged before is no news. Kept, so that what comes while the
 * service is away is told even when it is the first of all. */
static void begin_cursor(MonJournal *journal) {
  sqlite3_stmt *stmt =
      wg_records_statement(journal->daemon->store, "INSERT OR REPLACE INTO cursor VALUES(?1, ?2)");

  journal->cursor = g_strdup_printf(SINCE "%" G_GINT64_FORMAT, wg_time_realtime());
  if (stmt == NULL)
    return;
  sqlite3_bind_text(stmt, 1, CURSOR, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, journal->cursor, -1, SQLITE_STATIC);
  wg_records_run(journal->daemon->store, stmt);
}

MonJournal *mon_journal_new(MonDaemon *daemon, const char *directory, GError **error) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(daemon->store, "SELECT value FROM cursor WHERE name = '" CURSOR "'");
  MonJournal *journal = g_new0(MonJournal, 1);

  journal->daemon = daemon;
  journal->directory = g_strdup(directory);
  journal->user_scope = daemon->user_scope;
  journal->uid = daemon->own_uid;
  if (stmt != NULL && wg_records_row(daemon->store, stmt))
    journal->cursor = g_strdup((const char *)sqlite3_column_text(stmt, 0));
  else
    begin_cursor(journal);
  journal->found = g_async_queue_new_full(found_free);
  journal->stop = eventfd(0, EFD_CLOEXEC);
  journal->thread = g_thread_new("journal", run, journal);
  return journal;
}

void mon_journal_free(MonJournal *journal) {
  if (journal == NULL)
    return;
  eventfd_write(journal->stop, 1);
  g_thread_join(journal->thread);
  while (g_idle_remove_by_data(journal))
    ;
  close(journal->stop);
  g_async_queue_unref(journal->found);
  g_free(journal->directory);
  g_free(journal->cursor);
  g_free(journal);
}
