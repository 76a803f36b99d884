/* test-type-command.c: commands, monitoring plugins (those of Debian, run unchanged) and
 * directories of greenboot: how each of their ends is told. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include "checks/greenboot.h"
#include "checks/plan.h"
#include "checks/types.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top;

/* A value as JSON, or "unknown: ...". */
static char *look_at(const ChkType *type, const char *subject, const char *options, const char *key,
                     guint64 limit) {
  g_auto(LookResult) result = chk_look_wanting(NULL, type, subject, options, key, limit);

  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("unknown: %s", result.text);
  return chk_look_value(&result, key);
}

#define IS(type, subject, options, key, expected)                                                  \
  do {                                                                                             \
    g_autofree char *seen_ = look_at(type, subject, options, key, 0);                              \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)
#define COMMAND(subject, options, key, expected)                                                   \
  IS(&chk_type_command, subject, options, key, expected)

static void unknown(const ChkType *type, const char *subject, const char *options, const char *key,
                    guint64 limit, const char *why) {
  g_autofree char *seen = look_at(type, subject, options, key, limit);

  if (seen == NULL || !g_str_has_prefix(seen, "unknown: ") || !strstr(seen, why))
    g_error("'%s' is not in: %s", why, seen);
}

static void test_ends(void) {
  COMMAND("true", NULL, "exit-status", "0");
  COMMAND("sh -c 'exit 7'", NULL, "exit-status", "7");
  COMMAND("sh -c 'kill -9 $$'", NULL, "signal", "9");
  COMMAND("sh -c 'kill -9 $$'", NULL, "exit-status", NULL);
  COMMAND("sh -c 'kill -9 $$'", NULL, "signal", "9");
  unknown(&chk_type_command, "/no/such/program", NULL, "exit-status", 0, "/no/such/program");
}

/* Of our own environment a command has the trace, unless that is none or the file says another. */
static void test_trace(void) {
  const char *trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  g_autofree char *line = g_strdup_printf("\"%s\\n\"", trace);

  g_setenv("TRACEPARENT", trace, TRUE);
  COMMAND("printenv TRACEPARENT", NULL, "stdout", line);
  COMMAND("printenv TRACEPARENT", "{\"env\": [\"TRACEPARENT=own\"]}", "stdout", "\"own\\n\"");
  g_setenv("TRACEPARENT", "broken", TRUE);
  COMMAND("printenv TRACEPARENT", NULL, "exit-status", "1");
  g_unsetenv("TRACEPARENT");
  COMMAND("printenv TRACEPARENT", NULL, "exit-status", "1");
}

static void test_output(void) {
  COMMAND("printf 'a b\\n'", NULL, "stdout", "\"a b\\n\"");
  COMMAND("printf x > y", NULL, "stdout", "\"x\""); /* no shell: words like all others */
  COMMAND("echo \"$HOME *\"", NULL, "stdout", "\"$HOME *\\n\"");
  COMMAND("sh -c 'echo no >&2'", NULL, "stderr", "\"no\\n\"");
  COMMAND("label", "{\"argv\": [\"echo\", \"a  b\", \"'\"]}", "stdout", "\"a  b '\\n\"");
  COMMAND("cat", "{\"stdin\": \"given\"}", "stdout", "\"given\"");
  COMMAND("cat", NULL, "stdout", "\"\"");
  COMMAND("printenv WORD", "{\"env\": [\"WORD=a=b\"]}", "stdout", "\"a=b\\n\"");
  COMMAND("pwd", "{\"directory\": \"/proc\"}", "stdout", "\"/proc\\n\"");
  COMMAND("echo '{\"a\": [1]}'", NULL, "json", "{\"a\":[1]}");
  unknown(&chk_type_command, "echo nothing", NULL, "json", 0, "is no JSON");
  unknown(&chk_type_command, "printf 12345", "{\"max-output\": 4}", "stdout", 0,
          "more than max-output");
  COMMAND("printf 12345", "{\"max-output\": 4}", "exit-status", "0");
  COMMAND("printf 'a\\377b'", NULL, "stdout", "\"a\357\277\275b\"");
}

/* It ends with the look, and all that it started too. */
static void test_time(void) {
  g_autofree char *file = g_build_filename(top, "child", NULL);
  g_autofree char *text = g_strdup_printf("sh -c 'sleep 600 & echo $! > %s; wait'", file);
  g_autofree char *pid = NULL;
  gint64 begin = g_get_monotonic_time();

  unknown(&chk_type_command, text, NULL, "exit-status", 300 * 1000, "");
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 60 * G_USEC_PER_SEC);
  g_assert_true(g_file_get_contents(file, &pid, NULL, NULL));
  g_autofree char *cmdline = g_strdup_printf("/proc/%s/cmdline", g_strchomp(pid));
  for (gint64 end = begin + 120 * G_USEC_PER_SEC;;) {
    g_autofree char *line = NULL;
    if (!g_file_get_contents(cmdline, &line, NULL, NULL) || strcmp(line, "sleep") != 0)
      break;
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_main_context_iteration(NULL, FALSE);
  }
}

/* A limit that nobody would keep is no limit: the command does not run. */
static void test_limits(void) {
  g_autofree char *seen =
      look_at(&chk_type_command, "true", "{\"memory-max\": 1000000000}", "exit-status", 0);

  if (strcmp(seen, "0") != 0) /* no manager here */
    g_assert_true(g_str_has_prefix(seen, "unknown: true: "));
}

static void test_validate(void) {
  static const char *const bad[][2] = {
      {"a 'b", "{}"}, {"", "{}"}, {"x", "{\"env\": [\"novalue\"]}"}, {"x", "{\"env\": [\"=a\"]}"}};

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(JsonNode) node = json_from_string(bad[i][1], NULL);
    g_assert_false(chk_look_is_good(&chk_type_command, bad[i][0], json_node_get_object(node)));
  }
  g_assert_true(chk_look_is_good(&chk_type_command, "a 'b c' \"d\"", NULL));
}

/* What a plugin or greenboot warns of is a warning without a word in the file. */
static void test_default_warn(void) {
  static const struct {
    const char *text;
    guint expect, warn;
  } cases[] = {
      {"{\"plugin\": \"x\"}", 1, 1},
      {"{\"greenboot\": \"/x\"}", 1, 1},
      {"{\"command\": \"x\"}", 1, 0},
      {"{\"plugin\": \"x\", \"expect\": {\"state\": \"ok\"}}", 1, 0},
      {"{\"plugin\": \"x\", \"warn\": {\"duration\": {\"less\": \"1s\"}}}", 1, 1},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("{\"name\": \"n\", \"checks\": [%s]}", cases[i].text);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    g_autoptr(WgProblems) problems = wg_problems_new();
    g_autoptr(ChkPlan) plan = chk_plan_load(node, NULL, "", NULL, problems);
    if (plan == NULL)
      g_error("%s", wg_problems_text(problems, "plan"));
    const ChkCheck *check = plan->checks->pdata[0];
    g_assert_cmpuint(check->expect->len, ==, cases[i].expect);
    g_assert_cmpuint(check->warn->len, ==, cases[i].warn);
  }
}

static char *plugins(void) {
  static const char *const dirs[] = {"/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins",
                                     "/usr/lib/monitoring-plugins"};

  for (guint i = 0; i < G_N_ELEMENTS(dirs); i++)
    if (g_file_test(dirs[i], G_FILE_TEST_IS_DIR))
      return g_strdup(dirs[i]);
  return NULL;
}

static void plugin_is(const char *dir, const char *arguments, const char *key,
                      const char *expected) {
  g_autofree char *subject = g_strdup_printf("%s/%s", dir, arguments);

  IS(&chk_type_plugin, subject, NULL, key, expected);
}

static void test_real_plugins(void) {
  g_autofree char *dir = plugins();

  if (dir == NULL) {
    g_test_skip("no monitoring plugins here");
    return;
  }
  plugin_is(dir, "check_dummy 0 fine", "state", "\"ok\"");
  plugin_is(dir, "check_dummy 1", "state", "\"warning\"");
  plugin_is(dir, "check_dummy 2 'all is lost'", "text", "\"CRITICAL: all is lost\"");
  g_autofree char *unknowing = g_strdup_printf("%s/check_dummy 3 'no idea'", dir);
  unknown(&chk_type_plugin, unknowing, NULL, "state", 0, "it does not know: UNKNOWN: no idea");
  plugin_is(dir, "check_load -w 10000,10000,10000 -c 20000,20000,20000", "state", "\"ok\"");
  g_autofree char *disk = g_strdup_printf("%s/check_disk -w 0 -c 0 -p /", dir);
  g_autofree char *perf = look_at(&chk_type_plugin, disk, NULL, "perfdata", 0);
  g_autoptr(JsonNode) node = json_from_string(perf, NULL);
  g_assert_nonnull(node);
  JsonObject *root = json_object_get_object_member(json_node_get_object(node), "/");
  g_assert_nonnull(root);
  g_assert_cmpint(json_object_get_int_member(root, "max"), >, 0);
  g_assert_true(json_object_has_member(root, "value"));
  g_assert_true(json_object_has_member(root, "over-critical"));
  plugin_is(dir, "check_procs -w 1: -c 1:", "state", "\"ok\"");
}

static void test_plugin_ends(void) {
  IS(&chk_type_plugin, "sh -c 'echo \"fine | a=1s;2;3\"; echo more; exit 1'", NULL, "text",
     "\"fine\"");
  IS(&chk_type_plugin, "sh -c 'echo \"x | a=5s;2;9;0\"; exit 1'", NULL, "perfdata",
     "{\"a\":{\"value\":5,\"unit\":\"s\",\"warn\":\"2\",\"over-warn\":true,\"critical\":\"9\","
     "\"over-critical\":false,\"min\":0}}");
  IS(&chk_type_plugin, "sh -c 'echo a; echo b; echo c'", NULL, "long-text", "\"b\\nc\"");
  unknown(&chk_type_plugin, "sh -c 'exit 4'", NULL, "state", 0, "exited with status 4");
  unknown(&chk_type_plugin, "sh -c 'kill -11 $$'", NULL, "state", 0, "killed by signal 11");
  unknown(&chk_type_plugin, "/no/plugin", NULL, "state", 0, "/no/plugin");
  unknown(&chk_type_plugin, "sleep 600", NULL, "state", 200 * 1000, "sleep 600");
}

static void script(const char *name, const char *text, int mode) {
  g_autofree char *path = g_build_filename(top, "green", name, NULL);
  g_autofree char *dir = g_path_get_dirname(path);

  g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  g_assert_cmpint(chmod(path, (mode_t)mode), ==, 0);
}

static void test_greenboot(void) {
  g_autofree char *green = g_build_filename(top, "green", NULL);
  g_autofree char *conf = g_build_filename(top, "green.conf", NULL);
  g_autofree char *options =
      g_strdup_printf("{\"configuration\": \"%s\", \"script-timeout\": 0.5}", conf);
  const ChkType *type = &chk_type_greenboot;

  g_assert_true(
      g_file_set_contents(conf, "# x\nDISABLED_HEALTHCHECKS=(\n \"off.sh\" other )\n", -1, NULL));
  unknown(type, green, options, "required", 0, "has no script");
  script("required.d/10-good.sh", "[[ 1 == 1 ]]\n", 0600); /* for bash, and not executable */
  script("required.d/off.sh", "exit 1\n", 0700);
  script("required.d/notes.txt", "exit 1\n", 0600);
  script("wanted.d/sub/bad", "#!/bin/sh\necho because >&2\nexit 3\n", 0700);
  IS(type, green, options, "required", "true");
  IS(type, green, options, "wanted", "false");
  IS(type, green, options, "passed", "[\"required.d/10-good.sh\"]");
  IS(type, green, options, "failed", "[\"wanted.d/sub/bad\"]");
  IS(type, green, options, "disabled", "[\"required.d/off.sh\"]");
  g_auto(LookResult) result = chk_look_once_with(NULL, type, green, options, 0);
  g_assert_cmpstr(result.text, ==, "wanted.d/sub/bad: exited with status 3: because");
  script("required.d/05-slow.sh", "sleep 600\n", 0700);
  IS(type, green, options, "failed", "[\"required.d/05-slow.sh\",\"wanted.d/sub/bad\"]");
  IS(type, green, options, "passed", "[\"required.d/10-good.sh\"]"); /* the rest still runs */
  IS(type, green, options, "required", "false");
}

static void test_greenboot_disabled(void) {
  static const char *const cases[][2] = {
      {"DISABLED_HEALTHCHECKS=(a.sh 'b c.sh')\n", "a.sh|b c.sh"},
      {"X=1\n  DISABLED_HEALTHCHECKS=(\n\"a\"\n b # no\n)\n", "a|b"},
      {"DISABLED_HEALTHCHECKS=(a)\nDISABLED_HEALTHCHECKS=(b)", "b"},
      {"#DISABLED_HEALTHCHECKS=(a)\n", ""},
      {"DISABLED_HEALTHCHECKS=()\n", ""},
      {"DISABLED_HEALTHCHECKS=one\nX=2\n", "one"},
      {"DISABLED_HEALTHCHECKS=('", ""},
      {"DISABLED_HEALTHCHECKS=", ""},
      {"", ""},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(GStrv) words = chk_greenboot_disabled(cases[i][0]);
    g_autofree char *joined = g_strjoinv("|", words);
    g_assert_cmpstr(joined, ==, cases[i][1]);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  top = g_dir_make_tmp("waggle-command-XXXXXX", NULL);
  g_assert_nonnull(top);
  g_test_add_func("/command/ends", test_ends);
  g_test_add_func("/command/output", test_output);
  g_test_add_func("/command/trace", test_trace);
  g_test_add_func("/command/time", test_time);
  g_test_add_func("/command/limits", test_limits);
  g_test_add_func("/command/validate", test_validate);
  g_test_add_func("/plugin/default-warn", test_default_warn);
  g_test_add_func("/plugin/real", test_real_plugins);
  g_test_add_func("/plugin/ends", test_plugin_ends);
  g_test_add_func("/greenboot/directory", test_greenboot);
  g_test_add_func("/greenboot/disabled", test_greenboot_disabled);
  int status = g_test_run();
  const char *argv_rm[] = {"rm", "-rf", top, NULL};
  g_spawn_sync(NULL, (char **)argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
               NULL);
  g_free(top);
  return status;
}
