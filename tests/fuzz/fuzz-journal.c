/* fuzz-journal.c: any bytes as the fields of an entry of the journal, a line NAME=TEXT each. It
 * means nothing; or something about a unit, in UTF-8, and only when systemd itself said so. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/journal.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(const char *field, gpointer user_data) {
  return g_hash_table_lookup(user_data, field);
}

static void try_as(GHashTable *fields, gboolean user_scope) {
  MonEventKind kind = MON_EVENT_BUS;
  const char *unit = NULL;
  g_autofree char *text = NULL;

  if (!mon_journal_means(get, fields, user_scope, 1000, &kind, &unit, &text))
    return;
  g_assert_true(unit != NULL && *unit);
  g_assert_true(kind != MON_EVENT_BUS);
  g_assert_true(g_utf8_validate(text, -1, NULL) || kind == MON_EVENT_COREDUMP);
  g_assert_true(get("MESSAGE_ID", fields) != NULL || kind == MON_EVENT_START_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *bytes = g_strndup((const char *)data, size);
  g_auto(GStrv) lines = g_strsplit(bytes, "\n", 100);
  g_autoptr(GHashTable) fields = g_hash_table_new(g_str_hash, g_str_equal);

  for (guint i = 0; lines[i]; i++) {
    char *equals = strchr(lines[i], '=');
    if (equals == NULL)
      continue;
    *equals = '\0';
    g_hash_table_replace(fields, lines[i], equals + 1);
  }
  try_as(fields, FALSE);
  try_as(fields, TRUE);
  return 0;
}
