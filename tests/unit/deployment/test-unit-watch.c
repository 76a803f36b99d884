/* test-unit-watch.c: units in sight (common/unit-watch.h): every change, restarts that systemd
 * makes by itself, units that are not there, and sight that is lost. */
#include "mock-fixture.h"

#include "common/names.h"
#include "common/unit-watch.h"

#include <string.h>
#include <sys/wait.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct {
  WgUnitWatch *watch;
  guint n;
  char *lost;
  const char *wanted; /* active state of the first unit */
  guint n_restarts;
  GString *states; /* "active:running " for each change */
} Seen;

static void on_changed(WgUnitWatch *watch, const WgUnitState *state, const GError *lost,
                       gpointer data) {
  Seen *seen = data;

  seen->n++;
  if (lost) {
    g_assert_null(state);
    g_assert_null(seen->lost);
    seen->lost = g_strdup(lost->message);
    return;
  }
  g_assert_true(state == wg_unit_watch_state(watch, state->name));
  g_string_append_printf(seen->states, "%s:%s ", state->active, state->sub);
}

static void begin(Seen *seen, const char *const *names) {
  *seen = (Seen){.states = g_string_new(NULL)};
  seen->watch = wg_unit_watch_new(mock.bus, names, on_changed, seen);
  g_assert_cmpuint(seen->n, ==, 0);
}

static void end(Seen *seen) {
  wg_unit_watch_free(seen->watch);
  g_string_free(seen->states, TRUE);
  g_free(seen->lost);
}

static gboolean is_ready(gpointer data) {
  return wg_unit_watch_ready(((Seen *)data)->watch);
}

static gboolean is_wanted(gpointer data) {
  Seen *seen = data;
  const WgUnitState *state = wg_unit_watch_state(seen->watch, "a.service");

  return state && strcmp(state->active, seen->wanted) == 0 && state->n_restarts >= seen->n_restarts;
}

static void test_changes(void) {
  Seen seen;

  mock_write("a.service", "[Unit]\nAfter=x.target y.target\nRequires=x.target\nBindsTo=y.target\n"
                          "[Service]\nExecStart=/bin/sleep 1000\n");
  begin(&seen, NAMES("a.service", "gone.service"));
  mock_until(is_ready, &seen);
  const WgUnitState *state = wg_unit_watch_state(seen.watch, "a.service");
  g_assert_cmpstr(state->active, ==, "inactive");
  g_assert_cmpuint(g_strv_length(state->after), ==, 2);
  g_assert_cmpuint(g_strv_length(state->needs), ==, 2);
  g_assert_cmpstr(wg_unit_watch_state(seen.watch, "gone.service")->load, ==, "not-found");
  g_assert_null(wg_unit_watch_state(seen.watch, "other.service"));
  mock_call("StartUnit", "ss", "a.service", "replace");
  seen.wanted = "active";
  mock_until(is_wanted, &seen);
  g_autofree char *text = wg_unit_state_text(state);
  g_assert_cmpstr(text, ==, "active (running)");
  g_assert_true(wg_unit_state_is_up(state));
  g_assert_cmpuint(state->pid, >, 0);
  mock_call("KillUnit", "ssi", "a.service", "all", 9);
  seen.wanted = "failed";
  mock_until(is_wanted, &seen);
  g_assert_cmpstr(state->result, ==, "signal");
  g_assert_cmpint(state->code, ==, CLD_KILLED);
  g_assert_cmpint(state->status, ==, 9);
  g_autofree char *failed = wg_unit_state_text(state);
  g_assert_cmpstr(failed, ==, "failed (signal: killed by signal 9 (KILL))");
  g_assert_false(wg_unit_state_is_up(state));
  end(&seen);
}

/* A restart is seen, by its number and its invocation. */
static void test_restart(void) {
  Seen seen;

  mock_write("a.service",
             "[Service]\nRestart=always\nRestartSec=10ms\nExecStart=/bin/sleep 1000\n");
  mock_call("StartUnit", "ss", "a.service", "replace");
  begin(&seen, NAMES("a.service"));
  mock_until(is_ready, &seen);
  const WgUnitState *state = wg_unit_watch_state(seen.watch, "a.service");
  g_autoptr(WgUnitState) before = wg_unit_state_copy(state);
  g_assert_cmpuint(before->n_restarts, ==, 0);
  mock_call("KillUnit", "ssi", "a.service", "all", 9);
  seen.wanted = "active";
  seen.n_restarts = 1;
  mock_until(is_wanted, &seen);
  g_assert_cmpstr(state->invocation, !=, before->invocation);
  g_assert_nonnull(strstr(seen.states->str, "activating:auto-restart "));
  end(&seen);
}

static gboolean is_lost(gpointer data) {
  return ((Seen *)data)->lost != NULL;
}

static void test_lost(void) {
  Seen seen;

  begin(&seen, NAMES("a.service"));
  mock_until(is_ready, &seen);
  mock_call("Reexecute", "");
  mock_until(is_lost, &seen);
  g_assert_nonnull(strstr(seen.lost, "executed anew"));
  g_assert_false(wg_unit_watch_ready(seen.watch));
  end(&seen);
  mock_kill();
  begin(&seen, NAMES("a.service"));
  mock_until(is_lost, &seen);
  g_assert_nonnull(strstr(seen.lost, "systemd does not tell how a.service is"));
  guint n = seen.n;
  while (g_main_context_iteration(NULL, FALSE))
    continue;
  g_assert_cmpuint(seen.n, ==, n); /* once */
  end(&seen);
}

int main(int argc, char **argv) {
  mock_init(&argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/unit-watch/changes", (gconstpointer)test_changes, mock_with);
  g_test_add_data_func("/unit-watch/restart", (gconstpointer)test_restart, mock_with);
  g_test_add_data_func("/unit-watch/lost", (gconstpointer)test_lost, mock_with);
  int status = g_test_run();
  mock_end();
  return status;
}
