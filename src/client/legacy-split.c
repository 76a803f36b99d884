/* legacy-split.c: cuts a file into its entries and what belongs to none.
 *
 * An entry stands at the top, or in an array, or in the array of a wrapper {"entries": [...]}; an
 * object after a colon is the value of something and never an entry, even when it is complete:
 * that is how the half of an entry is told from a whole one. Inside of JSON strings quotes are
 * escaped, so scanning that starts inside of one (as it does in the tail of an overwritten file)
 * fails at once instead of finding something that is not there. Each byte is scanned at most as
 * often as objects can be nested. */
#include "client/legacy.h"

#include <string.h>

#define WRAPPER_MAX 4096

static const char *const wrappers[] = {"entries", "messages", "queue"};

typedef struct {
  const char *data;
  gsize len;
  CliPieceFunc func;
  gpointer user_data;
} Splitter;

static void split(Splitter *s, gsize pos, gsize end);

static gboolean is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space and what holds a list together. */
static gboolean is_glue(char c) {
  return is_space(c) || c == '[' || c == ']' || c == ',';
}

/* The last byte before `pos` that is no white space; 0 at the beginning. */
static char before(const Splitter *s, gsize pos) {
  while (pos > 0 && is_space(s->data[pos - 1]))
    pos--;
  return pos > 0 ? s->data[pos - 1] : 0;
}

/* Whether another member follows: then the object was the value of one, even where the bytes before
 * it were overwritten. */
static gboolean member_follows(const Splitter *s, gsize pos, gsize end) {
  while (pos < end && is_space(s->data[pos]))
    pos++;
  if (pos >= end || s->data[pos] != ',')
    return FALSE;
  for (pos++; pos < end && is_space(s->data[pos]); pos++)
    ;
  return pos < end && s->data[pos] == '"';
}

/* {"entries": [ without its end: the beginning of a wrapper, nothing that is lost. */
static gboolean is_opening(const char *text, gsize n) {
  if (n > WRAPPER_MAX || *text != '{')
    return FALSE;
  while (n > 0 && (is_space(text[n - 1]) || text[n - 1] == ':'))
    n--;
  for (guint i = 0; i < G_N_ELEMENTS(wrappers); i++) {
    g_autofree char *tail = g_strdup_printf("\"%s\"", wrappers[i]);
    gsize m = strlen(tail);
    if (n >= m && strncmp(text + n - m, tail, m) == 0)
      return TRUE;
  }
  return FALSE;
}

static void left_over(Splitter *s, gsize begin, gsize end) {
  while (end > begin && is_glue(s->data[end - 1]))
    end--;
  if (end > begin && !is_opening(s->data + begin, end - begin))
    s->func(s->data + begin, end - begin, begin, FALSE, s->user_data);
}

/* The next complete object in the place of an entry at or after `pos`. */
static gboolean next_object(const Splitter *s, gsize pos, gsize end, gsize *ret_begin,
                            gsize *ret_end) {
  while (pos < end) {
    const char *brace = memchr(s->data + pos, '{', end - pos);
    gsize after;
    if (!brace)
      return FALSE;
    pos = (gsize)(brace - s->data);
    if (cli_legacy_scan(s->data, end, pos, &after) != CLI_SCAN_OK) {
      pos++;
      continue;
    }
    if (before(s, pos) != ':' && !member_follows(s, after, end)) {
      *ret_begin = pos;
      *ret_end = after;
      return TRUE;
    }
    pos = after;
  }
  return FALSE;
}

/* A wrapper's array is cut into its entries; the wrapper's other members are no messages. */
static gboolean open_wrapper(Splitter *s, gsize pos, gsize end) {
  for (guint i = 0; i < G_N_ELEMENTS(wrappers); i++) {
    gsize value, value_end;
    if (cli_legacy_scan_member(s->data, end, pos, wrappers[i], &value, &value_end) &&
        s->data[value] == '[') {
      split(s, value, value_end);
      return TRUE;
    }
  }
  return FALSE;
}

static void split(Splitter *s, gsize pos, gsize end) {
  for (;;) {
    while (pos < end && is_glue(s->data[pos]))
      pos++;
    if (pos >= end)
      return;
    gsize begin, after;
    if (!next_object(s, pos, end, &begin, &after)) {
      left_over(s, pos, end);
      return;
    }
    if (begin > pos)
      left_over(s, pos, begin);
    if (!open_wrapper(s, begin, after))
      s->func(s->data + begin, after - begin, begin, TRUE, s->user_data);
    pos = after;
  }
}

/* One value and nothing else. */
static gboolean is_whole(const char *data, gsize len) {
  gsize end;

  if (cli_legacy_scan(data, len, 0, &end) != CLI_SCAN_OK)
    return FALSE;
  while (end < len && is_space(data[end]))
    end++;
  return end == len;
}

/* Objects one after the other, each of them a line of `waggle export`. */
static gboolean is_export(const char *data, gsize len) {
  gsize pos = 0, end, value;

  while (pos < len) {
    if (cli_legacy_scan(data, len, pos, &end) != CLI_SCAN_OK ||
        !cli_legacy_scan_member(data, end, pos, "waggle_export", &value, &value))
      return FALSE;
    for (pos = end; pos < len && is_space(data[pos]); pos++)
      ;
  }
  return len > 0;
}

gboolean cli_legacy_is_damaged(const char *data, gsize len) {
  return !is_whole(data, len) && !is_export(data, len);
}

void cli_legacy_split(const char *data, gsize len, CliPieceFunc func, gpointer user_data) {
  Splitter s = {data, len, func, user_data};

  split(&s, 0, len);
}
