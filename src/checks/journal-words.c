/* journal-words.c: see journal-words.h. */
#include "checks/journal-words.h"

#include "common/config.h"

#include <string.h>

gboolean chk_journal_is_match(const char *text) {
  gsize length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

  return length > 0 && length <= 64 && text[length] == '=' && !g_ascii_isdigit(*text);
}

gboolean chk_journal_since(const char *text, guint64 now, guint64 *ret) {
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) at = NULL;
  guint64 span;

  if (strcmp(text, "boot") == 0) {
    *ret = 0;
    return TRUE;
  }
  if ((at = g_date_time_new_from_iso8601(text, utc))) {
    *ret = (guint64)MAX(g_date_time_to_unix(at) * G_USEC_PER_SEC, 1);
    return TRUE;
  }
  if (!wg_parse_usec(text, &span, NULL) || span == G_MAXUINT64)
    return FALSE;
  *ret = now > span ? now - span : 1;
  return TRUE;
}

int chk_journal_priority(const char *text) {
  static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                      "warning", "notice", "info", "debug"};

  for (int i = 0; i < (int)G_N_ELEMENTS(names); i++)
    if (strcmp(text, names[i]) == 0 || (text[0] == '0' + i && text[1] == 0))
      return i;
  return -1;
}
