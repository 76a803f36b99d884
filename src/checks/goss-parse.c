/* goss-parse.c: the text of a template, parsed: texts and actions into a tree. Recursive, bounded
 * in depth; every error names its line. */
#include "checks/goss-parse.h"

#include <string.h>

/* ---- texts and actions ---- */
static gboolean end_action(GossParser *s, GError **error) {
  goss_blanks(s);
  if (!goss_at_end(s))
    return goss_expected(s, error, "\"}}\"");
  s->trim = *s->p == '-';
  goss_skip(s, s->trim ? 3 : 2);
  return TRUE;
}

static gboolean parse_list(GossParser *s, GPtrArray *to, GError **error);

/* After "if", "range" or "with": to its "end". */
static gboolean parse_block(GossParser *s, GossNode *node, GError **error) {
  node->pipe = goss_pipe(s, TRUE, error);
  node->body = goss_own_array(s);
  if (!node->pipe || !end_action(s, error) || !parse_list(s, node->body, error))
    return FALSE;
  if (!s->keyword)
    return goss_fail(s->g, error, "the text ends before {{end}}");
  if (strcmp(s->keyword, "end") == 0)
    return end_action(s, error);
  node->otherwise = goss_own_array(s);
  goss_blanks(s);
  if (goss_is_word(s, "if") || goss_is_word(s, "with")) { /* "else if" has the same "end" */
    GossNode *inner = GOSS_NEW(s, GossNode);
    inner->kind = goss_is_word(s, "if") ? GOSS_IF : GOSS_WITH;
    goss_skip(s, goss_word(s->p));
    g_ptr_array_add(node->otherwise, inner);
    return parse_block(s, inner, error);
  }
  if (!end_action(s, error) || !parse_list(s, node->otherwise, error))
    return FALSE;
  if (g_strcmp0(s->keyword, "end") != 0)
    return goss_fail(s->g, error, "expected {{end}} after {{else}}");
  return end_action(s, error);
}

/* ---- named templates ---- */
static const char *template_name(GossParser *s, GError **error) {
  goss_skip(s, goss_word(s->p));
  goss_blanks(s);
  if (*s->p != '"' && *s->p != '`') {
    goss_expected(s, error, "the name of a template, as a text");
    return NULL;
  }
  JsonNode *name = goss_quoted(s, error);
  goss_blanks(s);
  return name ? json_node_get_string(name) : NULL;
}

static gboolean parse_named(GossParser *s, const char *name, GError **error) {
  GPtrArray *body = goss_own_array(s);

  if (!end_action(s, error) || !parse_list(s, body, error))
    return FALSE;
  if (g_strcmp0(s->keyword, "end") != 0)
    return goss_fail(s->g, error, "the text ends before the {{end}} of template \"%s\"", name);
  g_hash_table_replace(s->g->named, (gpointer)name, body);
  return end_action(s, error);
}

/* "define" stands outside of everything, and prints nothing. */
static gboolean parse_define(GossParser *s, GError **error) {
  if (s->depth > 1)
    return goss_fail(s->g, error, "{{define}} stands in no block");
  const char *name = template_name(s, error);
  return name && parse_named(s, name, error);
}

/* "template NAME" or "template NAME VALUE"; "block" has its own text besides. */
static gboolean parse_template(GossParser *s, GossNode *node, GError **error) {
  gboolean is_block = goss_is_word(s, "block");
  const char *name = template_name(s, error);

  if (!name)
    return FALSE;
  node->kind = GOSS_TEMPLATE;
  node->text = (char *)name;
  if (is_block || !goss_at_end(s)) {
    node->pipe = goss_pipe(s, FALSE, error);
    if (!node->pipe)
      return FALSE;
  }
  return is_block ? parse_named(s, name, error) : end_action(s, error);
}

/* "{{" is behind us. *ret_stop: a keyword that ends the list. */
static gboolean parse_action(GossParser *s, GPtrArray *to, gboolean *ret_stop, GError **error) {
  static const char *const blocks[] = {"if", "range", "with"};
  static const GossNodeKind kinds[] = {GOSS_IF, GOSS_RANGE, GOSS_WITH};
  GossNode *node = GOSS_NEW(s, GossNode);

  goss_blanks(s);
  *ret_stop = goss_is_word(s, "end") || goss_is_word(s, "else");
  if (*ret_stop) {
    s->keyword = goss_is_word(s, "end") ? "end" : "else";
    goss_skip(s, goss_word(s->p));
    return TRUE;
  }
  if (goss_is_word(s, "define"))
    return parse_define(s, error);
  g_ptr_array_add(to, node);
  for (guint i = 0; i < G_N_ELEMENTS(blocks); i++)
    if (goss_is_word(s, blocks[i])) {
      node->kind = kinds[i];
      goss_skip(s, goss_word(s->p));
      return parse_block(s, node, error);
    }
  if (goss_is_word(s, "break") || goss_is_word(s, "continue")) {
    node->kind = goss_is_word(s, "break") ? GOSS_BREAK : GOSS_CONTINUE;
    goss_skip(s, goss_word(s->p));
    return end_action(s, error);
  }
  if (goss_is_word(s, "template") || goss_is_word(s, "block"))
    return parse_template(s, node, error);
  node->kind = GOSS_PRINT;
  node->pipe = goss_pipe(s, TRUE, error);
  return node->pipe && end_action(s, error);
}

static gboolean skip_comment(GossParser *s, GError **error) {
  const char *close = strstr(s->p, "*/");

  if (!close)
    return goss_fail(s->g, error, "a comment does not end");
  goss_skip(s, (gsize)(close - s->p) + 2);
  return end_action(s, error);
}

/* The text up to the next action, without the goss_blanks that "{{-" and "-}}" take. */
static void take_text(GossParser *s, GPtrArray *to, const char *action) {
  const char *begin = s->p, *end = action ? action : s->p + strlen(s->p);
  gboolean trims = action && action[2] == '-' && strchr(" \t\r\n", action[3]) && action[3];

  if (s->trim)
    begin += MIN(strspn(begin, " \t\r\n"), (gsize)(end - begin));
  while (trims && end > begin && strchr(" \t\r\n", end[-1]))
    end--;
  if (end > begin) {
    GossNode *node = GOSS_NEW(s, GossNode);
    node->kind = GOSS_TEXT;
    node->text = goss_own_text(s, begin, (gsize)(end - begin));
    g_ptr_array_add(to, node);
  }
  s->trim = FALSE;
  goss_skip(s, action ? (gsize)(action - s->p) + 2 : strlen(s->p));
  if (trims)
    goss_skip(s, 1);
}

static gboolean parse_list(GossParser *s, GPtrArray *to, GError **error) {
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
  GossParser s = {.g = g, .p = text};

  g->line = 1;
  g->root = goss_own_array(&s);
  if (!parse_list(&s, g->root, error))
    return FALSE;
  return s.keyword == NULL || goss_fail(g, error, "{{%s}} without a block", s.keyword);
}
