/* units-journal.c: what a unit's last run wrote, for people who want to know why it is not up.
 *
 * sd-journal reads files and may wait, so it is a worker thread's. The journal is written by
 * another process: what a service said with its last breath may come a moment after its end. A
 * journal that cannot be read is no error: the lines are a help, not a fact that is decided by. */
#include "deployment/units-private.h"

#include <string.h>
#include <systemd/sd-journal.h>

#define LINES_MAX 10
#define LINE_MAX_BYTES 400
#define PATIENCE (500 * G_TIME_SPAN_MILLISECOND)

static gboolean match(sd_journal *journal, const char *invocation) {
  /* what it wrote itself; what the system's manager and a user's say about it */
  static const char *const fields[] = {"_SYSTEMD_INVOCATION_ID", "INVOCATION_ID",
                                       "USER_INVOCATION_ID"};

  for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
    g_autofree char *text = g_strdup_printf("%s=%s", fields[i], invocation);
    if (sd_journal_add_match(journal, text, 0) < 0 || sd_journal_add_disjunction(journal) < 0)
      return FALSE;
  }
  return TRUE;
}

typedef struct {
  GPtrArray *lines; /* newest first */
  char *said;       /* the newest of the unit's own */
} Found;

static void found_free(gpointer data) {
  Found *found = data;

  g_ptr_array_unref(found->lines);
  g_free(found->said);
  g_free(found);
}

static gboolean has_field(sd_journal *journal, const char *name) {
  const void *data;
  size_t n;

  return sd_journal_get_data(journal, name, &data, &n) >= 0;
}

static Found *read_back(sd_journal *journal) {
  Found *found = g_new0(Found, 1);
  const void *data;
  size_t n;

  found->lines = g_ptr_array_new_with_free_func(g_free);
  if (sd_journal_seek_tail(journal) < 0)
    return found;
  while (found->lines->len < LINES_MAX && sd_journal_previous(journal) > 0) {
    if (sd_journal_get_data(journal, "MESSAGE", &data, &n) < 0 || n < strlen("MESSAGE="))
      continue;
    n = MIN(n - strlen("MESSAGE="), LINE_MAX_BYTES);
    char *line = g_utf8_make_valid((const char *)data + strlen("MESSAGE="), (gssize)n);
    g_ptr_array_add(found->lines, line);
    /* what a manager says about the unit has one of these */
    if (found->said == NULL && !has_field(journal, "INVOCATION_ID") &&
        !has_field(journal, "USER_INVOCATION_ID"))
      found->said = g_strdup(line);
  }
  return found;
}

static char *joined(const GPtrArray *lines) {
  GString *text = g_string_new(NULL);

  for (guint i = lines->len; i > 0; i--)
    g_string_append_printf(text, "%s%s", text->len ? "\n" : "", (char *)lines->pdata[i - 1]);
  return g_string_free(text, lines->len == 0);
}

static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  sd_journal *journal = NULL;
  Found *found = NULL;

  if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) >= 0 && match(journal, data)) {
    sd_journal_get_fd(journal); /* from now on it notes what comes */
    gint64 end = g_get_monotonic_time() + PATIENCE;
    found = read_back(journal);
    /* what the manager says of the unit takes a shorter way than what the unit said itself */
    for (gint64 left = PATIENCE; found->said == NULL && left > 0;
         left = end - g_get_monotonic_time()) {
      if (sd_journal_wait(journal, (guint64)left) <= 0)
        continue;
      found_free(found);
      found = read_back(journal);
    }
  }
  g_task_return_pointer(task, found, found_free);
  sd_journal_close(journal);
}

typedef struct {
  DplJournalFunc told;
  gpointer data;
} Asker;

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  Found *found = g_task_propagate_pointer(G_TASK(result), NULL);
  g_autofree Asker *asker = data;

  asker->told(found ? joined(found->lines) : NULL, found ? g_steal_pointer(&found->said) : NULL,
              asker->data);
  g_clear_pointer(&found, found_free);
}

void dpl_units_journal(const char *invocation, DplJournalFunc told, gpointer data) {
  Asker *asker = g_new(Asker, 1);
  g_autoptr(GTask) task = NULL;

  *asker = (Asker){told, data};
  task = g_task_new(NULL, NULL, looked, asker);
  g_task_set_task_data(task, g_strdup(invocation), g_free);
  g_task_run_in_thread(task, look);
}
