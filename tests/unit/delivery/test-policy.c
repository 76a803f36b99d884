/* test-policy.c: a policy's text becomes a policy, or all of its problems are told, each with its
 * place. */
#include "policy-fixture.h"

#include <string.h>

#define SEC ((guint64)G_USEC_PER_SEC)

static void test_whole(void) {
  g_autoptr(DlvPolicy) p = fixture_policy(
      "{'x-note': 1, 'backends': ["
      " {'use': 'bell', 'place': '%3', 'pause': '2s', 'times': 3, 'weight': '64K', 'loud': true,"
      "  'argv': ['a', 'b'], 'target': {'class': 'XTerm'}, 'x-mine': {'y': []},"
      "  'if': {'priority': '>=4', 'idle': '1min', 'hours': 'Mon..Fri 08:00-19:00'},"
      "  'escalate': '5min', 'hold-max': 'infinity', 'timeout': 90, 'retry': 1.5},"
      " {'use': 'bell', 'name': 'second', 'place': 'x'}, {'use': 'box'}],"
      " 'quiet': [{'hours': ['22:00-07:00', '12:00-13:00'], 'days': 'Sat,Sun',"
      "            'except-priority': '>=8'}, {'days': 'Wed'}],"
      " 'rate': {'max': 4, 'per': '1min'},"
      " 'digest': {'window': '2s', 'text': '{waiting} for {agent}'}}");
  const DlvEntry *e = &p->entries[0];

  g_assert_cmpuint(p->n_entries, ==, 3);
  g_assert_cmpstr(e->class->name, ==, "bell");
  g_assert_cmpstr(e->name, ==, "bell");
  g_assert_cmpstr(dlv_option_text(e->options, "place", NULL), ==, "%3");
  g_assert_cmpuint(dlv_option_time(e->options, "pause", 0), ==, 2 * SEC);
  g_assert_cmpuint(dlv_option_size(e->options, "weight", 0), ==, 65536);
  g_auto(GStrv) argv = dlv_option_texts(e->options, "argv");
  g_assert_cmpuint(g_strv_length(argv), ==, 2);
  g_assert_cmpuint(e->conditions.priorities, ==, 0x3f0);
  g_assert_cmpuint(e->conditions.idle, ==, 60 * SEC);
  g_assert_nonnull(e->conditions.hours);
  g_assert_cmpuint(e->escalate, ==, 300 * SEC);
  g_assert_cmpuint(e->hold_max, ==, G_MAXUINT64);
  g_assert_cmpuint(e->timeout, ==, 90 * SEC);
  g_assert_cmpuint(e->retry, ==, 1500000);
  e = &p->entries[1];
  g_assert_cmpstr(e->name, ==, "second");
  g_assert_cmpuint(e->conditions.priorities, ==, DLV_PRIORITIES_ALL);
  g_assert_cmpuint(e->escalate, ==, 0);
  g_assert_cmpuint(e->hold_max, ==, 600 * SEC);
  g_assert_cmpuint(e->timeout, ==, 30 * SEC);
  g_assert_cmpuint(e->retry, ==, 5 * SEC);
  g_assert_cmpuint(p->n_quiet, ==, 2);
  g_assert_cmpuint(p->quiet[0].except, ==, 0x300);
  g_assert_cmpuint(p->quiet[1].except, ==, 0);
  g_assert_cmpuint(p->rate_max, ==, 4);
  g_assert_cmpuint(p->rate_per, ==, 60 * SEC);
  g_assert_cmpuint(p->digest_window, ==, 2 * SEC);
  g_assert_cmpstr(p->digest_text, ==, "{waiting} for {agent}");
  DlvPolicy *again = dlv_policy_ref(p);
  dlv_policy_unref(again);
}

static void test_least(void) {
  g_autoptr(DlvPolicy) p = fixture_policy("{'backends': [{'use': 'box'}]}");

  g_assert_cmpuint(p->n_quiet, ==, 0);
  g_assert_cmpuint(p->rate_max, ==, 0);
  g_assert_cmpuint(p->digest_window, ==, 0);
  g_assert_null(p->digest_text);
}

/* What is wrong, and every line that has to be told. */
static const struct {
  const char *json, *problems;
} bad[] = {
    {"{}", "the policy: 'backends' is missing: the ways to reach the agent, the first one first"},
    {"[]", "the policy: a policy is an object: {\"backends\": [...]}"},
    {"", "the policy: line 1, column 1: expected a value, found the end"},
    {"{'backends': []}",
     "/backends: 'backends' is empty: the ways to reach the agent, the first one first"},
    {"{'backends': {'use': 'box'}}", "/backends: 'backends' is a list of objects: [{...}, {...}]"},
    {"{'backends': [7]}", "/backends/0: 'backends' is an object in { }"},
    {"{'backends': [{'use': 'bux'}], 'quite': []}",
     "/quite: unknown key 'quite'; did you mean quiet?\n"
     "/backends/0/use: no back-end 'bux'; did you mean box?"},
    {"{'backends': [{'use': 'fax', 'escalate': 'soon', 'number': 7}]}",
     "/backends/0/use: no back-end 'fax'; there are: bell, chime, box, worker\n"
     "/backends/0/escalate: 'soon' is not a time span such as 500ms, 5s or 1min 30s"},
    {"{'backends': [{'place': 'x'}]}", "/backends/0: 'use' is missing: the back-end"},
    {"{'backends': [{'use': 3}]}", "/backends/0/use: 'use' is a text in quotes"},
    {"{'backends': [{'use': ''}]}", "/backends/0/use: 'use' is empty: the back-end"},
    {"{'backends': [{'use': 'bell'}]}", "/backends/0: 'place' is missing: where it hangs"},
    {"{'backends': [{'use': 'bell', 'place': ''}]}",
     "/backends/0/place: 'place' is empty: where it hangs"},
    {"{'backends': [{'use': 'box', 'escalates': '5min', 'if': {'prio': '>=4', 'priority': 4}}]}",
     "/backends/0/escalates: unknown key 'escalates'; did you mean escalate?\n"
     "/backends/0/if/prio: unknown key 'prio'; did you mean priority?\n"
     "/backends/0/if/priority: 'priority' is a text in quotes"},
    {"{'backends': [{'use': 'bell', 'place': 'x', 'times': 11, 'pause': '2min', 'weight': 3,"
     " 'loud': 'yes', 'argv': 'a', 'target': []}]}",
     "/backends/0/times: 'times' is between 1 and 10\n"
     "/backends/0/pause: 'pause' is between 1ms and 1min\n"
     "/backends/0/weight: 'weight' is between 16 and 1048576\n"
     "/backends/0/loud: 'loud' is true or false\n"
     "/backends/0/argv: 'argv' is a list of texts in [ ]\n"
     "/backends/0/target: 'target' is an object in { }"},
    {"{'backends': [{'use': 'bell', 'place': 'x', 'times': 2.5, 'pause': [], 'weight': 'much',"
     " 'argv': ['a', 2]}]}",
     "/backends/0/times: 'times' is a whole number\n"
     "/backends/0/pause: 'pause' is a time: \"5min\", \"1min 30s\", or a number of seconds\n"
     "/backends/0/weight: 'much' is not a size such as 4096, 64K or 16M\n"
     "/backends/0/argv/1: this is a text in quotes"},
    {"{'backends': [{'use': 'bell', 'place': 'x', 'times': -1, 'pause': -1, 'weight': null}]}",
     "/backends/0/times: 'times' is not negative\n"
     "/backends/0/pause: 'pause' is no number of seconds\n"
     "/backends/0/weight: 'weight' is a size: \"64K\", \"16M\", or a number of bytes"},
    {"{'backends': [{'use': 'box'}, {'use': 'box'}]}",
     "/backends/1/name: /backends/0 is called 'box', too; give one another \"name\""},
    {"{'backends': [{'use': 'box', 'name': 'a b'}]}",
     "/backends/0/name: 'a b' is no name: letters, digits, '.', '_' and '-', at most 64"},
    {"{'backends': [{'use': 'box', 'timeout': 0, 'retry': 'infinity', 'hold-max': -3}]}",
     "/backends/0/timeout: 'timeout' is between 1s and 7d\n"
     "/backends/0/retry: 'retry' is between 1s and 1h\n"
     "/backends/0/hold-max: 'hold-max' is no number of seconds"},
    {"{'backends': [{'use': 'box', 'if': {'priority': '4', 'hours': '8-19', 'days': 'Montag'}}]}",
     "/backends/0/if/priority: '4' names no priorities; write \">=4\", \"<=3\", \"=5\" or \"4..7\" "
     "(0 to 9)\n"
     "/backends/0/if/days: 'Montag' is no list of days such as Mon..Fri or Sat,Sun\n"
     "/backends/0/if/hours: '8-19' is no range of hours such as 08:00-19:00, Mon..Fri 08:00-19:00 "
     "or, over midnight, 22:00-07:00 (the whole day: 00:00-24:00)"},
    {"{'backends': [{'use': 'box', 'if': {'hours': []}}]}",
     "/backends/0/if/hours: 'hours' is empty; leave it out for the whole day"},
    {"{'backends': [{'use': 'box', 'if': {'hours': ['08:00-09:00', 5]}}]}",
     "/backends/0/if/hours/1: 'hours' is a text in quotes"},
    {"{'backends': [{'use': 'box'}], 'quiet': [{}, {'hours': 'Sat 01:00-02:00', 'days': 'Sun'}]}",
     "/quiet/0: neither 'hours' nor 'days': say when it is quiet\n"
     "/quiet/1/hours: 'Sat 01:00-02:00' names days already; leave out 'days', or the days here"},
    {"{'backends': [{'use': 'box'}], 'rate': {'per': '2min'}, 'digest': {'text': '{who} rang'}}",
     "/rate: 'max' is missing: doorbells\n"
     "/digest/text: no placeholder '{who}'; there are {waiting}, {urgent}, {agent}, {from} and "
     "{subject}"},
    {"{'backends': [{'use': 'box'}], 'rate': {'max': 0}, 'digest': {'text': '{waitings}'}}",
     "/rate/max: 'max' is between 1 and 1000\n"
     "/digest/text: no placeholder '{waitings}'; did you mean waiting?"},
    {"{'backends': [{'use': 'box'}], 'digest': {'text': ' ', 'window': '2h'}}",
     "/digest/window: 'window' is between 0s and 1h\n"
     "/digest/text: 'text' is empty; leave it out for the usual line"},
    {"{'backends': [{'use': 'box'}], 'digest': {'text': 'a } b'}}",
     "/digest/text: a lone '}'; a brace itself is written twice"},
    {"{'backends': [{'use': 'box'}], 'a/b~c': 1}",
     "/a~1b~0c: unknown key 'a/b~c'; there are: backends, quiet, rate, digest"},
};

static void test_problems(void) {
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *problems = fixture_problems(bad[i].json);
    g_assert_cmpstr(problems, ==, bad[i].problems);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/policy/whole", test_whole);
  g_test_add_func("/policy/least", test_least);
  g_test_add_func("/policy/problems", test_problems);
  return g_test_run();
}
