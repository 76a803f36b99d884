/* settle-unit.c: see settle-unit.h. */
#include "checks/settle-unit.h"

#include "checks/unit-ask.h"

#include "common/unit-state.h"

#include <string.h>

void chk_settled_free(ChkSettled *settled) {
  g_free(settled->unit);
  g_free(settled->invocation);
  g_free(settled->result);
  g_free(settled);
}

static char *state_breach(ChkSettled *settled, JsonObject *properties) {
  const char *state = chk_unit_text(properties, "ActiveState", NULL);
  const char *sub = chk_unit_text(properties, "SubState", "");
  const char *result = chk_unit_text(properties, "Result", NULL);

  if (result) {
    g_free(settled->result);
    settled->result = g_strdup(result);
  }
  if (state == NULL || wg_unit_active_is_up(state))
    return NULL;
  if (settled->result && strcmp(settled->result, "success") != 0)
    return g_strdup_printf("it is %s (%s): %s", state, sub, settled->result);
  return g_strdup_printf("it is %s (%s)", state, sub);
}

static char *restart_breach(const ChkSettled *settled, JsonObject *properties) {
  gint64 now = chk_unit_int(properties, "NRestarts", -1);
  const char *invocation = chk_unit_text(properties, "InvocationID", NULL);

  if (now >= 0 && settled->n_restarts >= 0 && now > settled->n_restarts)
    return g_strdup_printf("it was restarted by itself, %" G_GINT64_FORMAT " times since",
                           now - settled->n_restarts);
  if (invocation && settled->invocation && strcmp(invocation, settled->invocation) != 0)
    return g_strdup("it was started again");
  return NULL;
}

char *chk_settled_change(ChkSettled *settled, JsonObject *properties) {
  char *why = restart_breach(settled, properties);

  return why ? why : state_breach(settled, properties);
}

char *chk_settled_begin(ChkSettled *settled, JsonObject *properties, const char *invocation,
                        gint64 n_restarts) {
  const char *now = chk_unit_text(properties, "InvocationID", "");

  settled->begun = TRUE;
  settled->n_restarts = n_restarts >= 0 ? n_restarts : chk_unit_int(properties, "NRestarts", -1);
  settled->invocation = g_strdup(invocation ? invocation : now);
  if (strcmp(chk_unit_text(properties, "LoadState", "loaded"), "not-found") == 0)
    return g_strdup("there is no such unit");
  return chk_settled_change(settled, properties);
}
