/* expr-operand.c: the operands of an expression: numbers, texts, selectors, calls, aggregations. */
#include "monitoring/expr-parse.h"

#include "common/nearest.h"

#include <math.h>
#include <string.h>

static void test_free(gpointer data) {
  MonLabelTest *test = data;

  g_free(test->label);
  g_free(test->value);
  g_clear_pointer(&test->regex, g_regex_unref);
  g_free(test);
}

static gboolean compile(MonParse *parse, guint column, MonLabelTest *test) {
  g_autoptr(GError) error = NULL;
  /* a pattern is the whole value's; and from whoever asks: it may not take long */
  g_autofree char *anchored =
      g_strconcat("(*LIMIT_MATCH=" MON_REGEX_STEPS ")^(?s:", test->value, ")$", NULL);

  if (test->type != MON_TEST_LIKE && test->type != MON_TEST_UNLIKE)
    return TRUE;
  test->regex = g_regex_new(anchored, G_REGEX_DOLLAR_ENDONLY, 0, &error);
  return test->regex != NULL ||
         mon_parse_fail(parse, column, "the pattern is none: %s", error->message);
}

static gboolean parse_test(MonParse *parse, MonNode *node) {
  static const char *const signs[] = {"=", "!=", "=~", "!~"};
  const MonToken *label = mon_parse_look(parse);

  if (label->type != MON_TOKEN_NAME || strchr(label->text, ':') != NULL)
    return mon_parse_fail(parse, label->column, "the name of a label is expected here");
  parse->at++;
  MonLabelTest *test = g_new0(MonLabelTest, 1);
  g_ptr_array_add(node->tests, test);
  test->label = g_strdup(label->text);
  guint i = 0;
  while (i < G_N_ELEMENTS(signs) && !mon_parse_take(parse, signs[i]))
    i++;
  const MonToken *value = mon_parse_look(parse);
  if (i == G_N_ELEMENTS(signs))
    return mon_parse_fail(parse, value->column, "after a label comes =, !=, =~ or !~");
  if (value->type != MON_TOKEN_STRING)
    return mon_parse_fail(parse, value->column, "the value of a label stands in quotation marks");
  test->type = (MonTestType)i;
  test->value = g_strdup(value->text);
  parse->at++;
  return compile(parse, value->column, test);
}

/* {__name__="x"} is x. */
static void take_name(MonNode *node) {
  for (guint i = 0; node->name == NULL && i < node->tests->len; i++) {
    const MonLabelTest *test = node->tests->pdata[i];
    if (test->type == MON_TEST_EQUAL && g_str_equal(test->label, "__name__")) {
      node->name = g_intern_string(test->value);
      g_ptr_array_remove_index(node->tests, i);
    }
  }
}

/* No series has a label __name__, so what is left of such tests would never hold. */
static gboolean names_once(MonParse *parse, const MonNode *node, guint column) {
  for (guint i = 0; i < node->tests->len; i++)
    if (g_str_equal(((const MonLabelTest *)node->tests->pdata[i])->label, "__name__"))
      return mon_parse_fail(parse, column,
                            "%s has the name of its metric already; __name__ is "
                            "supported as {__name__=\"metric\"} alone",
                            node->name);
  return TRUE;
}

static gboolean parse_offset(MonParse *parse, MonNode *node) {
  if (!mon_parse_take_word(parse, "offset"))
    return TRUE;
  gboolean minus = mon_parse_take(parse, "-");
  const MonToken *token = mon_parse_look(parse);
  if (token->type != MON_TOKEN_SPAN)
    return mon_parse_fail(parse, token->column, "offset takes a duration: offset 5m");
  parse->at++;
  node->offset = minus ? -token->span : token->span;
  return TRUE;
}

static gboolean parse_range(MonParse *parse, MonNode *node) {
  if (!mon_parse_take(parse, "["))
    return TRUE;
  const MonToken *token = mon_parse_look(parse);
  if (token->type != MON_TOKEN_SPAN || token->span <= 0)
    return mon_parse_fail(parse, token->column, "a range is a duration: [5m]");
  parse->at++;
  node->type = MON_NODE_RANGE;
  node->kind = MON_KIND_RANGE;
  node->range = token->span;
  return mon_parse_want(parse, "]");
}

MonNode *mon_parse_selector(MonParse *parse) {
  const MonToken *token = mon_parse_look(parse);
  g_autoptr(MonNode) node = mon_node_new(MON_NODE_SELECTOR, MON_KIND_VECTOR, token->column);

  node->tests = g_ptr_array_new_with_free_func(test_free);
  if (token->type == MON_TOKEN_NAME) {
    node->name = g_intern_string(token->text);
    parse->at++;
  }
  if (mon_parse_take(parse, "{"))
    while (!mon_parse_take(parse, "}"))
      if (!parse_test(parse, node) || (!mon_parse_is(parse, "}") && !mon_parse_want(parse, ",")))
        return NULL;
  take_name(node);
  if (node->name == NULL) {
    mon_parse_fail(parse, token->column, "a selector needs the name of a metric");
    return NULL;
  }
  if (!names_once(parse, node, token->column) || !parse_range(parse, node) ||
      !parse_offset(parse, node))
    return NULL;
  return g_steal_pointer(&node);
}

static MonKind kind_of(char letter) {
  return letter == 's'   ? MON_KIND_SCALAR
         : letter == 'v' ? MON_KIND_VECTOR
         : letter == 'r' ? MON_KIND_RANGE
                         : MON_KIND_STRING;
}

/* One argument after another as the function's letters say; texts after the third go to `rest`. */
static gboolean parse_argument(MonParse *parse, MonNode *node, char letter, GStrvBuilder *rest) {
  g_autoptr(MonNode) argument = mon_parse_binary(parse, 1);

  if (argument == NULL)
    return FALSE;
  if (argument->kind != kind_of(letter))
    return mon_parse_fail(parse, argument->column, "%s takes %s here, not %s", node->function->name,
                          mon_kind_name(kind_of(letter)), mon_kind_name(argument->kind));
  if (node->n < G_N_ELEMENTS(node->a))
    node->a[node->n++] = g_steal_pointer(&argument);
  else
    g_strv_builder_add(rest, argument->text);
  return TRUE;
}

/* '*': the letter before, as often as you like. */
static char next_letter(const char **at) {
  if (**at == '?')
    (*at)++;
  if (**at == '*')
    return (*at)[-1];
  return **at != '\0' ? *(*at)++ : '\0';
}

MonNode *mon_parse_call(MonParse *parse, const MonFunction *function) {
  g_autoptr(GStrvBuilder) rest = g_strv_builder_new();
  g_autoptr(MonNode) node =
      mon_node_new(MON_NODE_CALL, function->kind, mon_parse_look(parse)->column);
  const char *letters = function->arguments;

  node->function = function;
  parse->at++;
  if (!mon_parse_want(parse, "("))
    return NULL;
  while (!mon_parse_is(parse, ")")) {
    guint column = mon_parse_look(parse)->column;
    char letter = next_letter(&letters);
    if (letter == '\0') {
      mon_parse_fail(parse, column, "%s takes no further argument", function->name);
      return NULL;
    }
    if (!parse_argument(parse, node, letter, rest) ||
        (!mon_parse_is(parse, ")") && !mon_parse_want(parse, ",")))
      return NULL;
  }
  if (*letters != '\0' && *letters != '?' && *letters != '*') {
    mon_parse_fail(parse, mon_parse_look(parse)->column, "%s takes %s more here", function->name,
                   mon_kind_name(kind_of(*letters)));
    return NULL;
  }
  parse->at++;
  node->rest = g_strv_builder_end(rest);
  return g_steal_pointer(&node);
}

static gboolean parse_grouping(MonParse *parse, MonNode *node) {
  gboolean by = mon_parse_word(parse, "by");

  if (node->labels != NULL || (!by && !mon_parse_word(parse, "without")))
    return TRUE;
  parse->at++;
  node->is_on = by;
  node->labels = mon_parse_labels(parse);
  return node->labels != NULL;
}

static gboolean parse_operand_of(MonParse *parse, MonNode *node, const char *name, MonKind kind) {
  node->a[node->n] = mon_parse_binary(parse, 1);
  if (node->a[node->n] == NULL)
    return FALSE;
  MonNode *operand = node->a[node->n++];
  return operand->kind == kind ||
         mon_parse_fail(parse, operand->column, "%s takes %s here, not %s", name,
                        mon_kind_name(kind), mon_kind_name(operand->kind));
}

MonNode *mon_parse_aggregate(MonParse *parse, const MonAggregation *aggregation,
                             gboolean has_parameter) {
  const MonToken *token = mon_parse_look(parse);
  g_autoptr(MonNode) node = mon_node_new(MON_NODE_AGGREGATE, MON_KIND_VECTOR, token->column);
  const char *name = token->text;

  node->aggregation = aggregation;
  parse->at++;
  if (!parse_grouping(parse, node) || !mon_parse_want(parse, "("))
    return NULL;
  if (has_parameter &&
      (!parse_operand_of(parse, node, name, MON_KIND_SCALAR) || !mon_parse_want(parse, ",")))
    return NULL;
  if (!parse_operand_of(parse, node, name, MON_KIND_VECTOR) || !mon_parse_want(parse, ")") ||
      !parse_grouping(parse, node))
    return NULL;
  if (node->labels == NULL) {
    node->labels = g_new0(char *, 1);
    node->is_on = TRUE; /* by (): all of them together */
  }
  return g_steal_pointer(&node);
}

static MonNode *number(MonParse *parse, double value) {
  MonNode *node = mon_node_new(MON_NODE_NUMBER, MON_KIND_SCALAR, mon_parse_look(parse)->column);

  node->number = value;
  parse->at++;
  return node;
}

static gboolean is_call(const MonParse *parse) {
  const MonToken *next = mon_parse_look(parse) + 1;

  return next->type == MON_TOKEN_SIGN && g_str_equal(next->text, "(");
}

static MonNode *parse_name(MonParse *parse) {
  const MonToken *token = mon_parse_look(parse);
  gboolean has_parameter = FALSE;
  const MonToken *next = token + 1;
  const MonAggregation *aggregation = mon_aggregation_find(token->text, &has_parameter);

  if (aggregation != NULL && (is_call(parse) || (next->type == MON_TOKEN_NAME &&
                                                 (g_ascii_strcasecmp(next->text, "by") == 0 ||
                                                  g_ascii_strcasecmp(next->text, "without") == 0))))
    return mon_parse_aggregate(parse, aggregation, has_parameter);
  if (is_call(parse)) {
    const MonFunction *function = mon_function_find(token->text);
    if (function != NULL)
      return mon_parse_call(parse, function);
    g_autofree char *hint = wg_nearest_hint(token->text, mon_function_names());
    mon_parse_fail(parse, token->column, "there is no function %.60s%s%s", token->text,
                   hint != NULL ? "; " : "", hint != NULL ? hint : "");
    return NULL;
  }
  if (g_ascii_strcasecmp(token->text, "inf") == 0)
    return number(parse, INFINITY);
  if (g_ascii_strcasecmp(token->text, "nan") == 0)
    return number(parse, NAN);
  return mon_parse_selector(parse);
}

static MonNode *parse_brackets(MonParse *parse) {
  parse->at++;
  g_autoptr(MonNode) node = mon_parse_binary(parse, 1);
  if (node == NULL || !mon_parse_want(parse, ")"))
    return NULL;
  const MonToken *next = mon_parse_look(parse);
  if (mon_parse_is(parse, "[") || mon_parse_word(parse, "offset")) {
    mon_parse_fail(parse, next->column,
                   "subqueries are not supported; give a range to a metric itself");
    return NULL;
  }
  return g_steal_pointer(&node);
}

MonNode *mon_parse_operand(MonParse *parse) {
  const MonToken *token = mon_parse_look(parse);

  switch (token->type) {
  case MON_TOKEN_NUMBER:
    return number(parse, token->number);
  case MON_TOKEN_SPAN: /* as a number: seconds */
    return number(parse, (double)token->span / G_USEC_PER_SEC);
  case MON_TOKEN_NAME:
    return parse_name(parse);
  case MON_TOKEN_STRING: {
    MonNode *node = mon_node_new(MON_NODE_STRING, MON_KIND_STRING, token->column);
    node->text = g_strdup(token->text);
    parse->at++;
    return node;
  }
  case MON_TOKEN_SIGN:
    if (mon_parse_is(parse, "("))
      return parse_brackets(parse);
    if (mon_parse_is(parse, "{"))
      return mon_parse_selector(parse);
    break;
  case MON_TOKEN_END:
    mon_parse_fail(parse, token->column, "the expression ends where something has to follow");
    return NULL;
  }
  mon_parse_fail(parse, token->column, "not expected here: \"%.40s\"", token->text);
  return NULL;
}
