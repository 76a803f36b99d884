/* settings.c: see settings.h. A default here is the default: neither code nor units have others. */
#include "monitoring/settings.h"

#include "common/service.h"

#define UNITS "Units"
#define ALERTS "Alerts"
#define METRICS "Metrics"
#define HTTP "Http"
#define PROBES "Probes"

#define SECOND G_USEC_PER_SEC
#define DAY (86400 * (guint64)G_USEC_PER_SEC)

const WgConfigKey mon_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {UNITS, "Watch", WG_CONFIG_BOOL, "yes", 0, 0,
     "keep the units of the manager in sight by its signals"},
    {UNITS, "Journal", WG_CONFIG_BOOL, "yes", 0, 0,
     "read crashes, OOM kills, start limits and watchdogs of units from the journal"},
    {UNITS, "CallTimeoutSec", WG_CONFIG_USEC, "5s", G_USEC_PER_SEC / 10, 60 * G_USEC_PER_SEC,
     "a manager or bus that does not answer for so long is told as degraded"},
    {ALERTS, "Sendmail", WG_CONFIG_STRING, MON_SENDMAIL, 0, 0,
     "the program that takes e-mail, as sendmail does"},
    {ALERTS, "EvaluateSec", WG_CONFIG_USEC, "10s", G_USEC_PER_SEC, 3600 * (guint64)G_USEC_PER_SEC,
     "how often rules are evaluated whose group has no interval of its own"},
    {ALERTS, "QueueMax", WG_CONFIG_UINT, "1000", 1, 100000,
     "notifications that wait for one way of a receiver; above it older ones are merged into newer "
     "ones of their group, or given up"},
    {METRICS, "IntervalSec", WG_CONFIG_USEC, "10s", SECOND / 10, 3600 * (guint64)SECOND,
     "between two collections of all values"},
    {METRICS, "SuiteIntervalSec", WG_CONFIG_USEC, "60s", SECOND / 10, 86400 * (guint64)SECOND,
     "between two questions to the other services of the suite; longer than their IdleExitSec=, or "
     "they never leave"},
    {METRICS, "FreshSec", WG_CONFIG_USEC, "1s", 0, 3600 * (guint64)SECOND,
     "a scrape is answered with values that are not older"},
    {METRICS, "ControlGroups", WG_CONFIG_STRING, "/sys/fs/cgroup", 0, 0,
     "where control groups (v2) are mounted"},
    {METRICS, "Proc", WG_CONFIG_STRING, "/proc", 0, 0, "where the kernel's own numbers are"},
    {METRICS, "Devices", WG_CONFIG_BOOL, "yes", 0, 0,
     "tell input and output of units by device, besides the sums"},
    {METRICS, "SeriesPerUnit", WG_CONFIG_UINT, "100", 1, 100000,
     "series that a unit may have; those beyond, by device as a rule, are left out and counted"},
    {METRICS, "IPAccountingSec", WG_CONFIG_USEC, "60s", 0, 86400 * (guint64)SECOND,
     "between two questions to systemd what units with IPAccounting=yes sent and received; 0: "
     "never"},
    {METRICS, "History", WG_CONFIG_BOOL, "yes", 0, 0, "keep what values were"},
    {METRICS, "HistorySize", WG_CONFIG_BYTES, "256M", 1024 * 1024, 0,
     "the store does not grow beyond it for history: the oldest goes first"},
    {METRICS, "RawSec", WG_CONFIG_USEC, "1d", 3600 * (guint64)SECOND, 366 * DAY,
     "values as they were taken are kept for so long"},
    {METRICS, "MonthSec", WG_CONFIG_USEC, "30d", DAY, 3660 * DAY,
     "values of five minutes are kept for so long"},
    {METRICS, "YearSec", WG_CONFIG_USEC, "365d", DAY, 36600 * DAY,
     "values of an hour are kept for so long"},
    {HTTP, "Listen", WG_CONFIG_STRING, "", 0, 0,
     "addresses of metrics besides systemd's sockets: ADDRESS:PORT or a path; separated by blanks"},
    {HTTP, "Hosts", WG_CONFIG_STRING, "", 0, 0,
     "names of this machine in requests over TCP besides its own and localhost, separated by "
     "blanks; with any other name they are refused"},
    {HTTP, "WebConfig", WG_CONFIG_STRING, "", 0, 0,
     "a file with TLS and users of metrics over TCP, of the form of Prometheus' web configuration"},
    {HTTP, "Compat", WG_CONFIG_BOOL, "no", 0, 0,
     "tell metrics of units also under the names of node_exporter and systemd_exporter"},
    {HTTP, "Created", WG_CONFIG_BOOL, "no", 0, 0,
     "tell in OpenMetrics when each counter began; twice as many lines for counters"},
    {PROBES, "MaxParallel", WG_CONFIG_UINT, "32", 1, 1024,
     "probes that are looked at at a time; the others wait"},
    {PROBES, "ExecSocket", WG_CONFIG_STRING, "", 0, 0,
     "where commands of probes run (waggle-probe-exec.socket); empty: the installed one, or, in a "
     "user's scope where it is not, children of the prober"},
    {NULL},
};

gboolean mon_settings_load(const WgConfig *config, MonSettings *ret, GError **error) {
  *ret = (MonSettings){
      .watch_units = wg_config_bool(config, UNITS, "Watch"),
      .read_journal = wg_config_bool(config, UNITS, "Journal"),
      .sendmail = wg_config_string(config, ALERTS, "Sendmail"),
      .evaluate = wg_config_u64(config, ALERTS, "EvaluateSec"),
      .queue_max = (guint)wg_config_u64(config, ALERTS, "QueueMax"),
      .call_timeout = wg_config_u64(config, UNITS, "CallTimeoutSec"),
      .interval = wg_config_u64(config, METRICS, "IntervalSec"),
      .suite_interval = wg_config_u64(config, METRICS, "SuiteIntervalSec"),
      .fresh = wg_config_u64(config, METRICS, "FreshSec"),
      .cgroup_root = wg_config_string(config, METRICS, "ControlGroups"),
      .proc = wg_config_string(config, METRICS, "Proc"),
      .devices = wg_config_bool(config, METRICS, "Devices"),
      .series_per_unit = (guint)wg_config_u64(config, METRICS, "SeriesPerUnit"),
      .ip_interval = wg_config_u64(config, METRICS, "IPAccountingSec"),
      .keep_history = wg_config_bool(config, METRICS, "History"),
      .history_bytes = wg_config_u64(config, METRICS, "HistorySize"),
      .history_raw = wg_config_u64(config, METRICS, "RawSec"),
      .history_month = wg_config_u64(config, METRICS, "MonthSec"),
      .history_year = wg_config_u64(config, METRICS, "YearSec"),
      .http_listen = wg_config_string(config, HTTP, "Listen"),
      .http_hosts = wg_config_string(config, HTTP, "Hosts"),
      .http_web = wg_config_string(config, HTTP, "WebConfig"),
      .compat = wg_config_bool(config, HTTP, "Compat"),
      .created = wg_config_bool(config, HTTP, "Created"),
      .probes_max = (guint)wg_config_u64(config, PROBES, "MaxParallel"),
      .exec_socket = wg_config_string(config, PROBES, "ExecSocket"),
  };
  return TRUE;
}
