/* nearest.c: see nearest.h.
 *
 * The distance is "optimal string alignment": insert, delete, replace and swap of
 * neighbours cost one each, upper and lower case are the same. A candidate counts when
 * a slip of the finger explains it (one step in three letters), or when the word is its
 * beginning, as people shorten names. It never allocates more than three rows of the
 * shorter bound and looks at bytes only, which is exact for ASCII names and good
 * enough for all others. */
#include "common/nearest.h"

#include <string.h>

/* No name in this suite is longer; a hostile one must not cost its square. */
#define WORD_MAX 256
#define PREFIX_MIN 3

typedef struct {
  const char *name;
  guint distance;
} Match;

static guint distance_of(const char *a, gsize la, const char *b, gsize lb) {
  guint rows[3][WORD_MAX + 1];
  guint *before = rows[0], *above = rows[1], *row = rows[2];

  for (gsize j = 0; j <= lb; j++)
    above[j] = j;
  for (gsize i = 1; i <= la; i++) {
    row[0] = i;
    for (gsize j = 1; j <= lb; j++) {
      gboolean same = g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 1]);
      guint best = MIN(above[j], row[j - 1]) + 1;

      best = MIN(best, above[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 2]) &&
          g_ascii_tolower(a[i - 2]) == g_ascii_tolower(b[j - 1]))
        best = MIN(best, before[j - 2] + 1);
      row[j] = best;
    }
    guint *oldest = before;
    before = above;
    above = row;
    row = oldest;
  }
  return above[lb];
}

/* TRUE when `candidate` may be what was meant; smaller is better. */
static gboolean near_enough(const char *word, gsize len, const char *candidate, guint *ret) {
  gsize clen = strlen(candidate);
  guint limit = MAX(1, MIN(len, clen) / 3);

  if (clen == 0 || clen > WORD_MAX)
    return FALSE;
  if ((len > clen ? len - clen : clen - len) <= limit) {
    guint d = distance_of(word, len, candidate, clen);
    if (d <= limit && d < MAX(len, clen)) {
      *ret = d;
      return TRUE;
    }
  }
  if (len >= PREFIX_MIN && g_ascii_strncasecmp(word, candidate, len) == 0) {
    *ret = WORD_MAX + clen; /* after every slip; the shorter the better */
    return TRUE;
  }
  return FALSE;
}

static gint compare_matches(gconstpointer a, gconstpointer b) {
  const Match *x = a, *y = b;

  if (x->distance != y->distance)
    return x->distance < y->distance ? -1 : 1;
  return strcmp(x->name, y->name);
}

char **wg_nearest(const char *word, const char *const *candidates, guint max) {
  g_autoptr(GArray) matches = g_array_new(FALSE, FALSE, sizeof(Match));
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  gsize len = word ? strlen(word) : 0;

  for (guint i = 0; len > 0 && len <= WORD_MAX && candidates && candidates[i]; i++) {
    Match m = {.name = candidates[i]};
    if (near_enough(word, len, m.name, &m.distance))
      g_array_append_val(matches, m);
  }
  g_array_sort(matches, compare_matches);
  for (guint i = 0; i < matches->len && names->len < max; i++) {
    const char *name = g_array_index(matches, Match, i).name;
    if (i == 0 || strcmp(name, g_array_index(matches, Match, i - 1).name) != 0)
      g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

char *wg_nearest_hint(const char *word, const char *const *candidates) {
  g_auto(GStrv) names = wg_nearest(word, candidates, 3);
  guint n = g_strv_length(names);

  if (n == 0)
    return NULL;
  GString *hint = g_string_new("did you mean ");
  for (guint i = 0; i < n; i++)
    g_string_append_printf(hint, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
  g_string_append_c(hint, '?');
  return g_string_free(hint, FALSE);
}
