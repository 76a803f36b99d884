/* problems.h: everything that is wrong with a document, told at once.
 *
 * A reader of documents goes on after a mistake and adds each to the list, so that a person
 * mends a file in one go. A problem has a place: the line (0: unknown) and the JSON pointer. */
#pragma once

#include <glib.h>

typedef struct {
  guint line;       /* from 1; 0: not known */
  guint column;     /* from 1, in characters; 0: the value is wrong, not its notation */
  char *pointer;    /* RFC 6901; "" is the whole document */
  char *text;       /* a sentence without a full stop: what is wrong and what would be right */
  gboolean warning; /* it does not refuse the document */
} WgProblem;

#define WG_PROBLEMS_MAX 1000 /* more are only counted */

typedef struct WgProblems WgProblems;

WgProblems *wg_problems_new(void);
void wg_problems_free(WgProblems *problems);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgProblems, wg_problems_free)

void wg_problems_add(WgProblems *problems, guint line, const char *pointer, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
void wg_problems_warn(WgProblems *problems, guint line, const char *pointer, const char *format,
                      ...) G_GNUC_PRINTF(4, 5);
/* At `place` (line, column, pointer, warning; its text is not looked at); takes `text`. */
void wg_problems_take(WgProblems *problems, const WgProblem *place, char *text);
guint wg_problems_n(const WgProblems *problems);         /* of both kinds */
gboolean wg_problems_refuse(const WgProblems *problems); /* at least one is no warning */
const WgProblem *wg_problems_at(const WgProblems *problems, guint i); /* sorted by line */
/* "NAME:LINE:COLUMN: POINTER: TEXT", a line each, without what is unknown; free with g_free(). */
char *wg_problems_text(const WgProblems *problems, const char *name);
