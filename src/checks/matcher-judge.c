/* matcher-judge.c: whether a value is what a matcher wants.
 *
 * A value that is absent satisfies nothing but "absent" and "exists: false": a negation of what
 * cannot be looked at holds no more than the thing itself. */
#include "checks/matcher-internal.h"
#include "checks/text.h"

#include <string.h>

#define SHOWN_MAX 300

void chk_trace_note(Trace *trace, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *note = g_strdup_vprintf(format, args);
  va_end(args);
  if (!trace->chain)
    trace->chain = g_string_new(note);
  else if (!strstr(trace->chain->str, note) && trace->chain->len < 1000)
    g_string_append_printf(trace->chain, "; %s", note);
}

void chk_trace_why(Trace *trace, const char *format, ...) {
  va_list args;

  if (trace->text)
    return;
  va_start(args, format);
  trace->text = g_strdup_vprintf(format, args);
  va_end(args);
}

void chk_trace_clear(Trace *trace) {
  if (trace->chain)
    g_string_free(trace->chain, TRUE);
  g_free(trace->text);
  g_free(trace->expected);
  g_free(trace->observed);
  *trace = (Trace){0};
}

static ChkHolds of(gboolean holds) {
  return holds ? CHK_HOLDS : CHK_HOLDS_NOT;
}

static ChkHolds compare(const ChkMatcher *m, JsonNode *value, Trace *trace) {
  double n;

  if (!chk_value_number(value, m->kind, &n, trace)) {
    chk_trace_why(trace, "it is no number");
    return CHK_HOLDS_NOT;
  }
  if (m->kind == CHK_MODE && m->op == OP_AT_MOST)
    return of(((guint)n & ~(guint)m->number) == 0);
  if (m->kind == CHK_MODE && m->op == OP_AT_LEAST)
    return of(((guint)m->number & ~(guint)n) == 0);
  switch (m->op) {
  case OP_LESS:
    return of(n < m->number);
  case OP_AT_MOST:
    return of(n <= m->number);
  case OP_MORE:
    return of(n > m->number);
  case OP_AT_LEAST:
    return of(n >= m->number);
  default:
    return of(n >= m->number && n <= m->upper);
  }
}

static gboolean text_has(const ChkMatcher *m, const char *text, const char *wanted) {
  return m->op == OP_CONTAINS ? strstr(text, wanted) != NULL
         : m->op == OP_STARTS ? g_str_has_prefix(text, wanted)
                              : g_str_has_suffix(text, wanted);
}

static ChkHolds look_text(const ChkMatcher *m, JsonNode *value, Trace *trace) {
  g_autofree char *text = chk_value_as_text(value, trace);
  g_autoptr(GError) error = NULL;
  gboolean holds;

  if (!text) {
    chk_trace_why(trace, "it is no text");
    return CHK_HOLDS_NOT;
  }
  if (m->op == OP_MATCHES)
    return chk_regex_look(m->regex, text, trace);
  if (m->op == OP_SEMVER) {
    g_strchomp(text);
    if (chk_range_holds(m->range, text, &holds, &error))
      return of(holds);
    chk_trace_why(trace, "%s", error->message);
    return CHK_HOLDS_NOT;
  }
  if (m->op == OP_ENDS && g_str_has_suffix(text, "\n") && !g_str_has_suffix(m->names[0], "\n"))
    text[strlen(text) - 1] = '\0';
  for (char **wanted = m->names; *wanted; wanted++)
    if (!text_has(m, text, *wanted))
      return CHK_HOLDS_NOT;
  return CHK_HOLDS;
}

static ChkHolds look_length(const ChkMatcher *m, JsonNode *value, Trace *trace) {
  gint64 n;

  if (JSON_NODE_HOLDS_ARRAY(value)) {
    n = json_array_get_length(json_node_get_array(value));
  } else if (JSON_NODE_HOLDS_OBJECT(value)) {
    n = json_object_get_size(json_node_get_object(value));
  } else {
    g_autofree char *text = chk_value_as_text(value, trace);
    n = g_utf8_strlen(text, -1);
  }
  g_autoptr(JsonNode) length = json_node_init_int(json_node_alloc(), n);
  chk_trace_note(trace, "the length is %" G_GINT64_FORMAT, n);
  return chk_matcher_look(g_ptr_array_index(m->parts, 0), length, NULL, trace);
}

static ChkHolds look_keys(const ChkMatcher *m, JsonNode *value, Trace *trace) {
  if (!JSON_NODE_HOLDS_OBJECT(value)) {
    chk_trace_why(trace, "it is no object");
    return CHK_HOLDS_NOT;
  }
  JsonObject *object = json_node_get_object(value);
  for (char **name = m->names; m->op == OP_HAS_KEY && *name; name++)
    if (!json_object_has_member(object, *name)) {
      chk_trace_why(trace, "\"%s\" is missing", *name);
      return CHK_HOLDS_NOT;
    }
  if (m->op == OP_HAS_KEY)
    return CHK_HOLDS;
  g_autoptr(JsonArray) keys = json_array_new();
  g_autoptr(GList) names = json_object_get_members(object);
  for (GList *l = names; l; l = l->next)
    json_array_add_string_element(keys, l->data);
  g_autoptr(JsonNode) list = json_node_init_array(json_node_alloc(), keys);
  return chk_matcher_look(g_ptr_array_index(m->parts, 0), list, NULL, trace);
}

/* What one of several has to tell; the worst of them is heard, of equals the first. */
static void absorb(Trace *into, Trace *own, ChkHolds holds, ChkHolds so_far) {
  static const guint rank[] = {
      [CHK_HOLDS] = 0, [CHK_HOLDS_NO_CASE] = 1, [CHK_HOLDS_UNKNOWN] = 2, [CHK_HOLDS_NOT] = 3};

  if (own->chain && holds != CHK_HOLDS_NO_CASE)
    chk_trace_note(into, "%s", own->chain->str);
  if (rank[holds] > rank[so_far]) {
    g_free(into->text);
    g_free(into->expected);
    g_free(into->observed);
    into->text = g_steal_pointer(&own->text);
    into->expected = g_steal_pointer(&own->expected);
    into->observed = g_steal_pointer(&own->observed);
  }
  chk_trace_clear(own);
}

/* (transfer full); NULL: nothing is there. */
static JsonNode *place(const ChkMatcher *m, guint i, JsonNode *root) {
  if (root == NULL)
    return NULL;
  if (m->op == OP_GJSON)
    return chk_gjson_get(m->paths->pdata[i], root);
  JsonNode *found = wg_json_pointer(root, m->names[i]);
  return found ? json_node_ref(found) : NULL;
}

/* The failing place is told in place of the whole document. */
static ChkHolds look_at(const ChkMatcher *m, guint i, JsonNode *root, const ChkBefore *before,
                        Trace *trace) {
  const ChkMatcher *part = g_ptr_array_index(m->parts, i);
  g_autoptr(JsonNode) value = place(m, i, root);
  g_autoptr(JsonNode) earlier = before && before->known ? place(m, i, before->before) : NULL;
  ChkBefore then = {before && before->known, earlier};

  ChkHolds holds = chk_matcher_look(part, value, before ? &then : NULL, trace);
  if (holds == CHK_HOLDS || trace->expected)
    return holds;
  g_autofree char *expected = chk_matcher_text(part);
  g_autofree char *observed = chk_value_text(value, CHK_JSON, SHOWN_MAX);
  trace->expected = g_strdup_printf("at %s: %s", m->names[i], expected);
  trace->observed = g_strdup_printf("at %s: %s", m->names[i], observed);
  return holds;
}

/* All must hold; what is certainly wrong is told before what is not known. */
static ChkHolds both(ChkHolds a, ChkHolds b) {
  if (a == CHK_HOLDS_NOT || b == CHK_HOLDS_NOT)
    return CHK_HOLDS_NOT;
  if (a == CHK_HOLDS_UNKNOWN || b == CHK_HOLDS_UNKNOWN)
    return CHK_HOLDS_UNKNOWN;
  return a == CHK_HOLDS_NO_CASE ? b : a;
}

static ChkHolds look_json(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                          Trace *trace) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = NULL;
  ChkHolds holds = CHK_HOLDS_NO_CASE;

  if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING) {
    const char *text = json_node_get_string(value);
    doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);
    if (!doc || wg_problems_refuse(problems)) {
      chk_trace_why(trace, "the text is neither JSON nor YAML: %s",
                    wg_problems_n(problems) > 0 ? wg_problems_at(problems, 0)->text
                                                : "it is empty");
      return CHK_HOLDS_NOT;
    }
    chk_trace_note(trace, "text read as a document");
    value = wg_doc_root(doc);
  }
  for (guint i = 0; i < m->parts->len; i++) {
    Trace own = {0};
    ChkHolds one = look_at(m, i, value, before, &own);
    absorb(trace, &own, one, i == 0 ? CHK_HOLDS : holds);
    holds = both(holds, one);
  }
  return holds;
}

static ChkHolds look_and(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                         Trace *trace) {
  ChkHolds holds = CHK_HOLDS_NO_CASE;

  for (guint i = 0; i < m->parts->len; i++) {
    Trace own = {0};
    ChkHolds one = chk_matcher_look(g_ptr_array_index(m->parts, i), value, before, &own);
    absorb(trace, &own, one, i == 0 ? CHK_HOLDS : holds);
    holds = both(holds, one);
  }
  return holds;
}

static ChkHolds look_or(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                        Trace *trace) {
  ChkHolds holds = CHK_HOLDS_NOT;

  for (guint i = 0; i < m->parts->len; i++) {
    Trace own = {0};
    ChkHolds one = chk_matcher_look(g_ptr_array_index(m->parts, i), value, before, &own);
    if (one == CHK_HOLDS && own.chain)
      chk_trace_note(trace, "%s", own.chain->str);
    if (one == CHK_HOLDS_UNKNOWN && own.text)
      chk_trace_why(trace, "%s", own.text);
    chk_trace_clear(&own);
    if (one == CHK_HOLDS)
      return CHK_HOLDS;
    if (one == CHK_HOLDS_UNKNOWN || (one == CHK_HOLDS_NO_CASE && holds == CHK_HOLDS_NOT))
      holds = one;
  }
  return holds;
}

static gboolean asks_presence(const ChkMatcher *m) {
  if (m->op == OP_EXISTS || m->op == OP_ABSENT || m->op == OP_KEEPS)
    return TRUE;
  if (m->op != OP_NOT && m->op != OP_AND && m->op != OP_OR)
    return FALSE;
  for (guint i = 0; i < m->parts->len; i++)
    if (asks_presence(g_ptr_array_index(m->parts, i)))
      return TRUE;
  return FALSE;
}

static ChkHolds look_not(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                         Trace *trace) {
  Trace own = {0};
  ChkHolds holds = chk_matcher_look(g_ptr_array_index(m->parts, 0), value, before, &own);

  if (own.chain)
    chk_trace_note(trace, "%s", own.chain->str);
  if (own.text && holds != CHK_HOLDS_NOT)
    chk_trace_why(trace, "%s", own.text);
  chk_trace_clear(&own);
  return holds == CHK_HOLDS ? CHK_HOLDS_NOT : holds == CHK_HOLDS_NOT ? CHK_HOLDS : holds;
}

ChkHolds chk_matcher_look(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                          Trace *trace) {
  if (chk_is_absent(value) && !asks_presence(m)) {
    chk_trace_why(trace, "it is not there");
    return CHK_HOLDS_NOT;
  }
  switch (m->op) {
  case OP_EXISTS:
    return of(chk_is_absent(value) != m->flag);
  case OP_ABSENT:
    return of(chk_is_absent(value) == m->flag);
  case OP_EQUALS:
    return of(chk_value_equals(m->value, value, m->kind, trace));
  case OP_NOT:
    return look_not(m, value, before, trace);
  case OP_AND:
    return look_and(m, value, before, trace);
  case OP_OR:
  case OP_IN:
    return look_or(m, value, before, trace);
  case OP_LESS ... OP_BETWEEN:
    return compare(m, value, trace);
  case OP_MATCHES ... OP_ENDS:
  case OP_SEMVER:
    return look_text(m, value, trace);
  case OP_ANY ... OP_ONLY:
    return chk_list_look(m, value, trace);
  case OP_LENGTH:
    return look_length(m, value, trace);
  case OP_HAS_KEY:
  case OP_KEYS:
    return look_keys(m, value, trace);
  case OP_JSON:
  case OP_GJSON:
    return look_json(m, value, before, trace);
  case OP_LINES:
    return chk_lines_look(m->lines, value, trace);
  case OP_NO_NEW ... OP_NOT_HIGHER:
    return chk_before_look(m, value, before, trace);
  case _OP_MAX:
    break;
  }
  g_assert_not_reached();
}

void chk_matcher_judge(const ChkMatcher *matcher, JsonNode *value, const ChkBefore *before,
                       ChkMatch *ret) {
  Trace trace = {0};

  *ret = (ChkMatch){.holds = chk_matcher_look(matcher, value, before, &trace)};
  gboolean placed = ret->holds != CHK_HOLDS && trace.expected;
  ret->expected = placed ? g_steal_pointer(&trace.expected) : chk_matcher_text(matcher);
  ret->observed =
      placed ? g_steal_pointer(&trace.observed) : chk_value_text(value, matcher->kind, SHOWN_MAX);
  if (trace.chain)
    ret->chain = g_strdup(trace.chain->str);
  if (ret->holds != CHK_HOLDS)
    ret->text = g_steal_pointer(&trace.text);
  chk_trace_clear(&trace);
}

void chk_match_clear(ChkMatch *match) {
  g_free(match->expected);
  g_free(match->observed);
  g_free(match->chain);
  g_free(match->text);
  *match = (ChkMatch){0};
}
