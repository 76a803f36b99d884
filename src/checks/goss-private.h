/* goss-private.h: a template from within; for goss-*.c. */
#pragma once

#include "checks/goss-template.h"

typedef struct GossNode GossNode;
typedef struct GossOperand GossOperand;

typedef enum {
  GOSS_OPERAND_VALUE,    /* a literal */
  GOSS_OPERAND_DOT,      /* . */
  GOSS_OPERAND_VARIABLE, /* $name; "" is $ */
  GOSS_OPERAND_FUNCTION, /* name */
  GOSS_OPERAND_PIPE,     /* ( ... ) */
} GossOperandKind;

typedef struct {
  GPtrArray *operands; /* (element-type GossOperand) the first may be a function */
} GossCommand;

typedef struct {
  guint line;
  char *variables[2];  /* declared or set; of range the index and the value */
  gboolean declares;   /* ":=", else "=" */
  GPtrArray *commands; /* (element-type GossCommand) */
} GossPipe;

struct GossOperand {
  GossOperandKind kind;
  guint line;
  JsonNode *value;
  char *name;
  GossPipe *pipe;
  GPtrArray *fields; /* (element-type utf8) .a.b after it; NULL: none */
};

typedef enum {
  GOSS_TEXT,
  GOSS_PRINT,
  GOSS_IF,
  GOSS_RANGE,
  GOSS_WITH,
  GOSS_BREAK,
  GOSS_CONTINUE,
  GOSS_TEMPLATE
} GossNodeKind;

struct GossNode {
  GossNodeKind kind;
  char *text;                  /* of GOSS_TEMPLATE its name */
  GossPipe *pipe;              /* NULL: a template without a value */
  GPtrArray *body, *otherwise; /* (element-type GossNode); NULL: none */
};

/* What is freed at the end, and how. */
typedef struct {
  gpointer what;
  GDestroyNotify destroy;
} GossOwned;

typedef struct {
  const char *name; /* borrowed from the tree or the pool */
  JsonNode *value;
} GossVariable;

/* Everything of one rendering; freed as a whole. */
typedef struct {
  const char *name;
  GArray *garbage;   /* GossOwned: strings, nodes and arrays of the tree */
  GPtrArray *values; /* (element-type JsonNode) */
  GPtrArray *root;   /* the parsed template */
  GHashTable *named; /* name -> GPtrArray of what "define" and "block" made; the last one counts */
  JsonNode *data;    /* {"Vars": ..., "Env": ...} */
  GArray *scope;     /* GossVariable, innermost last */
  GString *out;
  guint steps, depth;
  guint line; /* of what is done */
} Goss;

/* goss-parse.c */
gboolean goss_parse(Goss *g, const char *text, GError **error);

/* goss-exec.c */
gboolean goss_execute(Goss *g, GError **error);

/* goss-value.c: the values. What is returned belongs to `g`. */
gboolean goss_fail(Goss *g, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The list (the map) that `node` holds, borrowed from it; NULL with an error that names `function`.
 */
JsonArray *goss_array_of(Goss *g, JsonNode *node, const char *function, GError **error);
JsonObject *goss_object_of(Goss *g, JsonNode *node, const char *function, GError **error);
JsonNode *goss_keep(Goss *g, JsonNode *node); /* takes it */
JsonNode *goss_null(Goss *g);
JsonNode *goss_bool(Goss *g, gboolean value);
JsonNode *goss_int(Goss *g, gint64 value);
JsonNode *goss_double(Goss *g, double value);
JsonNode *goss_text(Goss *g, const char *text);
JsonNode *goss_take_text(Goss *g, char *text);
JsonNode *goss_array(Goss *g, JsonArray *array); /* takes it */
gboolean goss_is_true(JsonNode *value);
gboolean goss_is_text(JsonNode *value);
gboolean goss_is_int(JsonNode *value);
gboolean goss_is_number(JsonNode *value);
double goss_number(JsonNode *value);
/* As a number; what is none is 0, as Sprig has it. */
gint64 goss_whole(JsonNode *value);
double goss_real(JsonNode *value);
char *goss_print(JsonNode *value); /* as Go's %v; free with g_free() */
gboolean goss_equal(JsonNode *a, JsonNode *b);
/* FALSE: they cannot be ordered. */
gboolean goss_compare(JsonNode *a, JsonNode *b, int *ret);
/* One of its own, down to a depth that files do not have; (transfer full). */
JsonNode *goss_deep_copy(JsonNode *value, guint depth);
JsonNode *goss_field(Goss *g, JsonNode *value, const char *name, GError **error);
JsonNode *goss_index(Goss *g, JsonNode *value, JsonNode *key, GError **error);

/* goss-time.c: times, which are texts as Go prints them ("2006-01-02 15:04:05 -0700 MST"), written
 * and read by the layouts of Go. What returns a time returns NULL when there is none; free it with
 * g_date_time_unref(). */
GDateTime *goss_time_of(JsonNode *value); /* of a text of a time */
GDateTime *goss_time_read(const char *layout, const char *text, GTimeZone *zone);
char *goss_time_format(const char *layout, GDateTime *time);
JsonNode *goss_time_node(Goss *g, GDateTime *time);
/* now.Year and so on; NULL: `value` is no time, or a time has no such field. */
JsonNode *goss_time_field(Goss *g, JsonNode *value, const char *name);
/* "1h2m3.5s", in nanoseconds. */
gboolean goss_duration_read(const char *text, gint64 *ret);
char *goss_duration_print(gint64 nsec);

/* goss-functions*.c */
typedef JsonNode *(*GossFunction)(Goss *g, JsonNode **args, guint n, GError **error);
typedef struct {
  const char *name;
  guint min, max; /* arguments */
  GossFunction call;
} GossFunctionRow;
extern const GossFunctionRow goss_functions_core[], goss_functions_text[], goss_functions_list[],
    goss_functions_words[], goss_functions_maps[], goss_functions_time[], goss_functions_codes[],
    goss_functions_cases[], goss_functions_numbers[];
const GossFunctionRow *goss_function(const char *name);
/* Why Sprig has it and a goss file here has not; NULL: Sprig has it not. */
const char *goss_function_left_out(const char *name);
