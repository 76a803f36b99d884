/* nearest.h: "did you mean": names near a misspelt one (Damerau-Levenshtein). */
#pragma once

#include <glib.h>

/* Up to `max` of `candidates` near enough to `word` to be a slip, best first.
 * (element-type utf8), a NULL-terminated vector; free with g_strfreev(). Never NULL. */
char **wg_nearest(const char *word, const char *const *candidates, guint max);
/* "did you mean a, b or c?" or NULL. */
char *wg_nearest_hint(const char *word, const char *const *candidates);
