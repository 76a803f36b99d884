/* verbs.c: see verbs.h. One row a verb; the order is the one of --help. */
#include "client/verbs.h"

#include "common/nearest.h"

#include <string.h>

#define TABLES(...)                                                                                \
  (const CliOption *const[]) {                                                                     \
    __VA_ARGS__, NULL                                                                              \
  }
#define MANY G_MAXUINT

const CliVerb cli_verbs[] = {
    {"Overview", "status", "", "Show what runs, what waits and what is wrong (the default)", 0, 0,
     NULL, cli_verb_status},
    {NULL, "stats", "", "Show counters and latencies", 0, 0, NULL, cli_verb_stats},
    {NULL, "watch", "[AGENT]", "Print events as they happen", 0, 1, NULL, cli_verb_watch},

    {"Agents", "agent list", "[PATTERN]", "List agents", 0, 1, TABLES(cli_agent_list_options),
     cli_verb_agent_list},
    {NULL, "agent show", "AGENT...", "Show everything about agents", 1, MANY, NULL,
     cli_verb_agent_show},
    {NULL, "agent register", "AGENT", "Make an address that mail can be sent to", 1, 1,
     TABLES(cli_agent_options), cli_verb_agent_register},
    {NULL, "agent update", "AGENT", "Change an agent's settings", 1, 1,
     TABLES(cli_agent_options, cli_agent_update_options), cli_verb_agent_update},
    {NULL, "agent remove", "AGENT...", "Remove agents", 1, MANY, TABLES(cli_agent_remove_options),
     cli_verb_agent_remove},
    {NULL, "agent pause", "AGENT...", "Hand out no mail of these agents", 1, MANY,
     TABLES(cli_agent_pause_options), cli_verb_agent_pause},
    {NULL, "agent resume", "AGENT...", "Hand out their mail again", 1, MANY, NULL,
     cli_verb_agent_resume},

    {"Messages", "send", "ADDRESS [TEXT...]", "Send a message; \"-\" reads the text from stdin", 1,
     MANY, TABLES(cli_send_options), cli_verb_send},
    {NULL, "reply", "MESSAGE [TEXT...]", "Answer a message's sender", 1, MANY,
     TABLES(cli_reply_options), cli_verb_reply},
    {NULL, "receive", "[AGENT]", "Take messages out of an agent's queue", 0, 1,
     TABLES(cli_receive_options), cli_verb_receive},
    {NULL, "ack", "TOKEN...", "Report messages as handled", 1, MANY, NULL, cli_verb_ack},
    {NULL, "nack", "TOKEN...", "Give messages back", 1, MANY, TABLES(cli_nack_options),
     cli_verb_nack},
    {NULL, "touch", "TOKEN...", "Ask for more time to handle messages", 1, MANY,
     TABLES(cli_touch_options), cli_verb_touch},
    {NULL, "wait", "MESSAGE", "Wait until a message has reached a state", 1, 1,
     TABLES(cli_wait_options), cli_verb_wait},
    {NULL, "cancel", "MESSAGE...", "Withdraw messages that nobody has taken", 1, MANY,
     TABLES(cli_one_agent_options), cli_verb_cancel},
    {NULL, "hold", "MESSAGE...", "Keep messages from being handed out", 1, MANY,
     TABLES(cli_one_agent_options), cli_verb_hold},
    {NULL, "release", "MESSAGE...", "Let held messages go on", 1, MANY,
     TABLES(cli_one_agent_options), cli_verb_release},
    {NULL, "hook drain", "[AGENT]", "Print new mail for a coding agent's hook", 0, 1,
     TABLES(cli_hook_drain_options), cli_verb_hook_drain},

    {"Looking", "list", "[AGENT]", "List messages, newest first", 0, 1, TABLES(cli_filter_options),
     cli_verb_list},
    {NULL, "show", "MESSAGE...", "Show messages whole", 1, MANY, NULL, cli_verb_show},
    {NULL, "trace", "MESSAGE", "Show what happened to a message, with the journal's lines", 1, 1,
     TABLES(cli_one_agent_options), cli_verb_trace},

    {"Dead letters", "dead list", "[AGENT]", "List messages that could not be delivered", 0, 1,
     TABLES(cli_filter_options), cli_verb_dead_list},
    {NULL, "dead show", "MESSAGE...", "Show dead letters whole, with their history", 1, MANY, NULL,
     cli_verb_dead_show},
    {NULL, "dead requeue", "MESSAGE...", "Queue dead letters again", 1, MANY,
     TABLES(cli_dead_requeue_options), cli_verb_dead_requeue},
    {NULL, "dead purge", "[MESSAGE...]", "Delete dead letters for good", 0, MANY,
     TABLES(cli_dead_purge_options), cli_verb_dead_purge},

    {"Reaching agents", "courier list", "", "List the agents that your courier reaches", 0, 0, NULL,
     cli_verb_courier_list},
    {NULL, "courier show", "AGENT", "Show how an agent is reached, and what happens next", 1, 1,
     NULL, cli_verb_courier_show},
    {NULL, "courier check", "FILE", "Check a policy; \"-\" reads it from stdin", 1, 1, NULL,
     cli_verb_courier_check},
    {NULL, "typist windows", "[PATTERN]", "List windows that could be typed into", 0, 1, NULL,
     cli_verb_typist_windows},
    {NULL, "typist doctor", "", "Prove in a scratch window which characters arrive", 0, 0, NULL,
     cli_verb_typist_doctor},
    {NULL, "typist type", "TEXT...", "Type a text into a window", 1, MANY,
     TABLES(cli_typist_type_options), cli_verb_typist_type},
    {NULL, "typist hold", "[REASON...]", "Keep the typist from typing", 0, MANY,
     TABLES(cli_typist_hold_options), cli_verb_typist_hold},
    {NULL, "typist release", "", "Let it type again", 0, 0, NULL, cli_verb_typist_release},

    {"Deployment", "verify", "FILE", "Check what a file says about this machine", 0, MANY,
     TABLES(cli_verify_options), cli_verb_verify},
    {NULL, "deploy run", "MANIFEST", "Deploy a release, verify it, undo it when that fails", 1, 1,
     TABLES(cli_deploy_target_options, cli_deploy_run_options), cli_verb_deploy_run},
    {NULL, "deploy validate", "MANIFEST", "Tell all that is wrong with a manifest", 1, 1, NULL,
     cli_verb_deploy_validate},
    {NULL, "deploy plan", "MANIFEST", "Show exactly what would happen, and change nothing", 1, 1,
     TABLES(cli_deploy_target_options), cli_verb_deploy_plan},
    {NULL, "deploy status", "[TARGET]", "Show the deployments that are under way", 0, 1, NULL,
     cli_verb_deploy_status},
    {NULL, "deploy list", "", "List targets and what they serve", 0, 0, NULL, cli_verb_deploy_list},
    {NULL, "deploy history", "", "List deployments, newest first", 0, 0,
     TABLES(cli_deploy_history_options), cli_verb_deploy_history},
    {NULL, "deploy show", "ID", "Show everything about a deployment", 1, 1, NULL,
     cli_verb_deploy_show},
    {NULL, "deploy explain", "ID", "Say why a deployment ended as it did", 1, 1, NULL,
     cli_verb_deploy_explain},
    {NULL, "deploy confirm", "ID", "Keep a release that waits to be confirmed", 1, 1, NULL,
     cli_verb_deploy_confirm},
    {NULL, "deploy cancel", "ID", "Stop a deployment; what it changed is undone", 1, 1, NULL,
     cli_verb_deploy_cancel},
    {NULL, "deploy rollback", "TARGET", "Go back to the last good release", 1, 1,
     TABLES(cli_deploy_rollback_options), cli_verb_deploy_rollback},
    {NULL, "deploy rehearse", "TARGET", "Prove that a roll-back would work, and change nothing", 1,
     1, TABLES(cli_deploy_rehearse_options), cli_verb_deploy_rehearse},
    {NULL, "deploy drift", "[TARGET...]", "Tell whether somebody edited what serves", 0, MANY, NULL,
     cli_verb_deploy_drift},
    {NULL, "deploy stats", "[TARGET]", "Show how often deployments fail and how long they take", 0,
     1, TABLES(cli_deploy_stats_options), cli_verb_deploy_stats},
    {NULL, "deploy poisoned", "", "List releases that are refused because they failed", 0, 0, NULL,
     cli_verb_deploy_poisoned},
    {NULL, "deploy forgive", "DIGEST", "Let a release that failed be deployed again", 1, 1, NULL,
     cli_verb_deploy_forgive},
    {NULL, "audit list", "", "List what was done, by whom, from the audit log", 0, 0,
     TABLES(cli_audit_list_options), cli_verb_audit_list},
    {NULL, "audit verify", "", "Check that the audit log was not changed", 0, 0, NULL,
     cli_verb_audit_verify},

    {"Monitoring", "alerts list", "", "List alerts that are pending or fire", 0, 0,
     TABLES(cli_alerts_list_options), cli_verb_alerts_list},
    {NULL, "alerts show", "ALERT", "Show everything about an alert", 1, 1, NULL,
     cli_verb_alerts_show},
    {NULL, "alerts ack", "ALERT...", "Say that you look after alerts: no repeats", 1, MANY,
     TABLES(cli_alerts_ack_options), cli_verb_alerts_ack},
    {NULL, "alerts unack", "ALERT...", "Take that back", 1, MANY, TABLES(cli_alerts_ack_options),
     cli_verb_alerts_unack},
    {NULL, "alerts history", "[ALERT]", "Show what happened to alerts, newest first", 0, 1,
     TABLES(cli_alerts_history_options), cli_verb_alerts_history},
    {NULL, "alerts rules", "", "List the rules and how they do", 0, 0, NULL, cli_verb_alerts_rules},
    {NULL, "alerts diff", "", "Show what a reload would change of rules and receivers", 0, 0, NULL,
     cli_verb_alerts_diff},
    {NULL, "alerts test", "[FILE]", "Try a rule file out, with tests as promtool's", 0, 1,
     TABLES(cli_alerts_test_options), cli_verb_alerts_test},
    {NULL, "alerts backtest", "FILE", "Tell what rules would have done, on the history", 1, 1,
     TABLES(cli_alerts_backtest_options), cli_verb_alerts_backtest},
    {NULL, "alerts drill", "RULE", "Let a rule's alert fire that is none, end to end", 1, 1,
     TABLES(cli_alerts_drill_options), cli_verb_alerts_drill},
    {NULL, "alerts silence", "MATCHER...", "Keep alerts with such labels quiet for a time", 1, MANY,
     TABLES(cli_alerts_silence_options), cli_verb_alerts_silence},
    {NULL, "alerts unsilence", "ID...", "End a silence now", 1, MANY, NULL,
     cli_verb_alerts_unsilence},
    {NULL, "alerts silences", "", "List silences", 0, 0, TABLES(cli_alerts_silences_options),
     cli_verb_alerts_silences},
    {NULL, "alerts receivers", "", "List who is told of alerts, and whether it works", 0, 0, NULL,
     cli_verb_alerts_receivers},
    {NULL, "alerts notifications", "", "List who was told of what, newest first", 0, 0,
     TABLES(cli_alerts_notifications_options), cli_verb_alerts_notifications},
    {NULL, "alerts try", "RECEIVER", "Send a drill to a receiver", 1, 1, NULL, cli_verb_alerts_try},
    {NULL, "metrics query", "EXPRESSION", "Show values by an expression of PromQL", 1, 1,
     TABLES(cli_metrics_query_options), cli_verb_metrics_query},
    {NULL, "metrics graph", "EXPRESSION", "Draw what values were", 1, 1,
     TABLES(cli_metrics_graph_options), cli_verb_metrics_graph},
    {NULL, "metrics list", "[WORD]", "List what is measured", 0, 1, NULL, cli_verb_metrics_list},
    {NULL, "top", "", "Show units, alerts, probes and queues, what needs care first", 0, 0,
     TABLES(cli_top_options), cli_verb_top},
    {NULL, "why", "UNIT", "Show what ails a unit", 1, 1, NULL, cli_verb_why},

    {NULL, "service list", "", "List registered services and how they are", 0, 0,
     TABLES(cli_service_list_options), cli_verb_service_list},
    {NULL, "service find", "WORD", "Find healthy services by name, tag or capability", 1, 1,
     TABLES(cli_service_list_options), cli_verb_service_find},
    {NULL, "service show", "SERVICE...", "Show everything about services and their probes", 1, MANY,
     NULL, cli_verb_service_show},
    {NULL, "service register", "FILE", "Register a service; \"-\" reads it from stdin", 1, 1,
     TABLES(cli_service_register_options), cli_verb_service_register},
    {NULL, "service diff", "", "Show what a reload would change of the services in files", 0, 0,
     NULL, cli_verb_service_diff},
    {NULL, "service unregister", "SERVICE...", "Take services out of the registry", 1, MANY, NULL,
     cli_verb_service_unregister},
    {NULL, "service maintenance", "SERVICE", "Begin or end a service's maintenance", 1, 1,
     TABLES(cli_service_maintenance_options), cli_verb_service_maintenance},
    {NULL, "service push", "SERVICE PROBE", "Say that what was due has been done", 2, 2,
     TABLES(cli_service_push_options), cli_verb_service_push},
    {NULL, "service probe", "SERVICE PROBE", "Look at a probe now", 2, 2, NULL,
     cli_verb_service_probe},
    {NULL, "service watch", "", "Print changes of services as they happen", 0, 0,
     TABLES(cli_service_watch_options), cli_verb_service_watch},

    {"Keeping", "import", "FILE...",
     "Take over queue, inbox and coordinates files of the old system", 1, MANY, NULL,
     cli_verb_import},
    {NULL, "export", "[AGENT]", "Print messages as lines of JSON that import reads", 0, 1,
     TABLES(cli_export_options), cli_verb_export},
    {NULL, "fsck", "", "Check the store record by record", 0, 0, TABLES(cli_fsck_options),
     cli_verb_fsck},

    {"Help", "help", "[VERB...]", "Show help", 0, 2, NULL, cli_verb_help},
    {NULL, "version", "", "Show the versions of this program and of the service", 0, 0, NULL,
     cli_verb_version},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};

static const CliVerb *lookup(const char *name) {
  for (const CliVerb *v = cli_verbs; v->name; v++)
    if (g_str_equal(v->name, name))
      return v;
  return NULL;
}

gboolean cli_verb_in_family(const CliVerb *verb, const char *word) {
  gsize n = strlen(word);

  return strncmp(verb->name, word, n) == 0 && verb->name[n] == ' ';
}

gboolean cli_verb_is_family(const char *word) {
  for (const CliVerb *v = cli_verbs; v->name; v++)
    if (cli_verb_in_family(v, word))
      return TRUE;
  return FALSE;
}

static void set_unknown(const char *name, GError **error) {
  g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);

  for (const CliVerb *v = cli_verbs; v->name; v++) {
    const char *space = strchr(v->name, ' ');
    g_ptr_array_add(known, g_strdup(v->name));
    if (space)
      g_ptr_array_add(known, g_strndup(v->name, (gsize)(space - v->name)));
  }
  g_ptr_array_add(known, NULL);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known->pdata);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "unknown verb \"%s\"; %s", name,
              hint ?: "\"waggle help\" lists them");
}

static void set_second_missing(const char *family, GError **error) {
  g_autoptr(GString) seconds = g_string_new(NULL);

  for (const CliVerb *v = cli_verbs; v->name; v++)
    if (cli_verb_in_family(v, family))
      g_string_append_printf(seconds, "%s%s", seconds->len ? ", " : "", strchr(v->name, ' ') + 1);
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "\"%s\" takes a second word: %s\nTry: waggle %s --help", family, seconds->str,
              family);
}

const CliVerb *cli_verb_find(char **words, guint *ret_n, GError **error) {
  const CliVerb *verb = lookup(words[0]);

  *ret_n = 1;
  if (verb)
    return verb;
  if (!cli_verb_is_family(words[0])) {
    set_unknown(words[0], error);
    return NULL;
  }
  /* "agent" and "dead" alone list, with their options too */
  gboolean alone = !words[1] || words[1][0] == '-';
  g_autofree char *two = g_strconcat(words[0], " ", alone ? "list" : words[1], NULL);
  verb = lookup(two);
  *ret_n = alone ? 1 : 2;
  if (!verb && alone)
    set_second_missing(words[0], error);
  else if (!verb)
    set_unknown(two, error);
  return verb;
}
