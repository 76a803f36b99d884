/* journal-means.c: what an entry of the journal means for a unit; see journal.h.
 *
 * Anybody may log a line with any MESSAGE_ID and any UNIT=. The fields with an underscore are
 * journald's own: the manager is process 1, or of the user's own uid; a crash is told by root. */
#include "monitoring/journal.h"

#include <string.h>
#include <systemd/sd-messages.h>

static gboolean is(MonJournalGet get, gpointer data, const char *field, const char *value) {
  const char *text = get(field, data);

  return text != NULL && strcmp(text, value) == 0;
}

/* An empty one is nobody's. */
static gboolean get_unit(MonJournalGet get, gpointer data, const char *field,
                         const char **ret_unit) {
  *ret_unit = get(field, data);
  return *ret_unit != NULL && **ret_unit != '\0';
}

static gboolean is_own_uid(MonJournalGet get, gpointer data, uid_t uid) {
  g_autofree char *own = g_strdup_printf("%u", (guint)uid);

  return is(get, data, "_UID", own);
}

static gboolean crash(MonJournalGet get, gpointer data, gboolean user_scope, const char **ret_unit,
                      char **ret_text) {
  const char *signal = get("COREDUMP_SIGNAL_NAME", data), *comm = get("COREDUMP_COMM", data);

  if (!get_unit(get, data, user_scope ? "COREDUMP_USER_UNIT" : "COREDUMP_UNIT", ret_unit) ||
      !is(get, data, "_UID", "0"))
    return FALSE;
  *ret_text = g_strdup_printf("%s has crashed%s%s", comm != NULL ? comm : "a process",
                              signal != NULL ? " with " : "", signal != NULL ? signal : "");
  return TRUE;
}

static gboolean by_result(const char *result, MonEventKind *ret_kind, char **ret_text) {
  static const struct {
    const char *result, *text;
    MonEventKind kind;
  } results[] = {
      {"start-limit-hit", "it was started too often in too short a time", MON_EVENT_START_LIMIT},
      {"watchdog", "it did not answer its watchdog in time", MON_EVENT_WATCHDOG},
  };

  for (guint i = 0; result != NULL && i < G_N_ELEMENTS(results); i++)
    if (strcmp(results[i].result, result) == 0) {
      *ret_kind = results[i].kind;
      *ret_text = g_strdup(results[i].text);
      return TRUE;
    }
  return FALSE;
}

gboolean mon_journal_means(MonJournalGet get, gpointer data, gboolean user_scope, uid_t uid,
                           MonEventKind *ret_kind, const char **ret_unit, char **ret_text) {
  if (is(get, data, "MESSAGE_ID", SD_MESSAGE_COREDUMP_STR)) {
    *ret_kind = MON_EVENT_COREDUMP;
    return crash(get, data, user_scope, ret_unit, ret_text);
  }
  if (!get_unit(get, data, user_scope ? "USER_UNIT" : "UNIT", ret_unit) ||
      !(user_scope ? is_own_uid(get, data, uid) : is(get, data, "_PID", "1")))
    return FALSE;
  if (is(get, data, "MESSAGE_ID", SD_MESSAGE_UNIT_OUT_OF_MEMORY_STR)) {
    *ret_kind = MON_EVENT_OOM;
    *ret_text = g_strdup("the kernel killed a process of it: memory ran out");
    return TRUE;
  }
  /* a service that was restarted too often keeps the result of its last run, and the line that says
   * so has no ID: it is known by who wrote it */
  if (is(get, data, "CODE_FUNC", MON_JOURNAL_START_LIMIT))
    return by_result("start-limit-hit", ret_kind, ret_text);
  return is(get, data, "MESSAGE_ID", SD_MESSAGE_UNIT_FAILURE_RESULT_STR) &&
         by_result(get("UNIT_RESULT", data), ret_kind, ret_text);
}
