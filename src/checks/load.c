/* load.c: a verify file as a plan. Everything is read before anything is refused, so that a person
 * mends a file in one go; the order is: variables, defaults, checks, then what names checks. */
#include "checks/load-internal.h"
#include "checks/matcher-operators.h"

#include "common/nearest.h"

#include <string.h>

static ChkPlan *plan_new(void) {
  ChkPlan *plan = g_atomic_rc_box_new0(ChkPlan);

  plan->checks = g_ptr_array_new_with_free_func((GDestroyNotify)chk_check_free);
  plan->groups = g_ptr_array_new();
  plan->waivers = g_ptr_array_new();
  return plan;
}

/* The file's variables with `vars` over them; values as they stand. */
static JsonObject *merged_vars(JsonObject *file, JsonObject *vars) {
  JsonObject *all = json_object_new();
  JsonNode *own = json_object_get_member(file, "vars");

  for (guint i = 0; i < 2; i++) {
    JsonObject *from = i == 1                               ? vars
                       : own && JSON_NODE_HOLDS_OBJECT(own) ? json_node_get_object(own)
                                                            : NULL;
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    if (!from)
      continue;
    json_object_iter_init(&iter, from);
    while (json_object_iter_next(&iter, &name, &node))
      json_object_set_member(all, name, json_node_ref(node));
  }
  return all;
}

/* A copy of the file with its variables replaced everywhere but in "vars". */
static JsonNode *expanded(JsonNode *node, WgDoc *doc, const char *pointer, JsonObject *vars,
                          WgProblems *problems) {
  g_autoptr(JsonObject) all = merged_vars(json_node_get_object(node), vars);
  g_autoptr(JsonObject) copy = json_object_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  json_object_iter_init_ordered(&iter, json_node_get_object(node));
  while (json_object_iter_next_ordered(&iter, &name, &member)) {
    g_autofree char *place = chk_pointer_join(pointer, name);
    json_object_set_member(copy, name,
                           strcmp(name, "vars") == 0
                               ? json_node_ref(member)
                               : chk_vars_expand(member, all, doc, place, problems));
  }
  return json_node_init_object(json_node_alloc(), copy);
}

static void load_element(ChkLoad *load, JsonNode *node, const char *pointer) {
  if (JSON_NODE_HOLDS_OBJECT(node) && json_object_has_member(json_node_get_object(node), "preset"))
    chk_load_preset(load, node, pointer);
  else
    chk_load_check(load, node, pointer);
}

/* A preset may also be listed by its name alone. */
static void load_presets(ChkLoad *load, WgReader *reader) {
  for (guint i = 0; i < wg_reader_length(reader, "presets"); i++) {
    g_autofree char *pointer = g_strdup_printf("%s/presets/%u", wg_reader_pointer(reader), i);
    JsonNode *node = wg_reader_element_node(reader, "presets", i);
    g_autoptr(JsonNode) made = NULL;
    if (JSON_NODE_HOLDS_VALUE(node)) {
      made = json_node_init_object(json_node_alloc(), json_object_new());
      json_object_unref(json_node_get_object(made));
      json_object_set_member(json_node_get_object(made), "preset", json_node_ref(node));
      node = made;
    }
    chk_load_preset(load, node, pointer);
  }
}

static void load_groups(ChkLoad *load, WgReader *reader) {
  for (guint i = 0; i < wg_reader_length(reader, "groups"); i++) {
    g_autofree char *pointer = g_strdup_printf("%s/groups/%u", wg_reader_pointer(reader), i);
    chk_load_group(load, wg_reader_element_node(reader, "groups", i), pointer);
  }
  for (guint i = 0; i < load->groups->len; i++)
    chk_load_group(load, g_ptr_array_index(load->groups, i),
                   g_ptr_array_index(load->group_pointers, i));
}

/* "settle: {for, units, ...}" is a check of type "settle" after all others. */
static void load_settle(ChkLoad *load, WgReader *reader) {
  WgReader *settle = wg_reader_object(reader, "settle");

  if (!settle)
    return;
  g_auto(GStrv) units = wg_reader_texts(settle, "units");
  g_autofree char *subject = g_strjoinv(" ", units);
  guint64 span = wg_reader_usec(settle, "for", 0, CHK_DEADLINE_MAX, 10 * G_USEC_PER_SEC);
  if (!*units)
    wg_reader_problem(settle, "units", "the units that have to stay well are needed");
  g_autofree char *pointer = g_strdup(wg_reader_pointer(settle));
  wg_reader_drop(settle);
  if (!*subject)
    return;
  g_autoptr(JsonObject) check = json_object_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  json_object_iter_init_ordered(&iter, json_node_get_object(wg_reader_node(reader, "settle")));
  while (json_object_iter_next_ordered(&iter, &name, &node))
    if (strcmp(name, "units") != 0)
      json_object_set_member(check, name, json_node_ref(node));
  json_object_set_string_member(check, "settle", subject);
  if (!json_object_has_member(check, "name"))
    json_object_set_string_member(check, "name", "settle");
  if (!json_object_has_member(check, "timeout"))
    json_object_set_double_member(check, "timeout", (double)span / G_USEC_PER_SEC + 10);
  g_autoptr(JsonNode) made = json_node_init_object(json_node_alloc(), check);
  guint before = load->plan->checks->len;
  chk_load_check(load, made, pointer);
  if (load->plan->checks->len > before)
    ((ChkCheck *)g_ptr_array_index(load->plan->checks, before))->after_all = TRUE;
}

static void load_file(ChkLoad *load, WgReader *reader) {
  const char *name = wg_reader_text(reader, "name", "verification");

  load->plan->name = g_strdup(name);
  load->plan->deadline =
      wg_reader_usec(reader, "deadline", 1000, CHK_DEADLINE_MAX, CHK_DEADLINE_DEFAULT);
  load->plan->parallel =
      (guint)wg_reader_int(reader, "parallel", 1, CHK_PARALLEL_MAX, CHK_PARALLEL_DEFAULT);
  WgReader *vars = wg_reader_object(reader, "vars");
  if (vars)
    wg_reader_drop(vars);
  WgReader *defaults = wg_reader_object(reader, "defaults");
  if (defaults) {
    chk_load_common(defaults, &load->defaults);
    wg_reader_end(defaults);
  }
  for (guint i = 0; i < wg_reader_length(reader, "checks"); i++) {
    g_autofree char *pointer = g_strdup_printf("%s/checks/%u", wg_reader_pointer(reader), i);
    load_element(load, wg_reader_element_node(reader, "checks", i), pointer);
  }
  load_presets(load, reader);
  load_settle(load, reader);
  chk_load_requires(load);
  load_groups(load, reader);
  chk_load_waivers(load, reader);
  if (load->plan->checks->len == 0 && !wg_problems_refuse(load->problems))
    wg_reader_problem(reader, "checks", "there is nothing to check");
}

static void load_init(ChkLoad *load, WgDoc *doc, ChkPlan *plan, WgProblems *problems) {
  *load = (ChkLoad){.doc = doc,
                    .problems = problems,
                    .plan = plan,
                    .defaults = {.level = CHK_REQUIRED,
                                 .priority = CHK_PRIORITY_NORMAL,
                                 .attempts = 1,
                                 .successes = 1,
                                 .pause = G_USEC_PER_SEC,
                                 .timeout = 10 * G_USEC_PER_SEC,
                                 .back_off = 1},
                    .names = g_hash_table_new(g_str_hash, g_str_equal),
                    .requires = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev),
                    .pointers = g_ptr_array_new_with_free_func(g_free),
                    .groups = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref),
                    .group_pointers = g_ptr_array_new_with_free_func(g_free)};
}

static void load_clear(ChkLoad *load) {
  g_hash_table_unref(load->names);
  g_ptr_array_unref(load->requires);
  g_ptr_array_unref(load->pointers);
  g_ptr_array_unref(load->groups);
  g_ptr_array_unref(load->group_pointers);
}

ChkPlan *chk_plan_load(JsonNode *node, WgDoc *doc, const char *pointer, JsonObject *vars,
                       WgProblems *problems) {
  g_autoptr(ChkPlan) plan = plan_new();
  g_autoptr(JsonNode) copy = JSON_NODE_HOLDS_OBJECT(node)
                                 ? expanded(node, doc, pointer, vars, problems)
                                 : json_node_ref(node);
  WgReader *reader = wg_reader_new(doc, copy, pointer, problems);
  ChkLoad load;

  load_init(&load, doc, plan, problems);
  load_file(&load, reader);
  wg_reader_end(reader);
  load_clear(&load);
  return wg_problems_refuse(problems) ? NULL : g_steal_pointer(&plan);
}

/* What makes no sense for one that stands alone and is repeated by somebody else. */
static void refuse_relations(JsonNode *node, WgDoc *doc, const char *pointer,
                             WgProblems *problems) {
  static const char *const keys[] = {"requires", "attempts", "pause",         "back-off",
                                     "level",    "priority", "initial-delay", "successes"};

  for (guint i = 0; JSON_NODE_HOLDS_OBJECT(node) && i < G_N_ELEMENTS(keys); i++)
    if (json_object_has_member(json_node_get_object(node), keys[i])) {
      g_autofree char *place = chk_pointer_join(pointer, keys[i]);
      wg_problems_add(problems, doc ? wg_doc_line(doc, place) : 0, place,
                      "\"%s\" belongs to the checks of a verify file, not to a probe", keys[i]);
    }
}

static void hand_over(const WgProblems *from, WgProblems *to) {
  for (guint i = 0; i < wg_problems_n(from); i++) {
    const WgProblem *problem = wg_problems_at(from, i);
    wg_problems_take(to, problem, g_strdup(problem->text));
  }
}

ChkPlan *chk_plan_load_one(JsonNode *check, WgDoc *doc, const char *pointer, WgProblems *problems) {
  g_autoptr(ChkPlan) plan = plan_new();
  g_autoptr(WgProblems) own = wg_problems_new(); /* those of others do not refuse this one */
  ChkLoad load;

  plan->name = g_strdup("probe");
  plan->deadline = CHK_DEADLINE_MAX;
  plan->parallel = 1;
  load_init(&load, doc, plan, own);
  refuse_relations(check, doc, pointer, own);
  chk_load_check(&load, check, pointer);
  load_clear(&load);
  hand_over(own, problems);
  return !wg_problems_refuse(own) && plan->checks->len == 1 ? g_steal_pointer(&plan) : NULL;
}
