/* goss-operand.c: values, commands and pipelines of a template, and what the parser has in common.
 * Recursive, bounded in depth; every error names its line. */
#include "checks/goss-parse.h"

#include <errno.h>
#include <string.h>

gpointer goss_own(GossParser *s, gpointer what, GDestroyNotify destroy) {
  GossOwned owned = {what, destroy};

  g_array_append_val(s->g->garbage, owned);
  return what;
}

char *goss_own_text(GossParser *s, const char *text, gsize n) {
  return goss_own(s, g_strndup(text, n), g_free);
}

GPtrArray *goss_own_array(GossParser *s) {
  return goss_own(s, g_ptr_array_new(), (GDestroyNotify)g_ptr_array_unref);
}

gboolean goss_expected(GossParser *s, GError **error, const char *expected) {
  g_autofree char *found = g_strndup(s->p, MIN(strcspn(s->p, "\n"), 20));

  return goss_fail(s->g, error, "expected %s, found \"%s\"", expected, found);
}

/* Moves on, counting lines. */
void goss_skip(GossParser *s, gsize n) {
  for (; n > 0 && *s->p; n--)
    s->g->line += *s->p++ == '\n';
}

void goss_blanks(GossParser *s) {
  goss_skip(s, strspn(s->p, " \t\r\n"));
}

gboolean goss_at_end(const GossParser *s) {
  return g_str_has_prefix(s->p, "}}") || g_str_has_prefix(s->p, "-}}");
}

gsize goss_word(const char *p) {
  gsize n = 0;

  while (g_ascii_isalnum(p[n]) || p[n] == '_')
    n++;
  return n;
}

gboolean goss_is_word(const GossParser *s, const char *word) {
  gsize n = goss_word(s->p);

  return n == strlen(word) && strncmp(s->p, word, n) == 0;
}

/* ---- operands ---- */
JsonNode *goss_quoted(GossParser *s, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  const char *raw = *s->p == '`' ? strchr(s->p + 1, '`') : NULL;

  if (raw) {
    g_string_append_len(text, s->p + 1, raw - s->p - 1);
    goss_skip(s, (gsize)(raw - s->p) + 1);
    return goss_text(s->g, text->str);
  }
  for (goss_skip(s, 1); *s->p && *s->p != '"' && *s->p != '\n'; goss_skip(s, 1)) {
    static const char letters[] = "ntr\\\"'", meanings[] = "\n\t\r\\\"'";
    const char *at = *s->p == '\\' && s->p[1] ? strchr(letters, s->p[1]) : NULL;
    if (at) {
      goss_skip(s, 1);
      g_string_append_c(text, meanings[at - letters]);
    } else {
      g_string_append_c(text, *s->p);
    }
  }
  if (*s->p != '"') {
    goss_expected(s, error, "the quotation mark that ends a text");
    return NULL;
  }
  goss_skip(s, 1);
  return goss_text(s->g, text->str);
}

static JsonNode *number(GossParser *s, GError **error) {
  char *end, *real_end;

  errno = 0;
  gint64 whole = g_ascii_strtoll(s->p, &end, 0);
  double real = g_ascii_strtod(s->p, &real_end);
  if (errno != 0 || real_end == s->p) {
    goss_expected(s, error, "a number");
    return NULL;
  }
  gboolean is_real = real_end > end;
  goss_skip(s, (gsize)((is_real ? real_end : end) - s->p));
  return is_real ? goss_double(s->g, real) : goss_int(s->g, whole);
}

static gboolean no_function(GossParser *s, const char *name, GError **error) {
  const char *why = goss_function_left_out(name);

  return goss_fail(s->g, error, "there is no function \"%s\" here%s%s", name, why ? ": " : "",
                   why ? why : "");
}

/* true, false, nil, or the name of a function. */
static gboolean named(GossParser *s, GossOperand *o, GError **error) {
  gsize n = goss_word(s->p);
  char *name = goss_own_text(s, s->p, n);

  if (n == 0)
    return goss_expected(s, error, "a value");
  if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
    o->value = goss_bool(s->g, *name == 't');
  else if (strcmp(name, "nil") == 0)
    o->value = goss_null(s->g);
  else if (goss_function(name) == NULL)
    return no_function(s, name, error);
  o->kind = o->value ? GOSS_OPERAND_VALUE : GOSS_OPERAND_FUNCTION;
  o->name = name;
  goss_skip(s, n);
  return TRUE;
}

static gboolean fields(GossParser *s, GossOperand *o) {
  while (*s->p == '.' && goss_word(s->p + 1) > 0) {
    gsize n = goss_word(s->p + 1);
    if (!o->fields)
      o->fields = goss_own_array(s);
    g_ptr_array_add(o->fields, goss_own_text(s, s->p + 1, n));
    goss_skip(s, n + 1);
  }
  return TRUE;
}

static GossOperand *parse_operand(GossParser *s, GError **error) {
  GossOperand *o = GOSS_NEW(s, GossOperand);
  gboolean good = TRUE;

  o->line = s->g->line;
  if (*s->p == '.') {
    o->kind = GOSS_OPERAND_DOT;
    if (goss_word(s->p + 1) == 0)
      goss_skip(s, 1);
  } else if (*s->p == '$') {
    gsize n = goss_word(s->p + 1);
    o->kind = GOSS_OPERAND_VARIABLE;
    o->name = goss_own_text(s, s->p + 1, n);
    goss_skip(s, n + 1);
  } else if (*s->p == '(') {
    goss_skip(s, 1);
    o->kind = GOSS_OPERAND_PIPE;
    o->pipe = goss_pipe(s, FALSE, error);
    good = o->pipe && (*s->p == ')' || goss_expected(s, error, "')'"));
    goss_skip(s, good ? 1 : 0);
  } else if (*s->p == '"' || *s->p == '`') {
    o->value = goss_quoted(s, error);
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
static GossCommand *parse_command(GossParser *s, GError **error) {
  GossCommand *command = GOSS_NEW(s, GossCommand);

  command->operands = goss_own_array(s);
  for (goss_blanks(s); *s->p && *s->p != '|' && *s->p != ')' && !goss_at_end(s); goss_blanks(s)) {
    GossOperand *o = parse_operand(s, error);
    if (!o)
      return NULL;
    g_ptr_array_add(command->operands, o);
  }
  if (command->operands->len > 0)
    return command;
  goss_expected(s, error, "a value or a function");
  return NULL;
}

/* "$a :=", "$a, $b :=", "$a =": what stands there is only looked at until it is known to be one. */
static void parse_declaration(GossParser *s, GossPipe *pipe) {
  const char *p = s->p;
  char *names[2] = {NULL, NULL};
  guint n = 0;

  for (; n < 2 && *p == '$' && goss_word(p + 1) > 0; n++) {
    gsize length = goss_word(p + 1);
    names[n] = goss_own_text(s, p + 1, length);
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
  goss_skip(s, (gsize)(p - s->p) + (declares ? 2 : 1));
}

GossPipe *goss_pipe(GossParser *s, gboolean declarations, GError **error) {
  GossPipe *pipe = GOSS_NEW(s, GossPipe);

  if (++s->depth > CHK_GOSS_DEPTH_MAX) {
    goss_fail(s->g, error, "parentheses within more than %d others", CHK_GOSS_DEPTH_MAX);
    return NULL;
  }
  goss_blanks(s);
  pipe->line = s->g->line;
  pipe->commands = goss_own_array(s);
  if (declarations)
    parse_declaration(s, pipe);
  for (;;) {
    GossCommand *command = parse_command(s, error);
    if (!command)
      return NULL;
    g_ptr_array_add(pipe->commands, command);
    if (*s->p != '|')
      break;
    goss_skip(s, 1);
  }
  s->depth--;
  return pipe;
}
