/* legacy-id.c: the id under which a message is imported. It must be the same at every import of the
 * same message, or it would come twice, and different for different messages, or one would be lost
 * as a duplicate. */
#include "client/legacy.h"

#include <string.h>

#define ID_MAX 128 /* bytes; org.waggle.Messaging1.Send */
#define SHORT_SUM 8

static void feed(GChecksum *sum, const char *text) {
  if (text)
    g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text));
  g_checksum_update(sum, (const guchar *)"", 1);
}

/* Sender, recipient, time and body; `entry->time` must not be a guess yet. */
static char *checksum(const CliLegacyEntry *entry) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree char *when = g_strdup_printf("%" G_GUINT64_FORMAT, entry->time);
  gsize n;
  const guchar *body = g_bytes_get_data(entry->body, &n);

  feed(sum, entry->from);
  feed(sum, entry->to);
  feed(sum, when);
  g_checksum_update(sum, body, (gssize)n);
  return g_strndup(g_checksum_get_string(sum), 32);
}

void cli_legacy_set_id(CliLegacyEntry *entry, const char *given, gboolean unique) {
  g_autofree char *sum = checksum(entry);

  g_free(entry->id);
  if (given && unique && strlen(given) <= ID_MAX) {
    entry->id = g_strdup(given);
    return;
  }
  if (given)
    g_hash_table_insert(entry->headers, g_strdup("legacy-id"), g_strdup(given));
  if (given && strlen(given) + 1 + SHORT_SUM <= ID_MAX) {
    entry->id = g_strdup_printf("%s~%.*s", given, SHORT_SUM, sum);
    return;
  }
  entry->id = g_strconcat("legacy-", sum, NULL);
}
