/* why-journal.c: errors of a unit in the journal, see why.h. From the end backwards, so that a
 * large journal costs no more than a small one. */
#include "monitoring/why.h"

#include <string.h>
#include <systemd/sd-journal.h>

#define SPAN (60 * 60 * (guint64)G_USEC_PER_SEC)
#define TEXT_MAX 300
#define LOOKED_MAX 5000

static char *field(sd_journal *journal, const char *name) {
  gconstpointer data;
  gsize size, skip = strlen(name) + 1;

  if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < skip)
    return NULL;
  g_autofree char *text = g_strndup((const char *)data + skip, MIN(size - skip, TEXT_MAX));
  return g_utf8_make_valid(text, -1);
}

static gboolean match(sd_journal *journal, gboolean user, const char *unit) {
  g_autofree char *own = g_strconcat(user ? "_SYSTEMD_USER_UNIT=" : "_SYSTEMD_UNIT=", unit, NULL);
  g_autofree char *about = g_strconcat(user ? "USER_UNIT=" : "UNIT=", unit, NULL);

  if (sd_journal_add_match(journal, own, 0) < 0 || sd_journal_add_disjunction(journal) < 0 ||
      sd_journal_add_match(journal, about, 0) < 0 || sd_journal_add_match(journal, "_PID=1", 0) < 0)
    return FALSE;
  if (sd_journal_add_conjunction(journal) < 0)
    return FALSE;
  for (guint priority = 0; priority <= 3; priority++) {
    g_autofree char *text = g_strdup_printf("PRIORITY=%u", priority);
    if (sd_journal_add_match(journal, text, 0) < 0)
      return FALSE;
  }
  return TRUE;
}

JsonArray *mon_why_journal(gboolean user_scope, const char *unit, guint max) {
  guint64 since = (guint64)g_get_real_time() - SPAN, time;
  sd_journal *journal = NULL;

  if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) < 0)
    return NULL;
  JsonArray *lines = json_array_new();
  if (match(journal, user_scope, unit) && sd_journal_seek_tail(journal) >= 0)
    for (guint looked = 0; looked < LOOKED_MAX && json_array_get_length(lines) < max &&
                           sd_journal_previous(journal) > 0;
         looked++) {
      g_autofree char *text = field(journal, "MESSAGE"), *priority = field(journal, "PRIORITY");
      if (sd_journal_get_realtime_usec(journal, &time) < 0 || time < since)
        break;
      JsonObject *line = json_object_new();
      json_object_set_int_member(line, "time_usec", (gint64)time);
      mon_why_text(line, "priority", priority);
      mon_why_text(line, "text", text);
      json_array_add_object_element(lines, line);
    }
  sd_journal_close(journal);
  return lines;
}
