/* expr.h: the expressions of rules and queries: a subset of PromQL, over whatever has samples.
 *
 * There: selectors with = != =~ !~, ranges, offset; + - * / % ^, comparisons with bool, and or
 * unless, on/ignoring/group_left/group_right; sum avg min max count group stddev stdvar quantile
 * topk bottomk by/without; the functions of expr-functions.c. Not there: subqueries, @, native
 * histograms, selectors without a metric's name. What is not there is an error that says so, never
 * another meaning.
 *
 * One thing is done better than by the model: a counter that came into being inside a window (its
 * source says when) counts from 0, so that the first event of its kind is an increase.
 *
 * Parsed expressions are immutable. Evaluation is bounded in samples and elements, makes no
 * I/O, and runs on the loop's thread (labels are its own). */
#pragma once

#include "monitoring/labels.h"

#define MON_EXPR_TEXT_MAX 16384
#define MON_EXPR_LOOKBACK (5 * 60 * G_USEC_PER_SEC) /* how old a value may be, us */

typedef struct MonExpr MonExpr;

typedef struct {
  gint64 time; /* CLOCK_REALTIME us */
  double value;
} MonSample;

/* One series: its samples, oldest first. `created`: when the counter came into being, us; 0: not
 * known. */
typedef void (*MonSelectFunc)(const MonLabels *labels, gint64 created, const MonSample *samples,
                              guint n, gpointer user_data);

/* Where samples come from: each series called `name` with samples in (from, to]. `newest`: the last
 * of them is enough; a series that ended before `to` has none then. */
typedef struct {
  void (*select)(gpointer self, const char *name, gint64 from, gint64 to, gboolean newest,
                 MonSelectFunc func, gpointer user_data);
} MonExprSource;

typedef struct {
  const char *name;  /* interned; NULL: an operation dropped it */
  MonLabels *labels; /* owned by the value */
  double value;
} MonElement;

typedef enum { MON_VALUE_SCALAR, MON_VALUE_VECTOR } MonValueType;

typedef struct {
  MonValueType type;
  double scalar;
  GArray *elements;  /* MonElement, of a vector; each set of labels once */
  gboolean had_data; /* a selector found at least one series, or there is none in it */
} MonValue;

typedef enum {
  MON_EVAL_PLAIN = 0,
  MON_EVAL_UNFILTERED = 1, /* comparisons keep what they would drop: what there is data for */
} MonEvalFlags;

/* NULL: WG_ERROR_INVALID_ARGUMENT, "column 7: ...", with the nearest function's name. */
MonExpr *mon_expr_parse(const char *text, GError **error);
void mon_expr_free(MonExpr *expr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonExpr, mon_expr_free)
const char *mon_expr_source(const MonExpr *expr); /* the text it was parsed from */
gboolean mon_expr_is_scalar(const MonExpr *expr);
/* The names of the metrics that it looks at, each once; NULL-terminated, borrowed, interned. */
const char *const *mon_expr_names(const MonExpr *expr);
/* How far back it looks, ranges and offsets together, us; 0: at current values only. */
gint64 mon_expr_window(const MonExpr *expr);

/* At `time`, us. FALSE: too many samples, labels that match more than once, ...; `ret` is empty. */
gboolean mon_expr_eval(const MonExpr *expr, const MonExprSource *source, gpointer self, gint64 time,
                       MonEvalFlags flags, MonValue *ret, GError **error);
void mon_value_clear(MonValue *value);
/* A number becomes a vector of one element without labels. */
void mon_value_to_vector(MonValue *value);
/* Whether it has an element for something with `labels`: one that has some of them and no others;
 * or is a number that is not 0. */
gboolean mon_value_has(const MonValue *value, const MonLabels *labels);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MonValue, mon_value_clear)

/* "5m", "1h30m", "1500ms", "0"; us. Also of rule files. */
gboolean mon_expr_span(const char *text, gint64 *ret);
