/* daemon-log.c: what administrators read in the journal about damaged records. */
#include "monitoring/daemon.h"

#include "common/log.h"

void mon_log_damage(const char *table, gint64 key, gpointer user_data) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 10};
  MonDaemon *daemon = user_data;
  g_autofree char *why = NULL;
  guint suppressed;

  daemon->n_damaged++;
  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_ERR, WG_MSG_RECORD_QUARANTINED, NULL,
           "The record %" G_GINT64_FORMAT " of the table %s is damaged and set aside: what it said "
           "is not known",
           key, table);
  why = g_strdup_printf("%u damaged record%s of the store %s set aside, the last one of the table "
                        "%s; what they said is not known",
                        daemon->n_damaged, daemon->n_damaged == 1 ? "" : "s",
                        daemon->n_damaged == 1 ? "is" : "are", table);
  wg_service_set_degraded(daemon->service, "records", why);
}
