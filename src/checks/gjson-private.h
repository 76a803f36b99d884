/* gjson-private.h: a path of gjson, read; for gjson-parse.c and gjson.c. */
#pragma once

#include "checks/gjson.h"

typedef enum {
  GJSON_KEY,   /* of a map, or the index of a list */
  GJSON_EACH,  /* "#" */
  GJSON_FIRST, /* "#(...)" */
  GJSON_ALL,   /* "#(...)#" */
  GJSON_MODIFIER,
} GjsonKind;

typedef enum {
  GJSON_EXISTS,
  GJSON_EQ,
  GJSON_NE,
  GJSON_LT,
  GJSON_LE,
  GJSON_GT,
  GJSON_GE,
  GJSON_LIKE,
  GJSON_UNLIKE
} GjsonOp;

typedef enum {
  GJSON_THIS,
  GJSON_KEYS,
  GJSON_VALUES,
  GJSON_REVERSE,
  GJSON_FLATTEN,
  GJSON_TOSTR,
  GJSON_FROMSTR
} GjsonModifier;

typedef struct {
  GjsonKind kind;
  gboolean piped; /* after "|": what is before it is whole */
  char *key;      /* a pattern: "*", "?", and a backslash before what is plain */
  gboolean wild;
  GjsonModifier modifier;
  ChkGjson *path; /* of a query, within the element; may have no step */
  GjsonOp op;
  JsonNode *value; /* NULL: GJSON_EXISTS */
} GjsonStep;

struct ChkGjson {
  GPtrArray *steps; /* GjsonStep */
};
