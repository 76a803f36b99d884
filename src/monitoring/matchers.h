/* matchers.h: matchers on labels, in Alertmanager's syntax: {team="x", severity=~"crit|warn"}.
 *
 * Both of its notations are read: the strict one (quoted texts with Go's escapes, any UTF-8 name)
 * and, where that fails, the classic one (foo=a b{2}, unquoted up to the next comma). A label that
 * is not there is an empty text. Patterns are anchored at both ends and bounded in steps: one that
 * takes too many does not match. Pure, immutable after parsing. */
#pragma once

#include "monitoring/labels.h"

#define MON_MATCHERS_BYTES_MAX 16384
#define MON_MATCHERS_MAX 64    /* in one text */
#define MON_PATTERN_MAX 1024   /* bytes of one pattern */
#define MON_PATTERN_STEPS 5000 /* of one attempt to match */

typedef enum { MON_MATCH_EQUAL, MON_MATCH_UNEQUAL, MON_MATCH_LIKE, MON_MATCH_UNLIKE } MonMatchOp;

typedef struct {
  char *name, *value;
  MonMatchOp op;
  GRegex *regex; /* of LIKE and UNLIKE */
} MonMatcher;

void mon_matcher_free(MonMatcher *matcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonMatcher, mon_matcher_free)
/* INVALID_ARGUMENT when the pattern is none or the name is empty. */
MonMatcher *mon_matcher_new(const char *name, MonMatchOp op, const char *value, GError **error);
gboolean mon_matcher_holds(const MonMatcher *matcher, const MonLabels *labels);
/* name="value", quoted so that parsing gives the same again; free with g_free(). */
char *mon_matcher_text(const MonMatcher *matcher);

/* (element-type MonMatcher); an empty text or {} is no matcher at all, which holds for everything.
 * INVALID_ARGUMENT tells where it went wrong. */
GPtrArray *mon_matchers_parse(const char *text, GError **error);
gboolean mon_matchers_all_hold(GPtrArray *matchers, const MonLabels *labels); /* all of them */
/* {a="b",c=~"d"}; free with g_free(). */
char *mon_matchers_text(GPtrArray *matchers);
