/* store-log.c: see store-log.h. */
#include "common/store-log.h"

#include "common/log.h"

void wg_log_salvage(const WgSalvage *salvage) {
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

static void log_state(WgStoreState state, const char *text, const char *waits) {
  static const struct {
    const char *id, *what;
    gboolean is_space;
  } states[] = {
      [WG_STORE_NEARLY_FULL] = {WG_MSG_STORE_FULL, "Space is low", TRUE},
      [WG_STORE_FULL] = {WG_MSG_STORE_FULL, "The disk is full", TRUE},
      [WG_STORE_READ_ONLY] = {WG_MSG_STORE_READ_ONLY, "The store cannot be written", FALSE},
      [WG_STORE_BROKEN] = {WG_MSG_STORE_DAMAGED, "The store cannot be used", FALSE},
  };

  if (state != WG_STORE_OK)
    wg_log(LOG_ERR, states[state].id, WG_FIELDS(WG_FIELD_ERROR, text), "%s%s%s: %s",
           states[state].what, states[state].is_space ? "; " : "",
           states[state].is_space ? waits : "", text);
}

const char *wg_store_state_name(WgStoreState state) {
  static const char *const names[] = {
      [WG_STORE_OK] = "ok",         [WG_STORE_NEARLY_FULL] = "nearly-full",
      [WG_STORE_FULL] = "full",     [WG_STORE_READ_ONLY] = "read-only",
      [WG_STORE_BROKEN] = "broken",
  };

  return names[state];
}

gboolean wg_service_store_changed(WgService *service, WgStoreState *present, WgStoreState state,
                                  const char *text, const WgSalvage *salvage, const char *waits) {
  const char *why = text != NULL ? text : wg_store_state_name(state);

  if (salvage != NULL && salvage->happened)
    wg_log_salvage(salvage);
  if (state == *present)
    return FALSE;
  *present = state;
  log_state(state, why, waits);
  wg_service_set_degraded(service, "store", state == WG_STORE_OK ? NULL : why);
  return TRUE;
}
