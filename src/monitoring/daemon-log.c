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
