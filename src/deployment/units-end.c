/* units-end.c: what it means how a unit's job ended. Pure. */
#include "deployment/units-private.h"

#include <string.h>

void dpl_unit_end_free(gpointer data) {
  DplUnitEnd *end = data;

  g_free(end->unit);
  g_free(end->job);
  g_free(end->text);
  g_free(end->said);
  g_free(end->journal);
  wg_unit_state_free(end->state);
  g_free(end);
}

static gboolean is_good(const DplUnitEnd *end, DplUnitsVerb verb) {
  if (g_strcmp0(end->job, "done") != 0 || end->state == NULL)
    return FALSE;
  if (verb == DPL_UNITS_STOP)
    return strcmp(end->state->active, "inactive") == 0 || strcmp(end->state->active, "failed") == 0;
  return wg_unit_state_is_up(end->state);
}

static char *reason(const DplUnitEnd *end) {
  static const struct {
    const char *result, *text;
  } jobs[] = {
      {"timeout", "it took longer than its unit allows (TimeoutStartSec=, TimeoutStopSec=)"},
      {"dependency", "a unit that it needs did not start"},
      {"canceled", "its job was canceled; another one may have taken its place"},
      {"skipped", "a condition of its unit does not hold"},
      {"assert", "an assertion of its unit does not hold"},
      {"invalid", "it cannot be reloaded"},
      {"once", "it was started before, and may be only once"},
  };
  g_autofree char *state = end->state ? wg_unit_state_text(end->state) : NULL;

  for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
    if (g_strcmp0(end->job, jobs[i].result) == 0)
      return g_strdup(jobs[i].text);
  if (state && g_strcmp0(end->job, "done") == 0 && !end->state->unmet &&
      *end->state->invocation == '\0')
    return g_strdup_printf("it is %s, and did not run", state);
  return state ? g_strdup_printf("it is %s", state) : g_strdup("how it is now is not known");
}

void dpl_unit_end_judge(DplUnitEnd *end, DplUnitsVerb verb) {
  end->good = end->text == NULL && is_good(end, verb);
  if (!end->good && end->text == NULL)
    end->text = reason(end);
}
