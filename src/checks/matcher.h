/* matcher.h: what a value should be, and whether it is.
 *
 * A matcher is made from JSON: a scalar or a list is equality, an object is one or more operators
 * that must all hold (waggle-verify-file(5) lists them), an object whose keys begin with "/" is a
 * matcher for each JSON pointer. A matcher that could never fail is refused when it is made. Types
 * are converted visibly: what was taken for what is told with the outcome. Pure, immutable; any
 * thread. */
#pragma once

#include "checks/check.h"

#include "common/doc.h"

typedef struct ChkMatcher ChkMatcher;

/* NULL when it is refused; the reason stands in `problems`. `doc` gives the lines, may be NULL. */
ChkMatcher *chk_matcher_new(WgDoc *doc, JsonNode *node, const char *pointer, ChkKind kind,
                            WgProblems *problems);
void chk_matcher_free(ChkMatcher *matcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkMatcher, chk_matcher_free)

typedef enum {
  CHK_HOLDS,
  CHK_HOLDS_NOT,
  CHK_HOLDS_UNKNOWN, /* could not be judged: no baseline, a pattern beyond its limits */
  CHK_HOLDS_NO_CASE, /* nothing to compare with: the subject was not there at the baseline */
} ChkHolds;

typedef struct {
  gboolean known;   /* a baseline has this check */
  JsonNode *before; /* the value then; NULL: absent then. Borrowed */
} ChkBefore;

typedef struct {
  ChkHolds holds;
  char *expected, *observed; /* for people; never NULL */
  char *chain; /* "text \"5\" taken as number 5; at /status"; NULL: nothing was converted */
  char *text;  /* why not, where expected and observed do not tell; or NULL */
} ChkMatch;

/* `value` NULL: absent. `before` may be NULL: no baseline. */
void chk_matcher_judge(const ChkMatcher *matcher, JsonNode *value, const ChkBefore *before,
                       ChkMatch *ret);
void chk_match_clear(ChkMatch *match);
/* "at most 500ms"; free with g_free(). */
char *chk_matcher_text(const ChkMatcher *matcher);
/* Whether it tries patterns, which may take long. */
gboolean chk_matcher_is_costly(const ChkMatcher *matcher);
/* Whether it looks at the baseline. */
gboolean chk_matcher_needs_baseline(const ChkMatcher *matcher);

/* The names of all operators, NULL-terminated; for the manual and its test. */
extern const char *const chk_operator_names[];
