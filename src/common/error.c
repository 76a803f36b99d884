/* error.c: see error.h. The table is the only place that pairs a code with its
 * name on D-Bus; it must never lack a code (a static assertion counts it). */
#include "common/error.h"

#include "common/names.h"

#include <errno.h>
#include <stdarg.h>

G_DEFINE_QUARK(waggle_error, wg_error)

static const char *const error_names[] = {
    [WG_ERROR_FAILED] = WG_ERROR_PREFIX "Failed",
    [WG_ERROR_INVALID_ARGUMENT] = WG_ERROR_PREFIX "InvalidArgument",
    [WG_ERROR_UNKNOWN_OPTION] = WG_ERROR_PREFIX "UnknownOption",
    [WG_ERROR_INVALID_NAME] = WG_ERROR_PREFIX "InvalidName",
    [WG_ERROR_UNKNOWN_AGENT] = WG_ERROR_PREFIX "UnknownAgent",
    [WG_ERROR_AGENT_EXISTS] = WG_ERROR_PREFIX "AgentExists",
    [WG_ERROR_AGENT_BUSY] = WG_ERROR_PREFIX "AgentBusy",
    [WG_ERROR_NO_RECIPIENTS] = WG_ERROR_PREFIX "NoRecipients",
    [WG_ERROR_UNKNOWN_MESSAGE] = WG_ERROR_PREFIX "UnknownMessage",
    [WG_ERROR_LEASE_EXPIRED] = WG_ERROR_PREFIX "LeaseExpired",
    [WG_ERROR_DUPLICATE_MISMATCH] = WG_ERROR_PREFIX "DuplicateMismatch",
    [WG_ERROR_QUOTA_EXCEEDED] = WG_ERROR_PREFIX "QuotaExceeded",
    [WG_ERROR_BODY_TOO_LARGE] = WG_ERROR_PREFIX "BodyTooLarge",
    [WG_ERROR_INVALID_STATE] = WG_ERROR_PREFIX "InvalidState",
    [WG_ERROR_NOT_AUTHORIZED] = WG_ERROR_PREFIX "NotAuthorized",
    [WG_ERROR_INTERACTIVE] = SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
    [WG_ERROR_STORE_FULL] = WG_ERROR_PREFIX "StoreFull",
    [WG_ERROR_STORE_READ_ONLY] = WG_ERROR_PREFIX "StoreReadOnly",
    [WG_ERROR_STORE_DAMAGED] = WG_ERROR_PREFIX "StoreDamaged",
    [WG_ERROR_LIMITS_EXCEEDED] = WG_ERROR_PREFIX "LimitsExceeded",
    [WG_ERROR_TIMEOUT] = WG_ERROR_PREFIX "Timeout",
    [WG_ERROR_SHUTTING_DOWN] = WG_ERROR_PREFIX "ShuttingDown",
    [WG_ERROR_CONFIGURATION] = WG_ERROR_PREFIX "Configuration",
    [WG_ERROR_LOCKED] = WG_ERROR_PREFIX "Locked",
    [WG_ERROR_NO_DISPLAY] = WG_ERROR_PREFIX "NoDisplay",
    [WG_ERROR_UNKNOWN_DEPLOYMENT] = WG_ERROR_PREFIX "UnknownDeployment",
    [WG_ERROR_UNKNOWN_TARGET] = WG_ERROR_PREFIX "UnknownTarget",
    [WG_ERROR_TARGET_BUSY] = WG_ERROR_PREFIX "TargetBusy",
    [WG_ERROR_UNKNOWN_SERVICE] = WG_ERROR_PREFIX "UnknownService",
    [WG_ERROR_NOT_FOUND] = WG_ERROR_PREFIX "NotFound",
    [WG_ERROR_COMPACTED] = WG_ERROR_PREFIX "Compacted",
    [WG_ERROR_POISONED] = WG_ERROR_PREFIX "Poisoned",
};
G_STATIC_ASSERT(G_N_ELEMENTS(error_names) == _WG_ERROR_MAX);

const char *wg_error_name(WgErrorCode code) {
  g_return_val_if_fail(code < _WG_ERROR_MAX, error_names[WG_ERROR_FAILED]);
  return error_names[code];
}

WgErrorCode wg_error_code_from_name(const char *name) {
  for (guint i = 0; i < _WG_ERROR_MAX; i++)
    if (g_strcmp0(name, error_names[i]) == 0)
      return i;
  return WG_ERROR_FAILED;
}

int wg_error_to_bus(const GError *error, sd_bus_error *ret) {
  const char *name = error_names[WG_ERROR_FAILED];

  if (error->domain == WG_ERROR && error->code >= 0 && error->code < _WG_ERROR_MAX)
    name = error_names[error->code];
  /* A text that is not UTF-8 (a file's name, say) would make the whole reply impossible. */
  g_autofree char *text = g_utf8_make_valid(error->message, -1);
  return sd_bus_error_set(ret, name, text);
}

GError *wg_error_from_bus(const sd_bus_error *e) {
  if (!sd_bus_error_is_set(e))
    return NULL;
  WgErrorCode code = wg_error_code_from_name(e->name);
  if (code == WG_ERROR_FAILED && !g_str_equal(error_names[WG_ERROR_FAILED], e->name))
    return g_error_new(WG_ERROR, code, "%s: %s", e->name, e->message ? e->message : "no text");
  return g_error_new_literal(WG_ERROR, code, e->message ? e->message : e->name);
}

gboolean wg_error_is_absent(const sd_bus_error *e) {
  return sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                SD_BUS_ERROR_DISCONNECTED) ||
         (e && e->name && g_str_has_prefix(e->name, WG_BUS_BROKER ".Error.Spawn."));
}

gboolean wg_error_set_errno(GError **error, int errnum, const char *what_format, ...) {
  va_list args;

  va_start(args, what_format);
  g_autofree char *what = g_strdup_vprintf(what_format, args);
  va_end(args);
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%s: %s", what, g_strerror(ABS(errnum)));
  return FALSE;
}
