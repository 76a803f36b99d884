/* type-journal.c: what the journal says: lines of a unit, or of any field, since an instant. */
#include "checks/journal-look.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/types.h"
#include "checks/unit-ask.h"

#include "common/config.h"

#include <string.h>

static const ChkKey options[] = {
    {"fields", CHK_TEXTS, "FIELD=value: lines that have them; of one field any of the values"},
    {"message-id", CHK_TEXT, "lines of this MESSAGE_ID"},
    {"severity", CHK_TEXT, "lines of this severity and worse: emerg to debug, or 0 to 7"},
    {"pattern", CHK_TEXT, "lines that this regular expression is found in"},
    {"since", CHK_TEXT,
     "boot, a time ago (10min) or RFC 3339; default: since the deployment began, else boot"},
    {"after-cursor", CHK_TEXT,
     "only lines after this place (the value \"read-to\" of a look before), whatever \"since\" "
     "says"},
    {"novel", CHK_BOOL, "only lines unlike any before that, digits aside"},
    {"history", CHK_USEC, "how far back \"novel\" looks (7d)"},
    {"max-lines", CHK_INT, "so many of the last lines are kept (100)"},
    {"directory", CHK_TEXT, "the journal files of this directory instead of the machine's"},
    {NULL},
};

static const ChkKey values[] = {
    {"count", CHK_INT, "how many lines there are"},
    {"lines", CHK_TEXTS, "the last of them, oldest first"},
    {"last", CHK_TEXT, "the last one; absent when there is none"},
    {"last-age", CHK_USEC, "time since the last one"},
    {"rate", CHK_NUMBER, "lines a minute"},
    {"read-to", CHK_TEXT, "the place up to which the journal was read, whatever it said"},
    {"cursor", CHK_TEXT, "the place of the last one, for journalctl --after-cursor"},
    {NULL},
};

static void tell(const ChkJournalLook *found, JsonObject *seen) {
  JsonArray *lines = json_array_new();
  gint64 now = g_get_real_time();
  double minutes = (double)(now - (gint64)found->from) / (60.0 * G_USEC_PER_SEC);

  for (const GList *l = found->lines.head; l; l = l->next)
    json_array_add_string_element(lines, l->data);
  json_object_set_int_member(seen, "count", (gint64)found->count);
  json_object_set_array_member(seen, "lines", lines);
  if (found->from > 0 && minutes > 0)
    json_object_set_double_member(seen, "rate", (double)found->count / minutes);
  if (found->lines.tail) {
    chk_set_text(seen, "last", found->lines.tail->data);
    json_object_set_int_member(seen, "last-age", MAX(now - (gint64)found->last, 0));
  }
  chk_set_text(seen, "cursor", found->cursor);
  chk_set_text(seen, "read-to", found->read_to);
}

static void see(ChkLook *look, ChkSight *ret) {
  g_auto(ChkJournalLook) found = {0};
  g_autoptr(GError) error = NULL;

  if (!chk_journal_look(look, &found, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  JsonObject *seen = json_object_new();
  tell(&found, seen);
  chk_observed(ret, seen);
}

const ChkType chk_type_journal = {
    .name = "journal",
    .subject_help = "name of a unit, FIELD=value, or all",
    .options = options,
    .values = values,
    .sync = see,
    .validate = chk_subject_journal,
};
