/* legacy.h: reading the files of the system that came before: queue files, inbox files and
 * coordinates files, and the lines that `waggle export` writes.
 *
 * The files are hostile by nature: torn, doubled, overwritten by shorter ones, with a byte-order
 * mark, in any shape. Every complete entry is taken; whatever is left over is listed with the place
 * and the reason, so that nothing vanishes silently. Nothing here writes anywhere. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#define CLI_LEGACY_QUEUED "queued"
#define CLI_LEGACY_HISTORY "history"
#define CLI_LEGACY_DEAD "dead"

/* One message, ready for Import. */
typedef struct {
  char *id, *from, *to, *reason, *content_type, *subject; /* NULL: none; id and to are always set */
  char *key, *reply_to, *traceparent;                     /* of an export; NULL: none */
  char *answers; /* the id of the entry that this one answers; NULL: none */
  GBytes *body;
  guint64 time, updated;                 /* us; 0: unknown */
  guint64 expires, deliver_at, reply_by; /* us; 0: none */
  gboolean hold, expects_reply;
  const char *ended;   /* how history ended that nobody handled: as what; NULL: it was handled */
  const char *state;   /* one of CLI_LEGACY_* */
  guint8 priority;     /* 0-9 */
  GPtrArray *tags;     /* (element-type utf8) */
  GHashTable *headers; /* utf8 -> utf8 */
  char *where;         /* "entry 3, line 12" */
} CliLegacyEntry;

/* One agent of a coordinates file. */
typedef struct {
  char *name, *description; /* description may be NULL */
  gboolean active;
  GHashTable *metadata; /* utf8 -> utf8: the coordinates */
  char *policy;         /* JSON: it is reached by typing there; NULL: nothing was said */
  char *where;
} CliLegacyAgent;

typedef struct {
  char *where, *reason;
} CliLegacySkip;

typedef struct {
  GPtrArray *entries; /* (element-type CliLegacyEntry), no id twice */
  GPtrArray *agents;  /* (element-type CliLegacyAgent) */
  GPtrArray *skipped; /* (element-type CliLegacySkip) */
  guint complete;     /* complete entries found, also those that were skipped or doubled */
  guint duplicates;   /* entries whose id came up again in this file */
  gboolean damaged;   /* something in it is torn, doubled or left over */
} CliLegacyFile;

/* Reads the content of one file. `path` names the recipient of an inbox file that names none
 * (.../AGENT/inbox/FILE); `mtime` (us) dates entries without a time. Never fails: what cannot be
 * read is in `skipped`. */
CliLegacyFile *cli_legacy_parse(GBytes *content, const char *path, guint64 mtime);
void cli_legacy_file_free(CliLegacyFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliLegacyFile, cli_legacy_file_free)

/* Adds to file->skipped. */
void cli_legacy_skip(CliLegacyFile *file, const char *where, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* --- parts of it, public for tests ------------------------------------------------------------ */

typedef enum {
  CLI_SCAN_OK,
  CLI_SCAN_CUT,  /* correct so far, but the data ends */
  CLI_SCAN_BAD,  /* not JSON */
  CLI_SCAN_DEEP, /* nested deeper than anything sane */
} CliScan;

/* Is there a complete JSON value at `pos`? *ret_end is set to the first byte after it, and only on
 * CLI_SCAN_OK. Strict, but for NaN and Infinity, which Python writes. */
CliScan cli_legacy_scan(const char *data, gsize len, gsize pos, gsize *ret_end);

/* The place of the value of `key` in the complete object at `pos`; FALSE if there is none. */
gboolean cli_legacy_scan_member(const char *data, gsize len, gsize pos, const char *key,
                                gsize *ret_value, gsize *ret_end);

/* One piece of a file: a complete object in the place of an entry, or bytes that belong to none. */
typedef void (*CliPieceFunc)(const char *piece, gsize n, gsize offset, gboolean complete,
                             gpointer data);
/* Calls `func` for every piece, in order. */
void cli_legacy_split(const char *data, gsize len, CliPieceFunc func, gpointer user_data);
/* Whether it is anything else than one value, or the lines of one export. */
gboolean cli_legacy_is_damaged(const char *data, gsize len);

/* A complete object as json-glib can safely take it: no NUL, no half surrogates, valid UTF-8.
 * *ret_changed: something had to be replaced by U+FFFD. NULL when json-glib refuses it.
 * (transfer full) */
JsonNode *cli_legacy_load(const char *piece, gsize n, gboolean *ret_changed);

/* Whether the object is a message at all, by its shape. */
gboolean cli_legacy_is_entry(JsonObject *object);
/* NULL: skipped, `*ret_reason` (transfer full) says why. */
CliLegacyEntry *cli_legacy_entry(JsonObject *object, const char *path, guint64 mtime,
                                 char **ret_reason);
CliLegacyEntry *cli_legacy_entry_new(void);
void cli_legacy_entry_free(CliLegacyEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliLegacyEntry, cli_legacy_entry_free)

/* Gives `entry` the id to import it under, so that importing again finds it again: `given` where
 * that can be trusted to be unique, else with a checksum of the message. */
void cli_legacy_set_id(CliLegacyEntry *entry, const char *given, gboolean unique);

/* A line of `waggle export`. */
gboolean cli_legacy_is_export(JsonObject *object);
CliLegacyEntry *cli_legacy_export_entry(JsonObject *object, char **ret_reason);

gboolean cli_legacy_is_coordinates(JsonObject *object);
/* Fills file->agents. */
void cli_legacy_coordinates(CliLegacyFile *file, JsonObject *object);

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
gboolean cli_legacy_name_ok(const char *name);
