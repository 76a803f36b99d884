/* poll.c: see poll.h. */
#include "client/poll.h"

#include "client/ids.h"
#include "client/json.h"

#include <stdio.h>

#define LOST_TRIES 100
#define LOST_PAUSE_USEC (300 * 1000)
#define SPIN_PAUSE_USEC (100 * 1000)

GVariant *cli_call_again(Cli *cli, const char *method, GVariant *params, GError **error) {
  return cli_call_interface_again(cli, NULL, method, params, error);
}

GVariant *cli_call_interface_again(Cli *cli, const char *interface, const char *method,
                                   GVariant *params, GError **error) {
  g_autoptr(GVariant) held = g_variant_ref_sink(params);

  for (guint i = 0;; i++) {
    g_autoptr(GError) local = NULL;
    GVariant *reply = interface ? cli_call_interface(cli, interface, method, held, &local)
                                : cli_call(cli, method, held, &local);
    if (reply)
      return reply;
    if (!(cli->reached || cli_error_is_lost(local)) || i >= LOST_TRIES ||
        !g_error_matches(local, CLI_ERROR, CLI_EXIT_UNREACHABLE)) {
      g_propagate_error(error, g_steal_pointer(&local));
      return NULL;
    }
    g_usleep(LOST_PAUSE_USEC);
  }
}

static gboolean ended(const char *state) {
  return g_str_equal(state, "dead") || g_str_equal(state, "expired") ||
         g_str_equal(state, "canceled");
}

gboolean cli_wait_state_check(const char *state, GError **error) {
  static const char *const states[] = {
      "stored",   "scheduled", "held",     "released",       "queued",       "announced",
      "leased",   "nacked",    "acked",    "replied",        "overdue",      "dead",
      "requeued", "expired",   "canceled", "attempt-failed", "attempt-held", NULL};

  if (g_strv_contains(states, state))
    return TRUE;
  g_autofree char *all = g_strjoinv(", ", (char **)states);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "\"%s\" is no state to wait for; there are %s",
              state, all);
  return FALSE;
}

static GVariant *wait_once(Cli *cli, guint64 message, const char *state, const char *agent,
                           guint32 count, guint64 wait, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  g_variant_dict_insert(&o, "timeout", "t", wait);
  if (agent)
    g_variant_dict_insert(&o, "agent", "s", agent);
  if (count)
    g_variant_dict_insert(&o, "count", "u", count);
  return cli_call_again(cli, "Wait",
                        g_variant_new("(ts@a{sv})", message, state, g_variant_dict_end(&o)), error);
}

gboolean cli_wait_state(Cli *cli, guint64 message, const char *state, const char *agent,
                        guint32 count, guint64 timeout, gboolean *ret_reached, char **ret_state,
                        GError **error) {
  guint64 start = (guint64)g_get_monotonic_time();

  for (;;) {
    guint64 begin = (guint64)g_get_monotonic_time(), gone = begin - start;
    guint64 left = timeout == G_MAXUINT64 ? timeout : timeout > gone ? timeout - gone : 0;
    const char *present;
    gboolean reached;
    g_autoptr(GVariant) reply =
        wait_once(cli, message, state, agent, count, MIN(left, CLI_POLL_USEC), error);
    if (!reply)
      return FALSE;
    g_variant_get(reply, "(b&s)", &reached, &present);
    gboolean over = left <= CLI_POLL_USEC && (guint64)g_get_monotonic_time() - start >= timeout;
    if (reached || ended(present) || left == 0 || over) {
      *ret_reached = reached;
      *ret_state = g_strdup(present);
      return TRUE;
    }
    /* an early answer that decides nothing must not turn into a busy loop */
    if ((guint64)g_get_monotonic_time() - begin < SPIN_PAUSE_USEC)
      g_usleep(SPIN_PAUSE_USEC);
  }
}

int cli_wait_report(Cli *cli, guint64 message, const char *wanted, gboolean reached,
                    const char *state, GError **error) {
  g_autofree char *number = cli_message_format(message);

  if (reached)
    return CLI_EXIT_OK;
  if (ended(state)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_CONFLICT,
                "message %s is %s and will not become %s (see: waggle trace %s)", number, state,
                wanted, number);
    return CLI_EXIT_CONFLICT;
  }
  g_set_error(error, CLI_ERROR, CLI_EXIT_TIMEOUT,
              "message %s is not yet %s, it is %s; it stays stored, go on waiting with: "
              "waggle wait %s --state=%s",
              number, wanted, state, number, wanted);
  return CLI_EXIT_TIMEOUT;
}
