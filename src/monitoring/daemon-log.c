/* daemon-log.c: what administrators read in the journal about the store. */
#include "monitoring/daemon.h"

#include "common/log.h"

void mon_log_salvage(const WgSalvage *salvage) {
  g_autofree char *lost = g_strdup_printf("%" G_GUINT64_FORMAT, salvage->rows_lost);

  wg_log(LOG_ERR, WG_MSG_STORE_DAMAGED, WG_FIELDS(WG_FIELD_PATH, salvage->kept_as),
         "The store was damaged; the damaged file is kept as %s", salvage->kept_as);
  wg_log(LOG_WARNING, WG_MSG_STORE_SALVAGED,
         WG_FIELDS(WG_FIELD_PATH, salvage->kept_as, WG_FIELD_COUNT, lost),
         "Took %" G_GUINT64_FORMAT " rows over into a new store, at least %" G_GUINT64_FORMAT
         " are lost: %s",
         salvage->rows_salvaged, salvage->rows_lost,
         salvage->detail != NULL ? salvage->detail : "no details");
}

void mon_log_store_state(WgStoreState state, const char *text) {
  static const struct {
    const char *id, *what;
  } states[] = {
      [WG_STORE_NEARLY_FULL] = {WG_MSG_STORE_FULL, "Space is low; history is not kept"},
      [WG_STORE_FULL] = {WG_MSG_STORE_FULL, "The disk is full; history is not kept"},
      [WG_STORE_READ_ONLY] = {WG_MSG_STORE_READ_ONLY, "The store cannot be written"},
      [WG_STORE_BROKEN] = {WG_MSG_STORE_DAMAGED, "The store cannot be used"},
  };

  if (state != WG_STORE_OK)
    wg_log(LOG_ERR, states[state].id, WG_FIELDS(WG_FIELD_ERROR, text), "%s: %s", states[state].what,
           text);
}

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
