/* load-check.c: one check of a verify file. */
#include "checks/load-internal.h"
#include "checks/matcher-operators.h"
#include "checks/types.h"

#include "common/nearest.h"

#include <string.h>

static void assertion_free(gpointer data) {
  ChkAssertion *a = data;

  g_free(a->key);
  chk_matcher_free(a->matcher);
  g_free(a);
}

void chk_check_free(ChkCheck *check) {
  g_free(check->name);
  g_free(check->subject);
  g_clear_pointer(&check->options, json_object_unref);
  g_clear_pointer(&check->wanted, json_object_unref);
  g_ptr_array_unref(check->expect);
  g_ptr_array_unref(check->warn);
  g_array_unref(check->needs);
  g_strfreev(check->tags);
  g_free(check->hint);
  g_free(check->unit);
  g_free(check);
}

static ChkCheck *check_new(void) {
  ChkCheck *check = g_new0(ChkCheck, 1);

  check->wanted = json_object_new();
  check->expect = g_ptr_array_new_with_free_func(assertion_free);
  check->warn = g_ptr_array_new_with_free_func(assertion_free);
  check->needs = g_array_new(FALSE, FALSE, sizeof(guint));
  return check;
}

static gboolean has_key(const ChkKey *keys, const char *name) {
  for (; keys && keys->name; keys++)
    if (strcmp(keys->name, name) == 0)
      return TRUE;
  return FALSE;
}

/* Whether `type` may be what the object is about: every other key that names a type is an option of
 * it ({postgresql: ..., user: app} is about postgresql). */
static gboolean may_be(const ChkType *type, const char *const *keys) {
  for (guint i = 0; keys[i]; i++)
    if (strcmp(keys[i], type->name) != 0 && chk_type_find(keys[i]) &&
        !has_key(type->options, keys[i]) && !chk_is_common_option(keys[i]))
      return FALSE;
  return TRUE;
}

static const ChkType *find_type(WgReader *reader, JsonObject *object) {
  g_autoptr(GList) members = json_object_get_members(object);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  const ChkType *found = NULL;
  guint n = 0, n_types = 0;

  for (GList *l = members; l; l = l->next)
    g_strv_builder_add(names, l->data);
  g_auto(GStrv) keys = g_strv_builder_end(names);
  for (guint i = 0; keys[i]; i++) {
    const ChkType *type = chk_type_find(keys[i]);
    n_types += type != NULL;
    if (type && may_be(type, (const char *const *)keys)) {
      found = type;
      n++;
    }
  }
  if (n == 1)
    return found;
  g_auto(GStrv) types = chk_types_names();
  g_autofree char *hint = NULL;
  for (guint i = 0; keys[i] && !hint; i++)
    if (!chk_is_common_option(keys[i]))
      hint = wg_nearest_hint(keys[i], (const char *const *)types);
  wg_reader_problem(reader, NULL, "%s%s%s",
                    n_types > 1 ? "a check has one type, this has several"
                                : "a check needs exactly one key that is a type",
                    hint ? "; " : "", hint ? hint : "");
  return NULL;
}

/* "" when it was refused: what else is wrong with the check is told all the same. */
static char *read_subject(WgReader *reader, const ChkType *type) {
  JsonNode *node = wg_reader_node(reader, type->name);

  if (JSON_NODE_HOLDS_VALUE(node)) {
    GType t = json_node_get_value_type(node);
    if (t == G_TYPE_STRING && *json_node_get_string(node))
      return json_node_dup_string(node);
    if (t == G_TYPE_INT64)
      return json_to_string(node, FALSE);
  }
  wg_reader_problem(reader, type->name, "%s%s is needed",
                    g_str_has_prefix(type->subject_help, "a ") ? "" : "a ", type->subject_help);
  return g_strdup("");
}

static const ChkKey *find_value(const ChkType *type, const char *name) {
  for (const ChkKey *key = type->values; key && key->name; key++)
    if (strcmp(key->name, name) == 0 || strcmp(key->name, "*") == 0)
      return key;
  return NULL;
}

static void unknown_value(ChkLoad *load, const ChkType *type, const char *name,
                          const char *pointer) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (const ChkKey *key = type->values; key && key->name; key++)
    g_strv_builder_add(names, key->name);
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known);
  g_autofree char *all = hint ? NULL : g_strjoinv(", ", known);
  wg_problems_add(load->problems, load->doc ? wg_doc_line(load->doc, pointer) : 0, pointer,
                  "%s has no value \"%s\"; %s%s", type->name, name, hint ? hint : "it has ",
                  hint ? "" : all);
}

static void read_assertions(ChkLoad *load, ChkCheck *check, JsonNode *node, const char *pointer,
                            GPtrArray *into) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  if (!JSON_NODE_HOLDS_OBJECT(node) || json_object_get_size(json_node_get_object(node)) == 0) {
    wg_problems_add(load->problems, load->doc ? wg_doc_line(load->doc, pointer) : 0, pointer,
                    JSON_NODE_HOLDS_OBJECT(node)
                        ? "nothing is expected, so nothing would be checked"
                        : "an object of values and what they should be is needed");
    return;
  }
  json_object_iter_init_ordered(&iter, json_node_get_object(node));
  while (json_object_iter_next_ordered(&iter, &name, &member)) {
    g_autofree char *place = chk_pointer_join(pointer, name);
    const ChkKey *key = find_value(check->type, name);
    if (!key) {
      unknown_value(load, check->type, name, place);
      continue;
    }
    ChkMatcher *matcher = chk_matcher_new(load->doc, member, place, key->kind, load->problems);
    if (!matcher)
      continue;
    ChkAssertion *a = g_new0(ChkAssertion, 1);
    *a = (ChkAssertion){g_strdup(name), key->kind, matcher};
    g_ptr_array_add(into, a);
    json_object_set_boolean_member(check->wanted, name, TRUE);
  }
}

/* One of the type's own defaults. */
static void read_text(ChkLoad *load, ChkCheck *check, WgReader *reader, const char *text,
                      GPtrArray *into) {
  g_autoptr(JsonNode) node = json_from_string(text, NULL);

  g_assert_nonnull(node);
  read_assertions(load, check, node, wg_reader_pointer(reader), into);
}

static void read_default(ChkLoad *load, ChkCheck *check, WgReader *reader) {
  const char *text = check->type->default_value;

  if (!text) {
    if (check->warn->len == 0)
      wg_reader_problem(reader, NULL,
                        "a check of type %s needs \"expect\": by itself it asserts nothing",
                        check->type->name);
    return;
  }
  read_text(load, check, reader, text, check->expect);
  if (check->warn->len == 0 && check->type->default_warn)
    read_text(load, check, reader, check->type->default_warn, check->warn);
}

static gboolean asks(const ChkCheck *check, const char *option) {
  JsonNode *given = check->options ? json_object_get_member(check->options, option) : NULL;

  return given &&
         (json_node_get_value_type(given) != G_TYPE_BOOLEAN || json_node_get_boolean(given));
}

static gboolean is_asserted(const ChkCheck *check, const char *const *values) {
  for (; *values; values++)
    if (json_object_has_member(check->wanted, *values))
      return TRUE;
  return FALSE;
}

/* What the check asks for and says nothing about. */
static void read_asked(ChkLoad *load, ChkCheck *check, WgReader *reader) {
  for (const ChkAsked *asked = check->type->asked; asked && asked->option; asked++)
    if (asks(check, asked->option) && !is_asserted(check, asked->answers))
      read_text(load, check, reader, asked->asserts, check->expect);
}

static void read_expectations(ChkLoad *load, ChkCheck *check, WgReader *reader) {
  const char *pointer = wg_reader_pointer(reader);
  g_autofree char *expect = g_strconcat(pointer, "/expect", NULL);
  g_autofree char *warn = g_strconcat(pointer, "/warn", NULL);
  JsonNode *expected = wg_reader_node(reader, "expect"), *warned = wg_reader_node(reader, "warn");

  if (warned)
    read_assertions(load, check, warned, warn, check->warn);
  if (expected)
    read_assertions(load, check, expected, expect, check->expect);
  else
    read_default(load, check, reader);
  read_asked(load, check, reader);
}

static void read_name(ChkLoad *load, ChkCheck *check, WgReader *reader) {
  const char *name = wg_reader_text(reader, "name", NULL);

  if (!name && !*check->subject) { /* told; it cannot be mistaken for another one */
    check->name = g_strdup("");
    return;
  }
  check->name =
      name && *name ? g_strdup(name) : g_strdup_printf("%s %s", check->type->name, check->subject);
  if (name && (*name == '@' || *name == '\0'))
    wg_reader_problem(reader, "name", "a name is not empty and does not begin with \"@\"");
  gpointer other = g_hash_table_lookup(load->names, check->name);
  if (!other) {
    g_hash_table_insert(load->names, check->name, GUINT_TO_POINTER(load->plan->checks->len + 1));
    return;
  }
  ChkCheck *first = g_ptr_array_index(load->plan->checks, GPOINTER_TO_UINT(other) - 1);
  wg_reader_problem(
      reader, name ? "name" : NULL,
      "two checks are named \"%s\"; the first stands in line %u: give one another \"name\"",
      check->name, first->line);
}

static void validate(ChkCheck *check, WgReader *reader) {
  g_autoptr(ChkFlaws) flaws = chk_flaws_new();

  if (check->type->validate)
    check->type->validate(check->subject, check->options, flaws);
  for (guint i = 0; i < chk_flaws_n(flaws); i++) {
    const ChkFlaw *flaw = chk_flaws_at(flaws, i);
    wg_reader_problem(reader, flaw->option ? flaw->option : check->type->name, "%s", flaw->text);
  }
}

static void read_rest(ChkLoad *load, ChkCheck *check, WgReader *reader) {
  ChkDefaults d = load->defaults;

  chk_load_common(reader, &d);
  check->level = d.level;
  check->priority = d.priority;
  check->attempts = d.attempts;
  check->successes = d.successes;
  check->pause = d.pause;
  check->timeout = d.timeout;
  check->initial_delay = d.initial_delay;
  check->back_off = d.back_off;
  check->tags = wg_reader_texts(reader, "tags");
  check->hint = g_strdup(wg_reader_text(reader, "hint", NULL));
  check->secret = wg_reader_bool(reader, "secret", FALSE);
  check->unit =
      chk_type_find("unit") == check->type ? NULL : g_strdup(wg_reader_text(reader, "unit", NULL));
  if (check->unit && !find_value(check->type, "peer"))
    wg_reader_problem(reader, "unit",
                      "a check of type %s talks to nobody, so it belongs to no unit",
                      check->type->name);
  if (check->unit)
    json_object_set_boolean_member(check->wanted, "peer", TRUE);
}

void chk_load_check(ChkLoad *load, JsonNode *node, const char *pointer) {
  WgReader *reader = wg_reader_new(load->doc, node, pointer, load->problems);
  const ChkType *type =
      JSON_NODE_HOLDS_OBJECT(node) ? find_type(reader, json_node_get_object(node)) : NULL;

  if (!type) {
    wg_reader_drop(reader);
    return;
  }
  ChkCheck *check = check_new();
  check->type = type;
  check->subject = read_subject(reader, type);
  check->line = load->doc ? wg_doc_line(load->doc, pointer) : 0;
  check->options = chk_load_options(reader, type);
  read_name(load, check, reader);
  if (*check->subject)
    validate(check, reader);
  read_expectations(load, check, reader);
  read_rest(load, check, reader);
  g_ptr_array_add(load->requires, wg_reader_texts(reader, "requires"));
  g_ptr_array_add(load->pointers, g_strdup(pointer));
  g_ptr_array_add(load->plan->checks, check);
  wg_reader_end(reader);
}
