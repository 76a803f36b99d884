/* expr-private.h: the tree of an expression, and what its parts share. Only for expr-*.c. */
#pragma once

#include "monitoring/expr.h"

#define MON_DEPTH_MAX 100        /* of a tree: parsing and evaluation recurse */
#define MON_SAMPLES_MAX 5000000  /* looked at by one evaluation */
#define MON_ELEMENTS_MAX 200000  /* of one vector */
#define MON_REGEX_STEPS "100000" /* of a pattern against one label */

typedef enum {
  MON_TOKEN_END,
  MON_TOKEN_NAME,
  MON_TOKEN_NUMBER,
  MON_TOKEN_SPAN,
  MON_TOKEN_STRING,
  MON_TOKEN_SIGN, /* an operator or a bracket; `text` has it */
} MonTokenType;

typedef struct {
  MonTokenType type;
  char *text; /* a string without its quotes and escapes */
  double number;
  gint64 span;
  guint column; /* from 1 */
} MonToken;

/* (element-type MonToken), ends with END; NULL with the error. */
GArray *mon_expr_lex(const char *text, GError **error);

typedef enum {
  MON_TEST_EQUAL,
  MON_TEST_UNEQUAL,
  MON_TEST_LIKE,
  MON_TEST_UNLIKE,
} MonTestType;

typedef struct {
  MonTestType type;
  char *label, *value;
  GRegex *regex; /* LIKE, UNLIKE */
} MonLabelTest;

typedef enum {
  MON_NODE_NUMBER,
  MON_NODE_STRING,
  MON_NODE_SELECTOR,
  MON_NODE_RANGE, /* a selector with a range */
  MON_NODE_MINUS,
  MON_NODE_BINARY,
  MON_NODE_AGGREGATE,
  MON_NODE_CALL,
} MonNodeType;

typedef enum {
  MON_OP_OR,
  MON_OP_AND,
  MON_OP_UNLESS,
  MON_OP_EQUAL,
  MON_OP_UNEQUAL,
  MON_OP_LESS,
  MON_OP_GREATER,
  MON_OP_AT_MOST,
  MON_OP_AT_LEAST,
  MON_OP_ADD,
  MON_OP_SUB,
  MON_OP_MUL,
  MON_OP_DIV,
  MON_OP_MOD,
  MON_OP_POW,
} MonOp;

#define mon_op_is_set(op) ((op) <= MON_OP_UNLESS)
#define mon_op_compares(op) ((op) >= MON_OP_EQUAL && (op) <= MON_OP_AT_LEAST)

typedef enum { MON_CARD_ONE, MON_CARD_MANY_LEFT, MON_CARD_MANY_RIGHT } MonCard;

typedef enum { MON_KIND_SCALAR, MON_KIND_VECTOR, MON_KIND_RANGE, MON_KIND_STRING } MonKind;

typedef struct MonNode MonNode;
typedef struct MonFunction MonFunction;
typedef struct MonAggregation MonAggregation;

struct MonNode {
  MonNodeType type;
  MonKind kind;
  guint column;
  double number;    /* NUMBER */
  char *text;       /* STRING */
  const char *name; /* SELECTOR, RANGE: interned */
  GPtrArray *tests; /* MonLabelTest, not of the name */
  gint64 range, offset;
  MonOp op;         /* BINARY */
  gboolean is_bool; /* a comparison that gives 0 and 1 */
  gboolean is_on;   /* `labels` are the ones to match by; else the ones to ignore. Of an
                       aggregation: by, else without */
  char **labels;    /* never NULL for BINARY and AGGREGATE */
  char **include;   /* of group_left and group_right */
  MonCard card;
  const MonFunction *function;
  const MonAggregation *aggregation;
  MonNode *a[3]; /* operands, arguments in order */
  guint n;
  char **rest; /* texts of a CALL that takes more than three arguments: label_join */
};

void mon_node_free(MonNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonNode, mon_node_free)

struct MonExpr {
  char *text;
  MonNode *root;
  GPtrArray *names; /* interned, NULL at the end */
  gint64 window;
};

/* One evaluation. */
typedef struct {
  const MonExprSource *source;
  gpointer self;
  gint64 time;
  MonEvalFlags flags;
  guint64 n_samples;
  gboolean found, has_selector;
  GError *error;
} MonEval;

/* The value of `node`, scalar or vector; on failure eval->error is set and `ret` is empty. */
gboolean mon_eval_node(MonEval *eval, const MonNode *node, MonValue *ret);
gboolean mon_eval_fail(MonEval *eval, const MonNode *node, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* An empty vector; a scalar. */
void mon_value_vector(MonValue *ret);
void mon_value_scalar(MonValue *ret, double value);
void mon_value_add(MonValue *vector, const char *name, MonLabels *labels /* taken */, double value);
gboolean mon_eval_bounded(MonEval *eval, const MonNode *node, const MonValue *vector);
gboolean mon_tests_hold(const MonNode *selector, const MonLabels *labels);

/* expr-select.c */
gboolean mon_eval_selector(MonEval *eval, const MonNode *node, MonValue *ret);
/* A function over each series of a RANGE. `parameter` is what its other argument was. FALSE: the
 * series has no value. Samples in (from, to]; a counter that began inside has a 0 before. */
typedef struct {
  gint64 from, to, now; /* `to` is earlier than the evaluation's time by the offset */
  gint64 created;       /* inside the window; 0: before it, or not known */
  const MonSample *samples;
  guint n;
  double parameter;
} MonRange;
typedef gboolean (*MonRangeFunc)(const MonRange *range, double *ret);
gboolean mon_eval_range(MonEval *eval, const MonNode *node, MonRangeFunc func, double parameter,
                        gboolean keep_name, MonValue *ret);

/* expr-binary.c, expr-sets.c, expr-aggregate.c */
gboolean mon_eval_binary(MonEval *eval, const MonNode *node, MonValue *ret);
gboolean mon_eval_set(MonEval *eval, const MonNode *node, MonValue *left, MonValue *right,
                      MonValue *ret);
gboolean mon_eval_aggregate(MonEval *eval, const MonNode *node, MonValue *ret);
const MonAggregation *mon_aggregation_find(const char *name, gboolean *ret_has_parameter);
/* The labels by which elements meet: on (...), or all but ignoring (...). (transfer full) */
MonLabels *mon_labels_kept(const MonLabels *labels, char **names, gboolean is_on);
double mon_quantile(double q, double *values /* sorted in place */, guint n);

/* expr-functions.c: what is called with brackets. */
struct MonFunction {
  const char *name;
  const char *arguments; /* s scalar, v vector, r range, t text; after '?' they may be left out */
  MonKind kind;
  gboolean (*eval)(MonEval *eval, const MonNode *node, MonValue *ret);
  MonRangeFunc range; /* of a function over a range; eval is NULL */
  double (*map)(double value);
  gboolean keep_name;
};
const MonFunction *mon_function_find(const char *name);
const char *const *mon_function_names(void); /* with the aggregations; for "did you mean" */
extern const MonFunction mon_functions_range[], mon_functions_math[], mon_functions_time[],
    mon_functions_labels[]; /* each ends with a NULL name */
