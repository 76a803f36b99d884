/* matcher.c: see matcher.h: an object's keys become operators, all of which must hold. */
#include "checks/matcher-operators.h"

#include "common/nearest.h"

#include <string.h>

const char *const chk_operator_names[] = {"equals",
                                          "not",
                                          "less",
                                          "at-most",
                                          "more",
                                          "at-least",
                                          "between",
                                          "matches",
                                          "contains",
                                          "starts",
                                          "ends",
                                          "in",
                                          "any",
                                          "all",
                                          "none",
                                          "has",
                                          "only",
                                          "length",
                                          "has-key",
                                          "keys",
                                          "semver",
                                          "json",
                                          "gjson",
                                          "lines",
                                          "and",
                                          "or",
                                          "exists",
                                          "absent",
                                          "no-new",
                                          "keeps",
                                          "at-most-baseline",
                                          "not-higher",
                                          NULL};
G_STATIC_ASSERT(G_N_ELEMENTS(chk_operator_names) == _OP_MAX + 1);

ChkMatcher *chk_matcher_alloc(Op op, ChkKind kind) {
  ChkMatcher *m = g_new0(ChkMatcher, 1);

  m->op = op;
  m->kind = kind;
  m->parts = g_ptr_array_new_with_free_func((GDestroyNotify)chk_matcher_free);
  m->lines = g_ptr_array_new_with_free_func((GDestroyNotify)chk_line_free);
  m->paths = g_ptr_array_new_with_free_func((GDestroyNotify)chk_gjson_free);
  return m;
}

void chk_matcher_free(ChkMatcher *m) {
  if (!m)
    return;
  g_clear_pointer(&m->value, json_node_unref);
  g_ptr_array_unref(m->parts);
  g_ptr_array_unref(m->lines);
  g_ptr_array_unref(m->paths);
  g_strfreev(m->names);
  g_clear_pointer(&m->regex, g_regex_unref);
  g_clear_pointer(&m->range, chk_range_free);
  g_free(m->written);
  g_free(m);
}

char *chk_pointer_join(const char *pointer, const char *name) {
  g_autoptr(GString) s = g_string_new(name);

  g_string_replace(s, "~", "~0", 0);
  g_string_replace(s, "/", "~1", 0);
  return g_strconcat(pointer, "/", s->str, NULL);
}

static void problem(WgDoc *doc, const char *pointer, WgProblems *problems, const char *text) {
  wg_problems_add(problems, doc ? wg_doc_line(doc, pointer) : 0, pointer, "%s", text);
}

static int operator_find(const char *name) {
  for (int i = 0; i < _OP_MAX; i++)
    if (strcmp(chk_operators[i].name, name) == 0)
      return i;
  return -1;
}

/* {"/status": "ok"} alone is short for {"json": {"/status": "ok"}}. */
static gboolean all_pointers(JsonObject *object) {
  JsonObjectIter iter;
  const char *name;

  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &name, NULL))
    if (*name != '/')
      return FALSE;
  return json_object_get_size(object) > 0;
}

static ChkMatcher *one_operator(WgDoc *doc, const char *name, JsonNode *operand,
                                const char *pointer, ChkKind kind, WgProblems *problems) {
  g_autofree char *place = chk_pointer_join(pointer, name);
  int op = operator_find(name);

  if (op >= 0)
    return chk_operator_parse((Op)op, doc, operand, place, kind, problems);
  g_autofree char *hint = wg_nearest_hint(name, chk_operator_names);
  g_autofree char *text =
      g_strdup_printf("unknown matcher \"%s\"%s%s", name, hint ? "; " : "", hint ? hint : "");
  problem(doc, place, problems, text);
  return NULL;
}

static ChkMatcher *from_object(WgDoc *doc, JsonNode *node, const char *pointer, ChkKind kind,
                               WgProblems *problems) {
  JsonObject *object = json_node_get_object(node);
  g_autoptr(ChkMatcher) all = chk_matcher_alloc(OP_AND, kind);
  JsonObjectIter iter;
  const char *name;
  JsonNode *operand;
  gboolean good = TRUE;

  if (json_object_get_size(object) == 0) {
    problem(doc, pointer, problems, "an empty matcher asserts nothing");
    return NULL;
  }
  if (all_pointers(object))
    return chk_operator_parse(OP_JSON, doc, node, pointer, kind, problems);
  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &name, &operand)) {
    ChkMatcher *part = one_operator(doc, name, operand, pointer, kind, problems);
    if (part)
      g_ptr_array_add(all->parts, part);
    good = good && part;
  }
  if (!good)
    return NULL;
  if (all->parts->len == 1)
    return g_ptr_array_steal_index(all->parts, 0);
  return g_steal_pointer(&all);
}

ChkMatcher *chk_matcher_new(WgDoc *doc, JsonNode *node, const char *pointer, ChkKind kind,
                            WgProblems *problems) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return from_object(doc, node, pointer, kind, problems);
  /* a list for a text is a list of lines to look for */
  Op op = JSON_NODE_HOLDS_ARRAY(node) && kind == CHK_TEXT ? OP_LINES : OP_EQUALS;
  return chk_operator_parse(op, doc, node, pointer, kind, problems);
}

static void append_parts(GString *s, const ChkMatcher *m, const char *join) {
  for (guint i = 0; i < m->parts->len; i++) {
    g_autofree char *part = chk_matcher_text(g_ptr_array_index(m->parts, i));
    g_string_append_printf(s, "%s%s", i > 0 ? join : "", part);
  }
}

static void append_pointers(GString *s, const ChkMatcher *m) {
  for (guint i = 0; i < m->parts->len; i++) {
    g_autofree char *part = chk_matcher_text(g_ptr_array_index(m->parts, i));
    g_string_append_printf(s, "%sat %s: %s", i > 0 ? ", " : "", m->names[i], part);
  }
}

static const char *words_of(const ChkMatcher *m) {
  static const char *const words[_OP_MAX] = {
      [OP_EQUALS] = "",
      [OP_NOT] = "not ",
      [OP_LESS] = "less than ",
      [OP_AT_MOST] = "at most ",
      [OP_MORE] = "more than ",
      [OP_AT_LEAST] = "at least ",
      [OP_BETWEEN] = "between ",
      [OP_MATCHES] = "matching ",
      [OP_CONTAINS] = "containing ",
      [OP_STARTS] = "starting with ",
      [OP_ENDS] = "ending with ",
      [OP_IN] = "one of ",
      [OP_ANY] = "any element ",
      [OP_ALL] = "every element ",
      [OP_NONE] = "no element ",
      [OP_HAS] = "having ",
      [OP_ONLY] = "only ",
      [OP_LENGTH] = "of length ",
      [OP_HAS_KEY] = "with key ",
      [OP_KEYS] = "keys ",
      [OP_SEMVER] = "a version in ",
      [OP_JSON] = "",
      [OP_GJSON] = "",
      [OP_LINES] = "lines ",
      [OP_AND] = "",
      [OP_OR] = "",
      [OP_EXISTS] = "",
      [OP_ABSENT] = "",
      [OP_NO_NEW] = "nothing that was not there before",
      [OP_KEEPS] = "what was there before",
      [OP_AT_MOST_BASELINE] = "at most the baseline times ",
      [OP_NOT_HIGHER] = "not higher than the baseline",
  };

  if (m->op == OP_EXISTS || m->op == OP_ABSENT)
    return (m->op == OP_EXISTS) == m->flag ? "there" : "absent";
  return words[m->op];
}

char *chk_matcher_text(const ChkMatcher *m) {
  GString *s = g_string_new(words_of(m));

  if (m->op == OP_JSON || m->op == OP_GJSON)
    append_pointers(s, m);
  else if (m->op == OP_ONLY && m->parts->len == 0)
    g_string_assign(s, "an empty list");
  else if (m->parts->len > 0)
    append_parts(s, m, m->op == OP_OR ? " or " : m->op == OP_AND ? " and " : ", ");
  else if (m->op < OP_EXISTS || m->op == OP_AT_MOST_BASELINE)
    g_string_append(s, m->written);
  return g_string_free(s, FALSE);
}

gboolean chk_matcher_needs_baseline(const ChkMatcher *m) {
  if (m->op >= OP_NO_NEW)
    return TRUE;
  for (guint i = 0; i < m->parts->len; i++)
    if (chk_matcher_needs_baseline(g_ptr_array_index(m->parts, i)))
      return TRUE;
  return FALSE;
}

gboolean chk_matcher_is_costly(const ChkMatcher *m) {
  if (m->op == OP_MATCHES)
    return TRUE;
  for (guint i = 0; i < m->lines->len; i++)
    if (((Line *)g_ptr_array_index(m->lines, i))->regex)
      return TRUE;
  for (guint i = 0; i < m->parts->len; i++)
    if (chk_matcher_is_costly(g_ptr_array_index(m->parts, i)))
      return TRUE;
  return FALSE;
}
