/* goss-parse.c: the text of a template, parsed: texts and actions into a tree. Recursive, bounded
 * in depth; every error names its line. */
#include "checks/goss-private.h"

#include <errno.h>
#include <string.h>

typedef struct {
  Goss *g;
  const char *p; /* where we are */
  guint depth;
  const char *keyword; /* that ended a list of nodes: "end", "else"; NULL: the end of the text */
  gboolean trim;       /* the action before ended with "-}}" */
} Parser;

static gpointer own(Parser *s, gpointer what, GDestroyNotify destroy) {
  GossOwned owned = {what, destroy};

  g_array_append_val(s->g->garbage, owned);
  return what;
}

#define NEW(s, type) ((type *)own(s, g_new0(type, 1), g_free))

static char *own_text(Parser *s, const char *text, gsize n) {
  return own(s, g_strndup(text, n), g_free);
}

static GPtrArray *new_array(Parser *s) {
  return own(s, g_ptr_array_new(), (GDestroyNotify)g_ptr_array_unref);
}

static gboolean refuse(Parser *s, GError **error, const char *expected) {
  g_autofree char *found = g_strndup(s->p, MIN(strcspn(s->p, "\n"), 20));

  return goss_fail(s->g, error, "expected %s, found \"%s\"", expected, found);
}

/* Moves on, counting lines. */
static void skip(Parser *s, gsize n) {
  for (; n > 0 && *s->p; n--)
    s->g->line += *s->p++ == '\n';
}

static void blanks(Parser *s) {
  skip(s, strspn(s->p, " \t\r\n"));
}

static gboolean at_end(const Parser *s) {
  return g_str_has_prefix(s->p, "}}") || g_str_has_prefix(s->p, "-}}");
}

static gsize word_length(const char *p) {
  gsize n = 0;

  while (g_ascii_isalnum(p[n]) || p[n] == '_')
    n++;
  return n;
}

static gboolean is_word(const Parser *s, const char *word) {
  gsize n = word_length(s->p);

  return n == strlen(word) && strncmp(s->p, word, n) == 0;
}

/* ---- operands ---- */
static GossPipe *parse_pipe(Parser *s, gboolean declarations, GError **error);

static JsonNode *quoted(Parser *s, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  const char *raw = *s->p == '`' ? strchr(s->p + 1, '`') : NULL;

  if (raw) {
    g_string_append_len(text, s->p + 1, raw - s->p - 1);
    skip(s, (gsize)(raw - s->p) + 1);
    return goss_text(s->g, text->str);
  }
  for (skip(s, 1); *s->p && *s->p != '"' && *s->p != '\n'; skip(s, 1)) {
    static const char letters[] = "ntr\\\"'", meanings[] = "\n\t\r\\\"'";
    const char *at = *s->p == '\\' && s->p[1] ? strchr(letters, s->p[1]) : NULL;
    if (at) {
      skip(s, 1);
      g_string_append_c(text, meanings[at - letters]);
    } else {
      g_string_append_c(text, *s->p);
    }
  }
  if (*s->p != '"') {
    refuse(s, error, "the quotation mark that ends a text");
    return NULL;
  }
  skip(s, 1);
  return goss_text(s->g, text->str);
}

static JsonNode *number(Parser *s, GError **error) {
  char *end, *real_end;

  errno = 0;
  gint64 whole = g_ascii_strtoll(s->p, &end, 0);
  double real = g_ascii_strtod(s->p, &real_end);
  if (errno != 0 || real_end == s->p) {
    refuse(s, error, "a number");
    return NULL;
  }
  gboolean is_real = real_end > end;
  skip(s, (gsize)((is_real ? real_end : end) - s->p));
  return is_real ? goss_double(s->g, real) : goss_int(s->g, whole);
}

/* true, false, nil, or the name of a function. */
static gboolean named(Parser *s, GossOperand *o, GError **error) {
  gsize n = word_length(s->p);
  char *name = own_text(s, s->p, n);

  if (n == 0)
    return refuse(s, error, "a value");
  if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
    o->value = goss_bool(s->g, *name == 't');
  else if (strcmp(name, "nil") == 0)
    o->value = goss_null(s->g);
  else if (goss_function(name) == NULL)
    return goss_fail(s->g, error, "there is no function \"%s\"", name);
  o->kind = o->value ? GOSS_OPERAND_VALUE : GOSS_OPERAND_FUNCTION;
  o->name = name;
  skip(s, n);
  return TRUE;
}

static gboolean fields(Parser *s, GossOperand *o) {
  while (*s->p == '.' && word_length(s->p + 1) > 0) {
    gsize n = word_length(s->p + 1);
    if (!o->fields)
      o->fields = new_array(s);
    g_ptr_array_add(o->fields, own_text(s, s->p + 1, n));
    skip(s, n + 1);
  }
  return TRUE;
}

static GossOperand *parse_operand(Parser *s, GError **error) {
  GossOperand *o = NEW(s, GossOperand);
  gboolean good = TRUE;

  o->line = s->g->line;
  if (*s->p == '.') {
    o->kind = GOSS_OPERAND_DOT;
    if (word_length(s->p + 1) == 0)
      skip(s, 1);
  } else if (*s->p == '$') {
    gsize n = word_length(s->p + 1);
    o->kind = GOSS_OPERAND_VARIABLE;
    o->name = own_text(s, s->p + 1, n);
    skip(s, n + 1);
  } else if (*s->p == '(') {
    skip(s, 1);
    o->kind = GOSS_OPERAND_PIPE;
    o->pipe = parse_pipe(s, FALSE, error);
    good = o->pipe && (*s->p == ')' || refuse(s, error, "')'"));
    skip(s, good ? 1 : 0);
  } else if (*s->p == '"' || *s->p == '`') {
    o->value = quoted(s, error);
    good = o->value != NULL;
  } else if (g_ascii_isdigit(*s->p) || (*s->p == '-' && g_ascii_isdigit(s->p[1]))) {
    o->value = number(s, error);
    good = o->value != NULL;
  } else {
    good = named(s, o, error);
  }
  return good && fields(s, o) ? o : NULL;
}

/* ---- pipelines ---- */
static GossCommand *parse_command(Parser *s, GError **error) {
  GossCommand *command = NEW(s, GossCommand);

  command->operands = new_array(s);
  for (blanks(s); *s->p && *s->p != '|' && *s->p != ')' && !at_end(s); blanks(s)) {
    GossOperand *o = parse_operand(s, error);
    if (!o)
      return NULL;
    g_ptr_array_add(command->operands, o);
  }
  if (command->operands->len > 0)
    return command;
  refuse(s, error, "a value or a function");
  return NULL;
}

/* "$a :=", "$a, $b :=", "$a =": what stands there is only looked at until it is known to be one. */
static void parse_declaration(Parser *s, GossPipe *pipe) {
  const char *p = s->p;
  char *names[2] = {NULL, NULL};
  guint n = 0;

  for (; n < 2 && *p == '$' && word_length(p + 1) > 0; n++) {
    gsize length = word_length(p + 1);
    names[n] = own_text(s, p + 1, length);
    p += length + 1;
    p += strspn(p, " \t");
    if (*p != ',')
      break;
    p++;
    p += strspn(p, " \t");
  }
  gboolean declares = names[0] && g_str_has_prefix(p, ":=");
  if (!names[0] || (!declares && !(*p == '=' && p[1] != '=')))
    return;
  pipe->declares = declares;
  pipe->variables[0] = names[0];
  pipe->variables[1] = names[1];
  skip(s, (gsize)(p - s->p) + (declares ? 2 : 1));
}

static GossPipe *parse_pipe(Parser *s, gboolean declarations, GError **error) {
  GossPipe *pipe = NEW(s, GossPipe);

  if (++s->depth > CHK_GOSS_DEPTH_MAX) {
    goss_fail(s->g, error, "parentheses within more than %d others", CHK_GOSS_DEPTH_MAX);
    return NULL;
  }
  blanks(s);
  pipe->line = s->g->line;
  pipe->commands = new_array(s);
  if (declarations)
    parse_declaration(s, pipe);
  for (;;) {
    GossCommand *command = parse_command(s, error);
    if (!command)
      return NULL;
    g_ptr_array_add(pipe->commands, command);
    if (*s->p != '|')
      break;
    skip(s, 1);
  }
  s->depth--;
  return pipe;
}

/* ---- texts and actions ---- */
static gboolean end_action(Parser *s, GError **error) {
  blanks(s);
  if (!at_end(s))
    return refuse(s, error, "\"}}\"");
  s->trim = *s->p == '-';
  skip(s, s->trim ? 3 : 2);
  return TRUE;
}

static gboolean parse_list(Parser *s, GPtrArray *to, GError **error);

/* After "if", "range" or "with": to its "end". */
static gboolean parse_block(Parser *s, GossNode *node, GError **error) {
  node->pipe = parse_pipe(s, TRUE, error);
  node->body = new_array(s);
  if (!node->pipe || !end_action(s, error) || !parse_list(s, node->body, error))
    return FALSE;
  if (!s->keyword)
    return goss_fail(s->g, error, "the text ends before {{end}}");
  if (strcmp(s->keyword, "end") == 0)
    return end_action(s, error);
  node->otherwise = new_array(s);
  blanks(s);
  if (is_word(s, "if") || is_word(s, "with")) { /* "else if" has the same "end" */
    GossNode *inner = NEW(s, GossNode);
    inner->kind = is_word(s, "if") ? GOSS_IF : GOSS_WITH;
    skip(s, word_length(s->p));
    g_ptr_array_add(node->otherwise, inner);
    return parse_block(s, inner, error);
  }
  if (!end_action(s, error) || !parse_list(s, node->otherwise, error))
    return FALSE;
  if (g_strcmp0(s->keyword, "end") != 0)
    return goss_fail(s->g, error, "expected {{end}} after {{else}}");
  return end_action(s, error);
}

/* "{{" is behind us. *ret_stop: a keyword that ends the list. */
static gboolean parse_action(Parser *s, GPtrArray *to, gboolean *ret_stop, GError **error) {
  static const char *const blocks[] = {"if", "range", "with"};
  static const GossNodeKind kinds[] = {GOSS_IF, GOSS_RANGE, GOSS_WITH};
  GossNode *node = NEW(s, GossNode);

  blanks(s);
  *ret_stop = is_word(s, "end") || is_word(s, "else");
  if (*ret_stop) {
    s->keyword = is_word(s, "end") ? "end" : "else";
    skip(s, word_length(s->p));
    return TRUE;
  }
  g_ptr_array_add(to, node);
  for (guint i = 0; i < G_N_ELEMENTS(blocks); i++)
    if (is_word(s, blocks[i])) {
      node->kind = kinds[i];
      skip(s, word_length(s->p));
      return parse_block(s, node, error);
    }
  if (is_word(s, "break") || is_word(s, "continue")) {
    node->kind = is_word(s, "break") ? GOSS_BREAK : GOSS_CONTINUE;
    skip(s, word_length(s->p));
    return end_action(s, error);
  }
  if (is_word(s, "define") || is_word(s, "template") || is_word(s, "block"))
    return goss_fail(s->g, error,
                     "named templates are not known here; write the text where it is "
                     "needed");
  node->kind = GOSS_PRINT;
  node->pipe = parse_pipe(s, TRUE, error);
  return node->pipe && end_action(s, error);
}

static gboolean skip_comment(Parser *s, GError **error) {
  const char *close = strstr(s->p, "*/");

  if (!close)
    return goss_fail(s->g, error, "a comment does not end");
  skip(s, (gsize)(close - s->p) + 2);
  return end_action(s, error);
}

/* The text up to the next action, without the blanks that "{{-" and "-}}" take. */
static void take_text(Parser *s, GPtrArray *to, const char *action) {
  const char *begin = s->p, *end = action ? action : s->p + strlen(s->p);
  gboolean trims = action && action[2] == '-' && strchr(" \t\r\n", action[3]) && action[3];

  if (s->trim)
    begin += MIN(strspn(begin, " \t\r\n"), (gsize)(end - begin));
  while (trims && end > begin && strchr(" \t\r\n", end[-1]))
    end--;
  if (end > begin) {
    GossNode *node = NEW(s, GossNode);
    node->kind = GOSS_TEXT;
    node->text = own_text(s, begin, (gsize)(end - begin));
    g_ptr_array_add(to, node);
  }
  s->trim = FALSE;
  skip(s, action ? (gsize)(action - s->p) + 2 : strlen(s->p));
  if (trims)
    skip(s, 1);
}

static gboolean parse_list(Parser *s, GPtrArray *to, GError **error) {
  gboolean stop = FALSE;

  if (++s->depth > CHK_GOSS_DEPTH_MAX)
    return goss_fail(s->g, error, "blocks within more than %d others", CHK_GOSS_DEPTH_MAX);
  while (!stop) {
    const char *action = strstr(s->p, "{{");
    take_text(s, to, action);
    s->keyword = NULL; /* one of a block within is over */
    if (!action)
      break;
    if (g_str_has_prefix(s->p + strspn(s->p, " \t\r\n"), "/*")) {
      if (!skip_comment(s, error))
        return FALSE;
    } else if (!parse_action(s, to, &stop, error)) {
      return FALSE;
    }
  }
  s->depth--;
  return TRUE;
}

gboolean goss_parse(Goss *g, const char *text, GError **error) {
  Parser s = {.g = g, .p = text};

  g->line = 1;
  g->root = new_array(&s);
  if (!parse_list(&s, g->root, error))
    return FALSE;
  return s.keyword == NULL || goss_fail(g, error, "{{%s}} without a block", s.keyword);
}
