/* matcher-list.c: matchers of lists, and those that compare with the baseline. */
#include "checks/matcher-internal.h"

#include "checks/text.h"

#include <string.h>

ChkKind chk_element_kind(ChkKind kind) {
  return kind == CHK_TEXTS ? CHK_TEXT : kind;
}

/* How many elements of `array` the matcher holds for; UNKNOWN in `ret` spoils. */
static guint count(const ChkMatcher *part, JsonArray *array, ChkHolds *ret) {
  guint n = 0;

  *ret = CHK_HOLDS;
  for (guint i = 0; i < json_array_get_length(array); i++) {
    Trace trace = {0};
    ChkHolds holds = chk_matcher_look(part, json_array_get_element(array, i), NULL, &trace);
    chk_trace_clear(&trace);
    n += holds == CHK_HOLDS;
    if (holds == CHK_HOLDS_UNKNOWN)
      *ret = CHK_HOLDS_UNKNOWN;
  }
  return n;
}

static ChkHolds quantified(const ChkMatcher *m, JsonArray *array, Trace *trace) {
  ChkHolds known;
  guint length = json_array_get_length(array);
  guint n = count(g_ptr_array_index(m->parts, 0), array, &known);

  if (known == CHK_HOLDS_UNKNOWN) {
    chk_trace_why(trace, "not every element could be judged");
    return known;
  }
  if (m->op == OP_ALL && length == 0) {
    chk_trace_why(trace, "the list is empty");
    return CHK_HOLDS_NOT;
  }
  if (m->op == OP_ANY ? n > 0 : m->op == OP_ALL ? n == length : n == 0)
    return CHK_HOLDS;
  chk_trace_why(trace, "%u of %u elements", n, length);
  return CHK_HOLDS_NOT;
}

/* Each wanted element stands for one of the list; with `only` nothing else is left. Greedy first by
 * order, then by trying others: an augmenting path, so that ["a", {starts: a}] finds its pairs. */
typedef struct {
  JsonArray *array;
  const GPtrArray *parts;
  gint *taken_by; /* of the array's elements: a part, or -1 */
} Pairing;

static gboolean pair(Pairing *p, guint part, gboolean *tried) {
  for (guint i = 0; i < json_array_get_length(p->array); i++) {
    Trace trace = {0};
    if (tried[i])
      continue;
    ChkHolds holds = chk_matcher_look(g_ptr_array_index(p->parts, part),
                                      json_array_get_element(p->array, i), NULL, &trace);
    chk_trace_clear(&trace);
    if (holds != CHK_HOLDS)
      continue;
    tried[i] = TRUE;
    if (p->taken_by[i] < 0 || pair(p, (guint)p->taken_by[i], tried)) {
      p->taken_by[i] = (gint)part;
      return TRUE;
    }
  }
  return FALSE;
}

static ChkHolds elements(const ChkMatcher *m, JsonArray *array, Trace *trace) {
  guint length = json_array_get_length(array);
  g_autofree gint *taken_by = g_new(gint, length + 1);
  g_autofree gboolean *tried = g_new(gboolean, length + 1);
  g_autoptr(GString) bad = g_string_new(NULL);
  Pairing p = {array, m->parts, taken_by};

  for (guint i = 0; i < length; i++)
    taken_by[i] = -1;
  for (guint i = 0; i < m->parts->len; i++) {
    memset(tried, 0, sizeof(gboolean) * (length + 1));
    if (pair(&p, i, tried))
      continue;
    g_autofree char *text = chk_matcher_text(g_ptr_array_index(m->parts, i));
    g_string_append_printf(bad, "%s%s", bad->len ? ", " : "missing: ", text);
  }
  for (guint i = 0; m->op == OP_ONLY && i < length; i++)
    if (taken_by[i] < 0) {
      g_autofree char *text = json_to_string(json_array_get_element(array, i), FALSE);
      g_string_append_printf(bad, "%sunexpected %s", bad->len ? "; " : "", text);
    }
  if (bad->len == 0)
    return CHK_HOLDS;
  chk_trace_why(trace, "%s", bad->str);
  return CHK_HOLDS_NOT;
}

ChkHolds chk_list_look(const ChkMatcher *m, JsonNode *value, Trace *trace) {
  if (!JSON_NODE_HOLDS_ARRAY(value)) {
    chk_trace_why(trace, "it is no list");
    return CHK_HOLDS_NOT;
  }
  JsonArray *array = json_node_get_array(value);
  return m->op == OP_HAS || m->op == OP_ONLY ? elements(m, array, trace)
                                             : quantified(m, array, trace);
}

static gboolean array_has(JsonArray *array, JsonNode *wanted) {
  for (guint i = 0; i < json_array_get_length(array); i++) {
    Trace trace = {0};
    gboolean same = chk_value_equals(wanted, json_array_get_element(array, i), CHK_JSON, &trace);
    chk_trace_clear(&trace);
    if (same)
      return TRUE;
  }
  return FALSE;
}

static ChkHolds no_new(JsonNode *value, JsonNode *before, Trace *trace) {
  g_autoptr(GString) new = g_string_new(NULL);

  if (!JSON_NODE_HOLDS_ARRAY(value) || !JSON_NODE_HOLDS_ARRAY(before)) {
    chk_trace_why(trace, "it is no list");
    return CHK_HOLDS_NOT;
  }
  JsonArray *array = json_node_get_array(value);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *element = json_array_get_element(array, i);
    if (array_has(json_node_get_array(before), element))
      continue;
    g_autofree char *text = json_to_string(element, FALSE);
    g_string_append_printf(new, "%s%s", new->len ? ", " : "new: ", text);
  }
  if (new->len == 0)
    return CHK_HOLDS;
  chk_trace_why(trace, "%s", new->str);
  return CHK_HOLDS_NOT;
}

/* What was there is still there: elements of a list, keys of an object, else the thing itself. */
static ChkHolds keeps(JsonNode *value, JsonNode *before, Trace *trace) {
  g_autoptr(GString) lost = g_string_new(NULL);

  if (chk_is_absent(value)) {
    chk_trace_why(trace, "it is not there any more");
    return CHK_HOLDS_NOT;
  }
  if (JSON_NODE_TYPE(value) != JSON_NODE_TYPE(before) || JSON_NODE_HOLDS_VALUE(before))
    return CHK_HOLDS;
  if (JSON_NODE_HOLDS_ARRAY(before)) {
    JsonArray *array = json_node_get_array(before);
    for (guint i = 0; i < json_array_get_length(array); i++) {
      JsonNode *element = json_array_get_element(array, i);
      g_autofree char *text = json_to_string(element, FALSE);
      if (!array_has(json_node_get_array(value), element))
        g_string_append_printf(lost, "%s%s", lost->len ? ", " : "lost: ", text);
    }
  } else {
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(before));
    for (GList *l = names; l; l = l->next)
      if (!json_object_has_member(json_node_get_object(value), l->data))
        g_string_append_printf(lost, "%s\"%s\"", lost->len ? ", " : "lost: ", (char *)l->data);
  }
  if (lost->len == 0)
    return CHK_HOLDS;
  chk_trace_why(trace, "%s", lost->str);
  return CHK_HOLDS_NOT;
}

ChkHolds chk_before_look(const ChkMatcher *m, JsonNode *value, const ChkBefore *before,
                         Trace *trace) {
  double now, then;

  if (!before || !before->known) {
    chk_trace_why(trace, "there is no baseline of this check; record one with --record");
    return CHK_HOLDS_UNKNOWN;
  }
  if (chk_is_absent(before->before)) {
    chk_trace_why(trace, "it was not there when the baseline was recorded");
    return CHK_HOLDS_NO_CASE;
  }
  if (m->op == OP_NO_NEW)
    return no_new(value, before->before, trace);
  if (m->op == OP_KEEPS)
    return keeps(value, before->before, trace);
  if (!chk_value_number(value, m->kind, &now, trace) ||
      !chk_value_number(before->before, m->kind, &then, trace)) {
    chk_trace_why(trace, "it is no number");
    return CHK_HOLDS_NOT;
  }
  g_autofree char *text = chk_value_text(before->before, m->kind, 100);
  chk_trace_note(trace, "the baseline is %s", text);
  /* bits of a mode: none that was not there */
  if (m->kind == CHK_MODE)
    return ((guint)now & ~(guint)then) == 0 ? CHK_HOLDS : CHK_HOLDS_NOT;
  return now <= then * (m->op == OP_NOT_HIGHER ? 1 : m->number) ? CHK_HOLDS : CHK_HOLDS_NOT;
}
