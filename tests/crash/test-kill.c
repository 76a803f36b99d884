/* test-kill.c: the daemon killed at random moments, 200 times under load.
 *
 * A moment is a number of replies, then a random stretch of time below a millisecond, so that it
 * falls anywhere in a batch, a commit, a checkpoint or, one time in ten, the start itself. What
 * must hold stands in ledger.h; at the end all mail is drained and the books are balanced. The seed
 * is printed; `--seed=` repeats the dice (not the machine's own chance). WAGGLE_CRASH_KILLS sets
 * another number. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "kill-load.h"
#include "probe.h"
#include "trial.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 6
#define KILLS 200
#define COUNT_EACH 20 /* kills between two looks at the counts */
#define DRAIN_WAIT_USEC (100 * 1000)
#define SAMPLES 300
#define SCHEDULE_SECONDS 60

static void register_agents(Rig *rig) {
  sd_bus *bus = rig_connect(rig);

  for (guint i = 0; i < LEDGER_AGENTS; i++)
    probe_register(bus, kill_agents[i], i < 2 ? KILL_TOPIC : NULL);
  sd_bus_close_unref(bus);
}

/* Delays and back-offs are some 20 ms here; while one ends, two questions may differ. */
static void wait_for_schedule(sd_bus *bus, const char *agent) {
  gint64 end = g_get_monotonic_time() + SCHEDULE_SECONDS * G_USEC_PER_SEC;

  while (probe_agent(bus, agent, "scheduled") > 0)
    g_assert_cmpint(g_get_monotonic_time(), <, end);
}

/* Nobody is connected but us: no lease is left, and both ways to count say the same. */
static void check_counts(Rig *rig) {
  static const struct {
    const char *count, *state;
  } same[] = {{"queued", "queued"},
              {"scheduled", "scheduled"},
              {"held", "held"},
              {"in-flight", "leased"},
              {"dead", "dead"}};
  sd_bus *bus = rig_connect(rig);

  for (guint agent = 0; agent < LEDGER_AGENTS; agent++) {
    wait_for_schedule(bus, kill_agents[agent]);
    for (guint i = 0; i < G_N_ELEMENTS(same); i++)
      g_assert_cmpuint(probe_agent(bus, kill_agents[agent], same[i].count), ==,
                       probe_listed(bus, kill_agents[agent], same[i].state));
    g_assert_cmpuint(probe_agent(bus, kill_agents[agent], "in-flight"), ==, 0);
    g_assert_cmpuint(probe_agent(bus, kill_agents[agent], "dead"), ==, 0);
  }
  sd_bus_close_unref(bus);
}

static void spin(gint64 usec) {
  gint64 end = g_get_monotonic_time() + usec;

  while (g_get_monotonic_time() < end)
    continue;
}

static void run_and_kill(Rig *rig, KillLoad *load) {
  gboolean while_it_starts = g_test_rand_int_range(0, 10) == 0;

  rig_start_daemon(rig);
  kill_load_connect(load);
  if (while_it_starts)
    spin(g_test_rand_int_range(0, 30000));
  else if (!kill_load_turn(load, g_test_rand_int_range(1, 600)))
    ledger_violation("the daemon left by itself; its log:\n%s", rig_read_log(rig));
  spin(g_test_rand_int_range(0, 1000));
  if (rig_daemon_ended(rig))
    ledger_violation("the daemon ended by itself; its log:\n%s", rig_read_log(rig));
  rig_kill_daemon(rig);
  kill_load_disconnect(load);
}

static gboolean anything_left(sd_bus *bus) {
  guint64 n = 0;

  for (guint i = 0; i < LEDGER_AGENTS; i++)
    n += probe_agent(bus, kill_agents[i], "queued") +
         probe_agent(bus, kill_agents[i], "scheduled") +
         probe_agent(bus, kill_agents[i], "in-flight");
  return n > 0;
}

static void drain_agent(sd_bus *bus, Ledger *ledger, guint agent) {
  sd_bus_message *reply = NULL;
  guint64 number, token;
  const void *body;
  size_t size;

  int r = sd_bus_call_method(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Receive", NULL,
                             &reply, "sa{sv}", kill_agents[agent], 2, "max", "u", (guint32)256,
                             "wait", "t", (guint64)DRAIN_WAIT_USEC);
  g_assert_cmpint(r, >=, 0);
  g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ttsaya{sv})"), >=, 0);
  while (sd_bus_message_enter_container(reply, 'r', "ttsaya{sv}") > 0) {
    g_assert_cmpint(sd_bus_message_read(reply, "tts", &number, &token, NULL), >=, 0);
    g_assert_cmpint(sd_bus_message_read_array(reply, 'y', &body, &size), >=, 0);
    LedgerEntry *entry = ledger_delivered(ledger, agent, number, body, size);
    ledger_fields(entry, agent, reply);
    g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
    probe_ack(bus, token);
    entry->delivery[agent].ack = ACK_OK;
  }
  sd_bus_message_unref(reply);
}

/* An ack that was not answered and after which the message did not come again was carried out;
 * one that was answered anyway. A sample of them is asked for. */
static void check_acked(sd_bus *bus, Ledger *ledger) {
  guint step = MAX(ledger->entries->len / SAMPLES, 1);

  for (guint i = 1; i < ledger->entries->len; i++) {
    LedgerEntry *entry = ledger_get(ledger, i);
    for (guint agent = 0; agent < LEDGER_AGENTS; agent++) {
      AckState ack = entry->delivery[agent].ack;
      if (ack != ACK_UNKNOWN && (ack != ACK_OK || i % step != 0))
        continue;
      g_autofree char *state = probe_state(bus, entry->number, kill_agents[agent]);
      g_assert_cmpstr(state, ==, "acked");
    }
  }
}

static void balance(Rig *rig, KillLoad *load, Ledger *ledger) {
  rig_start_daemon(rig);
  kill_load_connect(load);
  kill_load_finish(load);
  check_counts(rig);
  sd_bus *bus = rig_connect(rig);
  while (anything_left(bus))
    for (guint agent = 0; agent < LEDGER_AGENTS; agent++)
      drain_agent(bus, ledger, agent);
  ledger_finish(ledger);
  ledger_finish_sequences(ledger);
  check_acked(bus, ledger);
  g_autofree char *findings = probe_check(bus);
  g_assert_cmpstr(findings, ==, "");
  g_assert_cmpuint(probe_statistic(bus, "quarantined"), ==, 0);
  sd_bus_close_unref(bus);
}

static void test_kill(void) {
  const char *kills_text = g_getenv("WAGGLE_CRASH_KILLS");
  guint kills = kills_text ? atoi(kills_text) : KILLS;
  Ledger ledger;
  Rig rig;

  trial_rig(&rig, "[Delivery]\nBackoffFirstSec=1ms\nBackoffMaxSec=10ms\nMaxDeliveries=1000000\n");
  ledger_init(&ledger);
  rig_start_daemon(&rig);
  register_agents(&rig);
  rig_kill_daemon(&rig);
  KillLoad *load = kill_load_new(&rig, &ledger, CONNECTIONS);
  for (guint i = 1; i <= kills; i++) {
    run_and_kill(&rig, load);
    if (i % COUNT_EACH != 0)
      continue;
    rig_start_daemon(&rig);
    check_counts(&rig);
    rig_kill_daemon(&rig);
    g_test_message("%u kills, %u messages", i, ledger.entries->len - 1);
  }
  balance(&rig, load, &ledger);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  g_test_message("%u kills, %u messages, %" G_GUINT64_FORMAT " replies, %" G_GUINT64_FORMAT
                 " acks answered, %" G_GUINT64_FORMAT " delivered again",
                 kills, ledger.entries->len - 1, kill_load_replies(load), ledger.n_acked,
                 ledger.n_again);
  kill_load_free(load);
  ledger_clear(&ledger);
  rig_free(&rig);
}

int main(int argc, char **argv) {
  trial_init(&argc, &argv);
  g_test_add_func("/crash/kill", test_kill);
  return g_test_run();
}
