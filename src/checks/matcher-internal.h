/* matcher-internal.h: a matcher from within; for matcher*.c alone. */
#pragma once

#include "checks/gjson.h"
#include "checks/matcher.h"
#include "checks/semver.h"

typedef enum {
  OP_EQUALS,
  OP_NOT,
  OP_LESS,
  OP_AT_MOST,
  OP_MORE,
  OP_AT_LEAST,
  OP_BETWEEN,
  OP_MATCHES,
  OP_CONTAINS,
  OP_STARTS,
  OP_ENDS,
  OP_IN,
  OP_ANY,
  OP_ALL,
  OP_NONE,
  OP_HAS,
  OP_ONLY,
  OP_LENGTH,
  OP_HAS_KEY,
  OP_KEYS,
  OP_SEMVER,
  OP_JSON,
  OP_GJSON,
  OP_LINES,
  OP_AND,
  OP_OR,
  OP_EXISTS,
  OP_ABSENT,
  OP_NO_NEW,
  OP_KEEPS,
  OP_AT_MOST_BASELINE,
  OP_NOT_HIGHER,
  _OP_MAX,
} Op;

/* One of "lines": text or regex, wanted or not. */
typedef struct {
  char *text;    /* as it is looked for */
  GRegex *regex; /* NULL: text */
  gboolean no;
  char *written;
} Line;

struct ChkMatcher {
  Op op;
  ChkKind kind;         /* of the value it looks at */
  JsonNode *value;      /* EQUALS: the operand; else NULL */
  GPtrArray *parts;     /* of ChkMatcher: AND, OR, NOT, IN, ANY, ..., JSON beside names */
  GPtrArray *paths;     /* of ChkGjson: GJSON, beside names */
  char **names;         /* JSON: pointers; CONTAINS, STARTS, ENDS, HAS_KEY: texts */
  GRegex *regex;        /* MATCHES */
  GPtrArray *lines;     /* of Line */
  ChkRange *range;      /* SEMVER */
  double number, upper; /* of comparisons; us, bytes, mode bits */
  gboolean flag;        /* EXISTS, ABSENT */
  char *written;        /* the operand as people read it */
};

/* What judging has to tell besides the outcome. */
typedef struct {
  GString *chain; /* NULL: nothing yet */
  char *text, *expected, *observed;
} Trace;

void chk_trace_note(Trace *trace, const char *format, ...) G_GNUC_PRINTF(2, 3);
void chk_trace_why(Trace *trace, const char *format, ...) G_GNUC_PRINTF(2, 3); /* the first stays */
void chk_trace_clear(Trace *trace);

ChkHolds chk_matcher_look(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                          Trace *trace);

/* matcher-convert.c */
gboolean chk_is_absent(JsonNode *value);
/* A number as it is written in a file for a value of `kind` (us, bytes, bits). */
gboolean chk_operand_number(JsonNode *node, ChkKind kind, double *ret, char **reterr_why);
/* A number that was observed. */
gboolean chk_value_number(JsonNode *value, ChkKind kind, double *ret, Trace *trace);
/* The text of a scalar; NULL for lists and objects. Free with g_free(). */
char *chk_value_as_text(JsonNode *value, Trace *trace);
gboolean chk_value_equals(JsonNode *operand, JsonNode *value, ChkKind kind, Trace *trace);
gboolean chk_mode_parse(const char *text, guint *ret);

/* matcher-lines.c */
Line *chk_line_new(const char *written, char **reterr_why);
void chk_line_free(Line *line);
ChkHolds chk_lines_look(GPtrArray *lines, JsonNode *value, Trace *trace);
/* A pattern with bounds on the work it may take. */
GRegex *chk_regex_new(const char *pattern, char **reterr_why);
ChkHolds chk_regex_look(GRegex *regex, const char *text, Trace *trace);

/* matcher-list.c: values that are lists, and the baseline */
ChkHolds chk_list_look(const ChkMatcher *m, JsonNode *value, Trace *trace);
ChkHolds chk_before_look(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                         Trace *trace);
ChkKind chk_element_kind(ChkKind kind);
