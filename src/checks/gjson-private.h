/* gjson-private.h: a path of gjson, read; for gjson-*.c and gjson.c. */
#pragma once

#include "checks/gjson.h"

typedef enum {
  GJSON_KEY,   /* of a map, or the index of a list */
  GJSON_EACH,  /* "#" */
  GJSON_FIRST, /* "#(...)" */
  GJSON_ALL,   /* "#(...)#" */
  GJSON_MODIFIER,
  GJSON_MULTI,   /* "{a,b}", "[a,b]" */
  GJSON_LITERAL, /* "!true" */
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

/* What "~" makes of a value before it is compared. */
typedef enum { GJSON_PLAIN, GJSON_TRUE_ISH, GJSON_FALSE_ISH, GJSON_NULL_ISH, GJSON_ANY } GjsonIsh;

typedef enum {
  GJSON_THIS,
  GJSON_KEYS,
  GJSON_VALUES,
  GJSON_REVERSE,
  GJSON_FLATTEN,
  GJSON_JOIN,
  GJSON_GROUP,
  GJSON_DIG,
  GJSON_TOSTR,
  GJSON_FROMSTR
} GjsonModifier;

/* One of a multipath. */
typedef struct {
  char *name; /* of the member that it makes */
  ChkGjson *path;
} GjsonPart;

typedef struct {
  GjsonKind kind;
  gboolean piped; /* after "|": what is before it is whole */
  char *key;      /* a pattern: "*", "?", and a backslash before what is plain */
  gboolean wild;
  GjsonModifier modifier;
  gboolean option; /* of the modifier: "deep" of flatten, "preserve" of join */
  ChkGjson *path;  /* of a query, within the element; may have no step. Of dig */
  GjsonOp op;
  GjsonIsh ish;
  JsonNode *value;  /* NULL: GJSON_EXISTS. Of GJSON_LITERAL */
  GPtrArray *parts; /* GjsonPart, of GJSON_MULTI */
  gboolean object;  /* "{", else "[" */
} GjsonStep;

struct ChkGjson {
  GPtrArray *steps; /* GjsonStep */
};

/* gjson-parse.c: a path within another. NULL with `*reterr_why`. */
ChkGjson *gjson_read_path(const char *text, guint depth, char **reterr_why);
/* Where the text in quotation marks at `p` ends: the mark, or the end of the path. */
const char *gjson_quote_end(const char *p);
/* The bracket that belongs to the one of any kind at `p`; NULL: there is none. */
const char *gjson_close_of(const char *p);

/* gjson-parse-parts.c: "{a,b}" or "[a,b]", "!literal", what stands behind a modifier's ":". *p is
 * behind it. FALSE with `*reterr_why`. */
gboolean gjson_read_multi(GjsonStep *step, const char **p, guint depth, char **reterr_why);
gboolean gjson_read_literal(GjsonStep *step, const char **p, char **reterr_why);
gboolean gjson_read_argument(GjsonStep *step, const char **p, guint depth, char **reterr_why);

/* gjson.c: what a path finds in `node`, borrowed from it or from `arena`; NULL: nothing. */
JsonNode *gjson_walk(const ChkGjson *path, JsonNode *node, GPtrArray *arena);

/* gjson-modify.c: what a modifier makes of it; NULL: nothing. */
JsonNode *gjson_modify(const GjsonStep *step, JsonNode *node, GPtrArray *arena);
JsonNode *gjson_keep(GPtrArray *arena, JsonNode *node); /* takes it */
JsonNode *gjson_keep_array(GPtrArray *arena, JsonArray *array);
JsonNode *gjson_keep_object(GPtrArray *arena, JsonObject *object);
