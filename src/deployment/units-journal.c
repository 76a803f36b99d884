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

/* Newest first. */
static GPtrArray *read_back(sd_journal *journal) {
  GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

  if (sd_journal_seek_tail(journal) < 0)
    return lines;
  while (lines->len < LINES_MAX && sd_journal_previous(journal) > 0) {
    const void *data;
    size_t n;
    if (sd_journal_get_data(journal, "MESSAGE", &data, &n) < 0 || n < strlen("MESSAGE="))
      continue;
    n -= strlen("MESSAGE=");
    g_ptr_array_add(lines, g_utf8_make_valid((const char *)data + strlen("MESSAGE="),
                                             (gssize)MIN(n, LINE_MAX_BYTES)));
  }
  return lines;
}

static char *joined(const GPtrArray *lines) {
  GString *text = g_string_new(NULL);

  if (lines->len == 0) {
    g_string_free(text, TRUE);
    return NULL;
  }
  for (guint i = lines->len; i > 0; i--)
    g_string_append_printf(text, "%s%s", text->len ? "\n" : "", (char *)lines->pdata[i - 1]);
  return g_string_free(text, FALSE);
}

static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancel) {
  g_autoptr(GPtrArray) lines = NULL;
  sd_journal *journal = NULL;

  if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) >= 0 && match(journal, data)) {
    sd_journal_get_fd(journal); /* from now on it notes what comes */
    lines = read_back(journal);
    if (lines->len == 0 && sd_journal_wait(journal, PATIENCE) > 0) {
      g_ptr_array_unref(lines);
      lines = read_back(journal);
    }
  }
  g_task_return_pointer(task, lines ? joined(lines) : NULL, g_free);
  sd_journal_close(journal);
}

typedef struct {
  DplJournalFunc told;
  gpointer data;
} Asker;

static void looked(GObject *source, GAsyncResult *result, gpointer data) {
  g_autofree Asker *asker = data;

  asker->told(g_task_propagate_pointer(G_TASK(result), NULL), asker->data);
}

void dpl_units_journal(const char *invocation, DplJournalFunc told, gpointer data) {
  Asker *asker = g_new(Asker, 1);
  g_autoptr(GTask) task = NULL;

  *asker = (Asker){told, data};
  task = g_task_new(NULL, NULL, looked, asker);
  g_task_set_task_data(task, g_strdup(invocation), g_free);
  g_task_run_in_thread(task, look);
}
