/* test-settle.c: the settle window: what breaks it, at once, and that silence is no pass. The
 * manager is a mock that tells its changes, the journal is made of files. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "journal-fixture.h"
#include "look-fixture.h"
#include "manager-fixture.h"

#include "checks/types.h"

#include <glib/gstdio.h>
#include <string.h>

#define ID "0a0b"
#define WELL                                                                                       \
  "{'LoadState': <'loaded'>, 'ActiveState': <'active'>, 'SubState': <'running'>,"                  \
  " 'NRestarts': <uint32 1>, 'Result': <'success'>, 'InvocationID': <[byte 0x0a, 0x0b]>}"

static Manager manager;
static char *top;

/* What happens in the window, 30 ms after it began. */
static struct {
  const char *interface, *properties;
  const JournalEntry *entry;
  void (*act)(void);
} then;

static gboolean happen(gpointer data) {
  if (then.properties)
    manager_change(&manager, "shop.service", then.interface, then.properties);
  if (then.entry) {
    g_autofree char *path = g_build_filename(top, "more.journal", NULL);
    journal_write(path, then.entry, 1);
  }
  if (then.act)
    then.act();
  return G_SOURCE_REMOVE;
}

/* "settled", the breach, or "unknown: ..."; and how long it took. */
static char *settle_with(const char *options, gint64 *ret_took) {
  guint timer = g_timeout_add(30, happen, NULL);
  gint64 begin = g_get_monotonic_time();
  g_auto(LookResult) result =
      chk_look_once_with(manager.world, &chk_type_settle, "shop other.service", options, 0);

  *ret_took = g_get_monotonic_time() - begin;
  if (g_main_context_find_source_by_id(NULL, timer))
    g_source_remove(timer);
  g_autofree char *settled = chk_look_value(&result, "settled");
  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("unknown: %s", result.text);
  g_assert_true((g_strcmp0(settled, "true") == 0) == (result.text == NULL));
  return g_strdup(result.text ? result.text : "settled");
}

/* `for` long enough that only the breach can end it so soon. */
static void breaks(const char *why) {
  gint64 took;
  g_autofree char *seen = settle_with("{\"for\": \"40s\", \"journal\": false}", &took);

  if (strstr(seen, why) == NULL)
    g_error("'%s' is not in: %s", why, seen);
  g_assert_cmpint(took, <, 30 * G_USEC_PER_SEC);
}

static void changes(const char *interface, const char *properties, const char *why) {
  then.interface = interface;
  then.properties = properties;
  breaks(why);
}

static void test_well(void) {
  gint64 took;
  g_autofree char *seen = settle_with("{\"for\": \"200ms\", \"journal\": false}", &took);

  g_assert_cmpstr(seen, ==, "settled");
  g_assert_cmpint(took, >=, 200 * 1000);
  then.interface = WG_IFACE_SYSTEMD_UNIT;
  then.properties = "{'ActiveState': <'reloading'>, 'StatusText': <'x'>}"; /* is no end */
  g_autofree char *again = settle_with("{\"for\": \"100ms\", \"journal\": false}", &took);
  g_assert_cmpstr(again, ==, "settled");
  then.properties = "{'ActiveState': <'refreshing'>, 'SubState': <'refresh-extensions'>}";
  g_autofree char *third = settle_with("{\"for\": \"100ms\", \"journal\": false}", &took);
  g_assert_cmpstr(third, ==, "settled");
}

static void test_failed(void) {
  changes(WG_IFACE_SYSTEMD_UNIT, "{'ActiveState': <'failed'>, 'SubState': <'failed'>}",
          "shop.service: it is failed (failed)");
}

static void test_watchdog(void) {
  changes(WG_IFACE_SYSTEMD_UNIT,
          "{'Result': <'watchdog'>, 'ActiveState': <'deactivating'>, 'SubState': "
          "<'stop-watchdog'>}",
          "shop.service: it is deactivating (stop-watchdog): watchdog");
}

static void test_restarted(void) {
  changes(WG_IFACE_SYSTEMD_SERVICE, "{'NRestarts': <uint32 2>}",
          "shop.service: it was restarted by itself, 1 times since");
}

static void test_started_again(void) {
  changes(WG_IFACE_SYSTEMD_UNIT, "{'InvocationID': <[byte 0x01]>}",
          "shop.service: it was started again");
}

/* Before the window began. */
static void test_at_once(void) {
  manager_set(&manager, "other.service", "{'ActiveState': <'inactive'>, 'SubState': <'dead'>}");
  breaks("other.service: it is inactive (dead)");
  manager_set(&manager, "other.service", "{'LoadState': <'not-found'>}");
  breaks("other.service: there is no such unit");
}

static void test_context(void) {
  g_autoptr(JsonNode) restarted = json_from_string(
      "{\"units\": {\"shop.service\": {\"invocation\": \"" ID "\", \"n-restarts\": 0}}}", NULL);
  g_autoptr(JsonNode) other =
      json_from_string("{\"units\": {\"shop.service\": {\"invocation\": \"ffff\"}}}", NULL);
  g_autoptr(JsonNode) none = json_from_string("{}", NULL);

  g_assert_true(chk_world_set_context(manager.world, restarted, NULL));
  breaks("shop.service: it was restarted by itself, 1 times since");
  g_assert_true(chk_world_set_context(manager.world, other, NULL));
  breaks("shop.service: it was started again");
  g_assert_true(chk_world_set_context(manager.world, none, NULL));
}

/* The last word is the manager's: a change of which no signal came is seen at the end. */
static void change_silently(void) {
  manager_set(&manager, "shop.service", "{'ActiveState': <'failed'>, 'SubState': <'failed'>}");
}

static void test_signal_lost(void) {
  gint64 took;

  then.act = change_silently;
  g_autofree char *seen = settle_with("{\"for\": \"200ms\", \"journal\": false}", &took);
  g_assert_cmpstr(seen, ==, "shop.service: it is failed (failed)");
}

static void leave(void) {
  g_assert_cmpint(sd_bus_release_name(manager.theirs.bus, WG_BUS_SYSTEMD), >=, 0);
}

static void test_manager_gone(void) {
  gint64 took;

  then.act = leave;
  g_autofree char *seen = settle_with("{\"for\": \"40s\", \"journal\": false}", &took);
  g_assert_cmpint(sd_bus_request_name(manager.theirs.bus, WG_BUS_SYSTEMD, 0), >=, 0);
  g_assert_cmpstr(seen, ==, "unknown: systemd has left the bus");
  g_assert_cmpint(took, <, 30 * G_USEC_PER_SEC);
}

/* With a journal: `first` is there before the window, `later` comes in it. */
static char *with_journal(const JournalEntry *first, const JournalEntry *later, const char *span,
                          gint64 *ret_took) {
  g_autofree char *path = g_build_filename(top, "first.journal", NULL);
  g_autofree char *more = g_build_filename(top, "more.journal", NULL);
  g_autofree char *options = g_strdup_printf("{\"for\": \"%s\", \"directory\": \"%s\"}", span, top);

  journal_write(path, first, 1);
  then.entry = later;
  char *seen = settle_with(options, ret_took);
  g_unlink(path);
  g_unlink(more);
  return seen;
}

#define QUIET                                                                                      \
  {                                                                                                \
    1000000, {                                                                                     \
      "_SYSTEMD_INVOCATION_ID=" ID, "PRIORITY=6", "MESSAGE=all is well"                            \
    }                                                                                              \
  }

static void test_error_line(void) {
  const JournalEntry quiet = QUIET,
                     ours = {2000000,
                             {"_SYSTEMD_INVOCATION_ID=" ID, "_SYSTEMD_UNIT=shop.service",
                              "PRIORITY=3", "MESSAGE=the disk is on fire"}};
  const JournalEntry others = {2000000,
                               {"_SYSTEMD_INVOCATION_ID=ffff", "PRIORITY=0", "MESSAGE=not ours"}};
  gint64 took;
  g_autofree char *well = with_journal(&quiet, &others, "300ms", &took);
  g_autofree char *later = with_journal(&quiet, &ours, "40s", &took);

  g_assert_cmpstr(well, ==, "settled");
  g_assert_cmpstr(later, ==, "shop.service: it logged an error (priority 3): the disk is on fire");
  g_assert_cmpint(took, <, 30 * G_USEC_PER_SEC);
  g_autofree char *before = with_journal(&ours, NULL, "40s", &took); /* while it started */
  g_assert_cmpstr(before, ==, "shop.service: it logged an error (priority 3): the disk is on fire");
  g_assert_cmpint(took, <, 30 * G_USEC_PER_SEC);
}

static void test_core_dump(void) {
  const JournalEntry quiet = QUIET;
  const JournalEntry old = {1000000,
                            {"MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1",
                             "COREDUMP_UNIT=shop.service", "MESSAGE=Process 7 dumped core."}};
  JournalEntry now = old;
  gint64 took;

  now.realtime = (guint64)g_get_real_time() + 60 * G_USEC_PER_SEC;
  g_autofree char *of_before = with_journal(&old, NULL, "300ms", &took);
  g_autofree char *of_now = with_journal(&quiet, &now, "40s", &took);
  g_assert_cmpstr(of_before, ==, "settled");
  g_assert_cmpstr(of_now, ==, "shop.service: core dump: Process 7 dumped core.");
  g_assert_cmpint(took, <, 30 * G_USEC_PER_SEC);
}

/* No journal to read is no quiet journal. */
static void test_no_journal(void) {
  gint64 took;
  g_autofree char *seen =
      settle_with("{\"for\": \"40s\", \"directory\": \"/no/such/directory\"}", &took);

  g_assert_true(g_str_has_prefix(seen, "unknown: the journal in /no/such/directory"));
}

static void test_validate(void) {
  g_assert_false(chk_look_is_good(&chk_type_settle, " ", NULL));
  g_assert_false(chk_look_is_good(&chk_type_settle, "a b/c", NULL));
  g_assert_true(chk_look_is_good(&chk_type_settle, "a, b.socket", NULL));
}

static void set_up(gconstpointer data) {
  memset(&then, 0, sizeof then);
  manager_set(&manager, "shop.service", WELL);
  manager_set(&manager, "other.service", WELL);
  ((void (*)(void))data)();
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {
      {"well", test_well},
      {"failed", test_failed},
      {"watchdog", test_watchdog},
      {"restarted", test_restarted},
      {"started-again", test_started_again},
      {"at-once", test_at_once},
      {"context", test_context},
      {"signal-lost", test_signal_lost},
      {"manager-gone", test_manager_gone},
      {"error-line", test_error_line},
      {"core-dump", test_core_dump},
      {"no-journal", test_no_journal},
      {"validate", test_validate},
  };

  g_test_init(&argc, &argv, NULL);
  top = g_dir_make_tmp("waggle-settle-XXXXXX", NULL);
  manager_up(&manager);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/settle/", tests[i].name, NULL);
    g_test_add_data_func(path, (gconstpointer)tests[i].test, set_up);
  }
  int status = g_test_run();
  manager_down(&manager);
  g_rmdir(top);
  g_free(top);
  return status;
}
