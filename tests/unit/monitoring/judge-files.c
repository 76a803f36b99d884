/* judge-files.c: for test-file-schemas.py: judges what stands on standard input, JSON, one document
 * a line, as the files of the kind that its argument names; prints "good" or the problems, a line
 * each.
 */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/alerting.h"
#include "monitoring/rules.h"
#include "monitoring/service-spec.h"

#include <stdio.h>
#include <string.h>

static char *judge_service(const char *text) {
  g_autoptr(GError) error = NULL;
  MonServiceSpec *spec = mon_service_from_text(text, &error);

  if (spec)
    mon_service_spec_unref(spec);
  return spec ? NULL : g_strdup(error->message);
}

static char *judge_rules(const char *text, gsize size) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(MonRules) rules = mon_rules_new();

  return mon_rules_read(rules, text, size, "f", G_USEC_PER_SEC, problems)
             ? NULL
             : wg_problems_text(problems, "f");
}

static char *judge_alerting(const char *text, gsize size) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(MonAlerting) alerting = mon_alerting_parse(text, size, problems);

  return alerting ? NULL : wg_problems_text(problems, "f");
}

int main(int argc, char **argv) {
  g_autoptr(GIOChannel) in = g_io_channel_unix_new(0);
  g_autofree char *line = NULL;
  gsize size;

  g_assert_cmpint(argc, ==, 2);
  while (g_io_channel_read_line(in, &line, &size, NULL, NULL) == G_IO_STATUS_NORMAL) {
    g_autofree char *text = g_str_equal(argv[1], "services") ? judge_service(line)
                            : g_str_equal(argv[1], "rules")  ? judge_rules(line, size)
                                                             : judge_alerting(line, size);
    puts(text ? g_strdelimit(text, "\n", ';') : "good");
    g_clear_pointer(&line, g_free);
  }
  return 0;
}
