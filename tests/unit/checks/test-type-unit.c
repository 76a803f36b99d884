/* test-type-unit.c: a unit, as a manager tells of it. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"
#include "manager-fixture.h"

#include "checks/bus-json.h"
#include "checks/types.h"
#include "checks/unit-analyze.h"

#include <string.h>
#include <unistd.h>

static Manager manager;

#define SHOP                                                                                       \
  "{'LoadState': <'loaded'>, 'ActiveState': <'active'>, 'SubState': <'running'>,"                  \
  " 'UnitFileState': <'enabled'>, 'NRestarts': <uint32 2>, 'Result': <'success'>,"                 \
  " 'MainPID': <uint32 77>, 'ExecMainStatus': <0>, 'MemoryCurrent': <uint64 4096>,"                \
  " 'TasksCurrent': <uint64 18446744073709551615>, 'NeedDaemonReload': <false>,"                   \
  " 'InvocationID': <[byte 0x0a, 0x00, 0xff]>, 'MemoryMax': <uint64 18446744073709551615>,"        \
  " 'ActiveEnterTimestampMonotonic': <uint64 1>, 'IPIngressBytes': <uint64 5>,"                    \
  " 'Environment': <['A=b', 'C=d']>, 'FragmentPath': <''>}"

static char *value_of(const char *unit, const char *keys, const char *key) {
  g_auto(LookResult) result = chk_look_wanting(manager.world, &chk_type_unit, unit, NULL, keys, 0);

  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("unknown: %s", result.text);
  return chk_look_value(&result, key);
}

#define IS(unit, key, expected)                                                                    \
  do {                                                                                             \
    g_autofree char *seen_ = value_of(unit, NULL, key);                                            \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)
#define NAMED(unit, key, expected)                                                                 \
  do {                                                                                             \
    g_autofree char *seen_ = value_of(unit, key, key);                                             \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)

static void test_active(void) {
  manager_set(&manager, "shop.service", SHOP);
  IS("shop.service", "exists", "true");
  IS("shop", "running", "true"); /* a service is meant */
  IS("shop", "sub-state", "\"running\"");
  IS("shop", "enabled", "true");
  IS("shop", "restarts", "2");
  IS("shop", "result", "\"success\"");
  IS("shop", "main-pid", "77");
  IS("shop", "exec-main-status", "0");
  IS("shop", "memory", "4096");
  IS("shop", "tasks", NULL); /* not counted is not 0 and not 2^64 */
  IS("shop", "invocation-id", "\"0a00ff\"");
  IS("shop", "needs-reload", "false");
  g_autofree char *age = value_of("shop", NULL, "age");
  g_assert_cmpint(g_ascii_strtoll(age, NULL, 10), >, 0);
}

static void test_any_property(void) {
  manager_set(&manager, "shop.service", SHOP);
  NAMED("shop", "MemoryMax", "\"infinity\"");
  NAMED("shop", "memory-max", "\"infinity\"");
  NAMED("shop", "ip-ingress-bytes", "5");
  NAMED("shop", "Environment", "[\"A=b\",\"C=d\"]");
  NAMED("shop", "memory-maxx", NULL);
  NAMED("shop", "memory-ma", NULL);
  NAMED("shop", "n-restarts", "2");
  IS("shop", "memory-max", "\"infinity\""); /* whoever wants nothing in particular is told limits */
  IS("shop", "memory-high", NULL);
}

static void test_states(void) {
  manager_set(&manager, "off.service",
              "{'LoadState': <'loaded'>, 'ActiveState': <'failed'>, 'SubState': <'failed'>,"
              " 'UnitFileState': <'static'>, 'Result': <'exit-code'>, 'MainPID': <uint32 0>,"
              " 'InvocationID': <@ay []>, 'ActiveEnterTimestampMonotonic': <uint64 1>}");
  manager_set(&manager, "gone.service",
              "{'LoadState': <'not-found'>, 'ActiveState': <'active'>, 'SubState': <'running'>}");
  IS("off", "running", "false");
  IS("off", "enabled", "false"); /* static is not enabled */
  IS("off", "unit-file-state", "\"static\"");
  IS("off", "result", "\"exit-code\"");
  IS("off", "main-pid", NULL);
  IS("off", "invocation-id", NULL);
  IS("off", "age", NULL);
  IS("off", "restarts", NULL);
  IS("nothing", "exists", "false");
  IS("nothing", "running", "false");
  IS("gone", "exists", "true"); /* its file is gone, it runs */
  IS("gone", "load-state", "\"not-found\"");
}

/* One that is told to read its configuration again still runs: Type=notify-reload walks through its
 * sub-states, and systemd 258 has a state of its own for what it does to the extensions. */
static void test_on_its_way(void) {
  static const struct {
    const char *active, *sub, *running;
  } states[] = {
      {"reloading", "reload", "true"},        {"reloading", "reload-signal", "true"},
      {"reloading", "reload-notify", "true"}, {"refreshing", "refresh-extensions", "true"},
      {"activating", "start", "false"},       {"deactivating", "stop-sigterm", "false"},
      {"maintenance", "dead", "false"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    g_autofree char *text =
        g_strdup_printf("{'LoadState': <'loaded'>, 'ActiveState': <'%s'>, 'SubState': <'%s'>,"
                        " 'ActiveEnterTimestampMonotonic': <uint64 1>}",
                        states[i].active, states[i].sub);
    manager_set(&manager, "way.service", text);
    IS("way", "running", states[i].running);
    g_autofree char *age = value_of("way", NULL, "age");
    g_assert_cmpint(age != NULL, ==, g_str_equal(states[i].running, "true"));
  }
}

static void test_runlevels(void) {
  static const char *const pairs[][2] = {
      {"{'WantedBy': <['multi-user.target', 'other.target']>}", "[\"2\",\"3\",\"4\",\"5\"]"},
      {"{'RequiredBy': <['graphical.target']>, 'WantedBy': <['sysinit.target']>}", "[\"5\",\"S\"]"},
      {"{'BoundBy': <['rescue.target']>, 'UpheldBy': <['poweroff.target', 'reboot.target']>}",
       "[\"0\",\"1\",\"6\"]"},
      {"{'WantedBy': <'multi-user.target'>}", "[]"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    manager_set(&manager, "level.service", pairs[i][0]);
    IS("level", "runlevels", pairs[i][1]);
  }
}

/* Odd types instead of the known ones: absent, no crash. */
static void test_odd(void) {
  manager_set(&manager, "odd.service",
              "{'LoadState': <5>, 'ActiveState': <['a']>, 'NRestarts': <'many'>,"
              " 'InvocationID': <'x'>, 'MainPID': <{'a': <1>}>}");
  IS("odd", "restarts", NULL);
  IS("odd", "main-pid", NULL);
  IS("odd", "exists", "false");
}

static void test_silent(void) {
  gint64 begin = g_get_monotonic_time();

  manager.silent = TRUE;
  g_auto(LookResult) result =
      chk_look_once_with(manager.world, &chk_type_unit, "shop", NULL, 100 * 1000);
  manager.silent = FALSE;
  g_assert_cmpint(result.known, ==, CHK_UNKNOWN);
  g_assert_nonnull(strstr(result.text, "shop.service: "));
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 20 * G_USEC_PER_SEC);
}

static void test_no_manager(void) {
  g_assert_cmpint(sd_bus_release_name(manager.theirs.bus, WG_BUS_SYSTEMD), >=, 0);
  g_autofree char *seen = value_of("shop", NULL, "exists");
  g_assert_true(g_str_has_prefix(seen, "unknown: shop.service: "));
}

static void test_names(void) {
  static const char *const good[] = {"a", "a.socket", "a@b.service", "dev-x\\x2dy.device", "a:b"};
  static const char *const bad[] = {"", "a b", "a/b", "a@.service", "@", "a@", ".service", "ä"};

  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    if (!chk_look_is_good(&chk_type_unit, good[i], NULL))
      g_error("'%s' is refused", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    if (chk_look_is_good(&chk_type_unit, bad[i], NULL))
      g_error("'%s' is taken for a unit", bad[i]);
}

static void test_overall(void) {
  static const struct {
    const char *text;
    double level;
  } cases[] = {
      {"x\n\xe2\x86\x92 Overall exposure level for a.service: 9.6 UNSAFE :-(\n", 9.6},
      {"Overall exposure level for a:b.service: 0.0 SAFE", 0},
      {"Overall exposure level for a.service: -1 X", -1},
      {"Overall exposure level for a.service: nan", -1},
      {"Overall exposure level", -1},
      {"Overall exposure level for 5.0 a\n: 3.0", -1},
      {"", -1},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpfloat(chk_analyze_overall(cases[i].text), ==, cases[i].level);
}

/* There is no unit of that name: the real program says so, and it is no exposure of 0. */
static void test_exposure_unknown(void) {
  manager_set(&manager, "waggle-no-such.service", SHOP);
  g_autofree char *seen = value_of("waggle-no-such", "exposure", "exposure");
  g_assert_true(g_str_has_prefix(seen, "unknown: waggle-no-such.service: systemd-analyze"));
}

static void on_problems(ChkAnalyzed *got, gpointer user_data) {
  char **ret = user_data;

  *ret = got->error ? g_strdup(got->error->message) : g_strjoinv("|", got->problems);
}

static void test_problems(void) {
  g_autofree char *top = g_dir_make_tmp("waggle-unit-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(top, "waggle-bad.service", NULL);
  char *said = NULL;

  g_assert_true(
      g_file_set_contents(file, "[Service]\nExecStart=/nowhere/at/all\nOdd=1\n", -1, NULL));
  chk_analyze_problems(manager.world, file, 30 * G_USEC_PER_SEC, on_problems, &said);
  while (said == NULL)
    g_main_context_iteration(NULL, TRUE);
  if (strstr(said, "/nowhere/at/all") == NULL && strstr(said, "systemd-analyze verify") == NULL)
    g_error("nothing is wrong with it: %s", said);
  g_free(said);
  unlink(file);
  rmdir(top);
}

static void test_bus_json(void) {
  static const char *const cases[][2] = {
      {"uint64 18446744073709551615", "\"infinity\""},
      {"uint64 18446744073709551614", "\"18446744073709551614\""},
      {"int64 -5", "-5"},
      {"[byte 0x01, 0xfe]", "\"01fe\""},
      {"@ay []", "\"\""},
      {"<<true>>", "true"},
      {"(1, 'x', [2.5])", "[1,\"x\",[2.5]]"},
      {"{'a': <1>, 'b': <['c']>}", "{\"a\":1,\"b\":[\"c\"]}"},
      {"{uint32 7: 'seven'}", "{\"7\":\"seven\"}"},
      {"@a(ss) []", "[]"},
      {"objectpath '/a'", "\"/a\""},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GVariant) value = g_variant_parse(NULL, cases[i][0], NULL, NULL, NULL);
    g_autoptr(JsonNode) node = chk_bus_json(value);
    g_autofree char *text = json_to_string(node, FALSE);
    g_assert_cmpstr(text, ==, cases[i][1]);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  manager_up(&manager);
  g_test_add_func("/unit/active", test_active);
  g_test_add_func("/unit/any-property", test_any_property);
  g_test_add_func("/unit/states", test_states);
  g_test_add_func("/unit/on-its-way", test_on_its_way);
  g_test_add_func("/unit/runlevels", test_runlevels);
  g_test_add_func("/unit/odd", test_odd);
  g_test_add_func("/unit/silent", test_silent);
  g_test_add_func("/unit/names", test_names);
  g_test_add_func("/unit/overall", test_overall);
  g_test_add_func("/unit/exposure-unknown", test_exposure_unknown);
  g_test_add_func("/unit/problems", test_problems);
  g_test_add_func("/unit/bus-json", test_bus_json);
  g_test_add_func("/unit/no-manager", test_no_manager);
  int status = g_test_run();
  manager_down(&manager);
  return status;
}
