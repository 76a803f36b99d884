/* typable.h: what may be typed.
 *
 * Typing is input: what is harmless in a message is a command in a terminal. Nothing is typed or
 * pasted by any program of ours that did not pass here. */
#pragma once

#include <glib.h>

typedef struct {
  gboolean
      terminal; /* remove invisible format characters too: directions, tags, joiners of words */
  gboolean newlines; /* keep "\n"; else each run of them, with the blanks around, is one space */
  gboolean tabs;     /* keep "\t"; else a space */
} WgTypable;

/* Makes a text of any bytes one that may be typed: valid UTF-8 in which the only control characters
 * are "\n" and "\t", and those only where asked for. Removed are C0, DEL and C1 as bytes and as
 * code points, escape sequences and control strings as a whole (so the end of a bracketed paste,
 * too); carriage returns, line and paragraph separators become "\n"; what is not UTF-8 and what is
 * no character becomes U+FFFD. Newlines at either end are removed: the submit key is not text.
 * `ret_changed` (or NULL): code points that were removed or replaced. `len` < 0: up to the NUL.
 * Free with g_free(). */
char *wg_typable(const char *text, gssize len, const WgTypable *how, guint *ret_changed);

/* TRUE for a code point that wg_typable() never lets through to a terminal; for tests. */
gboolean wg_typable_is_forbidden(gunichar c, gboolean terminal);
