/* store-salvage.c: stub */
#include "common/error.h"
#include "common/store-internal.h"
gboolean wg_store_salvage(WgStore *store, const char *why, WgSalvage *ret, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED, "Store: %s", why);
  return FALSE;
}
gboolean wg_store_finish_salvage(WgStore *store, WgSalvage *ret, GError **error) {
  return TRUE;
}
