/* expr-parse.c: tokens to a tree whose kinds are right: what an operator or function cannot take is
 * refused here, with its column, and never met by an evaluation.
 *
 * Operators from weak to strong: or; and unless; comparisons; + -; * / %; a minus sign; ^ (from the
 * right). */
#include "monitoring/expr-parse.h"

#include "common/error.h"

#include <math.h>
#include <string.h>

const MonToken *mon_parse_look(const MonParse *parse) {
  return &g_array_index(parse->tokens, MonToken, parse->at);
}

gboolean mon_parse_is(const MonParse *parse, const char *sign) {
  const MonToken *token = mon_parse_look(parse);

  return token->type == MON_TOKEN_SIGN && g_str_equal(token->text, sign);
}

gboolean mon_parse_take(MonParse *parse, const char *sign) {
  gboolean is = mon_parse_is(parse, sign);

  parse->at += is;
  return is;
}

gboolean mon_parse_word(const MonParse *parse, const char *word) {
  const MonToken *token = mon_parse_look(parse);

  return token->type == MON_TOKEN_NAME && g_ascii_strcasecmp(token->text, word) == 0;
}

gboolean mon_parse_take_word(MonParse *parse, const char *word) {
  gboolean is = mon_parse_word(parse, word);

  parse->at += is;
  return is;
}

gboolean mon_parse_fail(MonParse *parse, guint column, const char *format, ...) {
  va_list args;

  if (parse->error != NULL && *parse->error != NULL)
    return FALSE;
  va_start(args, format);
  g_autofree char *made = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *text = g_utf8_make_valid(made, -1); /* a piece may end inside of a letter */
  g_set_error(parse->error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "column %u: %s", column, text);
  return FALSE;
}

gboolean mon_parse_want(MonParse *parse, const char *sign) {
  const MonToken *token = mon_parse_look(parse);

  if (mon_parse_take(parse, sign))
    return TRUE;
  if (token->type == MON_TOKEN_END)
    return mon_parse_fail(parse, token->column, "the expression ends where \"%s\" is missing",
                          sign);
  return mon_parse_fail(parse, token->column, "\"%s\" is expected here, not \"%.40s\"", sign,
                        token->text);
}

MonNode *mon_node_new(MonNodeType type, MonKind kind, guint column) {
  MonNode *node = g_new0(MonNode, 1);

  node->type = type;
  node->kind = kind;
  node->column = column;
  return node;
}

void mon_node_free(MonNode *node) {
  if (node == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS(node->a); i++)
    mon_node_free(node->a[i]);
  g_clear_pointer(&node->tests, g_ptr_array_unref);
  g_strfreev(node->labels);
  g_strfreev(node->include);
  g_strfreev(node->rest);
  g_free(node->text);
  g_free(node);
}

const char *mon_kind_name(MonKind kind) {
  static const char *const names[] = {"a number", "a vector", "a range like metric[5m]", "a text"};

  return names[kind];
}

static const struct {
  const char *sign;
  MonOp op;
  guint level;
} operators[] = {
    {"or", MON_OP_OR, 1},     {"and", MON_OP_AND, 2},    {"unless", MON_OP_UNLESS, 2},
    {"==", MON_OP_EQUAL, 3},  {"!=", MON_OP_UNEQUAL, 3}, {"<", MON_OP_LESS, 3},
    {">", MON_OP_GREATER, 3}, {"<=", MON_OP_AT_MOST, 3}, {">=", MON_OP_AT_LEAST, 3},
    {"+", MON_OP_ADD, 4},     {"-", MON_OP_SUB, 4},      {"*", MON_OP_MUL, 5},
    {"/", MON_OP_DIV, 5},     {"%", MON_OP_MOD, 5},      {"^", MON_OP_POW, 7},
};

static int find_operator(const MonParse *parse) {
  const MonToken *token = mon_parse_look(parse);

  for (guint i = 0; i < G_N_ELEMENTS(operators); i++)
    if (g_ascii_isalpha(*operators[i].sign)
            ? token->type == MON_TOKEN_NAME &&
                  g_ascii_strcasecmp(token->text, operators[i].sign) == 0
            : token->type == MON_TOKEN_SIGN && g_str_equal(token->text, operators[i].sign))
      return (int)i;
  return -1;
}

char **mon_parse_labels(MonParse *parse) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  if (!mon_parse_want(parse, "("))
    return NULL;
  while (!mon_parse_take(parse, ")")) {
    const MonToken *token = mon_parse_look(parse);
    if (token->type != MON_TOKEN_NAME || strchr(token->text, ':') != NULL) {
      mon_parse_fail(parse, token->column, "the name of a label is expected here");
      return NULL;
    }
    g_strv_builder_add(names, token->text);
    parse->at++;
    if (!mon_parse_is(parse, ")") && !mon_parse_want(parse, ","))
      return NULL;
  }
  return g_strv_builder_end(names);
}

/* bool, on/ignoring (...), group_left/group_right (...) after an operator. */
static gboolean parse_matching(MonParse *parse, MonNode *node) {
  guint column = mon_parse_look(parse)->column;

  if (mon_parse_take_word(parse, "bool")) {
    node->is_bool = TRUE;
    if (!mon_op_compares(node->op))
      return mon_parse_fail(parse, column, "bool belongs to comparisons");
  }
  gboolean on = mon_parse_take_word(parse, "on");
  if (on || mon_parse_take_word(parse, "ignoring")) {
    node->is_on = on;
    node->labels = mon_parse_labels(parse);
    if (node->labels == NULL)
      return FALSE;
    column = mon_parse_look(parse)->column;
    gboolean left = mon_parse_take_word(parse, "group_left");
    if (left || mon_parse_take_word(parse, "group_right")) {
      node->card = left ? MON_CARD_MANY_LEFT : MON_CARD_MANY_RIGHT;
      if (mon_op_is_set(node->op))
        return mon_parse_fail(parse, column, "and, or, unless have no grouping");
      if (mon_parse_is(parse, "(") && !(node->include = mon_parse_labels(parse)))
        return FALSE;
    }
  }
  if (node->labels == NULL)
    node->labels = g_new0(char *, 1);
  return TRUE;
}

static gboolean judge_binary(MonParse *parse, MonNode *node) {
  for (guint i = 0; i < 2; i++)
    if (node->a[i]->kind != MON_KIND_SCALAR && node->a[i]->kind != MON_KIND_VECTOR)
      return mon_parse_fail(parse, node->a[i]->column,
                            "an operator takes numbers and vectors, not %s",
                            mon_kind_name(node->a[i]->kind));
  gboolean vectors = node->a[0]->kind == MON_KIND_VECTOR && node->a[1]->kind == MON_KIND_VECTOR;
  if (mon_op_is_set(node->op) && !vectors)
    return mon_parse_fail(parse, node->column,
                          "and, or, unless join two vectors; a number is none");
  if (!vectors && (*node->labels != NULL || node->is_on || node->card != MON_CARD_ONE))
    return mon_parse_fail(parse, node->column,
                          "on and ignoring match two vectors; a number is none");
  gboolean scalars = node->a[0]->kind == MON_KIND_SCALAR && node->a[1]->kind == MON_KIND_SCALAR;
  if (scalars && mon_op_compares(node->op) && !node->is_bool)
    return mon_parse_fail(parse, node->column,
                          "two numbers are compared with \"bool\": 1 > bool 0");
  node->kind = scalars ? MON_KIND_SCALAR : MON_KIND_VECTOR;
  return TRUE;
}

static MonNode *parse_minus(MonParse *parse) {
  guint column = mon_parse_look(parse)->column;
  gboolean minus = mon_parse_take(parse, "-");

  if (!minus && !mon_parse_take(parse, "+"))
    return mon_parse_operand(parse);
  g_autoptr(MonNode) operand = mon_parse_binary(parse, 6);
  if (operand == NULL)
    return NULL;
  if (operand->kind != MON_KIND_SCALAR && operand->kind != MON_KIND_VECTOR) {
    mon_parse_fail(parse, column, "a sign stands before numbers and vectors, not %s",
                   mon_kind_name(operand->kind));
    return NULL;
  }
  if (!minus)
    return g_steal_pointer(&operand);
  MonNode *node = mon_node_new(MON_NODE_MINUS, operand->kind, column);
  node->a[node->n++] = g_steal_pointer(&operand);
  return node;
}

static MonNode *parse_level(MonParse *parse, guint level) {
  g_autoptr(MonNode) left = parse_minus(parse);

  while (left != NULL) {
    int found = find_operator(parse);
    if (found < 0 || operators[found].level < level)
      return g_steal_pointer(&left);
    g_autoptr(MonNode) node =
        mon_node_new(MON_NODE_BINARY, MON_KIND_VECTOR, mon_parse_look(parse)->column);
    node->op = operators[found].op;
    parse->at++;
    if (!parse_matching(parse, node))
      return NULL;
    node->a[node->n++] = g_steal_pointer(&left);
    node->a[node->n] = mon_parse_binary(parse, operators[found].level + (node->op != MON_OP_POW));
    if (node->a[node->n++] == NULL || !judge_binary(parse, node))
      return NULL;
    left = g_steal_pointer(&node);
  }
  return NULL;
}

MonNode *mon_parse_binary(MonParse *parse, guint level) {
  MonNode *node = NULL;

  if (++parse->depth > MON_DEPTH_MAX)
    mon_parse_fail(parse, mon_parse_look(parse)->column, "nested more than %d deep", MON_DEPTH_MAX);
  else
    node = parse_level(parse, level);
  parse->depth--;
  return node;
}

/* A chain of operators of one level is a tree as deep as it is long. */
static guint depth_of(const MonNode *node) {
  guint deepest = 0;

  for (guint i = 0; node != NULL && i < node->n; i++)
    deepest = MAX(deepest, depth_of(node->a[i]));
  return deepest + 1;
}

static void look_through(MonExpr *expr, const MonNode *node, gint64 *window) {
  if (node->type == MON_NODE_SELECTOR || node->type == MON_NODE_RANGE) {
    if (!g_ptr_array_find(expr->names, node->name, NULL))
      g_ptr_array_add(expr->names, (gpointer)node->name);
    *window = MAX(*window, node->range + MAX(node->offset, 0));
  }
  for (guint i = 0; i < node->n; i++)
    look_through(expr, node->a[i], window);
}

MonExpr *mon_expr_parse(const char *text, GError **error) {
  g_autoptr(GArray) tokens = mon_expr_lex(text, error);
  MonParse parse = {tokens, 0, 0, error};

  if (tokens == NULL)
    return NULL;
  g_autoptr(MonNode) root = mon_parse_binary(&parse, 1);
  if (root == NULL)
    return NULL;
  const MonToken *next = mon_parse_look(&parse);
  if (next->type != MON_TOKEN_END)
    mon_parse_fail(&parse, next->column, "nothing that belongs here: \"%.40s\"", next->text);
  else if (root->kind != MON_KIND_SCALAR && root->kind != MON_KIND_VECTOR)
    mon_parse_fail(&parse, root->column, "an expression is a number or a vector, not %s",
                   mon_kind_name(root->kind));
  else if (depth_of(root) > 10 * MON_DEPTH_MAX)
    mon_parse_fail(&parse, root->column, "too many operators in a row");
  else {
    MonExpr *expr = g_new0(MonExpr, 1);
    expr->text = g_strdup(text);
    expr->names = g_ptr_array_new();
    look_through(expr, root, &expr->window);
    g_ptr_array_add(expr->names, NULL);
    expr->root = g_steal_pointer(&root);
    return expr;
  }
  return NULL;
}

void mon_expr_free(MonExpr *expr) {
  if (expr == NULL)
    return;
  mon_node_free(expr->root);
  g_ptr_array_unref(expr->names);
  g_free(expr->text);
  g_free(expr);
}

const char *mon_expr_source(const MonExpr *expr) {
  return expr->text;
}

gboolean mon_expr_is_scalar(const MonExpr *expr) {
  return expr->root->kind == MON_KIND_SCALAR;
}

const char *const *mon_expr_names(const MonExpr *expr) {
  return (const char *const *)expr->names->pdata;
}

gint64 mon_expr_window(const MonExpr *expr) {
  return expr->window;
}
