/* test-load.c: verify files: what a good one becomes, and for wrong ones the whole list of
 * problems, with line and pointer. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "fake-types.h"

#include <string.h>

typedef struct {
  const char *yaml, *problems; /* as wg_problems_text(), without the file's name */
} Wrong;

#define CHECK "checks:\n"

static const Wrong wrongs[] = {
    {"[]", "1: : "},
    {"{}", "1: /checks: there is nothing to check"},
    {"checks: []", "1: /checks: there is nothing to check"},
    {"chekcs: []\n" CHECK "- fake: pass", "1: /chekcs: "},
    {"parallel: 0\n" CHECK "- fake: pass", "1: /parallel: "},
    {"parallel: 1000\n" CHECK "- fake: pass", "1: /parallel: "},
    {"deadline: 2h\n" CHECK "- fake: pass", "1: /deadline: "},
    {"deadline: soon\n" CHECK "- fake: pass", "1: /deadline: "},
    {"defaults: {timeout: 0s}\n" CHECK "- fake: pass", "1: /defaults/timeout: "},
    {"defaults: {tries: 3}\n" CHECK "- fake: pass", "1: /defaults/tries: "},
    {"defaults: {back-off: 0.5}\n" CHECK "- fake: pass",
     "1: /defaults/back-off: the factor of the pauses is from 1 to 100"},
    {CHECK "- {}", "2: /checks/0: a check needs exactly one key that is a type"},
    {CHECK "- pass", "2: /checks/0: "},
    {CHECK "- fak: pass",
     "2: /checks/0: a check needs exactly one key that is a type; did you mean fake?"},
    {CHECK "- {fake: pass, mute: x, expect: {ok: true}}",
     "2: /checks/0: a check has one type, this has several"},
    {CHECK "- fake: ''", "2: /checks/0/fake: a script is needed"},
    {CHECK "- fake: [pass]", "2: /checks/0/fake: a script is needed"},
    {CHECK "- fake: impossible", "2: /checks/0/fake: this can never be"},
    {CHECK "- {fake: pass, cuont: 5}", "2: /checks/0/cuont: "},
    {CHECK "- {fake: pass, count: five}", "2: /checks/0/count: \"five\" is no number"},
    {CHECK "- {fake: pass, count: 1.5}", "2: /checks/0/count: a whole number is needed"},
    {CHECK "- {fake: pass, wait: long}", "2: /checks/0/wait: "},
    {CHECK "- {fake: pass, really: 1}", "2: /checks/0/really: true or false is needed"},
    {CHECK "- {fake: pass, names: {a: b}}",
     "2: /checks/0/names: a text or a list of texts is needed"},
    {CHECK "- {fake: pass, perm: 999}", "2: /checks/0/perm: \"999\" is no file mode"},
    {CHECK "- {fake: pass, as: [x]}", "2: /checks/0/as: a text is needed"},
    {CHECK "- {fake: pass, timeout: 0}", "2: /checks/0/timeout: "},
    {CHECK "- {fake: pass, attempts: 0}", "2: /checks/0/attempts: "},
    {CHECK "- {fake: pass, successes: 0}", "2: /checks/0/successes: "},
    {CHECK "- {fake: pass, level: optional}", "2: /checks/0/level: "},
    {CHECK "- {fake: pass, priority: urgent}", "2: /checks/0/priority: "},
    {CHECK "- {fake: pass, tags: {a: b}}", "2: /checks/0/tags: "},
    {CHECK "- {fake: pass, name: '@x'}",
     "2: /checks/0/name: a name is not empty and does not begin with \"@\""},
    {CHECK "- mute: x",
     "2: /checks/0: a check of type mute needs \"expect\": by itself it asserts nothing"},
    {CHECK "- {fake: pass, expect: {}}",
     "2: /checks/0/expect: nothing is expected, so nothing would be checked"},
    {CHECK "- {fake: pass, expect: 5}",
     "2: /checks/0/expect: an object of values and what they should be is needed"},
    {CHECK "- {fake: pass, warn: {}}",
     "2: /checks/0/warn: nothing is expected, so nothing would be checked"},
    {CHECK "- {fake: pass, expect: {oki: true}}",
     "2: /checks/0/expect/oki: fake has no value \"oki\"; did you mean ok?"},
    {CHECK "- {fake: pass, expect: {whatever: true}}",
     "2: /checks/0/expect/whatever: fake has no value \"whatever\"; it has ok, n, text"},
    {CHECK "- fake: pass\n  expect:\n    text: []\n    n: {lss: 5}\n    texts: {has: []}",
     "4: /checks/0/expect/text: an empty list of lines asserts nothing\n"
     "5: /checks/0/expect/n/lss: unknown matcher \"lss\"; did you mean less?\n"
     "6: /checks/0/expect/texts/has: \"has\" of nothing asserts nothing"},
    {CHECK "- fake: pass\n- fake: pass",
     "3: /checks/1: two checks are named \"fake pass\"; the first stands in line 2"},
    {CHECK "- {fake: pass, requires: [nobody]}",
     "2: /checks/0/requires: no check is named \"nobody\""},
    {CHECK "- {fake: pass, name: web}\n- {fake: fail, requires: wbe}",
     "3: /checks/1/requires: no check is named \"wbe\"; did you mean web?"},
    {CHECK "- {fake: pass, requires: '@none'}",
     "2: /checks/0/requires: no check has the tag \"none\""},
    {CHECK "- {fake: pass, name: a, requires: a}",
     "2: /checks/0/requires: the requirements go in a circle: \"a\" requires \"a\""},
    {CHECK "- {fake: pass, name: a, requires: c}\n- {fake: pass, name: b, requires: a}\n"
           "- {fake: pass, name: c, requires: b}",
     "2: /checks/0/requires: the requirements go in a circle: \"a\" requires \"c\" requires \"b\" "
     "requires \"a\""},
    {CHECK "- fake: ${port}", "2: /checks/0/fake: unknown variable \"port\""},
    {"vars: {prot: 1}\n" CHECK "- fake: a${port}b",
     "3: /checks/0/fake: unknown variable \"port\"; did you mean prot?"},
    {CHECK "- fake: a${port", "2: /checks/0/fake: \"${\" without \"}\""},
    {CHECK "- fake: pass\ngroups: [{checks: [fake pass], at-least: 80%}]",
     "3: /groups/0: 'name' is missing"},
    {CHECK "- fake: pass\ngroups: [{name: g, at-least: 80%}]",
     "3: /groups/0/checks: a group without checks asserts nothing"},
    {CHECK "- fake: pass\ngroups: [{name: g, checks: [fake pass]}]",
     "3: /groups/0/at-least: a share like \"80%\""},
    {CHECK "- fake: pass\ngroups: [{name: g, checks: [fake pass], at-least: 120%}]",
     "3: /groups/0/at-least: a share like \"80%\""},
    {CHECK "- fake: pass\ngroups: [{name: g, checks: [fake pass], at-least: 2}]",
     "3: /groups/0/at-least: the group has 1 members"},
    {CHECK "- fake: pass\ngroups: [{name: g, checks: [fake], at-least: 1}]",
     "3: /groups/0/checks: no check is named \"fake\""},
    {CHECK "- fake: pass\nwaivers: [{check: '*', reason: r, owner: o}]",
     "3: /waivers/0: 'expires' is missing"},
    {CHECK "- fake: pass\nwaivers: [{check: '*', expires: 2030-01-01}]",
     "3: /waivers/0: 'reason' is missing\n3: /waivers/0: 'owner' is missing"},
    {CHECK "- fake: pass\nwaivers: [{check: '*', reason: r, owner: o, expires: 2030-02-30}]",
     "3: /waivers/0/expires: \"2030-02-30\" is no day"},
    {CHECK "- preset: no-such-thing", "2: /checks/0/preset: unknown preset \"no-such-thing\""},
    {CHECK "- {hung: x, unit: a.service, expect: {exists: true}}",
     "2: /checks/0/expect/exists: hung has no value \"exists\""},
    {CHECK "- fake: pass\nsettle: {for: 10s}", "3: /settle/units: "},
};

static WgProblems *load(const char *yaml, ChkPlan **ret) {
  WgProblems *problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(yaml, strlen(yaml), WG_DOC_YAML, problems);

  g_assert_nonnull(doc);
  *ret = chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems);
  return problems;
}

/* Each problem begins with what is wanted of it, and there are no others. */
static void test_wrong(void) {
  for (guint i = 0; i < G_N_ELEMENTS(wrongs); i++) {
    g_autoptr(ChkPlan) plan = NULL;
    g_autoptr(WgProblems) problems = load(wrongs[i].yaml, &plan);
    g_auto(GStrv) wanted = g_strsplit(wrongs[i].problems, "\n", -1);
    g_autofree char *text = wg_problems_text(problems, "x");
    gboolean same = plan == NULL && wg_problems_n(problems) >= g_strv_length(wanted);
    for (guint k = 0; same && wanted[k]; k++) {
      const WgProblem *p = wg_problems_at(problems, k);
      g_autofree char *line = g_strdup_printf("%u: %s: %s", p->line, p->pointer, p->text);
      same = g_str_has_prefix(line, wanted[k]);
    }
    if (!same || wg_problems_n(problems) != g_strv_length(wanted))
      g_error("file %u:\n%s\nproblems:\n%s", i, wrongs[i].yaml, text);
  }
}

static const ChkCheck *at(const ChkPlan *plan, guint i) {
  return g_ptr_array_index(plan->checks, i);
}

static void test_good(void) {
  g_autoptr(ChkPlan) plan = fake_plan("name: shop\n"
                                      "deadline: 5min\n"
                                      "parallel: 8\n"
                                      "defaults: {timeout: 2s, attempts: 3, level: wanted}\n"
                                      "vars: {port: 8080, host: a, x-y.z: '${port}'}\n"
                                      "x-note: nobody reads this\n"
                                      "checks:\n"
                                      "- fake: pass\n"
                                      "  name: web on ${host}:${port}\n"
                                      "  count: ${port}\n"
                                      "  as: ${port}\n"
                                      "  names: one\n"
                                      "  hung: like a type\n"
                                      "  expect: {ok: true, n: {less: 5}}\n"
                                      "  warn: {time: {less: 500ms}}\n"
                                      "  level: required\n"
                                      "  tags: [smoke, web]\n"
                                      "  attempts: 5\n"
                                      "  pause: 100ms\n"
                                      "  back-off: 2\n"
                                      "  hint: $${HOME} and ${x-y.z}\n"
                                      "- {fake: fail, requires: ['@smoke'], unit: a.service}\n"
                                      "groups: [{name: g, checks: ['@web'], at-least: 80%}]\n"
                                      "waivers: [{check: 'web*', reason: r, owner: o, "
                                      "expires: 2999-12-31}]\n");
  const ChkCheck *web = at(plan, 0), *other = at(plan, 1);

  g_assert_cmpstr(plan->name, ==, "shop");
  g_assert_cmpuint(plan->deadline, ==, 300 * (guint64)G_USEC_PER_SEC);
  g_assert_cmpuint(plan->parallel, ==, 8);
  g_assert_cmpstr(web->name, ==, "web on a:8080");
  g_assert_cmpint(json_object_get_int_member(web->options, "count"), ==, 8080);
  g_assert_cmpstr(json_object_get_string_member(web->options, "as"), ==, "8080");
  g_assert_cmpstr(json_object_get_string_member(web->options, "hung"), ==, "like a type");
  g_assert_cmpuint(json_object_get_size(web->wanted), ==, 3);
  g_assert_cmpuint(web->expect->len, ==, 2);
  g_assert_cmpint(web->level, ==, CHK_REQUIRED);
  g_assert_cmpuint(web->attempts, ==, 5);
  g_assert_cmpuint(web->pause, ==, 100000);
  g_assert_cmpuint(web->timeout, ==, 2 * G_USEC_PER_SEC);
  g_assert_cmpstr(web->hint, ==, "${HOME} and ${port}");
  g_assert_nonnull(web->waiver);
  g_assert_true(web->grouped);
  g_assert_cmpuint(web->line, ==, 8);
  g_assert_cmpstr(other->name, ==, "fake fail");
  g_assert_cmpuint(other->attempts, ==, 3);
  g_assert_cmpint(other->level, ==, CHK_WANTED);
  g_assert_cmpuint(other->needs->len, ==, 1);
  g_assert_cmpstr(other->unit, ==, "a.service");
  g_assert_true(json_object_has_member(other->wanted, "peer"));
  g_assert_null(other->waiver);
}

static void test_waivers(void) {
  g_autoptr(ChkPlan) plan = NULL;
  g_autoptr(WgProblems) problems =
      load("checks: [{fake: pass}]\n"
           "waivers:\n"
           "- {check: 'fake*', reason: r, owner: o, expires: 2020-01-01}\n"
           "- {check: nothing, reason: r, owner: o, expires: 2999-01-01}\n",
           &plan);

  g_assert_nonnull(plan);
  g_assert_cmpuint(wg_problems_n(problems), ==, 2);
  g_assert_nonnull(strstr(wg_problems_at(problems, 0)->text, "expired on 2020-01-01"));
  g_assert_nonnull(strstr(wg_problems_at(problems, 1)->text, "for no check"));
  g_assert_null(at(plan, 0)->waiver);
}

static void test_select(void) {
  const char *const only[] = {"c", NULL}, *const skip[] = {"@odd", NULL};
  const char *const wrong[] = {"q", NULL};
  const char *file = "checks:\n"
                     "- {fake: pass, name: a, tags: odd}\n"
                     "- {fake: pass, name: b}\n"
                     "- {fake: pass, name: c, requires: a}\n"
                     "groups: [{name: g, at-least: 1, checks: [a, b]}]\n";
  g_autoptr(ChkPlan) plan = fake_plan(file), rest = fake_plan(file);
  g_autoptr(GError) error = NULL;

  g_assert_true(chk_plan_select(plan, only, NULL, NULL));
  g_assert_cmpuint(plan->checks->len, ==, 2);
  g_assert_cmpint(chk_plan_find(plan, "b"), ==, -1);
  g_assert_cmpuint(g_array_index(at(plan, 1)->needs, guint, 0), ==, 0);
  g_assert_cmpuint(plan->groups->len, ==, 0);
  g_assert_false(at(plan, 0)->grouped);
  g_assert_true(chk_plan_select(rest, NULL, skip, NULL));
  g_assert_cmpuint(rest->checks->len, ==, 2);
  g_assert_cmpuint(at(rest, 1)->needs->len, ==, 0);
  g_assert_false(chk_plan_select(rest, wrong, NULL, &error));
  g_assert_nonnull(strstr(error->message, "no check is named \"q\""));
}

/* Variables given by the caller replace those of the file. */
static void test_vars(void) {
  const char *yaml = "vars: {a: 1, b: 2}\nchecks: [{fake: '${a}-${b}'}]\n";
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(yaml, strlen(yaml), WG_DOC_YAML, problems);
  g_autoptr(JsonObject) vars = json_object_new();

  json_object_set_string_member(vars, "b", "x");
  g_autoptr(ChkPlan) plan = chk_plan_load(wg_doc_root(doc), doc, "", vars, problems);
  g_assert_nonnull(plan);
  g_assert_cmpstr(at(plan, 0)->subject, ==, "1-x");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  fake_types_install();
  g_test_add_func("/load/wrong", test_wrong);
  g_test_add_func("/load/good", test_good);
  g_test_add_func("/load/waivers", test_waivers);
  g_test_add_func("/load/select", test_select);
  g_test_add_func("/load/vars", test_vars);
  return g_test_run();
}
