/* journal-look.c: see journal-look.h. */
#include "checks/journal-look.h"

#include "checks/unit-ask.h"
#include "checks/world.h"

#include "common/config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define HISTORY_DEFAULT (7 * 24 * 3600LL * G_USEC_PER_SEC)
#define LINES_DEFAULT 100
#define LINE_MAX_BYTES 4096
#define KNOWN_MAX 200000

void chk_journal_look_clear(ChkJournalLook *found) {
  g_queue_clear_full(&found->lines, g_free);
  g_free(found->cursor);
  g_free(found->read_to);
}

char *chk_journal_likeness(const char *line) {
  g_autoptr(GString) like = g_string_new(NULL);

  for (const char *p = line; *p;) {
    gsize word = 0;
    gboolean digit = FALSE, hex = TRUE;
    for (; g_ascii_isalnum(p[word]); word++) {
      digit = digit || g_ascii_isdigit(p[word]);
      hex = hex && g_ascii_isxdigit(p[word]);
    }
    if (word == 0) {
      g_string_append_c(like, *p++);
    } else if (digit && hex) {
      g_string_append_c(like, '#');
    } else {
      for (gsize i = 0; i < word; i++) /* "eth0" */
        if (!g_ascii_isdigit(p[i]))
          g_string_append_c(like, p[i]);
        else if (i == 0 || !g_ascii_isdigit(p[i - 1]))
          g_string_append_c(like, '#');
    }
    p += word;
  }
  return g_string_free(g_steal_pointer(&like), FALSE);
}

static int match_subject(const ChkLook *look, sd_journal *journal) {
  if (strcmp(look->subject, "all") == 0)
    return 0;
  if (chk_journal_is_match(look->subject)) {
    int r = sd_journal_add_match(journal, look->subject, 0);
    return r < 0 ? r : sd_journal_add_conjunction(journal);
  }
  g_autofree char *unit = chk_unit_name(look->subject);
  return chk_journal_match_unit(journal, chk_world_is_user(look->world), unit);
}

static int match_options(const ChkLook *look, sd_journal *journal) {
  const char *priority = chk_option_text(look, "severity", NULL);
  const char *id = chk_option_text(look, "message-id", NULL);
  g_auto(GStrv) fields = chk_option_texts(look, "fields");
  g_autofree char *with_id = NULL;
  int r = priority ? chk_journal_match_priority(journal, chk_journal_priority(priority)) : 0;

  for (guint i = 0; fields[i] && r >= 0; i++)
    r = sd_journal_add_match(journal, fields[i], 0);
  if (r >= 0 && id) {
    sd_id128_t parsed;
    char plain[SD_ID128_STRING_MAX];
    r = sd_id128_from_string(id, &parsed);
    with_id = g_strconcat("MESSAGE_ID=", r < 0 ? "" : sd_id128_to_string(parsed, plain), NULL);
    if (r >= 0)
      r = sd_journal_add_match(journal, with_id, 0);
  }
  return r;
}

static int match_boot(sd_journal *journal) {
  char text[SD_ID128_STRING_MAX];
  sd_id128_t boot;
  int r = sd_id128_get_boot(&boot);

  if (r >= 0)
    r = sd_journal_add_conjunction(journal);
  g_autofree char *with_id =
      g_strconcat("_BOOT_ID=", r < 0 ? "" : sd_id128_to_string(boot, text), NULL);
  return r < 0 ? r : sd_journal_add_match(journal, with_id, 0);
}

typedef struct {
  const ChkLook *look;
  sd_journal *journal;
  GRegex *pattern;
  GHashTable *known; /* of likenesses; NULL: not asked for */
  gint64 max_lines;
  guint64 from;
  const char *after; /* a cursor; NULL */
} Scan;

/* The line when it is one that is looked for; NULL: not. */
static char *line_of(const Scan *scan) {
  g_autofree char *line = chk_journal_field(scan->journal, "MESSAGE");

  if (line == NULL || (scan->pattern && !g_regex_match(scan->pattern, line, 0, NULL)))
    return NULL;
  return g_steal_pointer(&line);
}

static void keep(const Scan *scan, char *line, guint64 at, ChkJournalLook *ret) {
  if (strlen(line) > LINE_MAX_BYTES)
    *g_utf8_find_prev_char(line, line + LINE_MAX_BYTES) = 0;
  ret->count++;
  ret->last = at;
  g_queue_push_tail(&ret->lines, line);
  while ((gint64)ret->lines.length > scan->max_lines)
    g_free(g_queue_pop_head(&ret->lines));
}

/* One entry: of the history, or one to be told. */
static void take(const Scan *scan, ChkJournalLook *ret) {
  g_autofree char *line = line_of(scan), *like = NULL;
  guint64 at = 0;

  if (line == NULL || sd_journal_get_realtime_usec(scan->journal, &at) < 0)
    return;
  if (scan->known)
    like = chk_journal_likeness(line);
  if (at < scan->from) {
    if (like && g_hash_table_size(scan->known) < KNOWN_MAX)
      g_hash_table_add(scan->known, g_steal_pointer(&like));
    return;
  }
  if (like && g_hash_table_contains(scan->known, like))
    return;
  keep(scan, g_steal_pointer(&line), at, ret);
  g_free(ret->cursor);
  ret->cursor = NULL;
  char *cursor = NULL;
  if (sd_journal_get_cursor(scan->journal, &cursor) >= 0)
    ret->cursor = g_strdup(cursor);
  free(cursor);
}

/* sd-journal drops a damaged file while it reads, and says nothing: what is left is smaller. */
static gboolean all_left(const Scan *scan, guint64 before, GError **error) {
  guint64 after = 0;

  if (sd_journal_get_usage(scan->journal, &after) >= 0 && after >= before)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED,
              "a file of the journal is damaged, so what it says is not known: see journalctl "
              "--verify");
  return FALSE;
}

/* The newest of all entries, before any of them is looked at: what comes meanwhile is for the next
 * look. Matches are not set yet. */
static char *newest(sd_journal *journal) {
  char *cursor = NULL, *copy;

  if (sd_journal_seek_tail(journal) < 0 || sd_journal_previous(journal) <= 0 ||
      sd_journal_get_cursor(journal, &cursor) < 0)
    return NULL;
  copy = g_strdup(cursor);
  free(cursor);
  return copy;
}

static int seek_to(const Scan *scan, guint64 seek) {
  if (scan->after)
    return sd_journal_seek_cursor(scan->journal, scan->after);
  return seek == 0 ? sd_journal_seek_head(scan->journal)
                   : sd_journal_seek_realtime_usec(scan->journal, seek);
}

static gboolean run(const Scan *scan, guint64 seek, ChkJournalLook *ret, GError **error) {
  guint64 usage = 0;
  int r = seek_to(scan, seek);

  sd_journal_get_usage(scan->journal, &usage);
  while (r >= 0 && (r = sd_journal_next(scan->journal)) > 0) {
    /* the entry of the cursor itself was told before; when it was rotated away, the next one is
     * where it would be */
    if (!(scan->after && sd_journal_test_cursor(scan->journal, scan->after) > 0))
      take(scan, ret);
    if (chk_look_over(scan->look)) {
      g_set_error(error, WG_ERROR, WG_ERROR_TIMEOUT,
                  "the time was over before all of the journal was read");
      return FALSE;
    }
  }
  return r < 0 ? wg_error_set_errno(error, r, "the journal cannot be read")
               : all_left(scan, usage, error);
}

static guint64 boot_time(void) {
  struct timespec up;

  clock_gettime(CLOCK_BOOTTIME, &up);
  return (guint64)(g_get_real_time() - (gint64)up.tv_sec * G_USEC_PER_SEC);
}

gboolean chk_journal_look(const ChkLook *look, ChkJournalLook *ret, GError **error) {
  const char *since = chk_option_text(look, "since", NULL);
  const char *pattern = chk_option_text(look, "pattern", NULL);
  gboolean novel = chk_option_bool(look, "novel", FALSE);
  guint64 history = chk_option_usec(look, "history", HISTORY_DEFAULT);
  g_autoptr(sd_journal) journal =
      chk_journal_open(look->world, chk_option_text(look, "directory", NULL), error);
  g_autoptr(GRegex) regex = pattern ? g_regex_new(pattern, G_REGEX_OPTIMIZE, 0, error) : NULL;
  g_autoptr(GHashTable) known =
      novel ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;

  if (journal == NULL || (pattern && regex == NULL))
    return FALSE;
  ret->from = chk_world_since(look->world);
  if (since)
    chk_journal_since(since, (guint64)g_get_real_time(), &ret->from);
  const char *after = chk_option_text(look, "after-cursor", NULL);
  if (after)
    ret->from = 1;
  ret->read_to = newest(journal);
  int r = match_subject(look, journal);
  if (r >= 0)
    r = match_options(look, journal);
  if (r >= 0 && ret->from == 0 && !novel)
    r = match_boot(journal);
  if (r < 0)
    return wg_error_set_errno(error, r, "the journal cannot be asked for that");
  if (ret->from == 0 && novel) /* what this boot said that none before it did */
    ret->from = boot_time();
  Scan scan = {look,      journal, regex, known, chk_option_int(look, "max-lines", LINES_DEFAULT),
               ret->from, after};
  return run(&scan, novel ? (ret->from > history ? ret->from - history : 1) : ret->from, ret,
             error);
}
