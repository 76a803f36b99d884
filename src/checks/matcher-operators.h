/* matcher-operators.h: the table of operators: their names, to which kinds of values they apply,
 * and how their operand is read. */
#pragma once

#include "checks/matcher-internal.h"

typedef enum {
  OPERAND_VALUE,    /* any value: equality */
  OPERAND_NUMBER,   /* of the value's kind */
  OPERAND_PAIR,     /* [low, high] */
  OPERAND_TEXT,     /* a text that is not empty, or several of them */
  OPERAND_REGEX,    /* one regular expression */
  OPERAND_RANGE,    /* of versions */
  OPERAND_ONE,      /* a matcher of the same kind */
  OPERAND_MANY,     /* matchers of the same kind */
  OPERAND_ELEMENT,  /* a matcher of one element */
  OPERAND_ELEMENTS, /* matchers of one element each */
  OPERAND_LENGTH,   /* a matcher of a number */
  OPERAND_KEYS,     /* a matcher of a list of texts */
  OPERAND_POINTERS, /* JSON pointers with a matcher each */
  OPERAND_PATHS,    /* paths of gjson with a matcher each */
  OPERAND_LINES,
  OPERAND_FLAG,   /* true or false */
  OPERAND_TRUE,   /* true: there is no other way */
  OPERAND_FACTOR, /* a number above 0 */
} Operand;

typedef struct {
  const char *name;
  Operand operand;
  guint kinds; /* bits of ChkKind */
} Operator;

extern const Operator chk_operators[_OP_MAX];

/* NULL with a problem when the operand is refused. */
ChkMatcher *chk_operator_parse(Op op, WgDoc *doc, JsonNode *operand, const char *pointer,
                               ChkKind kind, WgProblems *problems);
ChkMatcher *chk_matcher_alloc(Op op, ChkKind kind);
/* A JSON pointer's next step, escaped; free with g_free(). */
char *chk_pointer_join(const char *pointer, const char *name);
