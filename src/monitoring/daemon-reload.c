/* daemon-reload.c: a reload, all or nothing.
 *
 * First every room reads its files and changes nothing; only when none refuses, all that was read
 * is put in force, by steps that cannot fail. So rules never run against receivers of another
 * reload, and who mends one file sees the problems of all. Sockets come last: they are the only
 * thing that a refusal would leave a trace of. */
#include "monitoring/alerting.h"
#include "monitoring/alerts.h"
#include "monitoring/http.h"
#include "monitoring/inventory.h"
#include "monitoring/items.h"
#include "monitoring/metrics.h"
#include "monitoring/notify.h"
#include "monitoring/registry.h"
#include "monitoring/rules.h"

#include "common/error.h"

typedef struct {
  GPtrArray *services;
  MonAlerting *alerting;
  MonRules *rules;
  MonWeb *web;
} Reload;

static void reload_clear(Reload *reload) {
  g_clear_pointer(&reload->services, g_ptr_array_unref);
  g_clear_pointer(&reload->alerting, mon_alerting_unref);
  g_clear_pointer(&reload->rules, mon_rules_free);
  g_clear_pointer(&reload->web, mon_web_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reload, reload_clear)

static void add_problem(GString *problems, GError *error) {
  if (problems->len > 0)
    g_string_append_c(problems, '\n');
  g_string_append(problems, error->message);
  g_error_free(error);
}

/* Changes nothing. */
static gboolean read_all(MonDaemon *daemon, Reload *reload, GError **error) {
  g_autoptr(GString) problems = g_string_new(NULL);
  GError *local = NULL;

  reload->services = mon_registry_read_files(daemon->registry, &local);
  if (reload->services == NULL)
    add_problem(problems, g_steal_pointer(&local));
  reload->alerting = mon_notifier_read_files(daemon->notifier, &local);
  if (reload->alerting == NULL)
    add_problem(problems, g_steal_pointer(&local));
  reload->rules = mon_alerts_read_files(daemon->alerts, &local);
  if (reload->rules == NULL)
    add_problem(problems, g_steal_pointer(&local));
  reload->web = mon_web_load(daemon->settings.http_web, &local);
  if (reload->web == NULL)
    add_problem(problems, g_steal_pointer(&local));
  if (problems->len == 0)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_CONFIGURATION, problems->str);
  return FALSE;
}

gboolean mon_rooms_reload(MonDaemon *daemon, GError **error) {
  g_auto(Reload) reload = {0};

  if (!read_all(daemon, &reload, error) || !mon_http_prepare(daemon->http, error))
    return FALSE;
  mon_inventory_reload(daemon->inventory);
  mon_registry_use_files(daemon->registry, reload.services);
  mon_notifier_use_files(daemon->notifier, g_steal_pointer(&reload.alerting));
  mon_alerts_use_files(daemon->alerts, g_steal_pointer(&reload.rules));
  mon_metrics_reload(daemon->metrics);
  mon_http_use(daemon->http, g_steal_pointer(&reload.web));
  return TRUE;
}

char *mon_rooms_diff(MonDaemon *daemon, MonDiffWhat what, GError **error) {
  g_auto(Reload) reload = {0};
  g_autoptr(MonItems) before = mon_items_new(), after = mon_items_new();

  if (!read_all(daemon, &reload, error))
    return NULL;
  if (what & MON_DIFF_SERVICES) {
    mon_registry_items(daemon->registry, before);
    mon_services_items(reload.services, after);
  }
  if (what & MON_DIFF_ALERTS) {
    mon_alerts_items(daemon->alerts, before);
    mon_rules_items(reload.rules, after);
    mon_alerting_items(mon_notifier_alerting(daemon->notifier), before);
    mon_alerting_items(reload.alerting, after);
  }
  return mon_items_diff(before, after);
}
