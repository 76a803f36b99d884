/* policy.c: see policy.h. The whole of a policy out of its text; what is wrong in one part does not
 * hide what is wrong in another. */
#include "delivery/policy.h"

#include "common/config.h"
#include "common/doc.h"
#include "delivery/digest.h"
#include "delivery/policy-private.h"

#include <string.h>

#define ENTRY_NAME_MAX 64
#define DIGEST_TEXT_MAX 400 /* characters of the template */

DlvPolicy *dlv_policy_ref(DlvPolicy *policy) {
  g_ref_count_inc(&policy->refs);
  return policy;
}

void dlv_policy_unref(DlvPolicy *policy) {
  if (!policy || !g_ref_count_dec(&policy->refs))
    return;
  for (guint i = 0; i < policy->n_entries; i++) {
    g_free(policy->entries[i].conditions.priority_text);
    dlv_hours_free(policy->entries[i].conditions.hours);
  }
  for (guint i = 0; i < policy->n_quiet; i++) {
    g_free(policy->quiet[i].except_text);
    dlv_hours_free(policy->quiet[i].hours);
  }
  g_free(policy->entries);
  g_free(policy->quiet);
  g_free(policy->digest_text);
  g_clear_pointer(&policy->root, json_node_unref);
  g_free(policy);
}

/* A member of a wrong type counts as not there: it was told by the table. */
static JsonArray *array_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *object_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonObject *element_of(JsonArray *array, guint i) {
  JsonNode *node = json_array_get_element(array, i);

  return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *text_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

/* The default of a key as the table, and so the manual, says it. */
static guint64 default_time(const char *section, const char *name) {
  guint64 usec = 0;

  for (const DlvKey *key = dlv_policy_keys; key->section; key++)
    if (strcmp(key->section, section) == 0 && strcmp(key->option.name, name) == 0)
      g_assert(!key->default_text || wg_parse_usec(key->default_text, &usec, NULL));
  return usec;
}

static guint64 time_of(JsonObject *object, const char *section, const char *name) {
  return dlv_option_time(object, name, default_time(section, name));
}

/* ---- back-ends ---- */
static const DlvBackendClass *class_named(DlvCheck *c, const char *use) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; c->classes[i]; i++) {
    if (strcmp(c->classes[i]->name, use) == 0)
      return c->classes[i];
    g_ptr_array_add(names, (gpointer)c->classes[i]->name);
  }
  g_autofree char *hint = dlv_check_known(use, names);
  gsize before = dlv_check_enter(c, "use");
  dlv_check_problem(c, "no back-end '%.80s'; %s", use, hint);
  dlv_check_leave(c, before);
  return NULL;
}

static gboolean name_good(const char *name) {
  return *name && strlen(name) <= ENTRY_NAME_MAX &&
         strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name);
}

/* The entry before `i` with that name; -1: none. */
static int entry_named(const DlvPolicy *policy, guint i, const char *name) {
  for (guint k = 0; k < i; k++)
    if (policy->entries[k].name && strcmp(policy->entries[k].name, name) == 0)
      return (int)k;
  return -1;
}

static gboolean read_name(DlvCheck *c, const DlvPolicy *policy, guint i, DlvEntry *entry) {
  const char *name = text_of(entry->options, "name");
  gsize before = dlv_check_enter(c, "name");
  gboolean good = TRUE;

  entry->name = name ?: text_of(entry->options, "use");
  int same = entry->name ? entry_named(policy, i, entry->name) : -1;
  if (name && !name_good(name))
    good = dlv_check_problem(c, "'%.80s' is no name: letters, digits, '.', '_' and '-', at most %d",
                             name, ENTRY_NAME_MAX);
  else if (same >= 0)
    good = dlv_check_problem(c, "/backends/%d is called '%s', too; give one another \"name\"", same,
                             entry->name);
  dlv_check_leave(c, before);
  return good;
}

static gboolean read_entry(DlvCheck *c, DlvPolicy *policy, guint i, JsonObject *object) {
  DlvEntry *entry = &policy->entries[i];
  const char *use = text_of(object, "use");
  gboolean good = TRUE;

  entry->options = object;
  if (use && *use)
    good = (entry->class = class_named(c, use)) != NULL;
  good &= dlv_check_members(c, object, "backends",
                            entry->class ? entry->class->options : dlv_options_unknown);
  good &= read_name(c, policy, i, entry);
  good &= dlv_read_conditions(c, object, &entry->conditions);
  if (!good)
    return FALSE;
  entry->escalate = dlv_option_time(object, "escalate", 0);
  entry->hold_max = time_of(object, "backends", "hold-max");
  entry->timeout = time_of(object, "backends", "timeout");
  entry->retry = time_of(object, "backends", "retry");
  return TRUE;
}

static gboolean read_entries(DlvCheck *c, DlvPolicy *policy, JsonObject *root) {
  JsonArray *list = array_of(root, "backends");
  gboolean good = TRUE;

  policy->n_entries = list ? MIN(json_array_get_length(list), DLV_POLICY_ENTRIES_MAX) : 0;
  policy->entries = g_new0(DlvEntry, policy->n_entries);
  gsize before = dlv_check_enter(c, "backends");
  for (guint i = 0; i < policy->n_entries; i++) {
    JsonObject *object = element_of(list, i);
    gsize here = dlv_check_enter_index(c, i);
    if (object)
      good &= read_entry(c, policy, i, object);
    dlv_check_leave(c, here);
  }
  dlv_check_leave(c, before);
  return good;
}

/* ---- the rest ---- */
static gboolean read_quiets(DlvCheck *c, DlvPolicy *policy, JsonObject *root) {
  JsonArray *list = array_of(root, "quiet");
  gboolean good = TRUE;

  policy->n_quiet = list ? MIN(json_array_get_length(list), DLV_POLICY_LIST_MAX) : 0;
  policy->quiet = g_new0(DlvQuiet, policy->n_quiet);
  gsize before = dlv_check_enter(c, "quiet");
  for (guint i = 0; i < policy->n_quiet; i++) {
    JsonObject *object = element_of(list, i);
    gsize here = dlv_check_enter_index(c, i);
    if (object)
      good &= dlv_read_quiet(c, object, &policy->quiet[i]);
    dlv_check_leave(c, here);
  }
  dlv_check_leave(c, before);
  return good;
}

static gboolean read_rate(DlvCheck *c, DlvPolicy *policy, JsonObject *root) {
  JsonObject *rate = object_of(root, "rate");
  gsize before = dlv_check_enter(c, "rate");
  gboolean good = !rate || dlv_check_members(c, rate, "rate", NULL);

  dlv_check_leave(c, before);
  if (rate && good) {
    policy->rate_max = (guint)dlv_option_number(rate, "max", 0);
    policy->rate_per = time_of(rate, "rate", "per");
  }
  return good;
}

static gboolean read_digest_text(DlvCheck *c, JsonObject *digest, char **ret) {
  const char *text = text_of(digest, "text");
  gsize before = dlv_check_enter(c, "text");
  GError *error = NULL;
  gboolean good = TRUE;

  if (text && !*g_strstrip(*ret = g_strdup(text)))
    good = dlv_check_problem(c, "'text' is empty; leave it out for the usual line");
  else if (text && g_utf8_strlen(text, -1) > DIGEST_TEXT_MAX)
    good = dlv_check_problem(c, "'text' has more than %d characters", DIGEST_TEXT_MAX);
  else if (text && !dlv_digest_check(text, &error))
    good = dlv_check_error(c, error);
  dlv_check_leave(c, before);
  return good;
}

static gboolean read_digest(DlvCheck *c, DlvPolicy *policy, JsonObject *root) {
  JsonObject *digest = object_of(root, "digest");

  if (!digest)
    return TRUE;
  gsize before = dlv_check_enter(c, "digest");
  gboolean good = dlv_check_members(c, digest, "digest", NULL);
  good &= read_digest_text(c, digest, &policy->digest_text);
  dlv_check_leave(c, before);
  if (good)
    policy->digest_window = time_of(digest, "digest", "window");
  return good;
}

static void take_over(DlvCheck *c, const WgProblem *problem) {
  gsize before = c->pointer->len;

  g_string_append(c->pointer, problem->pointer);
  if (problem->column)
    dlv_check_problem(c, "line %u, column %u: %s", problem->line, problem->column, problem->text);
  else
    dlv_check_problem(c, "%s", problem->text);
  dlv_check_leave(c, before);
}

static JsonNode *load(DlvCheck *c, const char *json) {
  static const WgDocBounds bounds = {"the policy", DLV_POLICY_BYTES_MAX, DLV_POLICY_DEPTH_MAX,
                                     DLV_POLICY_BYTES_MAX};
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse_within(json, strlen(json), WG_DOC_JSON, &bounds, problems);

  for (guint i = 0; i < wg_problems_n(problems); i++)
    take_over(c, wg_problems_at(problems, i));
  if (!doc || wg_problems_refuse(problems))
    return NULL;
  json_node_seal(wg_doc_root(doc)); /* a policy is shared */
  return json_node_ref(wg_doc_root(doc));
}

static gboolean read_all(DlvCheck *c, DlvPolicy *policy, const char *json) {
  policy->root = load(c, json);
  if (!policy->root)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT(policy->root))
    return dlv_check_problem(c, "a policy is an object: {\"backends\": [...]}");
  JsonObject *root = json_node_get_object(policy->root);
  gboolean good = dlv_check_members(c, root, "", NULL);
  good &= read_entries(c, policy, root);
  good &= read_quiets(c, policy, root);
  good &= read_rate(c, policy, root);
  good &= read_digest(c, policy, root);
  return good;
}

DlvPolicy *dlv_policy_parse(const char *json, const DlvBackendClass *const *classes,
                            GPtrArray *problems) {
  g_autoptr(DlvPolicy) policy = g_new0(DlvPolicy, 1);
  g_autoptr(GString) pointer = g_string_new(NULL);
  DlvCheck check = {.problems = problems, .pointer = pointer, .classes = classes};

  g_ref_count_init(&policy->refs);
  return read_all(&check, policy, json) ? g_steal_pointer(&policy) : NULL;
}

DlvProblem *dlv_policy_entry_problem(guint i, const GError *error) {
  g_autofree char *pointer = g_strdup_printf("/backends/%u", i);

  return dlv_problem_new(pointer, error->message);
}

char *dlv_problems_text(const GPtrArray *problems) {
  GString *text = g_string_new(NULL);

  for (guint i = 0; i < problems->len; i++) {
    const DlvProblem *problem = problems->pdata[i];
    g_string_append_printf(text, "%s%s: %s", i ? "\n" : "",
                           *problem->pointer ? problem->pointer : "the policy", problem->text);
  }
  return g_string_free(text, FALSE);
}
