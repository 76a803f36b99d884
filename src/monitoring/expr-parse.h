/* expr-parse.h: the parser's place in the tokens; only for expr-parse*.c. */
#pragma once

#include "monitoring/expr-private.h"

typedef struct {
  GArray *tokens;
  guint at, depth;
  GError **error;
} MonParse;

const MonToken *mon_parse_look(const MonParse *parse); /* the next token */
gboolean mon_parse_is(const MonParse *parse, const char *sign);
gboolean mon_parse_take(MonParse *parse, const char *sign); /* FALSE: something else is next */
gboolean mon_parse_want(MonParse *parse, const char *sign); /* FALSE with the error */
gboolean mon_parse_word(const MonParse *parse, const char *word); /* a name, in any case */
gboolean mon_parse_take_word(MonParse *parse, const char *word);
gboolean mon_parse_fail(MonParse *parse, guint column, const char *format, ...) G_GNUC_PRINTF(3, 4);
MonNode *mon_node_new(MonNodeType type, MonKind kind, guint column);

/* The whole of an expression; what binds as strongly as `level`. */
MonNode *mon_parse_binary(MonParse *parse, guint level);
/* A number, a text, a selector, a call, something in brackets. */
MonNode *mon_parse_operand(MonParse *parse);
MonNode *mon_parse_selector(MonParse *parse);
MonNode *mon_parse_call(MonParse *parse, const MonFunction *function);
MonNode *mon_parse_aggregate(MonParse *parse, const MonAggregation *aggregation,
                             gboolean has_parameter);
/* "(a, b)"; NULL with the error. (transfer full) */
char **mon_parse_labels(MonParse *parse);
const char *mon_kind_name(MonKind kind);
