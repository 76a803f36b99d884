/* settle-journal.c: see settle-journal.h. Counted: by its owner and by the thread. */
#include "checks/settle-journal.h"

#include "checks/journal-open.h"
#include "checks/world.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-messages.h>
#include <unistd.h>

#define TEXT_MAX 300

struct ChkSettleJournal {
  gatomicrefcount n_refs;
  ChkWorld *world;
  char **matches; /* groups of "A=x" that hold together, a "" ends each; any group will do */
  char *directory;
  guint64 since;
  int wake; /* eventfd: written when it is to end */
  gint stopped;
  ChkSettleFunc func; /* the loop's thread only */
  gpointer user_data;
  char *text;
  gboolean failed;
};

static ChkSettleJournal *journal_ref(ChkSettleJournal *j) {
  g_atomic_ref_count_inc(&j->n_refs);
  return j;
}

static void journal_unref(ChkSettleJournal *j) {
  if (!g_atomic_ref_count_dec(&j->n_refs))
    return;
  chk_world_unref(j->world);
  g_strfreev(j->matches);
  g_free(j->directory);
  g_free(j->text);
  close(j->wake);
  g_free(j);
}

static gboolean on_found(gpointer data) {
  ChkSettleJournal *j = data;
  ChkSettleFunc func = g_steal_pointer(&j->func);

  if (func)
    func(j->text, j->failed, j->user_data);
  return G_SOURCE_REMOVE;
}

static void tell(ChkSettleJournal *j, char *text, gboolean failed) {
  g_autoptr(GSource) source = g_idle_source_new();

  j->text = text;
  j->failed = failed;
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, on_found, journal_ref(j), (GDestroyNotify)journal_unref);
  g_source_attach(source, NULL);
}

static int add_matches(ChkSettleJournal *j, sd_journal *journal) {
  int r = 0;

  for (guint i = 0; j->matches[i] && r >= 0; i++)
    r = *j->matches[i] ? sd_journal_add_match(journal, j->matches[i], 0)
                       : sd_journal_add_disjunction(journal);
  return r;
}

/* "shop.service: " when the entry tells whose it is. */
static char *whose(sd_journal *journal) {
  static const char *const fields[] = {"COREDUMP_UNIT", "COREDUMP_USER_UNIT", "_SYSTEMD_USER_UNIT",
                                       "_SYSTEMD_UNIT"};

  for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
    g_autofree char *unit = chk_journal_field(journal, fields[i]);
    if (unit)
      return g_strconcat(unit, ": ", NULL);
  }
  return g_strdup("");
}

/* What is said of the entry; NULL: it breaks nothing. */
static char *breach(const ChkSettleJournal *j, sd_journal *journal) {
  g_autofree char *id = chk_journal_field(journal, "MESSAGE_ID");
  g_autofree char *message = chk_journal_field(journal, "MESSAGE");
  g_autofree char *unit = whose(journal);
  guint64 at = 0;

  if (message && strlen(message) > TEXT_MAX)
    *g_utf8_find_prev_char(message, message + TEXT_MAX) = 0;
  if (g_strcmp0(id, SD_MESSAGE_COREDUMP_STR) != 0) {
    g_autofree char *priority = chk_journal_field(journal, "PRIORITY");
    return g_strdup_printf("%sit logged an error (priority %s): %s", unit,
                           priority ? priority : "?", message ? message : "no text");
  }
  if (sd_journal_get_realtime_usec(journal, &at) < 0 || at < j->since)
    return NULL;
  return g_strdup_printf("%score dump: %s", unit,
                         message ? g_strdelimit(message, "\n", ' ') : "no text");
}

/* All that is there. TRUE: found one. */
static gboolean read_on(ChkSettleJournal *j, sd_journal *journal) {
  int r;

  while (!g_atomic_int_get(&j->stopped) && (r = sd_journal_next(journal)) > 0) {
    char *text = breach(j, journal);
    if (text) {
      tell(j, text, FALSE);
      return TRUE;
    }
  }
  return FALSE;
}

/* Until something changed; FALSE: stopped. */
static gboolean sleep_on(ChkSettleJournal *j, sd_journal *journal) {
  struct pollfd fds[2] = {{.fd = j->wake, .events = POLLIN},
                          {.fd = sd_journal_get_fd(journal), .events = POLLIN}};
  guint64 until = G_MAXUINT64;
  int wait = -1;

  fds[1].events = (short)sd_journal_get_events(journal);
  if (sd_journal_get_timeout(journal, &until) >= 0 && until != G_MAXUINT64)
    wait = (int)CLAMP(((gint64)until - g_get_monotonic_time()) / 1000 + 1, 0, 1000);
  if (poll(fds, fds[1].fd >= 0 ? 2 : 1, wait) < 0 && errno != EINTR)
    return FALSE;
  sd_journal_process(journal);
  return !g_atomic_int_get(&j->stopped);
}

static gpointer follow(gpointer data) {
  ChkSettleJournal *j = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(sd_journal) journal = chk_journal_open(j->world, j->directory, &error);
  int r = journal ? sd_journal_get_fd(journal) : -1; /* changes are watched from here on */

  if (journal && r >= 0)
    r = add_matches(j, journal);
  if (journal && r >= 0)
    r = sd_journal_seek_head(journal);
  if (journal && r < 0)
    wg_error_set_errno(&error, r, "the journal cannot be followed");
  if (error)
    tell(j, g_strdup(error->message), TRUE);
  else
    while (!read_on(j, journal) && sleep_on(j, journal))
      ;
  journal_unref(j);
  return NULL;
}

static void add(GPtrArray *matches, char *text) {
  g_ptr_array_add(matches, text);
}

static char **matches_of(ChkWorld *world, const ChkSettleUnit *units, guint n, int priority) {
  GPtrArray *m = g_ptr_array_new();
  gboolean user = chk_world_is_user(world);

  for (guint i = 0; i < n; i++) {
    add(m, g_strdup("MESSAGE_ID=" SD_MESSAGE_COREDUMP_STR));
    add(m, g_strdup_printf(user ? "COREDUMP_USER_UNIT=%s" : "COREDUMP_UNIT=%s", units[i].unit));
    add(m, g_strdup(""));
    if (*units[i].invocation == 0)
      continue;
    add(m, g_strdup_printf("_SYSTEMD_INVOCATION_ID=%s", units[i].invocation));
    for (int p = 0; p <= priority; p++)
      add(m, g_strdup_printf("PRIORITY=%d", p));
    add(m, g_strdup(""));
  }
  add(m, NULL);
  return (char **)g_ptr_array_free(m, FALSE);
}

ChkSettleJournal *chk_settle_journal_start(ChkWorld *world, const ChkSettleUnit *units, guint n,
                                           guint64 since, int priority, const char *directory,
                                           ChkSettleFunc func, gpointer user_data) {
  ChkSettleJournal *j = g_new0(ChkSettleJournal, 1);

  g_atomic_ref_count_init(&j->n_refs);
  j->world = chk_world_ref(world);
  j->matches = matches_of(world, units, n, priority);
  j->directory = g_strdup(directory);
  j->since = since;
  j->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  j->func = func;
  j->user_data = user_data;
  g_thread_unref(g_thread_new("settle-journal", follow, journal_ref(j)));
  return j;
}

void chk_settle_journal_stop(ChkSettleJournal *j) {
  j->func = NULL;
  g_atomic_int_set(&j->stopped, 1);
  (void)!write(j->wake, &(guint64){1}, sizeof(guint64));
  journal_unref(j);
}
