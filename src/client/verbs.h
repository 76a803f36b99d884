/* verbs.h: the table of verbs, from which the program dispatches, --help is printed and a test
 * compares completion and man page. */
#pragma once

#include "client/args.h"
#include "client/cli.h"

typedef int (*CliVerbFunc)(Cli *cli, CliArgs *args, GError **error);

typedef struct {
  const char *group;               /* heading in the overview; NULL: as the one before */
  const char *name;                /* "send", or of two words: "agent register" */
  const char *words;               /* "AGENT [TEXT...]"; "" for none */
  const char *summary;             /* one line, no full stop */
  guint min, max;                  /* words */
  const CliOption *const *options; /* NULL-terminated tables; NULL: only the global ones */
  CliVerbFunc run;
} CliVerb;

/* Ends with a NULL name. */
extern const CliVerb cli_verbs[];

/* The verb of words[0], or words[0] and words[1]; *ret_n says how many words it took. NULL with an
 * error of usage that names the nearest. */
const CliVerb *cli_verb_find(char **words, guint *ret_n, GError **error);

/* Whether verbs of two words begin with this one; whether `verb` is one of them. */
gboolean cli_verb_is_family(const char *word);
gboolean cli_verb_in_family(const CliVerb *verb, const char *word);

/* Help on stdout. */
void cli_help_overview(void);
void cli_help_family(const char *word);
void cli_help_verb(const CliVerb *verb);

#define CLI_DECLARE_VERB(name) int cli_verb_##name(Cli *cli, CliArgs *args, GError **error)
CLI_DECLARE_VERB(ack);
CLI_DECLARE_VERB(agent_list);
CLI_DECLARE_VERB(agent_pause);
CLI_DECLARE_VERB(agent_register);
CLI_DECLARE_VERB(agent_remove);
CLI_DECLARE_VERB(agent_resume);
CLI_DECLARE_VERB(agent_show);
CLI_DECLARE_VERB(agent_update);
CLI_DECLARE_VERB(alerts_diff);
CLI_DECLARE_VERB(alerts_notifications);
CLI_DECLARE_VERB(alerts_receivers);
CLI_DECLARE_VERB(alerts_silence);
CLI_DECLARE_VERB(alerts_silences);
CLI_DECLARE_VERB(alerts_try);
CLI_DECLARE_VERB(alerts_unsilence);
CLI_DECLARE_VERB(audit_list);
CLI_DECLARE_VERB(audit_verify);
CLI_DECLARE_VERB(cancel);
CLI_DECLARE_VERB(courier_check);
CLI_DECLARE_VERB(courier_list);
CLI_DECLARE_VERB(courier_show);
CLI_DECLARE_VERB(dead_list);
CLI_DECLARE_VERB(dead_purge);
CLI_DECLARE_VERB(dead_requeue);
CLI_DECLARE_VERB(dead_show);
CLI_DECLARE_VERB(deploy_cancel);
CLI_DECLARE_VERB(deploy_confirm);
CLI_DECLARE_VERB(deploy_explain);
CLI_DECLARE_VERB(deploy_forgive);
CLI_DECLARE_VERB(deploy_history);
CLI_DECLARE_VERB(deploy_list);
CLI_DECLARE_VERB(deploy_plan);
CLI_DECLARE_VERB(deploy_poisoned);
CLI_DECLARE_VERB(deploy_drift);
CLI_DECLARE_VERB(deploy_rehearse);
CLI_DECLARE_VERB(deploy_rollback);
CLI_DECLARE_VERB(deploy_run);
CLI_DECLARE_VERB(deploy_show);
CLI_DECLARE_VERB(deploy_stats);
CLI_DECLARE_VERB(deploy_status);
CLI_DECLARE_VERB(deploy_validate);
CLI_DECLARE_VERB(export);
CLI_DECLARE_VERB(fsck);
CLI_DECLARE_VERB(help);
CLI_DECLARE_VERB(hold);
CLI_DECLARE_VERB(hook_drain);
CLI_DECLARE_VERB(import);
CLI_DECLARE_VERB(list);
CLI_DECLARE_VERB(metrics_graph);
CLI_DECLARE_VERB(metrics_list);
CLI_DECLARE_VERB(metrics_query);
CLI_DECLARE_VERB(nack);
CLI_DECLARE_VERB(receive);
CLI_DECLARE_VERB(release);
CLI_DECLARE_VERB(reply);
CLI_DECLARE_VERB(send);
CLI_DECLARE_VERB(show);
CLI_DECLARE_VERB(stats);
CLI_DECLARE_VERB(status);
CLI_DECLARE_VERB(top);
CLI_DECLARE_VERB(touch);
CLI_DECLARE_VERB(trace);
CLI_DECLARE_VERB(typist_doctor);
CLI_DECLARE_VERB(typist_hold);
CLI_DECLARE_VERB(typist_release);
CLI_DECLARE_VERB(typist_type);
CLI_DECLARE_VERB(typist_windows);
CLI_DECLARE_VERB(verify);
CLI_DECLARE_VERB(alerts_ack);
CLI_DECLARE_VERB(alerts_backtest);
CLI_DECLARE_VERB(alerts_drill);
CLI_DECLARE_VERB(alerts_history);
CLI_DECLARE_VERB(alerts_list);
CLI_DECLARE_VERB(alerts_rules);
CLI_DECLARE_VERB(alerts_show);
CLI_DECLARE_VERB(alerts_test);
CLI_DECLARE_VERB(alerts_unack);
CLI_DECLARE_VERB(service_diff);
CLI_DECLARE_VERB(service_find);
CLI_DECLARE_VERB(service_list);
CLI_DECLARE_VERB(service_maintenance);
CLI_DECLARE_VERB(service_probe);
CLI_DECLARE_VERB(service_push);
CLI_DECLARE_VERB(service_register);
CLI_DECLARE_VERB(service_show);
CLI_DECLARE_VERB(service_unregister);
CLI_DECLARE_VERB(service_watch);
CLI_DECLARE_VERB(version);
CLI_DECLARE_VERB(wait);
CLI_DECLARE_VERB(watch);
CLI_DECLARE_VERB(why);

extern const CliOption cli_ack_options[], cli_agent_options[], cli_agent_list_options[],
    cli_agent_update_options[], cli_agent_pause_options[], cli_agent_remove_options[],
    cli_alerts_ack_options[], cli_alerts_backtest_options[], cli_alerts_drill_options[],
    cli_alerts_history_options[], cli_alerts_list_options[], cli_alerts_test_options[],
    cli_audit_list_options[], cli_cancel_options[], cli_dead_purge_options[],
    cli_dead_requeue_options[], cli_deploy_history_options[], cli_deploy_rehearse_options[],
    cli_deploy_rollback_options[], cli_deploy_run_options[], cli_deploy_stats_options[],
    cli_deploy_target_options[], cli_verify_options[], cli_export_options[], cli_filter_options[],
    cli_fsck_options[], cli_hook_drain_options[], cli_nack_options[], cli_one_agent_options[],
    cli_receive_options[], cli_reply_options[], cli_send_options[], cli_service_list_options[],
    cli_service_maintenance_options[], cli_service_push_options[], cli_service_register_options[],
    cli_service_watch_options[], cli_touch_options[], cli_typist_hold_options[],
    cli_typist_type_options[], cli_wait_options[];
extern const CliOption cli_alerts_notifications_options[], cli_alerts_silence_options[],
    cli_alerts_silences_options[];
extern const CliOption cli_metrics_graph_options[], cli_metrics_query_options[], cli_top_options[];
