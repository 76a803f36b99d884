/* legacy.c: see legacy.h. From bytes to entries: encoding, pieces, shapes, doubles. */
#include "client/legacy.h"

#include <stdarg.h>
#include <string.h>

typedef struct {
  CliLegacyFile *file;
  GHashTable *seen; /* id -> index in file->entries + 1 */
  const char *path, *start;
  guint64 mtime;
  gsize counted; /* bytes up to which `line` is counted */
  guint line;
  gboolean torn; /* the file around the entries is damaged */
} Reader;

static void agent_free(gpointer data) {
  CliLegacyAgent *agent = data;

  g_free(agent->name);
  g_free(agent->description);
  g_free(agent->where);
  g_hash_table_unref(agent->metadata);
  g_free(agent->policy);
  g_free(agent);
}

static void skip_free(gpointer data) {
  CliLegacySkip *skip = data;

  g_free(skip->where);
  g_free(skip->reason);
  g_free(skip);
}

void cli_legacy_file_free(CliLegacyFile *file) {
  if (!file)
    return;
  g_ptr_array_unref(file->entries);
  g_ptr_array_unref(file->agents);
  g_ptr_array_unref(file->skipped);
  g_free(file);
}

void cli_legacy_skip(CliLegacyFile *file, const char *where, const char *format, ...) {
  CliLegacySkip *skip = g_new0(CliLegacySkip, 1);
  va_list list;

  va_start(list, format);
  skip->reason = g_strdup_vprintf(format, list);
  va_end(list);
  skip->where = g_strdup(where);
  g_ptr_array_add(file->skipped, skip);
}

/* Pieces come in order, so the lines are counted once. */
static guint line_of(Reader *r, gsize offset) {
  for (; r->counted < offset; r->counted++)
    r->line += r->start[r->counted] == '\n';
  return r->line;
}

/* Of two entries with one id the one that was written later is right; the first, if none says. */
static void take(Reader *r, CliLegacyEntry *entry) {
  guint at = GPOINTER_TO_UINT(g_hash_table_lookup(r->seen, entry->id));

  if (!at) {
    g_ptr_array_add(r->file->entries, entry);
    g_hash_table_insert(r->seen, entry->id, GUINT_TO_POINTER(r->file->entries->len));
    return;
  }
  CliLegacyEntry **known = (CliLegacyEntry **)&r->file->entries->pdata[at - 1];
  r->file->duplicates++;
  if (entry->updated <= (*known)->updated) {
    cli_legacy_entry_free(entry);
    return;
  }
  g_hash_table_remove(r->seen, (*known)->id);
  cli_legacy_entry_free(*known);
  *known = entry;
  g_hash_table_insert(r->seen, entry->id, GUINT_TO_POINTER(at));
}

static void read_object(Reader *r, JsonObject *object, const char *where) {
  g_autofree char *reason = NULL;

  if (cli_legacy_is_coordinates(object)) {
    cli_legacy_coordinates(r->file, object);
    return;
  }
  r->file->complete++;
  CliLegacyEntry *entry = cli_legacy_is_export(object)
                              ? cli_legacy_export_entry(object, &reason)
                              : cli_legacy_entry(object, r->path, r->mtime, &reason);
  if (!entry) {
    cli_legacy_skip(r->file, where, "%s", reason);
    return;
  }
  entry->where = g_strdup(where);
  take(r, entry);
}

static void left_over(Reader *r, const char *piece, gsize n, gsize offset) {
  g_autofree char *where = g_strdup_printf("line %u, bytes %" G_GSIZE_FORMAT "-%" G_GSIZE_FORMAT,
                                           line_of(r, offset), offset, offset + n - 1);

  if (*piece == '{')
    cli_legacy_skip(r->file, where, "an entry that is cut short; its end is missing");
  else
    cli_legacy_skip(r->file, where,
                    "left-over bytes of an older entry; its beginning was overwritten");
}

/* Whether a complete object can be an entry where the file around it is torn: it may as well be a
 * part of one whose beginning is missing. */
static gboolean plausible(JsonObject *object) {
  return cli_legacy_is_entry(object) || cli_legacy_is_export(object) ||
         cli_legacy_is_coordinates(object);
}

static void on_piece(const char *piece, gsize n, gsize offset, gboolean complete, gpointer data) {
  Reader *r = data;
  gboolean changed = FALSE;

  if (!complete) {
    left_over(r, piece, n, offset);
    return;
  }
  g_autoptr(JsonNode) node = cli_legacy_load(piece, n, &changed);
  guint line = line_of(r, offset);
  g_autofree char *where = g_strdup_printf("entry %u, line %u", r->file->complete + 1, line);
  if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
    r->file->complete++;
    cli_legacy_skip(r->file, where, "it cannot be read as JSON");
    return;
  }
  if (r->torn && !plausible(json_node_get_object(node))) {
    cli_legacy_skip(r->file, where, "a complete object, but no message; a part of a torn entry?");
    return;
  }
  r->file->damaged |= changed;
  read_object(r, json_node_get_object(node), where);
}

/* UTF-8 without mark; UTF-16 with its mark is converted. NULL: `content` is as it should be. */
static GBytes *decode(GBytes *content, gboolean *damaged) {
  gsize n, written;
  const guchar *p = g_bytes_get_data(content, &n);

  if (n >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
    return g_bytes_new_from_bytes(content, 3, n - 3);
  if (n < 2 || !((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
    return NULL;
  const char *from = p[0] == 0xff ? "UTF-16LE" : "UTF-16BE";
  *damaged = n % 2 != 0;
  char *text = g_convert_with_fallback((const char *)p + 2, (gssize)((n - 2) & ~(gsize)1), "UTF-8",
                                       from, "?", NULL, &written, NULL);
  return text ? g_bytes_new_take(text, written) : NULL;
}

CliLegacyFile *cli_legacy_parse(GBytes *content, const char *path, guint64 mtime) {
  CliLegacyFile *file = g_new0(CliLegacyFile, 1);
  gboolean damaged = FALSE;
  g_autoptr(GBytes) decoded = decode(content, &damaged);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  gsize n;
  const char *data = g_bytes_get_data(decoded ?: content, &n);

  file->entries = g_ptr_array_new_with_free_func((GDestroyNotify)cli_legacy_entry_free);
  file->agents = g_ptr_array_new_with_free_func(agent_free);
  file->skipped = g_ptr_array_new_with_free_func(skip_free);
  data = data ?: "";
  Reader reader = {file, seen, path, data, mtime, 0, 1, cli_legacy_is_damaged(data, n)};
  file->damaged = damaged || reader.torn;
  cli_legacy_split(data, n, on_piece, &reader);
  return file;
}
